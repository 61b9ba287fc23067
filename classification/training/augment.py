"""Random views of a galaxy: the same object under another sky, survey, seeing and framing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...configs import SurveyAugmentation

__all__ = ["Framing", "draw", "frame", "jitter", "random_framing", "survey_view"]


@dataclass(frozen=True)
class Framing:
    """A square view of an image: centre and side in pixels, turn in degrees, mirrored or not."""

    x: float
    y: float
    side: float
    turn: float = 0.0
    mirror: bool = False


def random_framing(
    rng: np.random.Generator,
    centre: tuple[float, float],
    extent: float,
    margin: float,
    whole: float,
) -> Framing:
    """Return a random view about a galaxy.

    Two times in three the side is about ``margin`` times the galaxy's extent, as ``galpipe run``
    crops it, blurred by the error of a detected box; else anything up to the ``whole`` image, as
    ``galpipe classify`` is given cutouts.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    centre : (float, float)
        x and y of the galaxy in pixels.
    extent : float
        Longer side of its box in pixels.
    margin : float
        Side of the crop at run time over the extent.
    whole : float
        Side of the whole image in pixels.
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
    """Return the view of an image, uint8 (size, size, 3); outside the image lies its median colour.

    The view is drawn at twice the size and averaged down, so that a wide view is not aliased.
    """
    scale = size / framing.side
    turn = np.deg2rad(framing.turn)
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[a, b], [-b, a]])
    if framing.mirror:
        linear[:, 0] *= -1.0
    sky = np.median(image.reshape(-1, 3)[::7], axis=0)
    return draw(image, linear, (framing.x, framing.y), size, colour=sky.tolist())


def draw(
    image: NDArray[np.uint8],
    linear: NDArray[np.float64],
    centre: tuple[float, float],
    size: int,
    shift: ArrayLike = (0.0, 0.0),
    colour: Sequence[float] | None = None,
) -> NDArray[np.uint8]:
    """Return an affine view of an image, uint8 (size, size, 3), drawn finely and averaged down.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        Image.
    linear : ndarray of float, shape (2, 2)
        Takes a step in the image, in pixels, to one in the view.
    centre : (float, float)
        x and y of what comes to the middle of the view, in pixels of the image.
    size : int
        Side of the view in pixels.
    shift : (float, float)
        Pixels of the view by which it then lies off the middle.
    colour : sequence of float, optional
        What lies outside the image; without it the nearest pixel is repeated.
    """
    matrix = np.empty((2, 3))
    matrix[:, :2] = 2 * linear
    # OpenCV counts from pixel centres, this package from edges: hence the halves.
    middle = np.array([centre[0] - 0.5, centre[1] - 0.5])
    matrix[:, 2] = (2 * size - 1) / 2.0 - matrix[:, :2] @ middle + 2 * np.asarray(shift)
    drawn = cv2.warpAffine(
        image,
        matrix,
        (2 * size, 2 * size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if colour is None else cv2.BORDER_CONSTANT,
        borderValue=colour or (0.0, 0.0, 0.0),
    )
    return cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def survey_view(
    rng: np.random.Generator,
    image: NDArray[np.uint8],
    box: ArrayLike,
    size: int,
    margin: float,
    settings: SurveyAugmentation,
) -> NDArray[np.uint8]:
    """Return a random view of a galaxy, uint8 (size, size, 3): another framing, another survey.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    image : ndarray of uint8, shape (S, S, 3)
        Image.
    box : array_like, shape (4,)
        xmin, ymin, xmax, ymax of the galaxy in pixels.
    size : int
        Side of the view in pixels.
    margin : float
        Side of the crop at run time over the longer side of the box.
    settings : SurveyAugmentation
        How often the sky is grey, and how grey.
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


def jitter(
    rng: np.random.Generator, image: NDArray[np.uint8], settings: SurveyAugmentation
) -> NDArray[np.uint8]:
    """Return a crop as another survey might show it: colour, contrast, sky level, seeing and noise.

    The widths cover the step from SDSS (dark sky, g,r,i) to the Legacy Survey (grey sky, z,r,g,
    paler or no colour) and to a single band shown grey.
    """
    x = image.astype(np.float32) / 255.0
    if rng.random() < 0.4:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 1.2)))
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
    return (np.clip(x, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
