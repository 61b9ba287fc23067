"""Augmentation: random views of a galaxy that vary framing, geometry, colours and noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import AffineAugmentation, SurveyAugmentation

__all__ = [
    "AffineChange",
    "Framing",
    "affine_view",
    "all_changes",
    "changed_view",
    "frame",
    "jitter",
    "pixel_deviation",
    "random_change",
    "random_framing",
    "survey_view",
]

SYMMETRIES = {"none": 1, "mirror": 2, "square": 8}
"""Number of combinations of flips and quarter turns."""


@dataclass(frozen=True)
class Framing:
    """Square view of an image.

    Attributes
    ----------
    x, y : float
        Centre in pixels.
    side : float
        Side in pixels.
    turn : float
        Rotation in degrees.
    mirror : bool
        Mirror left and right.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0
    mirror: bool = False


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


def survey_view(
    rng: np.random.Generator,
    image: NDArray[np.uint8],
    box: ArrayLike,
    size: int,
    margin: float,
    settings: SurveyAugmentation,
) -> NDArray[np.uint8]:
    """Draw a random view of a galaxy with the framing and image quality of another survey.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    image : ndarray of uint8, shape (S, S, 3)
        RGB image.
    box : array_like, shape (4,)
        xmin, ymin, xmax, ymax of the galaxy: pixel edges, 0-based, half-open.
    size : int
        Side of the view in pixels.
    margin : float
        Ratio of the side of the crop to the longer side of the box at inference.
    settings : SurveyAugmentation
        Amounts of the changes.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    xmin, ymin, xmax, ymax = np.asarray(box, np.float64)
    framing = random_framing(
        rng,
        centre=((xmin + xmax) / 2, (ymin + ymax) / 2),
        extent=max(xmax - xmin, ymax - ymin),
        margin=margin,
        whole=image.shape[0],
    )
    return jitter(rng, frame(image, framing, size), settings)


def random_framing(
    rng: np.random.Generator,
    centre: tuple[float, float],
    extent: float,
    margin: float,
    whole: float,
) -> Framing:
    """Draw a random framing of a galaxy.

    With a probability of 2/3 the side is about ``margin * extent``, as in ``galpipe run``, with a
    scatter for the errors of detected boxes; otherwise it is up to the whole image, as in
    ``galpipe classify``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    centre : (float, float)
        x and y of the galaxy in pixels.
    extent : float
        Longer side of its box in pixels.
    margin : float
        Ratio of the side of the crop to the extent at inference.
    whole : float
        Side of the whole image in pixels.

    Returns
    -------
    Framing
    """
    usual = margin * extent
    if rng.random() < 2 / 3:
        side = usual * np.exp(rng.normal(0.0, 0.2))
    else:
        side = np.exp(rng.uniform(np.log(min(usual, whole)), np.log(1.1 * max(usual, whole))))
    shift = rng.normal(0.0, 0.04, 2) * side
    return Framing(
        x=centre[0] + shift[0],
        y=centre[1] + shift[1],
        side=float(side),
        turn=rng.uniform(0.0, 360.0),
        mirror=bool(rng.random() < 0.5),
    )


def frame(image: NDArray[np.uint8], framing: Framing, size: int) -> NDArray[np.uint8]:
    """Cut and resample a view of an image; outside, it has the median colour.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    framing : Framing
        The view.
    size : int
        Side of the result in pixels.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    scale = size / framing.side
    turn = np.deg2rad(framing.turn)
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[a, b], [-b, a]])
    if framing.mirror:
        linear[:, 0] *= -1.0
    sky = np.median(image.reshape(-1, 3)[::7], axis=0)
    return _warp(image, linear, (framing.x, framing.y), size, colour=sky.tolist())


def jitter(
    rng: np.random.Generator, image: NDArray[np.uint8], settings: SurveyAugmentation
) -> NDArray[np.uint8]:
    """Vary colour, contrast, sky level, seeing and noise of a crop.

    The ranges cover the differences between SDSS (dark sky, g,r,i), the Legacy Survey (grey sky,
    z,r,g, pale or no colours) and single bands in grey.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    settings : SurveyAugmentation
        Frequency and level of a grey sky.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    x = image.astype(np.float32) / 255.0
    if rng.random() < 0.4:
        x = np.asarray(cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 1.2))), np.float32)
    if rng.random() < 0.1:
        x = x[:, :, ::-1]
    grey = x.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.3, 1.5)
    x = grey + (x - grey) * np.float32(saturation)
    x = np.clip(x, 0.0, 1.0) ** np.float32(np.exp(rng.normal(0.0, 0.2)))
    gain = np.exp(rng.normal(0.0, 0.15) + rng.normal(0.0, 0.08, 3)).astype(np.float32)
    sky = (rng.normal(0.0, 0.03) + rng.normal(0.0, 0.01, 3)).astype(np.float32)
    if rng.random() < settings.grey_sky:
        sky += np.float32(rng.uniform(0.0, settings.greyest_sky))
    x = x * gain + sky
    if rng.random() < 0.5:
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        x = x + noise * np.float32(rng.uniform(0.0, 0.04))
    return np.asarray(np.clip(x, 0.0, 1.0) * 255.0 + 0.5, np.uint8)


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
    width, height = rng.uniform(1 - settings.zoom, 1 + settings.zoom, 2)
    x, y = rng.uniform(-1, 1, 2) * [settings.shift_x, settings.shift_y]
    return AffineChange(
        symmetry=int(rng.integers(8)) % SYMMETRIES[settings.symmetry],
        turn=rng.uniform(-settings.rotation, settings.rotation),
        shear=rng.uniform(-settings.shear, settings.shear),
        zoom=(width, height),
        shift=(x, y),
    )


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
    if any(getattr(settings, name) for name in continuous):
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
    return _warp(image, linear, ((xmin + xmax) / 2, (ymin + ymax) / 2), size, shift)


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


def _warp(
    image: NDArray[np.uint8],
    linear: NDArray[np.float64],
    centre: tuple[float, float],
    size: int,
    shift: ArrayLike = (0.0, 0.0),
    colour: Sequence[float] | None = None,
) -> NDArray[np.uint8]:
    """Resample an affine view of an image at twice the size, and average it down.

    `linear`, shape (2, 2), maps offsets in the image to offsets in the view; `centre` is the point
    x, y of the image at the centre of the view, and `shift` an offset in pixels of the view.
    Outside the image, pixels have `colour`, or the value of the nearest pixel.
    """
    matrix = np.empty((2, 3))
    matrix[:, :2] = 2 * linear
    # OpenCV's coordinates refer to pixel centres, those of this package to edges.
    middle = np.array([centre[0] - 0.5, centre[1] - 0.5])
    matrix[:, 2] = (2 * size - 1) / 2.0 - matrix[:, :2] @ middle + 2 * np.asarray(shift)
    warped = cv2.warpAffine(
        image,
        matrix,
        (2 * size, 2 * size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if colour is None else cv2.BORDER_CONSTANT,
        borderValue=colour or (0.0, 0.0, 0.0),
    )
    return cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _rotation(degrees: float) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
