"""Fine-tune a detector: the training loop around a TF-Vision task."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..configs import DetectorTraining, claim_folder
from ..errors import require
from ..models.anchors import multilevel_anchors
from .backbone import load_backbone, refresh_statistics
from .dataset import Batch, Source, batches, read_sources
from .publish import publish
from .sampling import TileSampler
from .zoo import INPUT_SCALING, build_model, head_outputs

__all__ = ["Trainer", "fit", "learning_rate", "train_detector"]

_MOMENTUM = 0.9
_LARGEST_GRADIENT = 10.0
# The shipped weights are a running mean over about the last 500 steps.
_AVERAGING = 0.998
_STATISTICS_BATCHES = 8
_WORKERS = 2


def learning_rate(step: int, config: DetectorTraining) -> float:
    """Return the learning rate of a step: linear warm-up, then half a cosine down to zero."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class Trainer:
    """A model, its optimizer and its running mean, with checkpoints in a folder.

    Parameters
    ----------
    config : DetectorTraining
    folder : Path
        Where the checkpoints are kept; the newest one there is gone on from.

    Attributes
    ----------
    model : RetinaNetModel
    """

    def __init__(self, config: DetectorTraining, folder: Path) -> None:
        import tensorflow as tf
        import tf_keras

        tf_keras.utils.set_random_seed(config.seed)
        self.config = config
        self._task, self.model = build_model(config)
        self._backbone = {variable.ref() for variable in self.model.backbone.variables}
        self._optimizer = tf_keras.optimizers.SGD(
            learning_rate=0.0, momentum=_MOMENTUM, nesterov=True
        )
        self._optimizer.build(self.model.trainable_variables)
        self._means = [tf.Variable(weight, trainable=False) for weight in self.model.weights]
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        checkpoint = tf.train.Checkpoint(
            model=self.model, optimizer=self._optimizer, means=self._means, step=self._step
        )
        self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)
        self.resumed = self._manager.restore_or_initialize() is not None
        self._run = tf.function(self._train_on)

    @property
    def step(self) -> int:
        """Number of steps done."""
        return int(self._step.numpy())

    def start(self, images: Iterator[Any]) -> None:
        """Load the backbone's weights, its statistics measured on a few batches of images."""
        if self.config.backbone_weights != "none":
            load_backbone(
                self.model.backbone, self.config.architecture, self.config.backbone_weights
            )
            refresh_statistics(
                self.model.backbone,
                (self._scaled(batch) for batch in itertools.islice(images, _STATISTICS_BATCHES)),
            )
        for mean, weight in zip(self._means, self.model.weights, strict=True):
            mean.assign(weight)

    def train(self, batch: Batch) -> float:
        """Do one step and return its loss."""
        import tensorflow as tf

        self._optimizer.learning_rate.assign(learning_rate(self.step, self.config))
        loss = self._run(
            tf.constant(batch.images),
            tf.constant(batch.classes),
            tf.constant(batch.codes),
            tf.constant(batch.class_weights),
            tf.constant(batch.box_weights),
        )
        return float(loss)

    def save(self) -> None:
        """Write a checkpoint."""
        self._manager.save(checkpoint_number=self.step)

    def use_means(self) -> None:
        """Replace the model's weights by their running mean, for good."""
        for weight, mean in zip(self.model.weights, self._means, strict=True):
            weight.assign(mean)

    def _scaled(self, images: Any) -> Any:
        import tensorflow as tf

        return tf.cast(images, tf.float32) * INPUT_SCALING.scale + INPUT_SCALING.offset

    def _train_on(
        self, images: Any, classes: Any, codes: Any, class_weights: Any, box_weights: Any
    ) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logits, boxes = head_outputs(self.model, self._scaled(images), training=True)
            # The task flattens what it is given level by level; the labels already are flat.
            loss, *_ = self._task.build_losses(
                outputs={"cls_outputs": logits, "box_outputs": boxes},
                labels={
                    "cls_targets": {"all": classes},
                    "box_targets": {"all": codes},
                    "cls_weights": class_weights,
                    "box_weights": box_weights,
                },
                aux_losses=self.model.losses,
            )
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        gradients, _ = tf.clip_by_global_norm(gradients, _LARGEST_GRADIENT)
        # SGD is linear in the gradient: a share of it is that share of the learning rate.
        rates = [
            self.config.backbone_rate if variable.ref() in self._backbone else 1.0
            for variable in variables
        ]
        # Variables of parts that feed no head have no gradient.
        self._optimizer.apply_gradients(
            (gradient * rate, variable)
            for gradient, variable, rate in zip(gradients, variables, rates, strict=True)
            if gradient is not None
        )
        self._step.assign_add(1)
        done = tf.cast(self._step, tf.float32)
        keep = tf.minimum(_AVERAGING, (1.0 + done) / (10.0 + done))
        for mean, weight in zip(self._means, self.model.weights, strict=True):
            mean.assign_sub((1.0 - keep) * (mean - weight))
        return loss


def fit(config: DetectorTraining, sources: list[Source], folder: Path) -> Trainer:
    """Train, or go on training, until the configured number of steps is done."""
    trainer = Trainer(config, folder)
    if trainer.step >= config.steps:
        return trainer
    sampler = TileSampler(
        [image for source in sources if source.data.role == "cutouts" for image in source.train],
        [image for source in sources if source.data.role == "fields" for image in source.train],
        config.input_size,
        config.scale_range,
        config.paste_fraction,
    )
    anchors = multilevel_anchors(config.anchors, config.input_size)

    def stream(seed: int, first: int) -> Iterator[Batch]:
        return batches(sampler, anchors, config.batch_size, seed, first, _WORKERS)

    console = Console(stderr=True)
    if trainer.resumed:
        console.print(f"{folder}: goes on from step {trainer.step}")
    else:
        # Images of their own: the training shall not see its first ones twice.
        trainer.start(batch.images for batch in stream(config.seed + 1, 0))
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=config.steps, completed=trainer.step, loss=0.0)
        smooth: float | None = None
        for batch in stream(config.seed, trainer.step):
            loss = trainer.train(batch)
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            progress.update(bar, completed=trainer.step, loss=smooth)
            if trainer.step % config.checkpoint_every == 0 or trainer.step >= config.steps:
                trainer.save()
                progress.console.print(
                    f"step {trainer.step}: loss {smooth:.4f}, checkpoint written"
                )
            if trainer.step >= config.steps:
                break
    return trainer


def train_detector(config: DetectorTraining, output: Path) -> Path:
    """Train a detector, measure it on the images held back, and write its bundle.

    Parameters
    ----------
    config : DetectorTraining
        Data, model and schedule.
    output : Path
        Folder of the training: its settings, its checkpoints and in the end its bundle.  A
        training that was interrupted there goes on.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    ConfigError
        If the data cannot be divided as configured.
    InputError
        If images, annotations or backbone weights cannot be read.
    OutputError
        If the folder holds something else, or cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("pycocotools", "train")
    claim_folder(output, config)
    sources = read_sources(config)
    trainer = fit(config, sources, output / "checkpoints")
    trainer.use_means()
    return publish(trainer.model, config, sources, output / config.name)
