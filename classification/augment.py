"""Random views of a galaxy: the same object under another sky, survey, seeing and framing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Framing", "frame", "jitter", "random_framing"]


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


def frame(image: np.ndarray, framing: Framing, size: int) -> np.ndarray:
    """Return the view of an image, uint8 (size, size, 3); outside the image lies its median colour.

    The view is drawn at twice the size and averaged down, so that a wide view is not aliased.
    """
    fine = 2 * size
    scale = fine / framing.side
    turn = np.deg2rad(framing.turn)
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[a, b, 0.0], [-b, a, 0.0]])
    if framing.mirror:
        matrix[:, 0] *= -1.0
    # OpenCV counts from pixel centres, this package from edges: hence the halves.
    centre = np.array([framing.x - 0.5, framing.y - 0.5])
    matrix[:, 2] = (fine - 1) / 2.0 - matrix[:, :2] @ centre
    sky = np.median(image.reshape(-1, 3)[::7], axis=0)
    drawn = cv2.warpAffine(
        image,
        matrix,
        (fine, fine),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=[float(value) for value in sky],
    )
    return cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA)


def jitter(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
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
    if rng.random() < 0.25:
        sky += np.float32(rng.uniform(0.0, 0.15))
    x = x * gain + sky
    if rng.random() < 0.5:
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        x = x + noise * np.float32(rng.uniform(0.0, 0.04))
    return (np.clip(x, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
