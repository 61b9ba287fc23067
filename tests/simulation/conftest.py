"""Pictures of galaxies of known shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.imaging.background import extent, isophote, noise_level, smoothed_grey
from galpipe.simulation.galaxy_light import BOX_LEVEL


def _gaussian(shape: tuple[int, int], x: float, y: float, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / sigma**2)


def _picture(side: int, *spots: tuple[float, float, float, float], seed: int = 0) -> np.ndarray:
    """Sky at 5 with a noise of 2 and round spots: x, y, sigma and height each."""
    light = np.random.default_rng(seed).normal(5, 2, (side, side, 3))
    for x, y, sigma, height in spots:
        light += height * _gaussian((side, side), x, y, sigma)[:, :, None]
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def _annotate(rgb: np.ndarray, x: float, y: float, name: str = "one.png") -> AnnotatedImage:
    """Box the isophote about a place, as the annotated data were."""
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    near = (np.abs(columns - x) < 80) & (np.abs(rows - y) < 80)
    edges = extent(isophote(np.where(near, grey - sky, np.float32(0)), BOX_LEVEL * noise))
    return AnnotatedImage(name, *rgb.shape[1::-1], objects=(ObjectBox("galaxy", *edges),))


@pytest.fixture(scope="session")
def gaussian() -> Callable[..., np.ndarray]:
    return _gaussian


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    return _picture


@pytest.fixture(scope="session")
def annotate() -> Callable[..., AnnotatedImage]:
    return _annotate


@pytest.fixture(scope="session")
def cutout() -> tuple[np.ndarray, AnnotatedImage]:
    """A galaxy of 15 pixels (sigma), and a star beyond its outskirts."""
    rgb = _picture(240, (120, 110, 15, 120), (215, 30, 2, 200))
    return rgb, _annotate(rgb, 120, 110)
