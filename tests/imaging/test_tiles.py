from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from galpipe.imaging import Tile, cut_tiles, plan_tiles, surrounding_tile, touches_inner_edge

sides = st.integers(8, 2500)


@settings(max_examples=40)
@given(sides, sides, st.integers(0, 90), st.sampled_from([None, 4, 100]), st.data())
def test_an_object_not_larger_than_the_overlap_lies_whole_in_a_tile(
    width: int, height: int, overlap: int, step: int | None, data: st.DataObject
) -> None:
    tiles = plan_tiles(width, height, 100, overlap, step)
    for scale in {tile.scale for tile in tiles}:
        wide = data.draw(st.floats(0, min(overlap / scale, width)))
        high = data.draw(st.floats(0, min(overlap / scale, height)))
        x, y = data.draw(st.floats(0, width - wide)), data.draw(st.floats(0, height - high))
        box = np.array([[x, y, x + wide, y + high]])
        inside = [
            bool((seen > -1e-6).all() and (seen[0, 2:] - (tile.width, tile.height) < 1e-6).all())
            for tile in tiles
            if tile.scale == scale
            for seen in [tile.from_field(box)]
        ]
        assert any(inside)


@settings(max_examples=40)
@given(sides, sides, st.floats(0, 1), st.floats(0, 1))
def test_there_and_back(width: int, height: int, x: float, y: float) -> None:
    box = [[x * width, y * height, x * width + 3, y * height + 5]]
    for tile in plan_tiles(width, height, 320, 160):
        assert_allclose(tile.to_field(tile.from_field(box)), box, atol=1e-9)


@settings(max_examples=40)
@given(sides, sides)
def test_the_pyramid(width: int, height: int) -> None:
    tiles = plan_tiles(width, height, 320, 160)
    assert [tile.index for tile in tiles] == list(range(len(tiles)))
    last = tiles[-1]
    assert (last.x, last.y) == (0, 0)
    assert max(width, height) * last.scale <= 320 + 1e-9
    assert sum(tile.scale == last.scale for tile in tiles) == 1
    assert all((1 / tile.scale).is_integer() for tile in tiles[:-1])
    assert not touches_inner_edge(last, [[0, 0, 320, 320]], width, height).any()


def test_golden_plans() -> None:
    assert plan_tiles(69, 69, 320, 160) == [Tile(0, 1.0, 0, 0, 320, 320)]
    assert plan_tiles(424, 424, 320, 160) == [Tile(0, 320 / 424, 0, 0, 320, 320)]
    square = plan_tiles(480, 480, 320, 160)
    assert [(t.scale, t.x, t.y) for t in square[:4]] == [
        (1, 0, 0),
        (1, 160, 0),
        (1, 0, 160),
        (1, 160, 160),
    ]
    assert square[4].scale == pytest.approx(2 / 3)
    assert {t.scale for t in plan_tiles(700, 500, 320, 160)} == {1, 320 / 700}
    frame = plan_tiles(2048, 1489, 320, 160)
    assert sorted({t.scale for t in frame}) == [0.15625, 1 / 3, 1]
    with pytest.raises(ValueError, match="overlap"):
        plan_tiles(100, 100, 50, 50)


def test_golden_windows() -> None:
    def sizes(width: int, height: int) -> list[tuple[float, int, int]]:
        tiles = plan_tiles(width, height, 320, 160, 64)
        return [(tile.scale, tile.width, tile.height) for tile in tiles]

    # A field of up to one and a half tiles is searched as without windows.
    assert plan_tiles(424, 424, 320, 160, 64) == plan_tiles(424, 424, 320, 160)
    assert sizes(500, 300) == [(1, 512, 320), (320 / 500, 320, 320)]
    frame = [(1, 1984, 768)] * 2 + [(1 / 3, 704, 512), (320 / 1984, 320, 320)]
    assert sizes(1984, 1361) == frame


