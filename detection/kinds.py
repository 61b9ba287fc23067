"""Which classes of a detector are galaxies and which are stars, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["galaxy_classes", "star_classes"]

_GALAXY = {"galaxy", "galaxies"}
_STAR = {"star", "stars"}


def galaxy_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes whose objects are galaxies.

    A detector of one class finds galaxies, whatever it calls them.  Of several classes, galaxies
    are those with the word *galaxy* or *galaxies* in their names; where there is none, such as
    among types of radio galaxies, all but `star_classes`.

    >>> galaxy_classes(["galaxy", "star"])
    ('galaxy',)
    >>> galaxy_classes(["spiral", "elliptical", "star"])
    ('spiral', 'elliptical')
    """
    if len(class_names) == 1:
        return tuple(class_names)
    named = tuple(name for name in class_names if _words(name) & _GALAXY)
    stars = star_classes(class_names)
    return named or tuple(name for name in class_names if name not in stars)


def star_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes with the word *star* or *stars* in their names, and no galaxies."""
    return tuple(
        name for name in class_names if _words(name) & _STAR and not _words(name) & _GALAXY
    )


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", name.casefold()))
