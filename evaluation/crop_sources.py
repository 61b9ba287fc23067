"""Where the galaxy of a labelled image is: at the centre, as annotated, or as detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..classification.crops import annotated_box, centremost
from ..datasets.image_reader import PictureReader
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.predict import detect_field
from ..errors import InputError
from ..imaging import Stretch, iou
from ..progress import Progress, open_progress

__all__ = ["Cropping", "Croppings", "find_croppings"]

_SAME_GALAXY_IOU = 0.3

Box = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cropping:
    """One way of cropping images.

    Attributes
    ----------
    about : str
        What the crops lie about.
    boxes : sequence of ndarray of float64, shape (4,), or None
        xmin, ymin, xmax, ymax of the galaxy of each image in pixel edges; where there is none, it
        is what stands out at the centre.
    """

    about: str
    boxes: Sequence[Box | None]


@dataclass(frozen=True, eq=False)
class Croppings:
    """The ways of cropping the same images.

    Attributes
    ----------
    kept : ndarray of bool, shape (N,)
        Of the images that were given, the n that can be cropped in every way.
    ways : tuple of Cropping
        Each with n boxes.
    notes : tuple of str
        How many images are left out, or cropped otherwise, and why: sentences.
    stretch : Stretch or None
        How FITS files become RGB, where the detector says it.
    """

    kept: NDArray[np.bool_]
    ways: tuple[Cropping, ...]
    notes: tuple[str, ...] = ()
    stretch: Stretch | None = None


def find_croppings(
    paths: Sequence[Path],
    annotated: Mapping[Path, AnnotatedImage],
    detector: BaseDetector | None,
    *,
    progress: bool | Progress = False,
) -> Croppings:
    """Find the galaxy of each image, one image in memory at a time.

    Parameters
    ----------
    paths : sequence of Path
        The images, as `PictureReader` takes them.
    annotated : mapping of Path to AnnotatedImage
        Boxes by image.  The crop lies about the one at the centre.
    detector : BaseDetector, optional
        Searches each image as ``galpipe run`` does; the crop lies about the galaxy at the centre.
        With annotations beside it both ways are kept, of those images alone where a detected galaxy
        overlaps the annotated one by an IoU of at least 0.3; the detected box is then the one that
        overlaps it most.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Raises
    ------
    InputError
        If an image cannot be read, or no image can be cropped.
    """
    if detector is None and not annotated:
        return Croppings(
            _all(paths), (Cropping("what stands out at the centre", [None] * len(paths)),)
        )
    known, found = _find_boxes(paths, annotated, detector, progress=progress)
    if detector is None:
        return _about_annotated(known)
    croppings = _in_both_ways(known, found) if annotated else _about_detected(found)
    if not croppings.kept.any():
        notes = " ".join(croppings.notes)
        raise InputError(f"{detector.identity.path}: nothing can be measured. {notes}")
    return replace(croppings, stretch=detector.stretch)


def _find_boxes(
    paths: Sequence[Path],
    annotated: Mapping[Path, AnnotatedImage],
    detector: BaseDetector | None,
    *,
    progress: bool | Progress,
) -> tuple[list[Box | None], list[Box | None]]:
    """Return the annotated and the detected box of each image."""
    known: list[Box | None] = []
    found: list[Box | None] = []
    stretch = None if detector is None else detector.stretch
    with PictureReader(stretch) as read, open_progress(progress)("images", len(paths)) as task:
        for path in paths:
            task.update(description=path.name)
            rgb = read(path)
            box = annotated_box(annotated.get(path), rgb)
            known.append(box)
            # Where there are annotations, a detected box is of use only beside an annotated one.
            if detector is None or (annotated and box is None):
                found.append(None)
            else:
                found.append(_detect(rgb, detector, box))
            task.update(advance=1)
    return known, found


def _about_annotated(known: Sequence[Box | None]) -> Croppings:
    without = ~_present(known)
    note = f"No annotated box lies at the centre of {_share(without)}: cropped as without boxes."
    notes = (note,) if without.any() else ()
    return Croppings(_all(known), (Cropping("annotated boxes", known),), notes)


def _about_detected(found: Sequence[Box | None]) -> Croppings:
    kept = _present(found)
    note = f"The detector finds no galaxy at the centre of {_share(~kept)}: left out."
    return Croppings(kept, (Cropping("detected boxes", _only(found, kept)),), (note,))


def _in_both_ways(known: Sequence[Box | None], found: Sequence[Box | None]) -> Croppings:
    marked, kept = _present(known), _present(found)
    notes = (
        f"No annotated box lies at the centre of {_share(~marked)}: left out.",
        f"The detector finds nothing on {_share(marked & ~kept)} that overlaps the annotated box "
        f"by an IoU of {_SAME_GALAXY_IOU}: left out.",
    )
    ways = {"annotated boxes": known, "detected boxes": found}
    return Croppings(
        kept, tuple(Cropping(about, _only(boxes, kept)) for about, boxes in ways.items()), notes
    )


def _detect(rgb: NDArray[np.uint8], detector: BaseDetector, known: Box | None) -> Box | None:
    """Return the detected galaxy that overlaps a known one most, or else the one at the centre."""
    names = detector.class_names
    galaxies = [names.index(name) for name in galaxy_classes(names)]
    detections = detect_field(rgb, detector)
    boxes = detections.boxes[np.isin(detections.class_ids, galaxies)]
    if known is None:
        return centremost(boxes, rgb.shape[1], rgb.shape[0])
    overlaps = iou(boxes, known[None])[:, 0]
    best = int(overlaps.argmax()) if len(overlaps) else None
    return None if best is None or overlaps[best] < _SAME_GALAXY_IOU else boxes[best]


def _all(images: Sequence[object]) -> NDArray[np.bool_]:
    return np.ones(len(images), np.bool_)


def _present(boxes: Sequence[Box | None]) -> NDArray[np.bool_]:
    return np.array([box is not None for box in boxes])


def _only(boxes: Sequence[Box | None], kept: NDArray[np.bool_]) -> list[Box | None]:
    return [box for box, keep in zip(boxes, kept, strict=True) if keep]


def _share(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {len(mask)} images"
