"""Training data of a detector: annotated images, split by galaxy, and batches of tiles."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ...annotations import AnnotatedImage, read_annotated_images
from ...annotations.annotation import ANY_CLASS
from ...annotations.relabel import relabel
from ...configs import ClassMap, DetectorData, DetectorTraining
from ...datasets.duplicate_groups import group_galaxies
from ...datasets.image_checksums import describe_boxes, image_checksums, name_in
from ...errors import BundleError, ConfigError, InputError
from ...imaging import read_field, to_rgb
from ...models import Bundle
from ...models.manifest import DataSplit
from ...models.training_record import DataIdentity
from ...progress import Progress, silent, track
from .anchor_assignment import assign_anchors
from .division import divide_sources
from .sampling import TileSampler
from .training_tiles import NO_CLASS, TrainingImage

__all__ = [
    "AnnotatedSource",
    "Batch",
    "TrainingSource",
    "batches",
    "gather",
    "identify_data",
    "read_annotated",
    "read_sources",
    "recorded_training",
]

logger = logging.getLogger("galpipe")

# Batches prefetched per thread.
_PREFETCH = 2


@dataclass(frozen=True, eq=False)
class AnnotatedSource:
    """Images and annotations of one source, without the pixels.

    Attributes
    ----------
    data : DetectorData
        Configuration of the source.
    images : list of (Path, AnnotatedImage)
    """

    data: DetectorData
    images: list[tuple[Path, AnnotatedImage]]

    @cached_property
    def checksums(self) -> list[str]:
        """SHA-256 of each image; InputError if one cannot be read."""
        return image_checksums(path for path, _ in self.images)


@dataclass(frozen=True, eq=False)
class TrainingSource:
    """Annotated images of one source, split.

    Attributes
    ----------
    data : DetectorData
        Configuration of the source.
    train, validation, test : list of TrainingImage
    note : str
        Sentence about images that are in several parts, or not used; empty if there are none.
    """

    data: DetectorData
    train: list[TrainingImage]
    validation: list[TrainingImage]
    test: list[TrainingImage]
    note: str = ""

    @property
    def images(self) -> list[TrainingImage]:
        """Images of all parts."""
        return [*self.train, *self.validation, *self.test]

    @property
    def objects(self) -> int:
        """Number of objects that are not difficult."""
        return sum(int((~image.difficult).sum()) for image in self.images)

    @property
    def split(self) -> DataSplit:
        """File names of each part, sorted."""
        train, validation, test = (
            tuple(sorted(image.name for image in part))
            for part in (self.train, self.validation, self.test)
        )
        return DataSplit(train=train, validation=validation, test=test)


class Batch(NamedTuple):
    """Images of one step, and the targets of their anchors as in `AnchorTargets`.

    Attributes
    ----------
    images : ndarray of uint8, shape (B, S, S, 3)
    classes : ndarray of int32, shape (B, A)
    codes : ndarray of float32, shape (B, A, 4)
    class_weights, box_weights : ndarray of float32, shape (B, A)
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int32]
    codes: NDArray[np.float32]
    class_weights: NDArray[np.float32]
    box_weights: NDArray[np.float32]


def read_annotated(config: DetectorTraining) -> list[AnnotatedSource]:
    """Read the annotations of a training, without the pixels.

    Parameters
    ----------
    config : DetectorTraining

    Raises
    ------
    InputError
        If an annotation cannot be read.
    """
    return [
        AnnotatedSource(data, read_annotated_images(data.annotations, data.images))
        for data in config.data
    ]


