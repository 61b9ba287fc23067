"""Records of measurements in the ``metrics.json`` of a model bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import BundleError
from ..files.report import Table, format_number
from ..models import Bundle

__all__ = [
    "BY_SETS",
    "ENSEMBLE",
    "ClassifierFigures",
    "ClassifierRecord",
    "DetectorFigures",
    "DetectorRecord",
    "EvaluationSet",
    "measures_table",
    "read_classifier_records",
    "read_detector_record",
]

BY_SETS = "by the sets of classes that the labels name"
"""Description of metrics of disjoint sets of classes, instead of single classes."""

ENSEMBLE = "ensemble"
"""Key of the metrics of several members together."""

_CROPS = {"boxes": "cropped about the box", "cutouts": "whole cutouts"}


class EvaluationSet(BaseModel):
    """Set of images on which a training evaluates a classifier.

    Attributes
    ----------
    part : {"validation", "test", "external"}
        Part of the sources of role ``train``, or images of another source.
    crops : {"boxes", "cutouts"}
        Crops around annotated boxes, as in ``galpipe run``, or around the central source of
        cutouts, as in ``galpipe classify``.
    source : str
        Name of the source of external images.
    by_sets : bool
        True if disjoint sets of classes are evaluated instead of classes.
    """

    model_config = ConfigDict(frozen=True)

    part: Literal["validation", "test", "external"]
    crops: Literal["boxes", "cutouts"]
    source: str = ""
    by_sets: bool = False

    @property
    def title(self) -> str:
        """Description for tables and cards."""
        name = self.source if self.part == "external" else self.part
        return f"{name}, {_CROPS[self.crops]}" + (f", {BY_SETS}" if self.by_sets else "")

    @classmethod
    def from_title(cls, title: str) -> EvaluationSet:
        """Parse the title of a set, as written by earlier versions.

        Parameters
        ----------
        title : str

        Raises
        ------
        ValueError
            If it is not such a title.
        """
        rest = title.removesuffix(f", {BY_SETS}")
        name, _, crops = rest.rpartition(", ")
        known = {text: key for key, text in _CROPS.items()}
        if crops not in known:
            raise ValueError(f"{title!r} does not describe a set of images")
        internal = name in {"validation", "test"}
        return cls.model_validate(
            {
                "part": name if internal else "external",
                "crops": known[crops],
                "source": "" if internal else name,
                "by_sets": rest != title,
            }
        )


class ClassifierFigures(BaseModel):
    """Metrics of a classifier that comparisons of trainings need.

    Attributes
    ----------
    images : int
    accuracy : float
    macro_f1 : float or None
        None if undefined, or not recorded by an earlier version.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    accuracy: float
    macro_f1: float | None = None


class ClassifierRecord(BaseModel):
    """Metrics of a classifier and its members on one set of images.

    Attributes
    ----------
    images : EvaluationSet
    files : frozenset of str
        Names of the evaluated images; empty if not recorded by an earlier version.
    metrics : dict of str to ClassifierFigures
        Metrics by member, and of all members under `ENSEMBLE`.
    """

    model_config = ConfigDict(frozen=True)

    images: EvaluationSet
    files: frozenset[str] = frozenset()
    metrics: dict[str, ClassifierFigures]

    @model_validator(mode="before")
    @classmethod
    def _read_title(cls, values: Any) -> Any:
        """Parse the set of images from its title if there are no keys."""
        if isinstance(values, dict) and isinstance(values.get("images"), str):
            described = values.get("set") or EvaluationSet.from_title(values["images"])
            return values | {"images": described}
        return values


class DetectorFigures(BaseModel):
    """Metrics of a detector that comparisons of trainings need, as in `DetectionMetrics`.

    ``class_agnostic`` are those of the boxes alone, whatever their classes; None for a single
    class, and in bundles of earlier versions.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    map50: float
    ap: float
    ar1: float
    ar1_ceiling: float
    ar1_single: float | None = None
    recall_at_90_precision: float
    class_agnostic: DetectorFigures | None = None

    @property
    def ar1_of_ceiling(self) -> float | None:
        """AR@1 as a fraction of its ceiling; None without objects."""
        return self.ar1 / self.ar1_ceiling if self.ar1_ceiling else None


class DetectorRecord(BaseModel):
    """Metrics of a detector and of its conversions.

    Attributes
    ----------
    score_threshold : float or None
    held_out : dict of str to DetectorFigures
        Metrics on the held-out images by their kind; ``held_back`` in the file.
    litert_parity : dict or None
        Difference between the exported and the trained network.
    quantized : dict or None
        Settings of the quantization; ``quantised`` in the file.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    score_threshold: float | None = None
    held_out: dict[str, DetectorFigures] = Field(
        default_factory=dict, validation_alias=AliasChoices("held_out", "held_back")
    )
    litert_parity: dict[str, Any] | None = None
    quantized: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("quantized", "quantised")
    )


def measures_table(metrics: Mapping[str, Any]) -> Table:
    """Return a table of the measures in a ``metrics.json``, a row for each set of images.

    Parameters
    ----------
    metrics : mapping
        Content of the file; without measures of a classifier or detector the table is empty.

    Raises
    ------
    pydantic.ValidationError
        If the measures are damaged.
    """
    if "vote_measurements" in metrics:
        rows = [
            [entry["images"], name, str(one["images"]), f"{one['rmse']:.4f}", f"{one['mse']:.4f}"]
            for entry in metrics["vote_measurements"]
            for name, one in entry["metrics"].items()
        ]
        return Table(["images", "classifier", "number", "RMSE", "MSE"], rows)
    if "measurements" in metrics:
        entries = map(ClassifierRecord.model_validate, metrics["measurements"])
        rows = [
            [
                record.images.title,
                name,
                str(figures.images),
                format_number(figures.accuracy),
                format_number(figures.macro_f1),
            ]
            for record in entries
            for name, figures in record.metrics.items()
        ]
        return Table(["images", "classifier", "number", "accuracy", "mean F1"], rows)
    held_out = DetectorRecord.model_validate(metrics).held_out
    rows = [
        [
            kind,
            format_number(one.map50),
            format_number(one.ap),
            f"{one.ar1:.3f} of {one.ar1_ceiling:.3f}",
            format_number(one.recall_at_90_precision),
        ]
        for kind, one in held_out.items()
    ]
    return Table(["images", "mAP@0.5", "AP@[.5:.95]", "AR@1", "recall at 90 % precision"], rows)


def read_classifier_records(bundle: Bundle) -> list[ClassifierRecord]:
    """Read the metrics of a classifier on images not used in its training.

    Validation images are left out, as the training selects weights by them.

    Parameters
    ----------
    bundle : Bundle
        The model.

    Raises
    ------
    BundleError
        If ``metrics.json`` is not that of a classifier.
    """
    try:
        records = [
            ClassifierRecord.model_validate(entry)
            for entry in bundle.metrics().get("measurements", [])
        ]
    except (TypeError, ValidationError) as error:
        raise BundleError(_not_of(bundle, "classifier")) from error
    return [record for record in records if record.images.part != "validation"]


def read_detector_record(bundle: Bundle) -> DetectorRecord:
    """Read the metrics of a detector.

    Parameters
    ----------
    bundle : Bundle
        The model.

    Raises
    ------
    BundleError
        If ``metrics.json`` is not that of a detector.
    """
    try:
        return DetectorRecord.model_validate(bundle.metrics())
    except ValidationError as error:
        raise BundleError(_not_of(bundle, "detector")) from error


def _not_of(bundle: Bundle, task: str) -> str:
    return f"{bundle.path}: metrics.json is not that of a {task}; train it again"
