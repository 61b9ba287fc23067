"""What a training noted of its measurements in the bundle that it wrote."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from ...errors import BundleError
from ...models import Bundle
from .measure import VALIDATION

__all__ = ["RecordedFigures", "RecordedMeasurement", "read_measurements"]


class RecordedFigures(BaseModel):
    """Some of the `ClassificationMetrics`; None is the mean of nothing, or not known."""

    model_config = ConfigDict(frozen=True)

    images: int
    accuracy: float
    macro_f1: float | None = None


class RecordedMeasurement(BaseModel):
    """What was measured on one set of images: a `Measurement` as its bundle holds it.

    Attributes
    ----------
    images : str
        Which images, and how they were cropped.
    files : frozenset of str
        Names of the images that counted; none where an earlier version did not note them.
    metrics : dict of str to RecordedFigures
        By member, and under `ENSEMBLE` those of several together.
    """

    model_config = ConfigDict(frozen=True)

    images: str
    files: frozenset[str] = frozenset()
    metrics: dict[str, RecordedFigures]


def read_measurements(bundle: Bundle) -> list[RecordedMeasurement]:
    """Return what the training of a classifier measured on images that it has not learnt from.

    The validation images are left out: by these the training chose its weights.

    Raises
    ------
    BundleError
        If the record cannot be read.
    """
    try:
        recorded = [
            RecordedMeasurement.model_validate(one)
            for one in bundle.metrics().get("measurements", [])
        ]
    except (TypeError, ValidationError) as error:
        raise BundleError(
            f"{bundle.path}: metrics.json is not what a training of a classifier writes; train it "
            "again"
        ) from error
    return [one for one in recorded if not one.images.startswith(VALIDATION)]
