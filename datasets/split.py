"""Split images into training and test sets by galaxy, without leaks.

A split depends only on the seed and the galaxies, not on their order; most galaxies stay in the
same set when others are added.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["Indices", "folds_by_galaxy", "object_strata", "split_by_galaxy"]

Indices = NDArray[np.int64]
"""Indices of images, ascending."""


def split_by_galaxy(
    galaxies: Sequence[str],
    test: float,
    seed: int = 0,
    stratify: Sequence[Hashable] | None = None,
) -> tuple[Indices, Indices]:
    """Split images into a training and a held-out test set.

    Parameters
    ----------
    galaxies : sequence of str
        Name of the galaxy on each image, from `group_galaxies`.
    test : float or int
        Fraction of the images to hold out if below 1, else their number; approximate where galaxies
        have several images, as a galaxy is never divided.
    seed : int
        Seed of the random order of the galaxies.
    stratify : sequence, optional
        Class of each image; each class contributes the same fraction.  A galaxy whose images have
        several classes counts for the most frequent one.

    Returns
    -------
    train, test : ndarray of int64
        Indices in `galaxies`, ascending.

    Raises
    ------
    ValueError
        If `test` is negative, or more than there are images.

    Examples
    --------
    >>> train, test = split_by_galaxy(["M31", "M31", "M51", "M81", "M87"], test=2)
    >>> train, test
    (array([2, 3, 4]), array([0, 1]))
    """
    total = len(galaxies)
    if test < 0 or test > total:
        raise ValueError(f"cannot hold out {test} of {total} images")
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
    """Split images into folds for cross-validation; each image is in the test set of one fold.

    Parameters
    ----------
    galaxies : sequence of str
        Name of the galaxy on each image, from `group_galaxies`.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the random order of the galaxies.
    stratify : sequence, optional
        Class of each image; each class is spread over the folds.

    Returns
    -------
    list of (train, test)
        Ascending indices in `galaxies` for each fold.

    Raises
    ------
    ValueError
        If there are fewer galaxies than folds.

    Examples
    --------
    >>> [test.tolist() for _, test in folds_by_galaxy(["M31", "M31", "M51", "M81"], 2)]
    [[0, 1], [2, 3]]
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


def object_strata(labels: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """Return the stratum of each image: its rarest class and the bin of its number of objects.

    An image with objects of several classes counts for the class with the fewest objects in all
    images, since an unstratified split may leave rare classes without examples (as in the iterative
    stratification of Sechidis et al. 2011).  Numbers of objects are binned by powers of two: 0, 1,
    2 to 3, 4 to 7 and so on.

    Parameters
    ----------
    labels : sequence of sequence of str
        Classes of the objects on each image, without the difficult ones.

    Returns
    -------
    list of (str, int)
        Class, empty for an image without objects, and index of the bin.

    Examples
    --------
    >>> object_strata([["disc"], ["disc", "ring"], []])
    [('disc', 1), ('ring', 2), ('', 0)]
    """
    totals = Counter(label for image in labels for label in image)
    return [
        (min(image, key=lambda label: (totals[label], label), default=""), len(image).bit_length())
        for image in labels
    ]


def _strata(
    galaxies: Sequence[str], seed: int, stratify: Sequence[Hashable] | None
) -> list[list[list[int]]]:
    """Group indices by galaxy, in a random order, and galaxies by class."""
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
    """Distribute `wanted` among strata by size, by the largest remainder method."""
    shares = [Fraction(size * wanted, max(sum(sizes), 1)) for size in sizes]
    quotas = [int(share) for share in shares]
    remainders = sorted(range(len(sizes)), key=lambda k: (quotas[k] - shares[k], k))
    for stratum in remainders[: wanted - sum(quotas)]:
        quotas[stratum] += 1
    return quotas
