"""From the light that arrives to the pixels of a frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .bands import ELECTRONS, READ_NOISE, SATURATION, SKY

__all__ = ["CORRELATION", "observed", "smoothed_noise"]

Image = NDArray[np.float32]

CORRELATION = 0.25
"""Correlation of the noise of neighbouring pixels, as resampling to a common grid leaves it."""


def observed(light: Image, rng: np.random.Generator) -> Image:
    """Sky-subtracted frame of the given light.

    Photons are counted (thousands of electrons in a pixel, so that a normal law stands for
    Poisson's), read noise is added, the noise is smoothed a little and full pixels are cut.

    Parameters
    ----------
    light : ndarray
        Shape (H, W, 3), nanomaggies in i, r, g without noise.
    rng : Generator
        Source of the noise.

    Returns
    -------
    ndarray
        Shape (H, W, 3), float32, nanomaggies.
    """
    frame = np.empty_like(light)
    kernel = _resampling_kernel()
    for band in range(light.shape[2]):
        electrons = np.maximum(light[..., band] + np.float32(SKY[band]), 0) * np.float32(
            ELECTRONS[band]
        )
        spread = np.sqrt(electrons + np.float32(READ_NOISE[band] ** 2))
        noise = rng.standard_normal(spread.shape, dtype=np.float32) * spread
        noise = cv2.sepFilter2D(noise, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
        frame[..., band] = light[..., band] + noise / np.float32(ELECTRONS[band])
    return np.minimum(frame, np.float32(SATURATION))


def smoothed_noise(sigma: float) -> float:
    """Noise of a frame smoothed by a Gaussian of this width (pixels), over that of a pixel."""
    reach = np.arange(-round(6 * sigma), round(6 * sigma) + 1)
    gauss = np.exp(-0.5 * (reach / sigma) ** 2)
    along = np.convolve(gauss / gauss.sum(), _resampling_kernel())
    # Both kernels are separable: the standard deviation along one axis, squared.
    return float((along**2).sum())


def _resampling_kernel() -> NDArray[np.float32]:
    """Kernel (side, 1, side), normalised to keep the variance, of the wanted correlation."""
    # A correlation of c at lag 1 needs 2 s / (1 + 2 s^2) = c, where s is the side weight.
    side = (1 - np.sqrt(1 - 2 * CORRELATION**2)) / (2 * CORRELATION)
    kernel = np.array([side, 1, side])
    return (kernel / np.sqrt((kernel**2).sum())).astype(np.float32)
