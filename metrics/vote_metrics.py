"""Metrics of predicted votes: errors of the fractions, and of the answers of the majority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..files.report import Table, format_number

__all__ = [
    "MAJORITY",
    "AnswerMetrics",
    "MajorityMetrics",
    "VoteMetrics",
    "evaluate_votes",
    "vote_table",
]

MAJORITY = 0.5
"""Fraction of all volunteers above which an answer is that of the majority."""

_FLOOR = 1e-7
"""Lower limit of fractions in logarithms, as in the cross-entropies of Keras."""

_ERRORS = {
    "rmse": "RMSE",
    "constant_rmse": "RMSE if the mean is predicted for all",
    "mse": "MSE",
    "cross_entropy": "binary cross-entropy",
}
_OF_MAJORITY = {
    "accuracy": "accuracy over all answers",
    "none_accuracy": "the same if no answer is predicted",
    "exact_match": "images with all answers right",
    "none_exact_match": "the same if no answer is predicted",
    "macro_f1": "macro F1",
    "mean_average_precision": "mean average precision",
}


@dataclass(frozen=True)
class AnswerMetrics:
    """Metrics of one answer.

    Attributes
    ----------
    name : str
        The answer.
    mean : float
        Mean of the true fractions.
    rmse : float
        Root mean square error of the predicted fractions.
    images : int
        Number of images for which it is the answer of the majority.
    f1 : float or None
        F1 of it as the answer of the majority; None without such images.
    average_precision : float or None
        Area under the precision-recall curve, with images ranked by the predicted fraction; None
        without such images.
    """

    name: str
    mean: float
    rmse: float
    images: int
    f1: float | None
    average_precision: float | None


@dataclass(frozen=True)
class MajorityMetrics:
    """Metrics of the answers of the majority, as labels of which an image has several.

    Attributes
    ----------
    accuracy : float
        Fraction of all answers of all images that are right.  Most are not that of the majority.
    none_accuracy : float
        The same if no answer is ever predicted.
    exact_match : float
        Fraction of the images of which all answers are right.
    none_exact_match : float
        The same if no answer is ever predicted.
    macro_f1 : float
        Mean F1 of the answers that are that of the majority in some image; NaN without.
    mean_average_precision : float
        Mean of their average precisions; NaN without.
    """

    accuracy: float
    none_accuracy: float
    exact_match: float
    none_exact_match: float
    macro_f1: float
    mean_average_precision: float


@dataclass(frozen=True)
class VoteMetrics:
    """Metrics of predicted votes on a set of images.

    Attributes
    ----------
    images : int
        Number of images.
    rmse : float
        Root mean square error over all answers of all images, the measure of the Kaggle Galaxy
        Challenge.
    mse : float
        Its square.
    cross_entropy : float
        Mean binary cross-entropy of the answers.
    constant_rmse : float
        RMSE if the mean of the true fractions is predicted for every image.
    largest_excess : float
        Largest difference between the sum over the answers of a question and the sum of those that
        lead to it.
    majority : MajorityMetrics
        Metrics of the answers above one half.
    questions : dict of str to float
        RMSE of the answers of each question.
    answers : tuple of AnswerMetrics
        Metrics of each answer.
    """

    images: int
    rmse: float
    mse: float
    cross_entropy: float
    constant_rmse: float
    largest_excess: float
    majority: MajorityMetrics
    questions: dict[str, float]
    answers: tuple[AnswerMetrics, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable values; NaN becomes None."""
        content = asdict(self)
        content["majority"] = {
            name: None if np.isnan(value) else value for name, value in content["majority"].items()
        }
        content["answers"] = list(content["answers"])
        return content

    def question_table(self) -> Table:
        """Return the error of each question as a table."""
        return Table(
            ["question", "RMSE"], [[name, f"{rmse:.4f}"] for name, rmse in self.questions.items()]
        )

    def answer_table(self, texts: Sequence[str]) -> Table:
        """Return the metrics of each answer as a table.

        Parameters
        ----------
        texts : sequence of str
            The answers in words.
        """
        return Table(
            ["answer", "in words", "mean fraction", "RMSE", "majority", "F1", "average precision"],
            [
                [
                    answer.name,
                    text,
                    format_number(answer.mean),
                    f"{answer.rmse:.4f}",
                    str(answer.images),
                    format_number(answer.f1),
                    format_number(answer.average_precision),
                ]
                for answer, text in zip(self.answers, texts, strict=True)
            ],
        )


