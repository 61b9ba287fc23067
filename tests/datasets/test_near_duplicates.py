from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from galpipe.datasets.near_duplicates import find_near_duplicates
from galpipe.errors import InputError

SIDE = 160


def sky(seed: int) -> NDArray[np.uint8]:
    """Picture of an elliptical among stars: all have the same bright blob in the middle."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    light = 200 * np.exp(-np.hypot(x - SIDE / 2, y - SIDE / 2) / 9)
    for _ in range(12):
        x0, y0 = random.uniform(25, SIDE - 25, 2)
        light += random.uniform(40, 200) * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8)
    light += random.normal(6, 3, light.shape)
    return np.clip(light, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(8):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), sky(seed))
    return tmp_path


CHANGES = {
    "copy": lambda p: p,
    "darker": lambda p: (p * 0.6).astype(np.uint8),
    "brighter": lambda p: np.clip(p * 1.4, 0, 255).astype(np.uint8),
    "cropped": lambda p: p[12:-12, 12:-12],
    "smaller": lambda p: cv2.resize(p, (80, 80), interpolation=cv2.INTER_AREA),
    "coloured": lambda p: np.dstack([p, p, (p * 0.9).astype(np.uint8)]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_the_only_near_duplicate(folder: Path, change: str) -> None:
    cv2.imwrite(str(folder / "copy.jpg"), CHANGES[change](sky(3)))
    paths = sorted(folder.iterdir())
    assert find_near_duplicates(paths) == [(3, 8)]


def test_different_galaxies_are_no_near_duplicates(folder: Path) -> None:
    assert find_near_duplicates(sorted(folder.iterdir())) == []


def test_even_pictures_are_no_near_duplicates(tmp_path: Path) -> None:
    for value in (0, 90, 255):
        cv2.imwrite(str(tmp_path / f"{value}.png"), np.full((50, 60), value, np.uint8))
    assert find_near_duplicates(sorted(tmp_path.iterdir())) == []


def test_no_pictures_have_no_near_duplicates() -> None:
    assert find_near_duplicates([]) == []


def test_an_unreadable_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(InputError, match=r"a\.jpg"):
        find_near_duplicates([tmp_path / "a.jpg"])


def test_the_same_objects_of_two_campaigns_are_near_duplicates(galpipe_data: Path) -> None:
    # The seven galaxies that Galaxy Zoo 1 and 2 share, by SDSS identifier; other scales and sizes.
    shared = {
        "587736916220182838": "100577",
        "587739505549115494": "130484",
        "587745539447390447": "188380",
        "588010879835373685": "198530",
        "588013382208651420": "203638",
        "588297864731164766": "240155",
        "587733398652125276": "253318",
    }
    first = [galpipe_data / "gz1" / "images" / f"{name}.jpg" for name in shared]
    second = [galpipe_data / "gz2" / "images" / f"{name}.jpg" for name in shared.values()]
    others = sorted((galpipe_data / "gz2" / "images").iterdir())[:150]
    others = [path for path in others if path not in second]
    assert find_near_duplicates([*first, *second, *others]) == [(k, k + 7) for k in range(7)]
