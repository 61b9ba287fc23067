"""Overscan of raw frames: rows and columns of a readout that saw no light."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bands import header_value

__all__ = ["overscan_pixels"]

_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]$")


def overscan_pixels(header: Any, height: int, width: int) -> NDArray[np.bool_] | None:
    """Return the pixels of the overscan by the keywords of IRAF.

    BIASSEC, BIASSECA ... name the overscan; TRIMSEC, or DATASEC, DATASECA ..., the pixels with
    light.  Headers keep these keywords after the frame was trimmed: they are not used where they
    contradict each other, or do not fit the image.

    Parameters
    ----------
    header : astropy.io.fits.Header
        That of the image.
    height, width : int
        Size of the image.

    Returns
    -------
    ndarray of bool, shape (H, W), or None
        All pixels without light; None if the image has no overscan.
    """
    bias = _marked(header, "BIASSEC", height, width)
    data = _marked(header, "TRIMSEC", height, width)
    if data is None and "TRIMSEC" not in header:
        data = _marked(header, "DATASEC", height, width)
    if bias is None or data is None or (bias & data).any():
        return None
    return ~data


def _marked(header: Any, prefix: str, height: int, width: int) -> NDArray[np.bool_] | None:
    """Return the pixels of the sections of a keyword; None unless all fit the image."""
    marked = np.zeros((height, width), dtype=bool)
    for key in header:
        if not key.startswith(prefix):
            continue
        match = _SECTION.match(str(header_value([header], key, str) or "").strip())
        if match is None:
            return None
        numbers = [int(number) for number in match.groups()]
        # A section that was read backwards is written so.
        (left, right), (bottom, top) = sorted(numbers[:2]), sorted(numbers[2:])
        if left < 1 or bottom < 1 or right > width or top > height:
            return None
        marked[bottom - 1 : top, left - 1 : right] = True
    return marked if marked.any() else None
