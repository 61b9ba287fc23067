"""Lay the points of DS9 regions on the image that they were drawn on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...imaging import FITS_SUFFIXES, read_field
from .ds9_regions import SKY_FRAMES, Region

__all__ = ["points_on_image"]

# The keywords that set the physical pixels apart from those of the array, and their absence.
_PHYSICAL = {"LTV1": 0, "LTV2": 0, "LTM1_1": 1, "LTM2_2": 1, "LTM1_2": 0, "LTM2_1": 0}


def points_on_image(
    regions: Sequence[Region], name: str, image: Path | None
) -> list[NDArray[np.float64]]:
    """Return the points of each region in pixel-edge coordinates of the array.

    Parameters
    ----------
    regions : sequence of Region
        All of one image.
    name : str
        Of the region file, for messages.
    image : Path or None
        The image; read for its world coordinates where a region is given on the sky.

    Returns
    -------
    list of ndarray
        Shape (N, 2): x, y.  The centre of the first pixel is (0.5, 0.5).  Not finite where the
        image has no place for a position on the sky.

    Raises
    ------
    InputError
        If regions on the sky need an image that is missing or has no world coordinates, or
        physical pixels are not those of the array.
    """
    if not regions:
        return []
    ends = np.cumsum([len(region.points) for region in regions])
    frames = np.repeat([region.frame for region in regions], np.diff(ends, prepend=0))
    points = np.array([point for region in regions for point in region.points], dtype=np.float64)
    wcs = None
    for frame in sorted(set(frames)):
        chosen = frames == frame
        if frame in SKY_FRAMES:
            wcs = _world(name, image) if wcs is None else wcs
            points[chosen] = _from_sky(name, wcs, SKY_FRAMES[frame], points[chosen])
        else:
            if frame == "physical":
                _check_physical(name, image)
            points[chosen] -= 0.5
    return np.split(points, ends[:-1])


def _world(name: str, image: Path | None) -> Any:
    if image is None:
        raise InputError(
            f"{name} has regions on the sky, but there is no image of that name to lay them on. "
            "Name the folder that it lies in with --images."
        )
    wcs = read_field(image).wcs
    if wcs is None:
        raise InputError(
            f"{name} has regions on the sky, but {image} has no world coordinates. Save the "
            "regions in image coordinates."
        )
    return wcs


def _from_sky(name: str, wcs: Any, frame: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    from astropy.coordinates import SkyCoord

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            places = SkyCoord(points[:, 0], points[:, 1], unit="deg", frame=frame)
            # astropy counts the centre of the first pixel as 0.
            return np.stack(wcs.world_to_pixel(places), axis=1) + 0.5
    except Exception as error:  # wcslib and the frames of astropy raise a wide range of types
        reason = (str(error).split("\n") or [""])[0][:120]
        raise InputError(
            f"{name} has regions that its image has no place for ({reason}). Save the regions in "
            "image coordinates."
        ) from error


def _check_physical(name: str, image: Path | None) -> None:
    """Refuse physical coordinates where a header sets them apart from the pixels of the array."""
    if image is None or not image.name.lower().endswith(FITS_SUFFIXES):
        return
    from astropy.io import fits

    try:
        with warnings.catch_warnings(), fits.open(image, mode="readonly") as hdus:
            warnings.simplefilter("ignore")
            apart = any(
                hdu.header.get(key, value) != value
                for hdu in hdus
                for key, value in _PHYSICAL.items()
            )
    except Exception as error:  # a damaged file reaches astropy's readers at any point
        raise InputError(f"Cannot read the header of {image}. Copy it again.") from error
    if apart:
        raise InputError(
            f"{name} counts the pixels of the detector that {image.name} was cut from (physical "
            "coordinates). Save the regions in image coordinates."
        )
