"""Sky level and noise of a section of a band, on a mesh of cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, label, maximum

from .background import background
from .sky_cells import CellGrid, Cells, cell_grid, measure_cells, small_grid
from .sky_steps import SkySection
from .sky_waves import has_waves, trend_of_waves

__all__ = ["SkyMesh", "measure_mesh", "mesh_of_cells"]

_CLIP = 3.0
_QUIET = 0.2  # quantile of the cells' noise that is the noise of the sky
_LEAST_NOISE = 0.3  # of the scatter of the pixels of a cell that has a slope
_LEAST_CELLS = 3  # along each side; a smaller section has one level
_ORDERS = (1, 2, 4)  # of the polynomials
# Scatter of the levels of the cells about the polynomial, in units of the noise.
_LEAST_SCATTER, _MOST_SCATTER = 0.05, 0.5
_START = 0.35  # the quantile that a fit starts from: sources are brighter than the sky
_NEARLY = 0.85  # of the cells: no higher order is needed
_BETTER = 0.25  # of the cells, that a higher order must gain
_LEAST_SKY = 0.4  # of the cells; with less there is no sky to fit
_FAINTEST = 0.1  # of the cells, which then give the level
_SOURCE = 0.3  # of the noise: a brighter region is a source, a fainter one structure of the sky
_LITTLE_SKY = 0.7  # of the cells; with less, the polynomial may have missed waves of the sky
_SMOOTHING, _FINE, _FINEST = 48.0, 14.0, 8.0  # pixels: standard deviation of a Gaussian
_UNEVEN = 0.25  # of the noise: scatter of the sky about its trend that asks for the finer one
_PRIOR = 0.02  # weight of the polynomial against the cells around


@dataclass(frozen=True, eq=False)
class SkyMesh:
    """Sky of a section.

    Attributes
    ----------
    section : SkySection
        Its place.
    cell : tuple of int
        Height and width of a cell, in pixels.
    levels, noises : ndarray of float32, shape (n + 2, m + 2)
        Level and noise at the centres of the cells, with one cell more beyond each edge.
    sky : ndarray of bool, shape (n, m)
        Cells without a source.
    """

    section: SkySection
    cell: tuple[int, int]
    levels: NDArray[np.float32]
    noises: NDArray[np.float32]
    sky: NDArray[np.bool_]

    def level(self, window: SkySection | None = None) -> NDArray[np.float32]:
        """Return the level at each pixel.

        Parameters
        ----------
        window : SkySection, optional
            Part of the section, in the coordinates of the band; by default all of it.
        """
        return self._pixels(self.levels, cv2.INTER_LINEAR, window)

    def noise(self, window: SkySection | None = None) -> NDArray[np.float32]:
        """Return the noise at each pixel.

        Parameters
        ----------
        window : SkySection, optional
            As in `level`.
        """
        return self._pixels(self.noises, cv2.INTER_LINEAR, window)

    def is_sky(self, window: SkySection | None = None) -> NDArray[np.bool_]:
        """Return True at each pixel of a cell without a source.

        Parameters
        ----------
        window : SkySection, optional
            As in `level`.
        """
        cells = np.pad(self.sky, 1, mode="edge").astype(np.uint8)
        return self._pixels(cells, cv2.INTER_NEAREST, window).astype(bool)

    def _pixels(
        self, mesh: NDArray[Any], interpolation: int, window: SkySection | None
    ) -> NDArray[Any]:
        top, bottom, left, right = window or self.section
        if (mesh == mesh[0, 0]).all():
            return np.full((bottom - top, right - left), mesh[0, 0])
        high, wide = self.cell
        # The first cell lies before the edge of the section.
        row, column = top - self.section.top + high, left - self.section.left + wide
        cells = []
        for start, length, cell, count in (
            (row, bottom - top, high, mesh.shape[0]),
            (column, right - left, wide, mesh.shape[1]),
        ):
            first = 0 if window is None else max(start // cell - 1, 0)
            last = count if window is None else min((start + length - 1) // cell + 2, count)
            cells.append(slice(first, last))
        part = np.ascontiguousarray(mesh[cells[0], cells[1]])
        size = part.shape[1] * wide, part.shape[0] * high
        whole = cv2.resize(part, size, interpolation=interpolation)
        row, column = row - cells[0].start * high, column - cells[1].start * wide
        return whole[row : row + bottom - top, column : column + right - left]


def measure_mesh(band: NDArray[np.float32], bad: NDArray[np.bool_], section: SkySection) -> SkyMesh:
    """Measure the sky of a section.

    The level of each cell is the mode of its pixels.  A polynomial follows the sky across sources:
    it is fitted to the cells without those that are brighter, and its order is the lowest that
    describes nearly all of them.  What remains is smoothed, the sources left out.  A galaxy thus
    keeps its light, and gradients, vignetting and fringes do not.  Where the sky is too wavy for a
    polynomial, a local median on smaller cells follows it.  If hardly any sky is left, as around a
    galaxy that fills the section, the faintest cells give one level.

    Parameters
    ----------
    band : ndarray of float32, shape (H, W)
        The whole band.
    bad : ndarray of bool, shape (H, W)
        Pixels without data.
    section : SkySection
    """
    pixels, missing = band[section.window], bad[section.window]

    def measure(grid: CellGrid) -> Cells:
        return measure_cells(pixels, missing, grid)

    return mesh_of_cells(section, measure, lambda: background(pixels, missing))


def mesh_of_cells(
    section: SkySection,
    measure: Callable[[CellGrid], Cells],
    constant: Callable[[], tuple[float, float]],
) -> SkyMesh:
    """Measure the sky of a section from its cells, as `measure_mesh` does.

    Parameters
    ----------
    section : SkySection
        The section.
    measure : callable
        Returns level and noise of the cells of a grid.
    constant : callable
        Returns level and noise of the section as a whole, where it has no cells.
    """
    grid = cell_grid(section)
    if min(grid.rows, grid.columns) < _LEAST_CELLS:
        return _constant(section, *constant())
    levels, noises = measure(grid)
    noises = _without_slope(levels, noises)
    known = np.isfinite(levels)
    # Light of galaxies varies within their cells.
    typical = float(np.quantile(noises[known], _QUIET)) if known.any() else 0.0
    if typical <= 0 or not np.isfinite(typical):
        return _constant(section, *constant())
    trend, sky = _fit_sky(levels, known, typical)
    wavy = (trend is None or sky.mean() < _LITTLE_SKY) and has_waves(levels, known, typical)
    if wavy:
        grid = small_grid(section)
        levels, noises = measure(grid)
        noises = _without_slope(levels, noises)
        trend, sky = trend_of_waves(levels, np.isfinite(levels))
    cell = grid.cell
    if trend is None:
        level = float(levels[sky].mean())
        smooth_levels: NDArray[Any] = np.full((grid.rows + 2, grid.columns + 2), level)
    else:
        rest = np.where(sky, levels - trend[1:-1, 1:-1], 0)
        uneven = float(np.sqrt(np.mean(rest[sky] ** 2))) > _UNEVEN * typical
        sigma = _FINEST if wavy else _FINE if uneven else _SMOOTHING
        smooth_levels = trend + np.pad(_smooth(rest, sky, cell, sigma, 0.0), 1, mode="edge")
    noise = float(np.median(noises[sky]))
    smooth_noises = np.maximum(
        _smooth(np.where(sky, noises, 0), sky, cell, _SMOOTHING, noise), 0.2 * noise
    )
    return SkyMesh(
        section,
        cell,
        smooth_levels.astype(np.float32),
        np.pad(smooth_noises, 1, mode="edge").astype(np.float32),
        sky,
    )


def _constant(section: SkySection, level: float, noise: float) -> SkyMesh:
    top, bottom, left, right = section
    mesh = np.ones((3, 3), dtype=np.float32)
    cell = bottom - top, right - left
    return SkyMesh(section, cell, mesh * level, mesh * noise, np.ones((1, 1), dtype=bool))


def _without_slope(levels: NDArray[np.float64], noises: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noises without the variance of a slope within each cell."""
    # A uniform distribution of width 1 has the variance 1 / 12.
    slopes = sum(np.nan_to_num(slope) ** 2 / 12 for slope in np.gradient(levels))
    return np.sqrt(np.maximum(noises**2 - slopes, (_LEAST_NOISE * noises) ** 2))


