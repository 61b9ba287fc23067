"""Manifest of a model bundle: the typed contents of ``galpipe-model.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ..configs import Anchors, ClassMap, InputScaling, VoteTreeName
from ..imaging import Stretch
from .class_calibration import ClassCalibration

__all__ = [
    "DEFAULT_CROP_MARGIN",
    "MANIFEST_NAME",
    "DataSource",
    "DataSplit",
    "DetectorHead",
    "InputScaling",
    "Manifest",
    "Member",
    "ModelIdentity",
    "ScoreCalibration",
    "TrainingData",
]

MANIFEST_NAME = "galpipe-model.json"
DEFAULT_CROP_MARGIN = 1.5
"""Crop margin of classifiers that record none, and of the shipped ones."""

Names = tuple[str, ...]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Section):
    """One network of the bundle: a LiteRT file, its input scaling, and its weight in the mean.

    A member of weight 0 is evaluated but not used.
    """

    name: str
    file: str
    scaling: InputScaling
    weight: Annotated[float, Field(ge=0)] = 1.0


class ScoreCalibration(_Section):
    """Calibration of a detector's logits to probabilities: ``sigmoid(slope * logit + intercept)``.

    The logistic map of Platt (1999, "Probabilistic outputs for support vector machines"); by
    default no change.
    """

    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    intercept: Annotated[float, Field(allow_inf_nan=False)] = 0.0

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probability of each logit.

        Parameters
        ----------
        logits : ndarray of float64
            Of any shape.
        """
        # The sigmoid, without overflow for very negative values.
        return np.asarray(np.exp(-np.logaddexp(0, -(self.slope * logits + self.intercept))))


class DetectorHead(_Section):
    """Decoding of a detector's raw outputs into boxes.

    ``score_threshold`` is in the scale of the calibrated scores.  ``refinement`` names the
    file that adjusts edges and scores afterwards, if any; earlier versions call it ``second_look``.
    A network with a ``window_step`` takes inputs of any sides that are multiples of it, in pixels.
    """

    anchors: Anchors
    calibration: ScoreCalibration = ScoreCalibration()
    score_threshold: Annotated[float, Field(ge=0, le=1)]
    iou_threshold: Annotated[float, Field(gt=0, le=1)] = 0.45
    refinement: Annotated[
        str | None, Field(validation_alias=AliasChoices("refinement", "second_look"))
    ] = None
    window_step: Annotated[int, Field(gt=0)] | None = None


class _Record(BaseModel):
    # Keys of later versions are ignored.
    model_config = ConfigDict(extra="ignore", frozen=True)


class DataSplit(_Record):
    """File names of the images of each part of a split."""

    train: Names = ()
    validation: Names = ()
    test: Names = ()


class DataSource(_Record):
    """One set of annotated images that a detector was trained on.

    ``kind`` is its kind of images, such as ``cutouts``; ``images``, ``objects`` and ``difficult``
    count images, objects and objects marked as difficult; ``sha256`` is the checksum of all pixels
    and boxes.
    """

    kind: Annotated[str, Field(validation_alias=AliasChoices("kind", "role"))] = ""
    images: Count = 0
    objects: Count = 0
    difficult: Count = 0
    sha256: str = ""
    split: DataSplit = DataSplit()


class TrainingData(_Record):
    """Data that a model was trained, validated and tested on.

    A detector has ``sources``.  A classifier has the number of ``images`` by part, and the file
    names of the ``validation`` and ``test`` images of its main sources.
    """

    sources: tuple[DataSource, ...] = ()
    images: dict[str, Count] = {}
    validation: Names = ()
    test: Names = ()

    @property
    def held_out(self) -> frozenset[str]:
        """File names of all test images."""
        tests = (self.test, *(source.split.test for source in self.sources))
        return frozenset(name for names in tests for name in names)

    @model_serializer(mode="wrap")
    def _without_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if value}


