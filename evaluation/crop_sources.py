"""Boxes on which crops of labelled images are centred: annotated, detected, or at the centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..classification.crops import annotated_box, centremost
from ..datasets.image_reader import ImageReader
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.predict import detect_field
from ..errors import InputError
from ..imaging import Stretch, iou
from ..progress import Progress, open_progress

__all__ = ["CropSource", "CropSources", "find_crop_sources"]

_SAME_GALAXY_IOU = 0.3

Box = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CropSource:
    """Box of the galaxy of each image, from one source.

    Attributes
    ----------
    name : str
        ``annotated boxes``, ``detected boxes`` or ``the isophote at the centre``.
    boxes : sequence of ndarray of float64, shape (4,), or None
        ``xmin, ymin, xmax, ymax`` (pixel edges, 0-based, half-open); None for the isophote at the
        centre of the image.
    """

    name: str
    boxes: Sequence[Box | None]


@dataclass(frozen=True, eq=False)
class CropSources:
    """Sources of crops of the same images.

    Attributes
    ----------
    kept : ndarray of bool, shape (N,)
        Images that can be cropped from every source.
    sources : tuple of CropSource
        With the boxes of the kept images.
    notes : tuple of str
        Sentences about images that are excluded or cropped differently.
    stretch : Stretch or None
        Stretch of FITS files; None without a detector.
    """

    kept: NDArray[np.bool_]
    sources: tuple[CropSource, ...]
    notes: tuple[str, ...] = ()
    stretch: Stretch | None = None


def find_crop_sources(
    paths: Sequence[Path],
    annotated: Mapping[Path, AnnotatedImage],
    detector: BaseDetector | None,
    *,
    progress: bool | Progress = False,
) -> CropSources:
    """Locate the galaxy in each image, with one image in memory at a time.

    Parameters
    ----------
    paths : sequence of Path
        The images, as in `ImageReader`.
    annotated : mapping of Path to AnnotatedImage
        Annotations by image; the box at the centre is used.
    detector : BaseDetector, optional
        Detector, applied as in ``galpipe run``; the galaxy at the centre is used.  With
        annotations, there are two sources for the images where a detected galaxy overlaps the
        annotated one by an IoU of at least 0.3; the detection with the largest overlap is used.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Raises
    ------
    InputError
        If an image cannot be read, or no image can be cropped.
    """
    if detector is None and not annotated:
        centre = CropSource("the isophote at the centre", [None] * len(paths))
        return CropSources(np.ones(len(paths), np.bool_), (centre,))
    marked: list[Box | None] = []
    detected: list[Box | None] = []
    stretch = None if detector is None else detector.stretch
    with ImageReader(stretch) as read, open_progress(progress)("images", len(paths)) as task:
        for path in paths:
            task.update(description=path.name)
            rgb = read(path)
            box = annotated_box(annotated.get(path), rgb)
            marked.append(box)
            # With annotations, a detected box is only used together with an annotated one.
            if detector is None or (annotated and box is None):
                detected.append(None)
            else:
                detected.append(_detect(rgb, detector, box))
            task.update(advance=1)
    if detector is None:
        return _annotated(marked)
    found = _annotated_and_detected(marked, detected) if annotated else _detected(detected)
    if not found.kept.any():
        notes = " ".join(found.notes)
        raise InputError(f"{detector.identity.path}: there is nothing to evaluate. {notes}")
    return replace(found, stretch=detector.stretch)


def _annotated(marked: Sequence[Box | None]) -> CropSources:
    without = ~_present(marked)
    note = f"{_count(without)} without an annotated box at the centre: centred on the isophote."
    source = CropSource("annotated boxes", marked)
    return CropSources(np.ones_like(without), (source,), (note,) if without.any() else ())


def _detected(detected: Sequence[Box | None]) -> CropSources:
    kept = _present(detected)
    note = f"{_count(~kept)} without a detected galaxy at the centre: excluded."
    return CropSources(kept, (_source("detected boxes", detected, kept),), (note,))


def _annotated_and_detected(
    marked: Sequence[Box | None], detected: Sequence[Box | None]
) -> CropSources:
    with_box, kept = _present(marked), _present(detected)
    notes = (
        f"{_count(~with_box)} without an annotated box at the centre: excluded.",
        f"{_count(with_box & ~kept)} without a detection that overlaps the annotated box by an IoU "
        f"of {_SAME_GALAXY_IOU}: excluded.",
    )
    sources = (
        _source("annotated boxes", marked, kept),
        _source("detected boxes", detected, kept),
    )
    return CropSources(kept, sources, notes)


def _detect(rgb: NDArray[np.uint8], detector: BaseDetector, marked: Box | None) -> Box | None:
    """Return the detection with the largest overlap with a box, or without a box at the centre."""
    names = detector.class_names
    galaxies = [names.index(name) for name in galaxy_classes(names)]
    detections = detect_field(rgb, detector)
    boxes = detections.boxes[np.isin(detections.class_ids, galaxies)]
    if marked is None:
        return centremost(boxes, rgb.shape[1], rgb.shape[0])
    overlaps = iou(boxes, marked[None])[:, 0]
    best = int(overlaps.argmax()) if len(overlaps) else None
    return None if best is None or overlaps[best] < _SAME_GALAXY_IOU else boxes[best]


def _source(name: str, boxes: Sequence[Box | None], kept: NDArray[np.bool_]) -> CropSource:
    return CropSource(name, [box for box, keep in zip(boxes, kept, strict=True) if keep])


def _present(boxes: Sequence[Box | None]) -> NDArray[np.bool_]:
    return np.array([box is not None for box in boxes])


def _count(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {len(mask)} images"