def _fit_sky(
    levels: NDArray[np.float64], known: NDArray[np.bool_], noise: float
) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
    """Return the trend of the sky, one cell beyond each edge, and the cells of sky.

    The trend is None if there is too little sky.
    """
    fits: list[tuple[NDArray[np.float64], float]] = []
    for order in _ORDERS:
        terms = _terms(levels.shape, order)
        if min(levels.shape) < order + 2 or known.sum() < 3 * terms.shape[2]:
            break
        fits.append(_fit(levels, known, noise, terms))
        if fits[-1][1] < 2 * _LEAST_SCATTER * noise and _share(levels, known, *fits[-1]) > _NEARLY:
            break
    scatter = min((fit[1] for fit in fits), default=0.0)
    best, best_share = None, 0.0
    for trend, _ in fits:
        share = _share(levels, known, trend, scatter)
        if best is None or share > best_share + _BETTER:
            best, best_share = trend, share
    if best is None or best_share < _LEAST_SKY:
        faint = np.quantile(levels[known], _FAINTEST)
        return None, known & (levels <= faint)
    excess = levels - best[1:-1, 1:-1]
    bright = known & (excess > _CLIP * scatter)
    regions, count = label(bright, np.ones((3, 3)))
    if count:
        numbers = np.arange(1, count + 1)
        peaks = np.asarray(maximum(excess, regions, numbers))
        source = np.isin(regions, numbers[peaks > max(_SOURCE * noise, _CLIP * scatter)])
        bright = binary_dilation(source, np.ones((3, 3), dtype=bool))
    sky = known & ~bright
    if not sky.any():
        return best, known & (np.abs(excess) < _CLIP * scatter)
    return best, sky


