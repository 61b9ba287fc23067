"""Search for the best small network: short trainings, one after another, on the same images."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from ...configs import (
    ClassifierTraining,
    ClassifierTuning,
    CnnMember,
    claim_training_folder,
    design_values,
    dump_config,
    with_values,
)
from ...configs.section import PositiveInt, Section
from ...errors import InputError
from ...files.atomic import atomic_path
from .batches import as_input, watched_views
from .losses import FLOOR, allowed_set_accuracy, allowed_set_loss
from .members import train_member
from .proposals import propose
from .sources import Sources, gather

__all__ = ["BEST", "Search", "Trial", "tune_classifier"]

BEST = "best.yaml"
"""Name of the configuration that trains the best network."""

_TRIALS = "trials.json"

_WORST = -math.log(FLOOR)
"""The loss of a network that is always wrong, and of one whose training diverged."""


class Trial(Section):
    """A network that was trained for a few epochs.

    Attributes
    ----------
    values : dict of str to float
        Its hyper-parameters, by the names of `SEARCHED`.
    loss, accuracy : float
        On the validation images, as a training watches them; see :mod:`.losses`.
    parameters : int
        Weights that are trained.
    seconds : float
        Time that it took.
    """

    values: dict[str, float]
    loss: float
    accuracy: float
    parameters: PositiveInt
    seconds: float


_KEPT = TypeAdapter(list[Trial])


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    trials : tuple of Trial
        In the order in which they were made; the first is the network that the search started
        from.
    """

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The trial of the lowest validation loss, the earliest of several."""
        return min(self.trials, key=lambda trial: trial.loss)


def tune_classifier(config: ClassifierTuning, output: str | Path, trials: int = 30) -> Search:
    """Search for the network with the lowest validation loss.

    The first trial is the network of the configuration, the next are drawn at random, the others
    proposed by a Gaussian process (:func:`~.proposals.propose`).  The loss is what is searched
    for, and not the accuracy: it changes evenly with the network, where the accuracy of a few
    hundred images goes in steps and ties, and it is what the training itself keeps the best of.

    Parameters
    ----------
    config : ClassifierTuning
        The training, the network to start from, the epochs of a trial.
    output : path
        Folder for ``config.yaml``, ``trials.json`` and ``best.yaml``, a configuration that trains
        the best network in full.  A search that was interrupted goes on in the midst of its trial;
        a finished one goes on with more trials.  Only the trial in hand has weights there.
    trials : int
        Number of trials in all.

    Raises
    ------
    ConfigError, InputError
        If the data are not as needed, or the network to start from is none of those searched.
    OutputError
        If the folder holds another search or cannot be written.
    """
    output = Path(output)
    design_values(config.start)
    claim_training_folder(output, config)
    finished = _read(output / _TRIALS)
    if len(finished) < trials:
        console = Console()
        with console.status("reading images"):
            sources = gather(config.training)
        measure = _measure(config, sources)
        _search(config, output, trials, finished, measure, console)
    search = Search(tuple(finished))
    _write(output / BEST, dump_config(_full_training(config, search.best)))
    return search


def _search(
    config: ClassifierTuning,
    output: Path,
    trials: int,
    finished: list[Trial],
    measure: Callable[[CnnMember, Path], tuple[float, float, int]],
    console: Console,
) -> None:
    """Add trials to those that are finished, keeping each as soon as it is."""
    here = 0.0
    first = len(finished)
    for number in range(first, trials):
        values = _next(config, finished)
        if values is None:
            console.print("every network of the search has been tried")
            return
        started = time.monotonic()
        folder = output / f"trial-{number + 1}"
        _remove_others(output, folder)
        member = with_values(config.start, values).model_copy(update={"epochs": config.epochs})
        loss, accuracy, parameters = measure(member, folder)
        seconds = time.monotonic() - started
        trial = Trial(
            values=values, loss=loss, accuracy=accuracy, parameters=parameters, seconds=seconds
        )
        finished.append(trial)
        _write(output / _TRIALS, _KEPT.dump_json(finished, indent=2).decode() + "\n")
        here += seconds
        left = here / (number + 1 - first) * (trials - number - 1)
        console.print(
            f"trial {number + 1}/{trials}: {_text(trial)}: validation loss {loss:.4f}, accuracy "
            f"{accuracy:.3f}; best loss {Search(tuple(finished)).best.loss:.4f}; "
            f"{left / 60:.0f} min left",
            highlight=False,
            soft_wrap=True,
        )
    _remove_others(output, None)


def _next(config: ClassifierTuning, finished: Sequence[Trial]) -> dict[str, float] | None:
    if not finished:
        return design_values(config.start)
    return propose(
        [trial.values for trial in finished],
        [trial.loss for trial in finished],
        config.training.seed,
    )


def _measure(
    config: ClassifierTuning, sources: Sources
) -> Callable[[CnnMember, Path], tuple[float, float, int]]:
    """Return what trains a network and gives its validation loss, accuracy and parameters."""
    training, validation = config.training, sources.validation
    views, labels = watched_views(
        validation, training.input_size, training.crop_margin, training.augmentation
    )
    inputs, targets = as_input(views), labels.to_targets()

    def measure(member: CnnMember, folder: Path) -> tuple[float, float, int]:
        # The graphs of earlier trials would stay in memory.
        keras.utils.clear_session()
        model = train_member(member, training, sources, folder)
        given = model.predict(inputs, batch_size=64, verbose=0)
        loss, accuracy = (
            float(np.mean(ops.convert_to_numpy(of(targets, given))))
            for of in (allowed_set_loss, allowed_set_accuracy)
        )
        loss = loss if math.isfinite(loss) else _WORST
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        return loss, accuracy, parameters

    return measure


def _full_training(config: ClassifierTuning, best: Trial) -> ClassifierTraining:
    return config.training.model_copy(
        update={
            "name": f"{config.training.name}_best",
            "members": (with_values(config.start, best.values),),
        }
    )


def _remove_others(output: Path, folder: Path | None) -> None:
    """Remove what finished trials have left, so that the disk holds the weights of one at most."""
    for trial in output.glob("trial-*"):
        if trial != folder:
            shutil.rmtree(trial)


def _read(record: Path) -> list[Trial]:
    if not record.is_file():
        return []
    try:
        return _KEPT.validate_json(record.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{record}: is not what the search wrote there ({error.errors()[0]['msg']}). "
            "Remove it to search anew, or choose another folder"
        ) from error


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _text(trial: Trial) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in trial.values.items())
