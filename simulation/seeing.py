"""How sharp a picture is: the width of its stars."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging.background import noise_level, smoothed_grey

__all__ = ["seeing"]

# Peaks that are clear of the noise and not flattened by the 8 bits, alone on so many pixels.
_CLEAR, _BRIGHTEST, _ALONE = 10.0, 150.0, 11
_FEWEST = 3
# Galaxies and blends are broader than stars: the share of the peaks that are sharper than a star.
_SHARPEST_SHARE = 25.0
# The grey picture was smoothed by one pixel before.
_SMOOTHED = 1.0


def seeing(rgb: NDArray[np.uint8]) -> float | None:
    """Measure the point spread function of a picture.

    At the peak of a Gaussian of standard deviation s the second derivatives are -1/s**2 of its
    height, whatever the height and the sky beside it.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    float or None
        Standard deviation, pixels; None if the picture shows too few stars.
    """
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    light = grey - sky
    peaks = (light >= cv2.dilate(light, np.ones((_ALONE, _ALONE)))) & (light < _BRIGHTEST)
    peaks &= light > _CLEAR * noise
    peaks[[0, -1]] = peaks[:, [0, -1]] = False
    y, x = np.nonzero(peaks)
    centre = light[y, x]
    around = light[y, x + 1] + light[y, x - 1] + light[y + 1, x] + light[y - 1, x]
    curvature = (4 * centre - around) / (2 * centre)
    variances = 1 / curvature[curvature > 0]
    if len(variances) < _FEWEST:
        return None
    variance = float(np.percentile(variances, _SHARPEST_SHARE))
    return float(np.sqrt(max(variance - _SMOOTHED**2, 0.0)))
