"""Heads of networks that predict votes: a decision tree of softmaxes, or independent sigmoids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

import keras
from keras import layers, ops

from ...configs import VoteTreeName
from ...datasets.votes.vote_trees import VOTE_TREES
from ...metrics.vote_metrics import MAJORITY
from .losses import FLOOR

__all__ = [
    "DecisionTree",
    "DirichletTreeLoss",
    "SigmoidLoss",
    "TreeLoss",
    "VoteHead",
    "squared_error",
]

_LARGEST_LOGIT = 12.0
"""Largest absolute logit from which a concentration is computed: from 6e-6 to 160,000."""

_SHIFT = 7
"""Number by which the argument of the logarithm of the gamma function is raised, so that the
asymptotic series has the precision of 32-bit numbers."""


@keras.saving.register_keras_serializable(package="galpipe")
class DecisionTree(layers.Layer):
    """Layer from logits to the fraction of all volunteers who give each answer.

    The answers of a question share, by a softmax, the sum of the answers that lead to it, so the
    sums of the tree hold for any logits.

    Parameters
    ----------
    answers : sequence of int
        Number of answers of each question, in the order of the logits.
    leading : sequence of sequence of int
        Indices of the answers that lead to each question; none if it is asked of all.
    **settings
        Settings of `keras.layers.Layer`.
    """

    def __init__(
        self, answers: Sequence[int], leading: Sequence[Sequence[int]], **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._answers = [int(count) for count in answers]
        self._leading = [[int(index) for index in indices] for indices in leading]

    def call(self, logits: Any) -> Any:  # numpydoc ignore=PR01
        """Return the values, shape (N, A), of logits of the same shape."""
        starts = [sum(self._answers[:number]) for number in range(len(self._answers))]
        question_of = [number for number, count in enumerate(self._answers) for _ in range(count)]
        values: dict[int, Any] = {}

        def value(number: int) -> Any:
            if number not in values:
                start = starts[number]
                shares = ops.softmax(logits[:, start : start + self._answers[number]], axis=-1)
                parts = [
                    value(question_of[index])[:, place : place + 1]
                    for index in self._leading[number]
                    for place in [index - starts[question_of[index]]]
                ]
                values[number] = shares * sum(parts[1:], start=parts[0]) if parts else shares
            return values[number]

        return ops.concatenate([value(number) for number in range(len(self._answers))], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:  # numpydoc ignore=PR01
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for serialization."""
        config: dict[str, Any] = super().get_config()
        return config | {"answers": self._answers, "leading": self._leading}


