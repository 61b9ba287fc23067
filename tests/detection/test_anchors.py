from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.configs import Anchors
from galpipe.detection.anchors import best_overlaps, decode_boxes, multilevel_anchors
from galpipe.imaging import iou


def test_golden_values_of_one_level() -> None:
    anchors = Anchors(
        min_level=3, max_level=3, num_scales=2, aspect_ratios=(1.0, 4.0), anchor_size=2
    )
    boxes = multilevel_anchors(anchors, 16)
    assert boxes.shape == (2 * 2 * 2 * 2, 4)
    np.testing.assert_allclose(boxes[0], [-4, -4, 12, 12])
    np.testing.assert_allclose(boxes[1], [4 - 16, 4 - 4, 4 + 16, 4 + 4])
    np.testing.assert_allclose(boxes[2, 2] - boxes[2, 0], 16 * 2**0.5)
    np.testing.assert_allclose(boxes[4], [4, -4, 20, 12], err_msg="the next cell is to the right")


@pytest.mark.tensorflow
@pytest.mark.parametrize(("levels", "size"), [((3, 6), 320), ((3, 7), 384), ((2, 4), 64)])
def test_agrees_with_tf_vision(levels: tuple[int, int], size: int) -> None:
    from official.vision.ops.anchor import Anchor

    anchors = Anchors(min_level=levels[0], max_level=levels[1], anchor_size=2.5)
    theirs = Anchor(
        *levels, anchors.num_scales, list(anchors.aspect_ratios), anchors.anchor_size, [size, size]
    ).multilevel_boxes
    expected = np.concatenate([boxes.numpy().reshape(-1, 4) for boxes in theirs.values()])
    np.testing.assert_allclose(
        multilevel_anchors(anchors, size), expected[:, [1, 0, 3, 2]], atol=1e-3
    )


def test_codes_of_zero_are_the_anchors() -> None:
    boxes = multilevel_anchors(Anchors(), 64)
    np.testing.assert_allclose(decode_boxes(np.zeros_like(boxes), boxes), boxes)


@given(
    st.lists(
        st.tuples(*[st.floats(-2, 2)] * 4),
        min_size=1,
        max_size=20,
    )
)
def test_decoding_inverts_the_published_coder(rows: list[tuple[float, ...]]) -> None:
    codes = np.array(rows)
    anchors = np.tile([10.0, 20.0, 30.0, 60.0], (len(codes), 1))
    boxes = decode_boxes(codes, anchors)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    again = np.stack(
        [
            ((boxes[:, 1] + boxes[:, 3]) / 2 - 40) / 40,
            ((boxes[:, 0] + boxes[:, 2]) / 2 - 20) / 20,
            np.log(height / 40),
            np.log(width / 20),
        ],
        axis=1,
    )
    np.testing.assert_allclose(again, codes, atol=1e-9)


def test_a_wild_code_does_not_overflow() -> None:
    boxes = decode_boxes(np.full((1, 4), 1e6), np.array([[0.0, 0.0, 10.0, 10.0]]))
    assert np.isfinite(boxes).all()


corner = st.floats(-40, 170)
side = st.floats(1, 200)


@given(
    st.lists(st.tuples(corner, corner, side, side), max_size=5),
    st.sampled_from([(1.0,), (1.0, 2.0, 0.5), (1.0, 0.3)]),
    st.integers(1, 3),
)
def test_best_overlaps_are_those_of_the_whole_grid(
    rows: list[tuple[float, ...]], ratios: tuple[float, ...], scales: int
) -> None:
    anchors = Anchors(max_level=5, num_scales=scales, aspect_ratios=ratios)
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in rows]).reshape(-1, 4)
    every = iou(boxes, multilevel_anchors(anchors, 128)).max(axis=1, initial=0)
    np.testing.assert_allclose(best_overlaps(boxes, anchors, 128), every, atol=1e-9)
