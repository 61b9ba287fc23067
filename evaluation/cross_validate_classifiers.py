"""Train classifiers fold by fold, and compare what they reach."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from ..classification.classifier import load_classifier
from ..configs import BALANCES, ClassifierTraining
from ..errors import require
from ..files.names import distinct_names
from ..metrics.records import ENSEMBLE
from ..models.training_folder import open_trainer, train_once
from .folds import of_fold, open_folder, write_result
from .significance import Comparison, compare_folds
from .validated_classifiers import ClassifierCrossValidation, ValidatedClassifier, ValidatedTraining

if TYPE_CHECKING:
    from .held_out import HeldBack

__all__ = ["cross_validate_classifiers", "in_each_balance"]

logger = logging.getLogger("galpipe")

_COMPARED = {"accuracy": "accuracy", "macro_f1": "macro F1"}


def in_each_balance(config: ClassifierTraining) -> list[ClassifierTraining]:
    """Return the same training with each way of making up for rare classes."""
    return [
        config.model_copy(update={"name": f"{config.name}_{name}", "balance": balance})
        for name, balance in BALANCES.items()
    ]


def cross_validate_classifiers(
    configs: Sequence[ClassifierTraining],
    output: str | Path,
    *,
    folds: int = 5,
    overwrite: bool = False,
) -> ClassifierCrossValidation:
    """Train every configuration on all folds but one, in turn, and measure it on that one.

    Parameters
    ----------
    configs : sequence of ClassifierTraining
        At least one.  Their sources of role ``train`` are divided by galaxy and by ``split.seed``;
        trainings with the same data and seed have the same folds and are compared.
        ``test_fraction`` is not used.
    output : path
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``models/``, where each fold
        has a folder of its own: finished folds are taken as they are, an interrupted one goes on.
    folds : int
        Number of folds, at least 2.
    overwrite : bool
        Replace an earlier report in `output`; its trained folds are kept and used.

    Returns
    -------
    ClassifierCrossValidation
        What was measured.

    Raises
    ------
    ConfigError
        If the data cannot be divided so.
    InputError
        If tables, images or initial weights cannot be read.
    OutputError
        If the folder is refused or cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("sklearn", "train")
    folder = open_folder(output, overwrite=overwrite)
    names = distinct_names(config.name for config in configs)
    trainings = [
        _train(name, config, folds, folder.path / "models")
        for name, config in zip(names, configs, strict=True)
    ]
    result = ClassifierCrossValidation(folds, tuple(trainings), _compare(trainings))
    write_result(folder, result)
    return result


def _train(name: str, config: ClassifierTraining, folds: int, folder: Path) -> ValidatedTraining:
    from .held_out import predict_held_back

    train = open_trainer("classifier")
    bundles, held_back = [], []
    for fold in range(folds):
        logger.info("%s: fold %d of %d", name, fold + 1, folds)
        training = of_fold(config, folds, fold)
        classifier = load_classifier(train_once(train, training, folder))
        bundles.append(classifier.bundle)
        held_back.append(predict_held_back(training, classifier))
    return ValidatedTraining(
        name,
        tuple(bundles),
        tuple(part.paths for part in held_back),
        _classifiers(name, bundles[0].manifest.class_names, held_back),
    )


def _classifiers(
    name: str, class_names: tuple[str, ...], held_back: Sequence[HeldBack]
) -> tuple[ValidatedClassifier, ...]:
    """Return the model, and its members where it has several."""
    truth = [part.truth for part in held_back]
    members = list(dict.fromkeys(key for part in held_back for key in part.probabilities))
    members.remove(ENSEMBLE)
    titles = {ENSEMBLE: name}
    for member in members if len(members) > 1 else ():
        if all(member in part.probabilities for part in held_back):
            titles[member] = f"{name}: {member}"
        else:
            logger.warning(
                "%s: %s is in the bundles of some folds alone, for an earlier version of galpipe "
                "left members of weight 0 out; it is not measured. Cross-validate into another "
                "folder to train them again",
                name,
                member,
            )
    return tuple(
        ValidatedClassifier(
            title, class_names, truth, [part.probabilities[key] for part in held_back]
        )
        for key, title in titles.items()
    )


def _compare(trainings: Sequence[ValidatedTraining]) -> tuple[Comparison, ...]:
    """Compare each ensemble with its members, and every two trainings on the same images."""
    pairs = [
        (training.classifiers[0], member)
        for training in trainings
        for member in training.classifiers[1:]
    ]
    for first, second in combinations(trainings, 2):
        if first.images == second.images:
            pairs.append((first.classifiers[0], second.classifiers[0]))
        else:
            logger.warning(
                "%s and %s held different images back: they are not compared",
                first.name,
                second.name,
            )
    return tuple(
        compare_folds(
            (first.name, second.name),
            title,
            (first.values(measure), second.values(measure)),
            1 / len(first.truth),
            (first.right(), second.right()) if measure == "accuracy" else None,
        )
        for first, second in pairs
        for measure, title in _COMPARED.items()
    )
