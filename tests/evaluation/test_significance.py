from __future__ import annotations

import json
from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from galpipe.evaluation.significance import (
    compare_folds,
    corrected_resampled_t,
    mcnemar,
    wilcoxon_signed_rank,
)

# Darwin's pairs of cross- and self-fertilised plants, in eighths of an inch (Fisher, "The Design of
# Experiments", 1935), with scipy's published outcome: statistic 24, exact p 0.041259765625.
DARWIN = (6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75)


def test_wilcoxon_on_the_pairs_of_darwin() -> None:
    test = wilcoxon_signed_rank(DARWIN)
    assert (test.statistic, test.p, test.pairs) == (24, 0.041259765625, 15)
    assert test.decides


def test_five_pairs_can_never_be_significant_by_wilcoxon() -> None:
    test = wilcoxon_signed_rank([0.01, 0.02, 0.03, 0.04, 0.05])
    assert test.p == test.least_p == 0.0625
    assert not test.can_decide
    assert "with 5 pairs that differ it is at least 0.0625" in test.describe()
    assert wilcoxon_signed_rank([1, 2, 3, 4, 5, 6]).p == 0.03125


def test_wilcoxon_with_ties_and_zeros_worked_out_by_hand() -> None:
    # Ranks 2, 2, 2: the positive sum is 0, 2, 4 or 6 in 1, 3, 3 and 1 of eight cases.
    assert wilcoxon_signed_rank([1, 1, -1]).p == 1
    # Ranks 1.5, 1.5, 3.5, 3.5: sums up to 1.5 in 1 + 2 of 16 cases.
    test = wilcoxon_signed_rank([-1, 1, 0, 2, 2, 0])
    assert (test.statistic, test.p, test.pairs) == (1.5, 2 * 3 / 16, 4)
    # These differ by rounding alone, and tie.
    assert wilcoxon_signed_rank([0.3 - 0.2, 0.2 - 0.1, -0.1]).p == 1


def test_nothing_differs() -> None:
    for test in (
        wilcoxon_signed_rank([0, 0, 0]),
        mcnemar([True, False], [True, False]),
        corrected_resampled_t([0, 0, 0], 0.25),
    ):
        assert test.p == 1
        assert not test.decides
    assert "no pair differs" in wilcoxon_signed_rank([0, 0]).describe()


@given(st.sets(st.integers(1, 1000), min_size=1, max_size=9), st.data())
def test_wilcoxon_agrees_with_scipy_without_ties(sizes: set[int], data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes)))
    differences = np.array(sorted(sizes)) * signs
    expected = stats.wilcoxon(differences, method="exact")
    test = wilcoxon_signed_rank(differences)
    assert test.p == pytest.approx(expected.pvalue)
    assert test.statistic == expected.statistic


@given(st.lists(st.integers(-3, 3).filter(bool), min_size=1, max_size=7))
def test_wilcoxon_is_the_share_of_all_signs(differences: list[int]) -> None:
    ranks = stats.rankdata(np.abs(differences))
    sums = [ranks[np.array(s) > 0].sum() for s in product([-1, 1], repeat=len(ranks))]
    test = wilcoxon_signed_rank(differences)
    assert test.statistic is not None
    assert test.p == pytest.approx(min(1, 2 * np.mean(np.array(sums) <= test.statistic)))
    assert test.p is not None
    assert test.p >= test.least_p
    mirrored = wilcoxon_signed_rank([-d for d in differences])
    assert (mirrored.p, mirrored.statistic) == (test.p, test.statistic)


def pairs(first_alone: int, second_alone: int, both: int = 3) -> tuple[list[bool], list[bool]]:
    first = [True] * first_alone + [False] * second_alone + [True] * both
    second = [False] * first_alone + [True] * second_alone + [True] * both
    return first, second


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        # 2 (1 + 10) / 2**10, 2 (1 + 10 + 45) / 2**10, and half of all.
        (1, 9, 22 / 1024),
        (8, 2, 112 / 1024),
        (4, 4, 1),
        (0, 6, 2 / 64),
    ],
)
def test_mcnemar_worked_out_by_hand(first: int, second: int, p: float) -> None:
    test = mcnemar(*pairs(first, second))
    assert test.p == pytest.approx(p)
    assert (test.statistic, test.pairs) == (first, first + second)
    assert test.least_p == 2.0 ** (1 - first - second)


