from __future__ import annotations

import numpy as np
import pytest

from galpipe.imaging import Stretch, prepare_field, read_field
from galpipe.imaging.picture_sky import even_sky

SIZE = 320
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5
GALAXY = 120 * np.exp(-np.hypot(X - 160, Y - 160) / 8)
SKY = (10.0, 9, 8)


def picture(*lights: tuple[np.ndarray, tuple[float, float, float]]) -> np.ndarray:
    """Return a picture of light in three colours on a dark sky."""
    image = np.random.default_rng(4).normal(SKY, 3, (SIZE, SIZE, 3))
    for light, colour in lights:
        image += light[..., np.newaxis] * colour
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def sides(rgb: np.ndarray) -> np.ndarray:
    """Return the median colours of four strips along the sides of a picture."""
    strips = rgb[:40], rgb[-40:], rgb[:, :40], rgb[:, -40:]
    return np.array([np.median(strip.reshape(-1, 3), axis=0) for strip in strips])


WHITE = (1.0, 1.0, 1.0)
GLARE = 180 * np.exp(-np.hypot(X + 60, Y - 100) / 120)


@pytest.mark.parametrize(
    ("light", "colour"),
    [
        (GLARE, (1, 0.3, 0.1)),  # of a star beyond the edge
        (60 * X / SIZE, (0.1, 0.8, 0.2)),  # stray light
        (60 + 0 * X, WHITE),  # a bright sky
    ],
)
def test_the_sky_becomes_even_and_dark(light: np.ndarray, colour: tuple[float, ...]) -> None:
    rgb = picture((GALAXY, WHITE), (light, colour))
    searched = even_sky(rgb)
    assert searched.shape == rgb.shape
    assert searched.dtype == np.uint8
    assert np.ptp(sides(searched), axis=0).max() < 8
    assert sides(searched).max() < 22
    # The galaxy stands out as before.
    assert searched[160, 160].min() > 90


@pytest.mark.parametrize("scale", [8, 30, 90])
def test_a_picture_of_a_galaxy_is_unchanged(scale: float) -> None:
    rgb = picture((150 * np.exp(-np.hypot(X - 160, Y - 160) / scale), WHITE))
    assert even_sky(rgb) is rgb


@pytest.mark.parametrize("side", [16, 100])
def test_a_small_picture_is_unchanged(side: int) -> None:
    rgb = np.full((side, side, 3), 90, np.uint8)
    assert even_sky(rgb) is rgb


def test_a_picture_with_glare_is_searched_without_it_and_noted() -> None:
    rgb = picture((GALAXY, WHITE), (GLARE, (1, 0.3, 0.1)))
    prepared = prepare_field(read_field(rgb), Stretch())
    assert (prepared.rgb == rgb).all()
    assert (prepared.searched == even_sky(rgb)).all()
    assert any("glare" in note for note in prepared.quality.notes)


def test_an_ordinary_picture_is_searched_as_it_is() -> None:
    prepared = prepare_field(read_field(picture((GALAXY, WHITE))), Stretch())
    assert prepared.searched is prepared.rgb
    assert prepared.quality.notes == ()
