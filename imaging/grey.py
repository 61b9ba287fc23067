"""The grey picture in which isophotes are measured: its sky, its noise, and what shines above."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["clipped_noise_level", "extent", "isophote", "noise_level", "smoothed_grey"]

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


def clipped_noise_level(grey: NDArray[np.float32]) -> tuple[float, float]:
    """Return the sky and its noise as `noise_level` does, without what shines three times above.

    Of a field that is crowded, a third of it galaxies, the plain noise is four times that of the
    sky between them.
    """
    sample = grey[::3, ::3].ravel()
    while True:
        sky = float(np.median(sample))
        noise = max(1.4826 * float(np.median(np.abs(sample - sky))), 0.5)
        kept = sample[sample < sky + 3 * noise]
        if len(kept) == len(sample):
            return sky, noise
        sample = kept


def isophote(grey: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Return the mask of the connected region above a level that holds the brightest pixel."""
    above = (grey > level).astype(np.uint8)
    _, regions = cv2.connectedComponents(above)
    peak = np.unravel_index(int(grey.argmax()), grey.shape)
    return (regions == regions[peak]) & (above > 0)


def extent(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return the box ``xmin, ymin, xmax, ymax`` of the pixels of a mask; zeros if it has none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
