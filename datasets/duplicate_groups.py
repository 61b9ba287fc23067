"""Which of the labelled images of a training show one galaxy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .image_reader import PictureReader, in_data_file
from .labels import LabelledImage
from .near_duplicates import find_twins
from .sky_groups import same_position
from .split import group_galaxies

__all__ = ["SAME_POSITION", "Kinship", "find_kin"]

SAME_POSITION = 5.0
"""Arcseconds within which two images show one galaxy."""


@dataclass(frozen=True)
class Kinship:
    """What `find_kin` found.

    Attributes
    ----------
    galaxies : tuple of str
        The galaxy that each image shows.
    same_position : int
        Pairs of images of one place on the sky.
    alike : int
        Pairs of images that look the same.
    """

    galaxies: tuple[str, ...]
    same_position: int
    alike: int

    def __str__(self) -> str:
        shared = [count for count in Counter(self.galaxies).values() if count > 1]
        return (
            f"{len(self.galaxies)} images: {self.same_position} pairs within {SAME_POSITION:g} "
            f"arcsec and {self.alike} pairs that look the same; {len(shared)} galaxies have "
            f"several images, {sum(shared)} in all, which stay on one side"
        )


def find_kin(labelled: Sequence[LabelledImage]) -> Kinship:
    """Name the galaxy that each image shows.

    Images show one galaxy if their files have the same name without the suffix, which may also be
    the identifier that a table gives another, if their positions lie within `SAME_POSITION`, or if
    they look the same (`find_twins`).

    Parameters
    ----------
    labelled : sequence of LabelledImage
        The images of all sources.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    paths = [item.path for item in labelled]
    unknown = (np.nan, np.nan)
    positions = np.array([item.position or unknown for item in labelled]).reshape(-1, 2)
    near = same_position(positions[:, 0], positions[:, 1], SAME_POSITION)
    with PictureReader() as read:
        alike = find_twins(_pictures(paths, read))
    galaxies = group_galaxies(paths, twins=False, pairs=[*near, *alike, *_same_name(labelled)])
    return Kinship(tuple(galaxies), len(near), len(alike))


def _same_name(labelled: Sequence[LabelledImage]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for index, item in enumerate(labelled):
        for name in filter(None, (item.path.stem, item.identifier)):
            if first.setdefault(name, index) != index:
                yield first[name], index


def _pictures(paths: Sequence[Path], read: PictureReader) -> Iterator[Path | NDArray[np.uint8]]:
    for path in paths:
        if in_data_file(path):
            yield np.asarray(cv2.cvtColor(read(path), cv2.COLOR_RGB2GRAY), np.uint8)
        else:
            yield path
