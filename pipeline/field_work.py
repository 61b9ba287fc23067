"""Work units: process fields one after another and write each result as a part."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from ..files.atomic import write_jpeg, write_png
from ..files.names import SafeNames, safe_name, shortened
from ..files.output_folder import field_pictures
from ..imaging import FieldSource, split_source, to_display, write_fits_crop
from .field_processing import FieldModels, FieldResult, FieldSettings, process_field
from .interrupts import signals_delayed
from .manifest import FieldTask
from .parts import write_part
from .provenance import Failure, FieldRecord
from .remote_fields import local_copy
from .result_lines import failure_line, field_line, field_of
from .run_store import RunStore
from .sinks import log_failure

__all__ = ["SPLITTING", "FieldWork", "PartReport", "Started", "crop_files", "file_name"]

logger = logging.getLogger("galpipe")

SPLITTING = -1
"""Number of the step before the first field of a source: listing the fields in it."""

# Results are written at least this often, in seconds, and after each field that takes longer, and
# for at most so many tasks, since they are in memory until then.
_PART_SECONDS = 1.0
_PART_TASKS = 64

_QUALITY = 88  # of JPEG

Started = Callable[[int, int, int], None]
"""Called with the key of a task, the number of its field, and the pixels of that, 0 if unknown."""


@dataclass
class PartReport:
    """Counts of a written part.

    Attributes
    ----------
    tasks : int
        Number of finished tasks, in the order in which they were given.
    fields, failed : int
        Number of fields of these tasks, and of those among them that failed.
    galaxies : int
        Number of galaxies.
    """

    tasks: int = 0
    fields: int = 0
    failed: int = 0
    galaxies: int = 0

    def __add__(self, other: PartReport) -> PartReport:
        """Return the counts of both."""
        return PartReport(
            self.tasks + other.tasks,
            self.fields + other.fields,
            self.failed + other.failed,
            self.galaxies + other.galaxies,
        )


@dataclass(frozen=True)
class FieldWork:
    """Processes the fields of tasks and writes pictures and parts; can be pickled.

    Attributes
    ----------
    models, settings : FieldModels, FieldSettings
        As in `process_field`.
    folder : Path
        Output folder.
    fingerprint : str
        Fingerprint of the run.
    store : RunStore or None
        Where the results are published.
    """

    models: FieldModels
    settings: FieldSettings
    folder: Path
    fingerprint: str
    store: RunStore | None = None

    def run(
        self, tasks: Iterable[FieldTask], started: Started = lambda *_: None
    ) -> Iterator[PartReport]:
        """Process tasks; yield a report after each part.

        If it is interrupted, the finished tasks are written first.

        Parameters
        ----------
        tasks : iterable of FieldTask
            The tasks.
        started : callable
            Called before each field, and when its size is known.

        Raises
        ------
        OutputError
            If a result cannot be written.
        BundleError, MissingExtraError
            If a model cannot be opened.
        """
        self.models.open_detector()
        self.models.open_classifier()
        done: list[tuple[int, list[dict[str, Any]]]] = []
        report, since = PartReport(), monotonic()
        try:
            for task in tasks:
                counts, results = self._run_task(task, started)
                done.append((task.key, results))
                report += counts
                if monotonic() - since > _PART_SECONDS or len(done) == _PART_TASKS:
                    self._write(done)
                    written, report, done = report, PartReport(), []
                    yield written
                    since = monotonic()
        finally:
            self._write(done)
        if report.tasks:
            yield report

    def _write(self, done: list[tuple[int, list[dict[str, Any]]]]) -> None:
        if not done:
            return
        with signals_delayed():
            name = write_part(self.folder, self.fingerprint, done)
        if self.store is not None:
            fields = [field_of(line) for _, lines in done for line in lines]
            self.store.publish_fields(map(file_name, fields))
            self.store.publish_part(name)

    def _run_task(
        self, task: FieldTask, started: Started
    ) -> tuple[PartReport, list[dict[str, Any]]]:
        report = PartReport(tasks=1)
        results = []
        for result in self._results(task, started):
            report.fields += 1
            if isinstance(result, Failure):
                report.failed += 1
                log_failure(result)
                _remove_files(self.folder, result.input)
                results.append(failure_line(result))
                continue
            with signals_delayed():
                record = write_pictures(self.folder, result)
            report.galaxies += record.galaxies
            for note in record.notes:
                logger.warning("%s: %s", record.field, note)
            results.append(field_line(result, record))
        return report, results

    def _results(self, task: FieldTask, started: Started) -> Iterator[FieldResult | Failure]:
        source = task.source
        if SPLITTING in task.failed:
            yield Failure(source.identifier, task.failed[SPLITTING])
            return
        started(task.key, SPLITTING, 0)
        with ExitStack() as files:
            try:
                copy = files.enter_context(local_copy(source))
            except Exception as error:
                yield Failure.of(source.identifier, error)
                return
            for result in self._results_of(copy.source, task, started):
                yield copy.named(result)

    def _results_of(
        self, source: FieldSource, task: FieldTask, started: Started
    ) -> Iterator[FieldResult | Failure]:
        """Yield the results of the fields of a source whose files are on this machine."""
        try:
            parts = split_source(source)
        except Exception as error:
            yield Failure.of(source.identifier, error)
            return
        names: set[str] = set()
        for number, part in enumerate(parts):
            if part is not source:
                part = _unique(part, task.taken, names)
            if number in task.failed:
                yield Failure(part.identifier, task.failed[number])
                continue
            started(task.key, number, 0)
            opened = partial(started, task.key, number)
            try:
                yield process_field(part, self.models, self.settings, opened)
            except Exception as error:
                yield Failure.of(part.identifier, error)


def write_pictures(folder: Path, result: FieldResult) -> FieldRecord:
    """Write the pictures of a field, and remove those that it had before.

    Parameters
    ----------
    folder : Path
        Output folder.
    result : FieldResult
        Result of `process_field`.

    Returns
    -------
    FieldRecord
        The record, with the places of the pictures of the field and the time spent.

    Raises
    ------
    OutputError
        If a picture cannot be written.
    """
    record = result.record
    start = perf_counter()
    name, overlay, picture = file_name(record.field), "", ""
    overlay_file, picture_file, crops_folder = field_pictures(name)
    crop_names = SafeNames()
    written = []
    for source_id, crop in result.crops.items():
        path = folder / crops_folder / f"{crop_names(source_id)}.png"
        written.append(write_png(path, to_display(crop, result.origin)))
    for source_id, part in result.linear_crops.items():
        path = folder / crops_folder / f"{crop_names(source_id)}.fits"
        written.append(write_fits_crop(path, part))
    if result.overlay is not None:
        overlay = overlay_file
        written.append(write_png(folder / overlay, result.overlay))
    if result.picture is not None:
        picture = picture_file
        written.append(write_jpeg(folder / picture, result.picture, _QUALITY))
    _remove_files(folder, record.field, keep=written)
    seconds = record.seconds | {"write": round(perf_counter() - start, 4)}
    return replace(record, overlay=overlay, picture=picture, seconds=seconds)


def _remove_files(folder: Path, identifier: str, keep: Sequence[Path] = ()) -> None:
    """Remove the files of a field that it had before its input was changed."""
    name = file_name(identifier)
    *single, crops = (folder / place for place in field_pictures(name))
    regions = folder / "regions" / f"{name}.reg"
    for path in (*single, regions, *crops.glob("*.png"), *crops.glob("*.fits")):
        if path not in keep:
            path.unlink(missing_ok=True)


def file_name(identifier: str) -> str:
    """Return the name of the files of a field, different for each identifier.

    Parameters
    ----------
    identifier : str
        Identifier of the field.
    """
    name = safe_name(identifier)
    if name == identifier:
        return name
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{shortened(name, 190)}-{digest[:8]}"


def crop_files(identifier: str, sources: Iterable[str], cropped: Iterable[bool]) -> list[str]:
    """Return the places of the crops of a field in the output folder.

    Parameters
    ----------
    identifier : str
        Identifier of the field.
    sources : iterable of str
        The objects, in the order of the catalogue.
    cropped : iterable of bool
        Whether the object has a crop: whether it was classified.

    Returns
    -------
    list of str
        One for each object; empty for those without a crop.
    """
    *_, folder = field_pictures(file_name(identifier))
    names = SafeNames()
    # Objects without a crop take no name from the others.
    return [
        f"{folder}/{names(source)}.png" if has_crop else ""
        for source, has_crop in zip(sources, cropped, strict=True)
    ]


def _unique(source: FieldSource, taken: tuple[str, ...], names: set[str]) -> FieldSource:
    """Return a field of a file with an identifier that no other field has."""
    first = name = source.identifier
    number = 2
    # Another source may hold the field "b" of "mosaic-a", while this is "a-b" of "mosaic".
    if any(name.casefold().startswith(f"{other}-") for other in taken):
        name = f"{first}-{number}"
    while name.casefold() in names or name.casefold() in taken:
        name = f"{first}-{number}"
        number += 1
    names.add(name.casefold())
    return replace(source, identifier=name)
