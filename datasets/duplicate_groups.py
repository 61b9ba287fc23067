"""Group labelled images of the same galaxy, so that a split does not separate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .image_reader import ImageReader, in_data_file
from .labels import LabelledImage
from .near_duplicates import find_near_duplicates
from .sky_groups import same_position

__all__ = ["SAME_POSITION", "DuplicateGroups", "find_duplicate_groups", "group_galaxies"]

SAME_POSITION = 5.0
"""Maximum separation in arcseconds of images of the same galaxy."""


@dataclass(frozen=True)
class DuplicateGroups:
    """Groups of images that show the same galaxy.

    Attributes
    ----------
    galaxies : tuple of str
        Name of the galaxy on each image.
    same_position : int
        Number of pairs of images at the same position on the sky.
    near_duplicates : int
        Number of pairs of images with nearly the same pixels.
    """

    galaxies: tuple[str, ...]
    same_position: int
    near_duplicates: int

    def __str__(self) -> str:
        shared = [count for count in Counter(self.galaxies).values() if count > 1]
        return (
            f"{len(self.galaxies)} images: {self.same_position} pairs within {SAME_POSITION:g} "
            f"arcsec and {self.near_duplicates} pairs of near-duplicates; {len(shared)} galaxies "
            f"have several images, {sum(shared)} in all, which stay together"
        )


def find_duplicate_groups(labelled: Sequence[LabelledImage]) -> DuplicateGroups:
    """Find the labelled images that show the same galaxy.

    Two images show the same galaxy if the stem or identifier of one equals that of the other, if
    their positions are within `SAME_POSITION`, or if they are near-duplicates
    (`find_near_duplicates`).  These relations are transitive.

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
    close = same_position(positions[:, 0], positions[:, 1], SAME_POSITION)
    with ImageReader() as read:
        alike = find_near_duplicates(_pictures(paths, read))
    pairs = [*close, *alike, *_same_name(labelled)]
    galaxies = group_galaxies(paths, near_duplicates=False, pairs=pairs)
    return DuplicateGroups(tuple(galaxies), len(close), len(alike))


def group_galaxies(
    paths: Sequence[str | Path],
    identifiers: Sequence[str] | None = None,
    *,
    near_duplicates: bool = True,
    pairs: Iterable[tuple[int, int]] = (),
) -> list[str]:
    """Return the name of the galaxy on each image.

    Images of one galaxy have the same identifier, are near-duplicates or are a known pair; these
    relations are transitive.  Pass the images of all sources at once, as they may share galaxies.

    Parameters
    ----------
    paths : sequence of path
        The images.
    identifiers : sequence of str, optional
        Identifier of the object on each image, such as that of SDSS; the stem of the file by
        default.
    near_duplicates : bool
        Compare the pixels (`find_near_duplicates`); if False, no image is read.
    pairs : iterable of (int, int)
        Indices in `paths` of images known to show the same galaxy, such as from
        `overlapping_fields`.

    Returns
    -------
    list of str
        The smallest of the identifiers of each galaxy.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    from scipy.cluster.hierarchy import DisjointSet

    names = [Path(path).stem for path in paths] if identifiers is None else list(identifiers)
    if len(names) != len(paths):
        raise ValueError(f"{len(paths)} images but {len(names)} identifiers")
    groups = DisjointSet(names)
    for first, second in pairs:
        groups.merge(names[first], names[second])
    for first, second in find_near_duplicates(paths) if near_duplicates else ():
        groups.merge(names[first], names[second])
    galaxy = {name: min(group) for group in groups.subsets() for name in group}
    return [galaxy[name] for name in names]


def _same_name(labelled: Sequence[LabelledImage]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for index, item in enumerate(labelled):
        for name in filter(None, (item.path.stem, item.identifier)):
            if first.setdefault(name, index) != index:
                yield first[name], index


def _pictures(paths: Sequence[Path], read: ImageReader) -> Iterator[Path | NDArray[np.uint8]]:
    for path in paths:
        if in_data_file(path):
            yield np.asarray(cv2.cvtColor(read(path), cv2.COLOR_RGB2GRAY), np.uint8)
        else:
            yield path
