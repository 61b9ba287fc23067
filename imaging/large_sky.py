"""The sky of a field of which windows are read, and the levels of its saturated pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .background import background as typical_level
from .field import Field
from .large_field import LargeField
from .local_background import Background
from .saturation import are_piled_up, pile_up_levels
from .sky_cells import CellGrid, Cells, cell_grid, measure_cells
from .sky_mesh import SkyMesh, mesh_of_cells
from .sky_steps import SkySection, divide

__all__ = ["LargeSky", "measure_background", "measure_large_sky"]

_LINES = 2**24  # pixels of the rows, and of the columns, that show steps of the sky
_SAMPLE = 2**22  # pixels of a section without cells


@dataclass(frozen=True, eq=False)
class LargeSky:
    """Sky of a field and counts of its pixels, measured in two passes.

    Attributes
    ----------
    background : Background
        Its sky.
    saturation : tuple of float or None
        Level of saturation of each band.
    saturated : int
        Number of saturated pixels.
    bad_counts : dict of str to int
        Number of bad pixels by cause.
    constant : bool
        All pixels of a band have one value.
    """

    background: Background
    saturation: tuple[float | None, ...]
    saturated: int
    bad_counts: dict[str, int]
    constant: bool


class _Lines:
    """Some rows and some columns of a field, which show where its sky has steps."""

    def __init__(self, large: LargeField) -> None:
        field = large.outline
        height, width, bands = field.pixels.shape
        most = max(_LINES // (bands * max(height, width)), 1)
        self.rows = np.unique(np.linspace(0, height - 1, min(most, height)).astype(int))
        self.columns = np.unique(np.linspace(0, width - 1, min(most, width)).astype(int))
        self._across = np.zeros((len(self.rows), width, bands), np.float32)
        self._down = np.zeros((len(self.columns), height, bands), np.float32)
        self._across_bad = np.zeros(self._across.shape[:2], bool)
        self._down_bad = np.zeros(self._down.shape[:2], bool)

    def add(self, strip: Field, top: int) -> None:
        """Take the lines of a strip of rows, the first of which is given."""
        bottom = top + strip.height
        inside = (self.rows >= top) & (self.rows < bottom)
        self._across[inside] = strip.pixels[self.rows[inside] - top]
        self._across_bad[inside] = strip.bad[self.rows[inside] - top]
        self._down[:, top:bottom] = strip.pixels[:, self.columns].swapaxes(0, 1)
        self._down_bad[:, top:bottom] = strip.bad[:, self.columns].T

    def sections(self, band: int, shape: tuple[int, ...]) -> list[SkySection]:
        """Divide a band at its steps."""

        def lines(section: SkySection, axis: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
            numbers = self.rows if axis else self.columns
            pixels, bad = (self._across, self._across_bad) if axis else (self._down, self._down_bad)
            top, bottom, left, right = section
            ends = (top, bottom, left, right) if axis else (left, right, top, bottom)
            inside = (numbers >= ends[0]) & (numbers < ends[1])
            along = slice(ends[2], ends[3])
            return pixels[inside, along, band], bad[inside, along]

        return divide(shape, lines)


def measure_large_sky(large: LargeField, sample: Field) -> LargeSky:
    """Measure the sky of a field in two passes over its rows.

    The first takes the lines that show the edges of amplifiers and CCDs, and finds the brightest
    pixel; the second measures the cells of the mesh, the same as in a field in memory, and counts
    bright and bad pixels.

    Parameters
    ----------
    large : LargeField
        A linear field.
    sample : Field
        Its sample, bad pixels marked.

    Returns
    -------
    LargeSky
    """
    shape = large.outline.bad.shape
    bands = range(large.outline.pixels.shape[2])
    lines = _Lines(large)
    darkest, brightest = np.full(len(bands), np.inf), np.full(len(bands), -np.inf)
    counts: Counter[str] = Counter()
    for window in large.strips():
        strip = large.window(*window)
        lines.add(strip, window[0].start)
        counts.update(strip.bad_counts)
        good = ~strip.bad[..., None]
        darkest = np.minimum(darkest, strip.pixels.min((0, 1), where=good, initial=np.inf))
        brightest = np.maximum(brightest, strip.pixels.max((0, 1), where=good, initial=-np.inf))
    sections = [lines.sections(band, shape) for band in bands]
    del lines
    limits = _limits(large.outline, sample, brightest)
    background, bright = _measure_background(large, sections, limits)
    levels, saturated = [], 0
    for band, (top, below) in enumerate(bright):
        level = large.outline.bands[band].saturation
        limit = limits[band]
        if limit is not None and level is None and are_piled_up(top, below):
            level = limit[0]
        levels.append(level)
        saturated = max(saturated, top if level is not None else 0)
    return LargeSky(
        background,
        tuple(levels),
        saturated,
        dict(counts),
        bool((darkest == brightest).all()),
    )


def measure_background(large: LargeField) -> Background:
    """Measure the sky of a field without steps, in one pass over its rows.

    Parameters
    ----------
    large : LargeField
        The field.
    """
    height, width, bands = large.outline.pixels.shape
    whole = SkySection(0, height, 0, width)
    found, _ = _measure_background(large, [[whole]] * bands, [])
    return found


def _measure_background(
    large: LargeField, sections: list[list[SkySection]], limits: list[_Limits]
) -> tuple[Background, list[tuple[int, int]]]:
    """Return the sky, and the number of pixels of each band above its limits."""
    bands = range(len(sections))
    grids = {(band, section): cell_grid(section) for band in bands for section in sections[band]}
    cells, bright = _measure(large, grids, limits)
    meshes = [
        [_mesh(large, band, section, cells[band, section]) for section in sections[band]]
        for band in bands
    ]
    return Background(large.outline.bad.shape, meshes), bright


_Limits = tuple[float, float] | None
_Grids = dict[tuple[int, SkySection], CellGrid]


def _limits(field: Field, sample: Field, brightest: NDArray[np.float64]) -> list[_Limits]:
    """Return the brightnesses from which the pixels of each band are counted."""
    found: list[_Limits] = []
    for number, band in enumerate(field.bands):
        values = sample.pixels[..., number][~sample.bad]
        if band.saturation is not None:
            found.append((band.saturation, band.saturation))
        elif values.size:
            found.append(pile_up_levels(values, float(brightest[number])))
        else:
            found.append(None)
    return found


def _measure(
    large: LargeField, grids: _Grids, limits: list[_Limits]
) -> tuple[dict[tuple[int, SkySection], Cells], list[tuple[int, int]]]:
    """Measure cells, and count bright pixels, in one pass over the rows."""
    parts: dict[tuple[int, SkySection], list[Cells]] = {place: [] for place in grids}
    bright = np.zeros((len(limits), 2), np.int64)
    height = large.outline.height
    highest = max((grid.cell[0] for grid in grids.values()), default=0)
    for rows, columns in large.strips():
        # The cells that begin in the strip may end below it.
        field = large.window(slice(rows.start, min(rows.stop + highest, height)), columns)
        for (band, section), grid in grids.items():
            high = grid.cell[0]
            first, last = (
                min(max(-(-(row - section.top) // high), 0), grid.rows)
                for row in (rows.start, rows.stop)
            )
            if first < last:
                top = section.top + first * high - rows.start
                window = slice(top, top + (last - first) * high), slice(section.left, section.right)
                pixels = np.ascontiguousarray(field.pixels[(*window, band)])
                part = CellGrid(last - first, grid.columns, grid.cell)
                parts[band, section].append(measure_cells(pixels, field.bad[window], part))
        own = slice(0, rows.stop - rows.start)
        good = ~field.bad[own]
        for band, limit in enumerate(limits):
            for place, level in enumerate(limit or ()):
                bright[band, place] += np.count_nonzero(
                    (field.pixels[own, :, band] >= level) & good
                )
    cells = {
        place: (
            np.concatenate([one[0] for one in found]),
            np.concatenate([one[1] for one in found]),
        )
        for place, found in parts.items()
    }
    return cells, [(int(top), int(below)) for top, below in bright]


def _mesh(large: LargeField, band: int, section: SkySection, cells: Cells) -> SkyMesh:
    def measure(grid: CellGrid) -> Cells:
        if grid == cell_grid(section):
            return cells
        # Waves of the sky need smaller cells, and a pass of their own.
        again, _ = _measure(large, {(band, section): grid}, [])
        return again[band, section]

    def constant() -> tuple[float, float]:
        pixels, bad = _thinned(large, band, section)
        return typical_level(pixels, bad)

    return mesh_of_cells(section, measure, constant)


def _thinned(
    large: LargeField, band: int, section: SkySection
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return some rows of a section."""
    columns = slice(section.left, section.right)
    most = max(_SAMPLE // (section.right - section.left), 1)
    height = section.bottom - section.top
    numbers = np.unique(np.linspace(section.top, section.bottom - 1, min(most, height)).astype(int))
    pixels, bad = [], []
    for rows, _ in large.strips():
        inside = numbers[(numbers >= rows.start) & (numbers < rows.stop)]
        if len(inside):
            strip = large.window(rows, columns)
            pixels.append(strip.pixels[inside - rows.start, :, band])
            bad.append(strip.bad[inside - rows.start])
    return np.concatenate(pixels), np.concatenate(bad)
