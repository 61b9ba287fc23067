"""Coverage of a run: the area of its fields as a multi-order coverage map (MOC)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..files.atomic import atomic_path
from ..imaging.footprints import are_outlines, unit_vectors
from .provenance import FieldRecord
from .results import Results

__all__ = ["COVERAGE_NAME", "require_coverage", "write_coverage"]

logger = logging.getLogger("galpipe")

COVERAGE_NAME = "coverage.moc.fits"
"""Name of the coverage in the output folder."""

_CELL = float(np.sqrt(np.pi / 3))  # radians: side of a cell of order 0
_CELLS = 32  # cells along the shorter side of a field, at least
_FINEST = 29  # the highest order of a MOC
_FIELDS = 1000  # fields that are joined at a time


def require_coverage() -> Any:
    """Return mocpy.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return require("mocpy", "sky")


def write_coverage(results: Results) -> None:
    """Write the coverage of a run, ``coverage.moc.fits``, if its plan asks for it.

    An earlier one is removed if it does not, or if no field has a place on the sky.

    Parameters
    ----------
    results : Results
        The results.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = results.folder / COVERAGE_NAME
    coverage = _coverage(results.fields()) if results.plan.coverage else None
    if coverage is None:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as beside:
        coverage.save(beside, format="fits", overwrite=True)


def _coverage(fields: Iterable[FieldRecord]) -> Any | None:
    """Return the union of the outlines of fields; None if none has a place on the sky.

    The cells of the map are at most 1/32 of the shorter side of their field.
    """
    moc = require_coverage().MOC
    total, left_out = moc.new_empty(0), 0
    remaining = iter(fields)
    while batch := list(islice(remaining, _FIELDS)):
        corners = [np.array(field.corners) for field in batch if field.corners]
        outlines = np.array(corners).reshape(-1, 4, 2)
        known = are_outlines(unit_vectors(outlines[..., 0], outlines[..., 1]))
        left_out += len(batch) - int(known.sum())
        for order, polygons in _by_order(outlines[known]):
            # Right ascensions and declinations of the first, those of the second, and so on.
            angles = list(np.swapaxes(polygons, 1, 2).reshape(-1, 4))
            total = total.union(*moc.from_polygons(angles, max_depth=order))
    if left_out:
        logger.warning(
            "%s is without %d of the fields, since their corners have no sky coordinates",
            COVERAGE_NAME,
            left_out,
        )
    return None if total.empty() else total


def _by_order(outlines: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield orders of the map, with the outlines (N, 4, 2) that need them."""
    groups: defaultdict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for outline in outlines:
        vectors = unit_vectors(outline[:, 0], outline[:, 1])
        side = np.linalg.norm(vectors - np.roll(vectors, 1, axis=0), axis=1).min()
        groups[min(max(ceil(log2(_CELL * _CELLS / side)), 0), _FINEST)].append(outline)
    for order, members in sorted(groups.items()):
        yield order, np.array(members)
