"""Calibrate and measure a bundle again, on the images of its own training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..configs import DetectorTraining
from ..errors import BundleError, InputError, require
from ..models import Manifest, read_bundle
from .dataset import read_sources
from .publish import measure_bundle

__all__ = ["recalibrate"]


def recalibrate(folder: Path, config: DetectorTraining) -> Path:
    """Fit the scores of a detector to its validation images again, and measure it again.

    Calibration, score threshold, figures, reliability plot and card of the bundle are replaced;
    its networks stay.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : DetectorTraining
        Says where the images and annotations lie; all else is as the bundle has recorded it.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    BundleError
        If it is no detector, is altered, or has no record of its training.
    InputError
        If the images are not divided as they were in that training, so that some to be measured on
        may have been trained on; or cannot be read.
    OutputError
        If the bundle cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("pycocotools", "train")
    require("matplotlib", "train")
    manifest = read_bundle(folder).manifest
    if manifest.task != "detector":
        raise BundleError(f"{folder}: is a {manifest.task}, not a detector")
    training = _training(folder, manifest, config)
    sources = read_sources(training)
    if [source.names() for source in sources] != _recorded_splits(manifest):
        raise InputError(
            f"{folder}: was not trained on the images that the configuration names, or they are "
            "divided differently now; name those of its training, in the same order"
        )
    return measure_bundle(folder, training, sources)


def _training(folder: Path, manifest: Manifest, config: DetectorTraining) -> DetectorTraining:
    try:
        # Before trainings were validated they kept their last weights.
        recorded = {"validate_every": None} | manifest.training
        return DetectorTraining.model_validate(recorded | {"data": config.data})
    except ValidationError as error:
        raise BundleError(
            f"{folder}: holds no record of its training that this version of galpipe understands"
        ) from error


def _recorded_splits(manifest: Manifest) -> list[Any]:
    sources = manifest.data.get("sources")
    if not isinstance(sources, list):
        return []
    return [source.get("split") if isinstance(source, dict) else None for source in sources]