class Manifest(_Section):
    """Description of a model bundle.

    A detector has one member and a ``head``; a classifier has one member, an ensemble several.
    ``files`` holds the SHA-256 of every other file of the bundle, filled in when it is written.
    ``label_map`` has the class of the model for each class of the labels that it was trained on,
    null where their images or boxes were left out; without it, both are the same.
    ``sky`` is ``removed`` where the sky of a classifier's crops is made black.
    ``crop_margin`` is the side of a classifier's crops over the longer side of the box.
    ``calibration`` is applied to the weighted mean of its members.  ``priors`` are the class
    frequencies that its probabilities assume, summing to 1.  Bundles of earlier versions have
    neither.  ``test_time_augmentation`` is true where predictions are by default the mean over the
    flips and quarter turns of a crop.
    ``votes`` is the campaign whose votes the members of a classifier predict, from which its
    classes are derived; None where members predict the classes.
    ``pixel_scale_range`` is in arcsec per pixel, ``psf_range`` the FWHM of stars in pixels.
    """

    format_version: Literal[1] = 1
    name: str
    task: Literal["detector", "classifier"]
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    label_map: dict[str, str | None] | None = None
    input_size: Annotated[int, Field(gt=0, le=4096)]
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    head: DetectorHead | None = None
    sky: Literal["kept", "removed"] = "kept"
    crop_margin: Annotated[float, Field(gt=0, le=10)] | None = None
    calibration: ClassCalibration | None = None
    priors: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = None
    test_time_augmentation: bool = False
    votes: VoteTreeName | None = None
    stretch: Stretch = Stretch()
    pixel_scale_range: tuple[float, float] | None = None
    psf_range: tuple[float, float] | None = None
    training: dict[str, Any] = {}
    data: TrainingData = TrainingData()
    versions: dict[str, str] = {}
    files: dict[str, Sha256] = {}

    @model_validator(mode="before")
    @classmethod
    def _crop_margin_of_the_training(cls, content: Any) -> Any:
        """Read the crop margin from the training settings, as recorded by earlier versions."""
        if not isinstance(content, dict) or content.get("crop_margin") is not None:
            return content
        training = content.get("training")
        margin = training.get("crop_margin") if isinstance(training, dict) else None
        return content if margin is None else content | {"crop_margin": margin}

    @model_validator(mode="after")
    def _parts_fit_the_task(self) -> Manifest:
        if (self.task == "detector") != (self.head is not None):
            raise ValueError("a detector has a 'head', a classifier has none")
        if self.task == "detector" and len(self.members) != 1:
            raise ValueError("a detector has exactly one member")
        if self.votes is not None and (self.task, self.calibration, self.priors) != (
            "classifier",
            None,
            None,
        ):
            raise ValueError("only a classifier predicts votes, without calibration or priors")
        if not any(member.weight for member in self.members):
            raise ValueError("a member must have a weight over 0")
        return self

    @property
    def class_map(self) -> ClassMap:
        """Map of the classes of the labels to those of the model."""
        return ClassMap.from_names(self.label_map, self.class_names)

    @model_validator(mode="after")
    def _labels_are_mapped_to_classes(self) -> Manifest:
        if self.label_map is not None:
            unknown = set(self.label_map.values()) - {None, *self.class_names}
            if unknown:
                raise ValueError(f"label_map names {', '.join(map(str, unknown))}, no class")
        return self

    @model_validator(mode="after")
    def _one_number_for_each_class(self) -> Manifest:
        count = len(self.class_names)
        if self.priors is not None and len(self.priors) != count:
            raise ValueError(f"there are {len(self.priors)} priors for {count} classes")
        calibrated = None if self.calibration is None else self.calibration.num_classes
        if calibrated not in (None, count):
            raise ValueError(f"the calibration is for {calibrated} classes, not for {count}")
        return self


@dataclass(frozen=True)
class ModelIdentity:
    """Name, path, classes and checksums of a model, for records of its results.

    Attributes
    ----------
    name : str
        Name of the model.
    path : Path
        File or folder that it was read from.
    task : {"detector", "classifier"}
        Its task.
    class_names : tuple of str
        Its classes in order.
    sha256 : mapping of str to str
        SHA-256 of each file of its networks.
    """

    name: str
    path: Path
    task: str
    class_names: tuple[str, ...]
    sha256: Mapping[str, str | None]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON-serialisable content of a record."""
        return asdict(self) | {
            # Results are also opened in other working folders.
            "path": str(self.path.absolute()),
            "class_names": list(self.class_names),
            "sha256": dict(self.sha256),
        }
