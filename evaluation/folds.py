"""Folds of a cross-validation: training, summary statistics, and report."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ..configs import ClassifierTraining, DetectorTraining, Split
from ..files.names import distinct_names
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.report import Report, open_report_folder, write_report
from ..models.training_folder import Trainer, check_earlier, check_training, train_once
from ..progress import Progress, open_progress, track, within

__all__ = [
    "FoldTrainings",
    "plan_folds",
    "spread",
    "summarize",
    "train_folds",
    "write_result",
]

logger = logging.getLogger("galpipe")

_COMMAND = "cross-validate"

Training = TypeVar("Training", DetectorTraining, ClassifierTraining)


class Result(Protocol):
    """A finished cross-validation."""

    def report(self) -> Report:
        """Return tables and comparisons."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as plain values."""
        ...


@dataclass(frozen=True)
class FoldTrainings(Generic[Training]):
    """The trainings of a cross-validation.

    Attributes
    ----------
    name : str
        Unique name in messages.
    configs : list of DetectorTraining or ClassifierTraining
        The training without each fold.
    replace : list of bool
        Whether each replaces an earlier training with other data.
    folder : Path
        Parent folder of the trainings.
    """

    name: str
    configs: list[Training]
    replace: list[bool]
    folder: Path


def plan_folds(
    stage: str, configs: Sequence[Training], folds: int, output: str | Path, *, overwrite: bool
) -> tuple[OutputFolder, list[FoldTrainings[Training]]]:
    """Check the trainings of a cross-validation, open its folder, and plan the folds.

    Parameters
    ----------
    stage : {"detector", "classifier"}
    configs : sequence of DetectorTraining or ClassifierTraining
        The trainings.
    folds : int
        Number of folds.
    output : path
        Folder of the report; the models are written below ``models/``.
    overwrite : bool
        Replace an earlier report, and trained folds if the data have changed.

    Returns
    -------
    OutputFolder
        The folder.
    list of FoldTrainings
        The folds of each training.

    Raises
    ------
    ConfigError
        If a training cannot start.
    InputError
        If the data cannot be read.
    OutputError
        If the folder contains other files or an earlier report, or cannot be written; or if the
        data of a trained fold have changed, and it may not be replaced.
    """
    for config in configs:
        check_training(stage, config)
    folder = open_report_folder(output, overwrite=overwrite)
    folder.write_json(
        RECORD_NAME, {"made_by": "galpipe", "command": _COMMAND, "status": "training"}
    )
    names = distinct_names(config.name for config in configs)
    return folder, [
        _plan(stage, name, config, folds, folder.path / "models", overwrite=overwrite)
        for name, config in zip(names, configs, strict=True)
    ]


def _plan(
    stage: str, name: str, config: Training, folds: int, models: Path, *, overwrite: bool
) -> FoldTrainings[Training]:
    configs = []
    for fold in range(folds):
        split = Split.model_validate(config.split.model_dump() | {"folds": folds, "fold": fold})
        changes = {"name": f"{config.name}-fold{fold}", "split": split}
        configs.append(config.model_copy(update=changes))
    replace = check_earlier(stage, configs, models, overwrite=overwrite)
    return FoldTrainings(name, configs, replace, models)


def train_folds(
    train: Trainer, trainings: FoldTrainings[Training], progress: bool | Progress = False
) -> Iterator[tuple[Training, Path]]:
    """Train a model for each fold, or reuse finished ones.

    Parameters
    ----------
    train : Trainer
    trainings : FoldTrainings
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Yields
    ------
    DetectorTraining or ClassifierTraining
        Configuration of the training without this fold.
    Path
        Bundle of the fold.
    """
    shown = open_progress(progress)
    pairs = list(zip(trainings.configs, trainings.replace, strict=True))
    for fold, (config, replace) in enumerate(track(pairs, "folds", progress), 1):
        title = f"fold {fold}/{len(pairs)}"
        logger.info("%s: %s", trainings.name, title)
        shown_within = within(shown, title)
        yield config, train_once(train, config, trainings.folder, shown_within, replace=replace)


def summarize(values: Sequence[float]) -> dict[str, float] | None:
    """Compute mean and standard deviation over the folds.

    Parameters
    ----------
    values : sequence of float
        Metric of each fold; NaN if unknown.

    Returns
    -------
    dict or None
        ``mean`` and ``deviation``, 0 with one fold; None if no fold has a value.
    """
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return {"mean": float(np.mean(known)), "deviation": deviation}


def spread(values: Sequence[float]) -> str:
    """Format mean ± standard deviation over the folds; a dash if no fold has a value.

    Parameters
    ----------
    values : sequence of float
        Metric of each fold; NaN if unknown.

    Examples
    --------
    >>> spread([0.98, 0.97, 0.99])
    '0.980 ± 0.010'
    """
    summary = summarize(values)
    return "–" if summary is None else f"{summary['mean']:.3f} ± {summary['deviation']:.3f}"


def write_result(folder: OutputFolder, result: Result) -> None:
    """Write metrics and report, and mark the cross-validation as complete.

    Parameters
    ----------
    folder : OutputFolder
        From `plan_folds`.
    result : Result

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    write_report(folder, result.report(), result.to_json(), {"command": _COMMAND})
