"""Search for the best small network, and report what was tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..configs import ClassifierTraining, ClassifierTuning
from ..errors import require
from ..files.atomic import atomic_path
from ..files.report import Heading, Report, Table

if TYPE_CHECKING:
    from ..classification.training.tune import Search, Trial

__all__ = ["search_report", "tune_classifier"]


def tune_classifier(
    config: ClassifierTraining, output: str | Path, *, trials: int = 30, epochs: int = 12
) -> Search:
    """Search for the small network with the lowest validation loss, and write a report.

    Parameters
    ----------
    config : ClassifierTraining
        A training whose one member is a ``cnn`` of two convolutions, within the ranges of
        `configs.SEARCHED`: the search starts from it.
    output : path
        Folder for ``report.md``, ``report.html``, ``trials.json`` and ``best.yaml``, which trains
        the best network in full.  Started again with the same folder, the search goes on.
    trials : int
        Number of trials in all.
    epochs : int
        Most epochs of a trial.

    Raises
    ------
    ConfigError, InputError
        If the data are not as needed, or the network to start from is none of those searched.
    OutputError
        If the folder holds something else or cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("keras_tuner", "train")
    from ..classification.training import tune

    search = tune.tune_classifier(
        ClassifierTuning(training=config, epochs=epochs), output, trials=trials
    )
    report = search_report(config.name, search)
    folder = Path(output)
    for name, text in (("md", report.to_markdown()), ("html", report.to_html(folder))):
        with atomic_path(folder / f"report.{name}") as beside:
            beside.write_text(text, encoding="utf-8")
    return search


def search_report(name: str, search: Search) -> Report:
    """Return the best network beside the one that the search started from, and all trials."""
    start, best = search.trials[0], search.best
    numbered = sorted(enumerate(search.trials, 1), key=lambda item: item[1].loss)
    header = ["first", "second", "dense", "dropout", "weights", "loss", "accuracy"]
    return Report(
        f"Bayesian search: {name}",
        [
            f"{len(search.trials)} trials, each a short training of a network of two convolutions, "
            "a first and a second. Loss and accuracy are those on the validation images. Of many "
            "trials the best is also the luckiest: what the network is worth shows when it is "
            "trained in full and measured on the test images.",
            Table(["network", *header], [["start", *_cells(start)], ["best", *_cells(best)]]),
            Heading("All trials, the best first"),
            Table(
                ["trial", *header],
                [[str(number), *_cells(trial)] for number, trial in numbered],
            ),
        ],
    )


def _cells(trial: Trial) -> list[str]:
    values = {name: f"{value:g}" for name, value in trial.values.items()}
    return [
        "{first_filters} of {first_kernel}x{first_kernel}".format_map(values),
        "{second_filters} of {second_kernel}x{second_kernel}".format_map(values),
        values["dense"],
        values["dropout"],
        f"{trial.parameters:,}",
        f"{trial.loss:.4f}",
        f"{trial.accuracy:.3f}",
    ]
