"""Galaxies of known light on a sky of level 0 and noise 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.imaging import Field
from galpipe.imaging.field import Band
from galpipe.imaging.local_background import Background
from galpipe.imaging.sky_mesh import SkyMesh
from galpipe.imaging.sky_steps import SkySection


def flat_sky(
    shape: tuple[int, int],
    levels: tuple[float, ...] = (0.0, 0.0, 0.0),
    noises: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> Background:
    """Sky of the same level and noise everywhere."""
    section, cells = SkySection(0, shape[0], 0, shape[1]), np.ones((3, 3), np.float32)
    return Background(
        shape,
        [
            [SkyMesh(section, shape, level * cells, noise * cells, np.ones((1, 1), bool))]
            for level, noise in zip(levels, noises, strict=True)
        ],
    )


def gaussian(
    shape: tuple[int, int],
    x: float,
    y: float,
    a: float,
    b: float,
    theta: float = 0.0,
    flux: float = 1.0,
) -> np.ndarray:
    """Elliptical Gaussian of a total flux; theta in degrees from the x axis to the y axis."""
    down, across = np.mgrid[: shape[0], : shape[1]] - np.array([y, x])[:, None, None]
    cos, sin = np.cos(np.radians(theta)), np.sin(np.radians(theta))
    along, beside = across * cos + down * sin, down * cos - across * sin
    light = np.exp(-0.5 * ((along / a) ** 2 + (beside / b) ** 2))
    return (flux * light / (2 * np.pi * a * b)).astype(np.float32)


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.fixture
def make_field() -> Callable[..., Field]:
    def make(*planes: np.ndarray, bands: tuple[Band, ...] = (), **arguments: object) -> Field:
        pixels = np.stack(planes, axis=-1).astype(np.float32)
        bad = arguments.pop("bad", np.zeros(pixels.shape[:2], bool))
        return Field(pixels, "f", (), "0" * 64, bad, bands=bands, **arguments)

    return make
