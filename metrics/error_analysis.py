"""Error analysis of a detector: missed objects, false boxes and ordinary ones, with pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import (
    Detections,
    clip,
    contact_sheet,
    crop_window,
    draw_overlay,
    iou,
    legend_strip,
    to_display,
)
from ..imaging.crops import sky_colour, window
from ..imaging.draw import PALETTE
from .coco import Matches

__all__ = ["Example", "draw_examples", "ordinary_boxes", "worst_false_boxes", "worst_misses"]

_CELL = 240
_COLUMNS = 4
_LEGEND_HEIGHT = 11
# Side of a crop relative to the box, and minimum side in pixels.
_MARGIN = 3.0
_SMALLEST_SIDE = 48.0
_TRUE, _FOUND, _WRONG = 0, 6, 7
_GREY = (150, 150, 150)


@dataclass(frozen=True)
class Example:
    """A missed object, a false box or a correct one.

    Attributes
    ----------
    image : int
        Index of the image.
    name : str
        Its file name.
    label : str
        Class of the object or of the box.
    box : tuple of float
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    size : float
        Square root of the area of the box, pixels.
    score : float or None
        Score of the box, or of that below the threshold that matches a missed object; None if
        there is none.
    overlap : float
        Highest IoU of an object with any box above the threshold, or of a box with any object.
    correct : bool
        Whether it is a correct box.
    """

    image: int
    name: str
    label: str
    box: tuple[float, float, float, float]
    size: float
    score: float | None
    overlap: float
    correct: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values, rounded."""
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
) -> list[Example]:
    """Return the objects without a matching box above the score threshold, worst first.

    Objects without any box come first, ordered by decreasing size, then the others by increasing
    score of their box.

    Parameters
    ----------
    matches : Matches
        Matches of `truth` and `predictions`.
    truth, predictions : sequence of AnnotatedImage, of Detections
        Annotations and detections of all images.
    threshold : float
        Lowest score of a box.
    most : int
        Maximum number of objects.
    """
    order = np.lexsort((-matches.object_sizes, matches.object_scores))
    missed = order[matches.object_scores[order] < threshold][:most]
    errors = []
    for place in missed:
        image = int(matches.object_images[place])
        box = truth[image].objects[int(matches.object_rows[place])]
        score = float(matches.object_scores[place])
        kept = predictions[image].boxes[predictions[image].scores >= threshold]
        errors.append(
            Example(
                image,
                truth[image].filename,
                box.label,
                box.edges,
                float(matches.object_sizes[place]),
                score if np.isfinite(score) else None,
                _best_iou(box.edges, kept),
            )
        )
    return errors


def worst_false_boxes(
    matches: Matches,
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    threshold: float,
    most: int,
) -> list[Example]:
    """Return the boxes above the score threshold without a matching object, best score first.

    Parameters
    ----------
    matches : Matches
        Matches of `truth` and `predictions`.
    truth, predictions : sequence of AnnotatedImage, of Detections
        Annotations and detections of all images.
    class_names : sequence of str
        The detector's classes, in order.
    threshold : float
        Lowest score of a box.
    most : int
        Maximum number of boxes.
    """
    false = np.flatnonzero(~matches.hits & (matches.scores >= threshold))[:most]
    return [_box(int(place), matches, truth, predictions, class_names) for place in false]


def ordinary_boxes(
    matches: Matches,
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    threshold: float,
    most: int,
) -> list[Example]:
    """Return correct boxes above the score threshold, evenly spaced in the order of scores.

    Parameters
    ----------
    matches : Matches
        Matches of `truth` and `predictions`.
    truth, predictions : sequence of AnnotatedImage, of Detections
        Annotations and detections of all images.
    class_names : sequence of str
        The detector's classes, in order.
    threshold : float
        Lowest score of a box.
    most : int
        Maximum number of boxes.
    """
    correct = np.flatnonzero(matches.hits & (matches.scores >= threshold))
    # In the middle of each of `most` equal parts.
    count = min(most, len(correct))
    chosen = correct[((np.arange(count) + 0.5) * len(correct) / max(count, 1)).astype(np.int64)]
    return [_box(int(place), matches, truth, predictions, class_names) for place in chosen]


