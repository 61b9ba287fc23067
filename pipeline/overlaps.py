"""Find the rows of a catalogue that are the same object, seen in several overlapping fields."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..imaging.footprints import SkyBoxes, are_outlines, shared_fraction, unit_vectors
from .plan import digest
from .result_lines import FieldRows

__all__ = ["OverlapGroups", "resolve_overlaps"]

# Boxes of two fields that overlap by at least this fraction are of the same object.
_SAME = 0.3

_ARCSEC = np.pi / (180 * 3600)

# Rows whose neighbours are sought, and pairs of rows that are compared, at a time.
_ROWS = 2000
_PAIRS = 50_000

_COLUMNS = ("ra", "dec", "xmin", "ymin", "xmax", "ymax")
_NO_CORNERS = (np.nan,) * 8

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OverlapGroups:
    """Rows that are the same object.

    Attributes
    ----------
    primaries : ndarray of int64, shape (N,)
        Row of the primary detection of the object of each row.
    names : ndarray of bytes, shape (N,)
        Name of the object at its primary row, in UTF-8; the names at other rows have no meaning.
    """

    primaries: Integers
    names: NDArray[np.bytes_]

    @cached_property
    def detections(self) -> Integers:
        """Number of rows of the object, at its primary row."""
        return np.bincount(self.primaries).astype(np.int64)

    def __len__(self) -> int:
        """Return the number of objects."""
        return int(np.count_nonzero(self.primaries == np.arange(len(self.primaries))))

    def columns(self, first: int, last: int) -> dict[str, NDArray[Any]]:
        """Return the columns of some rows.

        Parameters
        ----------
        first, last : int
            The first row, and the one after the last.
        """
        primaries = self.primaries[first:last]
        return {
            "group_id": np.char.decode(self.names[primaries], "utf-8"),
            "n_detections": self.detections[primaries],
            "primary": primaries == np.arange(first, last),
        }


@dataclass
class _Collected:
    """Rows and fields as they are read: names, boxes and outlines, without an object for each."""

    names: list[bytes] = field(default_factory=list)
    rows: array[float] = field(default_factory=lambda: array("d"))
    fields: array[float] = field(default_factory=lambda: array("d"))
    keys: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, result: FieldRows) -> None:
        record, columns = result.record, result.rows
        values = np.stack([columns[name] for name in _COLUMNS], axis=1).astype(np.float64)
        self.names += [str(name).encode("utf-8") for name in columns["source_id"]]
        self.rows.frombytes(values.tobytes())
        corners = np.ravel(record.corners).tolist() or _NO_CORNERS
        scale = record.pixel_scale or np.nan
        self.fields.extend((*corners, record.width, record.height, scale))
        # Signed integers have 63 bits.
        self.keys.append(int(digest([record.sha256, record.images, record.field])[:15], 16))
        self.counts.append(len(values))


class _Rows:
    """Rows with a place on the sky, in the order in which they become primary.

    Neither the order nor anything else depends on the order of the fields.
    """

    def __init__(self, collected: _Collected) -> None:
        values = np.array(collected.rows).reshape(-1, 6)
        fields = np.array(collected.fields).reshape(-1, 11)
        self.corners = unit_vectors(fields[:, 0:8:2], fields[:, 1:8:2])
        self.sizes, scales = fields[:, 8:10], fields[:, 10] * _ARCSEC
        of_row = np.repeat(np.arange(len(fields)), collected.counts)
        centres, boxes = unit_vectors(values[:, 0], values[:, 1]), values[:, 2:]
        radii = np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T) / 2 * scales[of_row]
        edges = np.concatenate([boxes[:, :2], self.sizes[of_row] - boxes[:, 2:]], axis=1)
        margins = edges.min(axis=1) * scales[of_row]
        outlined = are_outlines(self.corners)[of_row]
        placed = np.flatnonzero(np.isfinite(centres[:, 0] * radii) & outlined)
        key = np.array(collected.keys, dtype=np.int64)[of_row]
        order = placed[np.lexsort([placed, key[placed], -radii[placed], -margins[placed]])]
        self.numbers = order
        self.centres, self.boxes, self.radii = centres[order], boxes[order], radii[order]
        self.fields = of_row[order]

    def __len__(self) -> int:
        return len(self.numbers)

    def boxes_of(self, rows: Integers) -> SkyBoxes:
        fields = self.fields[rows]
        return SkyBoxes(
            self.centres[rows], self.boxes[rows], self.corners[fields], self.sizes[fields]
        )


def resolve_overlaps(results: Iterable[FieldRows]) -> OverlapGroups:
    """Group the rows of different fields that are the same object.

    The detection whose box is farthest from the edge of its field is the primary one of its
    object, the largest one if several are as far.  From every other field, the box that overlaps it
    most on the sky (`galpipe.imaging.footprints.shared_fraction`) joins it, if by at least 0.3.
    Objects are taken in the order of that distance, and the result does not depend on the order of
    the fields.  A row without sky coordinates, or of a field whose corners have none, is alone.

    Parameters
    ----------
    results : iterable of FieldRows
        Results of the fields, in the order of the catalogue.
    """
    collected = _Collected()
    for result in results:
        if result.rows:
            collected.add(result)
    primaries = np.arange(len(collected.names))
    rows = _Rows(collected)
    primaries[rows.numbers] = rows.numbers[_primaries(rows)]
    _number_equal_names(collected, primaries)
    return OverlapGroups(primaries, np.array(collected.names, dtype=np.bytes_))


def _primaries(rows: _Rows) -> Integers:
    """Return the primary row of each row."""
    primaries = np.arange(len(rows))
    for first, second in _close_pairs(rows, primaries):
        shared = shared_fraction(rows.boxes_of(first), rows.boxes_of(second))
        same = np.flatnonzero(shared >= _SAME)
        # By object, the box of each field that overlaps most first.
        same = same[np.lexsort([second[same], -shared[same], first[same]])]
        fields = rows.fields[second[same]].tolist()
        taken: set[tuple[int, int]] = set()
        for one, other, number in zip(
            first[same].tolist(), second[same].tolist(), fields, strict=True
        ):
            free = primaries[one] == one and primaries[other] == other
            if free and (one, number) not in taken:
                taken.add((one, number))
                primaries[other] = one
    return primaries


def _close_pairs(rows: _Rows, primaries: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield pairs of rows of different fields near each other, by the first, the smaller number.

    Rows that have joined another one meanwhile are left out.
    """
    from scipy.spatial import cKDTree

    if not len(rows):
        return
    tree = cKDTree(rows.centres)
    start = 0
    while start < len(rows):
        block = np.arange(start, min(start + _ROWS, len(rows)))
        start = int(block[-1]) + 1
        block = block[primaries[block] == block]
        if not len(block):
            continue
        # Boxes farther apart do not share enough.
        around = rows.centres[block], 2 * rows.radii[block]
        total = np.cumsum(tree.query_ball_point(*around, return_length=True))
        used = max(int(np.searchsorted(total, _PAIRS, side="right")), 1)
        if used < len(block):
            start = int(block[used])
        near = tree.query_ball_point(around[0][:used], around[1][:used])
        first = np.repeat(block[:used], list(map(len, near)))
        second = np.fromiter(chain.from_iterable(near), dtype=np.int64, count=len(first))
        wanted = (second > first) & (primaries[second] == second)
        wanted &= rows.fields[first] != rows.fields[second]
        if wanted.any():
            yield first[wanted], second[wanted]


def _number_equal_names(collected: _Collected, primaries: Integers) -> None:
    """Add a number to the names of objects of the same name, such as "-2"."""
    names = np.array(collected.names, dtype=np.bytes_)
    objects = np.flatnonzero(primaries == np.arange(len(primaries)))
    _, inverse, counts = np.unique(names[objects], return_inverse=True, return_counts=True)
    repeated = objects[counts[inverse] > 1]
    keys = np.repeat(np.array(collected.keys), collected.counts)
    seen: Counter[bytes] = Counter()
    for row in repeated[np.lexsort([repeated, keys[repeated]])].tolist():
        name = collected.names[row]
        seen[name] += 1
        if seen[name] > 1:
            collected.names[row] = name + b"-%d" % seen[name]
