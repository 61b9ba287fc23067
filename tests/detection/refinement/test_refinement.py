from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.detection.refinement import Refinement
from galpipe.detection.refinement.isophotes import FEATURES
from galpipe.detection.refinement.light_profile import LIGHT_FEATURES
from galpipe.detection.refinement.mlp import HIDDEN, MLP
from galpipe.imaging import Detections
from galpipe.imaging.background import smoothed_grey

GREY = smoothed_grey(np.random.default_rng(0).integers(0, 60, (64, 64, 3), dtype=np.uint8))
FOUND = Detections(
    np.array([[4.0, 4, 24, 20], [30, 30, 60, 50], [2, 40, 20, 60]]), np.array([0.9, 0.6, 0.3])
)


def network(features: int, outputs: int, bias: float | None = None) -> MLP:
    """Return a network of random weights, or one whose outputs are all the same."""
    rng = np.random.default_rng(1)
    sizes = (features, HIDDEN, HIDDEN, outputs)
    layers = []
    for rows, columns in pairwise(sizes):
        layers += [rng.normal(0, 0.2, (rows, columns)), rng.normal(0, 0.2, columns)]
    if bias is not None:
        layers[-2:] = np.zeros((HIDDEN, outputs)), np.full(outputs, bias)
    return MLP((np.zeros(features), np.ones(features), *layers))


def look(bias: float | None = None, slope: float = 1.0) -> Refinement:
    return Refinement(network(FEATURES, 4), network(LIGHT_FEATURES, 1, bias), slope)


@pytest.mark.parametrize("rescores", [False, True])
def test_what_is_written_is_read_again(rescores: bool) -> None:
    written = look() if rescores else Refinement(network(FEATURES, 4))
    again = Refinement.from_bytes(written.to_bytes(), written.slope)
    assert (again.rescoring is not None) == rescores
    before, after = written.refine(GREY, FOUND), again.refine(GREY, FOUND)
    np.testing.assert_allclose(after.boxes, before.boxes, atol=0.01)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-4)


@given(st.floats(-9, 9), st.floats(0.3, 3))
def test_evidence_is_added_to_the_log_odds_up_to_a_limit(bias: float, slope: float) -> None:
    refined = look(bias, slope).refine(GREY, FOUND)
    odds = np.log(FOUND.scores / (1 - FOUND.scores)) + slope * np.clip(bias, -1.5, 1.5)
    np.testing.assert_allclose(refined.scores, 1 / (1 + np.exp(-odds)), rtol=1e-9)


@given(st.floats(0.01, 0.99), st.floats(0.3, 3))
def test_the_lowest_score_is_raised_just_to_the_one_named(score: float, slope: float) -> None:
    eager = look(bias=9, slope=slope)
    found = Detections(FOUND.boxes[:1], np.array([eager.lowest(score)]))
    assert eager.refine(GREY, found).scores[0] == pytest.approx(score, rel=1e-6)
    assert Refinement(eager.edges).lowest(score) == score


def test_the_best_come_first() -> None:
    scores = look().refine(GREY, FOUND).scores
    assert (np.diff(scores) <= 0).all()


def test_without_rescoring_scores_stay() -> None:
    refined = Refinement(network(FEATURES, 4)).refine(GREY, FOUND)
    assert refined.scores.tolist() == FOUND.scores.tolist()
    assert len(look().refine(GREY, Detections.empty())) == 0


def damaged() -> list[bytes]:
    whole = json.loads(look().to_bytes())
    inside_out = json.loads(look().to_bytes())
    inside_out["rescoring"][1][0] = -1.0
    return [
        b"",
        b"[]",
        b"{}",
        b"[[1]]",
        b"\xff",
        b'{"edges": [[NaN]]}',
        b'{"edges": 7}',
        json.dumps(whole | {"edges": whole["rescoring"]}).encode(),
        json.dumps(whole | {"more": []}).encode(),
        json.dumps({"rescoring": whole["rescoring"]}).encode(),
        json.dumps(inside_out).encode(),
        b'{"edges": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ]


@pytest.mark.parametrize("content", damaged())
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(
        ValueError, match=r"lists of numbers|shapes|out of range|keys|Expecting|decode"
    ):
        Refinement.from_bytes(content)
