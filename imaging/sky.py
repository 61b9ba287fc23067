"""Read, check and apply the world coordinates of a field."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .plate_solution import dss_cards, has_plate_solution
from .wcs_cards import (
    celestial_keys,
    drop_distortion_tables,
    has_distortion_tables,
    inherited_header,
    wcs_cards,
)

__all__ = ["celestial_wcs", "pixel_scale", "pixels_of", "quiet_astropy", "separation", "sky_of"]

_DEGREE = 3600.0
_COARSEST = 3600.0  # arcsec per pixel; a scale keyword left out means 1 degree
_FINEST = 1e-4
_LEAST_SKEW = 1e-6  # pixel area over the product of the sides
_MOST_STRETCHED = 10.0  # pixel scale at the middle of the image over that at the reference point
_AGREEMENT = 30.0  # arcsec between two solutions of one image

_RADIAN = np.rad2deg(1) * _DEGREE  # arcsec

_IGNORED = (
    "its WCS was ignored, so there are no sky coordinates: {}. Correct the header, or solve the "
    "field again, for example with astrometry.net"
)
_PROJECTION = re.compile(
    "AZP|SZP|TAN|STG|SIN|NCP|ARC|ZPN|ZEA|AIR|CYP|CEA|CAR|MER|COP|COE|COD|COO|SFL|GLS|PAR|MOL|AIT|"
    "BON|PCO|TSC|CSC|QSC|HPX|XPH|TPV|TPD|TPU|TNX|ZPX"
)


def celestial_wcs(
    header: Any,
    height: int,
    width: int,
    hdus: Sequence[Any] | None = None,
    primary: Any | None = None,
) -> tuple[Any | None, tuple[str, ...]]:
    """Return the celestial part of the world coordinates of a FITS image.

    The first valid description is taken: the main one, then the alternate ones (``CTYPE1A``).  A
    plate solution of the Digitized Sky Survey, the more precise one, replaces it if both agree.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of the image.
    height, width : int
        Pixels, rows and columns.
    hdus : sequence of HDUs, optional
        All HDUs of the file: lookup-table distortions are in HDUs of their own.
    primary : astropy.io.fits.Header, optional
        Primary header of the file, if the image is in an extension.  It is used if the extension
        says so by ``INHERIT = T``, or if it is the only image of the file.

    Returns
    -------
    wcs : astropy.wcs.WCS or None
        Two axes; None if the header has no valid WCS.
    notes : tuple of str
        The reason, if an invalid WCS was ignored, and what was assumed.
    """
    with quiet_astropy():
        try:
            return _find(header, height, width, hdus, primary)
        except Exception:  # astropy raises any on a damaged card or HDU
            return None, (_IGNORED.format("its cards are damaged"),)


def _find(
    header: Any, height: int, width: int, hdus: Sequence[Any] | None, primary: Any | None
) -> tuple[Any | None, tuple[str, ...]]:
    header, notes = inherited_header(header, primary, hdus)
    found, reasons = None, []
    for key in celestial_keys(header):
        try:
            found = _described(header, key, height, width, hdus)
            break
        except ValueError as error:
            reasons.append(str(error).rstrip("."))
    if has_plate_solution(header):
        try:
            plate = _checked(_open(dss_cards(header, height, width)), height, width)
            if found is None or separation(plate, found[0], height, width) < _AGREEMENT:
                return plate, notes
        except ValueError as error:
            reasons.append(str(error).rstrip("."))
    if found is not None:
        return found[0], (*notes, *found[1])
    return None, (*notes, *map(_IGNORED.format, reasons[:1]))


def pixel_scale(wcs: Any) -> float:
    """Return the pixel scale: the square root of the pixel area, distortions included.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial, two axes.

    Returns
    -------
    float
        Arcseconds per pixel, at the middle of the image; at the reference point if the WCS does not
        know the size of its image.
    """
    middle = wcs.wcs.crpix - 0.5 if wcs.pixel_shape is None else np.array(wcs.pixel_shape) / 2
    along_x, along_y = _steps(wcs, *middle)
    return float(np.sqrt(np.linalg.norm(np.cross(along_x, along_y))) * _RADIAN)


def sky_of(
    wcs: Any, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sky positions of points of an image.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial, two axes.
    x, y : ndarray of float64
        Pixel-edge coordinates: the centre of the first pixel is (0.5, 0.5).

    Returns
    -------
    ra, dec : ndarray of float64
        ICRS degrees; NaN outside the projection.
    """
    place = _places(wcs, x, y).icrs
    return np.asarray(place.ra.deg), np.asarray(place.dec.deg)


