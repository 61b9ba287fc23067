"""Cross-validate classifiers that predict votes: train each fold, measure its held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import load_classifier
from ..classification.votes import predict_votes
from ..configs import ClassifierTraining
from ..datasets.votes.vote_trees import VOTE_TREES, VoteTree
from ..errors import ConfigError, require
from ..files.report import Block, Heading, Report, Table
from ..models.training_folder import open_trainer
from ..progress import Progress
from .folds import plan_folds, summarize, train_folds, write_result
from .significance import Comparison, compare_folds

if TYPE_CHECKING:
    from ..classification.classifier import Classifier
    from ..metrics.classifier_metrics import ClassificationMetrics
    from ..metrics.vote_metrics import VoteMetrics

__all__ = ["ValidatedVotes", "VoteCrossValidation", "cross_validate_votes"]

CLEAR = 0.5
"""Vote probability that one of the ten classes has in a clear case."""

_ERRORS = {
    "rmse": "RMSE",
    "constant_rmse": "RMSE if the mean is predicted for all",
    "mse": "MSE",
    "cross_entropy": "binary cross-entropy",
    "largest_excess": "largest error of a sum",
}


@dataclass(frozen=True, eq=False)
class _Fold:
    """Held-out images of a fold.

    Attributes
    ----------
    path : Path
        Bundle of the fold.
    images : tuple of Path
        The N images.
    truth, votes : ndarray, shape (N, A)
        Voted and predicted fraction of all volunteers who give each answer.
    probabilities : ndarray of float32, shape (N, C)
        Predicted probabilities of the classes.
    """

    path: Path
    images: tuple[Path, ...]
    truth: NDArray[np.float64]
    votes: NDArray[np.float32]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ValidatedVotes:
    """Classifiers of one training, one for each fold.

    Attributes
    ----------
    name : str
        Unique name of the training.
    tree : VoteTree
        Decision tree of the votes.
    class_names : tuple of str
        Classes that follow from the votes.
    folds : tuple of _Fold
        Held-out images of each fold, with votes and predictions.
    """

    name: str
    tree: VoteTree
    class_names: tuple[str, ...]
    folds: tuple[_Fold, ...]

    @cached_property
    def metrics(self) -> list[VoteMetrics]:
        """Metrics of the votes of each fold."""
        return [self._measure([fold]) for fold in self.folds]

    @cached_property
    def pooled(self) -> VoteMetrics:
        """Metrics of the votes for the images of all folds together."""
        return self._measure(self.folds)

    @cached_property
    def classes(self) -> ClassificationMetrics | None:
        """Metrics of the classes for the clear cases of all folds; None if there are none."""
        from ..metrics.classifier_metrics import evaluate_probabilities

        shares = self.tree.galaxy10_shares(np.concatenate([fold.truth for fold in self.folds]))
        clear = shares.max(axis=1) > CLEAR
        if not clear.any():
            return None
        given = np.concatenate([fold.probabilities for fold in self.folds])
        return evaluate_probabilities(shares.argmax(axis=1)[clear], given[clear], self.class_names)

    def _measure(self, folds: Sequence[_Fold]) -> VoteMetrics:
        from ..metrics.vote_metrics import evaluate_votes

        truth = np.concatenate([fold.truth for fold in folds])
        votes = np.concatenate([fold.votes for fold in folds])
        tree = self.tree
        return evaluate_votes(truth, votes, tree.places, tree.columns, tree.sums(votes))

    def values(self, measure: str) -> list[float]:
        """Return a metric for each fold.

        Parameters
        ----------
        measure : str
            Attribute of `VoteMetrics`.
        """
        return [getattr(metrics, measure) for metrics in self.metrics]

    def to_json(self) -> dict[str, Any]:
        """Return metrics of each fold and pooled, and their mean and standard deviation."""
        return {
            "name": self.name,
            "bundles": [str(fold.path) for fold in self.folds],
            "summary": {measure: summarize(self.values(measure)) for measure in _ERRORS},
            "folds": [metrics.to_json() for metrics in self.metrics],
            "pooled": self.pooled.to_json(),
            "classes": None if self.classes is None else self.classes.to_json(),
        }


@dataclass(frozen=True, eq=False)
class VoteCrossValidation:
    """Result of a cross-validation of classifiers that predict votes.

    Attributes
    ----------
    folds : int
        Number of folds.
    trainings : tuple of ValidatedVotes
        The trainings.
    comparisons : tuple of Comparison
        Comparisons of the RMSE of all pairs of trainings with the same held-out images.
    """

    folds: int
    trainings: tuple[ValidatedVotes, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return tables and comparisons."""
        from ..metrics.vote_metrics import vote_table
        from .classifier_report import metrics_table

        blocks: list[Block] = [
            f"{self.folds} folds, split by galaxy: the votes for every image are predicted once, "
            "by a classifier trained without images of its galaxy. Mean ± standard deviation over "
            "the folds.",
            Table(
                ["measure", *(one.name for one in self.trainings)],
                [
                    [title, *(_spread(one.values(measure), measure) for one in self.trainings)]
                    for measure, title in _ERRORS.items()
                ],
            ),
            *(comparison.sentence for comparison in self.comparisons),
            Heading("All folds together"),
            vote_table({one.name: one.pooled for one in self.trainings}),
            Heading("RMSE of each question"),
            Table(
                ["question", *(one.name for one in self.trainings)],
                [
                    [name, *(f"{one.pooled.questions[name]:.4f}" for one in self.trainings)]
                    for name in self.trainings[0].tree.places
                ],
            ),
        ]
        classes = {one.name: one.classes for one in self.trainings if one.classes is not None}
        if classes:
            blocks += [
                Heading("Classes that follow from the votes"),
                "Clear cases, in which one of the ten classes has a vote probability of more than "
                "one half.",
                metrics_table(classes),
            ]
        return Report(f"Cross-validation: {', '.join(one.name for one in self.trainings)}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of each fold, their mean and deviation, and the comparisons."""
        return {
            "folds": self.folds,
            "trainings": [one.to_json() for one in self.trainings],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }


def cross_validate_votes(
    configs: Sequence[ClassifierTraining],
    output: str | Path,
    *,
    folds: int = 5,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> VoteCrossValidation:
    """Cross-validate classifiers that predict votes, as `cross_validate_classifiers` others.

    Parameters
    ----------
    configs : sequence of ClassifierTraining
        At least one, all with the votes of the same campaign.
    output : path
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``models/`` with a folder
        per fold.  Finished folds are reused, an interrupted one is resumed.
    folds : int
        Number of folds, at least 2.
    overwrite : bool
        Replace an earlier report in `output`; its trained folds are reused, unless the data have
        changed.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    VoteCrossValidation

    Raises
    ------
    ConfigError
        If the data cannot be split into so many folds, or the campaigns differ.
    InputError
        If tables, images or initial weights cannot be read.
    OutputError
        If the folder contains other files, or folds that were trained with other data, or cannot
        be written.
    MissingExtraError
        If the training packages are not installed.
    """
    require("sklearn", "train")
    campaign = configs[0].votes
    if campaign is None or any(config.votes != campaign for config in configs):
        raise ConfigError(
            "Trainings that predict votes are compared with those of the same campaign alone: "
            + ", ".join(f"{config.name} has votes: {config.votes}" for config in configs)
        )
    folder, planned = plan_folds("classifier", configs, folds, output, overwrite=overwrite)
    train = open_trainer("classifier")
    trainings = []
    for one in planned:
        held_out = []
        for config, path in train_folds(train, one, progress):
            classifier = load_classifier(path)
            held_out.append(_predict_held_out(config, classifier))
        tree, class_names = VOTE_TREES[campaign], classifier.class_names
        trainings.append(ValidatedVotes(one.name, tree, class_names, tuple(held_out)))
    comparisons = [
        compare_folds(
            (first.name, second.name),
            "RMSE",
            (first.values("rmse"), second.values("rmse")),
            1 / folds,
        )
        for first, second in combinations(trainings, 2)
        if [fold.images for fold in first.folds] == [fold.images for fold in second.folds]
    ]
    result = VoteCrossValidation(folds, tuple(trainings), tuple(comparisons))
    write_result(folder, result)
    return result


def _predict_held_out(config: ClassifierTraining, classifier: Classifier) -> _Fold:
    """Predict the votes for the test images of a training, cropped as in its measurement."""
    from ..classification.crops import read_crops
    from ..classification.training.sources import held_out_images

    images, boxes = held_out_images(config)
    paths = [item.path for item in images]
    truth = np.array([item.probabilities for item in images])
    crops = read_crops(paths, classifier.input_size, config.crop_margin, boxes)
    votes, probabilities = predict_votes(classifier, crops)
    return _Fold(classifier.bundle.path, tuple(paths), truth, votes, probabilities)


def _spread(values: Sequence[float], measure: str) -> str:
    if measure == "largest_excess":
        return f"{max(values):.1e}"
    mean, deviation = (summarize(values) or {}).values()
    return f"{mean:.4f} ± {deviation:.4f}"
