"""Pictures of what was found inside a network: heat over a crop, channels side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import contact_sheet
from ...imaging.text import fitted, paint_text, text_size

__all__ = ["HeatPanel", "channel_sheet", "coloured", "heat_sheet", "pattern_sheet"]

_CELL = 276
_CHANNEL_CELL = 112
_COLUMNS = 8
_GAP = 8
_LETTERS = 11
_ROWS = 4
_INK = (225, 228, 235)
_PALE = (140, 146, 160)
_PAPER = (18, 20, 28)
_BAR = (33, 144, 140)


@dataclass(frozen=True, eq=False)
class HeatPanel:
    """What one network, or the ensemble, says of a crop.

    Attributes
    ----------
    title : str
        Its name.
    heat : dict of str to ndarray of float32, shape (S, S)
        Heat maps in 0..1, by the name of the method.
    probabilities : ndarray of float32, shape (C,)
        Of each class.
    """

    title: str
    heat: Mapping[str, NDArray[np.float32]]
    probabilities: NDArray[np.float32]


def coloured(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return values of 0..1 as RGB in viridis, whose steps look equal where they are equal."""
    grey = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1])


def heat_sheet(
    crop: NDArray[np.uint8],
    panels: Sequence[HeatPanel],
    class_names: Sequence[str],
    class_id: int,
    title: str,
) -> NDArray[np.uint8]:
    """Draw a crop, the heat of each panel over it, and under them the most probable classes.

    Parameters
    ----------
    crop : ndarray of uint8, shape (S, S, 3)
        What the networks were given.
    panels : sequence of HeatPanel
        With the same methods each; a row for each method.  The last one's probabilities decide
        which classes are listed, and in which order.
    class_names : sequence of str
        The C classes.
    class_id : int
        The class that the heat is for; it is listed always.
    title : str
        Stands under the crop.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    side = (_CELL, _CELL)
    plain = cv2.resize(crop, side, interpolation=cv2.INTER_CUBIC)
    grey = np.repeat(plain.mean(axis=2, keepdims=True), 3, axis=2)
    pictures: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    for row, method in enumerate(panels[0].heat):
        pictures.append(_scale() if row else plain)
        captions.append("heat: none to most" if row else title)
        for panel in panels:
            heat = cv2.resize(panel.heat[method], side, interpolation=cv2.INTER_LINEAR)
            pictures.append(np.rint((grey + coloured(heat)) / 2).astype(np.uint8))
            nothing = "" if heat.any() else ": nothing"
            captions.append(f"{panel.title}, {method}{nothing}")
    grid = contact_sheet(pictures, captions, 1 + len(panels), _CELL)
    ranked = np.argsort(-panels[-1].probabilities, kind="stable").tolist()
    listed = ranked[:_ROWS]
    if class_id not in listed:
        listed[-1] = class_id
    headline = _headline(f"What speaks for: {class_names[class_id]}", grid.shape[1])
    table = _table(panels, class_names, listed, class_id, grid.shape[1])
    return np.vstack([headline, grid, table])


def channel_sheet(
    response: NDArray[np.float32], channels: Sequence[int], title: str
) -> NDArray[np.uint8]:
    """Draw what channels of a layer give, in one scale from their least to their most.

    Parameters
    ----------
    response : ndarray of float32, shape (H, W, channels of the layer)
        What the layer gives.
    channels : sequence of int
        Those shown, in this order; their numbers stand under them.
    title : str
        Stands above.
    """
    shown = response[..., list(channels)]
    low, high = float(shown.min()), float(shown.max())
    scaled = (shown - low) / max(high - low, float(np.finfo(np.float32).tiny))
    pictures = [coloured(channel) for channel in np.moveaxis(scaled, 2, 0)]
    return _grid(pictures, channels, f"{title}: {low:.3g} (dark) to {high:.3g} (bright)")


def pattern_sheet(
    patterns: NDArray[np.uint8], filters: Sequence[int], title: str
) -> NDArray[np.uint8]:
    """Draw the patterns (filters, S, S, 3) of filters, whose numbers stand under them."""
    return _grid(list(patterns), filters, title)


def _grid(
    pictures: Sequence[NDArray[np.uint8]], numbers: Sequence[int], title: str
) -> NDArray[np.uint8]:
    # Pixels stay squares: they show how coarse the layer is.
    factor = -(-_CHANNEL_CELL // pictures[0].shape[0])
    large = [one.repeat(factor, axis=0).repeat(factor, axis=1) for one in pictures]
    sheet = contact_sheet(large, [str(number) for number in numbers], _COLUMNS, _CHANNEL_CELL)
    return np.vstack([_headline(title, sheet.shape[1]), sheet])


def _headline(title: str, width: int) -> NDArray[np.uint8]:
    high = text_size("Ag", _LETTERS)[1]
    strip = np.full((_GAP + high, width, 3), _PAPER, np.uint8)
    paint_text(strip, fitted(title, width - 2 * _GAP, _LETTERS), _GAP, _GAP, _LETTERS, _INK)
    return strip


def _scale() -> NDArray[np.uint8]:
    """Return a cell with the colours of heat: none on the left, the most on the right."""
    cell = np.full((_CELL, _CELL, 3), _PAPER, np.uint8)
    cell[-2 * _GAP :] = coloured(np.linspace(0, 1, _CELL)[None])
    return cell


def _table(
    panels: Sequence[HeatPanel],
    class_names: Sequence[str],
    listed: Sequence[int],
    class_id: int,
    width: int,
) -> NDArray[np.uint8]:
    """Return the lines of the listed classes: names under the crop, bars under each panel."""
    line = text_size("Ag", _LETTERS)[1] + _GAP // 2
    table = np.full((_GAP + len(listed) * line + _GAP, width, 3), _PAPER, np.uint8)
    number = text_size("0.00", _LETTERS)[0] + _GAP
    for row, class_index in enumerate(listed):
        y = _GAP + row * line
        ink = _INK if class_index == class_id else _PALE
        name = fitted(class_names[class_index], _CELL, _LETTERS)
        paint_text(table, name, _GAP, y, _LETTERS, ink)
        for place, panel in enumerate(panels, start=1):
            x = _GAP + place * (_CELL + _GAP)
            probability = float(panel.probabilities[class_index])
            paint_text(table, f"{probability:.2f}", x, y, _LETTERS, ink)
            length = round(probability * (_CELL - number))
            table[y + 1 : y + 1 + _LETTERS, x + number : x + number + length] = _BAR
    return table
