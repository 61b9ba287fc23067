"""The second stage alone: images of single galaxies in, a table of probabilities out."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..classification import classify_images
from ..classification.classifier import Classifier, open_classifier
from ..errors import GalpipeError, InputError
from ..files.atomic import atomic_path
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..progress import Progress, count_of, open_progress
from .batch import find_sources, note_failure
from .provenance import Failure, RunRecord, StageClock
from .run import resolve_config

__all__ = ["ClassifyResult", "classify", "expand_lists"]

logger = logging.getLogger("galpipe")

# Images held in memory at a time: enough to fill the networks' batches.
_CHUNK = 64

# The columns in which a list may name its images, the first that is there counts.
_FILE_COLUMNS = ("file", "filename", "path", "image")


@dataclass(frozen=True, eq=False)
class ClassifyResult:
    """What was found; the same lies in ``predictions.csv`` and ``run.json`` of the output folder.

    Attributes
    ----------
    predictions : pandas.DataFrame
        ``file, class_id, class_name, probability`` and one ``prob_...`` a class.
    output : Path
        The folder written.
    failures : tuple of Failure
        Images that could not be classified.
    record : RunRecord
        What ``run.json`` says.
    """

    predictions: pd.DataFrame
    output: Path
    failures: tuple[Failure, ...]
    record: RunRecord


def classify(
    images: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: Classifier | str | Path | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ClassifyResult:
    """Say of images of single galaxies what kind each one is.

    Parameters
    ----------
    images : path or iterable of paths
        Image files (the galaxy at the centre), folders of them, or CSV files that list them in a
        column ``file``, relative to the CSV's own folder.
    output : path
        Folder to write.
    model : Classifier, name or path, optional
        The classifier; by default the shipped one.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    ClassifyResult
        Table of probabilities, output folder, failures and record.

    Raises
    ------
    InputError
        If no input leads to an image at all.
    BundleError, OutputError
        If the model is missing or invalid, or the output folder is refused or cannot be written.
    """
    given = [images] if isinstance(images, str | Path) else list(images)
    expanded, failures = expand_lists(given)
    if failures and not expanded:
        raise InputError("\n".join(failure.message for failure in failures))
    sources, missing = find_sources(expanded)
    settings = resolve_config(None, classifier=model)
    classifier = open_classifier(model or settings.classifier.model)
    folder = OutputFolder(output, overwrite=overwrite)
    record = RunRecord("classify", failures=[*failures, *missing])
    record.models = {"classifier": classifier.bundle.identity.as_dict()}
    clock = StageClock()
    tables: list[pd.DataFrame] = []
    paths = [",".join(map(str, source.paths)) for source in sources]
    record.status = "interrupted"
    try:
        with clock("classify"), open_progress(progress)("images", len(paths)) as task:
            for start in range(0, len(paths), _CHUNK):
                chunk = paths[start : start + _CHUNK]
                task.update(description=Path(chunk[0]).name)
                tables += _classify_chunk(chunk, classifier, record)
                done = sum(map(len, tables))
                task.update(
                    advance=len(chunk), status=count_of(done, "galaxies", len(record.failures))
                )
        record.status = "complete"
    finally:
        predictions = _joined(tables, classifier)
        record.seconds = clock.seconds
        with atomic_path(folder.path / "predictions.csv") as beside:
            predictions.to_csv(beside, index=False)
        folder.write_json(RECORD_NAME, record.as_dict())
    return ClassifyResult(predictions, folder.path, tuple(record.failures), record)


def _classify_chunk(
    paths: Sequence[str], classifier: Classifier, record: RunRecord
) -> Iterator[pd.DataFrame]:
    """Classify images together, or, if one cannot be read, one by one."""
    try:
        yield classify_images(paths, classifier)
    except Exception:
        for path in paths:
            try:
                yield classify_images([path], classifier)
            except GalpipeError as error:
                failure = Failure(path, str(error))
            except Exception as error:
                logger.debug("%s failed", path, exc_info=True)
                failure = Failure(path, f"{path}: {type(error).__name__}: {error}", False)
            else:
                continue
            note_failure(record, failure)


def _joined(tables: Sequence[pd.DataFrame], classifier: Classifier) -> pd.DataFrame:
    if tables:
        return pd.concat(tables, ignore_index=True)
    return classify_images([], classifier)


def expand_lists(inputs: Iterable[str | Path]) -> tuple[list[str | Path], list[Failure]]:
    """Replace each CSV among the inputs by the images that it lists; name those without a list."""
    expanded: list[str | Path] = []
    failures: list[Failure] = []
    for one in inputs:
        if Path(one).suffix.lower() != ".csv" or Path(one).is_dir():
            expanded.append(one)
            continue
        try:
            expanded += _listed(Path(one))
        except InputError as error:
            failures.append(Failure(str(one), str(error)))
    return expanded, failures


def _listed(table: Path) -> list[Path]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a list of images: {error}") from error
    names = list(rows[0]) if rows else []
    column = next((name for name in _FILE_COLUMNS if name in names), None)
    if column is None:
        raise InputError(
            f"{table}: has no rows under a column named {', '.join(_FILE_COLUMNS[:-1])} or "
            f"{_FILE_COLUMNS[-1]}; the first line must name the columns"
        )
    return [table.parent / row[column] for row in rows if row[column]]
