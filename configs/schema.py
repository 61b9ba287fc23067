"""The one schema of every configuration file: what can be said, its defaults and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ..imaging import Stretch
from .architectures import ARCHITECTURES
from .augmentation import Augmentation, SurveyAugmentation
from .balance import Balance
from .members import ClassifierMember, KerasFileMember
from .section import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Section

__all__ = [
    "Anchors",
    "ClassifierData",
    "ClassifierStage",
    "ClassifierTraining",
    "DetectorData",
    "DetectorStage",
    "DetectorTraining",
    "RunConfig",
    "Split",
]

MOST_SEARCHED = 8
"""Members whose weights can be searched: 19,448 combinations."""


class Split(Section):
    """How images are divided; always by galaxy, so that no twin stands on both sides."""

    test_fraction: Fraction = 0.2
    validation_fraction: Fraction = 0.1
    seed: int = 0
    folds: Annotated[int, Field(ge=2)] | None = None
    """Number of folds of a cross-validation; each image is held back in one of them, whatever else
    asks for."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Which of them is held back for the test, from 0."""

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Split:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold go together")
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} is none of the {self.folds} folds, counted from 0")
        return self


class Anchors(Section):
    """Anchor boxes of the detector, in the terms of TF-Vision.

    An anchor at level L is ``anchor_size * 2**L`` pixels wide before aspect ratio and scale.
    """

    min_level: PositiveInt = 3
    max_level: PositiveInt = 6
    num_scales: PositiveInt = 3
    aspect_ratios: tuple[PositiveFloat, ...] = (1.0, 2.0, 0.5)
    anchor_size: PositiveFloat = 2.25

    @property
    def per_cell(self) -> int:
        """Number of anchors at each cell of a level."""
        return self.num_scales * len(self.aspect_ratios)


class DetectorData(Section):
    """A folder of images and their annotations: a file or folder in any format.

    ``role`` is ``cutouts`` for images about one galaxy (objects are also pasted onto the fields)
    and ``fields`` for whole survey frames (tiles are cut from them, and they serve as background).
    """

    images: Path
    annotations: Path
    role: Literal["cutouts", "fields"] = "cutouts"
    held_back: PositiveInt | None = None
    """Number of images of this source held back for the test; None uses ``split.test_fraction``.

    Where ``split`` names a fold, it decides instead."""
    smallest: Annotated[float, Field(ge=0)] = 0.0
    """Objects smaller than this many pixels were not annotated."""
    pixel_scale: PositiveFloat | None = None
    """Arcsec per pixel, where it is the same for all images of the source."""


def _known_architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise ValueError(f"must be one of {', '.join(ARCHITECTURES)}")
    return name


