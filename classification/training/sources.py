"""Bring all sources of a training together and divide them, so that no galaxy is on two sides."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...configs import ClassifierTraining, Split
from ...datasets.duplicate_groups import DuplicateGroups, find_duplicate_groups
from ...datasets.labels import LabelledImage
from ...datasets.split import folds_by_galaxy, split_by_galaxy
from ...errors import ConfigError
from .dataset import Cutouts, class_names, load_cutouts, read_boxes, read_labels

__all__ = ["Division", "Sources", "divide", "gather"]

logger = logging.getLogger("galpipe")


@dataclass(frozen=True)
class Sources:
    """The images of a training by what they serve for.

    Attributes
    ----------
    train, validation, test : Cutouts
        The sources of role ``train``, divided by galaxy.
    extra : Cutouts
        The sources of role ``extra``, without galaxies of the validation and the tests.
    external : dict of str to Cutouts
        The sources of role ``test``, and what is held back of those of role ``extra``, by the name
        of their folder or data file.
    """

    train: Cutouts
    validation: Cutouts
    test: Cutouts
    extra: Cutouts
    external: dict[str, Cutouts]


@dataclass(frozen=True)
class Division:
    """Positions of labelled images, by source and purpose, and which of them show one galaxy."""

    train: list[list[int]]
    validation: list[list[int]]
    test: list[list[int]]
    duplicates: DuplicateGroups


def divide(labelled: list[list[LabelledImage]], config: ClassifierTraining) -> Division:
    """Divide the images of each source by galaxy.

    A galaxy held back in one source is taken out of the training part of all others.  What is held
    back of a source of role ``extra`` depends on that source and the seed alone: it is the same in
    every fold.

    Parameters
    ----------
    labelled : list of list of LabelledImage
        The images of each of ``config.data``.
    config : ClassifierTraining
        The roles of the sources and the split.
    """
    duplicates = find_duplicate_groups([item for source in labelled for item in source])
    galaxies = duplicates.galaxies
    starts = np.cumsum([0] + [len(source) for source in labelled])
    role = np.repeat([data.role for data in config.data], [len(source) for source in labelled])
    label = [_stratum(item) for source in labelled for item in source]
    held: dict[str, set[str]] = {}
    rest = np.flatnonzero(role == "train")
    for part, divided in (("test", _test_part), ("validation", _validation_part)):
        kept, taken = divided([galaxies[i] for i in rest], [label[i] for i in rest], config.split)
        held[part] = {galaxies[rest[i]] for i in taken}
        rest = rest[kept]
    own = np.zeros(len(galaxies), dtype=bool)
    for (start, stop), data in zip(pairwise(starts), config.data, strict=True):
        _, taken = split_by_galaxy(
            galaxies[start:stop], data.held_back, config.split.seed, label[start:stop]
        )
        own[start + taken] = True
    external = {galaxies[i] for i in np.flatnonzero((role == "test") | own)}
    sides = np.empty(len(galaxies), dtype=object)
    for i, galaxy in enumerate(galaxies):
        if role[i] == "test" or own[i]:
            sides[i] = "test"
        elif galaxy in external:
            sides[i] = "unused"
        elif galaxy in held["test"] or galaxy in held["validation"]:
            side = "test" if galaxy in held["test"] else "validation"
            sides[i] = side if role[i] == "train" else "unused"
        else:
            sides[i] = "train"

    def positions(side: str) -> list[list[int]]:
        return [
            np.flatnonzero(sides[start:stop] == side).tolist() for start, stop in pairwise(starts)
        ]

    return Division(positions("train"), positions("validation"), positions("test"), duplicates)


def _test_part(
    galaxies: list[str], strata: list[str], split: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions that are kept and those that are held back for the test."""
    if split.folds is None or split.fold is None:
        return split_by_galaxy(galaxies, split.test_fraction, split.seed, strata)
    try:
        return folds_by_galaxy(galaxies, split.folds, split.seed, strata)[split.fold]
    except ValueError as error:
        raise ConfigError(
            f"split: {error}; ask for fewer folds, or give more images in 'data' (role train)"
        ) from error


def _validation_part(
    galaxies: list[str], strata: list[str], split: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return split_by_galaxy(galaxies, split.validation_fraction, split.seed, strata)


def _stratum(item: LabelledImage) -> str:
    """Return what images are divided evenly by: the allowed classes, or the likeliest one."""
    if item.probabilities:
        return str((max(item.allowed, key=item.probabilities.__getitem__),))
    return str(item.allowed)


def gather(
    config: ClassifierTraining, progress: Callable[[int, int], None] | None = None
) -> Sources:
    """Read, divide and load the images of a training.

    Parameters
    ----------
    config : ClassifierTraining
        The sources and the split.
    progress : callable, optional
        Called with the number of images loaded and their total.

    Raises
    ------
    ConfigError
        If no image is left to train, validate or test on.
    InputError
        If a table or image cannot be read.
    """
    names = class_names(config)
    labelled = [read_labels(data, names) for data in config.data]
    division = divide(labelled, config)
    logger.info("%s", division.duplicates)
    parts = (division.train, division.validation, division.test)
    total = sum(len(positions) for part in parts for positions in part)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    boxes = [read_boxes(data) for data in config.data]

    def load(source: int, positions: list[int]) -> Cutouts:
        chosen = [labelled[source][position] for position in positions]
        return load_cutouts(chosen, len(names), boxes[source], count)

    def part(role: str, positions: list[list[int]]) -> Cutouts:
        chosen = [
            load(source, positions[source])
            for source, data in enumerate(config.data)
            if data.role == role
        ]
        return Cutouts.join(chosen, len(names))

    sources = Sources(
        train=part("train", division.train),
        validation=part("train", division.validation),
        test=part("train", division.test),
        extra=part("extra", division.train),
        external={
            data.images.parent.name if data.images.name == "images" else data.images.name: load(
                source, division.test[source]
            )
            for source, data in enumerate(config.data)
            if data.role == "test" or data.held_back
        },
    )
    for name in ("train", "validation", "test"):
        if not len(getattr(sources, name)):
            raise ConfigError(
                f"no image is left for {name}: give more labelled images in 'data' "
                "(role train) or change 'split'"
            )
    return sources
