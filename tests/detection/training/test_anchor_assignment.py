from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.configs import Anchors
from galpipe.detection.anchors import decode_boxes, multilevel_anchors
from galpipe.detection.training.anchor_assignment import assign_anchors
from galpipe.detection.training.training_tiles import TrainingTile
from galpipe.imaging import iou

SIZE = 64
ANCHORS = multilevel_anchors(Anchors(max_level=4, anchor_size=2.0), SIZE)
Tile = Callable[..., TrainingTile]


def test_without_objects_every_anchor_is_background(tile: Tile) -> None:
    labels = assign_anchors(tile(SIZE), ANCHORS)
    assert (labels.classes == -1).all()
    assert (labels.class_weights == 1).all()
    assert (labels.box_weights == 0).all()


@given(x=st.floats(0, 40), y=st.floats(0, 40), width=st.floats(12, 24), height=st.floats(12, 24))
def test_codes_decode_to_the_object(x: float, y: float, width: float, height: float) -> None:
    box = np.array([[x, y, x + width, y + height]])
    empty = np.empty((0, 4))
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    labels = assign_anchors(TrainingTile(image, box, np.zeros(1, int), empty, empty, 0.0), ANCHORS)
    positive = labels.box_weights > 0
    assert positive.any()
    assert (labels.classes[positive] == 1).all()
    decoded = decode_boxes(labels.codes[positive].astype(float), ANCHORS[positive])
    np.testing.assert_allclose(decoded, np.repeat(box, positive.sum(), 0), atol=1e-3)


def test_an_object_that_no_anchor_fits_still_trains_its_best_ones(tile: Tile) -> None:
    box = [2.0, 30.0, 62.0, 36.0]
    overlap = iou(ANCHORS, [box])[:, 0]
    assert overlap.max() < 0.5
    labels = assign_anchors(tile(SIZE, [box]), ANCHORS)
    assert labels.box_weights[overlap.argmax()] == 1
    assert (overlap[labels.box_weights > 0] >= 0.9 * overlap.max()).all()


def test_anchors_between_hit_and_miss_are_ignored(tile: Tile) -> None:
    box = [20.0, 20.0, 36.0, 36.0]
    overlap = iou(ANCHORS, [box])[:, 0]
    labels = assign_anchors(tile(SIZE, [box]), ANCHORS)
    between = (overlap >= 0.4) & (overlap < 0.5)
    assert between.any()
    assert (labels.class_weights[between] == 0).all()
    assert (labels.class_weights[overlap < 0.4] == 1).all()


def test_anchors_on_a_difficult_object_are_ignored(tile: Tile) -> None:
    box = [16.0, 16.0, 48.0, 48.0]
    labels = assign_anchors(tile(SIZE, ignored=[box]), ANCHORS)
    inside = (ANCHORS[:, :2] >= 16).all(1) & (ANCHORS[:, 2:] <= 48).all(1)
    apart = iou(ANCHORS, [box])[:, 0] == 0
    assert inside.any()
    assert (labels.class_weights[inside] == 0).all()
    assert (labels.class_weights[apart] == 1).all()
    assert (labels.classes == -1).all()


def test_a_real_object_on_a_difficult_one_still_trains(tile: Tile) -> None:
    box = [20.0, 20.0, 36.0, 36.0]
    labels = assign_anchors(tile(SIZE, [box], ignored=[[10.0, 10.0, 54.0, 54.0]]), ANCHORS)
    positive = labels.box_weights > 0
    assert positive.any()
    assert (labels.class_weights[positive] == 1).all()


def test_the_core_of_a_cut_object_is_background(tile: Tile) -> None:
    box = [0.0, 0.0, 40.0, 40.0]
    labels = assign_anchors(tile(SIZE, cut=[box]), ANCHORS)
    overlap = iou(ANCHORS, [box])[:, 0]
    assert (labels.class_weights[overlap >= 0.3] == 0).all()
    core = (ANCHORS[:, :2] > 8).all(1) & (ANCHORS[:, 2:] < 32).all(1) & (overlap < 0.3)
    assert core.any()
    assert (labels.class_weights[core] == 1).all()


def test_anchors_smaller_than_anything_annotated_are_ignored(tile: Tile) -> None:
    labels = assign_anchors(tile(SIZE, smallest=20.0), ANCHORS)
    side = np.sqrt((ANCHORS[:, 2:] - ANCHORS[:, :2]).prod(1))
    assert (labels.class_weights[side < 19.9] == 0).all()
    assert (labels.class_weights[side > 20.1] == 1).all()


@pytest.mark.parametrize("class_id", [0, 2])
def test_the_class_is_counted_from_one(tile: Tile, class_id: int) -> None:
    one = tile(SIZE, [[20.0, 20.0, 36.0, 36.0]])
    one.class_ids[:] = class_id
    labels = assign_anchors(one, ANCHORS)
    assert set(labels.classes.tolist()) == {-1, class_id + 1}
