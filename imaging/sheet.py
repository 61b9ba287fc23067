"""Many small pictures on one sheet, and the strip that says what colours mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .text import Colour, fitted, paint_text, text_size

__all__ = ["contact_sheet", "legend_strip"]

_INK: Colour = (225, 228, 235)
_PAPER: Colour = (18, 20, 28)


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    columns: int | None = None,
    cell: int = 160,
) -> NDArray[np.uint8]:
    """Arrange many pictures on one, row by row, each with a line under it.

    Parameters
    ----------
    images : sequence of ndarray
        (H, W, 3), uint8, of any size; each is fitted into a square cell, and rows are no higher
        than the highest picture.
    captions : sequence of str
        One per image; shortened to the width of the cell.
    columns : int, optional
        Pictures in a row; by default about as many as there are rows.
    cell : int
        Side of a cell in pixels.

    Returns
    -------
    ndarray
        (H, W, 3), uint8.

    Raises
    ------
    ValueError
        If there are no images, or another number of captions.
    """
    if not images or len(images) != len(captions):
        raise ValueError(f"{len(images)} images cannot have {len(captions)} captions")
    across = columns or math.ceil(math.sqrt(len(images) * 1.3))
    letters, gap = min(max(7, cell // 18), 12), 8
    line = text_size("Ag", letters)[1] + gap // 2
    small = [_fitted(image, cell) for image in images]
    high = max(image.shape[0] for image in small)
    down = math.ceil(len(images) / across)
    sheet = _plain((gap + down * (high + line + gap), gap + across * (cell + gap)), _PAPER)
    for place, (image, caption) in enumerate(zip(small, captions, strict=True)):
        x = gap + place % across * (cell + gap)
        y = gap + place // across * (high + line + gap)
        left, top = x + (cell - image.shape[1]) // 2, y + (high - image.shape[0]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        paint_text(sheet, fitted(caption, cell, letters), x, y + high + gap // 2, letters, _INK)
    return sheet


def legend_strip(
    entries: Sequence[tuple[str, Colour]], width: int, letters: int
) -> NDArray[np.uint8]:
    """Return a strip of words, each behind a spot of its colour; no rows if there are no entries.

    Parameters
    ----------
    entries : sequence of (str, colour)
        In reading order.
    width : int
        Pixels; the entries take as many lines as they need.
    letters : int
        Height of capitals in pixels.

    Returns
    -------
    ndarray
        (H, width, 3), uint8.
    """
    if not entries:
        return _plain((0, width), _PAPER)
    gap = letters
    line = text_size("Ag", letters)[1] + gap
    x, y, spots = gap, gap // 2, []
    for words, colour in entries:
        text = fitted(words, width - 4 * gap, letters)
        wide = 2 * gap + text_size(text, letters)[0] + gap
        if x + wide > width and x > gap:
            x, y = gap, y + line
        spots.append((x, y, text, colour))
        x += wide
    strip = _plain((y + line, width), _PAPER)
    for x, y, text, colour in spots:
        swatch = y + (line - gap - letters) // 2
        strip[swatch : swatch + letters, x : x + letters] = colour
        paint_text(strip, text, x + letters + gap // 2, y, letters, _INK)
    return strip


def _fitted(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the image with its longer side as given."""
    fit = side / max(image.shape[:2])
    size = [max(1, round(length * fit)) for length in image.shape[1::-1]]
    interpolation = cv2.INTER_AREA if fit < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)


def _plain(shape: tuple[int, int], colour: Colour) -> NDArray[np.uint8]:
    sheet = np.empty((*shape, 3), dtype=np.uint8)
    sheet[:] = colour
    return sheet
