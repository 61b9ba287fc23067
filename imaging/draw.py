"""Draw detections on a field: boxes, labels and a legend."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import Detections, intersection
from .text import Colour, legend_strip, paint_plate, paint_text, shorten, text_size

__all__ = ["PALETTE", "class_colour", "draw_overlay", "shrunk", "to_display"]

PALETTE: tuple[Colour, ...] = (
    (91, 200, 30),
    (206, 131, 146),
    (235, 255, 88),
    (255, 204, 129),
    (234, 92, 185),
    (99, 248, 205),
    (184, 234, 255),
    (255, 83, 91),
    (193, 120, 255),
    (194, 179, 255),
    (240, 240, 240),
    (165, 175, 195),
)
"""RGB colours of the class ids, legible on a black sky: ten for classes of galaxies, two greys.

The ten differ by at least 21 in CIELAB, also as people see them who lack one kind of cone (Machado
et al. 2009, IEEE TVCG 15, 1291).
"""

_LEGIBLE_SIDE = 800  # pixels; smaller images are enlarged to leave room for labels
_LARGEST_ZOOM = 8
_CROWD = 60  # objects; with more, labels show the number alone
_MOST_LABELS = 3000  # with more objects, only boxes are drawn
_GAP = 3  # pixels between a box and its line
_DASH = 5  # pixels of a dash, and of the gap after it
_NUMBER = re.compile(r"^(.*?)\s*(\d*\.\d+|\d+)$")
_PLURAL = re.compile(r"\s+(galaxies|galaxy)\b", re.IGNORECASE)


def class_colour(number: int) -> str:
    """Return the colour of a class as ``#rrggbb``.

    Parameters
    ----------
    number : int
        Number of the class; colours are repeated after those of the palette.

    Examples
    --------
    >>> class_colour(0)
    '#5bc81e'
    """
    return "#{:02x}{:02x}{:02x}".format(*PALETTE[number % len(PALETTE)])


def to_display(rgb: NDArray[np.uint8], origin: Literal["upper", "lower"]) -> NDArray[np.uint8]:
    """Flip an image so that its top row is first.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    origin : {"upper", "lower"}
        Position of row 0 on the sky; images with a ``lower`` origin are flipped.
    """
    return np.ascontiguousarray(rgb[::-1]) if origin == "lower" else rgb


def shrunk(rgb: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most a number of pixels.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The picture, which is returned itself if it is small enough.
    longest : int
        Pixels of the longer side.
    """
    scale = longest / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def draw_overlay(
    rgb: NDArray[np.uint8],
    detections: Detections,
    labels: Sequence[str] | None = None,
    zoom: int | None = None,
    *,
    dashed: NDArray[np.bool_] | None = None,
    legend: bool = True,
) -> NDArray[np.uint8]:
    """Draw boxes and labels on a copy of an image.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The image, top row first.
    detections : Detections
        In pixels of `rgb`; the class ids select the colours.
    labels : sequence of str, optional
        One per detection, such as ``"Barred Spiral Galaxies 0.93"``.  "Galaxies" is omitted, and in
        crowded images only the number is shown; empty labels are not shown.  A question mark after
        the name marks a doubtful class, which the legend counts with the others of its name.
    zoom : int, optional
        Factor of enlargement; by default small images are enlarged until text fits.
    dashed : ndarray of bool, optional
        True for boxes with dashed lines, one per detection.
    legend : bool
        Add a legend of the names under the image.

    Returns
    -------
    ndarray of uint8, shape (H * zoom + rows of the legend, W * zoom, 3)

    Raises
    ------
    ValueError
        If the numbers of labels and detections differ.
    """
    if labels is not None and len(labels) != len(detections):
        raise ValueError(f"{len(detections)} detections cannot have {len(labels)} labels")
    longest = max(rgb.shape[:2])
    factor = zoom or min(_LARGEST_ZOOM, math.ceil(_LEGIBLE_SIDE / longest))
    picture = rgb.copy()
    if factor > 1:
        enlarged = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        picture = np.asarray(enlarged, np.uint8)
    boxes = detections.boxes * factor
    colours = [PALETTE[index % len(PALETTE)] for index in detections.class_ids]
    if dashed is None:
        dashed = np.zeros(len(boxes), dtype=bool)
    _draw_boxes(picture, boxes, colours, dashed)
    if labels is None:
        return picture
    named = [_split(label) for label in labels]
    crowded = len(named) > _CROWD
    texts = [number if crowded and number else f"{name} {number}".strip() for name, number in named]
    letters = 9 if longest * factor < 2 * _LEGIBLE_SIDE else 10
    if len(texts) <= _MOST_LABELS:
        _draw_labels(picture, boxes, texts, colours, detections.scores, 8 if crowded else letters)
    if not legend:
        return picture
    counts = Counter(
        (name.removesuffix("?"), colour)
        for (name, _), colour in zip(named, colours, strict=True)
        if name
    )
    entries = [(f"{name}  {count}", colour) for (name, colour), count in counts.most_common()]
    return np.vstack([picture, legend_strip(entries, picture.shape[1], letters + 1)])


