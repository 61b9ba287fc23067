"""Record of a command in its output folder, from its start to its end."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..files.output_folder import RECORD_NAME, OutputFolder
from .provenance import Failure, RunRecord, StageClock

__all__ = ["RunSink", "log_failure"]

logger = logging.getLogger("galpipe")


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


def log_failure(failure: Failure) -> None:
    """Log a failure as a warning.

    Parameters
    ----------
    failure : Failure
        An input that could not be processed.
    """
    # Marked for the terminal, which lists failures at the end.
    logger.warning("%s", failure.message, extra={"failure": True})
