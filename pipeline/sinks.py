"""Sinks: write the results of a command to its output folder as they arrive."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic, perf_counter
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from ..files.atomic import write_png
from ..files.names import SafeNames
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..imaging import to_display
from .catalogue import Catalogue
from .catalogue_formats import CATALOGUE_FORMATS, DEFAULT_FORMATS
from .field_processing import FieldResult
from .provenance import Failure, FieldRecord, RunRecord, StageClock

__all__ = ["CatalogueSink", "RunSink", "log_failure"]

logger = logging.getLogger("galpipe")

# Smallest interval between writes of all results, in seconds, and largest fraction of the time
# spent on it.  Frequent writes limit the loss if a long run is killed.
_WRITE_EVERY = 60.0
_WRITE_SHARE = 0.05


class RunSink:
    """Output folder and record of a command.

    Use it as a context manager while results arrive: on exit, the status is set to ``complete``,
    ``interrupted`` or ``failed``, and everything is written.

    Parameters
    ----------
    folder : OutputFolder
        Folder to write into.
    record : RunRecord
        The record, which the sink changes and writes as ``run.json``.

    Attributes
    ----------
    clock : StageClock
        Times the steps of the command, into the record.
    """

    def __init__(self, folder: OutputFolder, record: RunRecord) -> None:
        self.folder = folder
        self.record = record
        self.clock = StageClock(record.seconds)

    def __enter__(self) -> Self:
        self.update(status="running")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.update(status="complete")
        else:
            self.update(status="interrupted" if issubclass(kind, KeyboardInterrupt) else "failed")

    def update(self, **changes: Any) -> None:
        """Change attributes of the record, and write all results.

        Parameters
        ----------
        **changes : object
            New values by attribute of `RunRecord`.
        """
        self.record = replace(self.record, **changes)
        self.write()

    def fail(self, failure: Failure) -> None:
        """Record a failure and log a warning.

        Parameters
        ----------
        failure : Failure
            An input that could not be processed.
        """
        self.record.failures.append(failure)
        log_failure(failure)

    def write(self) -> None:
        """Write the current record.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        self.folder.write_json(RECORD_NAME, self.record.as_dict())


class CatalogueSink(RunSink):
    """Sink of field results, which writes catalogue, crops, overlays and record.

    The catalogue is rewritten as it grows; DS9 regions are written field by field.

    Parameters
    ----------
    folder : OutputFolder
        Folder to write into.
    record : RunRecord
        The record, which the sink changes and writes as ``run.json``.
    class_names : sequence of str, optional
        Classes of the classifier; None for a catalogue of detections alone.
    detected_classes : sequence of str, optional
        Classes of a detector of several.
    formats : sequence of str
        Formats of the catalogue, as in `galpipe.run`.

    Attributes
    ----------
    galaxies : int
        Number of galaxies so far.
    """

    def __init__(
        self,
        folder: OutputFolder,
        record: RunRecord,
        class_names: Sequence[str] | None = None,
        detected_classes: Sequence[str] | None = None,
        formats: Sequence[str] = DEFAULT_FORMATS,
    ) -> None:
        super().__init__(folder, record)
        self._classes = class_names, detected_classes
        self._formats = {name: CATALOGUE_FORMATS[name].suffixes[0] for name in formats}
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._bands: list[dict[str, str]] = []
        self._file_names = SafeNames()
        self.galaxies = 0
        self._last, self._pause = monotonic(), _WRITE_EVERY

    def add(self, result: FieldResult) -> None:
        """Write the pictures and regions of a field and add its rows to the catalogue.

        Parameters
        ----------
        result : FieldResult
            Result of `process_field`.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        record = self._write_field(result)
        self._parts.append(result.rows)
        self._bands.append(result.bands)
        self.record.fields.append(record)
        for step, seconds in record.seconds.items():
            self.clock.add(step, seconds)
        self.galaxies += record.galaxies
        for note in record.notes:
            logger.warning("%s: %s", record.field, note)
        if monotonic() - self._last > self._pause:
            start = monotonic()
            self.write()
            self._last = monotonic()
            self._pause = max(_WRITE_EVERY, (self._last - start) / _WRITE_SHARE)

    def catalogue(self) -> Catalogue:
        """Return the catalogue so far."""
        class_names, detected_classes = self._classes
        return Catalogue.concatenate(
            self._parts, class_names, self.record.provenance(), detected_classes, self._bands
        )

    def write(self) -> None:
        """Write the current catalogue and record.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        catalogue = self.catalogue()
        for name, suffix in self._formats.items():
            if name != "ds9":
                catalogue.write(self.folder.path / f"catalogue{suffix}", overwrite=True)
        super().write()

    def _write_field(self, result: FieldResult) -> FieldRecord:
        record = result.record
        if not result.crops and result.overlay is None and "ds9" not in self._formats:
            return record
        start = perf_counter()
        name = self._file_names(record.field)
        if "ds9" in self._formats:
            path = self.folder.path / "regions" / f"{name}{self._formats['ds9']}"
            result.catalogue.write(path, overwrite=True)
        crop_names = SafeNames()
        for source_id, crop in result.crops.items():
            path = self.folder.path / "crops" / name / f"{crop_names(source_id)}.png"
            write_png(path, to_display(crop, result.origin))
        overlay = ""
        if result.overlay is not None:
            overlay = f"overlays/{name}.png"
            write_png(self.folder.path / overlay, result.overlay)
        seconds = record.seconds | {"write": round(perf_counter() - start, 4)}
        return replace(record, overlay=overlay, seconds=seconds)


def log_failure(failure: Failure) -> None:
    """Log a failure as a warning.

    Parameters
    ----------
    failure : Failure
        An input that could not be processed.
    """
    # Marked for the terminal, which lists failures at the end.
    logger.warning("%s", failure.message, extra={"failure": True})
