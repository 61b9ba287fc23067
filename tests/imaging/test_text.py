from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from galpipe.imaging import contact_sheet, legend_strip
from galpipe.imaging.text import shorten, text_size


def test_contact_sheet_holds_every_picture() -> None:
    images = [np.full((50 + i, 90 - i, 3), 40 * i, np.uint8) for i in range(7)]
    sheet = contact_sheet(images, [f"galaxy {i}" for i in range(7)], columns=3, cell=64)
    for shade in range(1, 7):
        assert (sheet == 40 * shade).all(axis=2).sum() > 1500
    with pytest.raises(ValueError, match="captions"):
        contact_sheet(images, ["one"])


def test_wide_pictures_leave_no_empty_bands() -> None:
    wide = np.full((50, 200, 3), 200, np.uint8)
    sheet = contact_sheet([wide] * 4, ["a"] * 4, columns=1, cell=200)
    assert sheet.shape[0] < 4 * 90


def test_a_caption_has_as_many_lines_as_it_is_given() -> None:
    one, two = (
        contact_sheet([np.zeros((64, 64, 3), np.uint8)] * 2, ["a", text], columns=1, cell=64)
        for text in ("b", "b\nc")
    )
    # All rows are equally high, and there is text in the second line of the second one alone.
    more = (two.shape[0] - one.shape[0]) // 2
    assert more > 0
    bright = (two > 128).any(axis=(1, 2))
    assert not bright[one.shape[0] // 2 : two.shape[0] // 2].any()
    assert bright[-more - 8 :].any()


def test_long_captions_are_broken_between_words() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    words, lines = (
        contact_sheet([picture], [text], columns=1, cell=96)
        for text in ("unbarred intermediate", "unbarred\nintermediate")
    )
    assert_array_equal(words, lines)


def test_a_legend_has_a_spot_of_each_colour_and_as_many_lines_as_it_needs() -> None:
    entries = [("elliptical  3", (255, 0, 0)), ("spiral  1", (0, 255, 0))]
    wide, narrow = (legend_strip(entries, width, 10) for width in (600, 120))
    for strip in (wide, narrow):
        for _, colour in entries:
            assert (strip == colour).all(axis=2).sum() >= 100
    assert narrow.shape[0] == pytest.approx(2 * wide.shape[0], abs=10)
    assert_array_equal(legend_strip([], 50, 10).shape, (0, 50, 3))


def test_long_text_is_cut_to_the_width() -> None:
    assert shorten("short", 200, 8) == "short"
    cut = shorten("a very long name of a galaxy", 80, 8)
    assert cut.endswith("...")
    assert text_size(cut, 8)[0] <= 80
