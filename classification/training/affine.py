"""Views by turning, shifting, shearing and zooming the crop of a run, with noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import AffineAugmentation
from .augment import draw

__all__ = [
    "Change",
    "affine_view",
    "all_changes",
    "changed_view",
    "pixel_deviation",
    "random_change",
]

SYMMETRIES = {"none": 1, "mirror": 2, "square": 8}
"""How many flips and quarter turns there are to draw from."""


@dataclass(frozen=True)
class Change:
    """What is done to the crop of a run, noise apart.

    Attributes
    ----------
    symmetry : int
        From 0; half of it are quarter turns, and the odd ones are mirrored first.
    turn : float
        Degrees.
    shear : float
        Shift of x for each pixel of y.
    zoom, shift : (float, float)
        Factor of width and height; shares of the view that x and y are shifted by.
    """

    symmetry: int = 0
    turn: float = 0.0
    shear: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)


def random_change(rng: np.random.Generator, settings: AffineAugmentation) -> Change:
    """Return a random change within the settings."""
    width, height = rng.uniform(1 - settings.zoom, 1 + settings.zoom, 2)
    x, y = rng.uniform(-1, 1, 2) * [settings.shift_x, settings.shift_y]
    return Change(
        symmetry=int(rng.integers(8)) % SYMMETRIES[settings.symmetry],
        turn=rng.uniform(-settings.rotation, settings.rotation),
        shear=rng.uniform(-settings.shear, settings.shear),
        zoom=(width, height),
        shift=(x, y),
    )


def all_changes(settings: AffineAugmentation) -> tuple[Change, ...]:
    """Return every change that the settings allow, by its symmetry; none where they are endless."""
    endless = ("rotation", "shift_x", "shift_y", "shear", "zoom", "noise")
    if any(getattr(settings, name) for name in endless):
        return ()
    return tuple(Change(symmetry) for symmetry in range(SYMMETRIES[settings.symmetry]))


def changed_view(
    image: NDArray[np.uint8], box: ArrayLike, size: int, margin: float, change: Change
) -> NDArray[np.uint8]:
    """Return a view of a galaxy, uint8 (size, size, 3); parameters as of :func:`affine_view`."""
    xmin, ymin, xmax, ymax = np.asarray(box, np.float64)
    scale = size / (margin * max(xmax - xmin, ymax - ymin))
    turns, mirrored = divmod(change.symmetry, 2)
    linear = (
        scale
        * np.diag(change.zoom)
        @ np.array([[1, change.shear], [0, 1]])
        @ _turn(change.turn)
        @ _turn(90.0 * turns)
        @ np.diag([1.0 - 2.0 * mirrored, 1.0])
    )
    shift = np.multiply(change.shift, size)
    return draw(image, linear, ((xmin + xmax) / 2, (ymin + ymax) / 2), size, shift)


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
    view = changed_view(image, box, size, margin, random_change(rng, settings))
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
