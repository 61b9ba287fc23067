from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.configs import ClassMap
from galpipe.datasets.labels import LabelledImage, Labels
from galpipe.datasets.mapped_labels import map_labels

# smooth, tight, loose; without barred.
CLASSES = ClassMap.of(
    {"smooth": [0, 1], "barred": None}, ["round", "cigar", "barred", "tight", "loose"]
)


def _map(
    allowed: tuple[int, ...], probabilities: tuple[float, ...] = ()
) -> tuple[tuple[int, ...], tuple[float, ...]] | None:
    image = LabelledImage(Path("a.png"), allowed, "M51", probabilities, (1.0, 2.0))
    found = map_labels([image], CLASSES)
    if not found:
        return None
    assert (found[0].path, found[0].identifier, found[0].position) == (
        image.path,
        "M51",
        (1.0, 2.0),
    )
    return found[0].allowed, found[0].probabilities


def test_classes_and_sets_of_classes_are_merged_and_left_out() -> None:
    assert _map((0,)) == ((0,), ())
    assert _map((4,)) == ((2,), ())
    assert _map((2,)) is None
    # A set within a merged class is certain, and a set loses the class that is left out.
    assert _map((0, 1)) == ((0,), ())
    assert _map((1, 2, 3)) == ((0, 1), ())
    labels = Labels.from_images(
        map_labels([LabelledImage(Path("a"), (0, 1)), LabelledImage(Path("b"), (1, 3))], CLASSES), 3
    )
    assert labels.is_set.tolist() == [False, True]


def test_probabilities_are_those_given_no_class_that_is_left_out() -> None:
    allowed, probabilities = _map((0, 1, 2, 3), (0.3, 0.1, 0.2, 0.4, 0)) or ((), ())
    assert allowed == (0, 1)
    assert probabilities == pytest.approx((0.5, 0.5, 0))
    # What belongs to no class keeps its share.
    _, probabilities = _map((0, 2), (0.4, 0, 0.2, 0, 0)) or ((), ())
    assert probabilities == pytest.approx((0.5, 0, 0))
    assert _map((2, 3), (0, 0, 0.6, 0.4, 0)) is None
    assert _map((2, 3), (0, 0, 0.2, 0.1, 0)) is None


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5).filter(any))
def test_mapped_probabilities_sum_to_at_most_one(weights: list[float]) -> None:
    total = max(sum(weights), 1.0)
    values = tuple(weight / total for weight in weights)
    found = _map(tuple(i for i, value in enumerate(values) if value), values)
    if found is not None:
        assert sum(found[1]) <= 1 + 1e-9
        assert all(0 <= value <= 1 for value in found[1])


def test_an_unchanged_map_changes_nothing() -> None:
    images = [LabelledImage(Path("a"), (0,)), LabelledImage(Path("b"), (0, 1), "", (0.25, 0.5))]
    assert map_labels(images, ClassMap.of(["a", "b"])) == images
