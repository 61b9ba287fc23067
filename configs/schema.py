"""The one schema of every configuration file: what can be said, its defaults and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..imaging import Stretch

__all__ = [
    "Anchors",
    "ClassifierData",
    "ClassifierMember",
    "ClassifierStage",
    "ClassifierTraining",
    "CnnMember",
    "DetectorData",
    "DetectorStage",
    "DetectorTraining",
    "FoldSplit",
    "RunConfig",
    "Split",
    "Vgg16Member",
]

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of a configuration; an unknown key is an error, so that no slip is silent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(Section):
    """How images are divided; always by galaxy, so that no twin stands on both sides."""

    test_fraction: Fraction = 0.2
    validation_fraction: Fraction = 0.1
    seed: int = 0


class FoldSplit(Split):
    """A division, or one fold of a cross-validation."""

    folds: Annotated[int, Field(ge=2)] | None = None
    """Number of folds; each image is held back in one of them, whatever else asks for."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Which of them is held back for the test, from 0."""

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> FoldSplit:
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


class DetectorData(Section):
    """One folder of images with its folder of labelImg Pascal-VOC annotations.

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


class DetectorTraining(Section):
    """Fine-tuning of a detector: data, model, schedule."""

    name: str = "detector"
    architecture: Literal["ssd_mobilenet"] = "ssd_mobilenet"
    class_names: tuple[str, ...] = ("galaxy",)
    data: tuple[DetectorData, ...]
    split: FoldSplit = FoldSplit()
    backbone_weights: Literal["imagenet", "none"] | Path = "imagenet"
    input_size: PositiveInt = 320
    anchors: Anchors = Anchors()
    steps: PositiveInt = 3000
    batch_size: PositiveInt = 8
    learning_rate: PositiveFloat = 0.02
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    weight_decay: Annotated[float, Field(ge=0)] = 4e-5
    checkpoint_every: PositiveInt = 250
    scale_range: tuple[PositiveFloat, PositiveFloat] = (0.25, 1.5)
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


class ClassifierData(Section):
    """One folder of images with the table that labels them.

    ``labels`` is a CSV; ``kind`` says how it is read: ``votes`` (Galaxy Zoo 2 vote fractions,
    turned into classes by the documented rule) or ``labels`` (``filename,label``).
    ``annotations``, where given, are Pascal-VOC boxes that place the crop; without them the galaxy
    is found by its light at the centre.  ``role`` says what the source serves for: ``train`` is
    divided by galaxy into training, validation and test; ``extra``, such as labels that only
    narrow the class down, is trained on alone; ``test`` is measured on alone.
    """

    images: Path
    labels: Path
    kind: Literal["votes", "labels"] = "labels"
    annotations: Path | None = None
    role: Literal["train", "extra", "test"] = "train"


class _Member(Section):
    weight: PositiveFloat
    epochs: PositiveInt = 40
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-3
    patience: PositiveInt = 10
    """Epochs without a better validation loss before the training stops."""


class CnnMember(_Member):
    """The small network, trained from random weights."""

    architecture: Literal["cnn"]


class Vgg16Member(_Member):
    """VGG16, fine-tuned."""

    architecture: Literal["vgg16"]
    initial_weights: Literal["imagenet", "pretrain", "none"] | Path = "imagenet"
    """Its start: Keras's ImageNet weights (downloaded once), pre-training on all images of this
    training, random weights, or a file of weights."""
    pretrain_epochs: PositiveInt = 6
    """Length of the pre-training, where ``initial_weights`` asks for it."""
    fine_tune_from: Literal["block1", "block2", "block3", "block4", "block5"] = "block5"
    """The first block of convolutions that is trained; those below stay as they start."""


ClassifierMember = Annotated[CnnMember | Vgg16Member, Field(discriminator="architecture")]


class ClassifierTraining(Section):
    """Training of the classifier ensemble: data, members, schedule."""

    name: str = "classifier"
    class_names: tuple[str, ...] | Literal["galaxy10_decals"] = "galaxy10_decals"
    data: Annotated[tuple[ClassifierData, ...], Field(min_length=1)]
    members: Annotated[tuple[ClassifierMember, ...], Field(min_length=1)]
    split: Split = Split()
    input_size: Annotated[int, Field(ge=32)] = 69
    crop_margin: PositiveFloat = 1.5
    """Side of the square crop over the longer side of the galaxy's box, as in the run."""
    views_per_epoch: PositiveInt = 2560
    """Augmented images in an epoch, rare classes drawn more often."""
    seed: int = 0

    @model_validator(mode="after")
    def _votes_mean_the_ten_classes(self) -> ClassifierTraining:
        votes = any(data.kind == "votes" for data in self.data)
        if votes and self.class_names != "galaxy10_decals":
            raise ValueError("labels of kind 'votes' need class_names: galaxy10_decals")
        return self


class DetectorStage(Section):
    """The first stage: a bundle to use, or what to train in its place."""

    model: str = "ssd_mobilenet"
    train: DetectorTraining | None = None
    score_threshold: Fraction | None = None


class ClassifierStage(Section):
    """The second stage: a bundle to use, or what to train in its place."""

    model: str = "galaxy10_ensemble"
    train: ClassifierTraining | None = None
    crop_margin: PositiveFloat = 1.5
    """Side of the square crop over the longer side of the box."""


class RunConfig(Section):
    """Everything that ``galpipe run`` can be told by a file."""

    detector: DetectorStage = DetectorStage()
    classifier: ClassifierStage = ClassifierStage()
    stretch: Stretch = Stretch()
