"""Significance tests of paired results: Wilcoxon, McNemar, Nadeau-Bengio.

With few pairs a test may be unable to reach significance: with five folds, the smallest two-sided p
of Wilcoxon's test is 2/32 = 0.0625, although p < 0.05 was published for the ensemble.  Therefore
each test reports the smallest p possible for its number of pairs, and is inconclusive if this is
above the significance level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "LEVEL",
    "Comparison",
    "PairedTest",
    "compare_folds",
    "corrected_resampled_t",
    "mcnemar",
    "wilcoxon_signed_rank",
]

LEVEL = 0.05
"""Significance level."""

# Differences of two metrics below this are rounding errors.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedTest:
    """Result of a two-sided test.

    Attributes
    ----------
    name : str
        The test.
    statistic : float or None
        Test statistic; None if it cannot be computed.
    p : float or None
        Probability of a statistic at least as extreme under the null hypothesis.
    pairs : int
        Number of pairs that differ; for the t test, of all pairs.
    least_p : float
        Smallest possible p for this number of pairs.
    """

    name: str
    statistic: float | None
    p: float | None
    pairs: int
    least_p: float

    @property
    def can_decide(self) -> bool:
        """True if p can be below `LEVEL` for this number of pairs."""
        return self.p is not None and self.least_p < LEVEL

    @property
    def decides(self) -> bool:
        """True if the difference is significant."""
        return self.p is not None and self.p < LEVEL

    def describe(self) -> str:
        """Return name and p, and the reason if the test is inconclusive."""
        if self.p is None:
            return f"{self.name} cannot be computed: all {self.pairs} differences are equal"
        text = f"{self.name} p " + (f"= {self.p:.3g}" if self.p >= 0.0001 else "< 0.0001")
        if self.can_decide:
            return text
        if not self.pairs:
            return f"{text}, as no pair differs"
        return (
            f"{text}, inconclusive: with {self.pairs} "
            f"{'pair that differs' if self.pairs == 1 else 'pairs that differ'} it is at least "
            f"{self.least_p:.3g}"
        )


@dataclass(frozen=True)
class Comparison:
    """Comparison of two models on the same folds.

    Attributes
    ----------
    first, second : str
        Names of the models.
    measure : str
        Name of the metric.
    difference, deviation : float
        Mean and standard deviation of first minus second over the folds.
    tests : tuple of PairedTest
    """

    first: str
    second: str
    measure: str
    difference: float
    deviation: float
    tests: tuple[PairedTest, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain values, including `sentence`."""
        return asdict(self) | {"tests": [asdict(t) for t in self.tests], "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """Difference, conclusion of the tests, and their p values."""
        able = [test for test in self.tests if test.can_decide]
        deciding = [test for test in able if test.decides]
        if not able:
            verdict = "inconclusive for so few data"
        elif not deciding:
            verdict = f"no significant difference at {LEVEL:.0%}"
        elif len(deciding) == len(able):
            verdict = f"significant at {LEVEL:.0%}"
        else:
            verdict = f"inconclusive at {LEVEL:.0%}, as the tests disagree"
        return (
            f"{self.measure} of {self.first} minus {self.second}: {self.difference:+.3f} ± "
            f"{self.deviation:.3f}, {verdict} ({'; '.join(t.describe() for t in self.tests)})."
        )


def compare_folds(
    names: tuple[str, str],
    measure: str,
    values: tuple[Sequence[float], Sequence[float]],
    test_share: float,
    correct: tuple[ArrayLike, ArrayLike] | None = None,
) -> Comparison:
    """Compare two models by all applicable tests.

    Parameters
    ----------
    names : (str, str)
        Names of the first and the second model.
    measure : str
        Name of the metric, such as ``accuracy``.
    values : (sequence of float, sequence of float)
        Metric of both models on each fold, at least two folds.
    test_share : float
        Fraction of the data in the test fold: 0.2 with five folds.
    correct : (array of bool, array of bool), optional
        Whether each model is correct on each object of the pooled test folds, for McNemar's test.

    Raises
    ------
    ValueError
        If the numbers of folds or objects differ.
    """
    first, second = (np.asarray(metric, dtype=np.float64) for metric in values)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} folds cannot be paired")
    differences = first - second
    tests = [wilcoxon_signed_rank(differences), corrected_resampled_t(differences, test_share)]
    if correct is not None:
        tests.append(mcnemar(*correct))
    return Comparison(
        *names, measure, float(differences.mean()), float(differences.std(ddof=1)), tuple(tests)
    )


def wilcoxon_signed_rank(differences: ArrayLike) -> PairedTest:
    """Perform Wilcoxon's signed-rank test, two-sided, with the exact distribution.

    Differences of zero are excluded, tied differences have mean ranks [1]_ [2]_.
    `scipy.stats.wilcoxon` has the exact distribution only without ties; with ties, which are common
    for folds of few images, it enumerates all signs, which takes seconds for ten pairs and minutes
    for twenty.

    Parameters
    ----------
    differences : array of float, shape (n,)
        Difference of each pair.

    Returns
    -------
    PairedTest
        The statistic is the smaller of the two sums of ranks.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 80
       (1945).
    .. [2] W. J. Conover, "Practical Nonparametric Statistics", 3rd edition, section 5.7 (1999).

    Examples
    --------
    >>> wilcoxon_signed_rank([0.01, 0.03, 0.01, 0.04, 0.05]).p
    0.0625
    """
    from scipy.stats import rankdata

    values = np.asarray(differences, dtype=np.float64)
    values = values[np.abs(values) > _ROUNDING]
    # Twice the ranks are integers, also for mean ranks.
    ranks = np.rint(2 * rankdata(np.round(np.abs(values), 12))).astype(np.int64)
    # Probability of each sum of positive ranks, each positive with a probability of 1/2.
    distribution = np.ones(1)
    for rank in ranks:
        step = np.zeros(rank + 1)
        step[[0, rank]] = 0.5
        distribution = np.convolve(distribution, step)
    positive = int(ranks[values > 0].sum())
    smaller = min(positive, int(ranks.sum()) - positive)
    p = min(1.0, 2 * float(distribution[: smaller + 1].sum()))
    return PairedTest("Wilcoxon signed-rank", smaller / 2, p, len(values), _least_p(len(values)))


def mcnemar(first_correct: ArrayLike, second_correct: ArrayLike) -> PairedTest:
    """Perform McNemar's test, two-sided, with the exact binomial distribution.

    The test uses the objects on which exactly one of the two models is correct [1]_.  Pooled over
    the test folds, where each object is predicted once, it uses all objects and not only the means
    of the folds; it does not include the variation between training sets [2]_.

    Parameters
    ----------
    first_correct, second_correct : array of bool, shape (n,)
        Whether each model is correct on each object.

    Returns
    -------
    PairedTest
        The statistic is the number of objects on which only the first is correct.

    Raises
    ------
    ValueError
        If the lengths differ.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated proportions
       or percentages", Psychometrika 12, 153 (1947).
    .. [2] T. G. Dietterich, "Approximate statistical tests for comparing supervised classification
       learning algorithms", Neural Computation 10, 1895 (1998).
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} objects cannot be paired")
    alone = int((first & ~second).sum())
    pairs = alone + int((second & ~first).sum())
    p = float(binomtest(alone, pairs).pvalue) if pairs else 1.0
    return PairedTest("McNemar", float(alone), p, pairs, _least_p(pairs))


