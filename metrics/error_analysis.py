"""The worst mistakes of a detector: galaxies that it missed, and boxes about nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import Detections, iou
from .matches import Matches

__all__ = ["Mistake", "worst_false_boxes", "worst_misses"]


@dataclass(frozen=True)
class Mistake:
    """An object that was missed, or a box that is false.

    Attributes
    ----------
    image : int
        Position of the image.
    name : str
        Its file name.
    label : str
        Class of the object, or of the false box.
    box : tuple of float
        ``xmin, ymin, xmax, ymax`` of the object, or of the false box.
    size : float
        Square root of the area of the box, pixels.
    score : float or None
        Score of the false box; of an object that of the box that found it, below the threshold, or
        None where none did.
    overlap : float
        Highest IoU with any box found of that score, or of a false box with any object.
    """

    image: int
    name: str
    label: str
    box: tuple[float, float, float, float]
    size: float
    score: float | None
    overlap: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "image": self.name,
            "label": self.label,
            "box": [round(edge, 2) for edge in self.box],
            "size": round(self.size, 2),
            "score": None if self.score is None else round(self.score, 4),
            "overlap": round(self.overlap, 4),
        }


def worst_misses(
    matches: Matches,
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    threshold: float,
    most: int,
) -> list[Mistake]:
    """Return the objects that no box of at least a score found, the worst first.

    These are the ones that no box found at all, the largest first, then those whose box has the
    lowest score.
    """
    order = np.lexsort((-matches.object_sizes, matches.object_scores))
    missed = order[matches.object_scores[order] < threshold][:most]
    mistakes = []
    for place in missed:
        image = int(matches.object_images[place])
        box = truth[image].objects[int(matches.object_rows[place])]
        score = float(matches.object_scores[place])
        kept = predictions[image].boxes[predictions[image].scores >= threshold]
        mistakes.append(
            Mistake(
                image,
                truth[image].filename,
                box.label,
                box.edges,
                float(matches.object_sizes[place]),
                score if np.isfinite(score) else None,
                _best(box.edges, kept),
            )
        )
    return mistakes


def worst_false_boxes(
    matches: Matches,
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    threshold: float,
    most: int,
) -> list[Mistake]:
    """Return the boxes of at least a score that find nothing, the highest score first."""
    false = np.flatnonzero(~matches.hits & (matches.scores >= threshold))[:most]
    mistakes = []
    for place in false:
        image, row = int(matches.images[place]), int(matches.rows[place])
        found = predictions[image]
        xmin, ymin, xmax, ymax = found.boxes[row].tolist()
        mistakes.append(
            Mistake(
                image,
                truth[image].filename,
                class_names[int(found.class_ids[row])],
                (xmin, ymin, xmax, ymax),
                float(np.sqrt((xmax - xmin) * (ymax - ymin))),
                float(matches.scores[place]),
                _best((xmin, ymin, xmax, ymax), truth[image].boxes[~truth[image].difficult]),
            )
        )
    return mistakes


def _best(box: tuple[float, float, float, float], others: NDArray[np.float64]) -> float:
    return float(iou([box], others).max(initial=0.0))
