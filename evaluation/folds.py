"""What the cross-validations of detectors and of classifiers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ..configs import ClassifierTraining, DetectorTraining, Split
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.report import Report

__all__ = ["mean_and_deviation", "of_fold", "open_folder", "spread", "summary", "write_result"]

_OURS = ("metrics.json", "report.md", "report.html")
_RECORD = {"made_by": "galpipe", "command": "cross-validate"}

Training = TypeVar("Training", DetectorTraining, ClassifierTraining)


class Result(Protocol):
    """A finished cross-validation."""

    def report(self) -> Report:
        """Return the tables and what they allow to say."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        ...


def of_fold(config: Training, folds: int, fold: int) -> Training:
    """Return the training that holds one fold back."""
    split = Split.model_validate(config.split.model_dump() | {"folds": folds, "fold": fold})
    return config.model_copy(update={"name": f"{config.name}-fold{fold}", "split": split})


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float] | None:
    """Return mean and standard deviation over the folds that have a value; None where none has."""
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return float(np.mean(known)), deviation


def summary(values: Sequence[float]) -> dict[str, float] | None:
    """Return mean and standard deviation over the folds; None where no fold has a value."""
    known = mean_and_deviation(values)
    return known and {"mean": known[0], "deviation": known[1]}


def spread(values: Sequence[float]) -> str:
    """Return mean ± standard deviation over the folds; a dash where no fold has a value."""
    known = mean_and_deviation(values)
    return "–" if known is None else f"{known[0]:.3f} ± {known[1]:.3f}"


def open_folder(output: str | Path, *, overwrite: bool) -> OutputFolder:
    """Claim the folder of a cross-validation; raises OutputError where it is refused."""
    folder = OutputFolder(output, overwrite=overwrite, ours=_OURS)
    folder.write_json(RECORD_NAME, _RECORD | {"status": "training"})
    return folder


def write_result(folder: OutputFolder, result: Result) -> None:
    """Write figures and report, and that the cross-validation is complete."""
    report = result.report()
    folder.write_json("metrics.json", result.to_json())
    folder.write_text("report.md", report.to_markdown())
    folder.write_text("report.html", report.to_html(folder.path))
    folder.write_json(RECORD_NAME, _RECORD | {"status": "complete"})
