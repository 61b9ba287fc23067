"""Names of classes in columns and file names."""

from __future__ import annotations

import re

__all__ = ["class_slug"]


def class_slug(name: str) -> str:
    """Convert a class name to a part of a column name: lower case, words joined by ``_``.

    Parameters
    ----------
    name : str
        Name of a class.

    Examples
    --------
    >>> class_slug("In-between Round Smooth Galaxies")
    'in_between_round_smooth_galaxies'
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")
