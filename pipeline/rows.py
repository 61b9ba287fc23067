"""From the detections of one field to rows of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification import class_slug
from ..detection.predict import field_tiles
from ..imaging import Detections, Field
from .columns import NOT_CLASSIFIED, Flag
from .source_ids import SourceNames

__all__ = ["detection_rows"]

# A box this near the edge of the field is taken to be cut by it, in pixels.
_EDGE = 1.0


def detection_rows(
    field: Field,
    detections: Detections,
    tile_size: int,
    names: SourceNames,
    probabilities: NDArray[np.float32] | None = None,
    class_names: Sequence[str] = (),
    detected_classes: Sequence[str] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the catalogue's columns for the objects of one field, in the order of `detections`.

    Parameters
    ----------
    field : Field
        Where they were found.
    detections : Detections
        In pixels of the field.
    tile_size : int
        Side of the tiles on which the field was searched.
    names : SourceNames
        Names the objects.
    probabilities : ndarray, optional
        Shape (N, C): class probabilities of each, NaN where it was not classified; None leaves the
        class columns out.
    class_names : sequence of str
        The C classes.
    detected_classes : sequence of str, optional
        Classes of a detector that has several; None leaves the detector's class out.
    """
    boxes = np.round(detections.boxes, 2)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    ra, dec = field.sky(x, y)
    rows: dict[str, NDArray[Any]] = {
        "source_id": np.array(
            [
                names(field.identifier, number, *place)
                for number, place in enumerate(zip(ra, dec, strict=True), start=1)
            ],
            dtype=str,
        ),
        "field": np.full(len(boxes), field.identifier),
        "ra": ra,
        "dec": dec,
        "x": x,
        "y": y,
        "score": detections.scores,
        "tile": detections.tiles,
        "flags": _flags(field, detections, tile_size),
    }
    rows |= dict(zip(("xmin", "ymin", "xmax", "ymax"), boxes.T, strict=True))
    if detected_classes is not None:
        rows["detected_class"] = np.array(detected_classes, dtype=str)[detections.class_ids]
    if probabilities is not None:
        rows |= _class_rows(probabilities.astype(np.float64), class_names)
    return rows


def _class_rows(shares: NDArray[np.float64], class_names: Sequence[str]) -> dict[str, NDArray[Any]]:
    known = ~np.isnan(shares).any(axis=1)
    best = np.where(known, shares.argmax(axis=1), NOT_CLASSIFIED)
    rows = {
        "class_id": best,
        "class_name": np.where(known, np.array(class_names, dtype=str)[best], ""),
        "probability": shares[np.arange(len(shares)), best],
    }
    for name, column in zip(class_names, shares.T, strict=True):
        rows[f"prob_{class_slug(name)}"] = column
    return rows


def _flags(field: Field, detections: Detections, tile_size: int) -> NDArray[np.int64]:
    boxes = detections.boxes
    flags = np.zeros(len(boxes), dtype=np.int64)
    edge = (boxes[:, :2] < _EDGE).any(axis=1)
    edge |= (boxes[:, 2:] > np.array([field.width, field.height]) - _EDGE).any(axis=1)
    flags[edge] |= Flag.FIELD_EDGE
    if field.bad.any():
        for index, (xmin, ymin, xmax, ymax) in enumerate(boxes):
            part = field.bad[
                max(int(ymin), 0) : int(np.ceil(ymax)), max(int(xmin), 0) : int(np.ceil(xmax))
            ]
            if part.any():
                flags[index] |= Flag.BAD_PIXELS
    scales = np.array([tile.scale for tile in field_tiles(field.width, field.height, tile_size)])
    known = detections.tiles >= 0
    flags[known] |= np.where(scales[detections.tiles[known]] < 1, int(Flag.DOWNSCALED), 0)
    return flags
