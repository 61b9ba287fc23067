"""The grey picture in which isophotes are measured, its sky and its noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["noise_level", "smoothed_grey"]

_SMOOTHING = 1.0


def smoothed_grey(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the mean of the colours, smoothed by a Gaussian of one pixel, shape (H, W)."""
    grey = image.astype(np.float32).mean(axis=2)
    return cv2.GaussianBlur(grey, (0, 0), _SMOOTHING)


def noise_level(grey: NDArray[np.float32]) -> tuple[float, float]:
    """Return the sky and its noise (from the median absolute deviation) in a smoothed image."""
    sample = grey[::3, ::3]
    sky = float(np.median(sample))
    # 8-bit pictures whose sky is cut at black have no measurable noise: half a count then.
    return sky, max(1.4826 * float(np.median(np.abs(sample - sky))), 0.5)
