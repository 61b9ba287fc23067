"""Overscan of raw frames: rows and columns of a readout that saw no light."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bands import header_value
from .sky_steps import SkySection

__all__ = ["overscan_pixels", "sections_with_light"]

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
    sections = sections_with_light(header, height, width)
    if sections is None:
        return None
    overscan = np.ones((height, width), dtype=bool)
    for section in sections:
        overscan[section.window] = False
    return overscan


def sections_with_light(header: Any, height: int, width: int) -> list[SkySection] | None:
    """Return the parts of an image that saw light, by the same keywords.

    Parameters
    ----------
    header, height, width : astropy.io.fits.Header, int, int
        As in `overscan_pixels`.

    Returns
    -------
    list of SkySection, or None
        None if the image has no overscan.
    """
    bias = _sections(header, "BIASSEC", height, width)
    data = _sections(header, "TRIMSEC", height, width)
    if data is None and "TRIMSEC" not in header:
        data = _sections(header, "DATASEC", height, width)
    if bias is None or data is None or any(one.shared(two) for one in bias for two in data):
        return None
    return data


def _sections(header: Any, prefix: str, height: int, width: int) -> list[SkySection] | None:
    """Return the sections of a keyword; None unless all fit the image."""
    found = []
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
        found.append(SkySection(bottom - 1, top, left - 1, right))
    return found or None
