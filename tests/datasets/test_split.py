from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.datasets.split import folds_by_galaxy, object_strata, split_by_galaxy

galaxies = st.lists(st.integers(0, 30).map(str), min_size=2, max_size=80)


@given(galaxies, st.floats(0, 0.99), st.integers(0, 5), st.randoms())
@settings(max_examples=50)
def test_no_galaxy_is_on_two_sides_and_the_order_does_not_matter(
    names: list[str], fraction: float, seed: int, random: object
) -> None:
    train, test = split_by_galaxy(names, fraction, seed)
    assert sorted([*train, *test]) == list(range(len(names)))
    held_out = {names[i] for i in test}
    assert not held_out & {names[i] for i in train}
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    _, again = split_by_galaxy(shuffled, fraction, seed)
    assert {shuffled[i] for i in again} == held_out


@given(galaxies, st.integers(2, 4), st.integers(0, 3))
@settings(max_examples=50)
def test_every_image_is_tested_once_over_the_folds(names: list[str], folds: int, seed: int) -> None:
    if len(set(names)) < folds:
        with pytest.raises(ValueError, match="cannot make"):
            folds_by_galaxy(names, folds, seed)
        return
    parts = folds_by_galaxy(names, folds, seed)
    assert sorted(i for _, test in parts for i in test) == list(range(len(names)))
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(len(names)))
        assert not {names[i] for i in train} & {names[i] for i in test}


def single(count: int) -> list[str]:
    return [f"galaxy{k}" for k in range(count)]


@pytest.mark.parametrize(("test", "count"), [(0.2, 20), (0, 0), (0.333, 33), (6, 6), (100, 100)])
def test_the_share_or_number_is_met(test: float, count: int) -> None:
    assert len(split_by_galaxy(single(100), test)[1]) == count


def test_classes_give_their_share() -> None:
    labels = ["rare"] * 10 + ["common"] * 90
    _, test = split_by_galaxy(single(100), 0.2, stratify=labels)
    assert Counter(labels[i] for i in test) == {"rare": 2, "common": 18}
    for _, fold in folds_by_galaxy(single(100), 5, stratify=labels):
        assert Counter(labels[i] for i in fold) == {"rare": 2, "common": 18}


def test_seeds_give_other_divisions() -> None:
    chosen = {tuple(split_by_galaxy(single(40), 0.5, seed)[1]) for seed in range(5)}
    assert len(chosen) == 5


def test_the_division_is_the_same_for_ever() -> None:
    # Held-out sets are recorded with the models: a change here would leak tests into training.
    assert split_by_galaxy(single(12), 4, seed=7)[1].tolist() == [3, 4, 7, 8]


def test_added_galaxies_leave_most_others_where_they_were() -> None:
    before = set(split_by_galaxy(single(200), 0.2)[1].tolist())
    after = set(split_by_galaxy(single(220), 0.2)[1].tolist())
    assert len(before & after) >= 0.85 * len(before)


@pytest.mark.parametrize("test", [-0.1, 101])
def test_more_than_there_is_cannot_be_held_out(test: float) -> None:
    with pytest.raises(ValueError, match="hold out"):
        split_by_galaxy(single(100), test)


def test_an_image_counts_for_its_rarest_class_and_about_how_many_objects_it_has() -> None:
    images = [["disc"], ["disc", "ring"], [], ["disc"] * 5, ["disc"] * 7, ["disc"] * 8]
    assert object_strata(images) == [
        ("disc", 1),
        ("ring", 2),
        ("", 0),
        ("disc", 3),
        ("disc", 3),
        ("disc", 4),
    ]


def test_equally_rare_classes_are_told_apart_by_name() -> None:
    assert object_strata([["b", "a"], ["a", "b"]]) == [("a", 2), ("a", 2)]