@settings(max_examples=40)
@given(st.integers(481, 40_000), st.integers(1, 40_000))
def test_windows_are_multiples_of_the_step_and_of_limited_size(width: int, height: int) -> None:
    tiles = plan_tiles(width, height, 320, 160, 64)
    assert all(tile.width % 64 == 0 and tile.height % 64 == 0 for tile in tiles)
    assert all(tile.width * tile.height <= 2**21 for tile in tiles)


def test_windows_never_search_more_pixels_than_squares() -> None:
    for width, height in ((640, 480), (1984, 1361), (2048, 1489), (5000, 700), (9000, 9000)):
        squares, windows = (plan_tiles(width, height, 320, 160, step) for step in (None, 64))
        searched = [sum(t.width * t.height for t in tiles) for tiles in (squares, windows)]
        assert searched[1] < searched[0]


@pytest.mark.parametrize("step", [None, 4])
def test_cut_tiles_show_what_they_say(step: int | None) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (230, 471, 3), dtype=np.uint8)
    for tile, pixels in cut_tiles(rgb, plan_tiles(471, 230, 100, 40, step)):
        assert pixels.shape == (tile.height, tile.width, 3)
        if tile.scale == 1:
            part = rgb[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            assert_array_equal(pixels[: part.shape[0], : part.shape[1]], part)
        elif tile.scale == 1 / 3:
            part = rgb[3 * tile.y :, 3 * tile.x :].astype(float)
            part = part[: 3 * tile.height, : 3 * tile.width]
            rows, columns = part.shape[0] // 3, part.shape[1] // 3
            part = part[: 3 * rows, : 3 * columns]
            means = part.reshape(rows, 3, columns, 3, 3).mean(axis=(1, 3))
            assert_allclose(pixels[:rows, :columns], means, atol=0.51)


def test_beyond_the_field_is_sky() -> None:
    rgb = np.full((40, 60, 3), (7, 8, 9), np.uint8)
    rgb[10:20, 10:20] = 255
    ((_, pixels),) = cut_tiles(rgb, plan_tiles(60, 40, 100, 50))
    assert_array_equal(pixels[:40, :60], rgb)
    assert (pixels[40:] == (7, 8, 9)).all()
    assert (pixels[:, 60:] == (7, 8, 9)).all()


def test_only_inner_edges_cut() -> None:
    boxes = [
        [0, 40, 20, 60],
        [80, 40, 100, 60],
        [40, 0, 60, 20],
        [40, 99, 60, 100],
        [40, 40, 60, 60],
    ]
    corner = Tile(0, 1.0, 0, 0, 100, 100)
    assert touches_inner_edge(corner, boxes, 300, 300).tolist() == [False, True, False, True, False]
    middle = Tile(0, 1.0, 100, 100, 100, 100)
    assert touches_inner_edge(middle, boxes, 300, 300).tolist() == [True] * 4 + [False]
    last = Tile(0, 0.5, 50, 50, 100, 100)
    assert touches_inner_edge(last, boxes, 300, 300).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(("width", "height"), [(300, 300), (2048, 1489), (90, 311), (400, 3)])
def test_surroundings_continue_the_field_and_fade(width: int, height: int) -> None:
    rgb = np.full((height, width, 3), (180, 120, 60), np.uint8)
    rgb[:, : width // 8] = 20
    tile = surrounding_tile(width, height, 160, 7)
    assert tile.index == 7
    assert tile.scale * max(width, height) == 80
    ((_, pixels),) = cut_tiles(rgb, [tile])
    assert pixels.shape == (160, 160, 3)
    left, top, right, bottom = np.round(tile.from_field([[0, 0, width, height]])[0]).astype(int)
    np.testing.assert_allclose(left + right, 160, atol=2)
    np.testing.assert_allclose(top + bottom, 160, atol=2)
    middle = (top + bottom) // 2
    assert pixels[middle, right - 2].tolist() == [180, 120, 60]
    # No step at the edge of the field, and sky far from it.
    outwards = pixels[middle, right - 1 :, 0].astype(int)
    assert np.diff(outwards).min() > -15
    assert (np.diff(outwards) <= 1).all()
    assert outwards[-1] < 80
    assert pixels[middle, 0].max() < 30
