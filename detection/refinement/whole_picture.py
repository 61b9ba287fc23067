"""Sky and noise of a whole picture, for the refinement of boxes in a window of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...imaging.background import MAD_TO_SIGMA, median, noise_level, sky_level

__all__ = ["WholePicture"]

# Longest side in pixels of an image of a single galaxy.
_CUTOUT = 640
_SAMPLING = 3


@dataclass(frozen=True)
class WholePicture:
    """A picture, and the place of a window in it.

    Attributes
    ----------
    height, width : int
        Size of the picture, pixels.
    sky, noise : float
        Those that isophotes refer to, grey levels.
    spread : tuple of float
        Logarithms of two estimates of the noise, in units of `noise`.
    plain_sky : float
        The sky that light profiles refer to, grey levels.
    left, top : int
        Column and row of the first pixel of the window.
    factor : float
        Pixels of the picture per pixel of the window; all other lengths are those of the window.
    """

    height: int
    width: int
    sky: float
    noise: float
    spread: tuple[float, float]
    plain_sky: float
    left: int = 0
    top: int = 0
    factor: float = 1.0

    @classmethod
    def of(cls, grey: NDArray[np.float32], shape: tuple[int, ...] | None = None) -> WholePicture:
        """Measure a picture.

        Parameters
        ----------
        grey : ndarray of float32, shape (H, W)
            From :func:`~galpipe.imaging.background.smoothed_grey`; of the picture, or of a sample.
        shape : tuple of int, optional
            Rows and columns of the picture, if `grey` is a sample.
        """
        height, width = shape or grey.shape
        # In cutouts, isophotes are relative to the noise of the whole image, galaxy included.
        sky, noise = noise_level(grey, clipped=max(height, width) > _CUTOUT)
        sample = grey[::_SAMPLING, ::_SAMPLING].ravel()
        spread = _spread((sample - np.float32(sky)) / np.float32(noise))
        return cls(height, width, sky, noise, spread, sky_level(grey))


def _spread(sample: NDArray[np.float32]) -> tuple[float, float]:
    """Return logarithms of two noise estimates: from pixels below the sky, and sigma-clipped."""
    below = -sample[sample < 0]
    low = max(MAD_TO_SIGMA * median(below), 0.1) if below.size else 0.1
    for _ in range(5):
        sample = sample[np.abs(sample) < 3 * sample.std() + 1e-6]
    return float(np.log(low)), float(np.log(max(sample.std(), 0.1)))
