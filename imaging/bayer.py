"""Colour of raw frames of a single-shot colour camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .bands import header_value

__all__ = ["bayer_pattern", "debayer"]

_PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
_KEYS = ("BAYERPAT", "COLORTYP", "BAYER")
# Bilinear interpolation: the mean of the two or four nearest pixels of the colour.
_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


def bayer_pattern(headers: Sequence[Any], height: int) -> str | None:
    """Return the colours of the first four pixels of the array.

    BAYERPAT (or COLORTYP) names the colours from the top of the picture. With ROWORDER BOTTOM-UP
    the array begins at the bottom, so the rows of the pattern change places if the height is even.
    XBAYROFF and YBAYROFF move the pattern.

    Parameters
    ----------
    headers : sequence of astropy.io.fits.Header
        That of the image, then the primary header.
    height : int
        Rows of the image.

    Returns
    -------
    str or None
        Such as ``RGGB``: two pixels of the first row of the array, then two of the second; None if
        the image is not raw.

    Examples
    --------
    >>> bayer_pattern([{"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}], 100)
    'GBRG'
    """
    found = (str(header_value(headers, key, str) or "").strip(" '").upper() for key in _KEYS)
    pattern = next((name for name in found if name in _PATTERNS), None)
    if pattern is None:
        return None
    across, down = (
        int(header_value(headers, key, float) or 0) % 2 for key in ("XBAYROFF", "YBAYROFF")
    )
    rows = str(header_value(headers, "ROWORDER", str) or "").strip().upper()
    if rows == "BOTTOM-UP" and height % 2 == 0:
        down = 1 - down
    cells = np.array(list(pattern)).reshape(2, 2)
    return "".join(np.roll(cells, (down, across), axis=(0, 1)).ravel())


def debayer(pixels: NDArray[np.float32], bad: NDArray[np.bool_], pattern: str) -> NDArray[Any]:
    """Interpolate the three colours of a raw frame bilinearly.

    OpenCV's own conversion takes integers only.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        The raw frame.
    bad : ndarray of bool, shape (H, W)
        Pixels that do not contribute.
    pattern : str
        As `bayer_pattern` returns it.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        Red, green, blue on the same pixels; the measured values where there is one.
    """
    height, width = pixels.shape
    cells = np.tile(np.array(list(pattern)).reshape(2, 2), (height // 2 + 1, width // 2 + 1))
    colours = cells[:height, :width]
    planes = []
    for colour in "RGB":
        known = ((colours == colour) & ~bad).astype(np.float32)
        kernel = _CROSS if colour == "G" else _SQUARE
        # Reflected about the outermost pixel, the pattern continues beyond the edge.
        light, weight = (
            cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
            for plane in (np.where(known > 0, pixels, np.float32(0)), known)
        )
        plane = np.divide(light, weight, out=np.zeros_like(light), where=weight > 0)
        planes.append(np.where(known > 0, pixels, plane))
    return np.stack(planes, axis=2).astype(np.float32, copy=False)
