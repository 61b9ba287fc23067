"""The members of a classifier: the networks that can be trained, and trained ones from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .section import NonNegativeFloat, PositiveFloat, PositiveInt, Section

__all__ = [
    "ClassifierMember",
    "CnnDesign",
    "CnnMember",
    "InputScaling",
    "KerasFileMember",
    "TrainedMember",
    "Vgg16Member",
]


class InputScaling(Section):
    """How 8-bit RGB becomes the network's input: ``pixel * scale + offset``."""

    scale: float
    offset: float


class _Member(Section):
    weight: PositiveFloat = 1.0
    """Share in the mean of the members, where ``weights: given``; only the ratios count."""


class TrainedMember(_Member):
    """Member that is trained here."""

    epochs: PositiveInt = 40
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-3
    patience: PositiveInt = 10
    """Epochs without a better validation loss before the training stops."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """What the network computes in while it is trained; its weights are always float32."""
    teacher: str | None = None
    """Another trained member by its name, such as ``vgg16``: what it says of the images of role
    ``extra`` becomes their labels, within the classes that these leave open."""
    optimizer: Literal["adamw", "rmsprop"] = "adamw"
    learning_rate_schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    """``cosine`` rises to ``learning_rate`` within half an epoch and falls along a cosine; the
    others start with it, and ``plateau`` lowers it when the validation loss has long not fallen."""
    plateau_patience: PositiveInt = 3
    """Epochs without a better validation loss before ``plateau`` lowers the rate."""
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """What ``plateau`` multiplies the rate by."""


class CnnDesign(Section):
    """The layers of a small network: convolutions with 2x2 max pooling, one dense layer, softmax.

    The defaults are the network that ships.
    """

    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=5)] = (
        16,
        32,
        64,
        128,
    )
    """Filters of each convolution."""
    kernel_sizes: tuple[PositiveInt, ...] = (3,)
    """Side of the kernel of each convolution, or one for all."""
    dense: PositiveInt = 64
    """Units of the dense layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of the dense layer's inputs dropped at random in training."""
    l1: NonNegativeFloat = 0.0
    """Penalty on the sum of the absolute weights of the convolutions and the dense layer."""
    l2: NonNegativeFloat = 0.0
    """Penalty on the sum of their squares."""
    batch_norm: bool = True
    """Normalise each batch after every convolution and the dense layer."""

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


class Vgg16Member(TrainedMember):
    """VGG16, fine-tuned.

    What the frozen blocks give is computed once where the augmentation makes few views of an image:
    none but its crop, a mirror, or the flips and quarter turns.  (All these views must be no more
    than the training draws, and their features fit into 2 GiB.)  With any other augmentation, or
    with mixup, the frozen blocks are run on each fresh view.
    """

    architecture: Literal["vgg16"]
    initial_weights: Literal["imagenet", "pretrain", "none"] | Path = "imagenet"
    """Its start: Keras's ImageNet weights (downloaded once), pre-training on all images of this
    training, random weights, or a file of weights."""
    pretrain_epochs: PositiveInt = 6
    """Length of the pre-training, where ``initial_weights`` asks for it."""
    fine_tune_from: Literal["block1", "block2", "block3", "block4", "block5", "top"] = "block5"
    """The first block of convolutions that is trained; those below stay as they start.  ``top``
    trains the dense layers alone."""
    stock_epochs: PositiveInt | None = None
    """Run the frozen blocks on the views of so many epochs alone, and draw those of all epochs from
    these: less variety for less time.  None draws fresh ones."""

    @model_validator(mode="after")
    def _stock_needs_frozen_blocks(self) -> Vgg16Member:
        if self.stock_epochs is not None and self.fine_tune_from == "block1":
            raise ValueError("stock_epochs is of no use where fine_tune_from: block1 freezes none")
        return self


class KerasFileMember(_Member):
    """A trained network in a ``.keras`` or ``.h5`` file, taken as it is."""

    architecture: Literal["keras_file"]
    path: Path
    input_size: PositiveInt
    """Side in pixels of the pictures that it takes."""
    scaling: InputScaling
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    """The classes of the training, in the order of the file's outputs."""
    teacher: ClassVar[None] = None
    """It is not trained: no other member teaches it."""


ClassifierMember = Annotated[
    CnnMember | Vgg16Member | KerasFileMember, Field(discriminator="architecture")
]
