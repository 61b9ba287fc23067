"""Small, smooth lettering on pictures."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "fitted", "paint_plate", "paint_text", "text_size"]

Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DETAIL = 4  # drawn this many times larger and averaged down: smoother than drawing in place
_CAPITAL = 21.0  # height in pixels of a capital letter of the font at scale 1


def text_size(text: str, height: int) -> tuple[int, int]:
    """Return width and height in pixels of a line whose capitals are `height` pixels high."""
    mask = _mask(_plain(text), height)
    return mask.shape[1], mask.shape[0]


def paint_text(
    picture: NDArray[np.uint8], text: str, x: int, y: int, height: int, colour: Colour
) -> None:
    """Write a line with its top left corner at column `x`, row `y`, onto the picture itself."""
    _blend(picture, _mask(_plain(text), height), x, y, colour)


def paint_plate(
    picture: NDArray[np.uint8], x: int, y: int, width: int, height: int, opacity: float
) -> None:
    """Darken a rectangle, onto the picture itself, so that text on it can be read."""
    _blend(picture, np.full((height, width), opacity, dtype=np.float32), x, y, (12, 14, 20))


def fitted(text: str, width: int, height: int) -> str:
    """Return the text, shortened by dots if it is wider than `width` pixels."""
    if text_size(text, height)[0] <= width:
        return text
    while text and text_size(text + "...", height)[0] > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode() or " "


@lru_cache(maxsize=4096)
def _mask(text: str, height: int) -> NDArray[np.float32]:
    """Return the coverage 0..1 of each pixel by the letters."""
    scale = height * _DETAIL / _CAPITAL
    thickness = max(1, round(height * _DETAIL / 8))
    (width, rise), below = cv2.getTextSize(text, _FONT, scale, thickness)
    pad = thickness
    canvas = np.zeros((rise + below + 2 * pad, width + 2 * pad), dtype=np.uint8)
    cv2.putText(canvas, text, (pad, pad + rise), _FONT, scale, 255, thickness, cv2.LINE_AA)
    size = (-(-canvas.shape[1] // _DETAIL), -(-canvas.shape[0] // _DETAIL))
    whole = np.zeros((size[1] * _DETAIL, size[0] * _DETAIL), dtype=np.uint8)
    whole[: canvas.shape[0], : canvas.shape[1]] = canvas
    mask = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    mask.setflags(write=False)
    return mask


def _blend(
    picture: NDArray[np.uint8], mask: NDArray[np.float32], x: int, y: int, colour: Colour
) -> None:
    rows, columns = mask.shape
    top, left = max(0, y), max(0, x)
    bottom, right = min(picture.shape[0], y + rows), min(picture.shape[1], x + columns)
    if top >= bottom or left >= right:
        return
    weight = mask[top - y : bottom - y, left - x : right - x, None]
    patch = picture[top:bottom, left:right].astype(np.float32)
    mixed = patch + (np.array(colour, dtype=np.float32) - patch) * weight
    picture[top:bottom, left:right] = np.rint(mixed).astype(np.uint8)
