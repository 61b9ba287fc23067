"""Bring all sources of a training together and divide them, so that no galaxy is on two sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..annotations import LabelledImage, group_galaxies, split_by_galaxy
from ..configs import ClassifierTraining
from ..errors import ConfigError
from .dataset import Cutouts, class_names, load_cutouts, read_boxes, read_labels

__all__ = ["Division", "Sources", "divide", "gather"]


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
        The sources of role ``test`` by the name of their folder.
    """

    train: Cutouts
    validation: Cutouts
    test: Cutouts
    extra: Cutouts
    external: dict[str, Cutouts]


@dataclass(frozen=True)
class Division:
    """Positions of labelled images, by source and purpose."""

    train: list[list[int]]
    validation: list[list[int]]
    test: list[list[int]]


def divide(labelled: list[list[LabelledImage]], config: ClassifierTraining) -> Division:
    """Divide the images of each source by galaxy.

    A galaxy held back in one source is taken out of the training part of all others.

    Parameters
    ----------
    labelled : list of list of LabelledImage
        The images of each of ``config.data``.
    config : ClassifierTraining
        The roles of the sources and the split.
    """
    paths = [item.path for source in labelled for item in source]
    galaxies = group_galaxies(paths)
    starts = np.cumsum([0] + [len(source) for source in labelled])
    role = np.repeat([data.role for data in config.data], [len(source) for source in labelled])
    label = [str(item.allowed) for source in labelled for item in source]
    held: dict[str, set[str]] = {"test": set(), "validation": set()}
    own = np.flatnonzero(role == "train")
    rest = own
    for part, fraction in (
        ("test", config.split.test_fraction),
        ("validation", config.split.validation_fraction),
    ):
        kept, taken = split_by_galaxy(
            [galaxies[i] for i in rest],
            fraction,
            config.split.seed,
            [label[i] for i in rest],
        )
        held[part] = {galaxies[rest[i]] for i in taken}
        rest = rest[kept]
    external = {galaxies[i] for i in np.flatnonzero(role == "test")}
    sides = np.empty(len(paths), dtype=object)
    for i, galaxy in enumerate(galaxies):
        if role[i] == "test":
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

    return Division(positions("train"), positions("validation"), positions("test"))


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
    total = sum(len(source) for source in labelled)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    loaded = [
        load_cutouts(source, len(names), read_boxes(data), count)
        for source, data in zip(labelled, config.data, strict=True)
    ]

    def part(role: str, positions: list[list[int]]) -> Cutouts:
        chosen = [
            cutouts.select(index)
            for cutouts, data, index in zip(loaded, config.data, positions, strict=True)
            if data.role == role
        ]
        return Cutouts.join(chosen, len(names))

    sources = Sources(
        train=part("train", division.train),
        validation=part("train", division.validation),
        test=part("train", division.test),
        extra=part("extra", division.train),
        external={
            data.images.parent.name if data.images.name == "images" else data.images.name: cutouts
            for cutouts, data in zip(loaded, config.data, strict=True)
            if data.role == "test"
        },
    )
    for name in ("train", "validation", "test"):
        if not len(getattr(sources, name)):
            raise ConfigError(
                f"no image is left for {name}: give more labelled images in 'data' "
                "(role train) or change 'split'"
            )
    return sources
