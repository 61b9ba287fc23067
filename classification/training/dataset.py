"""Labelled images in memory: read labels and boxes, locate the galaxies, crop them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotatedImage, read_annotated_images
from ...configs import ClassifierData, ClassifierTraining, ClassMap, VoteTreeName
from ...datasets.class_folders import read_class_folders, read_unlabelled_folder
from ...datasets.galaxy10 import changed_classes, read_galaxy10
from ...datasets.image_checksums import image_checksums
from ...datasets.image_reader import ImageReader
from ...datasets.label_tables import (
    read_label_table,
    read_probability_table,
    read_vote_fractions,
    read_vote_labels,
    read_vote_probabilities,
)
from ...datasets.labels import LabelledImage, Labels
from ...datasets.mapped_labels import map_labels
from ...datasets.votes.vote_trees import VOTE_TREES
from ...errors import ConfigError
from ...files.tables import column_names
from ..crops import central_box, centremost
from .augmentation import Framing, frame

__all__ = [
    "CACHE_SIZE",
    "Cutouts",
    "LabelledSource",
    "class_map",
    "class_names",
    "label_names",
    "load_cutouts",
    "read_boxes",
    "read_labels",
]

logger = logging.getLogger("galpipe")

CACHE_SIZE = 192
"""Least side in pixels of the images in memory.  For a galaxy of 75 pixels in an image of 424, a
crop of 1.5 times its size still has 50 pixels, for an input of 69.  Larger inputs have images of
twice their side."""


@dataclass(frozen=True, eq=False)
class LabelledSource:
    """Labels and boxes of one source, without the pixels.

    Attributes
    ----------
    data : ClassifierData
        Configuration of the source.
    labelled : list of LabelledImage
    boxes : dict of Path to AnnotatedImage
        By image; empty if the source has no annotations.
    """

    data: ClassifierData
    labelled: list[LabelledImage]
    boxes: dict[Path, AnnotatedImage]

    @cached_property
    def checksums(self) -> dict[Path, str]:
        """SHA-256 of each image; InputError if one cannot be read."""
        paths = [item.path for item in self.labelled]
        return dict(zip(paths, image_checksums(paths), strict=True))


@dataclass(frozen=True, eq=False)
class Cutouts:
    """Labelled images in memory, all of one size, each with the box of its galaxy.

    Attributes
    ----------
    paths : tuple of Path
        The images, as in `ImageReader`.
    images : ndarray of uint8, shape (N, S, S, 3)
        The largest centred square of each image, resized.
    labels : Labels
        Labels of the N images.
    boxes : ndarray of float64, shape (N, 4)
        xmin, ymin, xmax, ymax of the galaxy in ``images``: pixel edges, 0-based, half-open.
    """

    paths: tuple[Path, ...]
    images: NDArray[np.uint8]
    labels: Labels
    boxes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.paths)

    def select(self, chosen: NDArray[np.bool_] | Sequence[int]) -> Cutouts:
        """Select images.

        Parameters
        ----------
        chosen : ndarray of bool, shape (N,), or sequence of int
            Mask or indices.
        """
        index = np.asarray(chosen)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        paths = tuple(self.paths[i] for i in index)
        return Cutouts(paths, self.images[index], self.labels[index], self.boxes[index])

    @classmethod
    def join(cls, parts: Sequence[Cutouts], num_classes: int) -> Cutouts:
        """Join sets of images.

        Parameters
        ----------
        parts : sequence of Cutouts
            May be empty.
        num_classes : int
            Number of classes.
        """
        if not parts:
            return cls(
                (),
                np.empty((0, CACHE_SIZE, CACHE_SIZE, 3), np.uint8),
                Labels(np.empty((0, num_classes), np.float32), np.empty(0, np.bool_)),
                np.empty((0, 4)),
            )
        return cls(
            tuple(path for part in parts for path in part.paths),
            np.concatenate([part.images for part in parts]),
            Labels.join([part.labels for part in parts]),
            np.concatenate([part.boxes for part in parts]),
        )

    def crops(self, size: int, margin: float) -> NDArray[np.uint8]:
        """Crop the galaxies as in ``galpipe run``.

        Parameters
        ----------
        size : int
            Side of a crop in pixels.
        margin : float
            Ratio of the side of the crop to the longer side of the box.

        Returns
        -------
        ndarray of uint8, shape (N, size, size, 3)
        """
        result = np.empty((len(self), size, size, 3), np.uint8)
        for target, image, (xmin, ymin, xmax, ymax) in zip(
            result, self.images, self.boxes, strict=True
        ):
            side = margin * max(xmax - xmin, ymax - ymin)
            target[:] = frame(image, Framing((xmin + xmax) / 2, (ymin + ymax) / 2, side), size)
        return result

    def whole(self, size: int) -> NDArray[np.uint8]:
        """Resize the whole images.

        Parameters
        ----------
        size : int
            Side of an image in pixels.

        Returns
        -------
        ndarray of uint8, shape (N, size, size, 3)
        """
        return np.stack(
            [cv2.resize(i, (size, size), interpolation=cv2.INTER_AREA) for i in self.images]
        )


def class_map(config: ClassifierTraining) -> ClassMap:
    """Return the map of the classes of the labels to those of a training.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.

    Raises
    ------
    ConfigError
        If ``class_names`` does not fit the classes of the labels.
    """
    return changed_classes(config.class_names, config.labels_of)


def class_names(config: ClassifierTraining) -> tuple[str, ...]:
    """Return the class names of a training, in order.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.
    """
    return class_map(config).class_names


def label_names(config: ClassifierTraining) -> tuple[str, ...]:
    """Return what the values of the labels of a training stand for: its classes, or the answers.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.
    """
    return class_names(config) if config.votes is None else VOTE_TREES[config.votes].answers


def read_labels(
    data: ClassifierData, classes: ClassMap, votes: VoteTreeName | None = None
) -> list[LabelledImage]:
    """Read the labels of one source.

    Parameters
    ----------
    data : ClassifierData
        The source.
    classes : ClassMap
        Classes of the labels and of the model.
    votes : str, optional
        Campaign of the votes that are the labels, for kind ``vote_fractions``.

    Returns
    -------
    list of LabelledImage
        Images of classes that are left out are omitted; their number is logged.

    Raises
    ------
    ConfigError
        If the labels are votes, but no campaign is given.
    InputError
        If the labels cannot be read.
    """
    if data.kind == "vote_fractions":
        if votes is None:
            raise ConfigError(
                f"{data.table}: labels of kind 'vote_fractions' are for classifiers that predict "
                "votes; measure these with 'galpipe evaluate votes'"
            )
        return read_vote_fractions(data.table, data.images, VOTE_TREES[votes])
    if data.kind == "probabilities" and not set(classes.class_names) <= set(classes.labelled):
        columns = set(column_names(data.table))
        if set(classes.class_names) <= columns and not set(classes.labelled) <= columns:
            classes = ClassMap.of(classes.class_names)
    labelled = _read_class_labels(data, classes)
    mapped = map_labels(labelled, classes)
    if len(mapped) < len(labelled):
        logger.info(
            "%s: %d of %d images are of classes that are left out: %s",
            data.labels or data.images,
            len(labelled) - len(mapped),
            len(labelled),
            ", ".join(classes.left_out),
        )
    return mapped


def _read_class_labels(data: ClassifierData, classes: ClassMap) -> list[LabelledImage]:
    """Read the labels of one source, over the classes of the labels."""
    names, merged = classes.labelled, classes.merged
    match data.kind:
        case "galaxy10_decals" | "galaxy10_sdss":
            return read_galaxy10(data.images, data.kind)
        case "folders":
            return read_class_folders(data.images, names, merged)
        case "unlabelled":
            return read_unlabelled_folder(data.images, names)
        case "votes":
            return read_vote_labels(data.table, data.images)
        case "vote_probabilities":
            return read_vote_probabilities(data.table, data.images)
        case "probabilities":
            return read_probability_table(data.table, data.images, names, data.where)
        case _:
            return read_label_table(data.table, data.images, names, data.where, merged)


def read_boxes(data: ClassifierData) -> dict[Path, AnnotatedImage]:
    """Read the boxes of one source.

    Parameters
    ----------
    data : ClassifierData
        The source.

    Returns
    -------
    dict of Path to AnnotatedImage
        Keyed by image; empty if the source has no annotations.

    Raises
    ------
    InputError
        If the annotations cannot be read.
    """
    if data.annotations is None:
        return {}
    return dict(read_annotated_images(data.annotations, data.images))


def load_cutouts(
    labelled: Sequence[LabelledImage],
    num_classes: int,
    annotated: Mapping[Path, AnnotatedImage],
    progress: Callable[[], None] | None = None,
    side: int = CACHE_SIZE,
) -> Cutouts:
    """Read images into memory and locate the galaxy in each.

    The box of the galaxy is the annotated box nearest to the centre or, without one, that of the
    isophote at the centre.

    Parameters
    ----------
    labelled : sequence of LabelledImage
        The images and their labels.
    num_classes : int
        Number of classes.
    annotated : mapping of Path to AnnotatedImage
        Boxes by image, from `read_boxes`.
    progress : callable, optional
        Called after each image.
    side : int
        Side of the images in memory, in pixels.

    Returns
    -------
    Cutouts

    Raises
    ------
    InputError
        If an image or annotation cannot be read.
    """
    images = np.empty((len(labelled), side, side, 3), np.uint8)
    boxes = np.empty((len(labelled), 4))

    def load(place: int, read: ImageReader) -> None:
        item = labelled[place]
        square, left, top, scale = _square(read(item.path), side)
        box = None
        if item.path in annotated:
            known = annotated[item.path]
            corners = known.boxes[~known.difficult]
            box = centremost((corners - [left, top, left, top]) * scale, side, side)
        images[place] = square
        boxes[place] = central_box(square) if box is None else box
        if progress is not None:
            progress()

    with ImageReader() as read, ThreadPoolExecutor() as pool:
        list(pool.map(lambda place: load(place, read), range(len(labelled))))
    labels = Labels.from_images(labelled, num_classes)
    return Cutouts(tuple(item.path for item in labelled), images, labels, boxes)


def _square(rgb: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], int, int, float]:
    height, width = rgb.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    square = cv2.resize(
        rgb[top : top + side, left : left + side],
        (size, size),
        interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC,
    )
    return np.asarray(square, np.uint8), left, top, size / side
