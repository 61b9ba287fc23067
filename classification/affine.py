"""Views by turning, shifting, shearing and zooming the crop of a run, with noise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..configs import AffineAugmentation
from .augment import draw

__all__ = ["affine_view", "pixel_deviation"]


def affine_view(
    rng: np.random.Generator,
    image: NDArray[np.uint8],
    box: ArrayLike,
    size: int,
    margin: float,
    settings: AffineAugmentation,
    deviation: float,
) -> NDArray[np.uint8]:
    """Return a random view of a galaxy, uint8 (size, size, 3).

    It is cut from the whole image at once, so that what a shift or turn brings in is the sky about
    the crop; beyond the image its nearest pixel is repeated.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    image : ndarray of uint8, shape (H, W, 3)
        Image.
    box : array_like, shape (4,)
        xmin, ymin, xmax, ymax of the galaxy in pixels.
    size : int
        Side of the view in pixels.
    margin : float
        Side of the crop over the longer side of the box.
    settings : AffineAugmentation
        How much of what.
    deviation : float
        Standard deviation of the data, which the noise is a fraction of.
    """
    xmin, ymin, xmax, ymax = np.asarray(box, np.float64)
    scale = size / (margin * max(xmax - xmin, ymax - ymin))
    width, height = rng.uniform(1 - settings.zoom, 1 + settings.zoom, 2)
    shear = rng.uniform(-settings.shear, settings.shear)
    linear = (
        scale
        * np.diag([width, height])
        @ np.array([[1, shear], [0, 1]])
        @ _turn(rng.uniform(-settings.rotation, settings.rotation))
        @ _symmetry(rng, settings.symmetry)
    )
    shift = rng.uniform(-1, 1, 2) * [settings.shift_x, settings.shift_y] * size
    view = draw(image, linear, ((xmin + xmax) / 2, (ymin + ymax) / 2), size, shift)
    if not settings.noise:
        return view
    # Up to the setting: with noise in every view, the sky of a real image would be news.
    strength = rng.uniform(0, settings.noise) * deviation
    noisy = view + rng.standard_normal(view.shape, dtype=np.float32) * np.float32(strength)
    return (np.clip(noisy, 0, 255) + 0.5).astype(np.uint8)


def pixel_deviation(images: Iterable[NDArray[np.uint8]]) -> float:
    """Return the standard deviation of all pixels of images of one size."""
    means, variances = np.transpose([(image.mean(), image.var()) for image in images])
    return float(np.sqrt(variances.mean() + means.var()))


def _turn(degrees: float) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _symmetry(rng: np.random.Generator, kind: str) -> NDArray[np.float64]:
    turns, mirrored = divmod(int(rng.integers(8)), 2)
    mirror = np.diag([1.0 - 2.0 * mirrored, 1.0])
    if kind == "square":
        return _turn(90.0 * turns) @ mirror
    return mirror if kind == "mirror" else np.eye(2)
