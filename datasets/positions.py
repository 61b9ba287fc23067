"""Where the galaxies of a table are on the sky."""

from __future__ import annotations

from typing import TypeAlias

import pandas as pd

__all__ = ["POSITION_COLUMNS", "Position", "table_positions"]

Position: TypeAlias = tuple[float, float]
"""ICRS right ascension and declination in degrees."""

POSITION_COLUMNS = ("ra", "dec")


def table_positions(table: pd.DataFrame) -> list[Position | None]:
    """Return the position in each row of a table.

    Parameters
    ----------
    table : DataFrame
        With the columns ``ra`` and ``dec``, ICRS degrees as numbers or text, or without.

    Returns
    -------
    list of (float, float) or None
        None where a cell is empty or no place on the sky.
    """
    if not set(POSITION_COLUMNS) <= set(table.columns):
        return [None] * len(table)
    ra, dec = (pd.to_numeric(table[column], errors="coerce") for column in POSITION_COLUMNS)
    known = ra.between(0, 360) & dec.between(-90, 90)
    return [
        (float(x), float(y)) if is_known else None
        for x, y, is_known in zip(ra, dec, known, strict=True)
    ]