class DetectorTraining(Section):
    """Fine-tuning of a detector: data, model, schedule."""

    name: str = "detector"
    architecture: Annotated[str, AfterValidator(_known_architecture)] = "ssd_mobilenet"
    """One of `ARCHITECTURES`."""
    class_names: tuple[str, ...] = ("galaxy",)
    data: tuple[DetectorData, ...]
    split: Split = Split()
    backbone_weights: Literal["imagenet", "none"] | Path = "imagenet"
    start_from: str | None = None
    """Trained detector to start from: the name of a shipped model, a bundle, the folder of a
    training, or a checkpoint of TF-Vision."""
    start_parts: Annotated[
        tuple[Literal["backbone", "decoder", "head"], ...], Field(min_length=1)
    ] = ("backbone", "decoder", "head")
    """What of it is taken; the other parts start as they would without it."""
    freeze_backbone: bool = False
    """Leave the backbone as it starts, its batch norms' statistics too."""
    backbone_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Learning rate of the backbone as a share of ``learning_rate``."""
    input_size: PositiveInt = 320
    anchors: Anchors = Anchors()
    steps: PositiveInt = 3000
    batch_size: PositiveInt = 8
    learning_rate: PositiveFloat = 0.02
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    weight_decay: Annotated[float, Field(ge=0)] = 4e-5
    checkpoint_every: PositiveInt = 250
    validate_every: PositiveInt | None = 500
    """Steps between two measurements on the validation images; the best weights become the model.
    None measures none: the last ones do."""
    patience: PositiveInt | None = None
    """Measurements without a better one after which the training stops."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """What the network computes in; its weights, statistics and losses are always float32."""
    distribution: Literal["none", "mirrored", "multi_worker"] = "none"
    """One device; all GPUs of this machine; or those of all machines that TF_CONFIG names."""
    scale_range: tuple[PositiveFloat, PositiveFloat] = (0.25, 2.0)
    """Smallest and largest scale of training tiles, tile pixels per image pixel."""
    paste_fraction: Fraction = 0.35
    seed: int = 0

    @model_validator(mode="after")
    def _input_fits_levels(self) -> DetectorTraining:
        stride = 2**self.anchors.max_level
        if self.input_size % stride:
            raise ValueError(
                f"input_size {self.input_size} must be a multiple of 2**max_level = {stride}"
            )
        return self

    @model_validator(mode="after")
    def _patience_needs_validation(self) -> DetectorTraining:
        if self.patience is not None and self.validate_every is None:
            raise ValueError("patience needs validate_every")
        return self

    @model_validator(mode="after")
    def _levels_fit_architecture(self) -> DetectorTraining:
        first, last = self.anchors.min_level, self.anchors.max_level
        architecture = ARCHITECTURES[self.architecture]
        if not architecture.takes_levels(first, last):
            allowed = architecture.first_levels or range(1, last + 1)
            raise ValueError(
                f"{self.architecture} needs {architecture.fewest_levels} levels or more, the first "
                f"from {allowed[0]} to {allowed[-1]}; min_level is {first}, max_level {last}"
            )
        return self


class ClassifierData(Section):
    """Images and what labels them.

    ``kind`` says what the labels are:

    - ``labels``: a CSV ``filename,label``;
    - ``probabilities``: a CSV ``filename`` with a column for each class;
    - ``votes``, ``vote_probabilities``: a table of Galaxy Zoo votes, from which the documented
      rules make sets of classes, or the probability of each;
    - ``folders``: a folder of images for each class, in ``images``;
    - ``galaxy10_decals``, ``galaxy10_sdss``: the data set's HDF5 file, in ``images``;
    - ``unlabelled``: none, for a member with a ``teacher``.

    The first four have their table in ``labels``.  ``annotations``, where given, are boxes
    in any format that place the crop; without them the galaxy is found by its light at the centre.
    ``role`` says what the source serves for: ``train`` is divided by galaxy into training,
    validation and test; ``extra``, such as labels that only narrow the class down, is trained on
    alone; ``test`` is measured on alone.
    """

    images: Path
    labels: Path | None = None
    kind: Literal[
        "labels",
        "probabilities",
        "votes",
        "vote_probabilities",
        "folders",
        "galaxy10_decals",
        "galaxy10_sdss",
        "unlabelled",
    ] = "labels"
    annotations: Path | None = None
    role: Literal["train", "extra", "test"] = "train"
    held_back: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the galaxies of a source of role ``extra`` that are measured on instead, by the sets
    of classes that its labels name."""

    @model_validator(mode="after")
    def _held_back_of_extra(self) -> ClassifierData:
        if self.held_back and self.role != "extra":
            raise ValueError(
                "held_back is for sources of role extra; 'split' divides those of role train"
            )
        return self

    @model_validator(mode="after")
    def _tables_where_they_are_read(self) -> ClassifierData:
        if self.kind == "unlabelled" and self.role != "extra":
            raise ValueError("images of kind 'unlabelled' can only be of role extra")
        if self.kind in ("folders", "galaxy10_decals", "galaxy10_sdss", "unlabelled"):
            if self.labels is not None:
                raise ValueError(f"sources of kind {self.kind!r} have no table; leave out 'labels'")
        elif self.labels is None:
            raise ValueError(f"labels of kind {self.kind!r} need their table in 'labels'")
        if self.annotations is not None and self.kind.startswith("galaxy10"):
            raise ValueError(f"images of kind {self.kind!r} have no files for 'annotations'")
        return self

    @property
    def table(self) -> Path:
        """The table of the labels, for those kinds that have one."""
        if self.labels is None:
            raise AttributeError(f"labels of kind {self.kind!r} have no table")
        return self.labels