def corrected_resampled_t(differences: ArrayLike, test_share: float) -> PairedTest:
    """Perform the corrected resampled t test of Nadeau and Bengio, two-sided.

    Training sets of different folds overlap, so the plain paired t test underestimates the variance
    of the mean.  Nadeau and Bengio replace 1/k in the variance of the mean over k folds by
    1/k + n_test / n_train [1]_.

    Parameters
    ----------
    differences : array of float, shape (k,)
        Difference of each fold, k at least 2.
    test_share : float
        Fraction of the data in the test fold, between 0 and 1.

    Returns
    -------
    PairedTest
        The statistic is t, with k - 1 degrees of freedom; None if all differences are equal and not
        zero, as their variance is then unknown.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or `test_share` is not between 0 and 1.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       239 (2003), equation 9.
    """
    from scipy.stats import t as student

    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{values.shape} differences: at least two folds are needed")
    if not 0 < test_share < 1:
        raise ValueError(f"test_share {test_share} is not between 0 and 1")
    name, folds = "corrected resampled t", len(values)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    if deviation < _ROUNDING:
        equal = abs(mean) < _ROUNDING
        return PairedTest(name, 0.0 if equal else None, 1.0 if equal else None, folds, 0.0)
    statistic = mean / (deviation * sqrt(1 / folds + test_share / (1 - test_share)))
    p = float(2 * student.sf(abs(statistic), folds - 1))
    return PairedTest(name, statistic, p, folds, 0.0)


def _least_p(pairs: int) -> float:
    """Return the two-sided p of pairs that all differ in the same direction."""
    return min(1.0, 2.0 ** (1 - pairs))
