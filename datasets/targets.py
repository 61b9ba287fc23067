"""What labels ask of a classifier: the class of an image, or which of disjoint sets of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BY_SETS", "MOST_PROBABILITY", "Targets", "find_targets", "one_class"]

MOST_PROBABILITY = 1.5
"""What tells soft labels from sets: probabilities sum to one at most, and a set of several classes
to two at least."""

BY_SETS = "by the sets of classes that the labels name"
"""How images are measured whose labels name sets of classes."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What is to be recognised on labelled images.

    Attributes
    ----------
    counted : ndarray of bool, shape (N,)
        The n images that count: those whose label leaves one of the C classes, or all where the
        labels name sets of classes of which no two share a class.
    truth : ndarray of int64, shape (n,)
        Index in `names` of each image that counts.
    names : tuple of str
        The classes, or the S sets.
    sets : ndarray of float32, shape (S, C)
        1 for each class of a set; no sets where the classes themselves are to be recognised.
    """

    counted: NDArray[np.bool_]
    truth: NDArray[np.int64]
    names: tuple[str, ...]
    sets: NDArray[np.float32]

    @property
    def by_sets(self) -> bool:
        """Whether sets of classes are to be recognised."""
        return len(self.sets) > 0

    def of(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each of `names`, given that it is one of them.

        Parameters
        ----------
        probabilities : ndarray of float32, shape (n, C)
            Of the classes.
        """
        if not self.by_sets:
            return probabilities
        summed = probabilities @ self.sets.T
        tiny = np.finfo(np.float32).tiny
        return summed / np.maximum(summed.sum(axis=1, keepdims=True), tiny)


def find_targets(allowed: NDArray[np.float32], class_names: Sequence[str]) -> Targets:
    """Return what the labels of images allow to measure.

    Parameters
    ----------
    allowed : ndarray of float32, shape (N, C)
        The labels, as `allowed_classes` returns them.
    class_names : sequence of str
        The C classes.
    """
    sets = _disjoint_sets(allowed)
    if not len(sets):
        counted = one_class(allowed)
        return Targets(counted, allowed[counted].argmax(axis=1), tuple(class_names), sets)
    names = (
        " or ".join(name for name, member in zip(class_names, row, strict=True) if member)
        for row in sets
    )
    counted = np.ones(len(allowed), np.bool_)
    return Targets(counted, (allowed @ sets.T).argmax(axis=1), tuple(names), sets)


def _disjoint_sets(allowed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sets of classes that labels name, shape (S, C).

    None where every label names one class, where they are probabilities, where there is only one
    set, or where two sets share a class: then nothing tells which of them an image belongs to.
    """
    sets = np.unique(allowed, axis=0)
    plain = np.isin(sets, (0, 1)).all() and (sets.sum(axis=0) <= 1).all()
    return sets if plain and len(sets) > 1 and (sets.sum(axis=1) > 1).any() else sets[:0]


def one_class(allowed: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which labels leave one class only, or one whose probability is over a half.

    Parameters
    ----------
    allowed : ndarray of float32, shape (N, C)
        The labels, as `allowed_classes` returns them.
    """
    return (allowed.sum(axis=1) < MOST_PROBABILITY) & (allowed.max(axis=1) > 0.5)
