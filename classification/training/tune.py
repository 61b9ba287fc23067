"""Hyper-parameter search for a small network by Bayesian optimization with short trainings."""

from __future__ import annotations

import logging
import math
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from ...configs import (
    ClassifierTraining,
    ClassifierTuning,
    SearchedMember,
    SearchSpace,
    dump_config,
)
from ...configs.section import PositiveInt, Section
from ...errors import InputError, require
from ...files.atomic import atomic_path
from ...metrics.vote_metrics import MAJORITY
from ...models.training_record import claim_training_folder
from ...progress import Progress, Task, silent, within
from .batches import as_input, validation_views
from .losses import FLOOR, allowed_set_accuracy, allowed_set_loss
from .member_kind import TrainingJob
from .members import train_member
from .sources import Sources, gather, identify_data, read_labelled

__all__ = ["BEST", "Search", "Trial", "propose", "random_trials", "tune_classifier"]

logger = logging.getLogger("galpipe")

BEST = "best.yaml"
"""File name of the configuration of the best network."""

EXPLORATION = 2.6
"""Width of the lower confidence bound in standard deviations, as in KerasTuner, which was used for
the published search."""

_JITTER = 1e-4
"""Variance of the noise of the normalized losses, as in KerasTuner."""

_TRIALS = "trials.json"

_WORST = -math.log(FLOOR)
"""Loss of a network that is always wrong, used for diverged trainings."""


class Trial(Section):
    """Result of a short training.

    Attributes
    ----------
    values : dict of str to float
        Hyper-parameters, by the names of the search space.
    loss, accuracy : float
        Metrics on the validation images; see :mod:`.losses`.  Of votes, the accuracy is the
        fraction of all answers for which the network knows whether the majority gives them.
    parameters : int
        Number of trainable weights.
    seconds : float
        Duration of the training.
    """

    values: dict[str, float]
    loss: float
    accuracy: float
    parameters: PositiveInt
    seconds: float


_TRIAL_LIST = TypeAdapter(list[Trial])


@dataclass(frozen=True)
class Search:
    """Result of a search.

    Attributes
    ----------
    trials : tuple of Trial
        In chronological order; the first is the network of the configuration.
    """

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """Trial with the lowest validation loss, the first if tied."""
        return min(self.trials, key=lambda trial: trial.loss)


def tune_classifier(
    config: ClassifierTuning,
    output: str | Path,
    trials: int = 30,
    progress: Progress = silent,
    *,
    overwrite: bool = False,
) -> Search:
    """Search for the network with the lowest validation loss.

    The first trial is the network of the configuration, followed by random trials and trials
    proposed by a Gaussian process (`propose`).  The loss is minimized rather than the error rate
    because it is smooth, while the accuracy on a few hundred images is discrete and has ties, and
    because the training keeps the epoch with the lowest loss.

    Parameters
    ----------
    config : ClassifierTuning
        Training, first network, and epochs per trial.
    output : path
        Folder for ``config.yaml``, ``trials.json`` and ``best.yaml``, a configuration that trains
        the best network in full.  An interrupted search is continued within its trial, a finished
        search with more trials.  Weights of finished trials are deleted.
    trials : int
        Total number of trials.
    progress : Progress
        Receives the steps.
    overwrite : bool
        Remove an earlier search in the folder and search anew.

    Returns
    -------
    Search

    Raises
    ------
    ConfigError, InputError
        If the data are missing or invalid, or the first network is not in the search space.
    OutputError
        If the folder contains a search with other settings or data, or cannot be written.
    """
    output = Path(output)
    config.space.values_of(config.start)
    training, read = config.training, read_labelled(config.training)
    claim_training_folder(output, config, identify_data(training, read), overwrite=overwrite)
    finished = _read(output / _TRIALS)
    if len(finished) < trials:
        sources = gather(training, read, progress)
        measure = _measurement(config, sources, progress)
        with progress("trials", trials) as task:
            _search(config, output, trials, finished, measure, task)
    search = Search(tuple(finished))
    _write(output / BEST, dump_config(_full_training(config, search.best)))
    return search


def random_trials(space: SearchSpace) -> int:
    """Return the number of random trials before the Gaussian process is used.

    Parameters
    ----------
    space : SearchSpace
        Networks that are tried.
    """
    return 2 * len(space.values)


