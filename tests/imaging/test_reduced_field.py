"""Windows of a large field at a lower sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from galpipe.imaging import Stretch
from galpipe.imaging.large_field import LargeField
from galpipe.imaging.open_field import open_field
from galpipe.imaging.prepare_large import PreparedLargeField, prepare_large_field
from galpipe.imaging.reduced_field import ReducedWindows

HEIGHT, WIDTH = 400, 320
WHOLE = slice(0, HEIGHT // 4), slice(0, WIDTH // 4)


@pytest.fixture
def prepared(
    tmp_path: Path, noise: Callable[..., NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[PreparedLargeField]:
    monkeypatch.setattr("galpipe.imaging.open_field._WHOLE", 1000)
    monkeypatch.setattr("galpipe.imaging.reduced_field._TILE", 32)
    pixels = noise((HEIGHT, WIDTH), 300, 12)
    pixels[100:140, 50:70] += 2000
    pixels[200:208, 80:88] = np.nan
    fits.PrimaryHDU(pixels).writeto(tmp_path / "field.fits")
    with open_field(tmp_path / "field.fits") as found:
        assert isinstance(found, LargeField)
        yield prepare_large_field(found, Stretch())


def test_pixels_are_the_means_of_those_that_they_cover(prepared: PreparedLargeField) -> None:
    window = ReducedWindows(prepared, 0.25).window(*WHOLE)
    whole = prepared.window(slice(0, HEIGHT), slice(0, WIDTH))
    blocks = whole.field.pixels[..., 0].reshape(HEIGHT // 4, 4, WIDTH // 4, 4)
    bad = window.field.bad
    assert_array_equal(np.argwhere(bad), [[row, column] for row in (50, 51) for column in (20, 21)])
    # A flux is a sum, and the sky of the field is that of the window.
    assert_allclose(window.field.pixels[..., 0][~bad], blocks.sum((1, 3))[~bad], rtol=1e-5)
    assert window.background is not None
    assert_allclose(np.median(window.background.level(0)), 16 * 300, rtol=0.01)
    assert_allclose(np.median(window.background.noise(0)), 4 * 12, rtol=0.1)
    searched = whole.searched[..., 0].reshape(blocks.shape).mean((1, 3))
    assert_allclose(window.rgb[..., 0], searched, atol=0.51)


def test_no_part_of_a_field_is_read_twice(
    prepared: PreparedLargeField, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ReducedWindows(prepared, 0.25).window(*WHOLE)
    read = np.zeros((HEIGHT, WIDTH), int)
    original = PreparedLargeField.window

    def window(self: PreparedLargeField, rows: slice, columns: slice) -> object:
        read[rows, columns] += 1
        return original(self, rows, columns)

    monkeypatch.setattr(PreparedLargeField, "window", window)
    windows = ReducedWindows(prepared, 0.25)
    for rows, columns in (
        (slice(3, 50), slice(40, 80)),
        (slice(10, 70), slice(0, 79)),
        (slice(64, 100), slice(31, 32)),
    ):
        found = windows.window(rows, columns)
        assert_array_equal(found.field.pixels, expected.field.pixels[rows, columns])
        assert_array_equal(found.rgb, expected.rgb[rows, columns])
        assert_array_equal(found.saturated, expected.saturated[rows, columns])
    assert read.max() == 1
