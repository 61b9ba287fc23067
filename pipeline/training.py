"""Stages that the configuration asks to train before the run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..configs import ClassifierTraining, DetectorTraining, dump_config
from ..errors import BundleError, require
from ..imaging import atomic_path
from ..models import read_bundle
from .output import RECORD_NAME, OutputFolder
from .record import RunRecord

__all__ = ["open_trainer", "train_once", "train_stages"]

logger = logging.getLogger("galpipe")

_PACKAGES = {"detector": "detection", "classifier": "classification"}
_FINISHED = "finished.json"


def train_stages(
    folder: OutputFolder,
    record: RunRecord,
    detector: DetectorTraining | None,
    classifier: ClassifierTraining | None,
) -> dict[str, Path]:
    """Train the stages that have a training, and note in the record what was measured.

    Each training has a folder of its own under ``models/``, named after its settings: starting
    again goes on where it stopped, other settings start another one, and none is ever removed.

    Returns
    -------
    dict of str to Path
        The bundle of each stage that was trained: ``detector``, ``classifier``.
    """
    if detector is None and classifier is None:
        return {}
    record.status = "training"
    folder.write_json(RECORD_NAME, record.as_dict())
    bundles: dict[str, Path] = {}
    for stage, config in (("detector", detector), ("classifier", classifier)):
        if config is None:
            continue
        bundle = train_once(open_trainer(stage), config, folder.path / "models")
        bundles[stage] = bundle
        record.metrics[stage] = read_bundle(bundle).metrics()
        logger.info("%s: trained, lies in %s", stage, bundle)
    folder.write_json(RECORD_NAME, record.as_dict())
    return bundles


def open_trainer(stage: str) -> Callable[[Any, Path], Path]:
    """Return the function that trains a stage: configuration and folder in, bundle out.

    Raises
    ------
    MissingExtraError
        If the packages of training are not installed.
    """
    if stage == "detector":
        # Imported by its functions, so its absence would show in the midst of the training.
        require("official", "train")
    train: Callable[[Any, Path], Path] = getattr(
        require(f"galpipe.{_PACKAGES[stage]}.train", "train"), f"train_{stage}"
    )
    return train


def train_once(train: Callable[[Any, Path], Path], config: BaseModel, folder: Path) -> Path:
    """Train in a folder named after the settings, unless that was finished there before.

    Returns
    -------
    Path
        The bundle.
    """
    settings = dump_config(config)
    digest = hashlib.sha256(settings.encode()).hexdigest()[:8]
    place = folder / f"{getattr(config, 'name', 'model')}-{digest}"
    mark = place / _FINISHED
    if mark.is_file():
        bundle = place / json.loads(mark.read_text(encoding="utf-8"))["bundle"]
        try:
            read_bundle(bundle).verify()
        except BundleError as error:
            logger.warning("%s Training it again.", error)
        else:
            logger.info("%s: was trained before, used again", bundle)
            return bundle
    bundle = train(config, place)
    with atomic_path(mark) as beside:
        beside.write_text(json.dumps({"bundle": str(bundle.relative_to(place))}) + "\n")
    return bundle
