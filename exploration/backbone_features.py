"""Features of networks of Keras that are trained on ImageNet."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, InputError, require
from ..imaging import Stretch
from ..models.manifest import DEFAULT_CROP_MARGIN
from .features import IMAGENET, CropRule, FeatureModel

__all__ = ["BACKBONES", "BackboneFeatures"]

BACKBONES = MappingProxyType(
    {
        "efficientnet_b0": ("efficientnet", "EfficientNetB0", 224),
        "inception_v3": ("inception_v3", "InceptionV3", 299),
        "mobilenet_v2": ("mobilenet_v2", "MobileNetV2", 224),
        "resnet50": ("resnet", "ResNet50", 224),
        "vgg16": ("vgg16", "VGG16", 224),
        "xception": ("xception", "Xception", 299),
    }
)
"""Module and class in ``keras.applications``, and input size, of each network by name."""


class BackboneFeatures(FeatureModel):
    """Mean over the image of the last convolutional layer of a network of ``keras.applications``.

    Parameters
    ----------
    name : str
        A key of `BACKBONES`.
    weights : {"imagenet", None}
        ``"imagenet"`` for those that Keras downloads and keeps; None for random ones.

    Raises
    ------
    ConfigError
        If there is no such network.
    InputError
        If the weights cannot be downloaded.
    MissingExtraError
        If Keras is not installed.
    """

    def __init__(self, name: str, weights: Literal["imagenet"] | None = "imagenet") -> None:
        if name not in BACKBONES:
            known = ", ".join(IMAGENET + known for known in BACKBONES)
            raise ConfigError(f"there is no network {IMAGENET}{name}; choose from {known}")
        require("keras", "train")
        from keras import applications

        module, builder, size = BACKBONES[name]
        self.name = IMAGENET + name
        self.crop = CropRule(size, DEFAULT_CROP_MARGIN, Stretch())
        shape = (size, size, 3)
        try:
            self._network: Any = getattr(applications, builder)(
                include_top=False, weights=weights, input_shape=shape, pooling="avg"
            )
        except Exception as error:
            # Keras raises a bare Exception if a download fails.
            raise InputError(
                f"{self.name}: its weights cannot be downloaded ({error}). Connect to the "
                "internet, or name a classifier."
            ) from error
        self._scaled = getattr(applications, module).preprocess_input
        self.networks = {name: int(self._network.output_shape[-1])}
        digest = hashlib.sha256(name.encode())
        for array in self._network.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
        self.fingerprint = digest.hexdigest()

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        scaled = self._scaled(crops.astype(np.float32))
        return np.asarray(self._network.predict_on_batch(scaled), np.float32)
