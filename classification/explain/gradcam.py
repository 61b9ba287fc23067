"""Class activation maps: Grad-CAM and HiResCAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .network import ExplainedNetwork

__all__ = ["HeatMaps", "heat_maps"]


class HeatMaps(NamedTuple):
    """Heat maps of the same images by two methods.

    Each map is scaled to a maximum of 1, and zero where there is no evidence for the class.

    Attributes
    ----------
    gradcam : ndarray of float32, shape (N, S, S)
        Sum of the channels, weighted by their mean gradients.
    hirescam : ndarray of float32, shape (N, S, S)
        Sum of the channels, with each pixel weighted by its gradient.
    """

    gradcam: NDArray[np.float32]
    hirescam: NDArray[np.float32]


def heat_maps(
    network: ExplainedNetwork,
    images: NDArray[np.float32],
    class_ids: Sequence[int],
    layer: str | None = None,
) -> HeatMaps:
    """Compute class activation maps.

    Grad-CAM sums the channels of a layer, each weighted by the spatial mean of the gradient of the
    class score, and keeps the positive part (Selvaraju et al. 2017, arXiv:1610.02391, equations 1
    and 2).  If the following layers depend on the position, as after a ``Flatten``, positive and
    negative gradients may cancel in the mean.  HiResCAM weights each pixel by its own gradient
    (Draelos & Carin 2020, arXiv:2011.08891).  Before a global average pooling the two agree.

    Parameters
    ----------
    network : ExplainedNetwork
    images : ndarray of float32, shape (N, S, S, 3)
        RGB in 0..1.
    class_ids : sequence of int
        Class index for each image.
    layer : str, optional
        Name of the layer; by default the last of ``network.stages``.

    Returns
    -------
    HeatMaps
        At the resolution of the layer, interpolated linearly to the size of the images.
    """
    name = layer or network.stages[-1]
    [activations] = network.outputs(images, [name])
    gradients = network.score_gradient(images, class_ids, name)
    means = gradients.mean(axis=(1, 2), keepdims=True)
    return HeatMaps(
        *(
            np.stack([_resized(m, network.input_size) for m in (activations * w).sum(axis=3)])
            for w in (means, gradients)
        )
    )


def _resized(heat: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resize the positive part of a map to the size of the images, and scale it to at most 1."""
    smooth = cv2.resize(np.maximum(heat, 0), (size, size), interpolation=cv2.INTER_LINEAR)
    peak = float(smooth.max())
    return np.asarray(smooth / peak if peak > 0 else smooth, np.float32)
