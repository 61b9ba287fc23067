"""Read, check and apply the world coordinates of a field."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["celestial_wcs", "pixel_scale", "pixels_of", "sky_of"]

_DEGREE = 3600.0
_COARSEST = 3600.0  # arcsec per pixel; a scale keyword left out means 1 degree
_FINEST = 1e-4
_LEAST_SKEW = 1e-3  # pixel scale from the area over that from the sides

_MOST_STRETCHED = 10.0  # pixel scale at the middle of the image over that at the reference point

_NUMBER = re.compile(r"(CRVAL|CRPIX|CDELT|CROTA)\d$|(CD|PC)\d_\d$")
_PROMISE = re.compile(r"(RA|DEC|[GE]L(ON|AT))-")


def celestial_wcs(header: Any, height: int, width: int) -> tuple[Any | None, tuple[str, ...]]:
    """Return the celestial part of the world coordinates of a FITS header.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of the image.
    height, width : int
        Pixels, rows and columns.

    Returns
    -------
    wcs : astropy.wcs.WCS or None
        Two axes; None if the header has no valid WCS.
    notes : tuple of str
        The reason, if an invalid WCS was ignored.
    """
    if not any(_PROMISE.match(str(header.get(f"CTYPE{axis}", ""))) for axis in (1, 2)):
        return None, ()
    from astropy.wcs import WCS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header)
            if wcs.naxis > 2:
                wcs = wcs.celestial
            reason = _no_number(header) or _implausible(wcs, height, width)
    except Exception as error:  # wcslib and the frames of astropy raise a wide range of types
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1][:120]
    if reason:
        return None, (f"its WCS was ignored, so there are no sky coordinates: {reason}",)
    return wcs, ()


def pixel_scale(wcs: Any) -> float:
    """Return the pixel scale: the square root of the pixel area at the reference point.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial, two axes.

    Returns
    -------
    float
        Arcseconds per pixel.
    """
    from astropy.wcs.utils import proj_plane_pixel_area

    return float(np.sqrt(proj_plane_pixel_area(wcs)) * _DEGREE)


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
        ICRS degrees.
    """
    # In astropy the centre of the first pixel is at 0.
    place = wcs.pixel_to_world(x - 0.5, y - 0.5).icrs
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
    from astropy.coordinates import SkyCoord

    known = np.isfinite(ra) & (np.abs(dec) <= 90)
    positions = SkyCoord(np.where(known, ra, 0.0), np.where(known, dec, 0.0), unit="deg")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        x, y = (np.asarray(axis) for axis in wcs.world_to_pixel(positions))
        back = wcs.pixel_to_world(x, y).icrs
        hit = positions.separation(back).arcsec <= pixel_scale(wcs)
    known &= np.isfinite(x) & np.isfinite(y) & hit
    return np.where(known, x + 0.5, np.nan), np.where(known, y + 0.5, np.nan)


def _no_number(header: Any) -> str | None:
    # wcslib replaces values that it cannot read by 0
    for key, value in header.items():
        if _NUMBER.match(key) and not isinstance(value, int | float):
            return f"{key} is {value!r}, not a number"
    return None


def _implausible(wcs: Any, height: int, width: int) -> str | None:
    from astropy.wcs.utils import proj_plane_pixel_scales

    if not wcs.has_celestial or wcs.naxis != 2:
        return "it does not name two celestial axes"
    scales = proj_plane_pixel_scales(wcs) * _DEGREE
    if not np.isfinite(scales).all() or (scales <= 0).any():
        return "its pixel scale is not a positive number"
    if pixel_scale(wcs) < _LEAST_SKEW * np.sqrt(np.prod(scales)):
        return "its CD matrix is singular"
    if not ((scales > _FINEST) & (scales < _COARSEST)).all():
        return f"a pixel scale of {scales.max():.3g} arcsec cannot be right"
    # far from its reference point a projection is no longer meaningful
    ra, dec = np.deg2rad(
        sky_of(wcs, width / 2 + np.array([0.0, 1.0, 0.0]), height / 2 + np.array([0.0, 0.0, 1.0]))
    )
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        return "the middle of the image has no sky position"
    across = np.angle(np.exp(1j * (ra[1:] - ra[0]))) * np.cos(dec[0])
    steps = np.rad2deg(np.hypot(across, dec[1:] - dec[0])) * _DEGREE / pixel_scale(wcs)
    if steps.max() > _MOST_STRETCHED or steps.max() < 1 / _MOST_STRETCHED:
        return "the image is too far from its reference point"
    return None
