from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.errors import InputError
from galpipe.files.atomic import write_png
from galpipe.simulation import AnnotatedFolder
from galpipe.simulation.blank_sky import BlankSky


def frames(tmp_path: Path, rgb: np.ndarray, *boxes: ObjectBox) -> AnnotatedFolder:
    write_png(tmp_path / "images" / "one.png", rgb)
    annotated = AnnotatedImage("one.png", *rgb.shape[1::-1], objects=boxes)
    write_voc(tmp_path / "boxes" / "one.xml", annotated)
    return AnnotatedFolder(tmp_path / "images", tmp_path / "boxes")


def test_patches_avoid_boxes_and_bright_stars(
    tmp_path: Path, picture: Callable[..., np.ndarray]
) -> None:
    # A galaxy at the left is annotated; a star at the right is not.
    rgb = picture(200, (50, 100, 12, 100), (160, 100, 2, 200))
    folder = frames(tmp_path, rgb, ObjectBox("galaxy", 10, 50, 90, 150))
    sky = BlankSky(folder)
    for seed in range(12):
        patch = sky.patch(40, seed, np.random.default_rng(seed))
        assert patch.shape == (40, 40, 3)
        assert patch[10:-10, 10:-10].max() < 60
        assert patch.mean() < 15


def test_a_frame_without_room_is_refused(
    tmp_path: Path, picture: Callable[..., np.ndarray]
) -> None:
    sky = BlankSky(frames(tmp_path, picture(80), ObjectBox("galaxy", 20, 20, 60, 60)))
    for side in (60, 100):
        with pytest.raises(InputError, match="emptier frames"):
            sky.patch(side, 0, np.random.default_rng(0))
