"""Classify images of single galaxies: the second stage alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..classification import classify_images
from ..classification.classifier import Classifier, open_classifier
from ..classification.priors import Prior
from ..classification.votes import vote_columns
from ..datasets.image_reader import ImageReader
from ..datasets.votes.vote_trees import write_vote_table
from ..errors import InputError
from ..files.atomic import atomic_path
from ..files.lock import locked_folder
from ..files.output_folder import OutputFolder
from ..files.spreadsheet import to_cell
from ..models import ModelLike
from ..progress import Progress, count_of, open_progress
from .inputs import find_images, find_in_data_files
from .provenance import Failure, RunRecord
from .run import resolve_config
from .sinks import RunSink

__all__ = ["ClassifyResult", "classify"]

logger = logging.getLogger("galpipe")

# Images in memory at a time, a few batches of the networks.
_CHUNK = 64

VOTES_NAME = "votes.csv"
"""File of the predicted votes."""


@dataclass(frozen=True, eq=False)
class ClassifyResult:
    """Result of `classify`; also in ``predictions.csv`` and ``run.json`` of the output folder.

    Of a classifier that predicts votes, ``votes.csv`` there has the votes in the table format of
    their campaign, such as ``GalaxyID,Class1.1,...``.

    Attributes
    ----------
    predictions : pandas.DataFrame
        ``file`` and the columns of `galpipe.classification.predict.classify_images`.
    output : Path
        The output folder.
    failures : tuple of Failure
        Images that could not be classified.
    record : RunRecord
        Contents of ``run.json``.
    """

    predictions: pd.DataFrame
    output: Path
    failures: tuple[Failure, ...]
    record: RunRecord


def classify(
    images: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: Classifier | ModelLike | None = None,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ClassifyResult:
    """Classify images of single galaxies.

    Parameters
    ----------
    images : str, Path or iterable of them
        Image files with the galaxy at the centre, folders of images, or CSV files that list images
        in a column ``file``, relative to the folder of the CSV file; files of Galaxy10 and ZIP
        archives of images, which are read in place.
    output : str or Path
        Output folder.
    model : Classifier, Bundle, str or Path, optional
        The classifier, its bundle, name or path; by default the shipped one.
    prior : str, Path or mapping of str to float, optional
        Class frequencies of the galaxies, for which probabilities are re-weighted: ``"uniform"``,
        ``"survey"``, a file, or frequencies by class, as in
        `galpipe.classification.priors.resolve_prior`; by default those of the training.
    test_time_augmentation : bool, optional
        Predict the mean over the eight flips and quarter turns of an image, which takes eight times
        as long; by default as in `model`.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    ClassifyResult
        Table of probabilities, output folder, failures and record.

    Raises
    ------
    InputError
        If no image is found, or the prior cannot be read.
    ConfigError, BundleError, OutputError
        If the prior or the model is missing or invalid, or the output folder contains other files
        or cannot be written.
    """
    paths, failures = _find_paths(images)
    settings = resolve_config(None, classifier=model)
    classifier = open_classifier(model or settings.classifier.model, prior, test_time_augmentation)
    record = RunRecord(
        "classify",
        models={"classifier": classifier.as_dict()},
        failures=failures,
    )
    with (
        locked_folder(output),
        _PredictionSink(OutputFolder(output, overwrite=overwrite), record, classifier) as sink,
        ImageReader(classifier.stretch) as data_files,
        open_progress(progress)("images", len(paths)) as task,
    ):
        for start in range(0, len(paths), _CHUNK):
            chunk = paths[start : start + _CHUNK]
            task.update(description=Path(chunk[0]).name)
            with sink.clock("classify"):
                _classify_chunk(chunk, classifier, data_files, sink)
            status = count_of(sum(map(len, sink.tables)), "images", len(record.failures))
            task.update(advance=len(chunk), status=status)
    return ClassifyResult(sink.predictions(), sink.folder.path, tuple(record.failures), sink.record)


class _PredictionSink(RunSink):
    """Sink of tables of probabilities, joined in ``predictions.csv``."""

    def __init__(self, folder: OutputFolder, record: RunRecord, classifier: Classifier) -> None:
        super().__init__(folder, record)
        self.tables = [classify_images([], classifier)]
        self._tree = classifier.votes

    def add(self, table: pd.DataFrame) -> None:
        self.tables.append(table)
        self.record.notes += table.attrs["notes"]
        for note in table.attrs["notes"]:
            logger.warning("%s", note)

    def predictions(self) -> pd.DataFrame:
        tables = [table for table in self.tables if len(table)]
        return pd.concat(tables, ignore_index=True) if tables else self.tables[0]

    def write(self) -> None:
        with atomic_path(self.folder.path / "predictions.csv") as beside:
            self.predictions().map(to_cell).to_csv(beside, index=False)
        if self._tree is not None:
            known = self.predictions()
            known = known[known["class_id"] >= 0]
            votes = known[vote_columns(self._tree.answers)].to_numpy()
            names = [Path(file).name for file in known["file"]]
            write_vote_table(self.folder.path / VOTES_NAME, names, votes, self._tree)
        super().write()


def _find_paths(
    images: Iterable[str | Path] | str | Path,
) -> tuple[list[str], list[Failure]]:
    """Return the paths of the images, those in data files and archives first."""
    in_files, others, failures = find_in_data_files(images)
    paths = [str(path) for path in in_files]
    if others or not (paths or failures):
        sources, missing = find_images(others)
        failures += missing
        paths += [str(source) for source in sources]
    if not paths:
        raise InputError("\n".join(failure.message for failure in failures))
    return paths, failures


def _classify_chunk(
    paths: Sequence[str], classifier: Classifier, data_files: ImageReader, sink: _PredictionSink
) -> None:
    """Classify images in one batch or, if one cannot be read, one by one."""
    try:
        sink.add(classify_images(paths, classifier, data_files))
    except Exception:
        for path in paths:
            try:
                sink.add(classify_images([path], classifier, data_files))
            except Exception as error:
                sink.fail(Failure.of(path, error))
