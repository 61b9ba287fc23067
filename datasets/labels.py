"""Labels of whole images, as arrays for training and as ground truth for metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GroundTruth",
    "LabelledImage",
    "Labels",
    "Position",
    "find_ground_truth",
    "split_targets",
]

Position: TypeAlias = tuple[float, float]
"""ICRS right ascension and declination in degrees."""


@dataclass(frozen=True)
class LabelledImage:
    """An image and the classes that its label allows.

    Attributes
    ----------
    path : Path
        The image; image 17 (from 0) of the data file ``galaxies.h5`` is ``galaxies.h5/NAME-17``.
    allowed : tuple of int
        Class indices, ascending, at least one; several if the label is ambiguous.
    identifier : str
        Name of the galaxy in its survey; empty if unknown.
    probabilities : tuple of float
        Probability of each class, summing to at most one, for a soft label; or, for a network that
        predicts votes, the fraction of volunteers who give each answer of the decision tree; else
        empty.
    position : (float, float) or None
        ICRS right ascension and declination in degrees, if known.
    volunteers : float
        Number of volunteers who voted, if the label is their votes and the number is known; else 0.
    """

    path: Path
    allowed: tuple[int, ...]
    identifier: str = ""
    probabilities: tuple[float, ...] = ()
    position: Position | None = None
    volunteers: float = 0.0

    @property
    def class_id(self) -> int | None:
        """The only allowed class, or one with a probability above 0.5; else None."""
        if self.probabilities:
            leading = max(self.allowed, key=self.probabilities.__getitem__)
            return leading if self.probabilities[leading] > 0.5 else None
        return self.allowed[0] if len(self.allowed) == 1 else None


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of N images over C classes: class probabilities or sets of classes.

    Attributes
    ----------
    values : ndarray of float32, shape (N, C)
        Class probabilities, summing to at most one; for a set, 1 for each of its classes; or the
        fractions of volunteers who give each answer.
    is_set : ndarray of bool, shape (N,)
        True where the label is a set of two or more classes, one of which is true.
    volunteers : ndarray of float32, shape (N,), or None
        Number of volunteers of each image, if the labels are votes and the number is known.

    Examples
    --------
    >>> images = [
    ...     LabelledImage(Path("a.png"), allowed=(0,)),
    ...     LabelledImage(Path("b.png"), allowed=(1, 2)),
    ...     LabelledImage(Path("c.png"), allowed=(0, 2), probabilities=(0.75, 0, 0.25)),
    ... ]
    >>> labels = Labels.from_images(images, num_classes=3)
    >>> labels.values.tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.75, 0.0, 0.25]]
    >>> labels.is_set.tolist()
    [False, True, False]
    """

    values: NDArray[np.float32]
    is_set: NDArray[np.bool_]
    volunteers: NDArray[np.float32] | None = None

    @classmethod
    def from_images(cls, images: Sequence[LabelledImage], num_classes: int) -> Labels:
        """Return the labels of images.

        Parameters
        ----------
        images : sequence of LabelledImage
            N labelled images.
        num_classes : int
            Number of classes C.
        """
        values = np.zeros((len(images), num_classes), np.float32)
        for row, image in zip(values, images, strict=True):
            if image.probabilities:
                row[:] = image.probabilities
            else:
                row[list(image.allowed)] = 1
        is_set = [not image.probabilities and len(image.allowed) > 1 for image in images]
        volunteers = np.array([image.volunteers for image in images], np.float32)
        return cls(values, np.array(is_set, np.bool_), volunteers if volunteers.any() else None)

    @classmethod
    def join(cls, parts: Sequence[Labels]) -> Labels:
        """Concatenate labels.

        Parameters
        ----------
        parts : sequence of Labels
            Labels over the same classes, at least one group.
        """
        known = [part.volunteers for part in parts if part.volunteers is not None]
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.is_set for part in parts]),
            np.concatenate(known) if len(known) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Labels:
        volunteers = None if self.volunteers is None else self.volunteers[index]
        return Labels(self.values[index], self.is_set[index], volunteers)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.values.shape[1])

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """The most probable class of each image, shape (N,); the lowest index of ties."""
        ids: NDArray[np.int64] = self.values.argmax(axis=1)
        return ids

    @property
    def single_class(self) -> NDArray[np.bool_]:
        """True where one class is certain or has a probability above 0.5, shape (N,)."""
        likely: NDArray[np.bool_] = self.values.max(axis=1, initial=0) > 0.5
        return ~self.is_set & likely

    def to_targets(self) -> NDArray[np.float32]:
        """Return the labels as one array for a Keras loss.

        Returns
        -------
        ndarray of float32, shape (N, C + 1)
            `values` and, in the last column, 1 where the label is a set of classes
            (`split_targets` is the inverse), or the number of volunteers whose votes they are.
        """
        last = self.is_set if self.volunteers is None else self.volunteers
        return np.column_stack([self.values, last.astype(np.float32)])


