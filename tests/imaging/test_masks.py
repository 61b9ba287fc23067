from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from galpipe.imaging.masks import masked_pixels, weightless_pixels

LSST = {"MP_BAD": 0, "MP_SAT": 1, "MP_CR": 3, "MP_EDGE": 4, "HIERARCH MP_DETECTED": 5}
LSST |= {"HIERARCH MP_NO_DATA": 8}
PS1 = {"MSKNAM00": "DETECTOR", "MSKVAL00": 1, "MSKNAM01": "GHOST", "MSKVAL01": 512}


@pytest.mark.parametrize(
    ("cards", "good", "bad"),
    [
        ({}, [0], [1, 2, 64, -1]),
        (LSST, [0, 4, 32, 32 + 64], [1, 2, 8, 16, 256, 32 + 8]),
        (PS1, [0, 512], [1, 513]),
        ({"TELESCOP": "HST"}, [0, 32, 64, 256, 512, 96], [1, 4, 16, 2048, 4096, 64 + 4]),
        ({"TELESCOP": "JWST"}, [0, 2, 4, 2**30], [1, 3, 2**30 + 1]),
        ({"MP_": "x", "MP_BAD": "y", "MSKNAM00": "z"}, [0], [1]),
    ],
)
def test_bits(cards: dict[str, Any], good: list[int], bad: list[int]) -> None:
    plane = np.array([[good + bad + [0] * 10]])
    found, reason = masked_pixels(plane, [fits.Header(cards)])
    assert found is not None
    assert reason == ""
    assert found[0, : len(good + bad)].tolist() == [False] * len(good) + [True] * len(bad)


def test_what_cannot_be_a_mask() -> None:
    header = fits.Header()
    assert masked_pixels(np.full((1, 4, 4), 0.5), [header]) == (None, "its values are not integers")
    assert masked_pixels(np.ones((1, 4, 4), int), [header]) == (
        None,
        "it marks 100% of the pixels as bad",
    )


def test_masks_of_floats() -> None:
    found, _ = masked_pixels(np.eye(4)[None], [fits.Header()])
    assert found is not None
    assert found.tolist() == (np.eye(4) > 0).tolist()


def test_weights() -> None:
    weight = np.ones((2, 8, 8))
    weight[0, 1, 1], weight[1, 2, 2], weight[0, 3, 3] = 0, -1, np.nan
    found, _ = weightless_pixels(weight)
    assert found is not None
    assert np.argwhere(found).tolist() == [[1, 1], [2, 2], [3, 3]]
    assert weightless_pixels(np.zeros((1, 8, 8)))[0] is None


@given(
    st.dictionaries(
        st.sampled_from(["MP_BAD", "MP_SAT", "MSKNAM00", "MSKVAL00", "TELESCOP"]),
        st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()),
    )
)
def test_any_header_gives_a_mask(cards: dict[str, Any]) -> None:
    found, _ = masked_pixels(np.eye(8, dtype=np.int16)[None], [cards])
    assert found is None or found.shape == (8, 8)