def identify_data(read: Sequence[AnnotatedSource]) -> DataIdentity:
    """Return the images of a training with their checksums and boxes.

    Parameters
    ----------
    read : sequence of AnnotatedSource
        The sources.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    identity: dict[str, tuple[str, str]] = {}
    for number, source in enumerate(read, 1):
        for (path, annotated), checksum in zip(source.images, source.checksums, strict=True):
            name = f"{number}/{name_in(source.data.images, path)}"
            identity[name] = (checksum, describe_boxes(annotated))
    return identity


def read_sources(config: DetectorTraining, progress: Progress = silent) -> list[TrainingSource]:
    """Read annotations and images of a training, as `gather` divides them.

    Parameters
    ----------
    config : DetectorTraining
    progress : Progress
        Receives the number of images.

    Raises
    ------
    ConfigError, InputError
        As `gather`; also if an annotation cannot be read.
    """
    return gather(config, read_annotated(config), progress)


def gather(
    config: DetectorTraining, read: Sequence[AnnotatedSource], progress: Progress = silent
) -> list[TrainingSource]:
    """Divide the images of a training into training, validation and test images, and load them.

    Parameters
    ----------
    config : DetectorTraining
    read : sequence of AnnotatedSource
        The sources.
    progress : Progress
        Receives the number of images.

    Returns
    -------
    list of TrainingSource
        In the order of the configuration.

    Raises
    ------
    ConfigError
        If a source is empty, too small to split, or contains a class that is not configured.
    InputError
        If an image cannot be read.
    """
    # Grouped across sources, as these often share galaxies.
    groups = iter(group_galaxies([path for source in read for path, _ in source.images]))
    galaxies = [[next(groups) for _ in source.images] for source in read]
    names = [[path.name for path, _ in source.images] for source in read]
    sources = []
    for source, division in zip(read, divide_sources(config, names, galaxies), strict=True):
        if division.note:
            logger.warning("%s: %s", source.data.annotations, division.note)
        images = [
            _labelled(path, annotated, checksum, config.class_map, source.data.smallest)
            for (path, annotated), checksum in zip(
                track(source.images, "reading images", progress), source.checksums, strict=True
            )
        ]
        train, validation, test = (
            [images[row] for row in part]
            for part in (division.train, division.validation, division.test)
        )
        sources.append(TrainingSource(source.data, train, validation, test, division.note))
    return sources


def _labelled(
    path: Path, annotated: AnnotatedImage, sha256: str, classes: ClassMap, smallest: float
) -> TrainingImage:
    unknown = sorted(set(annotated.labels) - set(classes.labelled))
    if unknown:
        raise ConfigError(
            f"{path}: is annotated with {', '.join(unknown)}, but class_names are "
            f"{', '.join(classes.labelled)}; name every class, or correct the annotation"
        )
    annotated = relabel(annotated, classes)
    index = {name: number for number, name in enumerate(classes.class_names)}
    index[ANY_CLASS] = NO_CLASS
    return TrainingImage(
        name=path.name,
        rgb=to_rgb(read_field(path)),
        boxes=annotated.boxes,
        class_ids=np.array([index[label] for label in annotated.labels], dtype=np.int64),
        difficult=annotated.difficult,
        smallest=smallest,
        sha256=sha256,
    )


def recorded_training(
    bundle: Bundle, config: DetectorTraining
) -> tuple[DetectorTraining, list[TrainingSource]]:
    """Return the configuration of a detector's training, and its data with the same split.

    Parameters
    ----------
    bundle : Bundle
    config : DetectorTraining
        Paths of the images and annotations; everything else is read from the bundle.

    Returns
    -------
    training : DetectorTraining
    sources : list of TrainingSource

    Raises
    ------
    BundleError
        If the bundle is not a detector, or has no record of its training.
    InputError
        If the images cannot be read, or their split differs from that of the training, so that test
        images may have been trained on.
    """
    if bundle.manifest.task != "detector":
        raise BundleError(f"{bundle.path}: is a {bundle.manifest.task}, not a detector")
    training = _recorded_config(bundle, config)
    sources = read_sources(training)
    recorded = [source.split for source in bundle.manifest.data.sources]
    if [source.split for source in sources] != recorded:
        raise InputError(
            f"{bundle.path}: the images of the configuration, or their split, differ from those of "
            "the training; name the images of the training, in the same order"
        )
    return training, sources


def _recorded_config(bundle: Bundle, config: DetectorTraining) -> DetectorTraining:
    manifest = bundle.manifest
    try:
        # Bundles of the first versions, without validation, contain the last weights.
        recorded = {"validate_every": None} | manifest.training | {"name": manifest.name}
        return DetectorTraining.model_validate(recorded | {"data": config.data})
    except ValidationError as error:
        raise BundleError(
            f"{bundle.path}: has no record of its training that this version of galpipe can read"
        ) from error


def batches(
    sampler: TileSampler,
    anchors: NDArray[np.float64],
    places: range,
    seed: int,
    first: int,
    threads: int,
) -> Iterator[Batch]:
    """Yield the batches from a given step, prefetched by threads.

    A tile depends only on the seed, the step and its position in the batch.  An interrupted
    training therefore continues with the same batches, and the workers of a distributed training
    together make the same batches as a single one.

    Parameters
    ----------
    sampler : TileSampler
    anchors : ndarray, shape (A, 4)
        From `~galpipe.detection.anchors.multilevel_anchors`.
    places : range
        Positions of this worker in the batch.
    seed : int
    first : int
        First step.
    threads : int
        Number of threads.

    Yields
    ------
    Batch
    """

    def make(step: int) -> Batch:
        tiles = [sampler.sample(np.random.default_rng([seed, step, place])) for place in places]
        targets = zip(*(assign_anchors(tile, anchors) for tile in tiles), strict=True)
        return Batch(np.stack([tile.image for tile in tiles]), *map(np.stack, targets))

    pool = ThreadPoolExecutor(threads, thread_name_prefix="tiles")
    steps = itertools.count(first)
    waiting: deque[Future[Batch]] = deque()
    try:
        while True:
            while len(waiting) < _PREFETCH * threads:
                waiting.append(pool.submit(make, next(steps)))
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
