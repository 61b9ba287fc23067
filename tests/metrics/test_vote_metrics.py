from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from galpipe.metrics.vote_metrics import VoteMetrics, evaluate_votes, vote_table

pytest.importorskip("sklearn")

PLACES = {"smooth": slice(0, 2), "bar": slice(2, 4)}
NAMES = ["yes", "no", "bar", "none"]
TRUTH = np.array([[0.8, 0.2, 0.1, 0.1], [0.4, 0.6, 0.6, 0.0], [0.9, 0.1, 0.1, 0.0]])
PREDICTED = np.array([[0.7, 0.3, 0.2, 0.1], [0.6, 0.4, 0.2, 0.2], [0.9, 0.1, 0.1, 0.0]])


@pytest.fixture(scope="module")
def metrics() -> VoteMetrics:
    excess = np.array([[0, 0], [0, 0.25], [0, -0.5]])
    return evaluate_votes(TRUTH, PREDICTED, PLACES, NAMES, excess)


def test_errors_are_those_of_the_challenge(metrics: VoteMetrics) -> None:
    squared = (TRUTH - PREDICTED) ** 2
    assert metrics.images == 3
    assert metrics.rmse == pytest.approx(np.sqrt(squared.sum() / 12))
    assert metrics.mse == pytest.approx(metrics.rmse**2)
    assert metrics.questions["bar"] == pytest.approx(np.sqrt(squared[:, 2:].sum() / 6))
    constant = np.tile(TRUTH.mean(axis=0), (3, 1))
    assert metrics.constant_rmse == pytest.approx(np.sqrt(((TRUTH - constant) ** 2).mean()))
    assert metrics.largest_excess == 0.5
    assert [answer.rmse for answer in metrics.answers] == pytest.approx(
        np.sqrt(squared.mean(axis=0))
    )


def test_the_majority_is_measured_beside_predicting_none(metrics: VoteMetrics) -> None:
    # True: yes; no and bar; yes.  Predicted: yes; yes; yes.
    majority = metrics.majority
    assert majority.accuracy == pytest.approx(9 / 12)
    assert majority.none_accuracy == pytest.approx(8 / 12)
    assert majority.exact_match == pytest.approx(2 / 3)
    assert majority.none_exact_match == 0
    assert [answer.f1 for answer in metrics.answers] == [pytest.approx(0.8), 0, 0, None]
    assert majority.macro_f1 == pytest.approx(0.8 / 3)
    # The galaxy of the answer "no" is predicted to have it most; that of "bar" ties with another.
    assert [answer.average_precision for answer in metrics.answers] == [1, 1, 0.5, None]
    assert majority.mean_average_precision == pytest.approx(2.5 / 3)


def test_the_tables_and_values_are_plain(metrics: VoteMetrics) -> None:
    nothing = evaluate_votes(TRUTH * 0, PREDICTED, PLACES, NAMES, np.zeros((3, 2)))
    content = json.loads(json.dumps(nothing.to_json()))
    assert content["majority"]["macro_f1"] is None
    assert content["answers"][0]["f1"] is None
    rows = vote_table({"one": metrics, "two": nothing}).rows
    assert ["RMSE", f"{metrics.rmse:.4f}", f"{nothing.rmse:.4f}"] in rows
    tiny = replace(metrics, largest_excess=1.234e-7)
    assert ["largest error of a sum", "0.5", "1.2e-07"] in vote_table(
        {"one": metrics, "tiny": tiny}
    ).rows
    assert metrics.question_table().rows[1] == ["bar", f"{metrics.questions['bar']:.4f}"]
    row = metrics.answer_table(["yes", "no", "a bar", "no bar"]).rows[3]
    assert (row[:2], row[4:]) == (["none", "no bar"], ["0", "–", "–"])
