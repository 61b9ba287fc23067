"""Irregular light: smooth random fields and clumps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Grid

__all__ = ["TILE", "clumps", "random_field", "sampled_field"]

Image = NDArray[np.float32]

TILE = 64
"""Period of `sampled_field`."""


def random_field(rng: np.random.Generator, shape: tuple[int, int], smoothing: float) -> Image:
    """Gaussian random field of mean 0 and variance 1, correlated over `smoothing` samples.

    The field is drawn coarsely and enlarged, so a wide smoothing costs no more than a narrow one.
    """
    step = max(1.0, smoothing / 2)
    rows, columns = (max(4, int(np.ceil(side / step)) + 2) for side in shape)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    coarse = cv2.GaussianBlur(coarse, (0, 0), max(smoothing / step, 0.6))
    fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return (fine - fine.mean()) / max(float(fine.std()), 1e-6)


def sampled_field(rng: np.random.Generator, u: Image, v: Image, smoothing: float) -> Image:
    """Periodic Gaussian random field, read at the coordinates (u, v), with period 64 in both."""
    tile = rng.standard_normal((TILE, TILE)).astype(np.float32)
    tile = np.asarray(cv2.GaussianBlur(np.tile(tile, (3, 3)), (0, 0), smoothing), np.float32)
    tile = tile[TILE : 2 * TILE, TILE : 2 * TILE]
    tile = np.pad((tile - tile.mean()) / tile.std(), ((0, 1), (0, 1)), mode="wrap")
    across, down = np.mod(u, np.float32(TILE)), np.mod(v, np.float32(TILE))
    return cv2.remap(tile, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def clumps(
    grid: Grid,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> Image:
    """Gaussian blobs, as flux per pixel on the samples of the grid.

    Parameters
    ----------
    grid : Grid
        Where to draw.
    x, y, sigma : ndarray
        Shape (N,): offsets from the grid's centre and widths, pixels. Widths are rounded to a few
        steps, so that all blobs of a step are blurred together.
    flux : ndarray
        Shape (N,): total of each blob; what falls off the grid is lost.
    """
    light = np.zeros_like(grid.x)
    if not len(x):
        return light
    samples = grid.oversampling
    columns = (x - float(grid.x[0, 0])) * samples
    rows = (y - float(grid.y[0, 0])) * samples
    steps = np.round(np.log(np.maximum(sigma, 1e-3)) / np.log(1.35)).astype(int)
    for step in np.unique(steps):
        chosen = steps == step
        layer = _dots(light.shape, columns[chosen], rows[chosen], flux[chosen] * samples**2)
        width = 1.35 ** float(step) * samples
        light += cv2.GaussianBlur(layer, (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    return light


def _dots(
    shape: tuple[int, ...],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> Image:
    """Points shared between the four nearest samples."""
    layer = np.zeros(shape, np.float32)
    left, top = np.floor(columns).astype(int), np.floor(rows).astype(int)
    across, down = columns - left, rows - top
    for dx, dy, weight in (
        (0, 0, (1 - across) * (1 - down)),
        (1, 0, across * (1 - down)),
        (0, 1, (1 - across) * down),
        (1, 1, across * down),
    ):
        inside = (left + dx >= 0) & (left + dx < shape[1]) & (top + dy >= 0) & (top + dy < shape[0])
        np.add.at(
            layer, (top[inside] + dy, left[inside] + dx), (weight * flux)[inside].astype(np.float32)
        )
    return layer
