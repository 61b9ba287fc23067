"""Text on images, legends and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import overlap

__all__ = [
    "Colour",
    "contact_sheet",
    "legend_strip",
    "note_strip",
    "paint_plate",
    "paint_text",
    "shorten",
    "text_size",
]

Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DETAIL = 4  # text is drawn this many times larger and averaged down
_CAPITAL = 21.0  # height in pixels of a capital letter of the font at scale 1


def text_size(text: str, height: int) -> tuple[int, int]:
    """Return the size of a line of text.

    Parameters
    ----------
    text : str
    height : int
        Height of capital letters, pixels.

    Returns
    -------
    width, height : int
        Pixels.
    """
    mask = _mask(_ascii(text), height)
    return mask.shape[1], mask.shape[0]


def paint_text(
    picture: NDArray[np.uint8], text: str, x: int, y: int, height: int, colour: Colour
) -> None:
    """Draw a line of text on a picture, in place.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    text : str
    x, y : int
        Column and row of its top left corner.
    height : int
        Height of capital letters, pixels.
    colour : (int, int, int)
        RGB.
    """
    _blend(picture, _mask(_ascii(text), height), x, y, colour)


def paint_plate(
    picture: NDArray[np.uint8], x: int, y: int, width: int, height: int, opacity: float
) -> None:
    """Darken a rectangle of a picture, in place, as background of text.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    x, y : int
        Column and row of its top left corner.
    width, height : int
        Pixels.
    opacity : float
        Between 0 and 1.
    """
    _blend(picture, np.full((height, width), opacity, dtype=np.float32), x, y, (12, 14, 20))


def shorten(text: str, width: int, height: int) -> str:
    """Shorten a text with an ellipsis if it is too wide.

    Parameters
    ----------
    text : str
    width : int
        Available width, pixels.
    height : int
        Height of capital letters, pixels.
    """
    if text_size(text, height)[0] <= width:
        return text
    while text and text_size(text + "...", height)[0] > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode() or " "


@lru_cache(maxsize=4096)
def _mask(text: str, height: int) -> NDArray[np.float32]:
    """Return the coverage of each pixel by the letters, 0 to 1."""
    scale = height * _DETAIL / _CAPITAL
    thickness = max(1, round(height * _DETAIL / 8))
    (width, rise), below = cv2.getTextSize(text, _FONT, scale, thickness)
    pad = thickness
    canvas = np.zeros((rise + below + 2 * pad, width + 2 * pad), dtype=np.uint8)
    cv2.putText(canvas, text, (pad, pad + rise), _FONT, scale, 255, thickness, cv2.LINE_AA)
    size = (-(-canvas.shape[1] // _DETAIL), -(-canvas.shape[0] // _DETAIL))
    whole = np.zeros((size[1] * _DETAIL, size[0] * _DETAIL), dtype=np.uint8)
    whole[: canvas.shape[0], : canvas.shape[1]] = canvas
    mask = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mask /= 255
    mask.setflags(write=False)
    return mask


def _blend(
    picture: NDArray[np.uint8], mask: NDArray[np.float32], x: int, y: int, colour: Colour
) -> None:
    rows, columns = mask.shape
    in_picture, in_mask = overlap((x, y, x + columns, y + rows), picture.shape)
    weight = mask[in_mask][..., None]
    patch = picture[in_picture].astype(np.float32)
    mixed = patch + (np.array(colour, dtype=np.float32) - patch) * weight
    picture[in_picture] = np.rint(mixed).astype(np.uint8)


_INK: Colour = (225, 228, 235)
_PAPER: Colour = (18, 20, 28)


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    columns: int | None = None,
    cell: int = 160,
) -> NDArray[np.uint8]:
    """Arrange many pictures on one sheet, row by row, each with a caption.

    Parameters
    ----------
    images : sequence of ndarray of uint8, shape (H, W, 3)
        Of any size; each is resized to fit a square cell, and rows are as high as the highest
        image.
    captions : sequence of str
        One per image, of one line or several. Lines wider than the cell are broken between words,
        and single words that are wider are shortened.
    columns : int, optional
        Images per row; by default for a nearly square sheet.
    cell : int
        Side of a cell in pixels.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    ValueError
        If there are no images, or the number of captions differs.
    """
    if not images or len(images) != len(captions):
        raise ValueError(f"{len(images)} images cannot have {len(captions)} captions")
    across = columns or math.ceil(math.sqrt(len(images) * 1.3))
    letters, gap = min(max(7, cell // 18), 12), 8
    line = text_size("Ag", letters)[1] + gap // 2
    small = [_resized(image, cell) for image in images]
    high = max(image.shape[0] for image in small)
    down = math.ceil(len(images) / across)
    lines = [
        [part for line in caption.split("\n") for part in _broken(line, cell, letters)]
        for caption in captions
    ]
    step = high + line * max(map(len, lines)) + gap
    sheet = _blank((gap + down * step, gap + across * (cell + gap)), _PAPER)
    for place, (image, texts) in enumerate(zip(small, lines, strict=True)):
        x = gap + place % across * (cell + gap)
        y = gap + place // across * step
        left, top = x + (cell - image.shape[1]) // 2, y + (high - image.shape[0]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        for number, text in enumerate(texts):
            top = y + high + gap // 2 + number * line
            paint_text(sheet, shorten(text, cell, letters), x, top, letters, _INK)
    return sheet


def _broken(text: str, width: int, letters: int) -> list[str]:
    """Return the lines of a text that is broken between words to fit a width in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_size(longer, letters)[0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def legend_strip(
    entries: Sequence[tuple[str, Colour]], width: int, letters: int
) -> NDArray[np.uint8]:
    """Draw a legend of texts with colour swatches; it has no rows without entries.

    Parameters
    ----------
    entries : sequence of (str, colour)
        In reading order.
    width : int
        Pixels; entries are broken into lines.
    letters : int
        Height of capital letters, pixels.

    Returns
    -------
    ndarray of uint8, shape (H, width, 3)
    """
    if not entries:
        return _blank((0, width), _PAPER)
    gap = letters
    line = text_size("Ag", letters)[1] + gap
    x, y, spots = gap, gap // 2, []
    for words, colour in entries:
        text = shorten(words, width - 4 * gap, letters)
        wide = 2 * gap + text_size(text, letters)[0] + gap
        if x + wide > width and x > gap:
            x, y = gap, y + line
        spots.append((x, y, text, colour))
        x += wide
    strip = _blank((y + line, width), _PAPER)
    for x, y, text, colour in spots:
        swatch = y + (line - gap - letters) // 2
        strip[swatch : swatch + letters, x : x + letters] = colour
        paint_text(strip, text, x + letters + gap // 2, y, letters, _INK)
    return strip


def note_strip(notes: Sequence[str], width: int, letters: int) -> NDArray[np.uint8]:
    """Write notes below a picture, each from a new line.

    Parameters
    ----------
    notes : sequence of str
    width : int
        Of the picture, pixels.
    letters : int
        Height of capital letters, pixels.

    Returns
    -------
    ndarray of uint8, shape (H, width, 3)
        No rows without notes.
    """
    lines = [line for note in notes for line in _broken(note, width - 2 * letters, letters)]
    high = text_size("Ag", letters)[1] + letters // 2
    strip = _blank((high * len(lines), width), _PAPER)
    for number, line in enumerate(lines):
        text = shorten(line, width - 2 * letters, letters)
        paint_text(strip, text, letters, number * high + letters // 4, letters, _INK)
    return strip


def _resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize an image to a given longer side."""
    fit = side / max(image.shape[:2])
    size = [max(1, round(length * fit)) for length in image.shape[1::-1]]
    interpolation = cv2.INTER_AREA if fit < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)


def _blank(shape: tuple[int, int], colour: Colour) -> NDArray[np.uint8]:
    sheet = np.empty((*shape, 3), dtype=np.uint8)
    sheet[:] = colour
    return sheet
