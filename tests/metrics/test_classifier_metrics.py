from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.metrics.classifier_metrics import comparison_table, evaluate_probabilities

pytestmark = pytest.mark.tensorflow  # scikit-learn comes with the train extra

NAMES = ("a", "b", "c", "unseen")
TRUTH = [0, 0, 0, 1, 1, 2]
PROBABILITIES = [
    [0.7, 0.1, 0.1, 0.1],
    [0.6, 0.2, 0.1, 0.1],
    [0.2, 0.5, 0.2, 0.1],
    [0.1, 0.8, 0.1, 0.0],
    [0.4, 0.3, 0.2, 0.1],
    [0.3, 0.6, 0.1, 0.0],
]


def test_against_values_worked_out_by_hand() -> None:
    metrics = evaluate_probabilities(TRUTH, PROBABILITIES, NAMES)
    assert metrics.confusion == ((2, 1, 0, 0), (1, 1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    assert metrics.accuracy == pytest.approx(3 / 6)
    a, b, c, unseen = metrics.classes
    assert (a.precision, a.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (b.precision, b.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert (c.precision, c.recall) == (0, 0)
    assert metrics.macro_precision == pytest.approx((2 / 3 + 1 / 3 + 0) / 3)
    assert metrics.macro_recall == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # a: 0.7, 0.6, 0.2 against 0.1, 0.4, 0.3: 7 of 9 pairs in order.
    assert a.auc == pytest.approx(7 / 9)
    # b: 0.8, 0.3 against 0.1, 0.2, 0.5, 0.6: 4 + 2 of 8 pairs.
    assert b.auc == pytest.approx(6 / 8)
    # c: 0.1 against 0.1, 0.1, 0.2, 0.1, 0.2: three ties of five.
    assert c.auc == pytest.approx(1.5 / 5)
    assert metrics.macro_auc == pytest.approx((7 / 9 + 6 / 8 + 1.5 / 5) / 3)
    # Harmonic means; b: 2 * (1/3) * (1/2) / (5/6).
    assert (a.f1, b.f1, c.f1, unseen.f1) == (pytest.approx(2 / 3), pytest.approx(2 / 5), 0, None)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert metrics.weighted_f1 == pytest.approx((3 * 2 / 3 + 2 * 2 / 5 + 0) / 6)
    assert metrics.weighted_precision == pytest.approx((3 * 2 / 3 + 2 / 3 + 0) / 6)
    assert metrics.weighted_recall == pytest.approx(metrics.accuracy)
    assert metrics.weighted_auc == pytest.approx((3 * 7 / 9 + 2 * 6 / 8 + 1.5 / 5) / 6)
    assert metrics.balanced_accuracy == metrics.macro_recall
    # Only the last image's class comes third.
    assert metrics.top2_accuracy == pytest.approx(5 / 6)
    # In the ranges that end at 0.4, 0.5, 0.6, 0.7 and 0.8: wrong, wrong, one of two, right, right.
    assert metrics.calibration_error == pytest.approx((0.4 + 0.5 + 0.2 + 0.3 + 0.2) / 6)
    assert (unseen.images, unseen.precision, unseen.recall, unseen.auc) == (0, None, None, None)


def test_perfect_probabilities_are_perfect() -> None:
    metrics = evaluate_probabilities([0, 1, 2, 3], np.eye(4), NAMES)
    assert metrics.accuracy == metrics.macro_precision == metrics.macro_recall == 1
    assert metrics.macro_auc == 1


def test_one_class_alone_has_no_curve() -> None:
    metrics = evaluate_probabilities([1, 1], [[0.1, 0.9, 0, 0], [0.8, 0.2, 0, 0]], NAMES)
    assert metrics.classes[1].auc is None
    assert np.isnan(metrics.macro_auc)
    assert metrics.to_json()["macro_auc"] is None
    assert metrics.macro_recall == 0.5


def test_json_and_markdown() -> None:
    metrics = evaluate_probabilities(TRUTH, PROBABILITIES, NAMES)
    content = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert content["confusion"][0] == [2, 1, 0, 0]
    assert content["classes"][3]["precision"] is None
    text = metrics.to_markdown()
    assert "| 0 | a | 3 | 0.667 | 0.667 | 0.667 | 0.778 |" in text
    assert "|  | mean over the images | 6 | 0.444 | 0.500 |" in text
    assert "| 0 | 2 | 1 | 0 | 0 |" in text
    assert len(content["reliability"]) == 10
    rows = dict(metrics.rows())
    assert (rows["accuracy"], rows["macro F1"], rows["weighted AUC"]) == ("0.500", "0.356", "0.689")
    table = comparison_table({"test": {"cnn": metrics}}).to_markdown()
    assert "| test | cnn | 6 | 0.500 |" in table


@pytest.mark.parametrize(
    ("truth", "probabilities"),
    [
        ([], np.empty((0, 4))),
        ([0], np.ones((2, 4))),
        ([0], np.ones((1, 3))),
        ([4], np.ones((1, 4))),
    ],
)
def test_what_does_not_fit_is_refused(truth: list[int], probabilities: np.ndarray) -> None:
    with pytest.raises(ValueError, match="classes"):
        evaluate_probabilities(truth, probabilities, NAMES)


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(4, 40))
@settings(max_examples=25)
def test_scikit_learn_agrees_where_every_class_is_seen(seed: int, classes: int, n: int) -> None:
    from sklearn import metrics as skl

    rng = np.random.default_rng(seed)
    true = np.concatenate([np.arange(classes), rng.integers(0, classes, n)])
    given_ = rng.dirichlet(np.ones(classes), len(true))
    chosen = given_.argmax(axis=1)
    metrics = evaluate_probabilities(true, given_, NAMES[:1] * classes)
    assert metrics.balanced_accuracy == pytest.approx(skl.balanced_accuracy_score(true, chosen))
    assert metrics.accuracy == pytest.approx(skl.accuracy_score(true, chosen))
    for average in ("macro", "weighted"):
        for name, function in (
            ("precision", skl.precision_score),
            ("recall", skl.recall_score),
            ("f1", skl.f1_score),
        ):
            expected = function(true, chosen, average=average, zero_division=0)
            assert getattr(metrics, f"{average}_{name}") == pytest.approx(expected)
        if classes > 2:
            auc = skl.roc_auc_score(true, given_, multi_class="ovr", average=average)
            assert getattr(metrics, f"{average}_auc") == pytest.approx(auc)
            top2 = skl.top_k_accuracy_score(true, given_, k=2)
            assert metrics.top2_accuracy == pytest.approx(top2)
