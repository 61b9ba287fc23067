"""The picture that a filter responds to: gradient ascent from noise."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .network import ExplainedNetwork

__all__ = ["filter_patterns"]

STEPS = 32
"""Steps of the ascent, each of which moves a value by `RATE` on the average."""

RATE = 0.04
"""In units of the range from black to white."""

_BATCH = 16


def filter_patterns(
    network: ExplainedNetwork, layer: str, filters: Sequence[int], seed: int = 0
) -> NDArray[np.uint8]:
    """Return for each filter a picture to which it responds strongly.

    Weak grey noise is changed along the gradient of the filter's mean response before the
    activation (Erhan et al. 2009, "Visualizing Higher-Layer Features of a Deep Network"), in steps
    of equal size, and stays between black and white.  The gradient is smoothed a little first, or
    else single pixels would win, which mean nothing to an eye.

    Parameters
    ----------
    network : ExplainedNetwork
        The network.
    layer : str
        One of its layers.
    filters : sequence of int
        Its channels that are asked about.
    seed : int
        Of the noise; a filter's pattern does not depend on which others are asked about.

    Returns
    -------
    ndarray of uint8, shape (filters, S, S, 3)
        RGB.
    """
    side = network.input_size
    noise = np.random.default_rng(seed).normal(0.5, 0.02, (side, side, 3)).astype(np.float32)
    patterns = np.empty((len(filters), side, side, 3), np.uint8)
    for start in range(0, len(filters), _BATCH):
        some = list(filters[start : start + _BATCH])
        pictures = np.repeat(noise[None], len(some), axis=0)
        for _ in range(STEPS):
            rise = network.channel_gradient(pictures, some, layer)
            pictures = np.clip(pictures + RATE * _even(rise), 0, 1)
        patterns[start : start + _BATCH] = np.rint(pictures * 255).astype(np.uint8)
    return patterns


def _even(rise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return gradients smoothed and of root mean square 1 each; zero where there is none."""
    smooth = np.stack([cv2.GaussianBlur(one, (0, 0), 0.7) for one in rise])
    size = np.sqrt(np.square(smooth).mean(axis=(1, 2, 3), keepdims=True))
    return smooth / np.maximum(size, np.finfo(np.float32).tiny)
