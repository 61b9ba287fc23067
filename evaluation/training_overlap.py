"""Images of an evaluation that a model was trained on, by checksum, near-duplicate or name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..datasets.image_checksums import image_checksums
from ..datasets.image_reader import ImageReader
from ..datasets.near_duplicates import find_sketched
from ..errors import InputError
from ..metrics.records import read_classifier_records
from ..models import Bundle
from ..models.training_images import read_images

__all__ = [
    "SeenImages",
    "TrainingOverlap",
    "check_seen_images",
    "find_overlap",
    "select_held_out",
]

logger = logging.getLogger("galpipe")


@dataclass(frozen=True)
class TrainingOverlap:
    """Use of the evaluated images in the training of a model.

    Attributes
    ----------
    model : str
        Name of the model.
    images : int
        Number of evaluated images.
    compared_by : {"checksum", "name", None}
        How the images were recognised; None if the model has no record of its images.
    trained_on, validated_on : tuple of Path
        Images that the weights were trained on, and those that chose the best weights, thresholds
        or calibration.
    near_duplicates : tuple of Path
        Other images that look like one that the weights were trained on.
    held_out : tuple of Path
        Images that the training held out for its test.
    """

    model: str
    images: int
    compared_by: Literal["checksum", "name"] | None
    trained_on: tuple[Path, ...] = ()
    validated_on: tuple[Path, ...] = ()
    near_duplicates: tuple[Path, ...] = ()
    held_out: tuple[Path, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Sentences about images that are not new to the model; empty if all are."""
        parts = [
            f"{words} {len(paths)}"
            for words, paths in (
                ("was trained on", self.trained_on),
                ("was trained on images that look like", self.near_duplicates),
                ("was validated on", self.validated_on),
            )
            if paths
        ]
        known = len(self.held_out)
        if not parts and self.compared_by == "name" and 0 < known < self.images:
            return [
                f"{self.model}: its training held out {known} of the {self.images} images, and may "
                f"have used the others; --held-out evaluates only those {known}"
            ]
        if not parts:
            return []
        cure = f"; --held-out evaluates only the {known} that it held out" if known else ""
        return [
            f"{self.model} {' and '.join(parts)} of these {self.images} images (compared by "
            f"{self.compared_by}), so its metrics here are better than on new images{cure}"
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the counts, and the names of the images that are not new to the model."""
        content = asdict(self)
        for part in ("trained_on", "validated_on", "near_duplicates"):
            content[part] = [path.name for path in content[part]]
        return content | {"held_out": len(self.held_out)}


def find_overlap(
    name: str, bundle: Bundle | None, paths: Sequence[Path], *, similar: bool = True
) -> TrainingOverlap:
    """Compare the images of an evaluation with those of a training.

    Parameters
    ----------
    name : str
        Name of the model.
    bundle : Bundle or None
        The model; None if it is of another program.
    paths : sequence of Path
        The images, as in `ImageReader`.
    similar : bool
        Search near-duplicates too, for which the images are read.

    Raises
    ------
    BundleError
        If the record of the training is damaged.
    InputError
        If an image cannot be read.
    """
    recorded = [] if bundle is None else read_images(bundle)
    if bundle is not None and not recorded:
        return _overlap_by_name(name, bundle, paths)
    if not recorded:
        return TrainingOverlap(name, len(paths), None)
    parts: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for image in recorded:
        parts[image.part].add(image.sha256)
    checksums = dict(zip(paths, image_checksums(paths), strict=True))
    chosen = _choose(paths, checksums.__getitem__, parts)
    used = {*chosen["train"], *chosen["validation"], *chosen["test"]}
    others = [path for path in paths if path not in used] if similar else []
    sketches = [image.sketch for image in recorded if image.part == "train"]
    with ImageReader() as read:
        alike = find_sketched(map(read, others), sketches)
    return TrainingOverlap(
        name,
        len(paths),
        "checksum",
        chosen["train"],
        chosen["validation"],
        tuple(path for path, found in zip(others, alike, strict=True) if found),
        chosen["test"],
    )


@dataclass(frozen=True)
class SeenImages:
    """Images of an evaluation that the trainings of its models have used.

    Attributes
    ----------
    overlaps : tuple of TrainingOverlap
        One for each model.
    held_out : bool
        Only images held out in the training of every model are evaluated.
    """

    overlaps: tuple[TrainingOverlap, ...]
    held_out: bool

    @property
    def notes(self) -> list[str]:
        """Sentences about images that are not new to the models."""
        return [note for overlap in self.overlaps for note in overlap.notes]

    def record(self) -> dict[str, Any]:
        """Return which images are evaluated, the notes, and the images seen, as plain values."""
        return {
            "which": "held out by the training of every model" if self.held_out else "all",
            "notes": self.notes,
            "seen_in_training": [overlap.to_json() for overlap in self.overlaps],
        }


def check_seen_images(
    bundles: Mapping[str, Bundle | None], paths: Sequence[Path], *, held_out: bool
) -> SeenImages:
    """Find the evaluated images that are not new to the models, and log warnings about them.

    Parameters
    ----------
    bundles : mapping of str to Bundle or None
        Models by name; None for one of another program.
    paths : sequence of Path
        The images.
    held_out : bool
        They are those held out in the training of every model.
    """
    overlaps = tuple(find_overlap(name, bundle, paths) for name, bundle in bundles.items())
    seen = SeenImages(overlaps, held_out)
    for note in seen.notes:
        logger.warning("%s", note)
    return seen


def select_held_out(bundles: Mapping[str, Bundle | None], paths: Sequence[Path]) -> list[Path]:
    """Select the images held out in the training of every model.

    Parameters
    ----------
    bundles : mapping of str to Bundle or None
        Models by name.
    paths : sequence of Path
        The images.

    Raises
    ------
    InputError
        If a model has no record of its held-out images, or no image was held out for all.
    """
    kept = list(paths)
    for name, bundle in bundles.items():
        held_out = set(find_overlap(name, bundle, paths, similar=False).held_out)
        if not held_out:
            raise InputError(_nothing_held_out(name, bundle))
        kept = [path for path in kept if path in held_out]
    if not kept:
        raise InputError("none of the images was held out in the training of every model")
    return kept


def _choose(
    paths: Sequence[Path], key: Callable[[Path], str], parts: Mapping[str, set[str]]
) -> dict[str, tuple[Path, ...]]:
    """Return the images of each part; one that several parts contain is of the first."""
    left = list(paths)
    chosen: dict[str, tuple[Path, ...]] = {}
    for part in ("train", "validation", "test"):
        chosen[part] = tuple(path for path in left if key(path) in parts[part])
        left = [path for path in left if key(path) not in parts[part]]
    return chosen


def _overlap_by_name(name: str, bundle: Bundle, paths: Sequence[Path]) -> TrainingOverlap:
    """Compare the names of the images, for a bundle of an earlier version."""
    data = bundle.manifest.data
    names = {path.name for path in paths}
    # Images of two sources may have the same name, so names are compared source by source.
    held_out = max(
        (names & set(source) for source in _held_out_sources(bundle)), key=len, default=set()
    )
    parts = {
        "train": {name for source in data.sources for name in source.split.train} - held_out,
        "validation": {
            *data.validation,
            *(name for source in data.sources for name in source.split.validation),
        },
        "test": held_out,
    }
    chosen = _choose(paths, lambda path: path.name, parts)
    known = any(parts.values())
    return TrainingOverlap(
        name,
        len(paths),
        "name" if known else None,
        chosen["train"],
        chosen["validation"],
        (),
        chosen["test"],
    )


def _held_out_sources(bundle: Bundle) -> list[frozenset[str]]:
    """Return the names held out from the sources of role train, then from each other source.

    The former are recorded in the manifest for all labels; of the latter, only evaluated images are
    recorded.
    """
    listed = [bundle.manifest.data.held_out]
    if bundle.manifest.task == "classifier":
        listed += [record.files for record in read_classifier_records(bundle)]
    return [files for files in listed if files]


def _nothing_held_out(name: str, bundle: Bundle | None) -> str:
    if bundle is None:
        return f"{name}: is a model of another program, without a record of its held-out images"
    if not read_images(bundle) and bundle.manifest.task == "classifier":
        unnamed = [
            record.images.title for record in read_classifier_records(bundle) if not record.files
        ]
        if unnamed:
            return (
                f"{bundle.path}: none of the images is known to be held out in its training, as an "
                f"earlier version of galpipe did not record the images of {unnamed[-1]!r}; train "
                "it again to evaluate them"
            )
    if not read_images(bundle) and not _held_out_sources(bundle):
        return f"{bundle.path}: has no record of the images held out in its training"
    return f"{bundle.path}: none of the images was held out in its training"
