"""How well a detector's anchors fit annotated boxes, and which anchors would fit them better."""

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
"""IoU from which an anchor answers for an object (Lin et al. 2017, arXiv:1708.02002, section 4)."""

_OVERLAP = 0.5
"""Share of a tile that neighbours have in common when a field is searched."""

_MOST = 10_000
"""Boxes that are fitted: of more, an even sample tells as much."""

_STRETCHES = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
_SIZES = np.geomspace(1.0, 8.0, 25)
_SCALES = range(1, 6)


@dataclass(frozen=True)
class AnchorFit:
    """How well anchors fit boxes.

    Attributes
    ----------
    covered : float
        Share of the boxes whose best anchor has an IoU over 0.5.
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
        YAML file of a training, or of a run that trains its detector, or the name of a preset; or
        the name or path of a model.

    Raises
    ------
    ConfigError
        If the file is no such configuration.
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
        raise ConfigError(f"{name}: does not say how to train a detector")
    try:
        # the data may lie elsewhere: only what is said of the network matters
        training = DetectorTraining.model_validate(content | {"data": ()})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "(whole file)"
        raise ConfigError(
            f"{name}: not a training of a detector: {where}: {fault['msg']}"
        ) from error
    return training.anchors, training.input_size


def boxes_on_tiles(table: BoxTable, input_size: int, smallest: float = 0.0) -> NDArray[np.float64]:
    """Return the boxes as the network meets them when it searches their images.

    An image is searched as `galpipe detect` does it: shrunk to the input if it is at most one and a
    half times as large, else tile by tile at full, half, quarter ... size.  A box is taken on the
    first pass where no inner edge of a tile cuts it, on the tile whose middle is nearest.

    Parameters
    ----------
    table : BoxTable
        The annotations; difficult and faulty objects and images of unknown size are left out.  Of
        more than 10,000 boxes an even sample is used.
    input_size : int
        Side of the network's input, in pixels.
    smallest : float
        Objects whose longer side has fewer pixels of the image are left out.

    Returns
    -------
    ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of the input.
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
    """Return how well anchors fit boxes in pixels of the input, shape (N, 4), N at least 1."""
    best = best_overlaps(boxes, anchors, input_size)
    return AnchorFit(float((best > _FITTING).mean()), float(best.mean()))


def search_anchors(
    boxes: NDArray[np.float64], anchors: Anchors, input_size: int
) -> tuple[Anchors, AnchorFit]:
    """Return the anchors that fit best among those that cost no more, and their fit.

    All sizes, numbers of scales and aspect ratios of a grid are tried that make no more anchors a
    cell than `anchors` has, on the same levels.  Best is what covers most boxes, in steps of 0.1 %,
    and then what fits them closest.  Ratios are symmetric, since galaxies lie in every direction.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        In pixels of the input; N at least 1.
    anchors : Anchors
        Those to improve on; they are returned if nothing is better.
    input_size : int
        Side of the network's input, in pixels.
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
    """Return the boxes of one image in pixels of the tile that each is found on."""
    width, height = image_size.tolist()
    placed = np.empty_like(boxes)
    scale = np.zeros(len(boxes))
    nearest = np.full(len(boxes), np.inf)
    for tile in plan_tiles(width, height, input_size, int(input_size * _OVERLAP)):
        there = tile.from_field(boxes)
        apart = np.hypot(*((there[:, :2] + there[:, 2:] - input_size) / 2).T)
        cut = touches_inner_edge(tile, there, width, height)
        # passes come from the finest to the coarsest
        better = ~cut & ((scale == 0) | ((scale == tile.scale) & (apart < nearest)))
        placed[better], scale[better], nearest[better] = there[better], tile.scale, apart[better]
    return placed
