"""Cells of a section of a band, with the level and noise of the sky in each."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .sky_steps import SkySection

__all__ = ["CellGrid", "Cells", "cell_grid", "measure_cells", "small_grid"]

_CELL, _SMALL_CELL = 32, 16  # pixels: least side of a cell
_LARGE = 256  # pixels: least side of a section with cells of the former
_BATCH = 2**21  # pixels sorted at a time
_CLIP = 3.0
_ROUNDS = 8
_LEAST_DATA = 0.25  # of a cell's pixels

Cells: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Level and noise of the cells of a grid; NaN for a cell with too few pixels."""


class CellGrid(NamedTuple):
    """Cells of a section: their number along y and x, and the height and width of one."""

    rows: int
    columns: int
    cell: tuple[int, int]


def cell_grid(section: SkySection) -> CellGrid:
    """Return the cells of a section on which its sky is measured first.

    Parameters
    ----------
    section : SkySection
        The section.
    """
    sides = section.bottom - section.top, section.right - section.left
    return _grid(section, _CELL if min(sides) >= _LARGE else _SMALL_CELL)


def small_grid(section: SkySection) -> CellGrid:
    """Return the cells of a section on which the waves of its sky are measured.

    Parameters
    ----------
    section : SkySection
        The section.
    """
    return _grid(section, _SMALL_CELL)


def _grid(section: SkySection, size: int) -> CellGrid:
    sides = section.bottom - section.top, section.right - section.left
    rows, columns = (max(1, side // size) for side in sides)
    return CellGrid(rows, columns, (sides[0] // rows, sides[1] // columns))


def measure_cells(band: NDArray[np.float32], bad: NDArray[np.bool_], grid: CellGrid) -> Cells:
    """Measure the level and noise of each cell.

    Parameters
    ----------
    band : ndarray of float32, shape (H, W)
        The pixels of the cells; what is left over at the lower and right edge does not count.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    grid : CellGrid
        The cells.
    """
    rows, columns, (high, wide) = grid
    pixels = np.where(bad, np.float32(np.nan), band)[: rows * high, : columns * wide]
    levels, noises = [], []
    step = max(1, _BATCH // (high * band.shape[1]))
    for start in range(0, rows, step):
        strip = pixels[start * high : (start + step) * high].reshape(-1, high, columns, wide)
        # Half of the pixels of a large cell, as on a chessboard, is enough.
        parts = [strip[:, side::2, :, side::2] for side in (0, 1)] if wide >= _CELL else [strip]
        cells = np.concatenate(
            [part.swapaxes(1, 2).reshape(len(strip) * columns, -1) for part in parts], axis=1
        )
        level, noise = _modes(np.sort(cells, axis=1))
        levels.append(level.reshape(-1, columns))
        noises.append(noise.reshape(-1, columns))
    return np.concatenate(levels), np.concatenate(noises)


def _modes(
    cells: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mode and noise of sorted pixels, cell by cell.

    As in `~galpipe.imaging.background.background`, with the mean of the middle half in place of
    the median, which in integer data would be an integer.
    """
    total = np.count_nonzero(np.isfinite(cells), axis=1)
    first, last = np.zeros_like(total), total.copy()
    for _ in range(_ROUNDS):
        middle = _at(cells, (first + last) // 2)
        # The darker side is free of sources.
        spread = np.maximum(middle - _at(cells, first + (last - first) * 159 // 1000), 1e-30)
        low, high = middle - _CLIP * spread, middle + _CLIP * spread
        fewer = _fewer(cells, low, np.less), _fewer(cells, high, np.less_equal)
        if (fewer[0] == first).all() and (fewer[1] == last).all():
            break
        first, last = fewer
    # Differences from the median keep their digits in float32.
    place = np.arange(cells.shape[1])
    with np.errstate(invalid="ignore"):
        rest = np.where(place < last[:, None], cells - middle[:, None], np.float32(0))
        rest[place < first[:, None]] = 0
    sums = _sums(rest)
    count = np.maximum(last - first, 1)
    mean = _at(sums, last) / count
    inner = first + (last - first) // 4, last - (last - first) // 4
    median = (_at(sums, inner[1]) - _at(sums, inner[0])) / np.maximum(inner[1] - inner[0], 1)
    squares = _sums(rest * rest)
    deviation = np.sqrt(np.maximum(_at(squares, last) / count - mean**2, 0))
    offset = np.where(np.abs(mean - median) > 0.3 * deviation, median, 2.5 * median - 1.5 * mean)
    darker = np.maximum(
        np.count_nonzero((rest <= offset[:, None]) & (place < last[:, None]), axis=1), first + 1
    )
    below = darker - first
    power = (_at(squares, darker) - 2 * offset * _at(sums, darker) + below * offset**2) / below
    unknown = total < _LEAST_DATA * cells.shape[1]
    level = np.where(unknown, np.nan, middle + offset)
    return level, np.where(unknown, np.nan, np.sqrt(np.maximum(power, 0)))


def _fewer(
    cells: NDArray[np.float32], limit: NDArray[np.float64], before: np.ufunc
) -> NDArray[np.intp]:
    """Return how many of the sorted pixels of each cell are before a limit, by bisection."""
    found = np.zeros(len(cells), np.intp)
    step = 1 << cells.shape[1].bit_length()
    while step := step // 2:
        further = found + step
        inside = (further <= cells.shape[1]) & before(_at(cells, further - 1), limit)
        found[inside] = further[inside]
    return found


def _sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sums of the first 0, 1, 2 ... values of each row."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _at(cells: NDArray[np.floating], place: NDArray[np.intp]) -> NDArray[np.float64]:
    inside = np.minimum(place, cells.shape[1] - 1)
    return np.take_along_axis(cells, inside[:, None], axis=1)[:, 0].astype(np.float64)
