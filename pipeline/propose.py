"""Propose annotations of fields for manual correction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, write_voc
from ..annotations.images import image_stem
from ..annotations.propose import CERTAIN, SMALLEST, THRESHOLD, propose_galaxies, proposed_objects
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..detection.predict import detect_field
from ..errors import InputError, OutputError, require
from ..files.names import printable
from ..imaging import Detections, Field, FieldSource, longer_sides, read_field, to_rgb
from ..models import ModelLike
from ..progress import Progress, count_of, open_progress
from .inputs import find_sources
from .provenance import Failure

__all__ = ["ProposeResult", "propose"]

logger = logging.getLogger("galpipe")

Finder: TypeAlias = Callable[[FieldSource], AnnotatedImage]

# Fraction of the score threshold down to which detections are proposed as difficult.  More of these
# boxes are kept than deleted in the correction.
_DOUBTFUL_SHARE = 0.5


@dataclass(frozen=True)
class ProposeResult:
    """Result of `propose`.

    Attributes
    ----------
    written : tuple of Path
        The annotations written.
    kept : tuple of Path
        Existing annotations, which were not changed.
    objects, difficult : int
        Number of proposals in the annotations written, and number of difficult ones.
    failures : tuple of Failure
        Fields that could not be processed.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    objects: int
    difficult: int
    failures: tuple[Failure, ...]


def propose(
    fields: Iterable[str | Path] | str | Path,
    output: str | Path | None = None,
    *,
    detector: BaseDetector | ModelLike | None = None,
    threshold: float = THRESHOLD,
    smallest: float = SMALLEST,
    label: str = "galaxy",
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ProposeResult:
    """Write a Pascal VOC file of proposed boxes for each field.

    Of a file that holds several fields, the first is annotated, and a warning names the others.

    Parameters
    ----------
    fields : path or iterable of paths
        As in :func:`galpipe.run`.
    output : path, optional
        Folder of the annotations; by default that of each image.
    detector : BaseDetector, Bundle, name or path, optional
        A trained detector; by default classical detection is used
        (:func:`~galpipe.annotations.propose.propose_galaxies`).  Detections with scores between
        half the threshold and the threshold are marked as difficult.
    threshold : float
        Level of the isophotes in units of the noise, for classical detection.
    smallest : float
        Smallest longer side of a box, in pixels.
    label : str
        Class name, for classical detection.
    overwrite : bool
        Replace existing annotations, which may have been corrected.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    ProposeResult
        Annotations written and kept, and failures.

    Raises
    ------
    InputError
        If there is no field at all.
    BundleError
        If the detector is missing or invalid.
    OutputError
        If an annotation cannot be written.
    MissingExtraError
        If classical detection is used and SEP is not installed.
    """
    sources, failures = find_sources(fields)
    if detector is None:
        find = _classical(threshold, smallest, label)
    else:
        find = _trained(open_detector(detector), smallest)
    written: list[Path] = []
    kept: list[Path] = []
    objects = difficult = 0
    with open_progress(progress)("fields", len(sources)) as task:
        for source in sources:
            task.update(description=source.identifier)
            goal = _goal(source, output)
            try:
                if goal in written or goal in kept:
                    raise InputError(
                        f"{source.paths[0]}: {goal} annotates another image of the same name. "
                        "Rename one."
                    )
                if goal.exists() and not overwrite:
                    kept.append(goal)
                else:
                    annotated = find(source)
                    written.append(write_voc(goal, annotated))
                    objects += len(annotated.objects)
                    difficult += int(annotated.difficult.sum())
            except OutputError:
                raise
            except Exception as error:
                failures.append(Failure.of(source.identifier, error))
            task.update(advance=1, status=count_of(objects, "boxes", len(failures)))
    return ProposeResult(tuple(written), tuple(kept), objects, difficult, tuple(failures))


def _goal(source: FieldSource, output: str | Path | None) -> Path:
    if output is not None:
        return Path(output) / f"{source.identifier}.xml"
    # labelImg expects the annotation under the stem of the image.
    image = source.paths[0]
    stem = source.identifier if len(source.paths) > 1 else image_stem(image.name)
    return image.with_name(f"{stem}.xml")


def _classical(threshold: float, smallest: float, label: str) -> Finder:
    # Fail at once instead of for each field.
    require("sep", "annotations")

    def find(source: FieldSource) -> AnnotatedImage:
        rgb = to_rgb(_read(source))
        try:
            found = propose_galaxies(rgb, threshold, smallest)
        except InputError as error:
            raise InputError(f"{source.paths[0]}: {error}") from error
        return _annotated(source, rgb, found, (label,), CERTAIN)

    return find


def _trained(detector: BaseDetector, smallest: float) -> Finder:
    certain = detector.score_threshold

    def find(source: FieldSource) -> AnnotatedImage:
        rgb = to_rgb(_read(source), detector.stretch)
        found = detect_field(rgb, detector, _DOUBTFUL_SHARE * certain)
        large = found.select(longer_sides(found.boxes) >= smallest)
        return _annotated(source, rgb, large, detector.class_names, certain)

    return find


def _read(source: FieldSource) -> Field:
    """Read a field, and say what is unusual about it, such as that its file holds others."""
    field = read_field(source)
    for note in field.notes:
        logger.warning("%s: %s", source.identifier, note)
    return field


def _annotated(
    source: FieldSource,
    rgb: NDArray[np.uint8],
    found: Detections,
    class_names: Sequence[str],
    certain: float,
) -> AnnotatedImage:
    height, width = rgb.shape[:2]
    objects = proposed_objects(found, class_names, certain, width, height)
    return AnnotatedImage(printable(source.paths[0].name), width, height, objects=objects)
