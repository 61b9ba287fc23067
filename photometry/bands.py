"""Names of the bands of a field in the catalogue, and their order by wavelength."""

from __future__ import annotations

import re

from ..imaging import Field

__all__ = ["band_units", "wavelength"]

_PLANES = ("red", "green", "blue")

# Effective wavelengths in nanometres: Bessell (2005), Fukugita et al. (1996), Tokunaga & Vacca
# (2005), Wright et al. (2010), and of the wide filters of JWST that no filter of Hubble resembles.
_WAVELENGTHS = {
    "FUV": 154, "NUV": 232, "U": 366, "B": 436, "V": 545, "R": 641, "I": 798,
    "u": 355, "g": 477, "r": 623, "i": 763, "z": 913, "y": 1004, "Y": 1020,
    "J": 1250, "H": 1644, "K": 2198, "Ks": 2150, "W1": 3353, "W2": 4603, "W3": 11561, "W4": 22088,
    "F200W": 1989, "F277W": 2762, "F356W": 3568, "F444W": 4408, "F560W": 5600, "F770W": 7700,
}  # fmt: skip


def band_units(field: Field) -> dict[str, str]:
    """Return the bands of a field by their names in the catalogue, with the units of the pixels.

    Parameters
    ----------
    field : Field
        The field.

    Returns
    -------
    dict of str to str
        One entry per band, in the order of the channels; a finished picture has one entry. Names
        consist of ASCII letters, digits and ``_``. The name is empty for a single unnamed band;
        three bands without distinct names are ``red``, ``green`` and ``blue``.
    """
    if not field.linear:
        return {"": ""}
    names = [re.sub(r"[^0-9A-Za-z]+", "_", band.name).strip("_") for band in field.bands]
    if len(names) > 1 and ("" in names or len(set(names)) < len(names)):
        names = list(_PLANES)
    return {name: band.unit for name, band in zip(names, field.bands, strict=True)}


def wavelength(name: str) -> float | None:
    """Return the wavelength of a filter.

    Parameters
    ----------
    name : str
        Name of a filter, such as ``r`` or ``F814W``.

    Returns
    -------
    float or None
        Nanometres; None if the filter is unknown.

    Examples
    --------
    >>> wavelength("r"), wavelength("F814W"), wavelength("clear")
    (623.0, 814.0, None)
    """
    known = _WAVELENGTHS.get(name, _WAVELENGTHS.get(name.split("_")[0]))
    if known is None and (telescope := re.fullmatch(r"F(\d{3,4})[A-Z]+", name)):
        # Infrared filters count in units of 10 nm: F160W, but F814W.
        number = telescope[1]
        return float(number) * (10 if int(number) < 200 or len(number) == 4 else 1)
    return None if known is None else float(known)
