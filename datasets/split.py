"""Divide images into training and test sets so that no galaxy stands on both sides.

The division depends on the seed and on the galaxies alone, never on the order in which they are
given; most galaxies keep their side when others are added.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .near_duplicates import find_twins

__all__ = ["folds_by_galaxy", "group_galaxies", "split_by_galaxy"]

Indices = NDArray[np.int64]


def group_galaxies(
    paths: Sequence[str | Path],
    identifiers: Sequence[str] | None = None,
    *,
    twins: bool = True,
    pairs: Iterable[tuple[int, int]] = (),
) -> list[str]:
    """Name the galaxy that each image shows.

    Images of one galaxy have the same identifier, are twins (see `find_twins`) or are a known pair;
    all these relations chain.  Give the images of all sources at once: a galaxy of one is often in
    another.

    Parameters
    ----------
    paths : sequence of path
        The images.
    identifiers : sequence of str, optional
        What each image is about, such as its SDSS object; the file's stem by default.
    twins : bool
        Whether to compare the pixels; without, no image is read.
    pairs : iterable of (int, int)
        Positions in `paths` of images known to show the same, such as from `overlapping_fields`.

    Returns
    -------
    list of str
        The name of each image's galaxy: the smallest of its identifiers.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    names = [Path(path).stem for path in paths] if identifiers is None else list(identifiers)
    if len(names) != len(paths):
        raise ValueError(f"{len(paths)} images but {len(names)} identifiers")
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for first, second in chain(pairs, find_twins(paths) if twins else ()):
        low, high = sorted((root(names[first]), root(names[second])))
        parent[high] = low
    return [root(name) for name in names]


def split_by_galaxy(
    galaxies: Sequence[str],
    test: float,
    seed: int = 0,
    stratify: Sequence[Hashable] | None = None,
) -> tuple[Indices, Indices]:
    """Hold some images back for the test.

    Parameters
    ----------
    galaxies : sequence of str
        The galaxy that each image shows, from `group_galaxies`.
    test : float or int
        Share of the images to hold back if below 1, else their number.  It is met as closely as
        galaxies with several images allow, never by dividing one.
    seed : int
        Another seed gives another division.
    stratify : sequence, optional
        Class of each image; each class gives its share.  A galaxy whose images have several
        classes counts for the commonest.

    Returns
    -------
    train, test : ndarray of int
        Positions in `galaxies`, ascending.

    Raises
    ------
    ValueError
        If `test` is negative, or more than there are images.
    """
    total = len(galaxies)
    if test < 0 or test > total:
        raise ValueError(f"cannot hold back {test} of {total} images")
    wanted = round(test * total) if test < 1 else int(test)
    strata = _strata(galaxies, seed, stratify)
    sizes = [sum(len(members) for members in groups) for groups in strata]
    chosen: list[int] = []
    for groups, quota in zip(strata, _quotas(sizes, wanted), strict=True):
        taken: list[int] = []
        for members in groups:
            if len(taken) + len(members) <= quota:
                taken += members
        chosen += taken
    is_test = np.zeros(total, dtype=bool)
    is_test[chosen] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def folds_by_galaxy(
    galaxies: Sequence[str],
    folds: int,
    seed: int = 0,
    stratify: Sequence[Hashable] | None = None,
) -> list[tuple[Indices, Indices]]:
    """Divide images into folds for cross-validation; each image is in one fold's test set.

    Parameters
    ----------
    galaxies : sequence of str
        The galaxy that each image shows, from `group_galaxies`.
    folds : int
        Number of folds, at least 2.
    seed : int
        Another seed gives another division.
    stratify : sequence, optional
        Class of each image; each class is spread over the folds.

    Returns
    -------
    list of (train, test)
        One pair of ascending position arrays for each fold.

    Raises
    ------
    ValueError
        If there are fewer galaxies than folds.
    """
    if folds < 2 or folds > len(set(galaxies)):
        raise ValueError(f"cannot make {folds} folds of {len(set(galaxies))} galaxies")
    fold_of = np.zeros(len(galaxies), dtype=np.int64)
    totals = [0] * folds
    for groups in _strata(galaxies, seed, stratify):
        counts = [0] * folds
        for members in groups:
            fold = min(range(folds), key=lambda k: (counts[k], totals[k], k))
            fold_of[members] = fold
            counts[fold] += len(members)
            totals[fold] += len(members)
    return [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(folds)]


def _strata(
    galaxies: Sequence[str], seed: int, stratify: Sequence[Hashable] | None
) -> list[list[list[int]]]:
    """Group positions by galaxy in an order drawn by the seed, and galaxies by class."""
    if stratify is not None and len(stratify) != len(galaxies):
        raise ValueError(f"{len(galaxies)} images but {len(stratify)} classes")
    members: dict[str, list[int]] = defaultdict(list)
    for position, galaxy in enumerate(galaxies):
        members[galaxy].append(position)
    strata: dict[Hashable, list[list[int]]] = defaultdict(list)
    for galaxy in sorted(members, key=lambda name: _draw(name, seed)):
        strata[_class_of(members[galaxy], stratify)].append(members[galaxy])
    return [strata[key] for key in sorted(strata, key=repr)]


def _draw(galaxy: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{galaxy}".encode()).digest()


def _class_of(members: Sequence[int], stratify: Sequence[Hashable] | None) -> Hashable:
    if stratify is None:
        return None
    counts = Counter(stratify[position] for position in members)
    return max(counts, key=lambda label: (counts[label], repr(label)))


def _quotas(sizes: Sequence[int], wanted: int) -> list[int]:
    """Share `wanted` among strata by size, the largest remainders rounded up."""
    shares = [Fraction(size * wanted, max(sum(sizes), 1)) for size in sizes]
    quotas = [int(share) for share in shares]
    remainders = sorted(range(len(sizes)), key=lambda k: (quotas[k] - shares[k], k))
    for stratum in remainders[: wanted - sum(quotas)]:
        quotas[stratum] += 1
    return quotas
