"""Fit to a network what follows it, and measure it again, on the images of its own training."""

from __future__ import annotations

from pathlib import Path

from ...configs import DetectorTraining
from ...errors import require
from ...models import read_bundle
from ..training.recorded import recorded_training
from .publish import measure_bundle

__all__ = ["recalibrate"]


def recalibrate(folder: Path, config: DetectorTraining) -> Path:
    """Fit all that follows the network of a detector to it again, and measure it again.

    Refinement, calibration, score threshold, figures, reliability plot and card of the bundle are
    replaced; the network stays.

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
    training, sources = recorded_training(read_bundle(folder), config)
    return measure_bundle(folder, training, sources)
