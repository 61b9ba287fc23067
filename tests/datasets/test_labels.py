from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.datasets.labels import LabelledImage, Labels, find_ground_truth, split_targets

CLASSES = ("red", "green", "blue")
IMAGE = Path("a.png")


def labels(*rows: tuple[int, ...] | tuple[float, ...]) -> Labels:
    """Labels of images: a tuple of class indices, or of three probabilities."""
    images = [
        LabelledImage(IMAGE, (0, 1, 2), probabilities=row)
        if any(isinstance(value, float) for value in row)
        else LabelledImage(IMAGE, tuple(map(int, row)))
        for row in rows
    ]
    return Labels.from_images(images, 3)


MIXED = labels((0,), (1, 2), (0.2, 0.7, 0.1), (0.5, 0.5, 0.0))


def test_only_several_allowed_classes_are_a_set() -> None:
    assert MIXED.is_set.tolist() == [False, True, False, False]
    assert MIXED.single_class.tolist() == [True, False, True, False]
    assert MIXED.class_ids.tolist() == [0, 1, 1, 0]
    assert MIXED.num_classes == 3


def test_targets_keep_values_and_sets_apart() -> None:
    targets = MIXED.to_targets()
    assert (targets.shape, targets.dtype) == ((4, 4), np.float32)
    values, is_set = split_targets(targets)
    np.testing.assert_array_equal(values, MIXED.values)
    np.testing.assert_array_equal(is_set, MIXED.is_set)


def test_selected_and_joined_labels() -> None:
    joined = Labels.join([MIXED[np.array([3, 1])], MIXED[MIXED.is_set]])
    assert len(joined) == 3
    assert joined.is_set.tolist() == [False, True, True]
    np.testing.assert_array_equal(joined.values, MIXED.values[[3, 1, 1]])


def test_votes_carry_the_number_of_volunteers() -> None:
    images = [
        LabelledImage(Path(f"{number}.png"), (0,), probabilities=(0.5, 0.5), volunteers=number)
        for number in (40, 35, 50)
    ]
    votes = Labels.from_images(images, 2)
    np.testing.assert_array_equal(votes.to_targets()[:, -1], [40, 35, 50])
    joined = Labels.join([votes[np.array([2, 0])], votes])
    np.testing.assert_array_equal(joined.to_targets()[:, -1], [50, 40, 40, 35, 50])
    # Of a table without their number it is unknown.
    unknown = Labels.from_images([LabelledImage(Path("a.png"), (0,), probabilities=(1, 0))], 2)
    assert Labels.join([votes, unknown]).volunteers is None


@pytest.mark.parametrize(
    ("given", "names", "class_ids"),
    [
        (labels((0,), (2,), (1, 2)), CLASSES, [0, 2]),
        (labels((0, 1), (2,), (0, 1)), ("blue", "red or green"), [1, 0, 1]),
        # Sets that share a class, one set alone, probabilities: only single classes count.
        (labels((0, 1), (1, 2), (1,)), CLASSES, [1]),
        (labels((0, 1), (0, 1)), CLASSES, []),
        (labels((0.9, 0.1, 0.0), (1, 2)), CLASSES, [0]),
    ],
)
def test_ground_truth_of_classes_or_disjoint_sets(
    given: Labels, names: tuple[str, ...], class_ids: list[int]
) -> None:
    truth = find_ground_truth(given, CLASSES)
    assert (truth.names, truth.class_ids.tolist()) == (names, class_ids)
    assert truth.evaluated.sum() == len(class_ids)


def test_probabilities_of_sets_sum_over_their_classes() -> None:
    truth = find_ground_truth(labels((0, 1), (2,)), CLASSES)
    predicted = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32)
    np.testing.assert_allclose(truth.probabilities(predicted), [[0.25, 0.75], [0.8, 0.2]])