class ClassifierTraining(Section):
    """Training of the classifier ensemble: data, members, schedule."""

    name: str = "classifier"
    class_names: tuple[str, ...] | Literal["galaxy10_decals", "galaxy10_sdss"] = "galaxy10_decals"
    data: Annotated[tuple[ClassifierData, ...], Field(min_length=1)]
    members: Annotated[tuple[ClassifierMember, ...], Field(min_length=1)]
    weights: Literal["given", "search"] = "given"
    """The members' own, or the best on the validation images of 0, 0.1 ... 1 that sum to 1."""
    split: Split = Split()
    input_size: Annotated[int, Field(ge=32)] = 69
    crop_margin: PositiveFloat = 1.5
    """Side of the square crop over the longer side of the galaxy's box, as in the run."""
    sky: Literal["kept", "removed"] = "kept"
    """What the trained classifier does with the sky of a crop: surveys show it from black to grey.
    The views that it is trained on have skies of every level."""
    views_per_epoch: PositiveInt = 2560
    """Augmented images in an epoch."""
    balance: Balance = Balance()
    augmentation: Augmentation = SurveyAugmentation()
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each label that is spread over all classes."""
    mixup: NonNegativeFloat = 0.0
    """Both parameters of the beta distribution by which two views and their labels are blended; 0
    blends none."""
    seed: int = 0

    @model_validator(mode="after")
    def _indices_mean_the_classes(self) -> ClassifierTraining:
        for data in self.data:
            meant = {
                "votes": "galaxy10_decals",
                "vote_probabilities": "galaxy10_decals",
                "galaxy10_decals": "galaxy10_decals",
                "galaxy10_sdss": "galaxy10_sdss",
            }.get(data.kind)
            if meant is not None and self.class_names != meant:
                raise ValueError(f"labels of kind {data.kind!r} need class_names: {meant}")
        return self

    @model_validator(mode="after")
    def _teachers_are_other_members(self) -> ClassifierTraining:
        members = self.named_members
        for name, member in members.items():
            if (teacher := member.teacher) is None:
                continue
            if teacher not in members or teacher == name:
                raise ValueError(
                    f"the teacher {teacher!r} of {name} is no other member; these are "
                    f"{', '.join(members)}"
                )
            if members[teacher].teacher is not None:
                raise ValueError(f"{teacher}, the teacher of {name}, has a teacher itself")
            if isinstance(members[teacher], KerasFileMember):
                raise ValueError(f"{teacher}, the teacher of {name}, is not trained here")
        return self

    @model_validator(mode="after")
    def _few_enough_to_search(self) -> ClassifierTraining:
        if self.weights == "search" and len(self.members) > MOST_SEARCHED:
            raise ValueError(f"weights: search takes at most {MOST_SEARCHED} members")
        return self

    @property
    def named_members(self) -> dict[str, ClassifierMember]:
        """The members by name: the architecture, numbered where several have the same."""
        kinds = [member.architecture for member in self.members]
        names = [
            kind if kinds.count(kind) == 1 else f"{kind}_{kinds[: i + 1].count(kind)}"
            for i, kind in enumerate(kinds)
        ]
        return dict(zip(names, self.members, strict=True))


class DetectorStage(Section):
    """The first stage: a bundle to use, or what to train in its place."""

    model: str = "ssd_mobilenet"
    train: DetectorTraining | None = None
    score_threshold: Fraction | None = None


class ClassifierStage(Section):
    """The second stage: a bundle to use, or what to train in its place."""

    model: str = "galaxy10_ensemble"
    train: ClassifierTraining | None = None
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Classes of the detector whose objects are classified; by default those that are galaxies by
    their names: see `galpipe.detection.base.galaxy_classes`."""
    crop_margin: PositiveFloat | None = None
    """Side of the square crop over the longer side of the box; by default that with which the
    classifier was trained."""


class RunConfig(Section):
    """Everything that ``galpipe run`` can be told by a file."""

    detector: DetectorStage = DetectorStage()
    classifier: ClassifierStage = ClassifierStage()
    stretch: Stretch | None = None
    """Stretch of fields to colour; by default that on which the detector was trained."""
