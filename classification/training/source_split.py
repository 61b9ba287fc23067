"""Division of the labelled images of a training into training, validation and test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...configs import ClassifierTraining, Split
from ...datasets.duplicate_groups import DuplicateGroups, find_duplicate_groups
from ...datasets.given_division import DividedSource, find_shared_galaxies
from ...datasets.labels import LabelledImage
from ...datasets.split import folds_by_galaxy, split_by_galaxy
from ...datasets.votes.vote_trees import VOTE_TREES
from ...errors import ConfigError

__all__ = ["SourceSplit", "split_sources"]


@dataclass(frozen=True)
class SourceSplit:
    """Indices of the labelled images in each part of the split.

    Attributes
    ----------
    train, validation, test : list of list of int
        Indices into the images of each source.
    duplicates : DuplicateGroups
        Images of the same galaxy.
    notes : tuple of str
        Sentences about images that are in several parts of a given division, or left out.
    """

    train: list[list[int]]
    validation: list[list[int]]
    test: list[list[int]]
    duplicates: DuplicateGroups
    notes: tuple[str, ...]


def split_sources(labelled: list[list[LabelledImage]], config: ClassifierTraining) -> SourceSplit:
    """Divide the images of each source: by its role, and those of role ``train`` by galaxy.

    A galaxy held out in one source is excluded from the training images of all others, except in
    a division whose parts are all given; see `find_shared_galaxies`.  The held-out part of a source
    of role ``extra`` depends only on that source and the seed, so that it is the same in every
    fold.

    Parameters
    ----------
    labelled : list of list of LabelledImage
        The images of each of ``config.data``.
    config : ClassifierTraining
        The roles of the sources and the split.

    Returns
    -------
    SourceSplit

    Raises
    ------
    ConfigError
        If there are fewer galaxies than folds.
    """
    duplicates = find_duplicate_groups([item for source in labelled for item in source])
    galaxies = duplicates.galaxies
    starts = np.cumsum([0] + [len(source) for source in labelled])
    role = np.repeat([data.role for data in config.data], [len(source) for source in labelled])
    division = config.division
    shared = find_shared_galaxies(
        [
            DividedSource(
                data.role,
                [item.path.name for item in source],
                galaxies[start : start + len(source)],
            )
            for data, source, start in zip(config.data, labelled, starts[:-1], strict=True)
        ],
        split=division.divides,
    )
    left_out = np.zeros(len(galaxies), np.bool_)
    for one, start in zip(shared, starts[:-1], strict=True):
        left_out[[start + index for index in one.left_out]] = True
    strata = _strata([item for source in labelled for item in source], config)
    held_out: dict[str, set[str]] = {}
    rest = np.flatnonzero((role == "train") & ~left_out)
    for part, function in (("test", _split_test), ("validation", _split_validation)):
        kept, taken = function([galaxies[i] for i in rest], [strata[i] for i in rest], division)
        held_out[part] = {galaxies[rest[i]] for i in taken}
        rest = rest[kept]
    measured = np.zeros(len(galaxies), np.bool_)
    for (start, stop), data in zip(pairwise(starts), config.data, strict=True):
        _, taken = split_by_galaxy(
            galaxies[start:stop], data.held_out, config.split.seed, strata[start:stop]
        )
        measured[start + taken] = True
    external = {galaxies[i] for i in np.flatnonzero(measured)}
    parts = np.empty(len(galaxies), dtype=object)
    for i, galaxy in enumerate(galaxies):
        if measured[i] or role[i] == "test":
            parts[i] = "test"
        elif role[i] == "validation":
            parts[i] = "validation"
        elif left_out[i] or galaxy in external:
            parts[i] = "unused"
        elif galaxy in held_out["test"] or galaxy in held_out["validation"]:
            part = "test" if galaxy in held_out["test"] else "validation"
            parts[i] = part if role[i] == "train" else "unused"
        else:
            parts[i] = "train"

    def indices(part: str) -> list[list[int]]:
        return [
            np.flatnonzero(parts[start:stop] == part).tolist() for start, stop in pairwise(starts)
        ]

    return SourceSplit(
        indices("train"),
        indices("validation"),
        indices("test"),
        duplicates,
        tuple(
            f"{data.images.name}: {one.note}"
            for data, one in zip(config.data, shared, strict=True)
            if one.note
        ),
    )


def _split_test(
    galaxies: list[str], strata: list[str], split: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the other images and of the test images."""
    if split.folds is None or split.fold is None:
        return split_by_galaxy(galaxies, split.test_fraction or 0, split.seed, strata)
    try:
        return folds_by_galaxy(galaxies, split.folds, split.seed, strata)[split.fold]
    except ValueError as error:
        raise ConfigError(
            f"split: {error}; use fewer folds, or add images to 'data' (role train)"
        ) from error


def _split_validation(
    galaxies: list[str], strata: list[str], split: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the training and of the validation images."""
    return split_by_galaxy(galaxies, split.validation_fraction or 0, split.seed, strata)


def _strata(images: Sequence[LabelledImage], config: ClassifierTraining) -> list[str]:
    """Return the stratum of each image: the allowed classes, or the most probable one.

    Votes have that of the class that follows from them, so that a training on votes holds out the
    same images as one on the probabilities of the classes.
    """
    if config.votes is not None:
        fractions = np.array([item.probabilities for item in images])
        shares = VOTE_TREES[config.votes].galaxy10_shares(fractions)
        return [str((int(row.argmax()),)) if row.any() else "no class" for row in shares]
    return [
        str((max(item.allowed, key=item.probabilities.__getitem__),))
        if item.probabilities
        else str(item.allowed)
        for item in images
    ]
