"""Images of a training: read all sources, split them by galaxy, and load the images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...annotations import AnnotatedImage
from ...configs import ClassifierTraining
from ...datasets.galaxy10 import GALAXY10_SETS
from ...datasets.image_checksums import describe_boxes, name_in
from ...datasets.labels import LabelledImage
from ...errors import ConfigError, InputError
from ...models.training_record import DataIdentity
from ...progress import Progress, silent
from .dataset import (
    CACHE_SIZE,
    Cutouts,
    LabelledSource,
    class_map,
    label_names,
    load_cutouts,
    read_boxes,
    read_labels,
)
from .source_split import split_sources

__all__ = [
    "Sources",
    "gather",
    "held_out_images",
    "identify_data",
    "read_labelled",
]

logger = logging.getLogger("galpipe")


@dataclass(frozen=True)
class Sources:
    """Images of a training.

    Attributes
    ----------
    train, validation, test : Cutouts
        Sources of role ``train``, split by galaxy, and those of role ``validation``.  If the split
        has no test images, ``test`` contains the sources of role ``test``.
    extra : Cutouts
        Sources of role ``extra``, without galaxies of the validation and test images.
    external : dict of str to Cutouts
        Sources of role ``test`` besides the test images of the split, and the held-out parts of
        those of role ``extra``, by the name of their folder or data file.
    read : sequence of LabelledSource
        Labels, boxes and checksums of the images.
    notes : tuple of str
        Sentences about images that are in several parts of a given division, or left out.
    """

    train: Cutouts
    validation: Cutouts
    test: Cutouts
    extra: Cutouts
    external: dict[str, Cutouts]
    read: Sequence[LabelledSource] = ()
    notes: tuple[str, ...] = ()

    @property
    def boxes(self) -> dict[Path, AnnotatedImage]:
        """Annotated boxes by image."""
        return {path: boxes for source in self.read for path, boxes in source.boxes.items()}

    @property
    def checksums(self) -> dict[Path, str]:
        """SHA-256 of each image."""
        return {path: one for source in self.read for path, one in source.checksums.items()}


def read_labelled(config: ClassifierTraining) -> list[LabelledSource]:
    """Read the labels and boxes of a training, without the pixels.

    Parameters
    ----------
    config : ClassifierTraining
        The sources.

    Raises
    ------
    InputError
        If labels or annotations cannot be read.
    """
    classes = class_map(config)
    read = [
        LabelledSource(data, read_labels(data, classes, config.votes), read_boxes(data))
        for data in config.data
    ]
    if config.vote_loss == "dirichlet_multinomial":
        for source in read:
            unknown = [item.path.name for item in source.labelled if not item.volunteers]
            if unknown:
                raise InputError(
                    f"{source.data.table} has no number of volunteers for {len(unknown)} of "
                    f"{len(source.labelled)} images, first {unknown[0]}; vote_loss: "
                    "dirichlet_multinomial needs it. Use vote_loss: multinomial, or the table with "
                    "the column 'total_classifications' or 'smooth-or-featured_total-votes'."
                )
    return read


def identify_data(config: ClassifierTraining, read: Sequence[LabelledSource]) -> DataIdentity:
    """Return the images of a training with their checksums, labels and boxes.

    Parameters
    ----------
    config : ClassifierTraining
        Names of the classes.
    read : sequence of LabelledSource
        The sources.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    names = label_names(config)
    identity: dict[str, tuple[str, str]] = {}
    for number, source in enumerate(read, 1):
        for item in source.labelled:
            label = "|".join(names[index] for index in item.allowed)
            if item.probabilities:
                label = " ".join(f"{value:.6g}" for value in item.probabilities)
                if config.vote_loss == "dirichlet_multinomial":
                    label += f" of {item.volunteers:g}"
            if item.path in source.boxes:
                label += f" {describe_boxes(source.boxes[item.path])}"
            name = f"{number}/{name_in(source.data.images, item.path)}"
            identity[name] = (source.checksums[item.path], label)
    return identity


def gather(
    config: ClassifierTraining, read: Sequence[LabelledSource], progress: Progress = silent
) -> Sources:
    """Split and load the images of a training.

    Parameters
    ----------
    config : ClassifierTraining
        The roles of the sources and the split.
    read : sequence of LabelledSource
        The sources, from `read_labelled`.
    progress : Progress
        Receives the number of loaded images.

    Returns
    -------
    Sources

    Raises
    ------
    ConfigError
        If no image remains for training, validation or test.
    InputError
        If an image cannot be read.
    """
    num_classes = len(label_names(config))
    split = split_sources([source.labelled for source in read], config)
    logger.info("%s", split.duplicates)
    for note in split.notes:
        logger.warning("%s", note)
    side = _cached_side(config)
    total = sum(map(len, (*split.train, *split.validation, *split.test)))
    with progress("reading images", total) as task:

        def load(source: int, indices: list[int]) -> Cutouts:
            chosen = [read[source].labelled[index] for index in indices]
            loaded = partial(task.update, advance=1)
            return load_cutouts(chosen, num_classes, read[source].boxes, loaded, side)

        def join(indices: list[list[int]], *roles: str) -> Cutouts:
            parts = [
                load(source, indices[source])
                for source, data in enumerate(config.data)
                if data.role in roles
            ]
            return Cutouts.join(parts, num_classes)

        # Given test images are the test images, or measured besides those of the split.
        given = () if config.division.holds_out else ("test",)
        sources = Sources(
            train=join(split.train, "train"),
            validation=join(split.validation, "train", "validation"),
            test=join(split.test, "train", *given),
            extra=join(split.train, "extra"),
            external={
                data.images.parent.name if data.images.name == "images" else data.images.name: load(
                    source, split.test[source]
                )
                for source, data in enumerate(config.data)
                if (data.role == "test" and not given) or data.held_out
            },
            read=read,
            notes=split.notes,
        )
    for name in ("train", "validation", "test"):
        if not len(getattr(sources, name)):
            raise ConfigError(
                f"no image remains for {name}: add labelled images to 'data' "
                f"(role {name if name == 'train' else f'train or {name}'}) or change 'split'"
            )
    return sources


def held_out_images(
    config: ClassifierTraining,
) -> tuple[list[LabelledImage], dict[Path, AnnotatedImage]]:
    """Return the test images of a training, without those of sources of role ``test``.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.

    Returns
    -------
    images : list of LabelledImage
        The images.
    boxes : dict of Path to AnnotatedImage
        Annotated boxes of the images of these sources.

    Raises
    ------
    ConfigError, InputError
        As `gather`.
    """
    read = read_labelled(config)
    split = split_sources([source.labelled for source in read], config)
    images: list[LabelledImage] = []
    boxes: dict[Path, AnnotatedImage] = {}
    for source, positions in zip(read, split.test, strict=True):
        if source.data.role == "train":
            boxes.update(source.boxes)
            images += (source.labelled[position] for position in positions)
    return images, boxes


def _cached_side(config: ClassifierTraining) -> int:
    """Return the side of the images in memory; larger than all of the sources shows no more."""
    known = [GALAXY10_SETS.get(data.kind) for data in config.data]
    largest = max(2 * config.input_size if one is None else one.side for one in known)
    return max(CACHE_SIZE, min(2 * config.input_size, largest))