def vote_table(metrics: Mapping[str, VoteMetrics]) -> Table:
    """Return the overall metrics as a table, a column for each model.

    Parameters
    ----------
    metrics : mapping of str to VoteMetrics
        Metrics by the name of the model.
    """
    measured = list(metrics.values())
    rows = [["images", *(str(one.images) for one in measured)]]
    for name, title in _ERRORS.items():
        rows.append([title, *(f"{getattr(one, name):.4f}" for one in measured)])
    rows.append(["largest error of a sum", *(f"{one.largest_excess:.2g}" for one in measured)])
    for name, title in _OF_MAJORITY.items():
        rows.append([title, *(format_number(getattr(one.majority, name)) for one in measured)])
    return Table(["measure", *metrics], rows)


def evaluate_votes(
    truth: NDArray[np.floating],
    predicted: NDArray[np.floating],
    places: Mapping[str, slice],
    names: Sequence[str],
    excess: NDArray[np.float64],
) -> VoteMetrics:
    """Compute the metrics of predicted votes.

    Parameters
    ----------
    truth : ndarray, shape (N, A)
        Fraction of all volunteers who gave each answer.
    predicted : ndarray, shape (N, A)
        Predicted fractions.
    places : mapping of str to slice
        Places of the answers of each question.
    names : sequence of str
        The A answers.
    excess : ndarray of float64, shape (N, Q)
        Difference between the predicted answers of each question and those that lead to it.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    require("sklearn", "train")
    from sklearn.metrics import average_precision_score

    true, given = truth.astype(np.float64), predicted.astype(np.float64)
    squared = (given - true) ** 2
    likely = np.clip(given, _FLOOR, 1 - _FLOOR)
    entropy = -(true * np.log(likely) + (1 - true) * np.log1p(-likely))
    wanted, found = true > MAJORITY, given > MAJORITY
    answers = []
    for index, name in enumerate(names):
        is_true, is_found = wanted[:, index], found[:, index]
        occurs = bool(is_true.any())
        both = 2 * np.count_nonzero(is_true & is_found)
        total = np.count_nonzero(is_true) + np.count_nonzero(is_found)
        answers.append(
            AnswerMetrics(
                name=name,
                mean=float(true[:, index].mean()),
                rmse=float(np.sqrt(squared[:, index].mean())),
                images=int(is_true.sum()),
                f1=both / total if occurs else None,
                average_precision=(
                    float(average_precision_score(is_true, given[:, index])) if occurs else None
                ),
            )
        )
    f1 = [one.f1 for one in answers if one.f1 is not None]
    precision = [one.average_precision for one in answers if one.average_precision is not None]
    return VoteMetrics(
        images=len(true),
        rmse=float(np.sqrt(squared.mean())),
        mse=float(squared.mean()),
        cross_entropy=float(entropy.mean()),
        constant_rmse=float(np.sqrt(true.var(axis=0).mean())),
        largest_excess=float(np.abs(excess).max()),
        majority=MajorityMetrics(
            accuracy=float((wanted == found).mean()),
            none_accuracy=float((~wanted).mean()),
            exact_match=float((wanted == found).all(axis=1).mean()),
            none_exact_match=float((~wanted).all(axis=1).mean()),
            macro_f1=float(np.mean(f1)) if f1 else float("nan"),
            mean_average_precision=float(np.mean(precision)) if precision else float("nan"),
        ),
        questions={
            name: float(np.sqrt(squared[:, place].mean())) for name, place in places.items()
        },
        answers=tuple(answers),
    )
