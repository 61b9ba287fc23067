from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from galpipe.imaging import crop_window, cut_crop, remove_sky

position = st.floats(0, 100)


def test_window_is_centred() -> None:
    assert crop_window((10, 20, 30, 60), 1.5) == (-10, 10, 60)


def test_inside_the_field_a_crop_is_the_pixels() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    crop = cut_crop(rgb, (20, 30, 40, 40), 1.5)
    assert_array_equal(crop, rgb[20:50, 15:45])
    crop[:] = 0
    assert rgb[20:50, 15:45].any()


def test_beyond_the_edge_is_the_sky_around() -> None:
    rgb = np.full((80, 90, 3), (3, 2, 4), np.uint8)
    rgb[0:12, 0:12] = 200
    crop = cut_crop(rgb, (0, 0, 12, 12), 3, size=36)
    assert_array_equal(crop[12:24, 12:24], rgb[:12, :12])
    assert (crop[:12] == (3, 2, 4)).all()
    assert (crop[:, :12] == (3, 2, 4)).all()


@settings(max_examples=40)
@given(position, position, st.floats(0.1, 150), st.floats(0.1, 150), st.floats(0.5, 4))
def test_a_crop_is_square_of_the_size_asked(
    x: float, y: float, wide: float, high: float, margin: float
) -> None:
    rgb = np.zeros((101, 101, 3), np.uint8)
    box = (min(x, 100), min(y, 100), x + wide, y + high)
    try:
        crop = cut_crop(rgb, box, margin, size=69)
    except ValueError:
        left, top, side = crop_window(box, margin)
        assert left + side > 100 or top + side > 100
    else:
        assert crop.shape == (69, 69, 3)


def test_a_box_beyond_the_field_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond 50 x 40"):
        cut_crop(np.zeros((40, 50, 3), np.uint8), (100, 100, 110, 110), 1.5)


def test_the_sky_of_any_survey_becomes_black() -> None:
    rng = np.random.default_rng(0)
    galaxy = np.zeros((2, 40, 40, 3))
    galaxy[:, 12:28, 12:28] = [120, 90, 60]
    black = galaxy + rng.integers(0, 3, galaxy.shape)
    grey = black + np.array([38, 36, 40])
    from_grey, from_black = (remove_sky(crops.astype(np.uint8)) for crops in (grey, black))
    np.testing.assert_array_equal(from_grey, from_black)
    assert np.abs(from_grey.astype(int) - black).max() <= 1
    assert from_grey.dtype == np.uint8


def test_no_crops_have_no_sky() -> None:
    assert remove_sky(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 8, 8, 3)