def _share(
    levels: NDArray[np.float64],
    known: NDArray[np.bool_],
    trend: NDArray[np.float64],
    scatter: float,
) -> float:
    """Return the share of the cells that a trend describes."""
    return float(np.mean(np.abs(levels - trend[1:-1, 1:-1])[known] < _CLIP * scatter))


def _terms(shape: tuple[int, ...], order: int) -> NDArray[np.float64]:
    """Return the terms of a polynomial at the cells and one cell beyond each edge."""
    y, x = (np.linspace(-1 - 1 / n, 1 + 1 / n, n + 2) for n in shape)
    return np.stack(
        [np.outer(y**j, x**i) for i in range(order + 1) for j in range(order + 1 - i)], axis=2
    )


def _fit(
    levels: NDArray[np.float64],
    known: NDArray[np.bool_],
    noise: float,
    terms: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """Fit a polynomial to the sky; return it and the scatter of the sky about it."""
    inner = terms[1:-1, 1:-1][known]
    values = levels[known]
    shift = float(np.median(values))
    values = values - shift
    weights = np.ones(len(values))
    least = _LEAST_SCATTER * noise
    for _ in range(12):
        residual = values - inner @ _solve(inner, values, weights)
        side = np.where(residual > 0, _START, 1 - _START)
        weights = side / np.maximum(np.abs(residual), least)
    scatter = _MOST_SCATTER * noise
    kept = np.zeros(len(values), dtype=bool)
    for _ in range(20):
        darker = residual[(residual < 0) & (residual > -2 * _CLIP * scatter)]
        scatter = float(np.sqrt(np.mean(darker**2))) if len(darker) else least
        scatter = min(max(scatter, least), _MOST_SCATTER * noise)
        within = np.abs(residual) < _CLIP * scatter
        if within.sum() < 2 * inner.shape[1] or (within == kept).all():
            break
        kept = within
        residual = values - inner @ _solve(inner[kept], values[kept], np.ones(kept.sum()))
    if kept.sum() >= 2 * inner.shape[1]:
        weights = kept.astype(float)
    coefficients = _solve(inner, values, weights)
    return terms @ coefficients + shift, scatter


def _solve(
    terms: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    weighted = terms * weights[:, None]
    found = np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=None)[0]
    return np.asarray(found, np.float64)


def _smooth(
    values: NDArray[np.float64],
    known: NDArray[np.bool_],
    cell: tuple[int, int],
    width: float,
    otherwise: float,
) -> NDArray[np.float64]:
    """Smooth a mesh over its known cells; far from them it tends to another value."""
    sigma = tuple(width / side for side in cell)
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="nearest")
    total = gaussian_filter(np.where(known, values, 0), sigma, mode="nearest")
    smooth: NDArray[np.float64] = (total + _PRIOR * otherwise) / (weight + _PRIOR)
    return smooth