def pixels_of(
    wcs: Any, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points of an image at sky positions: the inverse of `sky_of`.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial, two axes.
    ra, dec : ndarray of float64
        ICRS degrees.

    Returns
    -------
    x, y : ndarray of float64
        Pixel-edge coordinates; NaN outside the projection, and where the distortion polynomial
        cannot be inverted.
    """
    from astropy.coordinates import SkyCoord, UnitSphericalRepresentation
    from astropy.wcs.utils import proj_plane_pixel_area

    known = np.isfinite(ra) & (np.abs(dec) <= 90)
    wanted = SkyCoord(np.where(known, ra, 0.0), np.where(known, dec, 0.0), unit="deg")
    with quiet_astropy(), np.errstate(all="ignore"):
        native = wanted.transform_to(_frame(wcs)).represent_as(UnitSphericalRepresentation)
        axes = [native.lon.deg, native.lat.deg]
        if wcs.wcs.lng == 1:
            axes.reverse()
        x, y = (np.asarray(axis) + 0.5 for axis in wcs.all_world2pix(*axes, 0, quiet=True))
        # Far from the image the iteration may end anywhere.
        tolerance = np.sqrt(proj_plane_pixel_area(wcs)) * _DEGREE
        known &= wanted.separation(_places(wcs, x, y).icrs).arcsec <= tolerance
    known &= np.isfinite(x) & np.isfinite(y)
    return np.where(known, x, np.nan), np.where(known, y, np.nan)


def separation(first: Any, second: Any, height: int, width: int) -> float:
    """Return how far two world coordinates of one image differ.

    Parameters
    ----------
    first, second : astropy.wcs.WCS
        Celestial, two axes.
    height, width : int
        Pixels, rows and columns.

    Returns
    -------
    float
        Largest separation of the corners and the middle, arcsec; NaN outside a projection.
    """
    x = np.array([0.0, 0.0, 1.0, 1.0, 0.5]) * width
    y = np.array([0.0, 1.0, 0.0, 1.0, 0.5]) * height
    places = [_places(wcs, x, y).icrs for wcs in (first, second)]
    return float(places[0].separation(places[1]).arcsec.max())


@contextmanager
def quiet_astropy() -> Iterator[None]:
    """Silence the warnings and messages of astropy within the ``with`` block."""
    logger = logging.getLogger("astropy")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _places(wcs: Any, x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
    from astropy.coordinates import SkyCoord

    # In astropy the centre of the first pixel is at 0.
    axes = wcs.all_pix2world(x - 0.5, y - 0.5, 0)
    return SkyCoord(axes[wcs.wcs.lng], axes[wcs.wcs.lat], unit="deg", frame=_frame(wcs))


def _frame(wcs: Any) -> Any:
    """Return the celestial frame of the world axes.

    astropy takes RADESYS for the frame of ecliptic coordinates too; by the FITS standard it is that
    of the equinox which the ecliptic is referred to.
    """
    from astropy.coordinates import BarycentricMeanEcliptic, Supergalactic
    from astropy.wcs.utils import wcs_to_celestial_frame

    system = wcs.wcs.ctype[wcs.wcs.lng][:4]
    if system == "ELON":
        equinox = 2000.0 if np.isnan(wcs.wcs.equinox) else wcs.wcs.equinox
        return BarycentricMeanEcliptic(equinox=f"J{equinox}")
    if system == "SLON":
        return Supergalactic()
    return wcs_to_celestial_frame(wcs)


def _described(
    header: Any, key: str, height: int, width: int, hdus: Sequence[Any] | None
) -> tuple[Any, list[str]]:
    """Return the WCS of one description, and what was assumed."""
    cards, notes = wcs_cards(header, key, height, width)
    types = [str(cards.get(f"CTYPE{axis}{key}".strip(), "")) for axis in (1, 2)]
    if len({kind[5:] for kind in types}) != 1 or "" in types:
        raise ValueError(f"CTYPE1 {types[0]!r} and CTYPE2 {types[1]!r} do not belong together")
    if not _PROJECTION.match(types[0], 5):
        raise ValueError(f"the projection of CTYPE {types[0]!r} is unknown")
    if has_distortion_tables(cards):
        try:
            tables = _open(cards, key, hdus)
        except ValueError:
            most = drop_distortion_tables(cards)
            size = f"up to {most:.2g} pixels" if most else "some pixels"
            notes.append(
                f"the distortion tables of its WCS are not in the file, so coordinates are off by "
                f"{size}"
            )
        else:
            return _checked(tables, height, width), notes
    return _checked(_open(cards, key), height, width), notes


def _open(cards: Any, key: str = " ", hdus: Sequence[Any] | None = None) -> Any:
    from astropy.io.fits import HDUList
    from astropy.wcs import WCS

    try:
        # astropy removes cards
        return WCS(cards.copy(), None if hdus is None else HDUList(list(hdus)), key=key)
    except Exception as error:  # wcslib and astropy raise a wide range of types
        raise ValueError("its keywords contradict each other, or some are missing") from error


def _steps(wcs: Any, x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps of one pixel along x and y at a point, as vectors in radians."""
    across = x + np.array([-0.5, 0.5, 0.0, 0.0])
    down = y + np.array([0.0, 0.0, -0.5, 0.5])
    ends = _places(wcs, across, down).icrs.cartesian.xyz.value.T
    return ends[1] - ends[0], ends[3] - ends[2]


def _checked(wcs: Any, height: int, width: int) -> Any:
    """Return a WCS, or raise ValueError with the reason why it cannot be right."""
    from astropy.wcs.utils import proj_plane_pixel_area, proj_plane_pixel_scales

    if not wcs.has_celestial or wcs.naxis != 2:
        raise ValueError("it does not name two celestial axes")
    try:
        _frame(wcs)
    except Exception as error:
        raise ValueError(
            f"its reference frame {wcs.wcs.radesys!r} cannot be converted to ICRS"
        ) from error
    nominal = proj_plane_pixel_scales(wcs) * _DEGREE
    if not np.isfinite(nominal).all() or (nominal <= 0).any():
        raise ValueError("its pixel scale is not a positive number")
    if proj_plane_pixel_area(wcs) * _DEGREE**2 < _LEAST_SKEW * np.prod(nominal):
        raise ValueError("its CD matrix is singular")
    steps = _steps(wcs, width / 2, height / 2)
    scales = np.linalg.norm(steps, axis=1) * _RADIAN
    if not np.isfinite(scales).all():
        raise ValueError("the middle of the image has no sky position")
    for scale in (*nominal, *scales):
        if not _FINEST < scale < _COARSEST:
            raise ValueError(f"a pixel scale of {scale:.3g} arcsec cannot be right")
    # far from its reference point a projection is no longer meaningful
    stretch = scales.max() / np.sqrt(np.prod(nominal))
    if not 1 / _MOST_STRETCHED < stretch < _MOST_STRETCHED:
        raise ValueError("the image is too far from its reference point")
    return wcs