@keras.saving.register_keras_serializable(package="galpipe")
class TreeLoss(keras.losses.Loss):
    """Negative log-likelihood of the votes for a galaxy, by the number of volunteers.

    The votes for the answers of a question are multinomial.  Divided by the number of volunteers,
    the logarithm of their likelihood is, but for a constant, the sum over the answers of the
    fraction of all volunteers who gave each, times the logarithm of its predicted share of its
    question.  A question that few volunteers reach so has little weight.

    Parameters
    ----------
    answers : sequence of int
        Number of answers of each question, in the order of the values.
    **settings
        Settings of `keras.losses.Loss`.
    """

    def __init__(self, answers: Sequence[int], **settings: Any) -> None:
        super().__init__(**settings)
        self._answers = [int(count) for count in answers]

    def call(self, y_true: Any, y_pred: Any) -> Any:  # numpydoc ignore=PR01
        """Return the loss of each row; targets are those of `Labels.to_targets`."""
        predicted = ops.clip(ops.convert_to_tensor(y_pred), FLOOR, 1.0)
        voted = ops.cast(y_true, predicted.dtype)[:, :-1]
        loss = -ops.sum(voted * ops.log(predicted), axis=-1)
        start = 0
        for count in self._answers:
            place = slice(start, start + count)
            start += count
            reached = ops.log(ops.sum(predicted[:, place], axis=-1))
            loss += ops.sum(voted[:, place], axis=-1) * reached
        return loss

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for serialization."""
        config: dict[str, Any] = super().get_config()
        return config | {"answers": self._answers}


@keras.saving.register_keras_serializable(package="galpipe")
class DirichletTreeLoss(keras.losses.Loss):
    """Negative log-likelihood of the votes for a galaxy, if answers scatter between galaxies.

    The votes for the answers of a question have a Dirichlet-multinomial distribution (Walmsley et
    al. 2020, MNRAS 491, 1554, for two answers; Walmsley et al. 2022, MNRAS 509, 3966), so that
    volunteers may disagree with the prediction by more than chance, and a question with many votes
    does not outweigh all others.  The concentrations are the exponentials of the logits, of which
    the softmax is then the mean; in these publications they are sigmoids, scaled to 1 to 101.

    Parameters
    ----------
    answers : sequence of int
        Number of answers of each question, in the order of the values.
    **settings
        Settings of `keras.losses.Loss`.
    """

    def __init__(self, answers: Sequence[int], **settings: Any) -> None:
        super().__init__(**settings)
        self._answers = [int(count) for count in answers]

    def call(self, y_true: Any, y_pred: Any) -> Any:  # numpydoc ignore=PR01
        """Return the loss of each row, of logits; targets are those of `Labels.to_targets`."""
        logits = ops.convert_to_tensor(y_pred)
        concentrations = ops.exp(ops.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT))
        targets = ops.cast(y_true, concentrations.dtype)
        votes = targets[:, :-1] * targets[:, -1:]
        # The likelihood of a question is n! / prod(k!) times the rising factorials of the
        # concentrations over that of their sum; n! and k! are those of 1.
        answers = _log_ratio(concentrations, votes)
        questions = _log_ratio(self._sums(concentrations), self._sums(votes))
        return ops.sum(questions, axis=-1) - ops.sum(answers, axis=-1)

    def _sums(self, values: Any) -> Any:
        """Return the sum over the answers of each question, shape (N, questions)."""
        places = pairwise([0, *accumulate(self._answers)])
        return ops.stack([ops.sum(values[:, a:b], axis=-1) for a, b in places], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for serialization."""
        config: dict[str, Any] = super().get_config()
        return config | {"answers": self._answers}


def _log_ratio(start: Any, count: Any) -> Any:
    """Return the logarithm of the rising factorial of a number over that of 1."""
    return _log_rising_factorial(start, count) - _log_rising_factorial(ops.ones_like(count), count)


def _log_rising_factorial(start: Any, count: Any) -> Any:
    """Return log(gamma(start + count) / gamma(start)) for positive start and count of at least 0.

    By the recurrence and the asymptotic series of the gamma function (DLMF 5.5.1, 5.11.1), as sums
    without a difference of large numbers, which 32 bits would round.
    """
    first, last = start + _SHIFT, start + _SHIFT + count
    series = (1 / last - 1 / first) / 12 - (1 / last**3 - 1 / first**3) / 360
    result = (first - 0.5) * ops.log1p(count / first) + count * (ops.log(last) - 1) + series
    for step in range(_SHIFT):
        result -= ops.log1p(count / (start + step))
    return result


