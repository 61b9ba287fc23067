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

_POSITIVE_IOU = 0.5
"""IoU from which an anchor is assigned to an object (Lin et al. 2017, arXiv:1708.02002, section
4)."""

_OVERLAP = 0.5
"""Fraction of a tile shared by neighbouring tiles."""

_MAX_BOXES = 10_000
"""Larger tables are sampled evenly."""

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
        Training configuration (YAML), also that of a run that trains its detector; name of a
        preset; or name or path of a model.

    Returns
    -------
    anchors : Anchors
    input_size : int
        Side of the network's input, in pixels.

    Raises
    ------
    ConfigError
        If the file does not configure a detector training.
    BundleError
        If there is no such model.
    InputError
        If the model is not a detector.
    """
    if not name.endswith((".yaml", ".yml")):
        manifest = find_bundle(name).manifest
        if manifest.head is None:
            raise InputError(f"{name} is a {manifest.task} and has no anchors; choose a detector")
        return manifest.head.anchors, manifest.input_size
    content = read_yaml(preset(name))
    if isinstance(content, dict) and isinstance(content.get("detector"), dict):
        content = content["detector"].get("train")
    if not isinstance(content, dict):
        raise ConfigError(f"{name}: does not configure a detector training")
    try:
        # The anchors do not depend on the data, which may not exist on this machine.
        training = DetectorTraining.model_validate(content | {"data": ()})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "(whole file)"
        raise ConfigError(
            f"{name}: not a valid detector training: {where}: {fault['msg']}"
        ) from error
    return training.anchors, training.input_size


def boxes_on_tiles(table: BoxTable, input_size: int, smallest: float = 0.0) -> NDArray[np.float64]:
    """Map each box to the tile on which its object is detected.

    The tiles are those of `galpipe detect`: the image shrunk to the input if it is at most 1.5
    times as large, else tiles at scales 1, 1/3, 1/9, ...  A box is assigned to the finest scale at
    which no inner tile edge cuts it, and there to the tile with the nearest centre.

    Parameters
    ----------
    table : BoxTable
        Annotations.  Difficult and invalid objects, and images of unknown size, are excluded.
        More than 10,000 boxes are sampled evenly.
    input_size : int
        Side of the network's input, in pixels.
    smallest : float
        Shortest longer side of an object to include, in pixels of the image.

    Returns
    -------
    ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input, edges 0-based, half-open.
    """
    included = table.sound & ~table.difficult & (table.sides.max(axis=1, initial=0) >= smallest)
    rows = np.flatnonzero(included & (table.sizes[table.images] > 0).all(axis=1))
    if len(rows) > _MAX_BOXES:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_BOXES).astype(np.int64)]
    starts = np.flatnonzero(np.diff(table.images[rows], prepend=-1))
    placed = [
        _place(table.boxes[group], table.sizes[table.images[group[0]]], input_size)
        for group in np.split(rows, starts[1:])
        if len(group)
    ]
    return np.concatenate([np.empty((0, 4)), *placed])


def fit(boxes: NDArray[np.float64], anchors: Anchors, input_size: int) -> AnchorFit:
    """Measure how well anchors fit boxes.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input; N at least 1.
    anchors : Anchors
    input_size : int
        Side of the network's input, in pixels.
    """
    best = best_overlaps(boxes, anchors, input_size)
    return AnchorFit(float((best > _POSITIVE_IOU).mean()), float(best.mean()))


def search_anchors(
    boxes: NDArray[np.float64], anchors: Anchors, input_size: int
) -> tuple[Anchors, AnchorFit]:
    """Search for the anchors that fit best, with the same levels and no more anchors per cell.

    Grid search over size, number of scales and aspect ratios.  The best anchors cover the largest
    fraction of boxes, rounded to 0.1 %; ties are broken by mean IoU.  Aspect ratios are symmetric,
    as galaxies have every orientation.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        In pixels of the input; N at least 1.
    anchors : Anchors
        Anchors to improve; returned if none are better.
    input_size : int
        Side of the network's input, in pixels.

    Returns
    -------
    anchors : Anchors
    fit : AnchorFit
    """
    ratios: list[tuple[float, ...]] = [(1.0,)]
    ratios += [(1.0, s, 1 / s) for s in _STRETCHES]
    ratios += [(1.0, s, 1 / s, s * s, 1 / s**2) for s in _STRETCHES if s <= 2]
    budget = anchors.per_cell
    best, best_fit = anchors, fit(boxes, anchors, input_size)
    for size, scales, shape in product(_SIZES, _SCALES, ratios):
        if scales * len(shape) > budget:
            continue
        candidate = anchors.model_copy(
            update={
                "num_scales": scales,
                "aspect_ratios": tuple(round(ratio, 3) for ratio in shape),
                "anchor_size": round(float(size), 2),
            }
        )
        candidate_fit = fit(boxes, candidate, input_size)
        if _rank(candidate_fit) > _rank(best_fit):
            best, best_fit = candidate, candidate_fit
    return best, best_fit


def _rank(fit: AnchorFit) -> tuple[float, float]:
    return round(fit.covered, 3), fit.mean_iou


def _place(
    boxes: NDArray[np.float64], image_size: NDArray[np.int64], input_size: int
) -> NDArray[np.float64]:
    """Return the boxes of one image in pixels of the tile assigned to each."""
    width, height = image_size.tolist()
    placed = np.empty_like(boxes)
    scale = np.zeros(len(boxes))
    nearest = np.full(len(boxes), np.inf)
    for tile in plan_tiles(width, height, input_size, int(input_size * _OVERLAP)):
        on_tile = tile.from_field(boxes)
        distance = np.hypot(*((on_tile[:, :2] + on_tile[:, 2:] - input_size) / 2).T)
        cut = touches_inner_edge(tile, on_tile, width, height)
        # Tiles are ordered from the finest scale to the coarsest.
        better = ~cut & ((scale == 0) | ((scale == tile.scale) & (distance < nearest)))
        placed[better], nearest[better] = on_tile[better], distance[better]
        scale[better] = tile.scale
    return placed
