"""What a model bundle says of itself: the contents of ``galpipe-model.json``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from ..configs import Anchors, InputScaling
from ..imaging import Stretch

__all__ = [
    "MANIFEST_NAME",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "ScoreCalibration",
]

MANIFEST_NAME = "galpipe-model.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Section):
    """One network of the bundle: a LiteRT file, how it is fed, and its weight in the mean.

    A member of weight 0 is there to be measured beside the others.
    """

    name: str
    file: str
    scaling: InputScaling
    weight: Annotated[float, Field(ge=0)] = 1.0


class ScoreCalibration(_Section):
    """What turns a detector's logits into probabilities: ``sigmoid(slope * logit + intercept)``.

    The logistic map of Platt (1999, "Probabilistic outputs for support vector machines"); as it
    is, the logits are taken at their word.
    """

    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    intercept: Annotated[float, Field(allow_inf_nan=False)] = 0.0

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability that each logit stands for."""
        # 1 / (1 + exp(-x)) without an overflow where x is far below 0.
        return np.asarray(np.exp(-np.logaddexp(0, -(self.slope * logits + self.intercept))))


class DetectorHead(_Section):
    """What turns a detector's raw outputs into boxes.

    ``score_threshold`` is in the scale of the calibrated scores.  ``refinement`` names the
    file that adjusts edges and scores afterwards, if any; earlier versions call it ``second_look``.
    """

    anchors: Anchors
    calibration: ScoreCalibration = ScoreCalibration()
    score_threshold: Annotated[float, Field(ge=0, le=1)]
    iou_threshold: Annotated[float, Field(gt=0, le=1)] = 0.45
    refinement: Annotated[
        str | None, Field(validation_alias=AliasChoices("refinement", "second_look"))
    ] = None


class Manifest(_Section):
    """Description of a model bundle.

    A detector has one member and a ``head``; a classifier has one member, an ensemble several.
    ``files`` holds the SHA-256 of every other file of the bundle, filled in when it is written.
    ``sky`` says whether a classifier is given crops as they are, or with their sky made black.
    ``pixel_scale_range`` is in arcsec per pixel.
    """

    format_version: Literal[1] = 1
    name: str
    task: Literal["detector", "classifier"]
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    input_size: Annotated[int, Field(gt=0, le=4096)]
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    head: DetectorHead | None = None
    sky: Literal["kept", "removed"] = "kept"
    stretch: Stretch = Stretch()
    pixel_scale_range: tuple[float, float] | None = None
    training: dict[str, Any] = {}
    data: dict[str, Any] = {}
    versions: dict[str, str] = {}
    files: dict[str, Sha256] = {}

    @model_validator(mode="after")
    def _parts_fit_the_task(self) -> Manifest:
        if (self.task == "detector") != (self.head is not None):
            raise ValueError("a detector has a 'head', a classifier has none")
        if self.task == "detector" and len(self.members) != 1:
            raise ValueError("a detector has exactly one member")
        if not any(member.weight for member in self.members):
            raise ValueError("a member must have a weight over 0")
        return self
