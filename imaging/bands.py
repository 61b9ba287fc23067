"""Read filter, unit, zero point, gain, saturation and detector of an image from FITS headers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import Band
from .plate_solution import has_plate_solution

__all__ = [
    "band_name",
    "header_value",
    "is_photographic",
    "linear_fluxes",
    "read_band",
    "short_name",
    "wavelength",
]

# Filter names by convention: most cameras, IRAF, HST (WFPC2), Pan-STARRS and ESO.
_FILTER_KEYS = (
    *("FILTER", "FILTNAM", "FILTNAM1", "FILTERS", "FILTER1", "FILTER2", "BAND", "INSFLNAM"),
    *("FPA.FILTERID", "FPA.FILTER", "ESO INS FILT1 NAME", "ESO INS FILT NAME"),
)
# Values of FILTER1, FILTER2 (ACS) and FILTER (JWST) of an empty position of a filter wheel.
_NO_FILTER = re.compile(r"(CLEAR|NONE|OPEN|EMPTY|BLANK|N/?A|UNKNOWN|NULL)", re.IGNORECASE)
# 'r DECam SDSS c0002 6415.0 1480.0', "r'", 'r.MP9602', 'r_SDSS', 'r.00000', 'V Bessell'
_LETTER_FIRST = re.compile(r"([ugrizyUBVRIZYJHK])(?:$|'$|p$|[ _.].*)")
# 'HSC-R', 'ZTF_r', 'sdss.g', "Sloan r'": their filters are those of SDSS, in small letters
_SURVEY_FIRST = re.compile(
    r"(?:HSC|ZTF|SDSS|PS1|PAN-STARRS|DECAM|SLOAN|LSST|OMEGACAM|VST)[ _.-]*([ugrizy])(?:'|2)?$",
    re.IGNORECASE,
)

# Wavelengths in nm, to order bands: SDSS, Johnson-Cousins-Glass, single-shot colour, lines,
# GALEX, WISE.
_WAVELENGTHS = {
    "u": 355, "g": 475, "r": 622, "i": 763, "z": 905, "y": 1000,
    "U": 365, "B": 445, "G": 530, "V": 551, "R": 640, "I": 806, "Z": 880, "Y": 1020,
    "J": 1240, "H": 1650, "K": 2200, "Ks": 2160, "blue": 450, "green": 530, "red": 640,
    "oiii": 501, "halpha": 656, "ha": 656, "nii": 658, "sii": 672, "fuv": 153, "nuv": 227,
    "zs": 870, "vis": 720, "nir_y": 1080, "nir_j": 1370, "nir_h": 1770,
    "w1": 3400, "w2": 4600, "w3": 12000, "w4": 22000,
}  # fmt: skip
_SPACE_FILTER = re.compile(r"F(\d{3,4})(?:W2?|N|M|LP|X)\b", re.IGNORECASE)
_ANY_LETTER = re.compile(r"(?<![A-Za-z])([ugrizyUBVRIJHK])(?![A-Za-z])")

# Surveys of digitised plates, as SURVEY names them: POSSII-F, SERC-EJ, DSS2 Red ...
_PLATE_SURVEY = re.compile(r"POSS|SERC|AAO|ESO-R|DSS|DIGITIZED SKY", re.IGNORECASE)

# Zero points: magnitude of one unit of the pixels.
_ZERO_POINTS = (
    *("MAGZERO", "MAGZP", "PHOTZP", "MAGZPT", "ZEROPNT", "ZPT", "PHOTZPT", "MAG_ZP", "ZP"),
    *("ABMAGZP", "ABZP", "ZPAB", "MAGZEROP"),
)
_PLAUSIBLE = 10.0, 50.0
# AB zero points of units: m = -2.5 log10(f / 3631 Jy) (Oke and Gunn 1983); a nanomaggy is 22.5
# (SDSS).
_AB_JANSKY = 3631.0
_JANSKY = {"Jy": 1.0, "mJy": 1e-3, "uJy": 1e-6, "nJy": 1e-9}
_PER_STERADIAN = {"MJy/sr": 1e6, "kJy/sr": 1e3, "Jy/sr": 1.0}
_NANOMAGGY = re.compile(r"(nanomagg(y|ies|ie)s?|nmgy)$", re.IGNORECASE)
_MAGGY = re.compile(r"(magg(y|ies)|mgy)$", re.IGNORECASE)
_SQUARE_ARCSEC = math.radians(1 / 3600) ** 2  # in steradians

# Keywords of the programs that control amateur cameras.
_AMATEUR_KEYS = ("OFFSET", "ISOSPEED", "XPIXSZ", "BAYERPAT")
_ELECTRONS = re.compile(r"(electrons?|e-?)$", re.IGNORECASE)
_PER_SECOND = re.compile(r"(/ ?s(ec)?|\bs-1|s\*\*-1|\bcps)$", re.IGNORECASE)
_COUNTS = re.compile(r"(adu|dn|counts?|electrons?|e-?)?$", re.IGNORECASE)


def read_band(
    headers: Sequence[Any], name: str | None = None, pixel_area: float | None = None
) -> Band:
    """Return the properties of a band that its headers give.

    The zero point is, in this order: that of the unit (nanomaggy; Jy, mJy, uJy, nJy; MJy/sr with
    the area of a pixel); of PHOTFLAM and PHOTPLAM (HST); of a Pan-STARRS stack; of FLUXMAG0 (HSC);
    or the first of
    MAGZERO, MAGZP, PHOTZP, MAGZPT, ZEROPNT, ZPT, PHOTZPT, MAG_ZP, ZP, ABMAGZP, ABZP, ZPAB and
    MAGZEROP.  It is an AB magnitude, except where a survey writes Vega magnitudes.

    Parameters
    ----------
    headers : sequence of astropy.io.fits.Header
        That of the image first, then the primary header, if the image inherits from it.
    name : str, optional
        Filter; by default as the headers name it.
    pixel_area : float, optional
        Area of a pixel in steradians by the WCS; PIXAR_SR and PIXAR_A2 take precedence.

    Returns
    -------
    Band

    Examples
    --------
    >>> read_band([{"FILTER": "r DECam SDSS c0002", "BUNIT": "nanomaggy"}])
    Band(name='r', unit='nanomaggy', zero_point=22.5, gain=None, saturation=None)
    """
    unit = str(header_value(headers, "BUNIT", str) or "").strip()
    # HST and JWST define the saturation by the mask; DATAMAX is the largest value of the data.
    levels = [_positive(headers, key) for key in ("SATURATE", "SATLEVEL", "SATURATA", "SATURATB")]
    return Band(
        name=band_name(headers) if name is None else name,
        unit=unit,
        zero_point=_zero_point(headers, unit, pixel_area),
        gain=_gain(headers, unit),
        saturation=min((level for level in levels if level is not None), default=None),
    )


def band_name(headers: Sequence[Any]) -> str:
    """Return the name of the filter of an image, in its short form.

    Parameters
    ----------
    headers : sequence of astropy.io.fits.Header
        As in `read_band`.

    Returns
    -------
    str
        ``r`` for ``r DECam SDSS c0002 6415.0 1480.0``; empty if unknown.

    Examples
    --------
    >>> band_name([{"FILTER1": "CLEAR1L", "FILTER2": "F814W"}])
    'F814W'
    """
    # The pupil wheel of NIRCam and NIRISS holds the narrower filter.
    keys = ("PUPIL", *_FILTER_KEYS) if header_value(headers, "TELESCOP", str) == "JWST" else ()
    for key in keys or _FILTER_KEYS:
        text = str(header_value(headers, key, str) or "").strip()
        if text and not _NO_FILTER.match(text) and (key != "PUPIL" or _SPACE_FILTER.match(text)):
            return short_name(text)
    return ""


def short_name(text: str) -> str:
    """Return the short form of the name of a filter.

    Parameters
    ----------
    text : str
        The name in the header.

    Examples
    --------
    >>> short_name("HSC-R"), short_name("r.MP9602"), short_name("F606W")
    ('r', 'r', 'F606W')
    """
    if match := _SURVEY_FIRST.match(text):
        return match.group(1).lower()
    if match := _LETTER_FIRST.match(text):
        return match.group(1)
    return text


def wavelength(name: str, telescope: str = "") -> float | None:
    """Return the wavelength of a filter, to order bands by colour.

    Parameters
    ----------
    name : str
        The filter, in its short form.
    telescope : str
        Value of TELESCOP: JWST counts in 10 nm; so do the infrared filters of HST.

    Returns
    -------
    float or None
        In nm, to a few per cent; None if unknown.

    Examples
    --------
    >>> [wavelength(name) for name in ("z", "F606W", "F160W", "dark")]
    [905.0, 606.0, 1600.0, None]
    """
    first = name.split(" ")[0]
    for key in (name, first, first.lower().replace("-", "").replace("_alpha", "alpha")):
        if key in _WAVELENGTHS:
            return float(_WAVELENGTHS[key])
    if match := _SPACE_FILTER.match(name):
        number = float(match.group(1))
        return number * (10 if number < 200 or telescope.upper() == "JWST" else 1)
    if match := _ANY_LETTER.search(name):
        return float(_WAVELENGTHS[match.group(1)])
    return None


def is_photographic(headers: Sequence[Any]) -> bool:
    """Return whether an image is a scan of a photographic plate.

    Parameters
    ----------
    headers : sequence of astropy.io.fits.Header
        Headers of the image.

    Returns
    -------
    bool
        True if they name the emulsion of the plate, or a survey of plates, or hold a plate
        solution.  ``PLTSCALE`` and ``PLATEID`` alone are also found with electronic detectors and
        spectrographs.
    """
    emulsion = str(header_value(headers, "EMULSION", str) or "").strip().upper()
    survey = str(header_value(headers, "SURVEY", str) or "").strip()
    return (
        emulsion not in ("", "NONE", "N/A", "UNKNOWN")
        or _PLATE_SURVEY.match(survey) is not None
        or any(has_plate_solution(header) for header in headers)
    )


def header_value(headers: Sequence[Any], key: str, kind: type) -> Any | None:
    """Return the value of a keyword in the first header that holds a valid one.

    Parameters
    ----------
    headers : sequence of astropy.io.fits.Header
        The headers.
    key : str
        The keyword.
    kind : {str, float, bool}
        Type of the value.

    Returns
    -------
    object or None
        None if no header has it.
    """
    for header in headers:
        try:
            value = header.get(key)
        except Exception:  # astropy parses a card when it is read, and may raise any exception
            continue
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                return float(value)
        elif kind is not float and isinstance(value, kind):
            return value
    return None


def linear_fluxes(pixels: NDArray[np.float32], headers: Sequence[Any]) -> NDArray[np.float32]:
    """Convert pixels of the asinh scale of Pan-STARRS stacks to fluxes; others stay as they are.

    Such a stack names BSOFTEN and BOFFSET: flux = BOFFSET + 2 BSOFTEN sinh(v ln(10) / 2.5)
    (Waters et al. 2020, ApJS 251, 4).

    Parameters
    ----------
    pixels : ndarray of float32
        The pixels.
    headers : sequence of astropy.io.fits.Header
        As in `read_band`.
    """
    softening, offset = _positive(headers, "BSOFTEN"), header_value(headers, "BOFFSET", float)
    if softening is None or offset is None:
        return pixels
    fluxes = offset + 2 * softening * np.sinh(pixels.astype(np.float64) * (math.log(10) / 2.5))
    return np.asarray(fluxes, dtype=np.float32)


def _positive(headers: Sequence[Any], key: str) -> float | None:
    value: float | None = header_value(headers, key, float)
    return value if value is not None and value > 0 else None


def _exposure(headers: Sequence[Any]) -> float | None:
    return _positive(headers, "EXPTIME") or _positive(headers, "EXPOSURE")


def _zero_point(headers: Sequence[Any], unit: str, pixel_area: float | None) -> float | None:
    by_unit = _zero_point_of_unit(headers, unit, pixel_area)
    if by_unit is not None:
        return by_unit
    flam, pivot = _positive(headers, "PHOTFLAM"), _positive(headers, "PHOTPLAM")
    if flam and pivot:
        # ACS Data Handbook, section 5.1: for one electron or count per second.
        per_second = -2.5 * math.log10(flam) - 21.10 - 5 * math.log10(pivot) + 18.6921
        return _for_exposure(headers, unit, per_second)
    if _positive(headers, "BSOFTEN"):
        # Pan-STARRS stacks (Waters et al. 2020): magnitude 25 for one count per second.
        return _for_exposure(headers, "", 25.0)
    if counts := _positive(headers, "FLUXMAG0"):
        return 2.5 * math.log10(counts)
    for key in _ZERO_POINTS:
        value = header_value(headers, key, float)
        if value is not None and _PLAUSIBLE[0] < value < _PLAUSIBLE[1]:
            # The Cambridge Astronomical Survey Unit (WFCAM, VISTA, INT) gives MAGZPT per second.
            casu = key == "MAGZPT" and header_value(headers, "CASUVERS", str)
            return _for_exposure(headers, unit, value) if casu else value
    return None


def _for_exposure(headers: Sequence[Any], unit: str, per_second: float) -> float | None:
    """Convert the zero point of one count per second to that of the unit."""
    if _PER_SECOND.search(unit):
        return per_second
    exposure = _exposure(headers)
    if exposure is None or not _COUNTS.match(unit):
        return None
    return per_second + 2.5 * math.log10(exposure)


def _zero_point_of_unit(
    headers: Sequence[Any], unit: str, pixel_area: float | None
) -> float | None:
    plain = re.sub(r"/(pix|pixel)$|[ *.]?(pix|pixel)(-1|\*\*-1|\^-1)$", "", unit.replace(" ", ""))
    if _NANOMAGGY.match(plain):
        return 22.5
    if _MAGGY.match(plain):
        return 0.0
    if plain in _JANSKY:
        return -2.5 * math.log10(_JANSKY[plain] / _AB_JANSKY)
    if plain in _PER_STERADIAN:
        in_arcsec = _positive(headers, "PIXAR_A2")
        area = _positive(headers, "PIXAR_SR") or (in_arcsec and in_arcsec * _SQUARE_ARCSEC)
        area = area or pixel_area
        return area and -2.5 * math.log10(_PER_STERADIAN[plain] * area / _AB_JANSKY)
    return None


def _gain(headers: Sequence[Any], unit: str) -> float | None:
    rate = _PER_SECOND.search(unit)
    counted = unit[: rate.start()].strip() if rate else unit
    if _ELECTRONS.match(counted):
        # CCDGAIN is then that of the raw frame.
        gain: float | None = 1.0
    elif _COUNTS.match(counted):
        keys = ["EGAIN", "GAIN", "CCDGAIN", "ATODGAIN"]
        if any(key in header for header in headers for key in _AMATEUR_KEYS):
            # The GAIN of amateur cameras is their setting, such as 100; EGAIN is in electrons.
            keys.remove("GAIN")
        gain = next((value for key in keys if (value := _positive(headers, key))), None)
    else:
        return None
    exposure = _exposure(headers) if rate else 1.0
    return gain * exposure if gain and exposure else None
