"""Augmentation by affine transformations: random views of the crop of a galaxy, with noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import AffineAugmentation
from .augmentation import warp

__all__ = [
    "AffineChange",
    "affine_view",
    "all_changes",
    "changed_view",
    "pixel_deviation",
    "random_change",
]

SYMMETRIES = {"none": 1, "mirror": 2, "square": 8}
"""Number of combinations of flips and quarter turns."""

WIDEST_PART = 4 / 3
"""Largest ratio of the sides of a random part of a crop."""


@dataclass(frozen=True)
class AffineChange:
    """Affine transformation of a crop.

    Attributes
    ----------
    symmetry : int
        Number of the symmetry from 0: twice the quarter turns, plus 1 if mirrored first.
    turn : float
        Rotation in degrees.
    shear : float
        Shift of x per pixel of y.
    zoom : (float, float)
        Factors of width and height.
    shift : (float, float)
        Shifts of x and y as fractions of the view.
    """

    symmetry: int = 0
    turn: float = 0.0
    shear: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)


def affine_view(
    rng: np.random.Generator,
    image: NDArray[np.uint8],
    box: ArrayLike,
    size: int,
    margin: float,
    settings: AffineAugmentation,
    deviation: float,
) -> NDArray[np.uint8]:
    """Draw a random view of a galaxy by an affine transformation and noise.

    The view is resampled from the whole image, so that shifted and rotated views show the sky
    around the crop; outside the image, the nearest pixel is repeated.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    box : array_like, shape (4,)
        xmin, ymin, xmax, ymax of the galaxy: pixel edges, 0-based, half-open.
    size : int
        Side of the view in pixels.
    margin : float
        Ratio of the side of the crop to the longer side of the box.
    settings : AffineAugmentation
        Amounts of the changes.
    deviation : float
        Standard deviation of the data, the unit of the noise.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    view = changed_view(image, box, size, margin, random_change(rng, settings))
    if not settings.noise:
        return view
    # The noise varies up to the setting, so that the network also learns images without noise.
    strength = rng.uniform(0, settings.noise) * deviation
    noisy = view + rng.standard_normal(view.shape, dtype=np.float32) * np.float32(strength)
    return (np.clip(noisy, 0, 255) + 0.5).astype(np.uint8)


def random_change(rng: np.random.Generator, settings: AffineAugmentation) -> AffineChange:
    """Draw a random affine transformation.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    settings : AffineAugmentation
        Amounts of the changes.
    """
    zoom = rng.uniform(1 - settings.zoom, 1 + settings.zoom, 2)
    shift = rng.uniform(-1, 1, 2) * [settings.shift_x, settings.shift_y]
    symmetry = int(rng.integers(8)) % SYMMETRIES[settings.symmetry]
    turn = rng.uniform(-settings.rotation, settings.rotation)
    shear = rng.uniform(-settings.shear, settings.shear)
    if settings.resized_crop < 1:
        sides, place = _random_part(rng, settings.resized_crop)
        zoom, shift = zoom / sides, (shift - place) / sides
    return AffineChange(symmetry, turn, shear, (zoom[0], zoom[1]), (shift[0], shift[1]))


def _random_part(
    rng: np.random.Generator, smallest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the sides of a part of a crop, and the place of its centre, as fractions of the crop.

    As in torchvision's ``RandomResizedCrop``, except that the centre of the crop is in the part.
    """
    area = rng.uniform(smallest, 1)
    ratio = np.exp(rng.uniform(-1, 1) * np.log(WIDEST_PART))
    sides = np.minimum(np.sqrt([area * ratio, area / ratio]), 1.0)
    return sides, rng.uniform(-1, 1, 2) * np.minimum(1 - sides, sides) / 2


def all_changes(settings: AffineAugmentation) -> tuple[AffineChange, ...]:
    """Return all possible transformations, in the order of their symmetry.

    Parameters
    ----------
    settings : AffineAugmentation
        Amounts of the changes.

    Returns
    -------
    tuple of AffineChange
        Empty if their number is infinite.
    """
    continuous = ("rotation", "shift_x", "shift_y", "shear", "zoom", "noise")
    if settings.resized_crop < 1 or any(getattr(settings, name) for name in continuous):
        return ()
    return tuple(AffineChange(symmetry) for symmetry in range(SYMMETRIES[settings.symmetry]))


def changed_view(
    image: NDArray[np.uint8], box: ArrayLike, size: int, margin: float, change: AffineChange
) -> NDArray[np.uint8]:
    """Crop a galaxy after an affine transformation.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    box : array_like, shape (4,)
        xmin, ymin, xmax, ymax of the galaxy: pixel edges, 0-based, half-open.
    size : int
        Side of the result in pixels.
    margin : float
        Ratio of the side of the crop to the longer side of the box.
    change : AffineChange
        The transformation.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    xmin, ymin, xmax, ymax = np.asarray(box, np.float64)
    scale = size / (margin * max(xmax - xmin, ymax - ymin))
    turns, mirrored = divmod(change.symmetry, 2)
    linear = (
        scale
        * np.diag(change.zoom)
        @ np.array([[1, change.shear], [0, 1]])
        @ _rotation(change.turn)
        @ _rotation(90.0 * turns)
        @ np.diag([1.0 - 2.0 * mirrored, 1.0])
    )
    shift = np.multiply(change.shift, size)
    return warp(image, linear, ((xmin + xmax) / 2, (ymin + ymax) / 2), size, shift)


def pixel_deviation(images: Iterable[NDArray[np.uint8]]) -> float:
    """Compute the standard deviation of all pixels of images of one size.

    Parameters
    ----------
    images : iterable of ndarray of uint8, shape (H, W, 3)

    Examples
    --------
    >>> pixel_deviation([np.zeros((2, 2, 3)), np.full((2, 2, 3), 10.0)])
    5.0
    """
    means, variances = np.transpose([(image.mean(), image.var()) for image in images])
    return float(np.sqrt(variances.mean() + means.var()))


def _rotation(degrees: float) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
