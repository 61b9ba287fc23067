"""The table of what was found in one picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .boxes import as_boxes

__all__ = ["Detections"]


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes with their scores, one row per object.

    Attributes
    ----------
    boxes : ndarray
        Shape (N, 4), float64: ``xmin, ymin, xmax, ymax``, 0-based half-open pixel edges.
    scores : ndarray
        Shape (N,), float64, in 0..1.
    class_ids : ndarray
        Shape (N,), int64: index into the detector's class names. Zeros if not given.
    tiles : ndarray
        Shape (N,), int64: index of the tile that found the object, -1 where unknown (the default).

    Raises
    ------
    ValueError
        If lengths differ, or a box or score is not finite, or a box is inside out.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int64] = None  # type: ignore[assignment]
    tiles: NDArray[np.int64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        boxes = as_boxes(self.boxes)
        count = len(boxes)
        columns = {
            "boxes": boxes,
            "scores": np.asarray(self.scores, dtype=np.float64),
            "class_ids": _integers(self.class_ids, count, 0),
            "tiles": _integers(self.tiles, count, -1),
        }
        for name, column in columns.items():
            if name != "boxes" and column.shape != (count,):
                raise ValueError(f"{count} boxes need as many {name}, not the shape {column.shape}")
            if not np.isfinite(column).all():
                raise ValueError(f"{name} must be finite")
            object.__setattr__(self, name, column)
        if (boxes[:, 2:] < boxes[:, :2]).any():
            raise ValueError("a box must have xmin <= xmax and ymin <= ymax")

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls) -> Detections:
        """Return a table without rows."""
        return cls(np.zeros((0, 4)), np.zeros(0))

    @classmethod
    def concatenate(cls, parts: Iterable[Detections]) -> Detections:
        """Return the rows of all tables, in the order given."""
        tables = [cls.empty(), *parts]
        return cls(
            np.concatenate([part.boxes for part in tables]),
            np.concatenate([part.scores for part in tables]),
            np.concatenate([part.class_ids for part in tables]),
            np.concatenate([part.tiles for part in tables]),
        )

    def select(self, rows: ArrayLike) -> Detections:
        """Return the rows named by an index array, or marked by a boolean mask, in that order."""
        chosen = np.asarray(rows)
        if chosen.dtype != bool:
            chosen = chosen.astype(np.int64)
        return Detections(
            self.boxes[chosen], self.scores[chosen], self.class_ids[chosen], self.tiles[chosen]
        )

    def with_boxes(self, boxes: ArrayLike) -> Detections:
        """Return the same objects with other boxes, such as those of other coordinates."""
        return replace(self, boxes=as_boxes(boxes))

    def with_tile(self, tile: int) -> Detections:
        """Return the same objects, all found by one tile."""
        return replace(self, tiles=np.full(len(self), tile, dtype=np.int64))


def _integers(column: ArrayLike | None, count: int, default: int) -> NDArray[np.int64]:
    if column is None:
        return np.full(count, default, dtype=np.int64)
    return np.asarray(column, dtype=np.int64)
