"""The small plane on which one galaxy is drawn, finer than the pixels of the field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Grid", "incline", "super_radius"]

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Grid:
    """Sample points around the centre of a galaxy.

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
        """Plane of `size` pixels, whose middle lies `shift` pixels (x, y) before the centre."""
        samples = size * oversampling
        line = (np.arange(samples, dtype=np.float32) + 0.5) / oversampling - size / 2
        x, y = np.meshgrid(line - np.float32(shift[0]), line - np.float32(shift[1]))
        return cls(x.astype(np.float32), y.astype(np.float32), size, oversampling)

    def moved(self, x: float, y: float) -> Grid:
        """Return the same plane as seen from another centre, at (x, y) pixels from this one."""
        return Grid(self.x - np.float32(x), self.y - np.float32(y), self.size, self.oversampling)

    def warped(self, dx: Image, dy: Image) -> Grid:
        """Return the plane with each sample shifted, which bends what is drawn on it."""
        return Grid(self.x + dx, self.y + dy, self.size, self.oversampling)

    def turned(self, angle: float) -> tuple[Image, Image]:
        """Offsets along and across a direction (radians, from x towards y)."""
        cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        return self.x * cosine + self.y * sine, self.y * cosine - self.x * sine

    def ellipse(self, axis_ratio: float, angle: float) -> Image:
        """Elliptical radius (semi-major axis, pixels) of each sample."""
        along, across = self.turned(angle)
        return self.softened(along, across / np.float32(axis_ratio))

    def softened(self, along: Image, across: Image) -> Image:
        """Length of the vectors, with a floor of a third of a sample.

        The floor stands in for averaging a cusp over its sample.
        """
        floor = np.float32((0.33 / self.oversampling) ** 2)
        return np.sqrt(along * along + across * across + floor)

    def binned(self, light: Image) -> Image:
        """Mean of the samples in each pixel; `light` has shape (samples, samples, bands)."""
        if self.oversampling == 1:
            return light
        return cv2.resize(light, (self.size, self.size), interpolation=cv2.INTER_AREA)


def incline(grid: Grid, axis_ratio: float, angle: float) -> tuple[Image, Image]:
    """Polar coordinates in the plane of a thin disc.

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
    """Radius of a generalised ellipse: 2 is an ellipse, above 2 boxy, below 2 discy."""
    power = np.float32(boxiness)
    total = np.power(np.abs(along), power) + np.power(np.abs(across), power)
    return np.asarray(np.power(total, np.float32(1 / boxiness)), dtype=np.float32)
