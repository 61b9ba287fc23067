"""Where in a picture a network sees what speaks for a class: Grad-CAM and HiResCAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .classifier import ExplainedClassifier
from .network import ExplainedNetwork

__all__ = ["HeatMaps", "ensemble_map", "heat_maps"]


class HeatMaps(NamedTuple):
    """Heat maps of the same pictures by two methods.

    Each map is scaled so that its highest value is 1, and is zero where nothing speaks for the
    class.

    Attributes
    ----------
    gradcam : ndarray of float32, shape (N, S, S)
        With the gradients averaged over the picture.
    hirescam : ndarray of float32, shape (N, S, S)
        With the gradients as they are.
    """

    gradcam: NDArray[np.float32]
    hirescam: NDArray[np.float32]


def heat_maps(
    network: ExplainedNetwork,
    pictures: NDArray[np.float32],
    class_ids: Sequence[int],
    layer: str | None = None,
) -> HeatMaps:
    """Return class-activation heat maps.

    Grad-CAM sums the channels of a layer, each times the mean over its pixels of the gradient of
    the class's score by it, and keeps what is positive: Selvaraju et al. 2017, "Grad-CAM: Visual
    Explanations from Deep Networks via Gradient-based Localization", arXiv:1610.02391, equations 1
    and 2.  Where the layers above see places differently, as those behind a ``Flatten`` do, means
    over the picture can cancel and leave nothing.  HiResCAM multiplies each pixel by its own
    gradient instead: Draelos & Carin 2020, arXiv:2011.08891.  Above a global average they agree.

    Parameters
    ----------
    network : ExplainedNetwork
        The network.
    pictures : ndarray of float32, shape (N, S, S, 3)
        RGB in 0..1.
    class_ids : sequence of int
        The class that is asked about, for each picture.
    layer : str, optional
        The layer; by default the last stage, which knows most of the class and least of the place.

    Returns
    -------
    HeatMaps
        As coarse as the layer, interpolated linearly to the size of the pictures.
    """
    name = layer or network.stages[-1]
    [activations] = network.outputs(pictures, [name])
    gradients = network.score_gradient(pictures, class_ids, name)
    return HeatMaps(
        *(
            np.stack([_enlarged(one, network.input_size) for one in (activations * w).sum(axis=3)])
            for w in (gradients.mean(axis=(1, 2), keepdims=True), gradients)
        )
    )


def ensemble_map(classifier: ExplainedClassifier, maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the heat map of an ensemble: the mean of its members' maps in their weights.

    Both methods ask about one network.  The ensemble's probability is the mean of its members' in
    their weights, and so is this map, of maps that are scaled to 1 each: a member counts by its
    weight and not by the size of its gradients, which differs between networks without meaning.

    Parameters
    ----------
    classifier : ExplainedClassifier
        The ensemble.
    maps : ndarray of float32, shape (M, ...)
        Of each member, by one of the methods of `heat_maps`.

    Returns
    -------
    ndarray of float32, shape (...)
        In 0..1; 1 only where all members are at their highest.
    """
    return classifier.combine(maps)


def _enlarged(coarse: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return what is positive of a map at the size of the pictures, scaled to 1."""
    positive = np.maximum(coarse, 0)
    smooth = cv2.resize(positive, (side, side), interpolation=cv2.INTER_LINEAR)
    peak = float(smooth.max())
    return np.asarray(smooth / peak if peak > 0 else smooth, np.float32)
