"""Cross-validate classifiers: train each fold, classify its held-out images, compare."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import load_classifier
from ..configs import BALANCES, ClassifierTraining
from ..errors import ConfigError, require
from ..metrics.records import ENSEMBLE
from ..models.training_folder import Trainer, open_trainer
from ..progress import Progress
from .classifier_folds import ClassifierCrossValidation, ValidatedClassifier, ValidatedTraining
from .folds import FoldTrainings, plan_folds, train_folds, write_result
from .significance import Comparison, compare_folds

if TYPE_CHECKING:
    from ..classification.classifier import Classifier

__all__ = [
    "balance_variants",
    "compare_trainings",
    "cross_validate_classifiers",
    "validate_training",
]

logger = logging.getLogger("galpipe")

_COMPARED = {"accuracy": "accuracy", "macro_f1": "macro F1"}


@dataclass(frozen=True, eq=False)
class _Predictions:
    """Probabilities of the held-out images with a label of one class.

    Attributes
    ----------
    paths : tuple of Path
        The N images.
    truth : ndarray of int64, shape (N,)
        True class ids.
    by_member : mapping of str to ndarray of float32, shape (N, C)
        Probabilities by member, and of the whole model under `ENSEMBLE`.
    """

    paths: tuple[Path, ...]
    truth: NDArray[np.int64]
    by_member: Mapping[str, NDArray[np.float32]]


def balance_variants(config: ClassifierTraining) -> list[ClassifierTraining]:
    """Return a copy of a training for each method of balancing the classes.

    Parameters
    ----------
    config : ClassifierTraining
        Training; its balance is ignored.
    """
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
    progress: bool | Progress = False,
) -> ClassifierCrossValidation:
    """Cross-validate classifiers: train each configuration on all folds but one, in turn.

    Parameters
    ----------
    configs : sequence of ClassifierTraining
        At least one.  Sources of role ``train`` are split by galaxy with ``split.seed``; trainings
        with the same data and seed have the same folds and are compared.  ``test_fraction`` is
        ignored.
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
    ClassifierCrossValidation

    Raises
    ------
    ConfigError
        If the data cannot be split into so many folds.
    InputError
        If tables, images or initial weights cannot be read.
    OutputError
        If the folder contains other files, or folds that were trained with other data, or cannot
        be written.
    MissingExtraError
        If the training packages are not installed.
    """
    require("sklearn", "train")
    folder, planned = plan_folds("classifier", configs, folds, output, overwrite=overwrite)
    train = open_trainer("classifier")
    trainings = [validate_training(train, one, progress) for one in planned]
    result = ClassifierCrossValidation(folds, tuple(trainings), compare_trainings(trainings))
    write_result(folder, result)
    return result


def validate_training(
    train: Trainer, planned: FoldTrainings[ClassifierTraining], progress: bool | Progress
) -> ValidatedTraining:
    """Train a classifier for each fold, and classify the held-out images with each.

    Parameters
    ----------
    train : Trainer
    planned : FoldTrainings
        The folds.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.
    """
    name = planned.name
    bundles, predicted = [], []
    for training, path in train_folds(train, planned, progress):
        classifier = load_classifier(path)
        bundles.append(classifier.bundle)
        predicted.append(_predict_held_out(training, classifier))
    return ValidatedTraining(
        name,
        tuple(bundles),
        tuple(part.paths for part in predicted),
        _classifiers(name, bundles[0].manifest.class_names, predicted),
    )


def _predict_held_out(config: ClassifierTraining, classifier: Classifier) -> _Predictions:
    """Classify the test images of a training, cropped around their boxes as in ``galpipe run``."""
    from ..classification.crops import read_crops
    from ..classification.training.sources import held_out_images

    images, boxes = held_out_images(config)
    paths: list[Path] = []
    truth: list[int] = []
    for item in images:
        if item.class_id is not None:
            paths.append(item.path)
            truth.append(item.class_id)
    if not paths:
        raise ConfigError(
            f"{config.name}: no held-out image has a label of one class. Use fewer folds, or add "
            "images to 'data' (role train)"
        )
    crops = read_crops(paths, classifier.input_size, config.crop_margin, boxes)
    members = classifier.predict_members(crops)
    by_member = dict(zip(classifier.member_names, members, strict=True))
    by_member[ENSEMBLE] = classifier.combine(members)
    return _Predictions(tuple(paths), np.array(truth, np.int64), by_member)


def _classifiers(
    name: str, class_names: tuple[str, ...], predicted: Sequence[_Predictions]
) -> tuple[ValidatedClassifier, ...]:
    """Return the model, and its members if it has several."""
    truth = [part.truth for part in predicted]
    members = list(dict.fromkeys(key for part in predicted for key in part.by_member))
    members.remove(ENSEMBLE)
    titles = {ENSEMBLE: name}
    for member in members if len(members) > 1 else ():
        if all(member in part.by_member for part in predicted):
            titles[member] = f"{name}: {member}"
        else:
            logger.warning(
                "%s: %s is only in the bundles of some folds, as earlier versions of galpipe "
                "omitted members of weight 0; it is not evaluated. Train again in another folder",
                name,
                member,
            )
    return tuple(
        ValidatedClassifier(title, class_names, truth, [part.by_member[key] for part in predicted])
        for key, title in titles.items()
    )


def compare_trainings(trainings: Sequence[ValidatedTraining]) -> tuple[Comparison, ...]:
    """Compare each ensemble with its members, and all trainings with the same held-out images.

    Parameters
    ----------
    trainings : sequence of ValidatedTraining
        The trainings.
    """
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
                "%s and %s held out different images: they are not compared",
                first.name,
                second.name,
            )
    return tuple(
        compare_folds(
            (first.name, second.name),
            title,
            (first.values(measure), second.values(measure)),
            1 / len(first.truth),
            (first.correct(), second.correct()) if measure == "accuracy" else None,
        )
        for first, second in pairs
        for measure, title in _COMPARED.items()
    )
