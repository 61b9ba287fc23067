"""Kron apertures, and sums of pixels in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

from .shapes import Shape

__all__ = ["Aperture", "half_light_radius", "kron_aperture", "without_others"]

# The AUTO photometry of SExtractor: the aperture is 2.5 times the first radial moment of the light
# within six times the ellipse of the object, and at least 3.5 times the ellipse.
_KRON_FACTOR = 2.5
_KRON_SMALLEST = 3.5
_KRON_REACH = 6.0
# First radial moment of evenly lit pixels within that reach, 2/3 of it: noise alone exceeds it.
_KRON_LARGEST = 4.0

# Subpixels along each axis of a pixel that the edge of an aperture crosses.
_SUBPIXELS = 5


@dataclass(frozen=True)
class Aperture:
    """Elliptical aperture.

    Attributes
    ----------
    x, y : float
        Centre in pixels; 0 is the centre of the first pixel.
    a, b : float
        Semi-axes, pixels.
    theta : float
        Angle of the major axis from the x axis towards the y axis, radians, -pi/2 to pi/2.
    """

    x: float
    y: float
    a: float
    b: float
    theta: float

    def flux(
        self, light: NDArray[np.float32], noise: NDArray[np.float32], gain: float | None
    ) -> tuple[float, float]:
        """Return the sum of the pixels and its standard error.

        Parameters
        ----------
        light : ndarray of float32, shape (h, w)
            Image above the sky.
        noise : ndarray of float32, shape (h, w)
            Standard deviation of the sky noise.
        gain : float or None
            Electrons per unit, for the photon noise of the object; None if unknown.
        """
        total, error, _ = sep.sum_ellipse(
            light, *self._arguments(), err=noise, gain=gain, subpix=_SUBPIXELS
        )
        return float(total[0]), float(error[0])

    def share(self, mask: NDArray[np.bool_]) -> float:
        """Return the share of the aperture that a mask covers.

        Parameters
        ----------
        mask : ndarray of bool, shape (h, w)
            A mask.
        """
        inside = self.inside(mask.shape)
        return float(mask[inside].mean()) if inside.any() else 0.0

    def inside(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return the mask of the pixels whose centre is in the aperture.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the image.
        """
        y, x = np.ogrid[: shape[0], : shape[1]]
        cos, sin = np.cos(self.theta), np.sin(self.theta)
        along = ((x - self.x) * cos + (y - self.y) * sin) / self.a
        beside = ((y - self.y) * cos - (x - self.x) * sin) / self.b
        return np.asarray(along**2 + beside**2 <= 1)

    def extent(self) -> tuple[float, float]:
        """Return the half-widths of the aperture along x and y."""
        cos, sin = np.cos(self.theta), np.sin(self.theta)
        return (
            float(np.hypot(self.a * cos, self.b * sin)),
            float(np.hypot(self.a * sin, self.b * cos)),
        )

    def _arguments(self) -> tuple[list[float], ...]:
        return [self.x], [self.y], [self.a], [self.b], [self.theta]


def kron_aperture(light: NDArray[np.float32], shape: Shape) -> Aperture:
    """Return the Kron aperture of an object (Kron 1980, as in SExtractor).

    Parameters
    ----------
    light : ndarray of float32, shape (h, w)
        Image above the sky, without other objects.
    shape : Shape
        The object.
    """
    place = [shape.x], [shape.y], [shape.a], [shape.b], [shape.theta]
    radius, _ = sep.kron_radius(light, *place, _KRON_REACH)
    moment = min(float(np.nan_to_num(radius[0])), _KRON_LARGEST)
    factor = max(_KRON_FACTOR * moment, _KRON_SMALLEST)
    return Aperture(shape.x, shape.y, factor * shape.a, factor * shape.b, shape.theta)


def half_light_radius(light: NDArray[np.float32], aperture: Aperture, flux: float) -> float:
    """Return the radius of the circle that contains half of a flux.

    Parameters
    ----------
    light : ndarray of float32, shape (h, w)
        Image above the sky, without other objects.
    aperture : Aperture
        Aperture of the object; the circle is smaller than its major axis.
    flux : float
        Flux in the aperture.

    Returns
    -------
    float
        Pixels; NaN if the flux is not positive.
    """
    if not flux > 0:
        return float("nan")
    radius, _ = sep.flux_radius(
        light, [aperture.x], [aperture.y], [aperture.a], 0.5, normflux=[flux], subpix=_SUBPIXELS
    )
    return float(radius[0])


def without_others(
    light: NDArray[np.float32], others: NDArray[np.bool_], x: float, y: float
) -> NDArray[np.float32]:
    """Return an image in which other objects are replaced by the opposite side of the object.

    As in SExtractor (MASK_TYPE CORRECT), a pixel takes the value of the pixel opposite to the
    centre of the object; where that is masked too, it is left at the level of the sky.

    Parameters
    ----------
    light : ndarray of float32, shape (h, w)
        Image above the sky.
    others : ndarray of bool, shape (h, w)
        Pixels to replace.
    x, y : float
        Centre of the object; 0 is the centre of the first pixel.
    """
    if not others.any():
        return np.ascontiguousarray(light)
    filled = np.where(others, np.float32(0), light)
    rows, columns = np.nonzero(others)
    across, down = round(2 * x) - columns, round(2 * y) - rows
    height, width = light.shape
    known = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    rows, columns, across, down = (part[known] for part in (rows, columns, across, down))
    filled[rows, columns] = np.where(others[down, across], 0, light[down, across])
    return filled