def split_targets(targets: Any) -> tuple[Any, Any]:
    """Return the values and the mask of sets in an array or tensor of `Labels.to_targets`.

    Parameters
    ----------
    targets : ndarray or tensor, shape (N, C + 1)
        Encoded labels.

    Returns
    -------
    values : ndarray or tensor, shape (N, C)
        Probability of each class or, for a set, 1 for each of its classes.
    is_set : ndarray or tensor of bool, shape (N,)
        True where the label is a set of classes.
    """
    return targets[:, :-1], targets[:, -1] > 0.5


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """True classes, or true sets of classes, of the evaluated images.

    Attributes
    ----------
    evaluated : ndarray of bool, shape (N,)
        True for the n images whose label is a single class, or for all images if the labels are
        disjoint sets of classes.
    class_ids : ndarray of int64, shape (n,)
        Index in `names` for each evaluated image.
    names : tuple of str
        The classes, or the S sets.
    sets : ndarray of float32, shape (S, C)
        1 for each class of a set; no rows if single classes are evaluated.
    """

    evaluated: NDArray[np.bool_]
    class_ids: NDArray[np.int64]
    names: tuple[str, ...]
    sets: NDArray[np.float32]

    @property
    def by_sets(self) -> bool:
        """True if sets of classes are evaluated."""
        return len(self.sets) > 0

    def probabilities(self, predicted: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of `names`, normalised over them.

        Parameters
        ----------
        predicted : ndarray of float32, shape (n, C)
            Predicted probabilities of the classes.
        """
        if not self.by_sets:
            return predicted
        summed = predicted @ self.sets.T
        tiny = np.finfo(np.float32).tiny
        total = np.maximum(summed.sum(axis=1, keepdims=True), tiny)
        shares: NDArray[np.float32] = summed / total
        return shares


def find_ground_truth(labels: Labels, class_names: Sequence[str]) -> GroundTruth:
    """Return the ground truth of labels.

    Parameters
    ----------
    labels : Labels
        Labels of N images over C classes.
    class_names : sequence of str
        Names of the C classes.
    """
    sets = _disjoint_sets(labels)
    if not len(sets):
        certain = labels.single_class
        return GroundTruth(certain, labels[certain].class_ids, tuple(class_names), sets)
    names = (
        " or ".join(name for name, member in zip(class_names, row, strict=True) if member)
        for row in sets
    )
    class_ids = (labels.values @ sets.T).argmax(axis=1)
    return GroundTruth(np.ones(len(labels), np.bool_), class_ids, tuple(names), sets)


def _disjoint_sets(labels: Labels) -> NDArray[np.float32]:
    """Return the sets of classes in the labels, shape (S, C).

    The result is empty if every label is a single class, some are probabilities, there is only one
    set, or two sets share a class, which makes the set of an image ambiguous.
    """
    sets = np.unique(labels.values, axis=0)
    disjoint = np.isin(sets, (0, 1)).all() and (sets.sum(axis=0) <= 1).all()
    return sets if disjoint and len(sets) > 1 and labels.is_set.any() else sets[:0]
