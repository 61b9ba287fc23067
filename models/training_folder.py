"""Trainings in folders named after their settings, each of which is done once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..configs import dump_config
from ..errors import BundleError, require
from ..files.atomic import atomic_path
from .bundle import read_bundle

__all__ = ["open_trainer", "train_once"]

logger = logging.getLogger("galpipe")

_PACKAGES = {"detector": "detection", "classifier": "classification"}
_FINISHED = "finished.json"


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
        require(f"galpipe.{_PACKAGES[stage]}.training.train", "train"), f"train_{stage}"
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