def test_the_corrected_t_worked_out_by_hand() -> None:
    test = corrected_resampled_t([0.01, 0.03, 0.02, 0.02, 0.02], 0.2)
    # mean 0.02, variance 0.0002 / 4; 1/5 + 0.2/0.8 = 0.45.
    t = 0.02 / sqrt(0.45 * 0.00005)
    assert test.statistic == pytest.approx(t)
    # Student's distribution with four degrees of freedom in closed form.
    x = t / sqrt(1 + t**2 / 4)
    assert test.p == pytest.approx(1 - 3 / 4 * x * (1 - x**2 / 12))
    plain = stats.ttest_1samp([0.01, 0.03, 0.02, 0.02, 0.02], 0)
    assert test.p is not None
    assert test.p > 2 * plain.pvalue


def test_without_overlap_the_correction_vanishes() -> None:
    differences = [0.01, -0.02, 0.05, 0.01]
    plain = stats.ttest_1samp(differences, 0)
    test = corrected_resampled_t(differences, 1e-12)
    assert (test.statistic, test.p) == (pytest.approx(plain.statistic), pytest.approx(plain.pvalue))


def test_equal_differences_say_nothing_about_their_scatter() -> None:
    test = corrected_resampled_t([0.1, 0.1, 0.1], 0.2)
    assert test.p is None
    assert "cannot be computed" in test.describe()


@pytest.mark.parametrize(("differences", "share"), [([1], 0.2), ([1, 2], 0), ([1, 2], 1)])
def test_what_the_t_test_refuses(differences: list[float], share: float) -> None:
    with pytest.raises(ValueError, match=r"folds|share"):
        corrected_resampled_t(differences, share)


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        mcnemar([True], [True, False])
    with pytest.raises(ValueError, match="paired"):
        compare_folds(("a", "b"), "accuracy", ([1, 2], [1, 2, 3]), 0.2)


def test_the_published_claim_is_not_repeated() -> None:
    better, worse = [0.81, 0.83, 0.82, 0.84, 0.85], [0.80, 0.80, 0.81, 0.80, 0.80]
    found = compare_folds(("ensemble", "vgg16"), "accuracy", (better, worse), 0.2)
    assert found.difference == pytest.approx(0.028)
    wilcoxon, t = found.tests
    assert wilcoxon.p == 0.0625
    assert t.p is not None
    assert "Wilcoxon signed-rank p = 0.0625, inconclusive" in found.sentence
    assert "no significant difference at 5%" in found.sentence


def test_sentences_of_each_kind() -> None:
    def sentence(better: list[float], right: tuple[list[bool], list[bool]]) -> str:
        return compare_folds(("a", "b"), "accuracy", (better, [0.5] * 5), 0.2, right).sentence

    clear, vague = [0.7, 0.71, 0.72, 0.7, 0.71], [0.7, 0.4, 0.55, 0.6, 0.45]
    assert "+0.208 ± 0.008, significant at 5% (" in sentence(clear, pairs(40, 2))
    assert "McNemar p < 0.0001" in sentence(clear, pairs(40, 2))
    assert "disagree" in sentence(vague, pairs(40, 2))
    assert "no significant difference" in sentence(vague, pairs(5, 6))
    assert "inconclusive for so few data" in sentence([0.6] * 5, pairs(1, 0))


def test_json_holds_the_sentence() -> None:
    found = compare_folds(("a", "b"), "accuracy", ([1, 1], [1, 0]), 0.5, pairs(1, 0))
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content["sentence"] == found.sentence
    assert [test["name"] for test in content["tests"]] == [
        "Wilcoxon signed-rank",
        "corrected resampled t",
        "McNemar",
    ]
