"""Fine-tune a detector: from labelled images to a measured bundle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...configs import DetectorTraining, claim_training_folder
from ...errors import require
from ...files.atomic import atomic_path
from ...models.litert import available_cores
from ...progress import Progress, silent
from ..anchors import multilevel_anchors
from ..base import star_classes
from ..export.publish import publish
from .architectures import build_model
from .dataset import Batch, TrainingSource, batches, read_sources
from .sampling import TileSampler
from .starting_point import load_start
from .strategy import Workplace, open_workplace
from .trainer import Trainer
from .training_log import TrainingLog
from .validation import Validator

__all__ = ["fit", "train_detector"]

_CHECKPOINTS = "checkpoints"
_METRICS = "metrics.json"


def train_detector(config: DetectorTraining, output: Path, progress: Progress = silent) -> Path:
    """Train a detector, measure it on the images held back, and write its bundle.

    Parameters
    ----------
    config : DetectorTraining
        Data, model and schedule.
    output : Path
        Folder of the training: its settings, its checkpoints and in the end its bundle.  A
        training that was interrupted there goes on.
    progress : Progress
        Shows the steps.

    Returns
    -------
    Path
        The bundle; where several machines train, the first of them writes it.

    Raises
    ------
    ConfigError
        If the data cannot be divided as configured, or the work not be distributed so.
    InputError
        If images, annotations or weights to start from cannot be read.
    OutputError
        If the folder holds something else, or cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("pycocotools", "train")
    require("official", "train")
    # TensorFlow wants several machines to be introduced before anything else is computed.
    workplace = open_workplace(config)
    if workplace.is_chief:
        claim_training_folder(output, config)
    sources = read_sources(config)
    model = fit(config, sources, output, workplace, progress)
    bundle = output / config.name
    if workplace.is_chief:
        publish(model, config, sources, bundle)
    # Whoever leaves breaks the connection of the others: they wait for the bundle.
    workplace.told_by_chief(0.0)
    return bundle


def fit(
    config: DetectorTraining,
    sources: list[TrainingSource],
    folder: Path,
    workplace: Workplace,
    progress: Progress = silent,
) -> Any:
    """Train, or go on training, and return a model with the best of the mean weights.

    Parameters
    ----------
    config : DetectorTraining
    sources : list of TrainingSource
    folder : Path
        Of the training: receives checkpoints, logs and what was measured.
    workplace : Workplace
    progress : Progress
        Shows the steps.

    Returns
    -------
    RetinaNetModel
        In float32, on one device, whatever the training computed on.
    """
    trainer = Trainer(config, folder / _CHECKPOINTS, workplace)
    # What is started from, measured and published needs neither several devices nor low precision.
    _, model = build_model(config)
    validator = Validator(model, config, sources, folder, trainer.step)
    make_batches = _batch_maker(config, sources, workplace)
    with TrainingLog(config, folder, trainer.step, progress, quiet=not workplace.is_chief) as log:
        if trainer.resumed:
            log.say(f"{folder}: goes on from step {trainer.step}")
        else:
            # Images of their own: the training shall not see its first ones twice.
            load_start(model, config, (batch.images for batch in make_batches(config.seed + 1, 0)))
            trainer.start(model.get_weights())
        stream = make_batches(config.seed, trainer.step)
        over = workplace.told_by_chief(float(validator.out_of_patience))
        while trainer.step < config.steps and not over:
            began = time.perf_counter()
            batch = next(stream)
            waiting = time.perf_counter() - began
            losses = trainer.train(batch)
            step = trainer.step
            log.step(step, losses, time.perf_counter() - began, waiting)
            if validator.is_due(step):
                model.set_weights(trainer.mean_weights)
                if workplace.is_chief:
                    found = validator.validate(step)
                    if found is not None:
                        log.validation(found, found is validator.best)
                over = workplace.told_by_chief(float(validator.out_of_patience))
            if validator.is_due(step) or step % config.checkpoint_every == 0:
                trainer.save()
                log.checkpoint(step)
        if over:
            log.say(f"stopped: {config.patience} measurements brought nothing better")
    if workplace.is_chief:
        validator.use_best()
        _write_metrics(folder, log, validator)
    return model


def _batch_maker(
    config: DetectorTraining, sources: list[TrainingSource], workplace: Workplace
) -> Callable[[int, int], Iterator[Batch]]:
    """Return what makes this worker's share of the batches, of a seed and from a step on."""
    sampler = TileSampler(
        [image for source in sources if source.data.role == "cutouts" for image in source.train],
        [image for source in sources if source.data.role == "fields" for image in source.train],
        config.input_size,
        config.scale_range,
        config.paste_fraction,
        draw_stars=not star_classes(config.class_names),
    )
    anchors = multilevel_anchors(config.anchors, config.input_size)
    share = config.batch_size // workplace.workers
    places = range(workplace.worker * share, (workplace.worker + 1) * share)

    def make(seed: int, first: int) -> Iterator[Batch]:
        return batches(sampler, anchors, places, seed, first, available_cores())

    return make


def _write_metrics(folder: Path, log: TrainingLog, validator: Validator) -> None:
    """Write what this process measured of its training, if it did any."""
    if not log.speed.steps:
        return
    metrics = {
        "images_per_second": round(log.speed.images_per_second, 2),
        "input_wait": round(log.speed.input_wait, 4),
        "best": validator.best and asdict(validator.best),
    }
    with atomic_path(folder / _METRICS) as beside:
        beside.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
