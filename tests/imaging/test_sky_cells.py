from __future__ import annotations

import numpy as np
import pytest

from galpipe.imaging.sky_cells import _fewer, cell_grid, measure_cells
from galpipe.imaging.sky_steps import SkySection


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 255, 256])
@pytest.mark.parametrize("before", [np.less, np.less_equal])
def test_sorted_pixels_are_counted_as_one_by_one(count: int, before: np.ufunc) -> None:
    rng = np.random.default_rng(count)
    cells = np.sort(rng.integers(0, 9, (60, count)).astype(np.float32), axis=1)
    cells[:20, count // 2 :] = np.nan
    limit = rng.integers(-1, 11, 60).astype(np.float64)
    expected = np.count_nonzero(before(cells, limit[:, np.newaxis]), axis=1)
    np.testing.assert_array_equal(_fewer(cells, limit, before), expected)


def test_level_and_noise_of_cells_leave_out_sources_and_missing_pixels() -> None:
    rng = np.random.default_rng(0)
    band = rng.normal(7, 2, (128, 128)).astype(np.float32)
    band[40:46, 70:76] += 90
    bad = np.zeros(band.shape, dtype=bool)
    bad[:16, :16] = True
    grid = cell_grid(SkySection(0, 128, 0, 128))
    levels, noises = measure_cells(band, bad, grid)
    assert levels.shape == (grid.rows, grid.columns)
    assert np.argwhere(np.isnan(levels)).tolist() == [[0, 0]]
    assert np.nanmax(np.abs(levels - 7)) < 1
    assert np.nanmean(noises) == pytest.approx(2, rel=0.1)
