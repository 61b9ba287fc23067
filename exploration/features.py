"""Features of galaxies: the penultimate layers of the networks of a classifier."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import BATCH
from ..classification.crops import resize_crops
from ..errors import BundleError
from ..imaging import Stretch, remove_sky
from ..models import Bundle, find_bundle
from ..models.feature_network import feature_network
from ..models.litert import LiteRTNetwork
from ..models.manifest import DEFAULT_CROP_MARGIN

__all__ = ["TURNS", "BundleFeatures", "CropRule", "FeatureModel", "open_features"]

TURNS = 4
"""Number of quarter turns over which features are averaged."""

IMAGENET = "imagenet-"
"""Start of the names of networks trained on ImageNet."""


@dataclass(frozen=True)
class CropRule:
    """Rule by which images of single galaxies are cropped for a network.

    Attributes
    ----------
    size : int
        Side of a crop, pixels.
    margin : float
        Side of a crop over the longer side of the galaxy.
    stretch : Stretch
        Stretch of images that are not RGB.
    """

    size: int
    margin: float
    stretch: Stretch

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON-serialisable content of a record."""
        return {
            "size": self.size,
            "margin": self.margin,
            "stretch": self.stretch.model_dump(mode="json"),
        }


class FeatureModel(ABC):
    """Networks that turn crops into features.

    Attributes
    ----------
    name : str
        Name or path by which `open_features` opens it again.
    crop : CropRule
        The crops that it takes.
    networks : mapping of str to int
        Number of features of each network, in order.
    fingerprint : str
        SHA-256 of all that the features depend on: networks, scaling and crops.
    """

    name: str
    crop: CropRule
    networks: Mapping[str, int]
    fingerprint: str

    def __call__(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return the features of crops, the mean over four quarter turns.

        Parameters
        ----------
        crops : ndarray of uint8, shape (N, S, S, 3), or sequence of arrays of different S
            Square RGB crops with the galaxy at the centre; resized to the input size.

        Returns
        -------
        ndarray of float32, shape (N, F)
            The features of the networks one after another.
        """
        prepared = self._prepare(resize_crops(crops, self.crop.size))
        total = np.zeros((len(prepared), sum(self.networks.values())), np.float32)
        for start in range(0, len(prepared), BATCH):
            batch = prepared[start : start + BATCH]
            for turns in range(TURNS):
                turned = np.ascontiguousarray(np.rot90(batch, turns, axes=(1, 2)))
                total[start : start + BATCH] += self._run(turned)
        return total / np.float32(TURNS)

    def _prepare(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return crops of the input size as the networks take them."""
        return crops

    @abstractmethod
    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of one batch."""


class BundleFeatures(FeatureModel):
    """Penultimate layers of the networks of a bundle; those of weight 0 are not used.

    Parameters
    ----------
    bundle : Bundle
        A bundle whose networks take crops of galaxies.
    name : str
        As in `FeatureModel`.

    Raises
    ------
    BundleError
        If it is a detector, is altered, or a network has no penultimate layer.
    """

    def __init__(self, bundle: Bundle, name: str) -> None:
        manifest = bundle.manifest
        if manifest.head is not None:
            raise BundleError(
                f"{bundle.path}: is a detector; features are those of a classifier, name one"
            )
        margin = manifest.crop_margin or DEFAULT_CROP_MARGIN
        self.name = name
        self.crop = CropRule(manifest.input_size, margin, manifest.stretch)
        self._sky_removed = manifest.sky == "removed"
        members = [member for member in manifest.members if member.weight]
        self._networks = []
        for member in members:
            try:
                content = feature_network(bundle.read(member.file))
                self._networks.append(LiteRTNetwork(content, member.scaling))
            except (ValueError, RuntimeError) as error:
                raise BundleError(
                    f"{bundle.path}: '{member.file}' gives no features: {error}"
                ) from error
        blank = np.zeros((1, manifest.input_size, manifest.input_size, 3), np.uint8)
        widths = [_flat(network.run(blank)).shape[1] for network in self._networks]
        self.networks = dict(zip((member.name for member in members), widths, strict=True))
        self.fingerprint = _checksum(
            [
                [manifest.files[member.file], member.scaling.model_dump(mode="json")]
                for member in members
            ],
            manifest.sky,
            self.crop.as_dict(),
        )

    def _prepare(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return remove_sky(crops) if self._sky_removed else crops

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([_flat(network.run(crops)) for network in self._networks], axis=1)


def open_features(name_or_path: str | Path) -> FeatureModel:
    """Open the networks whose features are computed.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped classifier; folder or ``.zip`` of a bundle; folder of a finished training;
        or a network trained on ImageNet, such as ``imagenet-resnet50``.

    Raises
    ------
    BundleError
        If the bundle is missing, altered or a detector, or a network has no penultimate layer.
    ConfigError
        If the network trained on ImageNet is not known.
    InputError
        If its weights cannot be downloaded.
    MissingExtraError
        If it needs packages that are not installed.
    """
    if str(name_or_path).startswith(IMAGENET):
        from .backbone_features import BackboneFeatures

        return BackboneFeatures(str(name_or_path).removeprefix(IMAGENET))
    bundle = find_bundle(name_or_path)
    path = Path(name_or_path)
    return BundleFeatures(bundle, str(path.absolute()) if path.exists() else str(name_or_path))


def _flat(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the only output of a network as one row for each image."""
    (features,) = outputs
    return features.reshape(len(features), -1)


def _checksum(*content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
