from __future__ import annotations

import cv2
import numpy as np
import pytest

from galpipe.simulation.camera import spectrum
from galpipe.simulation.surveys import SURVEYS, Survey


def shown(survey: Survey, light: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return survey.stretched(survey.observed(light, survey.pixel_scale, rng), rng)


@pytest.mark.parametrize("name", SURVEYS)
def test_empty_sky_has_the_level_and_noise_of_the_survey(name: str) -> None:
    survey = SURVEYS[name]
    levels = shown(survey, np.zeros((96, 96, 3), np.float32))

    assert np.median(levels, axis=(0, 1)) == pytest.approx(survey.sky, abs=1.5)
    assert 1 < levels.mean(axis=2).std() < 20


def test_deeper_surveys_have_less_noise() -> None:
    dark = np.zeros((64, 64, 3), np.float32)

    def noise(name: str) -> float:
        rng = np.random.default_rng(1)
        return float(SURVEYS[name].observed(dark, 0.396, rng)[..., 1].std())

    assert noise("kids") < noise("legacy") < noise("sdss")


def test_noise_per_pixel_falls_with_the_area_of_a_pixel() -> None:
    dark = np.zeros((64, 64, 3), np.float32)
    fine, coarse = (
        SURVEYS["sdss"].observed(dark, scale, np.random.default_rng(2)).std()
        for scale in (0.2, 0.4)
    )

    assert fine / coarse == pytest.approx(2, rel=1e-3)


def test_bright_red_light_keeps_its_colour_in_sdss_and_pales_in_legacy() -> None:
    light = np.full((32, 32, 3), 1, np.float32) * spectrum(0.9)

    def contrast(name: str) -> float:
        levels = np.clip(shown(SURVEYS[name], light * 30), 0, 255).mean(axis=(0, 1))
        return float((levels[0] - levels[2]) / levels[0])

    assert contrast("sdss") > 0.3
    assert contrast("legacy") < 0.25


def test_the_stretch_is_monotonic() -> None:
    light = np.geomspace(1e-3, 30, 64, dtype=np.float32).reshape(64, 1, 1) * spectrum(0.5)
    for survey in SURVEYS.values():
        mean = survey.stretched(light, np.random.default_rng(3)).mean(axis=2).ravel()
        unclipped = mean < 200
        assert (np.diff(mean)[unclipped[1:]] > 0).all()


def test_compressed_pictures_are_jpeg_files() -> None:
    rgb = np.zeros((48, 48, 3), np.uint8)
    rgb[..., 0] = 200
    data = SURVEYS["kids"].compressed(rgb, np.random.default_rng(0))

    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    assert data[:2] == b"\xff\xd8"
    # OpenCV reads blue, green, red.
    assert np.abs(read[..., ::-1].astype(int) - rgb).max() < 12
