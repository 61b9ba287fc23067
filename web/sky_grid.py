"""Sky coordinates on a grid of a field, from which a page interpolates those of any pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ..imaging import Field

__all__ = ["SkyGrid", "sky_grid"]

_COARSEST, _FINEST = 8, 128  # cells along each side
_TOLERANCE = 0.05  # pixels


class SkyGrid(BaseModel):
    """Right ascension and declination at the corners of equal cells of a field.

    The coordinates of a pixel are those of the bilinear mean of the unit vectors of its cell.
    """

    cells: int
    """Cells along each side."""
    ra: list[float | None]
    """ICRS degrees, row by row from row 0; None outside of the projection."""
    dec: list[float | None]


def sky_grid(field: Field) -> SkyGrid | None:
    """Return the sky coordinates of a field on a grid fine enough to interpolate.

    Parameters
    ----------
    field : Field
        The field.

    Returns
    -------
    SkyGrid or None
        None without a WCS.  The grid is refined until the interpolation is good to 0.05 pixels at
        the middles of all cells, to at most 128 cells along each side.
    """
    if field.wcs is None:
        return None
    cells = _COARSEST
    while True:
        ra, dec = _positions(field, cells)
        if cells >= _FINEST or _error(field, ra, dec, cells) < _TOLERANCE:
            return SkyGrid(cells=cells, ra=_numbers(ra), dec=_numbers(dec))
        cells *= 2


def _positions(field: Field, cells: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.linspace(0, field.width, cells + 1)
    y = np.linspace(0, field.height, cells + 1)
    return field.sky(x[None, :], y[:, None])


def _error(field: Field, ra: NDArray[np.float64], dec: NDArray[np.float64], cells: int) -> float:
    """Return the largest error of the interpolation at the middles of the cells, in pixels."""
    corners = _vectors(ra, dec)
    middles = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    x = (np.arange(cells) + 0.5) * field.width / cells
    y = (np.arange(cells) + 0.5) * field.height / cells
    true = _vectors(*field.sky(x[None, :], y[:, None]))
    middles /= np.linalg.norm(middles, axis=2, keepdims=True)
    offset = np.linalg.norm(middles - true, axis=2)
    scale = np.radians((field.pixel_scale or 1) / 3600)
    return float(np.nan_to_num(offset / scale).max())


def _vectors(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    east, north = np.radians(ra), np.radians(dec)
    return np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1
    )


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [None if number != number else round(number, 8) for number in values.ravel().tolist()]
