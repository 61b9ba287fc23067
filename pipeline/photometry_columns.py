"""Columns of the photometry: shapes of the objects, and fluxes in each band."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Mapping

from astropy.units import Unit

from ..imaging.bands import wavelength
from .column import Column

__all__ = ["bands_among", "join_bands", "photometry_columns"]

_SHAPE = (
    Column(
        "semi_major", "real", "pix", "phys.size.smajAxis",
        "Semi-major axis: standard deviation of the light along the major axis", 3,
    ),
    Column(
        "semi_minor", "real", "pix", "phys.size.sminAxis",
        "Semi-minor axis: standard deviation of the light along the minor axis", 3,
    ),
    Column(
        "ellipticity", "real", None, "src.ellipticity",
        "1 - b/a of the semi-axes a and b; not corrected for the seeing", 4,
    ),
    Column(
        "theta", "real", "deg", "pos.posAng;instr.det",
        "Angle of the major axis from the x axis towards the y axis of the array, -90 to 90", 2,
    ),
    Column(
        "position_angle", "real", "deg", "pos.posAng",
        "Angle of the major axis east of north, 0 to 180; NaN if the field has no WCS", 2,
    ),
    Column(
        "kron_radius", "real", "pix", "phys.size.radius",
        "Semi-major axis of the elliptical Kron aperture in which the fluxes are measured", 3,
    ),
    Column(
        "half_light_radius", "real", "pix", "phys.size.radius;stat.median",
        "Radius of the circle that contains half of the Kron flux; not corrected for the seeing", 3,
    ),
    Column(
        "kron_radius_arcsec", "real", "arcsec", "phys.angSize",
        "kron_radius on the sky; NaN if the field has no WCS", 3,
    ),
    Column(
        "half_light_radius_arcsec", "real", "arcsec", "phys.angSize;stat.median",
        "half_light_radius on the sky; NaN if the field has no WCS", 3,
    ),
)  # fmt: skip

# Significant digits of fluxes, whose unit may be of any size.
_DIGITS = 6

# Upper wavelengths in nanometres of the spectral ranges of UCD1+.
_RANGES = (
    (200, "em.UV.100-200nm"), (300, "em.UV.200-300nm"), (400, "em.opt.U"), (500, "em.opt.B"),
    (600, "em.opt.V"), (750, "em.opt.R"), (1000, "em.opt.I"), (1500, "em.IR.J"), (2000, "em.IR.H"),
    (3000, "em.IR.K"), (4000, "em.IR.3-4um"), (8000, "em.IR.4-8um"), (15000, "em.IR.8-15um"),
    (30000, "em.IR.15-30um"),
)  # fmt: skip

# Filters of these names have other wavelengths on HST than on JWST.
_AMBIGUOUS = re.compile(r"F([2-4]\d\d|560|770)[A-Z]")


def photometry_columns(bands: Mapping[str, str]) -> tuple[Column, ...]:
    """Return the columns of the photometry.

    Parameters
    ----------
    bands : mapping of str to str
        Names of the bands, with the units of their pixels; an empty name gives names without
        suffix.
    """
    return (*_SHAPE, *(column for name, unit in bands.items() for column in _of_band(name, unit)))


def join_bands(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the bands of several fields, by wavelength, then those of unknown filters by name.

    Parameters
    ----------
    parts : iterable of mappings of str to str
        Bands of each field, with the units of their pixels.

    Returns
    -------
    dict of str to str
        The unit is empty where fields differ in it. Fields without bands, which are pictures, have
        the columns of one band without a name.
    """
    units: dict[str, str] = {}
    for part in parts:
        for name, unit in part.items():
            units[name] = unit if units.get(name, unit) == unit else ""
    if not units:
        return {"": ""}
    order = {name: wavelength(name) for name in units}
    return {name: units[name] for name in sorted(units, key=lambda n: (order[n] or 1e9, n))}


def bands_among(
    columns: Collection[str], units: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """Return the bands of a table.

    Parameters
    ----------
    columns : collection of str
        Names of its columns.
    units : mapping of str to str, optional
        Units of the pixels in bands of these names, where known.

    Returns
    -------
    dict of str to str or None
        Names of the bands, with the units of their pixels; None if the table has no photometry.
    """
    if not all(column.name in columns for column in _SHAPE):
        return None
    units = units or {}
    suffixes = [match[1] for name in columns if (match := re.fullmatch("flux(|_.+)", name))]
    # "flux_err" is no band: there is no "flux_err_err".
    names = [suffix[1:] for suffix in suffixes if f"flux_err{suffix}" in columns]
    return {name: str(units.get(name, "")) for name in names}


def _of_band(name: str, unit: str) -> tuple[Column, ...]:
    suffix, of = (f"_{name}", f" in {name}") if name else ("", "")
    length = None if _AMBIGUOUS.match(name) else wavelength(name)
    part = next((f";{word}" for end, word in _RANGES if length and length < end), "")
    pixel, total = _units(unit)
    said = "" if pixel or not unit else f", in {unit}"
    return (
        Column(
            f"flux{suffix}", "real", total, f"phot.flux{part}",
            f"Flux{of} above the sky in the Kron aperture{said}; NaN for pictures", digits=_DIGITS,
        ),
        Column(
            f"flux_err{suffix}", "real", total, f"stat.error;phot.flux{part}",
            f"Standard error of flux{suffix}{said}", digits=_DIGITS,
        ),
        Column(
            f"mag{suffix}", "real", "mag", f"phot.mag{part}",
            f"Magnitude of flux{suffix}; NaN without a zero point or if the flux is not positive",
            4,
        ),
        Column(
            f"mag_err{suffix}", "real", "mag", f"stat.error;phot.mag{part}",
            f"Standard error of mag{suffix}", 4,
        ),
        Column(
            f"snr{suffix}", "real", None, f"stat.snr;phot.flux{part}",
            f"flux{suffix} over flux_err{suffix}", 2,
        ),
        Column(
            f"peak{suffix}", "real", pixel, f"phot.flux;stat.max{part}",
            f"Brightest pixel of the object{of}, above the sky{said}", digits=_DIGITS,
        ),
        Column(
            f"sky{suffix}", "real", pixel, f"instr.background{part}",
            f"Sky level{of} at the object, which was subtracted{said}", digits=_DIGITS,
        ),
    )  # fmt: skip


def _units(text: str) -> tuple[str | None, str | None]:
    """Return the units of a pixel and of a sum of pixels, None where no format can write them."""
    if not text:
        return None, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unit = Unit(text)
            total = unit
            if {base.name for base in unit.bases} & {"pix", "sr", "arcsec", "deg", "beam"}:
                total = unit * Unit("pix")
            for form in ("fits", "vounit"):
                total.to_string(form)
            return unit.to_string(), total.to_string()
    except (ValueError, TypeError):
        return None, None
