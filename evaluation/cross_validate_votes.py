"""Cross-validate classifiers that predict votes, also against those that predict classes."""

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
from ..configs import ClassifierTraining, VoteTreeName
from ..datasets.votes.vote_trees import VOTE_TREES, VoteTree
from ..errors import ConfigError, require
from ..files.report import Block, Heading, Report, Table
from ..models.training_folder import open_trainer
from ..progress import Progress
from .classifier_folds import ClassifierCrossValidation, ValidatedClassifier, ValidatedTraining
from .cross_validate_classifiers import compare_trainings, validate_training
from .folds import plan_folds, summarize, train_folds, write_result
from .significance import Comparison, compare_folds

if TYPE_CHECKING:
    from ..classification.classifier import Classifier
    from ..metrics.vote_metrics import VoteMetrics
    from ..models import Bundle

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
    bundle : Bundle
        Classifier of the fold.
    images : tuple of Path
        The N images.
    truth, votes : ndarray, shape (N, A)
        Voted and predicted fraction of all volunteers who give each answer.
    probabilities : ndarray of float32, shape (N, C)
        Predicted probabilities of the classes.
    """

    bundle: Bundle
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
    def classes(self) -> ValidatedTraining | None:
        """The same networks as classifiers of the clear cases; None if a fold has none."""
        images, truth, given = [], [], []
        for fold in self.folds:
            shares = self.tree.galaxy10_shares(fold.truth)
            clear = np.flatnonzero(shares.max(axis=1) > CLEAR)
            images.append(tuple(fold.images[place] for place in clear))
            truth.append(shares[clear].argmax(axis=1))
            given.append(fold.probabilities[clear])
        if not all(images):
            return None
        whole = ValidatedClassifier(self.name, self.class_names, truth, given)
        bundles = tuple(fold.bundle for fold in self.folds)
        return ValidatedTraining(self.name, bundles, tuple(images), (whole,))

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
            "bundles": [str(fold.bundle.path) for fold in self.folds],
            "summary": {measure: summarize(self.values(measure)) for measure in _ERRORS},
            "folds": [metrics.to_json() for metrics in self.metrics],
            "pooled": self.pooled.to_json(),
        }


@dataclass(frozen=True, eq=False)
class VoteCrossValidation:
    """Result of a cross-validation of classifiers that predict votes.

    Attributes
    ----------
    folds : int
        Number of folds.
    trainings : tuple of ValidatedVotes
        The trainings that predict votes.
    comparisons : tuple of Comparison
        Comparisons of the RMSE of all pairs of these with the same held-out images.
    classes : ClassifierCrossValidation or None
        These and the trainings that predict classes, as classifiers of the clear cases; None if
        there are no clear cases.
    """

    folds: int
    trainings: tuple[ValidatedVotes, ...]
    comparisons: tuple[Comparison, ...]
    classes: ClassifierCrossValidation | None

    def report(self) -> Report:
        """Return tables and comparisons."""
        from ..metrics.vote_metrics import vote_table

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
        names = [one.name for one in self.trainings]
        if self.classes is not None:
            names = [one.name for one in self.classes.trainings]
            blocks += [
                Heading("Classes"),
                "Those that follow from predicted votes, and those of networks that predict "
                "classes, for the clear cases, in which one of the ten classes has a vote "
                "probability of more than one half.",
                *self.classes.report().blocks,
            ]
        return Report(f"Cross-validation: {', '.join(names)}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of each fold, their mean and deviation, and the comparisons."""
        return {
            "folds": self.folds,
            "trainings": [one.to_json() for one in self.trainings],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "classes": None if self.classes is None else self.classes.to_json(),
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
        At least one that predicts votes, all of the same campaign; others predict the classes of
        Galaxy10 DECaLS.
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
    tree = VOTE_TREES[_campaign(configs)]
    folder, planned = plan_folds("classifier", configs, folds, output, overwrite=overwrite)
    train = open_trainer("classifier")
    voted: list[ValidatedVotes] = []
    classified: list[ValidatedTraining] = []
    for one, first in zip(planned, configs, strict=True):
        if first.votes is None:
            classified.append(validate_training(train, one, progress))
            continue
        held_out = [
            _predict_held_out(config, load_classifier(path))
            for config, path in train_folds(train, one, progress)
        ]
        class_names = held_out[0].bundle.manifest.class_names
        voted.append(ValidatedVotes(one.name, tree, class_names, tuple(held_out)))
    comparisons = [
        compare_folds(
            (first.name, second.name),
            "RMSE",
            (first.values("rmse"), second.values("rmse")),
            1 / folds,
        )
        for first, second in combinations(voted, 2)
        if [fold.images for fold in first.folds] == [fold.images for fold in second.folds]
    ]
    classes = _as_classifiers(folds, voted, classified)
    result = VoteCrossValidation(folds, tuple(voted), tuple(comparisons), classes)
    write_result(folder, result)
    return result


def _campaign(configs: Sequence[ClassifierTraining]) -> VoteTreeName:
    """Return the campaign of the votes that some of the trainings predict."""
    campaigns = {config.votes for config in configs if config.votes is not None}
    if len(campaigns) != 1:
        raise ConfigError(
            "Trainings that predict votes are compared with those of the same campaign alone: "
            + ", ".join(f"{config.name} has votes: {config.votes}" for config in configs)
        )
    for config in configs:
        if config.class_names != "galaxy10_decals":
            raise ConfigError(
                f"{config.name}: the classes that follow from votes are those of galaxy10_decals, "
                "so a training of other classes cannot be compared with one that predicts votes"
            )
    return campaigns.pop()


def _as_classifiers(
    folds: int, voted: Sequence[ValidatedVotes], classified: Sequence[ValidatedTraining]
) -> ClassifierCrossValidation | None:
    trainings = [one.classes for one in voted if one.classes is not None]
    trainings += classified
    if not trainings:
        return None
    return ClassifierCrossValidation(folds, tuple(trainings), compare_trainings(trainings))


def _predict_held_out(config: ClassifierTraining, classifier: Classifier) -> _Fold:
    """Predict the votes for the test images of a training, cropped as in its measurement."""
    from ..classification.crops import read_crops
    from ..classification.training.sources import held_out_images

    images, boxes = held_out_images(config)
    paths = [item.path for item in images]
    truth = np.array([item.probabilities for item in images])
    crops = read_crops(paths, classifier.input_size, config.crop_margin, boxes)
    votes, probabilities = predict_votes(classifier, crops)
    return _Fold(classifier.bundle, tuple(paths), truth, votes, probabilities)


def _spread(values: Sequence[float], measure: str) -> str:
    if measure == "largest_excess":
        return f"{max(values):.2g}"
    mean, deviation = (summarize(values) or {}).values()
    return f"{mean:.4f} ± {deviation:.4f}"
