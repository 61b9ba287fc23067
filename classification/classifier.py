"""A classifier from a bundle, one network or a weighted ensemble: crops in, probabilities out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..imaging import remove_sky
from ..models.bundle import Bundle
from ..models.litert import LiteRTNetwork

__all__ = ["Classifier"]

# Measured: dynamic int8 VGG16 is at its best in batches of about this many crops.
_BATCH = 16


class Classifier:
    """Says of crops what kind of galaxy they show.

    Parameters
    ----------
    bundle : Bundle
        A bundle whose task is ``classifier``.

    Raises
    ------
    BundleError
        If the bundle is no classifier, is altered, or a network does not fit its manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        if manifest.task != "classifier":
            raise BundleError(f"{bundle.path}: is a {manifest.task}, not a classifier")
        self.bundle = bundle
        self.class_names = manifest.class_names
        self.input_size = manifest.input_size
        self._sky_removed = manifest.sky == "removed"
        self.member_names = tuple(member.name for member in manifest.members)
        weights = np.array([member.weight for member in manifest.members])
        self._weights = weights / weights.sum()
        self._networks = []
        for member in manifest.members:
            try:
                network = LiteRTNetwork(bundle.read(member.file), member.scaling)
            except (ValueError, RuntimeError) as error:
                raise BundleError(
                    f"{bundle.path}: '{member.file}' cannot be run: {error}"
                ) from error
            if network.input_size != self.input_size:
                raise BundleError(
                    f"{bundle.path}: '{member.file}' takes {network.input_size} pixels, "
                    f"the manifest says {self.input_size}"
                )
            self._networks.append(network)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the class probabilities of each crop.

        Parameters
        ----------
        crops : ndarray of uint8, shape (N, H, W, 3)
            Square RGB crops, the galaxy at the centre; resized to the network's input.

        Returns
        -------
        ndarray of float32, shape (N, C)
            Probabilities over :attr:`class_names`, summing to 1.
        """
        return self.combine(self.predict_members(crops))

    def predict_members(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of each member: shape (M, N, C)."""
        resized = self._resize(crops)
        if self._sky_removed:
            resized = remove_sky(resized)
        result = np.empty((len(self._networks), len(crops), len(self.class_names)), np.float32)
        for row, network in zip(result, self._networks, strict=True):
            for start in range(0, len(crops), _BATCH):
                (probabilities,) = network.run(resized[start : start + _BATCH])
                row[start : start + _BATCH] = probabilities
        return result

    def combine(self, members: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weighted mean (N, C) of the members' probabilities (M, N, C)."""
        return np.tensordot(self._weights, members, axes=1).astype(np.float32)

    def _resize(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        side = (self.input_size, self.input_size)
        if crops.shape[1:3] == side:
            return crops
        resized = np.empty((len(crops), *side, 3), np.uint8)
        for target, crop in zip(resized, crops, strict=True):
            shrinks = crop.shape[0] > self.input_size
            cv2.resize(
                crop, side, dst=target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            )
        return resized
