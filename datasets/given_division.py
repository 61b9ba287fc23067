"""Given divisions into training, validation and test images: galaxies that several parts show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["DividedSource", "SharedGalaxies", "find_shared_galaxies"]

_GIVEN = ("validation", "test")
_SHOWN = 3


@dataclass(frozen=True)
class DividedSource:
    """Images of one source of a training.

    Attributes
    ----------
    role : {"train", "extra", "validation", "test"}
        Role of the source.
    names : sequence of str
        Names of the images.
    galaxies : sequence of str
        Name of the galaxy on each image, from `group_galaxies` over all sources.
    """

    role: str
    names: Sequence[str]
    galaxies: Sequence[str]


@dataclass(frozen=True)
class SharedGalaxies:
    """Images of one source with galaxies of other parts of the division.

    Attributes
    ----------
    left_out : frozenset of int
        Indices of the images that are used for nothing.
    note : str
        Sentence about the images that are left out, or are in several parts; empty if there are
        none.
    """

    left_out: frozenset[int] = frozenset()
    note: str = ""


def find_shared_galaxies(
    sources: Sequence[DividedSource], *, split: bool
) -> tuple[SharedGalaxies, ...]:
    """Find the galaxies that given validation and test images share with other images.

    Given images always stay in their part.  Images of role ``extra`` that show one of their
    galaxies are left out, and so are those of role ``train`` if these are split as well.  If all
    parts are given, the division stays as it is, and a note counts what its parts share.

    Parameters
    ----------
    sources : sequence of DividedSource
    split : bool
        Whether the sources of role ``train`` are split into further parts.

    Returns
    -------
    tuple of SharedGalaxies
        One for each source.

    Examples
    --------
    >>> train = DividedSource("train", ["a.png", "b.png"], ["M51", "M81"])
    >>> test = DividedSource("test", ["c.png"], ["M51"])
    >>> print(find_shared_galaxies([train, test], split=False)[1].note)
    1 of 1 images of role test show galaxies that are also on images of role train (c.png: a.png)
    """
    by_role = {
        role: _first_images(source for source in sources if source.role == role)
        for role in ("train", *_GIVEN)
    }
    given = by_role["test"] | by_role["validation"]
    return tuple(
        _left_out(source, given)
        if source.role == "extra" or (split and source.role == "train")
        else _kept(source, by_role, () if split else ("train",))
        for source in sources
    )


def _first_images(sources: Iterable[DividedSource]) -> dict[str, str]:
    """Return the name of the first image of each galaxy."""
    first: dict[str, str] = {}
    for source in sources:
        for name, galaxy in zip(source.names, source.galaxies, strict=True):
            first.setdefault(galaxy, name)
    return first


def _left_out(source: DividedSource, given: dict[str, str]) -> SharedGalaxies:
    found = [index for index, galaxy in enumerate(source.galaxies) if galaxy in given]
    if not found:
        return SharedGalaxies()
    note = (
        f"{len(found)} of {len(source.names)} images of role {source.role} show galaxies of given "
        f"validation or test images and are left out ({_listed(source, found, given)})"
    )
    return SharedGalaxies(frozenset(found), note)


def _kept(
    source: DividedSource, by_role: dict[str, dict[str, str]], trained: tuple[str, ...]
) -> SharedGalaxies:
    """Count what a given part shares with the parts before it."""
    earlier = {"validation": trained, "test": (*trained, "validation")}.get(source.role, ())
    notes = []
    for role in earlier:
        others = by_role[role]
        found = [index for index, galaxy in enumerate(source.galaxies) if galaxy in others]
        if found:
            notes.append(
                f"{len(found)} of {len(source.names)} images of role {source.role} show galaxies "
                f"that are also on images of role {role} ({_listed(source, found, others)})"
            )
    return SharedGalaxies(note="; ".join(notes))


def _listed(source: DividedSource, found: Sequence[int], others: dict[str, str]) -> str:
    pairs = [f"{source.names[index]}: {others[source.galaxies[index]]}" for index in found]
    return ", ".join(pairs[:_SHOWN]) + (", ..." if len(pairs) > _SHOWN else "")
