from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from galpipe.imaging import read_field
from galpipe.imaging.overscan import overscan_pixels

HEIGHT, WIDTH = 24, 40
LEFT = {"BIASSEC": "[1:8,1:24]"}


@pytest.mark.parametrize(
    "cards",
    [
        LEFT | {"DATASEC": "[9:40,1:24]"},
        LEFT | {"TRIMSEC": "[9:40,1:24]", "DATASEC": "[1:40,1:24]"},
        # Two amplifiers, the second read out backwards.
        LEFT | {"DATASECA": "[9:24,1:24]", "DATASECB": "[40:25,1:24]"},
        {"BIASSECA": "[1:4,1:24]", "BIASSECB": "[5:7,1:24]", "DATASEC": "[9:40,1:24]"},
    ],
)
def test_all_that_is_outside_of_the_data_is_overscan(cards: dict[str, str]) -> None:
    found = overscan_pixels(fits.Header(cards), HEIGHT, WIDTH)
    assert found is not None
    assert found[:, :8].all()
    assert not found[:, 8:].any()


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"DATASEC": "[9:40,1:24]"},
        LEFT,
        # Of the frame before it was trimmed.
        LEFT | {"DATASEC": "[9:48,1:24]"},
        LEFT | {"TRIMSEC": "[9:48,1:24]", "DATASEC": "[9:40,1:24]"},
        LEFT | {"DATASEC": "[1:40,1:24]"},
        {"BIASSEC": "[41:48,1:24]", "DATASEC": "[1:40,1:24]"},
        {"BIASSEC": "UNKNOWN", "DATASEC": "[9:40,1:24]"},
        {"BIASSEC": "[0:0,0:0]", "DATASEC": "[9:40,1:24]"},
    ],
)
def test_keywords_that_do_not_fit_the_image_are_not_used(cards: dict[str, str]) -> None:
    assert overscan_pixels(fits.Header(cards), HEIGHT, WIDTH) is None


def test_overscan_is_bad() -> None:
    pixels = np.random.default_rng(0).normal(500, 5, (HEIGHT, WIDTH)).astype(np.float32)
    field = read_field(fits.PrimaryHDU(pixels, fits.Header(LEFT | {"DATASEC": "[9:40,1:24]"})))
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    expected[:, :8] = True
    assert_array_equal(field.bad, expected)
    assert field.bad_counts == {"overscan": 8 * HEIGHT}
    assert field.notes == ()