def _draw_boxes(
    picture: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    colours: Sequence[Colour],
    dashed: NDArray[np.bool_],
) -> None:
    height, width = picture.shape[:2]
    thick = max(1, round(max(height, width) / 2000))
    # cv2 takes pixel centres, not edges.  Smaller boxes are drawn last, on top.
    for row in np.argsort(-(boxes[:, 2] - boxes[:, 0]), kind="stable"):
        xmin, ymin, xmax, ymax = boxes[row]
        low = (max(0, round(xmin) - _GAP), max(0, round(ymin) - _GAP))
        high = (min(width, round(xmax) + _GAP) - 1, min(height, round(ymax) + _GAP) - 1)
        if dashed[row]:
            _draw_dashed(picture, low, high, colours[row], thick)
        else:
            cv2.rectangle(picture, low, high, (0, 0, 0), thick + 2)
            cv2.rectangle(picture, low, high, colours[row], thick)


def _draw_dashed(
    picture: NDArray[np.uint8],
    low: tuple[int, int],
    high: tuple[int, int],
    colour: Colour,
    thick: int,
) -> None:
    """Draw a rectangle between two corner pixels with dashed lines."""
    inside = picture[low[1] : high[1] + 1, low[0] : high[0] + 1]
    line = np.zeros_like(inside[..., 0])
    cv2.rectangle(line, (0, 0), (high[0] - low[0], high[1] - low[1]), 1, thick)
    rows, columns = np.nonzero(line)
    drawn = (rows + columns) // _DASH % 2 == 0
    inside[rows[drawn], columns[drawn]] = colour


def _draw_labels(
    picture: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    texts: Sequence[str],
    colours: Sequence[Colour],
    scores: NDArray[np.float64],
    letters: int,
) -> None:
    height, width = picture.shape[:2]
    margin = max(2, letters // 3)
    taken = np.empty((0, 4))
    for row in np.argsort(-scores, kind="stable"):
        if not texts[row]:
            continue
        text = shorten(texts[row], width - 2 * margin, letters)
        wide, high = text_size(text, letters)
        wide, high = wide + 2 * margin, high + margin
        places = _places(boxes[row], wide, high, width, height)
        cost = 3 * intersection(places, taken).sum(axis=1)
        cost += intersection(places, boxes).sum(axis=1)
        # Prefer earlier places unless they hide considerably more.
        best = int(np.argmin(cost + 0.02 * wide * high * np.arange(len(places))))
        place = places[best]
        if (
            len(texts) > _CROWD
            and intersection(places[[best]], taken).max(initial=0) > 0.3 * wide * high
        ):
            continue
        taken = np.vstack([taken, place])
        x, y = int(place[0]), int(place[1])
        paint_plate(picture, x, y, wide, high, 0.62)
        paint_text(picture, text, x + margin, y + (margin + 1) // 2, letters, colours[row])


def _places(
    box: NDArray[np.float64], wide: int, high: int, width: int, height: int
) -> NDArray[np.float64]:
    """Return the possible boxes of a label around a box, (N, 4), best first."""
    gap = _GAP + 2
    left, top = np.rint(box[:2]) - gap
    right, bottom = np.rint(box[2:]) + gap
    middle = (left + right - wide) / 2
    corners = np.array(
        [
            (left, top - high),
            (left, bottom),
            (right - wide, top - high),
            (right - wide, bottom),
            (right, top),
            (left - wide, top),
            (middle, top - high),
            (right, bottom - high),
            (left - wide, bottom - high),
            (left + 2, top + 2),
        ]
    )
    corners = np.clip(corners, 0, np.maximum([width - wide, height - high], 0)).round()
    return np.hstack([corners, corners + np.array([wide, high])])


def _split(label: str) -> tuple[str, str]:
    found = _NUMBER.match(label.strip())
    name, number = found.groups() if found else (label.strip(), "")
    return _PLURAL.sub("", name), number
