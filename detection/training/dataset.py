"""Read annotated images for training and scoring, and divide them by galaxy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotatedImage, read_annotated_images
from ...configs import DetectorData, DetectorTraining, Split
from ...datasets.duplicate_groups import group_galaxies
from ...datasets.split import folds_by_galaxy, split_by_galaxy
from ...errors import ConfigError
from ...imaging import read_field, to_rgb
from ...models.manifest import DataSplit
from .anchor_assignment import label_anchors
from .sampling import TileSampler
from .training_tiles import TrainingImage

__all__ = ["Batch", "TrainingSource", "batches", "read_sources"]

# Batches made ahead by each thread: enough to ride out a slow one, few enough to stop at once.
_AHEAD = 2


@dataclass(frozen=True, eq=False)
class TrainingSource:
    """One folder of annotated images, divided.

    Attributes
    ----------
    data : DetectorData
        Where it came from.
    train, validation, test : list of TrainingImage
    """

    data: DetectorData
    train: list[TrainingImage]
    validation: list[TrainingImage]
    test: list[TrainingImage]

    @property
    def split(self) -> DataSplit:
        """File names of each part, sorted."""
        train, validation, test = (
            tuple(sorted(image.name for image in part))
            for part in (self.train, self.validation, self.test)
        )
        return DataSplit(train=train, validation=validation, test=test)


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's input: images (B, S, S, 3) uint8 and the labels of their anchors."""

    images: NDArray[np.uint8]
    classes: NDArray[np.int32]
    codes: NDArray[np.float32]
    class_weights: NDArray[np.float32]
    box_weights: NDArray[np.float32]


def read_sources(config: DetectorTraining) -> list[TrainingSource]:
    """Read every source of a training and divide each into training, validation and test part.

    Raises
    ------
    ConfigError
        If a source is empty or too small to be divided, or holds a class that is not configured.
    InputError
        If an annotation or image cannot be read.
    """
    pairs = [read_annotated_images(data.annotations, data.images) for data in config.data]
    # All sources at once: a galaxy of one is often in another.
    every = iter(group_galaxies([path for source in pairs for path, _ in source]))
    galaxies = [[next(every) for _ in source] for source in pairs]
    tests = _test_parts(config, galaxies)
    held = {names[index] for names, test in zip(galaxies, tests, strict=True) for index in test}
    sources = []
    for data, source, names, test in zip(config.data, pairs, galaxies, tests, strict=True):
        images = [
            _labelled(path, annotated, config.class_names, data.smallest)
            for path, annotated in source
        ]
        rest = [index for index, name in enumerate(names) if name not in held]
        train, validation = split_by_galaxy(
            [names[index] for index in rest],
            config.split.validation_fraction,
            config.split.seed + 1,
        )
        sources.append(
            TrainingSource(
                data,
                train=[images[rest[index]] for index in train],
                validation=[images[rest[index]] for index in validation],
                test=[images[index] for index in test],
            )
        )
    return sources


def _test_parts(config: DetectorTraining, galaxies: Sequence[list[str]]) -> list[list[int]]:
    """Return for each source the positions of the images that are held back for the test."""
    if config.split.fold is None:
        return [
            _held_back(data, config.split, names)
            for data, names in zip(config.data, galaxies, strict=True)
        ]
    # All sources at once here too, and each gives its share to every fold.
    places = [(source, row) for source, names in enumerate(galaxies) for row in range(len(names))]
    try:
        folds = folds_by_galaxy(
            [galaxies[source][row] for source, row in places],
            config.split.folds or 0,
            config.split.seed,
            stratify=[source for source, _ in places],
        )
    except ValueError as error:
        raise ConfigError(f"{config.data[0].annotations}: {error}; ask for fewer folds") from error
    tests: list[list[int]] = [[] for _ in galaxies]
    for position in folds[config.split.fold][1].tolist():
        source, row = places[position]
        tests[source].append(row)
    return tests


def _held_back(data: DetectorData, split: Split, galaxies: list[str]) -> list[int]:
    """Return the positions of the images of a source that are held back for the test."""
    held_back = split.test_fraction if data.held_out is None else data.held_out
    if held_back >= len(galaxies):
        raise ConfigError(
            f"{data.annotations}: {len(galaxies)} annotated images leave none to train on when "
            f"{held_back} are held back for the test"
        )
    _, test = split_by_galaxy(galaxies, held_back, split.seed)
    return [int(index) for index in test]


def _labelled(
    path: Path, annotated: AnnotatedImage, class_names: Sequence[str], smallest: float
) -> TrainingImage:
    unknown = sorted(set(annotated.labels) - set(class_names))
    if unknown:
        raise ConfigError(
            f"{path}: is annotated with {', '.join(unknown)}, but class_names are "
            f"{', '.join(class_names)}; name every class, or correct the annotation"
        )
    index = {name: number for number, name in enumerate(class_names)}
    return TrainingImage(
        name=path.name,
        rgb=to_rgb(read_field(path)),
        boxes=annotated.boxes,
        class_ids=np.array([index[label] for label in annotated.labels], dtype=np.int64),
        difficult=annotated.difficult,
        smallest=smallest,
    )


def batches(
    sampler: TileSampler,
    anchors: NDArray[np.float64],
    places: range,
    seed: int,
    first: int,
    threads: int,
) -> Iterator[Batch]:
    """Yield the batches of step `first` and after, made ahead by a few threads.

    A tile depends on the seed, the step and its place in the batch alone.  So a training that was
    interrupted goes on with the batches it would have seen, and several workers, each of which
    makes some of the places, see together what one would.
    """

    def make(step: int) -> Batch:
        tiles = [sampler.sample(np.random.default_rng([seed, step, place])) for place in places]
        labels = [label_anchors(tile, anchors) for tile in tiles]
        return Batch(
            np.stack([tile.image for tile in tiles]),
            np.stack([label.classes for label in labels]),
            np.stack([label.codes for label in labels]),
            np.stack([label.class_weights for label in labels]),
            np.stack([label.box_weights for label in labels]),
        )

    yield from _ahead(make, first, threads)


def _ahead(make: Callable[[int], Batch], first: int, threads: int) -> Iterator[Batch]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix="tiles")
    waiting: deque[Future[Batch]] = deque()
    try:
        step = first
        while True:
            while len(waiting) < _AHEAD * threads:
                waiting.append(pool.submit(make, step))
                step += 1
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
