"""The training that a bundle has recorded, and its images."""

from __future__ import annotations

from pydantic import ValidationError

from ...configs import DetectorTraining
from ...errors import BundleError, InputError
from ...models import Bundle
from .dataset import TrainingSource, read_sources

__all__ = ["recorded_training"]


def recorded_training(
    bundle: Bundle, config: DetectorTraining
) -> tuple[DetectorTraining, list[TrainingSource]]:
    """Return the training that made a detector, and its images, divided as they were then.

    Parameters
    ----------
    bundle : Bundle
    config : DetectorTraining
        Says where the images and annotations lie; all else is as the bundle has recorded it.

    Raises
    ------
    BundleError
        If it is no detector, or has no record of its training.
    InputError
        If the images are not divided as they were in that training, so that some to be measured on
        may have been trained on; or cannot be read.
    """
    if bundle.manifest.task != "detector":
        raise BundleError(f"{bundle.path}: is a {bundle.manifest.task}, not a detector")
    training = _training(bundle, config)
    sources = read_sources(training)
    recorded = [source.split for source in bundle.manifest.data.sources]
    if [source.split for source in sources] != recorded:
        raise InputError(
            f"{bundle.path}: was not trained on the images that the configuration names, or they "
            "are divided differently now; name those of its training, in the same order"
        )
    return training, sources


def _training(bundle: Bundle, config: DetectorTraining) -> DetectorTraining:
    manifest = bundle.manifest
    try:
        # Before trainings were validated they kept their last weights.
        recorded = {"validate_every": None} | manifest.training | {"name": manifest.name}
        return DetectorTraining.model_validate(recorded | {"data": config.data})
    except ValidationError as error:
        raise BundleError(
            f"{bundle.path}: holds no record of its training that this version of galpipe "
            "understands"
        ) from error
