"""Translate the plate solution of the Digitized Sky Survey."""

from __future__ import annotations

from typing import Any

from .wcs_cards import number

__all__ = ["dss_cards", "has_plate_solution"]

# Terms of the plate solution, AMDX1 to AMDX13, as the powers of x and y that each adds.
_R2 = ((2, 0, 1.0), (0, 2, 1.0))
_DSS_TERMS: tuple[tuple[tuple[int, int, float], ...], ...] = (
    ((1, 0, 1.0),),
    ((0, 1, 1.0),),
    ((0, 0, 1.0),),
    ((2, 0, 1.0),),
    ((1, 1, 1.0),),
    ((0, 2, 1.0),),
    _R2,
    ((3, 0, 1.0),),
    ((2, 1, 1.0),),
    ((1, 2, 1.0),),
    ((0, 3, 1.0),),
    ((3, 0, 1.0), (1, 2, 1.0)),
    ((5, 0, 1.0), (3, 2, 2.0), (1, 4, 1.0)),
)
# Number of the TPV coefficient of x^i y^j; r and its powers have the numbers left out.
_TPV = {(0, 0): 0} | {
    (total - j, j): first + j
    for total, first in ((1, 1), (2, 4), (3, 7), (4, 12), (5, 17))
    for j in range(total + 1)
}


def has_plate_solution(header: Any) -> bool:
    """Return whether a header holds the plate solution of the Digitized Sky Survey.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of an image.
    """
    return "AMDX1" in header and "AMDY1" in header and "PLTRAH" in header


def dss_cards(header: Any, height: int, width: int) -> Any:
    """Return the plate solution of the Digitized Sky Survey as a TPV projection.

    Both are polynomials about the tangent point, so the translation is exact; unlike the plate
    solution, TPV can be written to a header again.  The solution is that of the Astrometric Support
    Program of STScI (https://archive.stsci.edu/dss/, Lasker et al. 1990, AJ 99, 2019).

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of the image, with AMDX1, PLTRAH ...
    height, width : int
        Pixels, rows and columns.

    Returns
    -------
    astropy.io.fits.Header
        Header of two axes.

    Raises
    ------
    ValueError
        If a value is missing or is not a number.
    """
    from astropy.io.fits import Header

    ra = 15 * (
        number(header, "PLTRAH") + number(header, "PLTRAM") / 60 + number(header, "PLTRAS") / 3600
    )
    dec = (
        number(header, "PLTDECD")
        + number(header, "PLTDECM") / 60
        + number(header, "PLTDECS") / 3600
    )
    south = str(header.get("PLTDECSN", "+")).strip().startswith("-")
    degrees = number(header, "PLTSCALE") / 3600  # per mm
    sides = {
        "X": number(header, "XPIXELSZ") / 1000,
        "Y": number(header, "YPIXELSZ") / 1000,
    }  # mm per pixel
    if degrees <= 0 or min(sides.values()) <= 0:
        raise ValueError("PLTSCALE, XPIXELSZ or YPIXELSZ is not positive")
    cards = Header({"NAXIS": 2, "NAXIS1": width, "NAXIS2": height, "WCSAXES": 2})
    cards["EQUINOX"] = number(header, "EQUINOX", 2000.0)
    for axis, (name, offset) in enumerate((("X", "PPO3"), ("Y", "PPO6")), start=1):
        cards[f"CTYPE{axis}"] = ("RA---TPV", "DEC--TPV")[axis - 1]
        cards[f"CRVAL{axis}"] = (ra, -dec if south else dec)[axis - 1]
        # x runs to the west on the plate; CNPIX counts from 0
        cards[f"CRPIX{axis}"] = (
            number(header, offset) / 1000 / sides[name] - number(header, f"CNPIX{axis}") + 0.5
        )
        cards[f"CD{axis}_{axis}"] = (-1, 1)[axis - 1] * sides[name] * degrees
        coefficients = dict.fromkeys(_TPV, 0.0)
        for term, powers in enumerate(_DSS_TERMS, start=1):
            value = number(header, f"AMD{name}{term}", 0.0)
            for i, j, factor in powers:
                coefficients[i, j] += value * factor / 3600 / degrees ** (i + j)
        for place, value in coefficients.items():
            cards[f"PV{axis}_{_TPV[place]}"] = value
    return cards
