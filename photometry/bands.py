"""Names of the bands of a field in the catalogue, and zero points that the user gives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from ..errors import ConfigError
from ..imaging import Field

__all__ = ["band_units", "parse_zero_points", "with_zero_points"]

_PLANES = ("red", "green", "blue")


def band_units(field: Field) -> dict[str, str]:
    """Return the bands of a field by their names in the catalogue, with the units of the pixels.

    Parameters
    ----------
    field : Field
        The field.

    Returns
    -------
    dict of str to str
        One entry per band, in the order of the channels; none for a finished picture. Names consist
        of ASCII letters, digits and ``_``. The name is empty for a single unnamed band; three bands
        without distinct names are ``red``, ``green`` and ``blue``.
    """
    if not field.linear:
        return {}
    names = [re.sub(r"[^0-9A-Za-z]+", "_", band.name).strip("_") for band in field.bands]
    if len(names) > 1 and ("" in names or len(set(names)) < len(names)):
        names = list(_PLANES)
    return {name: band.unit for name, band in zip(names, field.bands, strict=True)}


def parse_zero_points(text: str) -> float | dict[str, float]:
    """Read zero points from text.

    Parameters
    ----------
    text : str
        One number for all bands, or one for each named band: ``r=22.5,g=22.4``.

    Returns
    -------
    float or dict of str to float
        Magnitude of one unit of flux: of all bands, or by name.

    Raises
    ------
    ConfigError
        If the text is neither.

    Examples
    --------
    >>> parse_zero_points("22.5"), parse_zero_points("r=22.5, g=22.4")
    (22.5, {'r': 22.5, 'g': 22.4})
    """
    parts = [part.rpartition("=") for part in text.split(",")]
    try:
        values = {name.strip(): float(value) for name, _, value in parts}
    except ValueError:
        values = {}
    named = "" not in values
    if len(values) < len(parts) or not (named or len(parts) == 1):
        raise ConfigError(
            f"--zeropoint {text!r} is neither a number nor a list of bands and numbers, such as "
            "22.5 or r=22.5,g=22.4"
        )
    if not all(map(math.isfinite, values.values())):
        raise ConfigError(f"--zeropoint {text!r} is not a finite number")
    return values if named else values[""]


def with_zero_points(field: Field, zero_points: float | Mapping[str, float] | None) -> Field:
    """Return a field with zero points that replace those of its file.

    Parameters
    ----------
    field : Field
        The field.
    zero_points : float, mapping of str to float, or None
        Magnitude of one unit of flux: of all bands, or by their names in the catalogue; None for
        those of the file.

    Returns
    -------
    Field
        A finished picture is returned as it is. A note says if no band of the field is named.
    """
    if zero_points is None or not field.linear:
        return field
    names = list(band_units(field))
    if not isinstance(zero_points, Mapping):
        zero_points = dict.fromkeys(names, zero_points)
    bands = tuple(
        replace(band, zero_point=zero_points.get(name, band.zero_point))
        for name, band in zip(names, field.bands, strict=True)
    )
    notes = field.notes
    if not set(names) & set(zero_points):
        its = f"its bands are {', '.join(names)}" if all(names) else "its band has no name"
        notes = (*notes, f"no zero point was given for it: {its}")
    return replace(field, bands=bands, notes=notes)
