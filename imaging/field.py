"""A survey field: pixels, bands, world coordinates and origin; limits of its size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..files.memory import available_memory
from .sky import pixels_of, sky_of

__all__ = [
    "MAX_BYTES",
    "MAX_MEMORY",
    "MAX_PIXELS",
    "MIN_SIDE",
    "Band",
    "Field",
    "NotInWindowsError",
    "TooLargeError",
    "check_side",
    "check_size",
    "check_usable",
]

MIN_SIDE = 8
"""Minimum side in pixels."""
MAX_PIXELS = 2**28
"""Maximum number of pixels, 16384 x 16384."""
MAX_MEMORY = 8 * 2**30
"""Maximum memory in bytes that reading and searching a field may take."""
MAX_BYTES = 4 * 2**30
"""Maximum size of a decompressed file in bytes."""

# Bytes per pixel that a field takes at the peak of its preparation, besides the data as decoded:
# measured on fields of 6 to 16 megapixels, and on pictures with an uneven sky of up to 268, and
# rounded up.
_LINEAR = {1: 36, 3: 52}
_FINISHED = 26


@dataclass(frozen=True)
class Band:
    """Properties of one band of a field, as its file gives them.

    Attributes
    ----------
    name : str
        Filter, such as ``r``; empty if unknown.
    unit : str
        Unit of the pixels; empty if unknown.
    zero_point : float or None
        Magnitude of one unit of flux.
    gain : float or None
        Electrons per unit of flux.
    saturation : float or None
        Pixel value from which pixels are saturated.
    """

    name: str = ""
    unit: str = ""
    zero_point: float | None = None
    gain: float | None = None
    saturation: float | None = None


@dataclass(frozen=True, eq=False)
class Field:
    """Survey field as read.

    Attributes
    ----------
    pixels : ndarray
        Shape (H, W, C), C = 1 or 3 (red, green, blue: i, r, g of SDSS, z, r, g of DECaLS). float32
        in the flux unit of the file for FITS; uint8, uint16 or float32 for pictures.
    identifier : str
        Short name, unique among the fields of a run, for messages and file names.
    paths : tuple of Path
        Files of the field: one, or three bands; none for a field from memory.
    checksum : str
        SHA-256 of the concatenated files, or of the pixels.
    bad : ndarray
        Shape (H, W), bool: True where a band has no valid data. Such pixels are 0.
    wcs : astropy.wcs.WCS or None
        Celestial, two axes.
    pixel_scale : float or None
        Arcseconds per pixel.
    origin : {"upper", "lower"}
        Position of row 0 when displayed: at the top (pictures) or at the bottom (FITS).
    linear : bool
        The pixels are proportional to flux; False for a finished picture.
    photographic : bool
        The pixels are a scan of a photographic plate, so they are only roughly proportional to
        flux.
    bands : tuple of Band
        One per channel.
    bad_counts : mapping of str to int
        Number of bad pixels by cause, such as ``"not finite"``.
    notes : tuple of str
        Notes for the user on the reading.
    images : tuple of str
        Selected images of each file, such as ``CCD2``; empty if the files hold no other field.
    corner : tuple of float
        Column and row of the first pixel, for a window of a larger field.
    step : tuple of float
        Pixels of the larger field per pixel, along x and y.

    Raises
    ------
    ValueError
        If the shapes are inconsistent.
    """

    pixels: NDArray[Any]
    identifier: str
    paths: tuple[Path, ...]
    checksum: str
    bad: NDArray[np.bool_]
    wcs: Any | None = None
    pixel_scale: float | None = None
    origin: Literal["upper", "lower"] = "upper"
    linear: bool = True
    photographic: bool = False
    bands: tuple[Band, ...] = ()
    bad_counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    corner: tuple[float, float] = (0, 0)
    step: tuple[float, float] = (1, 1)

    def __post_init__(self) -> None:
        if not self.bands:
            object.__setattr__(self, "bands", (Band(),) * self.pixels.shape[-1])
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3):
            raise ValueError(f"pixels must be (H, W, 1) or (H, W, 3), not {self.pixels.shape}")
        if self.bad.shape != self.pixels.shape[:2]:
            raise ValueError(f"bad must be {self.pixels.shape[:2]}, not {self.bad.shape}")
        if len(self.bands) != self.pixels.shape[2]:
            raise ValueError(f"{self.pixels.shape[2]} channels need as many bands")

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.pixels.shape[1])

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the right ascension and declination of points of the field.

        Parameters
        ----------
        x, y : array_like
            Pixel-edge coordinates: the centre of the first pixel is (0.5, 0.5).

        Returns
        -------
        ra, dec : ndarray
            ICRS degrees, right ascension in 0..360; NaN without a WCS and outside the projection.
        """
        across, down = np.broadcast_arrays(
            np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        )
        if self.wcs is None:
            return np.full(across.shape, np.nan), np.full(across.shape, np.nan)
        (left, top), (wide, high) = self.corner, self.step
        return sky_of(self.wcs, across * wide + left, down * high + top)

    def pixel(
        self, ra: ArrayLike, dec: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the points of the field at sky positions: the inverse of `sky`.

        Parameters
        ----------
        ra, dec : array_like
            ICRS degrees.

        Returns
        -------
        x, y : ndarray
            Pixel-edge coordinates, also outside of the array; NaN without a WCS, for positions that
            are not finite, and outside the projection.
        """
        east, north = np.broadcast_arrays(
            np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64)
        )
        if self.wcs is None:
            return np.full(east.shape, np.nan), np.full(east.shape, np.nan)
        x, y = pixels_of(self.wcs, east, north)
        (left, top), (wide, high) = self.corner, self.step
        return (x - left) / wide, (y - top) / high

    def window(self, rows: slice, columns: slice) -> Field:
        """Return a part of the field, whose sky positions are those of the whole.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns, inside the field.
        """
        corner = (
            self.corner[0] + columns.start * self.step[0],
            self.corner[1] + rows.start * self.step[1],
        )
        part = rows, columns
        return replace(self, pixels=self.pixels[part], bad=self.bad[part], corner=corner)


class TooLargeError(InputError):
    """A field takes too much memory as a whole."""


class NotInWindowsError(InputError):
    """A field cannot be read by windows; the message tells why, as a clause."""


def check_usable(name: str | Path, bad: NDArray[np.bool_]) -> None:
    """Raise an error for a field without a usable pixel.

    Parameters
    ----------
    name : str or Path
        File or name of the field, for the message.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.

    Raises
    ------
    InputError
        If all pixels are bad.
    """
    if bad.all():
        raise InputError(f"{name} holds no usable pixel. Give an image with data.")


def check_side(name: str | Path, width: int, height: int) -> None:
    """Raise an error for a field that is too small.

    Parameters
    ----------
    name, width, height : str or Path, int, int
        As in `check_size`.

    Raises
    ------
    InputError
        If it is too small; the message names the limit.
    """
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{name} is {width} x {height} pixels; a field needs at least {MIN_SIDE} x {MIN_SIDE}. "
            "Give a larger image."
        )


def check_size(
    name: str | Path,
    width: int,
    height: int,
    *,
    bands: int = 1,
    finished: bool = False,
    decoded: int = 0,
    most_memory: int | None = None,
) -> None:
    """Raise an error for a field that is too small, or takes too much memory.

    Parameters
    ----------
    name : str or Path
        File or description of the field, for messages.
    width, height : int
        Size in pixels.
    bands : int
        Number of bands that are used: 1 or 3.
    finished : bool
        The field is a picture of 8 bits, not linear pixels.
    decoded : int
        Size in bytes of the data as decoded, with bands that are not used.
    most_memory : int, optional
        Memory in bytes that the field may take, if less than `MAX_MEMORY`.

    Raises
    ------
    InputError
        If it is too small; the message names the limit.
    TooLargeError
        If it is too large.
    """
    check_side(name, width, height)
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"{name} declares {width} x {height} pixels, more than the {MAX_PIXELS / 1e6:.0f} "
            "million that are read at once. Cut it into smaller fields."
        )
    each = _FINISHED if finished else _LINEAR[1 if bands == 1 else 3]
    needed = width * height * each + decoded
    available = available_memory()
    limit = min(MAX_MEMORY, most_memory or MAX_MEMORY, available or MAX_MEMORY)
    if needed > limit:
        whose = "can be used here" if limit == available else "a field may take"
        raise TooLargeError(
            f"{name} declares {width} x {height} pixels, which take {needed / 2**30:.1f} GB of "
            f"memory to search, more than the {limit / 2**30:.1f} GB that {whose}. Cut it into "
            "smaller fields."
        )