def propose(
    space: SearchSpace, tried: Sequence[Mapping[str, float]], losses: Sequence[float], seed: int
) -> dict[str, float] | None:
    """Propose the hyper-parameters of the next trial.

    A Gaussian process with a Matérn kernel is fitted to the losses, and the network with the lowest
    confidence bound (Srinivas et al. 2010, arXiv:0912.3995) among the remaining grid points is
    selected.  Proposals are deterministic, so that an interrupted search gives the same result.

    Parameters
    ----------
    space : SearchSpace
        Networks that are tried.
    tried : sequence of mapping
        Hyper-parameters of the finished trials, by the names of the search space.
    losses : sequence of float
        Their losses.
    seed : int
        Seed of the random trials and of the fit.

    Returns
    -------
    dict of str to float or None
        None if all networks have been tried.
    """
    searched = space.values
    grid = [dict(zip(searched, values, strict=True)) for values in product(*searched.values())]
    remaining = [point for point in grid if point not in tried]
    if not remaining:
        return None
    if len(tried) < random_trials(space):
        return remaining[np.random.default_rng([seed, len(tried)]).integers(len(remaining))]
    gaussian_process = require("sklearn.gaussian_process", "train")
    regressor = gaussian_process.GaussianProcessRegressor(
        kernel=gaussian_process.kernels.Matern(nu=2.5),
        n_restarts_optimizer=20,
        normalize_y=True,
        alpha=_JITTER,
        random_state=seed + 1,
    )
    with warnings.catch_warnings():
        # A length scale at its bound means that the loss hardly depends on a hyper-parameter.
        warnings.simplefilter("ignore")
        regressor.fit(_embed(space, tried), np.asarray(losses))
        mean, deviation = regressor.predict(_embed(space, remaining), return_std=True)
    return remaining[int(np.argmin(mean - EXPLORATION * deviation))]


def _embed(space: SearchSpace, points: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Map grid points to the unit cube, shape (N, hyper-parameters)."""
    return np.array(
        [
            [
                (values.index(point[name]) + 0.5) / len(values)
                for name, values in space.values.items()
            ]
            for point in points
        ]
    )


def _search(
    config: ClassifierTuning,
    output: Path,
    trials: int,
    finished: list[Trial],
    measure: Callable[[SearchedMember, Path], tuple[float, float, int]],
    task: Task,
) -> None:
    """Append trials to `finished`, and write the record after each."""
    total = 0.0
    first = len(finished)
    task.update(completed=first)
    if first:
        logger.info("%s: continues after trial %d of %d", output, first, trials)
    for number in range(first, trials):
        values = _next(config, finished)
        if values is None:
            logger.info("every network of the search space has been tried")
            return
        started = time.monotonic()
        folder = output / f"trial-{number + 1}"
        _remove_other_trials(output, folder)
        member = config.space.member(config.start, values)
        member = member.model_copy(update={"epochs": config.epochs})
        loss, accuracy, parameters = measure(member, folder)
        seconds = time.monotonic() - started
        trial = Trial(
            values=values, loss=loss, accuracy=accuracy, parameters=parameters, seconds=seconds
        )
        finished.append(trial)
        _write(output / _TRIALS, _TRIAL_LIST.dump_json(finished, indent=2).decode() + "\n")
        total += seconds
        best = Search(tuple(finished)).best.loss
        task.update(completed=number + 1, status=f"best loss {best:.4f}")
        logger.info(
            "trial %d/%d: %s: validation loss %.4f, accuracy %.3f; best loss %.4f; %.0f min left",
            number + 1,
            trials,
            ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in values.items()),
            loss,
            accuracy,
            best,
            total / (number + 1 - first) * (trials - number - 1) / 60,
        )
    _remove_other_trials(output, None)


def _next(config: ClassifierTuning, finished: Sequence[Trial]) -> dict[str, float] | None:
    if not finished:
        return config.space.values_of(config.start)
    return propose(
        config.space,
        [trial.values for trial in finished],
        [trial.loss for trial in finished],
        config.training.seed,
    )


def _measurement(
    config: ClassifierTuning, sources: Sources, progress: Progress
) -> Callable[[SearchedMember, Path], tuple[float, float, int]]:
    """Return a function that trains a network and returns loss, accuracy and number of weights."""
    training = config.training
    views, labels = validation_views(
        sources.validation, training.input_size, training.crop_margin, training.augmentation
    )
    inputs, targets = as_input(views), labels.to_targets()

    def measure(member: SearchedMember, folder: Path) -> tuple[float, float, int]:
        # Free the graphs of earlier trials.
        keras.utils.clear_session()
        trial = within(progress, folder.name)
        job = TrainingJob(training, sources, folder, trial)
        model = train_member(member, job)
        predicted = model.predict(inputs, batch_size=64, verbose=0)
        if job.votes is None:
            loss, accuracy = (
                float(np.mean(ops.convert_to_numpy(function(targets, predicted))))
                for function in (allowed_set_loss, allowed_set_accuracy)
            )
        else:
            outputs = job.votes.trained(model).predict(inputs, batch_size=64, verbose=0)
            loss = float(ops.convert_to_numpy(job.votes.loss(targets, outputs)))
            accuracy = float(np.mean((labels.values > MAJORITY) == (predicted > MAJORITY)))
        loss = loss if math.isfinite(loss) else _WORST
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        return loss, accuracy, parameters

    return measure


def _full_training(config: ClassifierTuning, best: Trial) -> ClassifierTraining:
    return config.training.model_copy(
        update={
            "name": f"{config.training.name}_best",
            "members": (config.space.member(config.start, best.values),),
        }
    )


def _remove_other_trials(output: Path, folder: Path | None) -> None:
    for trial in output.glob("trial-*"):
        if trial != folder:
            shutil.rmtree(trial)


def _read(record: Path) -> list[Trial]:
    if not record.is_file():
        return []
    try:
        return _TRIAL_LIST.validate_json(record.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{record}: is not a valid record of trials ({error.errors()[0]['msg']}). Remove it to "
            "start a new search, or choose another folder"
        ) from error


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")
