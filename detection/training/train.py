"""Train a detector, from annotated images to an evaluated bundle."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from ...configs import DetectorTraining
from ...errors import require
from ...files.atomic import atomic_path
from ...models.litert import available_cores
from ...models.training_record import claim_training_folder, earlier_lengths
from ...progress import Progress, silent
from ..anchors import multilevel_anchors
from ..base import star_classes
from ..export.publish import publish
from ..measure import images_by_kind
from .architectures import build_model
from .dataset import Batch, TrainingSource, batches, gather, identify_data, read_annotated
from .sampling import TileSampler
from .starting_point import load_start
from .strategy import Distribution, create_distribution
from .trainer import Trainer
from .training_log import TrainingLog
from .training_tiles import TrainingImage
from .validation import Validator
from .validation_loss import ValidationLoss

__all__ = ["fit", "train_detector"]

_CHECKPOINTS = "checkpoints"
_METRICS = "metrics.json"
_VALIDATION_TILES = 64


def train_detector(
    config: DetectorTraining,
    output: Path,
    progress: Progress = silent,
    *,
    extend: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train a detector, evaluate it on the held-out images, and write its bundle.

    An interrupted training is continued.

    Parameters
    ----------
    config : DetectorTraining
        Data, model and schedule.
    output : Path
        Folder of the training, for configuration, checkpoints, history, logs and the bundle.
    progress : Progress
        Receives the steps.
    extend : bool
        Train further than the finished training in the folder, with more steps or patience.
    overwrite : bool
        Remove an earlier training in the folder and train anew.

    Returns
    -------
    Path
        The bundle; with several machines, it is written by the first one.

    Raises
    ------
    ConfigError
        If the data cannot be split, or the batches not distributed, as configured.
    InputError
        If images, annotations or initial weights cannot be read.
    OutputError
        If the folder contains other files or another training, or cannot be written.
    MissingExtraError
        If the training packages are not installed.
    """
    require("pycocotools", "train")
    require("official", "train")
    # TensorFlow must connect several machines before any other computation.
    distribution = create_distribution(config)
    read = read_annotated(config)
    if distribution.is_chief:
        claim_training_folder(
            output, config, identify_data(read), extend=extend, overwrite=overwrite
        )
    sources = gather(config, read, progress)
    model = fit(config, sources, output, distribution, progress)
    bundle = output / config.name
    if distribution.is_chief:
        publish(model, config, sources, bundle, earlier_lengths(output), progress)
    # A worker that exits breaks the connection: wait until the bundle is written.
    distribution.broadcast(0.0)
    return bundle


def fit(
    config: DetectorTraining,
    sources: list[TrainingSource],
    folder: Path,
    distribution: Distribution,
    progress: Progress = silent,
) -> Any:
    """Start or continue a training, and return a model with the best weights.

    Parameters
    ----------
    config : DetectorTraining
    sources : list of TrainingSource
    folder : Path
        Folder of the training, for checkpoints, logs and measurements.
    distribution : Distribution
    progress : Progress
        Receives the steps.

    Returns
    -------
    RetinaNetModel
        In float32 on one device.
    """
    trainer = Trainer(config, folder / _CHECKPOINTS, distribution)
    # A second model, in float32 on one device, for initial weights, validation and export.
    task, model = build_model(config)
    quiet = not distribution.is_chief
    loss = None if quiet else _validation_loss(task, model, config, sources)
    validator = Validator(model, config, sources, folder, trainer.step, loss, progress)
    make_batches = _batch_maker(config, sources, distribution)
    with TrainingLog(
        config, folder, trainer.step, trainer.running_loss, progress, quiet=quiet
    ) as log:
        if trainer.resumed:
            log.message(f"{folder}: continues after step {trainer.step} of {config.steps}")
        else:
            # With another seed, so that the first batches are not used twice.
            load_start(model, config, (batch.images for batch in make_batches(config.seed + 1, 0)))
            trainer.start(model.get_weights())
        stream = make_batches(config.seed, trainer.step)
        stopped = distribution.broadcast(float(validator.out_of_patience))
        while trainer.step < config.steps and not stopped:
            began = time.perf_counter()
            batch = next(stream)
            waiting = time.perf_counter() - began
            losses = trainer.train(batch)
            step = trainer.step
            log.step(step, losses, time.perf_counter() - began, waiting)
            found = None
            if validator.is_due(step):
                model.set_weights(trainer.mean_weights)
                if distribution.is_chief:
                    found = validator.validate(step)
                    if found is not None:
                        log.validation(found, found is validator.best)
                stopped = distribution.broadcast(float(validator.out_of_patience))
            if validator.is_due(step) or step % config.checkpoint_every == 0:
                log.record(step, found)
                trainer.save()
                log.checkpoint(step)
        if stopped:
            log.message(f"stopped: no improvement in {config.patience} measurements")
    if distribution.is_chief:
        validator.use_best()
        _write_metrics(folder, log, validator)
    return model


def _batch_maker(
    config: DetectorTraining, sources: list[TrainingSource], distribution: Distribution
) -> Callable[[int, int], Iterator[Batch]]:
    """Return a function of seed and first step that makes this worker's part of the batches."""
    sampler = _sampler(config, images_by_kind(sources, "train"))
    anchors = multilevel_anchors(config.anchors, config.input_size)
    share = config.batch_size // distribution.workers
    places = range(distribution.worker * share, (distribution.worker + 1) * share)

    def make(seed: int, first: int) -> Iterator[Batch]:
        return batches(sampler, anchors, places, seed, first, available_cores())

    return make


def _validation_loss(
    task: Any, model: Any, config: DetectorTraining, sources: list[TrainingSource]
) -> ValidationLoss | None:
    """Return the loss on random tiles of the validation images; None without any."""
    images = images_by_kind(sources, "validation")
    if config.validate_every is None or not images:
        return None
    anchors = multilevel_anchors(config.anchors, config.input_size)
    places = range(config.batch_size)
    made = batches(_sampler(config, images), anchors, places, config.seed, 0, available_cores())
    count = math.ceil(_VALIDATION_TILES / config.batch_size)
    return ValidationLoss(task, model, list(islice(made, count)))


def _sampler(config: DetectorTraining, images: dict[str, list[TrainingImage]]) -> TileSampler:
    return TileSampler(
        images.get("cutouts", []),
        images.get("fields", []),
        config.input_size,
        config.scale_range,
        config.paste_fraction,
        draw_stars=not star_classes(config.class_map.class_names),
    )


def _write_metrics(folder: Path, log: TrainingLog, validator: Validator) -> None:
    """Write the speed and the best validation of this process, if it made any steps."""
    if not log.speed.steps:
        return
    metrics = {
        "images_per_second": round(log.speed.images_per_second, 2),
        "input_wait": round(log.speed.input_wait, 4),
        "best": validator.best and asdict(validator.best),
    }
    with atomic_path(folder / _METRICS) as beside:
        beside.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
