"""Activation maximization: images that maximize the response of filters, by gradient ascent."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .network import ExplainedNetwork

__all__ = ["maximize_activations"]

STEPS = 32
"""Number of steps of the gradient ascent."""

STEP_SIZE = 0.04
"""Root mean square change per step; images range from 0 to 1."""

_BATCH = 16


def maximize_activations(
    network: ExplainedNetwork, layer: str, filters: Sequence[int], seed: int = 0
) -> NDArray[np.uint8]:
    """Generate an image for each filter that maximizes its mean pre-activation.

    Gradient ascent starts from weak grey noise (Erhan et al. 2009, "Visualizing Higher-Layer
    Features of a Deep Network"), in steps of equal size, clipped to the range of the image.
    Gradients are smoothed slightly, which suppresses high-frequency patterns.

    Parameters
    ----------
    network : ExplainedNetwork
    layer : str
        Name of the layer.
    filters : sequence of int
        Channels of the layer.
    seed : int
        Seed of the noise.  The image of a filter is independent of the other filters.

    Returns
    -------
    ndarray of uint8, shape (len(filters), S, S, 3)
        RGB.
    """
    side = network.input_size
    noise = np.random.default_rng(seed).normal(0.5, 0.02, (side, side, 3)).astype(np.float32)
    result = np.empty((len(filters), side, side, 3), np.uint8)
    for start in range(0, len(filters), _BATCH):
        batch = list(filters[start : start + _BATCH])
        images = np.repeat(noise[None], len(batch), axis=0)
        for _ in range(STEPS):
            step = _normalized(network.channel_gradient(images, batch, layer))
            images = np.clip(images + STEP_SIZE * step, 0, 1)
        result[start : start + _BATCH] = np.rint(images * 255).astype(np.uint8)
    return result


def _normalized(gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth each gradient and scale it to a root mean square of 1, unless it is zero."""
    smooth = np.stack([cv2.GaussianBlur(gradient, (0, 0), 0.7) for gradient in gradients])
    rms = np.sqrt(np.square(smooth).mean(axis=(1, 2, 3), keepdims=True))
    scaled: NDArray[np.float32] = smooth / np.maximum(rms, np.finfo(np.float32).tiny)
    return scaled
