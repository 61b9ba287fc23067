"""Draw mistakes side by side: cut out, with what was true and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

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
    legend_strip,
    to_display,
)
from ..imaging.crops import sky_colour, window
from ..imaging.draw import PALETTE
from .error_analysis import Mistake

__all__ = ["Picture", "draw_mistakes"]

Picture: TypeAlias = tuple[NDArray[np.uint8], Literal["upper", "lower"]]

_CELL = 240
_COLUMNS = 4
_LETTERS = 11
# A crop shows what lies about the box, and enough pixels to see what it is.
_MARGIN = 3.0
_LEAST_SIDE = 48.0
_TRUE, _FOUND, _MISTAKE = 0, 6, 7
_GREY = (150, 150, 150)


def draw_mistakes(
    mistakes: Sequence[Mistake],
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    threshold: float,
    read: Callable[[int], Picture],
) -> NDArray[np.uint8]:
    """Draw each mistake in its surroundings: numbered from 1, its size, its score, its best IoU.

    Parameters
    ----------
    mistakes : sequence of Mistake
        At least one.
    truth, predictions : sequence of AnnotatedImage, of Detections
        Of all images.
    threshold : float
        Lowest score of the boxes that are drawn.
    read : function
        Gives the RGB picture of the image at a position, and which row of it is the top one, as
        `Field` has it.

    Returns
    -------
    ndarray
        (H, W, 3), uint8: the sheet, under its legend.
    """
    pictures, captions = [], []
    for number, mistake in enumerate(mistakes, 1):
        rgb, origin = read(mistake.image)
        image, found = truth[mistake.image], predictions[mistake.image]
        pictures.append(_cut(mistake, rgb, image, found.select(found.scores >= threshold), origin))
        score = "no box" if mistake.score is None else f"{mistake.score:.2f}"
        captions.append(f"{number}: {mistake.size:.0f} px, {score}, IoU {mistake.overlap:.2f}")
    sheet = contact_sheet(pictures, captions, min(_COLUMNS, len(pictures)), _CELL)
    entries = [
        ("the mistake", PALETTE[_MISTAKE]),
        ("true", PALETTE[_TRUE]),
        ("found", PALETTE[_FOUND]),
        ("difficult: broken lines", _GREY),
    ]
    return np.vstack([legend_strip(entries, sheet.shape[1], _LETTERS), sheet])


def _cut(
    mistake: Mistake,
    rgb: NDArray[np.uint8],
    image: AnnotatedImage,
    found: Detections,
    origin: Literal["upper", "lower"],
) -> NDArray[np.uint8]:
    xmin, ymin, xmax, ymax = mistake.box
    longer = max(xmax - xmin, ymax - ymin, 1.0)
    left, top, length = crop_window(mistake.box, max(_MARGIN, _LEAST_SIDE / longer))
    x, y, side = round(left), round(top), round(length)
    cut = window(rgb, x, y, side, sky_colour(rgb))
    shrinks = side > _CELL
    small = np.asarray(
        cv2.resize(
            cut, (_CELL, _CELL), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        ),
        dtype=np.uint8,
    )
    boxes = np.concatenate([image.boxes, found.boxes])
    ids = np.repeat([_TRUE, _FOUND], [len(image.objects), len(found)])
    ids[(boxes == np.array(mistake.box)).all(axis=1)] = _MISTAKE
    dashed = np.concatenate([image.difficult, np.zeros(len(found), dtype=bool)])
    moved = clip((boxes - np.array([x, y, x, y])) * (_CELL / side), _CELL, _CELL)
    if origin == "lower":
        moved = moved[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, _CELL, 0, _CELL]
        small = to_display(small, origin)
    seen = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    shown = Detections(moved[seen], np.ones(int(seen.sum())), ids[seen])
    return draw_overlay(small, shown, zoom=1, dashed=dashed[seen], legend=False)
