"""Augmentation: random views of a galaxy that vary framing, colours, seeing and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import SurveyAugmentation

__all__ = ["Framing", "frame", "jitter", "random_framing", "survey_view", "warp"]


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
    return warp(image, linear, (framing.x, framing.y), size, colour=sky.tolist())


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


def warp(
    image: NDArray[np.uint8],
    linear: NDArray[np.float64],
    centre: tuple[float, float],
    size: int,
    shift: ArrayLike = (0.0, 0.0),
    colour: Sequence[float] | None = None,
) -> NDArray[np.uint8]:
    """Resample an affine view of an image at twice the size, and average it down.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    linear : ndarray of float64, shape (2, 2)
        Maps offsets in the image to offsets in the view.
    centre : (float, float)
        x and y of the point of the image at the centre of the view.
    size : int
        Side of the view in pixels.
    shift : array_like, shape (2,)
        Offset of that point in pixels of the view.
    colour : sequence of float, optional
        Colour outside the image; by default that of the nearest pixel.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
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
