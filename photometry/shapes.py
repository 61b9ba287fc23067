"""Shapes of objects: moments of their light, in the image and on the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..imaging import Field

__all__ = ["Shape", "measure_shape", "sky_jacobian"]

# Second moment of one uniformly lit pixel along an axis.
_PIXEL = 1 / 12


@dataclass(frozen=True)
class Shape:
    """Ellipse with the first and second moments of an object.

    Attributes
    ----------
    x, y : float
        Centre in pixels; 0 is the centre of the first pixel.
    a, b : float
        Semi-axes: standard deviations along the major and the minor axis, pixels.
    theta : float
        Angle of the major axis from the x axis towards the y axis, radians, -pi/2 to pi/2.
    """

    x: float
    y: float
    a: float
    b: float
    theta: float

    @property
    def moments(self) -> NDArray[np.float64]:
        """Second moments along x and y, shape (2, 2)."""
        cos, sin = np.cos(self.theta), np.sin(self.theta)
        turn = np.array([[cos, -sin], [sin, cos]])
        return np.asarray(turn @ np.diag([self.a**2, self.b**2]) @ turn.T)

    @classmethod
    def of_moments(cls, x: float, y: float, moments: NDArray[np.float64]) -> Shape:
        """Return the shape with given moments.

        Parameters
        ----------
        x, y : float
            Centre.
        moments : ndarray of float64, shape (2, 2)
            Second moments along x and y.
        """
        (xx, xy), (_, yy) = moments
        spread = np.hypot((xx - yy) / 2, xy)
        mean = (xx + yy) / 2
        theta = float(np.arctan2(2 * xy, xx - yy) / 2)
        return cls(x, y, float(np.sqrt(mean + spread)), float(np.sqrt(mean - spread)), theta)


def measure_shape(light: NDArray[np.float32], own: NDArray[np.bool_]) -> Shape | None:
    """Measure the shape of an object from the moments of its light.

    These are the isophotal moments of SExtractor (Bertin & Arnouts 1996): of the pixels above the
    detection threshold.

    Parameters
    ----------
    light : ndarray of float32, shape (h, w)
        Image above the sky.
    own : ndarray of bool, shape (h, w)
        Pixels of the object.

    Returns
    -------
    Shape or None
        None if the object has no light.
    """
    rows, columns = np.nonzero(own)
    weights = np.maximum(light[rows, columns], 0).astype(np.float64)
    total = weights.sum()
    if total <= 0:
        return None
    x, y = (weights * columns).sum() / total, (weights * rows).sum() / total
    across, down = columns - x, rows - y
    xy = (weights * across * down).sum() / total
    # The light of a pixel is spread over it.
    xx = (weights * across**2).sum() / total + _PIXEL
    yy = (weights * down**2).sum() / total + _PIXEL
    return Shape.of_moments(float(x), float(y), np.array([[xx, xy], [xy, yy]]))


def sky_jacobian(
    field: Field, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the steps on the sky of a step of one pixel along x and along y.

    Parameters
    ----------
    field : Field
        The field.
    x, y : ndarray of float64, shape (N,)
        Pixel-edge coordinates.

    Returns
    -------
    ndarray of float64, shape (N, 2, 2)
        At each point arcseconds to the north (first row) and to the east (second row), for a step
        along x (first column) and along y; NaN without a WCS.
    """
    across, down = np.array([x + 0.5, x - 0.5, x, x, x]), np.array([y, y, y + 0.5, y - 0.5, y])
    ra, dec = np.deg2rad(field.sky(across, down))
    points = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    ra, dec = ra[-1], dec[-1]
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    east = np.array([-np.sin(ra), np.cos(ra), np.zeros_like(ra)])
    # Axes: coordinates in space, along x or y, objects.
    steps = points[:, [0, 2]] - points[:, [1, 3]]
    jacobian = np.einsum("adn,dsn->nas", np.array([north, east]), steps)
    return np.asarray(np.rad2deg(jacobian) * 3600, np.float64)
