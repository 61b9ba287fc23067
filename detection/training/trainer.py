"""Training steps of a TF-Vision task, on one device or several, and their checkpoints."""

from __future__ import annotations

import atexit
import logging
import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs import DetectorTraining
from ...models.training_progress import RunningLoss
from .architectures import build_model, head_losses, head_outputs, scale_images
from .dataset import Batch
from .strategy import Distribution

__all__ = ["Losses", "Trainer", "learning_rate"]

logger = logging.getLogger("galpipe")

_PREFIX = "ckpt"
_MOMENTUM = 0.9
_LARGEST_GRADIENT = 10.0
# The result is a running mean of the weights over about the last 500 steps.
_AVERAGING = 0.998


@dataclass(frozen=True)
class Losses:
    """Losses of a step: ``total = classes + 50 * boxes + weights``.

    Attributes
    ----------
    total : float
    classes, boxes : float
        Focal loss, and Huber loss of the anchors assigned to an object.
    weights : float
        L2 penalty of the weights.
    """

    total: float
    classes: float
    boxes: float
    weights: float


def learning_rate(step: int, config: DetectorTraining) -> float:
    """Compute the learning rate of a step: linear warm-up, then cosine decay to zero.

    Parameters
    ----------
    step : int
        Counted from 0.
    config : DetectorTraining
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class Trainer:
    """Model, optimizer and running mean of the weights, with checkpoints.

    A batch is divided among the devices, with the same result as on one device.

    Parameters
    ----------
    config : DetectorTraining
    folder : Path
        Folder of the checkpoints; the training continues from the newest undamaged one.  A damaged
        one is named in a warning.
    distribution : Distribution

    Attributes
    ----------
    model : RetinaNetModel
        On the devices of the distribution, in the precision of the configuration.
    resumed : bool
        Whether there was an undamaged checkpoint.
    running_loss : RunningLoss
        Running mean of the loss, to which its user adds the steps; checkpoints hold it.
    """

    def __init__(self, config: DetectorTraining, folder: Path, distribution: Distribution) -> None:
        import tensorflow as tf
        import tf_keras

        tf_keras.utils.set_random_seed(config.seed)
        self._config = config
        self._distribution = distribution
        with distribution.strategy.scope():
            self._task, self.model = build_model(config, config.precision)
            optimizer = tf_keras.optimizers.SGD(
                learning_rate=0.0, momentum=_MOMENTUM, nesterov=True
            )
            self._scales_loss = config.precision == "mixed_float16"
            if self._scales_loss:
                optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
            self._optimizer = optimizer
            self._optimizer.build(self.model.trainable_variables)
            # The means are distributed like the weights: trainable weights are mirrored, statistics
            # of batch norms have a value per device and are averaged when read.
            self._means = [
                tf.Variable(
                    weight,
                    trainable=False,
                    synchronization=weight.synchronization,
                    aggregation=weight.aggregation,
                )
                for weight in self.model.weights
            ]
            self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._loss = tf.Variable([0.0, 0.0], dtype=tf.float64, trainable=False)
        self._backbone = {variable.ref() for variable in self.model.backbone.variables}
        checkpoint = tf.train.Checkpoint(
            model=self.model,
            optimizer=self._optimizer,
            means=self._means,
            step=self._step,
            loss=self._loss,
        )
        self.resumed = _restore(checkpoint, folder)
        self.running_loss = RunningLoss()
        self.running_loss.state = tuple(self._loss.numpy().tolist())
        # Writing is collective; only the files of the chief are kept.
        if not distribution.is_chief:
            folder = Path(tempfile.mkdtemp(prefix="galpipe-worker-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(folder), max_to_keep=2, checkpoint_name=_PREFIX
        )
        self._run = tf.function(self._train_on)

    @property
    def step(self) -> int:
        """Number of steps done."""
        return int(self._step.numpy())

    @property
    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Running mean of the model's weights, in their order; all workers must call this."""
        return [np.asarray(mean.numpy()) for mean in self._means]

    def start(self, weights: Sequence[Any]) -> None:
        """Set the initial weights; workers use those of the chief.

        Parameters
        ----------
        weights : sequence of ndarray
            In the order of the model's weights.
        """
        for place, values in enumerate(weights):
            shared = self._distribution.broadcast(values)
            self.model.weights[place].assign(shared)
            self._means[place].assign(shared)

    def train(self, batch: Batch) -> Losses:
        """Take one step and return its losses.

        Parameters
        ----------
        batch : Batch
            Part of this worker.
        """
        self._optimizer.learning_rate.assign(learning_rate(self.step, self._config))
        losses = self._run(*map(self._distribution.split_batch, batch))
        return Losses(*losses.numpy().tolist())

    def save(self) -> None:
        """Write a checkpoint; all workers must call this."""
        self._loss.assign(self.running_loss.state)
        self._manager.save(checkpoint_number=self.step)

    def _train_on(self, *arrays: Any) -> Any:
        import tensorflow as tf

        strategy = self._distribution.strategy
        losses = strategy.reduce("SUM", strategy.run(self._train_replica, arrays), axis=None)
        done = tf.cast(self._step.assign_add(1), tf.float32)
        change = 1.0 - tf.minimum(_AVERAGING, (1.0 + done) / (10.0 + done))
        for mean, weight in zip(self._means, self.model.weights, strict=True):
            strategy.extended.update(
                mean,
                lambda mean, weight: mean.assign_sub(change * (mean - weight)),
                args=(weight,),
            )
        return losses

    def _train_replica(
        self, images: Any, classes: Any, codes: Any, class_weights: Any, box_weights: Any
    ) -> Any:
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        variables = self.model.trainable_variables
        # The task divides by the number of positive anchors on this device, not on all.
        positives = tf.reduce_sum(box_weights)
        share = (positives + 1.0) / (context.all_reduce("SUM", positives) + 1.0)
        with tf.GradientTape() as tape:
            logits, boxes = head_outputs(self.model, scale_images(images), training=True)
            targets = (classes, codes, class_weights, box_weights)
            class_loss, box_loss, model_loss = head_losses(self._task, logits, boxes, *targets)
            penalty = tf.reduce_sum(self.model.losses) / self._distribution.replicas
            loss = share * model_loss + penalty
            minimised = self._optimizer.get_scaled_loss(loss) if self._scales_loss else loss
        gradients = tape.gradient(minimised, variables)
        # Variables without influence on the heads have no gradient.
        trained = [
            (gradient, variable)
            for gradient, variable in zip(gradients, variables, strict=True)
            if gradient is not None
        ]
        gradients = [gradient for gradient, _ in trained]
        if self._scales_loss:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        gradients, _ = tf.clip_by_global_norm(
            context.all_reduce("SUM", gradients), _LARGEST_GRADIENT
        )
        # SGD is linear in the gradient, so scaling it scales the learning rate.
        self._optimizer.apply_gradients(
            [
                (gradient * self._rate(variable), variable)
                for gradient, (_, variable) in zip(gradients, trained, strict=True)
            ],
            skip_gradients_aggregation=True,
        )
        return tf.stack([loss, share * class_loss, share * box_loss, penalty])

    def _rate(self, variable: Any) -> float:
        return self._config.backbone_rate if variable.ref() in self._backbone else 1.0


def _restore(checkpoint: Any, folder: Path) -> bool:
    """Restore the newest undamaged checkpoint of a folder, if there is one."""
    import tensorflow as tf

    # TensorFlow's own record of the checkpoints names only files that were complete once.
    names = [index.with_suffix("") for index in folder.glob(f"{_PREFIX}-*.index")]
    for name in sorted(names, key=lambda name: int(name.name.rpartition("-")[2]), reverse=True):
        try:
            checkpoint.restore(str(name))
        except (ValueError, tf.errors.OpError) as error:
            logger.warning(
                "%s: is damaged, probably by an interruption, and not used (%s); the training "
                "continues from the checkpoint before it, or from its beginning",
                name,
                str(error).splitlines()[0],
            )
        else:
            return True
    return False
