"""Search the hyper-parameters of a small network, and report the trials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..configs import ClassifierTraining, ClassifierTuning
from ..errors import require
from ..files.output_folder import OutputFolder
from ..files.report import Heading, Report, Table, write_report
from ..models.training_folder import check_training
from ..progress import Progress, open_progress

if TYPE_CHECKING:
    from ..classification.training.tune import Search, Trial

__all__ = ["search_report", "tune_classifier"]


def tune_classifier(
    config: ClassifierTraining,
    output: str | Path,
    *,
    trials: int = 30,
    epochs: int = 12,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> Search:
    """Search for the small network with the lowest validation loss, and write a report.

    Parameters
    ----------
    config : ClassifierTraining
        Training with one member, a ``cnn`` of two convolutions or a ``galaxy_zoo_cnn`` of two dense
        layers and no convolution, within the ranges of `configs.CNN_SEARCH` or
        `configs.FEED_FORWARD_SEARCH`: the first trial.
    output : path
        Folder for ``report.md``, ``report.html``, ``run.json``, ``metrics.json``, ``trials.json``
        and ``best.yaml``, which trains the best network in full.  A search in the same folder is
        continued.
    trials : int
        Total number of trials.
    epochs : int
        Largest number of epochs of a trial.
    overwrite : bool
        Remove an earlier search in `output` and search anew.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    Search

    Raises
    ------
    ConfigError, InputError
        If the data are missing or invalid, or the first network is not in the search space.
    OutputError
        If the folder contains other files, or cannot be written.
    MissingExtraError
        If the training packages are not installed.

    Examples
    --------
    >>> from galpipe.configs import ClassifierTraining, load_config
    >>> from galpipe.pipeline.tune import tune_classifier
    >>> config = load_config("bayesian.yaml", ClassifierTraining)  # doctest: +SKIP
    >>> tune_classifier(config, "search", trials=10).best.values["dense"]  # doctest: +SKIP
    96.0
    """
    check_training("classifier", config)
    require("keras", "train")
    require("sklearn", "train")
    from ..classification.training import tune

    search = tune.tune_classifier(
        ClassifierTuning(training=config, epochs=epochs),
        output,
        trials=trials,
        progress=open_progress(progress),
        overwrite=overwrite,
    )
    folder = OutputFolder(output, resume=True)
    results = {"trials": [trial.model_dump() for trial in search.trials]}
    write_report(folder, search_report(config.name, search), results, {"command": "tune"})
    return search


def search_report(name: str, search: Search) -> Report:
    """Create a report of the best network, the first one, and all trials.

    Parameters
    ----------
    name : str
        Name of the training.
    search : Search
        Result of the search.

    Returns
    -------
    Report
    """
    start, best = search.trials[0], search.best
    numbered = sorted(enumerate(search.trials, 1), key=lambda item: item[1].loss)
    searched = [name.replace("_", " ") for name in start.values]
    header = [*searched, "weights", "loss", "accuracy"]
    return Report(
        f"Bayesian search: {name}",
        [
            f"{len(search.trials)} trials, each a short training of another network. "
            "Loss and accuracy are on the validation images. The best of many trials is partly due "
            "to chance: train the network in full and evaluate it on the test images.",
            Table(["network", *header], [["start", *_cells(start)], ["best", *_cells(best)]]),
            Heading("All trials, best first"),
            Table(
                ["trial", *header],
                [[str(number), *_cells(trial)] for number, trial in numbered],
            ),
        ],
    )


def _cells(trial: Trial) -> list[str]:
    return [
        *(f"{value:g}" for value in trial.values.values()),
        f"{trial.parameters:,}",
        f"{trial.loss:.4f}",
        f"{trial.accuracy:.3f}",
    ]
