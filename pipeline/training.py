"""Train the stages of a run that have a training in its configuration."""

from __future__ import annotations

import logging
from pathlib import Path

from ..configs import ClassifierTraining, DetectorTraining
from ..models import read_bundle
from ..models.training_folder import open_trainer, train_once
from ..progress import Progress, silent
from .sinks import RunSink

__all__ = ["train_stages"]

logger = logging.getLogger("galpipe")


def train_stages(
    sink: RunSink,
    detector: DetectorTraining | None,
    classifier: ClassifierTraining | None,
    progress: Progress = silent,
) -> dict[str, Path]:
    """Train the stages that have a training, and record their metrics.

    Each training has a folder of its own under ``models/``, named after its settings: starting
    again resumes it, other settings start another one, and none is ever removed.

    Parameters
    ----------
    sink : RunSink
        Holds the output folder and the record of the run.
    detector : DetectorTraining or None
        Training of the detector.
    classifier : ClassifierTraining or None
        Training of the classifier.
    progress : Progress
        Shows the progress of the trainings.

    Returns
    -------
    dict of str to Path
        The bundle of each stage that was trained: ``detector``, ``classifier``.
    """
    if detector is None and classifier is None:
        return {}
    sink.update(status="training")
    bundles: dict[str, Path] = {}
    for stage, config in (("detector", detector), ("classifier", classifier)):
        if config is None:
            continue
        bundle = train_once(open_trainer(stage), config, sink.folder.path / "models", progress)
        bundles[stage] = bundle
        sink.update(metrics=sink.record.metrics | {stage: read_bundle(bundle).metrics()})
        logger.info("%s: trained, in %s", stage, bundle)
    return bundles
