"""Plots of explanations: heat maps over a crop, and sheets of channels and filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import contact_sheet
from ...imaging.text import paint_text, shorten, text_size

__all__ = [
    "HeatPanel",
    "channel_sheet",
    "colour_map",
    "filter_sheet",
    "heat_sheet",
    "over_crop",
    "strongest",
]

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
    """Heat maps and probabilities of one network, or of the ensemble, for a crop.

    Attributes
    ----------
    title : str
        Name of the network.
    heat : dict of str to ndarray of float32, shape (S, S)
        Heat maps in 0..1, by the name of the method.
    probabilities : ndarray of float32, shape (C,)
        Class probabilities.
    """

    title: str
    heat: Mapping[str, NDArray[np.float32]]
    probabilities: NDArray[np.float32]


def colour_map(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Map values to colours of viridis.

    Parameters
    ----------
    values : ndarray of float, shape (H, W)
        Clipped to 0..1.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    grey = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1])


def over_crop(crop: NDArray[np.uint8], heat: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """Draw a heat map over a crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (S, S, 3)
        Input of the networks.
    heat : ndarray of float32, shape (S, S)
        Heat map in 0..1.
    side : int
        Side of the picture in pixels.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
    """
    plain = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    grey = np.repeat(plain.mean(axis=2, keepdims=True), 3, axis=2)
    enlarged = cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR)
    colours = colour_map(np.asarray(enlarged, np.float32))
    return np.asarray(np.rint((grey + colours) / 2), np.uint8)


def heat_sheet(
    crop: NDArray[np.uint8],
    panels: Sequence[HeatPanel],
    class_names: Sequence[str],
    class_id: int,
    title: str,
) -> NDArray[np.uint8]:
    """Draw a crop, the heat maps of each panel over it, and a table of the most probable classes.

    Parameters
    ----------
    crop : ndarray of uint8, shape (S, S, 3)
        Input of the networks.
    panels : sequence of HeatPanel
        All with the same methods, one row per method.  The table is sorted by the probabilities of
        the last panel.
    class_names : sequence of str
        The C classes.
    class_id : int
        Class of the heat maps, always listed.
    title : str
        Caption of the crop.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    side = (_CELL, _CELL)
    plain = np.asarray(cv2.resize(crop, side, interpolation=cv2.INTER_CUBIC), np.uint8)
    images: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    for row, method in enumerate(panels[0].heat):
        images.append(_colour_bar() if row else plain)
        captions.append("heat: none to most" if row else title)
        for panel in panels:
            heat = panel.heat[method]
            images.append(over_crop(crop, heat, _CELL))
            nothing = "" if heat.any() else ": nothing"
            captions.append(f"{panel.title}, {method}{nothing}")
    grid = contact_sheet(images, captions, 1 + len(panels), _CELL)
    ranked = np.argsort(-panels[-1].probabilities, kind="stable").tolist()
    listed = ranked[:_ROWS]
    if class_id not in listed:
        listed[-1] = class_id
    headline = _headline(f"Evidence for: {class_names[class_id]}", grid.shape[1])
    table = _table(panels, class_names, listed, class_id, grid.shape[1])
    return np.vstack([headline, grid, table])


def strongest(response: NDArray[np.float32], count: int) -> list[int]:
    """Return the channels with the highest maxima, in descending order.

    Parameters
    ----------
    response : ndarray of float32, shape (..., channels)
        Output of a layer.
    count : int
        Largest number of channels; ties are broken by index.
    """
    peaks = response.reshape(-1, response.shape[-1]).max(axis=0)
    strongest: list[int] = np.argsort(-peaks, kind="stable")[:count].tolist()
    return strongest


def channel_sheet(
    response: NDArray[np.float32], channels: Sequence[int], title: str
) -> NDArray[np.uint8]:
    """Draw channels of a layer with a common colour scale.

    Parameters
    ----------
    response : ndarray of float32, shape (H, W, channels of the layer)
        Output of the layer.
    channels : sequence of int
        Channels to draw, in this order, with their numbers below.
    title : str
        Headline.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    shown = response[..., list(channels)]
    low, high = float(shown.min()), float(shown.max())
    scaled = (shown - low) / max(high - low, float(np.finfo(np.float32).tiny))
    images = [colour_map(channel) for channel in np.moveaxis(scaled, 2, 0)]
    return _grid(images, channels, f"{title}: {low:.3g} (dark) to {high:.3g} (bright)")


def filter_sheet(
    images: NDArray[np.uint8], filters: Sequence[int], title: str
) -> NDArray[np.uint8]:
    """Draw the images that maximize filters, with the numbers below.

    Parameters
    ----------
    images : ndarray of uint8, shape (len(filters), S, S, 3)
        RGB.
    filters : sequence of int
        Numbers of the filters.
    title : str
        Headline.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    return _grid(list(images), filters, title)


def _grid(
    images: Sequence[NDArray[np.uint8]], numbers: Sequence[int], title: str
) -> NDArray[np.uint8]:
    # Nearest neighbour, to show the resolution of the layer.
    factor = -(-_CHANNEL_CELL // images[0].shape[0])
    large = [one.repeat(factor, axis=0).repeat(factor, axis=1) for one in images]
    sheet = contact_sheet(large, [str(number) for number in numbers], _COLUMNS, _CHANNEL_CELL)
    return np.vstack([_headline(title, sheet.shape[1]), sheet])


def _headline(title: str, width: int) -> NDArray[np.uint8]:
    high = text_size("Ag", _LETTERS)[1]
    strip = np.full((_GAP + high, width, 3), _PAPER, np.uint8)
    paint_text(strip, shorten(title, width - 2 * _GAP, _LETTERS), _GAP, _GAP, _LETTERS, _INK)
    return strip


def _colour_bar() -> NDArray[np.uint8]:
    """Return a cell with the colour scale of heat maps, from 0 to 1."""
    cell = np.full((_CELL, _CELL, 3), _PAPER, np.uint8)
    cell[-2 * _GAP :] = colour_map(np.linspace(0, 1, _CELL)[None])
    return cell


def _table(
    panels: Sequence[HeatPanel],
    class_names: Sequence[str],
    listed: Sequence[int],
    class_id: int,
    width: int,
) -> NDArray[np.uint8]:
    """Return the table of classes: names under the crop, bars under each panel."""
    line = text_size("Ag", _LETTERS)[1] + _GAP // 2
    table = np.full((_GAP + len(listed) * line + _GAP, width, 3), _PAPER, np.uint8)
    number = text_size("0.00", _LETTERS)[0] + _GAP
    for row, class_index in enumerate(listed):
        y = _GAP + row * line
        ink = _INK if class_index == class_id else _PALE
        name = shorten(class_names[class_index], _CELL, _LETTERS)
        paint_text(table, name, _GAP, y, _LETTERS, ink)
        for place, panel in enumerate(panels, start=1):
            x = _GAP + place * (_CELL + _GAP)
            probability = float(panel.probabilities[class_index])
            paint_text(table, f"{probability:.2f}", x, y, _LETTERS, ink)
            length = round(probability * (_CELL - number))
            table[y + 1 : y + 1 + _LETTERS, x + number : x + number + length] = _BAR
    return table
