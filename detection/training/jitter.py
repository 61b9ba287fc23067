"""Change how a tile looks, not what is on it: other stretches, colours, noise and compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["jitter"]


def jitter(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the image as another stretch, camera or compression might have given it.

    Parameters
    ----------
    image : ndarray of uint8, shape (S, S, 3)
    rng : Generator
    """
    image = _recolour(image, rng)
    if rng.random() < 0.8:
        image = _restretch(image, rng)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.35:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.5, 5))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = int(rng.integers(50, 96))
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _recolour(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    kind = rng.random()
    if kind < 0.15:
        # One band, shown as grey: any mixture of the three.
        mixture = np.tile(rng.dirichlet([2.0, 2.0, 2.0]), (3, 1))
    elif kind < 0.7:
        saturation = rng.uniform(0.5, 1.4)
        mixture = saturation * np.eye(3) + (1 - saturation) / 3
    else:
        return image
    return cv2.transform(image, mixture)


def _restretch(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    exponent = rng.uniform(0.75, 1.25)
    sky = rng.uniform(-2, 14) if rng.random() < 0.4 else 0.0
    gains = np.exp(rng.uniform(np.log(0.7), np.log(1.5)) + rng.normal(0, 0.08, 3))
    levels = np.linspace(0, 1, 256)[:, np.newaxis] ** exponent
    table = np.clip(levels * gains * 255 + sky, 0, 255).round().astype(np.uint8)
    return cv2.LUT(image, table[np.newaxis])