@keras.saving.register_keras_serializable(package="galpipe")
class SigmoidLoss(keras.losses.Loss):
    """Binary cross-entropy, the mean over the answers.

    Parameters
    ----------
    majority : bool
        The targets are 1 for answers of more than half of all volunteers, else 0, instead of the
        fractions.
    **settings
        Settings of `keras.losses.Loss`.
    """

    def __init__(self, majority: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self._majority = majority

    def call(self, y_true: Any, y_pred: Any) -> Any:  # numpydoc ignore=PR01
        """Return the loss of each row; targets are those of `Labels.to_targets`."""
        predicted = ops.convert_to_tensor(y_pred)
        voted = ops.cast(y_true, predicted.dtype)[:, :-1]
        if self._majority:
            voted = ops.cast(voted > MAJORITY, predicted.dtype)
        return keras.losses.binary_crossentropy(voted, predicted)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for serialization."""
        config: dict[str, Any] = super().get_config()
        return config | {"majority": self._majority}


@keras.saving.register_keras_serializable(package="galpipe")
def squared_error(targets: Any, predicted: Any) -> Any:
    """Return the mean squared error of each row, for targets of `Labels.to_targets`.

    Parameters
    ----------
    targets : tensor, shape (N, A + 1)
        Encoded values.
    predicted : tensor, shape (N, A)
        Predicted values.
    """
    predicted = ops.convert_to_tensor(predicted)
    difference = predicted - ops.cast(targets, predicted.dtype)[:, :-1]
    return ops.mean(ops.square(difference), axis=-1)


@dataclass(frozen=True)
class VoteHead:
    """Output layers and loss of a network that predicts the votes of a decision tree.

    Attributes
    ----------
    tree : str
        Key of `VOTE_TREES`.
    kind : {"tree", "sigmoid", "majority"}
        A softmax for each question, multiplied by the fraction of volunteers who reach it, with
        `TreeLoss` or `DirichletTreeLoss`; or a sigmoid for each answer, with `SigmoidLoss`, for the
        fraction or for whether it is that of the majority.
    dirichlet : bool
        Use `DirichletTreeLoss`, for a tree.
    """

    tree: VoteTreeName
    kind: Literal["tree", "sigmoid", "majority"]
    dirichlet: bool = False

    def append(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Append the layers to features, in 32-bit precision.

        Parameters
        ----------
        features : KerasTensor
            Features, shape (N, F).

        Returns
        -------
        KerasTensor
            Values of the A answers, shape (N, A).
        """
        # Members find their last layer with weights by the name "probabilities".
        dense = layers.Dense(
            sum(self._answers),
            activation=None if self.kind == "tree" else "sigmoid",
            dtype="float32",
            name="probabilities",
        )
        outputs: keras.KerasTensor = dense(features)
        if self.kind != "tree":
            return outputs
        votes: keras.KerasTensor = self._decision_tree("votes")(outputs)
        return votes

    def trained(self, model: keras.Model) -> keras.Model:
        """Return the part of a network that is trained, of which the loss is computed.

        Parameters
        ----------
        model : keras.Model
            Network that ends in the layers of `append`.

        Returns
        -------
        keras.Model
            The network; or, for `DirichletTreeLoss`, the network up to the logits, with the same
            weights.
        """
        if not self.dirichlet:
            return model
        logits = model.get_layer("probabilities").output
        return keras.Model(model.inputs, logits, name=f"{model.name}_logits")

    @property
    def loss(self) -> keras.losses.Loss:
        """The loss of what is trained, for targets of `Labels.to_targets`."""
        if self.dirichlet:
            return DirichletTreeLoss(self._answers)
        if self.kind == "tree":
            return TreeLoss(self._answers)
        return SigmoidLoss(majority=self.kind == "majority")

    @property
    def metric(self) -> Callable[[Any, Any], Any]:
        """The squared error of what is trained, for targets of `Labels.to_targets`."""
        error: Callable[[Any, Any], Any] = squared_error
        if not self.dirichlet:
            return error
        decide = self._decision_tree("squared_error_votes")

        def squared_error_of_logits(targets: Any, logits: Any) -> Any:
            return error(targets, decide(logits))

        squared_error_of_logits.__name__ = squared_error.__name__
        return squared_error_of_logits

    def _decision_tree(self, name: str) -> DecisionTree:
        leading = list(VOTE_TREES[self.tree].leading.values())
        return DecisionTree(self._answers, leading, dtype="float32", name=name)

    @property
    def _answers(self) -> list[int]:
        """Number of answers of each question."""
        return [len(one.answers) for one in VOTE_TREES[self.tree].questions.values()]
