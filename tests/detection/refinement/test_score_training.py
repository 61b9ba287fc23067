"""The rescoring of a refinement: it learns from the light which boxes are right."""

from __future__ import annotations

import numpy as np
import pytest

from galpipe.detection.measure import Searched
from galpipe.detection.refinement.light_profile import measure_light_profile
from galpipe.detection.refinement.score_training import _verdicts, fit_rescoring
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.imaging import Detections
from galpipe.imaging.grey import smoothed_grey

SIDE = 96
PLACES = np.array([[24, 24], [72, 24], [24, 72], [72, 72]], dtype=float)


def field(seed: int) -> tuple[TrainingImage, Detections]:
    """Return two galaxies and two stars, all found with the scores of chance."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    grey = rng.normal(20, 2, (SIDE, SIDE))
    wide = rng.permutation([True, True, False, False])
    half = rng.uniform(9, 16, 4)
    for (x, y), is_galaxy, reach in zip(PLACES, wide, half, strict=True):
        width = reach / 2.2 if is_galaxy else 1.5
        peak = rng.uniform(80, 220)
        grey += peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    rgb = np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    boxes = np.hstack([PLACES - half[:, np.newaxis], PLACES + half[:, np.newaxis]])
    count = int(wide.sum())
    image = TrainingImage(
        f"{seed}.png", rgb, boxes[wide], np.zeros(count, int), np.zeros(count, bool), 0.0
    )
    return image, Detections(boxes, rng.uniform(0.2, 0.8, 4))


def searched(seeds: range) -> Searched:
    images, found = zip(*(field(seed) for seed in seeds), strict=True)
    return Searched(images, found, ("galaxy",))


def test_galaxies_of_other_pictures_gain_and_stars_lose() -> None:
    network = fit_rescoring(searched(range(40)), 0)
    assert network is not None
    for seed in range(100, 110):
        image, found = field(seed)
        evidence = network(measure_light_profile(smoothed_grey(image.rgb), found.boxes))[:, 0]
        right = _verdicts(image, found) > 0
        assert evidence[right].min() > 0.5
        assert evidence[~right].max() < -0.5


@pytest.mark.parametrize("seeds", [range(1), range(20)])
def test_too_few_boxes_teach_nothing(seeds: range) -> None:
    assert fit_rescoring(searched(seeds), 0) is None


def test_of_the_boxes_of_one_object_the_best_is_right() -> None:
    objects = np.array([[10.0, 10, 30, 30], [50, 50, 80, 80], [10, 60, 30, 80]])
    image = TrainingImage(
        "a.png",
        np.zeros((SIDE, SIDE, 3), np.uint8),
        objects,
        np.array([0, 0, 1]),
        np.array([False, True, False]),
        0.0,
    )
    boxes = np.vstack([objects, objects + 1, [[40, 0, 49, 9]]])
    found = Detections(
        boxes, np.array([0.5, 0.6, 0.7, 0.9, 0.8, 0.3, 0.4]), np.array([0, 0, 0, 0, 0, 1, 0])
    )
    # The first object has a better box; the second cannot be judged; the third is of another
    # class than its first box says.
    assert _verdicts(image, found).tolist() == [-1, 0, -1, 1, 0, 1, -1]
