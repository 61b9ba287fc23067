"""Describe the images of a FITS file by their headers: role, bands and place on the sky."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .bands import band_name, header_value, short_name, wavelength
from .sky import celestial_wcs, pixel_scale, sky_of

__all__ = ["ImageHdu", "Role", "describe_images", "image_headers", "sky_distance"]

Role = Literal["science", "mask", "weight", "preview", "other", "silent"]

# Words of EXTNAME, by the conventions of HST, JWST, LSST, DECam, the Legacy Surveys, CCDData ...
_WORDS: dict[Role, frozenset[str]] = {
    "mask": frozenset(
        {"DQ", "MASK", "MSK", "BPM", "BADPIX", "BADPIXELS", "DQMASK", "FLAGS", "FLAG"}
        | {"FLG", "BADMASK", "QUALITY"}
    ),
    "weight": frozenset({"WHT", "WEIGHT", "WEIGHTS", "INVVAR", "IVAR", "WGT", "WTMAP"}),
    "preview": frozenset({"THUMB", "THUMBNAIL", "PREVIEW", "QUICKLOOK"}),
    "other": frozenset(
        {"ERR", "ERROR", "ERRORS", "VAR", "VARIANCE", "RMS", "UNC", "UNCERT", "UNCERTAINTY"}
        | {"STD", "STDEV", "STDDEV", "OBJMASK", "SKYMASK"}
        | {"NOISE", "CTX", "CONTEXT", "SEG", "SEGM", "SEGMAP", "SEGMENTATION", "SAMP", "NSAMP"}
        | {"COVERAGE", "EXPMAP", "NEXP", "RESID", "RESIDUAL", "CHISQ", "MASKBITS"}
    ),
    # Tables that astropy applies to the coordinates (IMARR is the word of D2IMARR), and images of
    # no sky.
    "silent": frozenset({"WCSDVARR", "IMARR", "NPOLARR", "PSF"}),
}
# Words that make an auxiliary image only if nothing else stands in the name.
_WHOLE_NAMES = frozenset(
    {"CON", "TIME", "EXP", "EXPTIME", "EXPOSURE", "AREA", "BKG", "BACKGROUND", "SKY", "MODEL"}
    | {"SIGMA", "CHI", "STAT", "FLAT", "DARK", "BIAS", "HITS", "COV", "DEPTH", "WAVELENGTH"}
)
_GENERIC = frozenset({"SCI", "IMAGE", "IMG", "DATA", "FLUX", "BAND", "FILTER", "FRAME"})
# Masks of objects, not of bad pixels.
_OBJECTS = frozenset({"OBJ", "OBJECT", "OBJECTS", "SRC", "SOURCE", "SOURCES", "STAR", "STARS"})
# IMAGETYP (Legacy Survey cutouts), PRODTYPE (DECam), EXTTYPE (LSST) and HDUCLAS2 (ESO) name the
# role too.
_ROLE_KEYS = ("EXTTYPE", "IMAGETYP", "PRODTYPE", "HDUCLAS2")
_NO_NAMES = frozenset({"", "COMPRESSED_IMAGE", "PRIMARY"})

# An image of less than this share of the pixels of the largest one is a preview if it is the
# primary one, has no coordinates of its own, or lies within the largest one.
_PREVIEW = 0.25


@dataclass(frozen=True, eq=False)
class ImageHdu:
    """An image of a FITS file.

    Attributes
    ----------
    number : int
        Number of the HDU, 0 for the primary one.
    name : str
        EXTNAME; empty if it has none.
    version : int
        EXTVER.
    planes, height, width : int
        Shape.
    role : {"science", "mask", "weight", "preview", "other", "silent"}
        "other" for images of no use here, such as errors; "silent" for those that go unmentioned.
    bands : tuple of str
        Filter of each plane; empty strings if unknown.
    wavelengths : tuple of float or None
        Wavelength of each plane in nm.
    place : tuple of float or None
        Right ascension and declination of the middle and length of the shorter side, in degrees.
    words : tuple of str
        Words of the name without those of its role.
    """

    number: int
    name: str
    version: int
    planes: int
    height: int
    width: int
    role: Role
    bands: tuple[str, ...]
    wavelengths: tuple[float | None, ...]
    place: tuple[float, float, float] | None
    words: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width


def describe_images(hdus: Sequence[Any], *, places: bool = True) -> list[ImageHdu]:
    """Describe the images of a file, without reading pixels.

    Parameters
    ----------
    hdus : sequence of HDUs
        As ``astropy.io.fits`` opens them.
    places : bool
        Whether to compute the places on the sky, which takes milliseconds for each image.

    Returns
    -------
    list of ImageHdu
        HDUs with two axes or more that hold data.
    """
    shapes = {number: _axes(hdu) for number, hdu in enumerate(hdus)}
    shapes = {number: axes for number, axes in shapes.items() if axes}
    roles = {number: _role(image_headers(hdus, number)) for number in shapes}
    science = [number for number in shapes if roles[number][0] == "science"]
    areas = {number: shapes[number][0] * shapes[number][1] for number in shapes}
    largest = max((areas[number] for number in science), default=0)
    found = []
    for number, (width, height, *rest) in shapes.items():
        header, role, words = hdus[number].header, *roles[number]
        # One image alone is wanted, whatever it is called.
        role = "science" if len(shapes) == 1 else role
        place = None
        if role == "science" and len(science) > 1:
            small = areas[number] < _PREVIEW * largest
            place = _place(hdus, number, height, width) if places or small else None
            if small and (number == 0 or place is None or _within(place, hdus, shapes, largest)):
                role = "preview"
        if role == "science" and _is_unnamed_mask(hdus, number, areas, science):
            role = "mask"
        planes = int(np.prod([length for length in rest if length != 1] or [1]))
        name = str(header_value([header], "EXTNAME", str) or "").strip()
        headers = image_headers(hdus, number)
        bands = _bands(headers, planes)
        telescope = str(header_value(headers, "TELESCOP", str) or "").strip()
        found.append(
            ImageHdu(
                number=number,
                name="" if name.upper() in _NO_NAMES else name,
                version=int(header_value([header], "EXTVER", float) or 1),
                planes=planes,
                height=height,
                width=width,
                role=role,
                bands=bands,
                wavelengths=tuple(wavelength(band, telescope) for band in bands),
                place=place,
                words=words,
            )
        )
    return found


def image_headers(hdus: Sequence[Any], number: int) -> list[Any]:
    """Return the headers that describe an image: its own, and the primary one if it inherits.

    Parameters
    ----------
    hdus : sequence of HDUs
        The file.
    number : int
        Number of the HDU.

    Returns
    -------
    list of astropy.io.fits.Header
        A primary HDU without an image describes all extensions, also without INHERIT.
    """
    header = hdus[number].header
    if number == 0:
        return [header]
    if not _axes(hdus[0]) or header_value([header], "INHERIT", bool):
        return [header, hdus[0].header]
    return [header]


def _axes(hdu: Any) -> list[int]:
    header = hdu.header
    axes = [int(header.get(f"NAXIS{axis + 1}", 0)) for axis in range(header.get("NAXIS", 0))]
    return axes if hdu.is_image and len(axes) >= 2 and min(axes) >= 1 else []


def _is_unnamed_mask(
    hdus: Sequence[Any], number: int, areas: Mapping[int, int], science: Sequence[int]
) -> bool:
    """Return whether an image is of bytes without a name, beside one of more bits."""
    header = hdus[number].header
    if header.get("BITPIX") != 8 or header_value([header], "EXTNAME", str):
        return False
    return any(
        areas[other] == areas[number] and abs(hdus[other].header.get("BITPIX", 8)) > 8
        for other in science
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Z]+|\d+", text.upper())


def _role(headers: Sequence[Any]) -> tuple[Role, tuple[str, ...]]:
    """Return the role of an image, and the other words of its name."""
    words = _words(str(header_value(headers[:1], "EXTNAME", str) or ""))
    rest = [word for word in words if word not in _GENERIC]
    for role, known in _WORDS.items():
        if any(word in known for word in words):
            if role == "mask" and not _OBJECTS.isdisjoint(words):
                return "other", ()
            return role, tuple(word for word in rest if word not in known)
    filters = {word for word in rest if wavelength(word) is not None}
    if len(set(rest) - filters) == 1 and not _WHOLE_NAMES.isdisjoint(rest):
        return "other", ()
    for key in _ROLE_KEYS:
        marked = _words(str(header_value(headers, key, str) or ""))
        for role, known in _WORDS.items():
            if len(marked) == 1 and marked[0] in known:
                return role, tuple(rest)
        if marked == ["MODEL"]:
            return "other", ()
    return "science", tuple(rest)


def _bands(headers: Sequence[Any], planes: int) -> tuple[str, ...]:
    """Return the filter of each plane of an image."""
    if planes > 1:
        # Legacy Surveys: BANDS = 'grz', BAND0 = 'g' ...
        letters = str(header_value(headers, "BANDS", str) or "").strip()
        listed = re.findall(r"\w+", letters) if re.search(r"[\s,]", letters) else list(letters)
        if len(listed) == planes:
            return tuple(short_name(name) for name in listed)
        for first in (0, 1):
            named = [header_value(headers, f"BAND{first + n}", str) for n in range(planes)]
            if all(named):
                return tuple(short_name(str(name).strip()) for name in named)
        return ("",) * planes
    own = band_name(headers[:1])
    # The name of the HDU is more particular than a filter in the primary header.
    name = str(header_value(headers[:1], "EXTNAME", str) or "")
    left = [word for word in re.findall(r"[A-Za-z0-9]+", name) if word.upper() not in _GENERIC]
    if not own and len(left) == 1 and wavelength(left[0]) is not None:
        own = left[0]
    return (own or band_name(headers),)


def _within(
    place: tuple[float, float, float],
    hdus: Sequence[Any],
    shapes: Mapping[int, Sequence[int]],
    largest: int,
) -> bool:
    """Return whether a place lies within an image of the largest area."""
    for number, (width, height, *_) in shapes.items():
        if width * height == largest:
            around = _place(hdus, number, height, width)
            if around is not None and sky_distance(place, around) < around[2] / 2:
                return True
    return False


def sky_distance(one: tuple[float, float, float], two: tuple[float, float, float]) -> float:
    """Return the distance of two places in degrees, for small distances.

    Parameters
    ----------
    one, two : tuple of float
        Right ascension and declination in degrees, as in `ImageHdu.place`.
    """
    across = (one[0] - two[0] + 180) % 360 - 180
    return float(np.hypot(across * np.cos(np.deg2rad(one[1])), one[1] - two[1]))


def _place(
    hdus: Sequence[Any], number: int, height: int, width: int
) -> tuple[float, float, float] | None:
    primary = hdus[0].header if number else None
    wcs, _ = celestial_wcs(hdus[number].header, height, width, hdus, primary)
    if wcs is None:
        return None
    ra, dec = sky_of(wcs, np.array([width / 2]), np.array([height / 2]))
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        return None
    return float(ra[0]), float(dec[0]), pixel_scale(wcs) / 3600 * min(height, width)
