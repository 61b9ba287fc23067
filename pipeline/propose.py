"""Propose annotations of many fields, for a person to correct."""

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
from ..errors import GalpipeError, InputError, OutputError, require
from ..imaging import Detections, FieldSource, longer_sides, read_field, to_rgb
from ..progress import Progress, count_of, open_progress
from .batch import find_sources
from .provenance import Failure

__all__ = ["ProposeResult", "propose"]

logger = logging.getLogger("galpipe")

Finder: TypeAlias = Callable[[FieldSource], AnnotatedImage]

# At a detector's threshold right and wrong boxes balance; down to this share of it a person still
# keeps more boxes than they delete.
_DOUBTFUL_SHARE = 0.5


@dataclass(frozen=True)
class ProposeResult:
    """Result of `propose`.

    Attributes
    ----------
    written : tuple of Path
        The annotations written.
    kept : tuple of Path
        Annotations that existed already and were left unchanged.
    objects, difficult : int
        Proposals in the annotations written, and how many of them are difficult.
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
    detector: BaseDetector | str | Path | None = None,
    threshold: float = THRESHOLD,
    smallest: float = SMALLEST,
    label: str = "galaxy",
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ProposeResult:
    """Write a Pascal VOC file of proposed boxes for every field.

    Parameters
    ----------
    fields : path or iterable of paths
        As for :func:`galpipe.run`.
    output : path, optional
        Folder of the annotations; by default each lies beside its image.
    detector : BaseDetector, name or path, optional
        A trained detector; by default the galaxies are found by classical detection
        (:func:`~galpipe.annotations.propose.propose_galaxies`).  What it is less sure of than its
        threshold, down to half of that, is difficult.
    threshold : float
        Level of the isophotes in units of the noise, for classical detection.
    smallest : float
        Least length of the longer side of a box, pixels.
    label : str
        The class of the proposals of classical detection; a detector has its own.
    overwrite : bool
        Replace annotations that are there; a person may have corrected them.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    ProposeResult
        What was written, left and failed.

    Raises
    ------
    InputError
        If no input leads to a field at all.
    BundleError
        If the detector is missing or invalid.
    OutputError
        If an annotation cannot be written.
    MissingExtraError
        If classical detection is asked for and SEP is not installed.
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
            except GalpipeError as error:
                failures.append(Failure(source.identifier, str(error)))
            except Exception as error:
                logger.debug("%s failed", source.identifier, exc_info=True)
                message = f"{source.identifier}: {type(error).__name__}: {error}"
                failures.append(Failure(source.identifier, message, expected=False))
            task.update(advance=1, status=count_of(objects, "boxes", len(failures)))
    return ProposeResult(tuple(written), tuple(kept), objects, difficult, tuple(failures))


def _goal(source: FieldSource, output: str | Path | None) -> Path:
    if output is not None:
        return Path(output) / f"{source.identifier}.xml"
    # labelImg looks for the annotation of an image under the image's own stem.
    image = source.paths[0]
    stem = source.identifier if len(source.paths) > 1 else image_stem(image.name)
    return image.with_name(f"{stem}.xml")


def _classical(threshold: float, smallest: float, label: str) -> Finder:
    # Before the first field, and not as the failure of each.
    require("sep", "annotations")

    def find(source: FieldSource) -> AnnotatedImage:
        rgb = to_rgb(read_field(source))
        try:
            found = propose_galaxies(rgb, threshold, smallest)
        except InputError as error:
            raise InputError(f"{source.paths[0]}: {error}") from error
        return _annotated(source, rgb, found, (label,), CERTAIN)

    return find


def _trained(detector: BaseDetector, smallest: float) -> Finder:
    certain = detector.score_threshold

    def find(source: FieldSource) -> AnnotatedImage:
        rgb = to_rgb(read_field(source), detector.stretch)
        found = detect_field(rgb, detector, _DOUBTFUL_SHARE * certain)
        large = found.select(longer_sides(found.boxes) >= smallest)
        return _annotated(source, rgb, large, detector.class_names, certain)

    return find


def _annotated(
    source: FieldSource,
    rgb: NDArray[np.uint8],
    found: Detections,
    class_names: Sequence[str],
    certain: float,
) -> AnnotatedImage:
    height, width = rgb.shape[:2]
    objects = proposed_objects(found, class_names, certain, width, height)
    return AnnotatedImage(source.paths[0].name, width, height, objects=objects)
