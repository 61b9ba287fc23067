"""Fit of a detector's anchors to annotated boxes, and search for better anchors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ..annotations.statistics import BoxTable
from ..configs import Anchors, DetectorTraining, preset
from ..errors import ConfigError, InputError
from ..files.safe_readers import read_yaml
from ..imaging import plan_tiles, touches_inner_edge
from ..models import find_bundle
from .anchors import best_overlaps

__all__ = ["AnchorFit", "boxes_on_tiles", "fit", "read_anchors", "search_anchors"]

_FITTING = 0.5
"""IoU from which an anchor is assigned to an object (Lin et al. 2017, arXiv:1708.02002, section
4)."""

_OVERLAP = 0.5
"""Fraction of a tile by which neighbours overlap in the search of a field."""

_MOST = 10_000
"""Largest number of boxes that are fitted; of more, an even sample is used."""

_STRETCHES = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
_SIZES = np.geomspace(1.0, 8.0, 25)
_SCALES = range(1, 6)


@dataclass(frozen=True)
class AnchorFit:
    """Fit of anchors to boxes.

    Attributes
    ----------
    covered : float
        Fraction of the boxes whose best anchor has an IoU above 0.5.
    mean_iou : float
        Mean IoU of each box with its best anchor.
    """

    covered: float
    mean_iou: float


def read_anchors(name: str) -> tuple[Anchors, int]:
    """Return the anchors and the input size of a detector.

    Parameters
    ----------
    name : str
        YAML file of a training, or of a run that trains its detector; name of a preset; or name or
        path of a model.

    Returns
    -------
    anchors : Anchors
    input_size : int
        Side of the network's input, in pixels.

    Raises
    ------
    ConfigError
        If the file does not configure the training of a detector.
    BundleError
        If there is no such model.
    InputError
        If the model is no detector.
    """
    if not name.endswith((".yaml", ".yml")):
        manifest = find_bundle(name).manifest
        if manifest.head is None:
            raise InputError(f"{name} is a {manifest.task} and has no anchors. Name a detector.")
        return manifest.head.anchors, manifest.input_size
    content = read_yaml(preset(name))
    if isinstance(content, dict) and isinstance(content.get("detector"), dict):
        content = content["detector"].get("train")
    if not isinstance(content, dict):
        raise ConfigError(f"{name}: does not configure the training of a detector")
    try:
        # Only the settings of the network matter: the data may be elsewhere.
        training = DetectorTraining.model_validate(content | {"data": ()})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "(whole file)"
        raise ConfigError(
            f"{name}: not a training of a detector: {where}: {fault['msg']}"
        ) from error
    return training.anchors, training.input_size


def boxes_on_tiles(table: BoxTable, input_size: int, smallest: float = 0.0) -> NDArray[np.float64]:
    """Return the boxes on the tiles that the search of their images detects them on.

    The tiles are those of `galpipe detect`: the image shrunk to the input if it is at most one and
    a half times as large, else tiles at full, half, quarter ... size.  A box is on the first pass
    where no inner edge of a tile cuts it, on the tile with the nearest centre.

    Parameters
    ----------
    table : BoxTable
        Annotations; difficult and invalid objects and images of unknown size are left out.  Of more
        than 10,000 boxes an even sample is used.
    input_size : int
        Side of the network's input, in pixels.
    smallest : float
        Length in pixels of the image; objects whose longer side is shorter are left out.

    Returns
    -------
    ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input, edges 0-based, half-open.
    """
    counting = table.sound & ~table.difficult & (table.sides.max(axis=1, initial=0) >= smallest)
    rows = np.flatnonzero(counting & (table.sizes[table.images] > 0).all(axis=1))
    if len(rows) > _MOST:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST).astype(np.int64)]
    starts = np.flatnonzero(np.diff(table.images[rows], prepend=-1))
    placed = [
        _place(table.boxes[group], table.sizes[table.images[group[0]]], input_size)
        for group in np.split(rows, starts[1:])
        if len(group)
    ]
    return np.concatenate([np.empty((0, 4)), *placed])


def fit(boxes: NDArray[np.float64], anchors: Anchors, input_size: int) -> AnchorFit:
    """Return the fit of anchors to boxes.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input; N at least 1.
    anchors : Anchors
    input_size : int
        Side of the network's input, in pixels.
    """
    best = best_overlaps(boxes, anchors, input_size)
    return AnchorFit(float((best > _FITTING).mean()), float(best.mean()))


def search_anchors(
    boxes: NDArray[np.float64], anchors: Anchors, input_size: int
) -> tuple[Anchors, AnchorFit]:
    """Search for the anchors that fit best, with the same levels and no more anchors per cell.

    A grid of sizes, numbers of scales and aspect ratios is tried.  The best anchors cover most
    boxes, in steps of 0.1 %, and of equals have the largest mean IoU.  Ratios are symmetric, as
    galaxies have every orientation.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        In pixels of the input; N at least 1.
    anchors : Anchors
        Anchors to improve; returned if no others are better.
    input_size : int
        Side of the network's input, in pixels.

    Returns
    -------
    anchors : Anchors
    found : AnchorFit
    """
    ratios: list[tuple[float, ...]] = [(1.0,)]
    ratios += [(1.0, s, 1 / s) for s in _STRETCHES]
    ratios += [(1.0, s, 1 / s, s * s, 1 / s**2) for s in _STRETCHES if s <= 2]
    budget = anchors.per_cell
    best, best_fit = anchors, fit(boxes, anchors, input_size)
    for size, scales, shape in product(_SIZES, _SCALES, ratios):
        if scales * len(shape) > budget:
            continue
        tried = anchors.model_copy(
            update={
                "num_scales": scales,
                "aspect_ratios": tuple(round(ratio, 3) for ratio in shape),
                "anchor_size": round(float(size), 2),
            }
        )
        found = fit(boxes, tried, input_size)
        if _rank(found) > _rank(best_fit):
            best, best_fit = tried, found
    return best, best_fit


def _rank(found: AnchorFit) -> tuple[float, float]:
    return round(found.covered, 3), found.mean_iou


def _place(
    boxes: NDArray[np.float64], image_size: NDArray[np.int64], input_size: int
) -> NDArray[np.float64]:
    """Return the boxes of one image in pixels of the tile that each is on."""
    width, height = image_size.tolist()
    placed = np.empty_like(boxes)
    scale = np.zeros(len(boxes))
    nearest = np.full(len(boxes), np.inf)
    for tile in plan_tiles(width, height, input_size, int(input_size * _OVERLAP)):
        there = tile.from_field(boxes)
        apart = np.hypot(*((there[:, :2] + there[:, 2:] - input_size) / 2).T)
        cut = touches_inner_edge(tile, there, width, height)
        # Passes are in order from the finest to the coarsest.
        better = ~cut & ((scale == 0) | ((scale == tile.scale) & (apart < nearest)))
        placed[better], scale[better], nearest[better] = there[better], tile.scale, apart[better]
    return placed
