"""Configuration of the training of a detector."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from .architectures import ARCHITECTURES
from .class_map import ClassChanges, ClassMap, check_labelled_classes
from .section import (
    BatchSize,
    ConfigPath,
    Fraction,
    InputSize,
    ModelPath,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Section,
    Split,
)

__all__ = ["Anchors", "DetectorData", "DetectorTraining"]


class Anchors(Section):
    """Anchor boxes of the detector, as TF-Vision defines them.

    An anchor at level L is ``anchor_size * 2**L`` pixels wide before aspect ratio and scale.
    """

    min_level: Annotated[int, Field(gt=0, le=10)] = 3
    """First level of the feature pyramid; its cells are ``2**min_level`` pixels wide."""
    max_level: Annotated[int, Field(gt=0, le=10)] = 6
    """Last level of the feature pyramid."""
    num_scales: Annotated[int, Field(gt=0, le=16)] = 3
    """Number of scales per level, at equal ratios up to the next level."""
    aspect_ratios: Annotated[tuple[PositiveFloat, ...], Field(max_length=16)] = (1.0, 2.0, 0.5)
    """Aspect ratios (width / height) per scale."""
    anchor_size: PositiveFloat = 2.25
    """Width of an anchor in cells of its level."""

    @property
    def per_cell(self) -> int:
        """Number of anchors at each cell of a level."""
        return self.num_scales * len(self.aspect_ratios)


class DetectorData(Section):
    """Images and their annotations."""

    images: ConfigPath
    """Folder of the images."""
    annotations: ConfigPath
    """File or folder of annotations in any format."""
    kind: Literal["cutouts", "fields"] = "cutouts"
    """``cutouts`` for images of one galaxy each, whose objects are also pasted onto the fields;
    ``fields`` for whole survey frames, which are cut into tiles and serve as background."""
    role: Literal["train", "validation", "test"] = "train"
    """``train``: split by galaxy into training, validation and test sets; ``validation``,
    ``test``: a given division, used for this alone."""
    held_out: PositiveInt | None = Field(
        default=None, validation_alias=AliasChoices("held_out", "held_back")
    )
    """Number of images of a source of role ``train`` that are held out for the test; by default
    ``split.test_fraction`` of them.  Ignored if ``split`` names a fold."""
    smallest: NonNegativeFloat = 0.0
    """Size in pixels below which objects were not annotated."""
    pixel_scale: PositiveFloat | None = None
    """Pixel scale in arcsec, if it is the same for all images of the source."""

    @model_validator(mode="before")
    @classmethod
    def _kind_named_role(cls, content: Any) -> Any:
        """Read the kind from ``role``, as earlier versions called it."""
        if isinstance(content, dict) and content.get("role") in ("cutouts", "fields"):
            return {"kind" if key == "role" else key: value for key, value in content.items()}
        return content

    @model_validator(mode="after")
    def _only_training_sources_hold_out(self) -> DetectorData:
        if self.held_out is not None and self.role != "train":
            raise ValueError("held_out is for sources of role train")
        return self


def _known_architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise ValueError(f"must be one of {', '.join(ARCHITECTURES)}")
    return name


class DetectorTraining(Section):
    """Data, model and schedule of the training of a detector."""

    name: str = "detector"
    """Name of the model."""
    architecture: Annotated[str, AfterValidator(_known_architecture)] = "ssd_mobilenet"
    """Key of `ARCHITECTURES`."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)] | ClassChanges = ("galaxy",)
    """Classes of objects, of which the annotations must have no other; or what is changed of the
    classes of the annotations: ``spiral: [barred, tight]`` merges classes by name or index,
    ``star: null`` leaves one out, whose boxes are then ignored like difficult ones."""
    labelled_classes: tuple[str, ...] | None = None
    """Classes of the annotations in order, where ``class_names`` changes them; by default those
    that it names."""
    data: tuple[DetectorData, ...]
    """Sources of annotated images."""
    split: Split = Split()
    """Split of every source of role ``train`` into training, validation and test sets."""
    backbone_weights: Literal["imagenet", "none"] | ConfigPath = "imagenet"
    """Initial weights of the backbone: those of Keras for ImageNet, random ones, or a file."""
    start_from: ModelPath | None = None
    """Trained detector to start from: the name of a shipped model, a bundle, the folder of a
    training, or a checkpoint of TF-Vision."""
    start_parts: Annotated[
        tuple[Literal["backbone", "decoder", "head"], ...], Field(min_length=1)
    ] = ("backbone", "decoder", "head")
    """Parts of the network that start with the weights of ``start_from``."""
    freeze_backbone: bool = False
    """Keep the weights of the backbone, and the statistics of its batch normalization, fixed."""
    backbone_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Learning rate of the backbone relative to ``learning_rate``."""
    input_size: InputSize = 320
    """Width and height of a tile in pixels."""
    anchors: Anchors = Anchors()
    """Anchor boxes."""
    steps: PositiveInt = 3000
    """Number of training steps."""
    batch_size: BatchSize = 8
    """Tiles per step."""
    learning_rate: PositiveFloat = 0.02
    """Peak learning rate; it falls along a cosine."""
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    """Steps of linear increase of the learning rate at the start."""
    weight_decay: NonNegativeFloat = 4e-5
    """Factor of the L2 penalty on the weights."""
    checkpoint_every: PositiveInt = 250
    """Steps between checkpoints."""
    validate_every: PositiveInt | None = 500
    """Steps between measurements on the validation images; the best weights become the model.
    Without them (null) the last weights do."""
    patience: PositiveInt | None = None
    """Measurements without improvement after which the training stops early."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Numeric type of the computations; weights, statistics and losses are always float32."""
    distribution: Literal["none", "mirrored", "multi_worker"] = "none"
    """``none``: one device; ``mirrored``: all GPUs of this machine; ``multi_worker``: those of all
    machines in the environment variable TF_CONFIG."""
    scale_range: tuple[PositiveFloat, PositiveFloat] = (0.25, 2.0)
    """Smallest and largest scale of training tiles, in tile pixels per image pixel."""
    paste_fraction: Fraction = 0.35
    """Fraction of the tiles with pasted galaxies."""
    seed: int = 0
    """Seed of the training."""

    @model_validator(mode="after")
    def _classes_are_known(self) -> DetectorTraining:
        check_labelled_classes(self.labelled_classes, self.class_names)
        ClassMap.of(self.class_names, self.labelled_classes)
        return self

    @model_validator(mode="after")
    def _has_training_data(self) -> DetectorTraining:
        if self.data and all(data.role != "train" for data in self.data):
            raise ValueError("data needs a source of role train")
        return self

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

    @property
    def class_map(self) -> ClassMap:
        """Map of the classes of the annotations to those of the detector."""
        return ClassMap.of(self.class_names, self.labelled_classes)

    @property
    def division(self) -> Split:
        """The split, with the fractions that are not set."""
        return self.split.for_roles([data.role for data in self.data])
