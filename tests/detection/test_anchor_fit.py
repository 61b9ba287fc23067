from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.statistics import BoxTable
from galpipe.configs import Anchors
from galpipe.detection.anchor_fit import boxes_on_tiles, fit, read_anchors, search_anchors
from galpipe.detection.predict import field_tiles
from galpipe.errors import BundleError, ConfigError
from galpipe.imaging import touches_inner_edge


def table(width: int, height: int, *boxes: tuple[float, ...], difficult: bool = False) -> BoxTable:
    objects = tuple(ObjectBox("galaxy", *edges, difficult=difficult) for edges in boxes)
    return BoxTable.gather([AnnotatedImage("a", width, height, 3, objects)])


def test_a_cutout_is_shrunk_to_the_input() -> None:
    boxes = boxes_on_tiles(table(400, 200, (0, 0, 400, 200), (100, 50, 120, 60)), 320)
    np.testing.assert_allclose(boxes, [[0, 0, 320, 160], [80, 40, 96, 48]])


def test_on_a_field_each_box_is_on_the_finest_tile_that_has_it_whole() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1000, (200, 2))
    sides = np.exp(rng.uniform(np.log(10), np.log(700), 200))[:, None]
    rows = np.minimum(np.hstack([corners, corners + sides]), [2000, 1300, 2000, 1300])
    placed = boxes_on_tiles(table(2000, 1300, *rows.tolist()), 320)
    tiles = field_tiles(2000, 1300, 320)
    for box, there in zip(rows, placed, strict=True):
        scale = (there[2] - there[0]) / (box[2] - box[0])
        whole = [
            tile
            for tile in tiles
            if not touches_inner_edge(tile, tile.from_field(box[None]), 2000, 1300)[0]
        ]
        finest = max(tile.scale for tile in whole)
        assert scale == pytest.approx(finest)
        assert any(np.allclose(tile.from_field(box[None])[0], there) for tile in whole)
        # up to half a tile it need not be shrunk
        assert sides.min() > 0
        if max(box[2:] - box[:2]) < 155:
            assert finest == 1


def test_what_does_not_count_is_left_out() -> None:
    assert len(boxes_on_tiles(table(400, 400, (5, 5, 20, 12)), 320, smallest=15)) == 1
    assert len(boxes_on_tiles(table(400, 400, (5, 5, 20, 12)), 320, smallest=16)) == 0
    assert len(boxes_on_tiles(table(400, 400, (5, 5, 9, 9), difficult=True), 320)) == 0
    assert len(boxes_on_tiles(table(400, 400, (9, 9, 5, 5)), 320)) == 0
    assert len(boxes_on_tiles(table(0, 0, (5, 5, 9, 9)), 320)) == 0
    many = table(400, 400, *[(5, 5, 30, 30)] * 11_000)
    assert len(boxes_on_tiles(many, 320)) == 10_000


def test_the_search_finds_anchors_of_the_boxes_own_shape() -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 200, (300, 2))
    sides = np.exp(rng.uniform(np.log(24), np.log(80), 300))[:, None] * np.array(
        [[5**0.5, 5**-0.5]]
    )
    boxes = np.hstack([corners, corners + sides])
    present = Anchors()
    before = fit(boxes, present, 320)
    better, after = search_anchors(boxes, present, 320)
    assert before.covered < 0.9
    assert after.covered > 0.97
    assert after == fit(boxes, better, 320)
    assert max(better.aspect_ratios) >= 2.5
    assert better.num_scales * len(better.aspect_ratios) <= 9
    assert (better.min_level, better.max_level) == (3, 6)


def test_anchors_that_fit_stay() -> None:
    anchors = Anchors(num_scales=1, aspect_ratios=(1.0,), anchor_size=4)
    boxes = np.array([[20.0, 20, 52, 52]])
    assert fit(boxes, anchors, 320).mean_iou == pytest.approx(1)
    assert search_anchors(boxes, anchors, 320)[0] == anchors


def test_anchors_of_a_preset_a_run_and_a_model(tmp_path: Path, tiny_detector_bundle: Path) -> None:
    anchors, size = read_anchors("configs/ssd_mobilenet.yaml")
    assert (anchors.anchor_size, size) == (2.25, 320)
    run = tmp_path / "run.yaml"
    run.write_text("detector: {train: {data: [], input_size: 384, anchors: {max_level: 7}}}")
    assert read_anchors(str(run)) == (Anchors(max_level=7), 384)
    assert read_anchors(str(tiny_detector_bundle))[1] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "does not configure"),
        ("detector: {model: ssd_mobilenet}", "does not configure"),
        ("input_size: 100", "multiple"),
        ("anchors: {size: 3}", "anchors: size is no key"),
    ],
)
def test_faulty_configurations_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_anchors(str(path))


def test_other_things_have_no_anchors(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        read_anchors(str(tmp_path / "nothing"))
