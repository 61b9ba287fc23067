from __future__ import annotations

import pytest

from galpipe.datasets.given_division import DividedSource, find_shared_galaxies


def _source(role: str, galaxies: str) -> DividedSource:
    names = [f"{role}{number}.png" for number in range(len(galaxies))]
    return DividedSource(role, names, list(galaxies))


@pytest.mark.parametrize("split", [True, False])
def test_without_shared_galaxies_there_is_no_note(split: bool) -> None:
    sources = [_source("train", "abc"), _source("validation", "de"), _source("test", "f")]
    found = find_shared_galaxies(sources, split=split)
    assert [one.note for one in found] == ["", "", ""]
    assert not any(one.left_out for one in found)


def test_a_given_division_stays_as_it_is_and_a_note_counts_what_is_shared() -> None:
    sources = [_source("train", "abcd"), _source("validation", "xb"), _source("test", "bax")]
    train, validation, test = find_shared_galaxies(sources, split=False)
    assert not train.left_out | validation.left_out | test.left_out
    assert train.note == ""
    assert validation.note == (
        "1 of 2 images of role validation show galaxies that are also on images of role train "
        "(validation1.png: train1.png)"
    )
    assert test.note.startswith("2 of 3 images of role test show galaxies")
    assert "also on images of role validation (test0.png: validation1.png, test2.png" in test.note


def test_images_that_are_split_besides_avoid_the_given_ones() -> None:
    sources = [_source("train", "abcde"), _source("extra", "ax"), _source("test", "abcd")]
    train, extra, test = find_shared_galaxies(sources, split=True)
    assert train.left_out == {0, 1, 2, 3}
    assert train.note == (
        "4 of 5 images of role train show galaxies of given validation or test images and are left "
        "out (train0.png: test0.png, train1.png: test1.png, train2.png: test2.png, ...)"
    )
    assert extra.left_out == {0}
    assert not test.left_out
    assert test.note == ""


def test_extra_images_never_show_given_galaxies() -> None:
    sources = [_source("train", "a"), _source("extra", "ab"), _source("test", "ab")]
    _, extra, test = find_shared_galaxies(sources, split=False)
    assert extra.left_out == {0, 1}
    assert "role train (test0.png: train0.png)" in test.note
