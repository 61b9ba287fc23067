"""Sampling grid of a galaxy, random fields and clumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TILE",
    "Grid",
    "clumps",
    "incline",
    "random_field",
    "sampled_field",
    "splat",
    "super_radius",
]

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Grid:
    """Sampling points around the centre of a galaxy.

    Attributes
    ----------
    x, y : ndarray
        Shape (size * oversampling, size * oversampling): offsets from the centre of the galaxy, in
        pixels of the field.
    size : int
        Side in pixels of the field.
    oversampling : int
        Samples per pixel along each axis.
    """

    x: Image
    y: Image
    size: int
    oversampling: int

    @classmethod
    def around(cls, size: int, oversampling: int, shift: tuple[float, float] = (0, 0)) -> Grid:
        """Return a grid whose middle is offset from the centre of the galaxy.

        Parameters
        ----------
        size : int
            Side in pixels of the field.
        oversampling : int
            Samples per pixel along each axis.
        shift : (float, float)
            Position of the galaxy relative to the middle of the grid, pixels.
        """
        samples = size * oversampling
        line = (np.arange(samples, dtype=np.float32) + 0.5) / oversampling - size / 2
        x, y = np.meshgrid(line - np.float32(shift[0]), line - np.float32(shift[1]))
        return cls(x.astype(np.float32), y.astype(np.float32), size, oversampling)

    def moved(self, x: float, y: float) -> Grid:
        """Return the grid around another centre.

        Parameters
        ----------
        x, y : float
            Offset of the new centre from this one, pixels.
        """
        return Grid(self.x - np.float32(x), self.y - np.float32(y), self.size, self.oversampling)

    def warped(self, dx: Image, dy: Image) -> Grid:
        """Return the grid with displaced samples, which distorts the light drawn on it.

        Parameters
        ----------
        dx, dy : ndarray of float32
            Pixels.
        """
        return Grid(self.x + dx, self.y + dy, self.size, self.oversampling)

    def turned(self, angle: float) -> tuple[Image, Image]:
        """Return the offsets along and across a direction.

        Parameters
        ----------
        angle : float
            Radians, from x towards y.
        """
        cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        return self.x * cosine + self.y * sine, self.y * cosine - self.x * sine

    def ellipse(self, axis_ratio: float, angle: float) -> Image:
        """Return the elliptical radius of each sample: its semi-major axis, pixels.

        Parameters
        ----------
        axis_ratio : float
            Minor over major axis.
        angle : float
            Direction of the major axis, radians from x towards y.
        """
        along, across = self.turned(angle)
        return self.softened(along, across / np.float32(axis_ratio))

    def softened(self, along: Image, across: Image) -> Image:
        """Return the lengths of vectors, softened by a third of a sample.

        The softening approximates the average of a cusp over a sample.

        Parameters
        ----------
        along, across : ndarray of float32
            Components, pixels.
        """
        floor = np.float32((0.33 / self.oversampling) ** 2)
        return np.sqrt(along * along + across * across + floor)

    def binned(self, light: Image) -> Image:
        """Return the mean of the samples in each pixel.

        Parameters
        ----------
        light : ndarray of float32, shape (samples, samples, bands)
        """
        if self.oversampling == 1:
            return light
        binned = cv2.resize(light, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(binned, np.float32)


def incline(grid: Grid, axis_ratio: float, angle: float) -> tuple[Image, Image]:
    """Return polar coordinates in the plane of a thin disc.

    Parameters
    ----------
    grid : Grid
        Samples on the sky.
    axis_ratio : float
        Cosine of the inclination.
    angle : float
        Direction of the line of nodes (radians).

    Returns
    -------
    radius, azimuth : ndarray
        Pixels and radians, in the plane of the disc; azimuth 0 is the line of nodes.
    """
    along, across = grid.turned(angle)
    across = across / np.float32(axis_ratio)
    return grid.softened(along, across), np.arctan2(across, along)


def super_radius(along: Image, across: Image, boxiness: float) -> Image:
    """Return the radius of a generalised ellipse.

    Parameters
    ----------
    along, across : ndarray of float32
        Offsets along the axes.
    boxiness : float
        Exponent: 2 for an ellipse, more for a boxy, less for a discy shape.
    """
    power = np.float32(boxiness)
    total = np.power(np.abs(along), power) + np.power(np.abs(across), power)
    return np.asarray(np.power(total, np.float32(1 / boxiness)), dtype=np.float32)


TILE = 64
"""Period of `sampled_field`."""


def random_field(rng: np.random.Generator, shape: tuple[int, int], smoothing: float) -> Image:
    """Draw a Gaussian random field of mean 0 and variance 1.

    The field is drawn on a coarse grid and enlarged, so that wide smoothing is fast.

    Parameters
    ----------
    rng : Generator
    shape : (int, int)
    smoothing : float
        Correlation length in samples.
    """
    step = max(1.0, smoothing / 2)
    rows, columns = (max(4, int(np.ceil(side / step)) + 2) for side in shape)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    smooth = cv2.GaussianBlur(coarse, (0, 0), max(smoothing / step, 0.6))
    fine = cv2.resize(smooth, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    noise: Image = (fine - fine.mean()) / max(float(fine.std()), 1e-6)
    return noise


def sampled_field(rng: np.random.Generator, u: Image, v: Image, smoothing: float) -> Image:
    """Draw a periodic Gaussian random field and interpolate it.

    Parameters
    ----------
    rng : Generator
    u, v : ndarray of float32
        Coordinates at which the field is sampled, with period `TILE`.
    smoothing : float
        Correlation length in units of the coordinates.
    """
    tile = rng.standard_normal((TILE, TILE)).astype(np.float32)
    tile = np.asarray(cv2.GaussianBlur(np.tile(tile, (3, 3)), (0, 0), smoothing), np.float32)
    tile = tile[TILE : 2 * TILE, TILE : 2 * TILE]
    tile = np.pad((tile - tile.mean()) / tile.std(), ((0, 1), (0, 1)), mode="wrap")
    across, down = np.mod(u, np.float32(TILE)), np.mod(v, np.float32(TILE))
    noise = cv2.remap(tile, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(noise, np.float32)


def clumps(
    grid: Grid,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> Image:
    """Draw Gaussian blobs, as flux per pixel on the samples of the grid.

    Parameters
    ----------
    grid : Grid
    x, y : ndarray of float64, shape (N,)
        Offsets from the centre, pixels.
    flux : ndarray of float64, shape (N,)
        Total flux of each blob; flux outside the grid is lost.
    sigma : ndarray of float64, shape (N,)
        Widths, pixels; rounded, so that blobs of similar width are convolved together.
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
        layer = splat(light.shape, columns[chosen], rows[chosen], flux[chosen] * samples**2)
        width = 1.35 ** float(step) * samples
        light += cv2.GaussianBlur(layer, (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    return light


def splat(
    shape: tuple[int, ...],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> Image:
    """Distribute the flux of points over the four nearest samples of an image.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` or ``(H, W, C)``.
    columns, rows : ndarray of float64, shape (N,)
        Positions; sample centres are whole numbers.
    flux : ndarray of float64, shape (N,) or (N, C)
        Flux outside the image is lost.

    Returns
    -------
    ndarray of float32
        Of the given shape.
    """
    image = np.zeros(shape, np.float32)
    left, top = np.floor(columns).astype(int), np.floor(rows).astype(int)
    across, down = columns - left, rows - top
    for dx, dy, weight in (
        (0, 0, (1 - across) * (1 - down)),
        (1, 0, across * (1 - down)),
        (0, 1, (1 - across) * down),
        (1, 1, across * down),
    ):
        x, y = left + dx, top + dy
        inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
        shares = flux * weight.reshape(-1, *[1] * (flux.ndim - 1))
        np.add.at(image, (y[inside], x[inside]), shares[inside].astype(np.float32))
    return image
