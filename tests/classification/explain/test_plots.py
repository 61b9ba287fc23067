from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.explain.plots import (
    HeatPanel,
    channel_sheet,
    colour_map,
    filter_sheet,
    heat_sheet,
    strongest,
)

from .networks import SIDE, colour_network, explained, red_and_green

pytestmark = pytest.mark.tensorflow


def test_brighter_is_more() -> None:
    colours = colour_map(np.linspace(-0.5, 1.5, 9)).astype(float).reshape(-1, 3)
    light = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light[2:7]) > 0).all()
    np.testing.assert_array_equal(colours[0], colours[2])
    np.testing.assert_array_equal(colours[8], colours[6])


def test_the_heat_is_where_the_map_has_it() -> None:
    crop = np.full((23, 23, 3), 90, np.uint8)
    heat = np.zeros((23, 23), np.float32)
    heat[:8, 15:] = 1
    given = np.array([0.1, 0.7, 0.05, 0.05, 0.1], np.float32)
    panel = HeatPanel("network", {"one": heat, "other": heat[::-1]}, given)
    sheet = heat_sheet(crop, [panel], ["a", "b", "c", "d", "e"], 2, "crop")
    left, top = sheet.shape[1] // 2, sheet.shape[0]
    light = sheet[:, left:].astype(float).mean(axis=2)
    first, second = light[30 : top // 2 - 30], light[top // 2 + 20 : top - 120]
    assert first[:60, -60:-20].mean() > first[-80:-40, -60:-20].mean() + 30
    assert second[-80:-40, -60:-20].mean() > second[:60, -60:-20].mean() + 30


def test_channels_share_one_scale() -> None:
    response = np.zeros((4, 4, 3), np.float32)
    response[..., 1], response[..., 2] = 1, 2
    sheet = channel_sheet(response, [2, 1], "layer")
    cells = sheet[-100:-60]
    for colour in colour_map(np.array([0.0, 1.0])).reshape(-1, 3):
        assert (cells == colour).all(axis=2).any()
    empty = channel_sheet(np.zeros((4, 4, 2), np.float32), [0], "layer")
    assert empty.dtype == np.uint8


def test_patterns_stand_side_by_side() -> None:
    patterns = np.stack([np.full((16, 16, 3), value, np.uint8) for value in (0, 128, 255)])
    one, three = filter_sheet(patterns[:1], [5], "layer"), filter_sheet(patterns, [5, 6, 7], "x")
    assert one.shape == three.shape
    assert (three == 255).all(axis=2).sum() > 100 * 100


def test_strongest_channels() -> None:
    [(given,)] = explained(colour_network()).outputs(red_and_green()[1:], ["convolution"])
    assert given.shape == (SIDE, SIDE, 2)
    np.testing.assert_allclose(given[3, 4], [0.9, 0], atol=1e-6)
    np.testing.assert_allclose(given[9, 9], [0, 0.4], atol=1e-6)
    assert strongest(given, 5) == [0, 1]
    assert strongest(given[..., ::-1], 1) == [1]