def _box(
    place: int,
    matches: Matches,
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
) -> Example:
    image, row = int(matches.images[place]), int(matches.rows[place])
    found = predictions[image]
    xmin, ymin, xmax, ymax = found.boxes[row].tolist()
    return Example(
        image,
        truth[image].filename,
        class_names[int(found.class_ids[row])],
        (xmin, ymin, xmax, ymax),
        float(np.sqrt((xmax - xmin) * (ymax - ymin))),
        float(matches.scores[place]),
        _best_iou((xmin, ymin, xmax, ymax), truth[image].boxes[~truth[image].difficult]),
        bool(matches.hits[place]),
    )


def draw_examples(
    examples: Sequence[Example],
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    threshold: float,
    read: Callable[[int], tuple[NDArray[np.uint8], Literal["upper", "lower"]]],
) -> NDArray[np.uint8]:
    """Draw a contact sheet of examples, each with its number, size, score and best IoU.

    Parameters
    ----------
    examples : sequence of Example
        At least one; numbered from 1.
    truth, predictions : sequence of AnnotatedImage, of Detections
        Annotations and detections of all images.
    threshold : float
        Lowest score of the boxes drawn.
    read : callable
        Takes the index of an image and returns its RGB pixels, uint8 of shape (H, W, 3), and the
        origin of its rows; see `Field`.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        The sheet below its legend.
    """
    pictures, captions = [], []
    for number, one in enumerate(examples, 1):
        rgb, origin = read(one.image)
        image, found = truth[one.image], predictions[one.image]
        pictures.append(_cut(one, rgb, image, found.select(found.scores >= threshold), origin))
        score = "no box" if one.score is None else f"{one.score:.2f}"
        captions.append(f"{number}: {one.size:.0f} px, {score}, IoU {one.overlap:.2f}")
    sheet = contact_sheet(pictures, captions, min(_COLUMNS, len(pictures)), _CELL)
    wrong = [("error", PALETTE[_WRONG])] if not all(one.correct for one in examples) else []
    entries = [
        *wrong,
        ("true", PALETTE[_TRUE]),
        ("found", PALETTE[_FOUND]),
        ("difficult: dashed", _GREY),
    ]
    return np.vstack([legend_strip(entries, sheet.shape[1], _LEGEND_HEIGHT), sheet])


def _cut(
    example: Example,
    rgb: NDArray[np.uint8],
    image: AnnotatedImage,
    found: Detections,
    origin: Literal["upper", "lower"],
) -> NDArray[np.uint8]:
    """Return a square about an example with the true and detected boxes in it."""
    xmin, ymin, xmax, ymax = example.box
    longer = max(xmax - xmin, ymax - ymin, 1.0)
    left, top, length = crop_window(example.box, max(_MARGIN, _SMALLEST_SIDE / longer))
    x, y, side = round(left), round(top), round(length)
    cut = window(rgb, x, y, side, side, sky_colour(rgb))
    shrinks = side > _CELL
    small = np.asarray(
        cv2.resize(
            cut, (_CELL, _CELL), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        ),
        dtype=np.uint8,
    )
    boxes = np.concatenate([image.boxes, found.boxes])
    ids = np.repeat([_TRUE, _FOUND], [len(image.objects), len(found)])
    if not example.correct:
        ids[(boxes == np.array(example.box)).all(axis=1)] = _WRONG
    dashed = np.concatenate([image.difficult, np.zeros(len(found), dtype=bool)])
    moved = clip((boxes - np.array([x, y, x, y])) * (_CELL / side), _CELL, _CELL)
    if origin == "lower":
        moved = moved[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, _CELL, 0, _CELL]
        small = to_display(small, origin)
    seen = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    shown = Detections(moved[seen], np.ones(int(seen.sum())), ids[seen])
    return draw_overlay(small, shown, zoom=1, dashed=dashed[seen], legend=False)


def _best_iou(box: tuple[float, float, float, float], others: NDArray[np.float64]) -> float:
    return float(iou([box], others).max(initial=0.0))
