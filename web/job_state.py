"""State of a job, and its record in the folder of the job."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from ..files.output_folder import write_json
from ..imaging import FieldSource

__all__ = ["RECORD", "RESULT", "JobState", "UploadedField", "read_job", "write_job"]

RECORD, RESULT = "job.json", "result"
"""Record of a job and its output folder, in the folder of the job."""

Status = Literal["queued", "running", "done", "failed", "cancelled"]

_SHUT_DOWN = "The server was stopped before this job was done. Start it again."
_RECORDED = ("message", "done", "total", "progress", "fields", "galaxies", "failed", "date")


@dataclass(frozen=True)
class UploadedField:
    """Files of a field, in the folder of their job under names of the server.

    Attributes
    ----------
    identifier : str
        Identifier of the field.
    names : tuple of str
        Names that the user gave to the files.
    """

    identifier: str
    names: tuple[str, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Paths of the files in the folder of the job."""
        return tuple(Path("input", str(number)) for number in range(len(self.names)))

    def source(self, folder: Path) -> FieldSource:
        """Return the files as the source of a field.

        Parameters
        ----------
        folder : Path
            Folder of the job.
        """
        paths = tuple(folder / path for path in self.paths)
        return FieldSource(self.identifier, paths, stem=self.identifier)

    def names_in(self, folder: Path) -> dict[str, str]:
        """Return the names of the user by the paths of the files.

        Parameters
        ----------
        folder : Path
            As in `source`.
        """
        return {str(folder / path): name for path, name in zip(self.paths, self.names, strict=True)}


@dataclass
class JobState:
    """A job and its state, which only the queue changes.

    Attributes
    ----------
    id : str
        Identifier.
    name : str
        Name of the field.
    folder : Path
        Folder of the job.
    upload : UploadedField
        The files of the field.
    status : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    done, total : int
        Fields that are processed, and that the files hold.
    progress, message : str
        Progress in words, and the cause of a failure.
    fields, galaxies, failed : int
        Numbers of fields, galaxies and failed fields of the result.
    date : str
        Start of the processing, UTC.
    started, ended : float or None
        Times of a monotonic clock.
    used : float
        Time of the last use.
    pid : int
        Number of its process.
    cancel : Event
        Set to end it.
    version : int
        Counts the changes of the state.
    """

    id: str
    name: str
    folder: Path
    upload: UploadedField
    status: Status = "queued"
    done: int = 0
    total: int = 0
    progress: str = ""
    message: str = ""
    fields: int = 0
    galaxies: int = 0
    failed: int = 0
    date: str = ""
    started: float | None = None
    ended: float | None = None
    used: float = field(default_factory=monotonic)
    pid: int = 0
    cancel: threading.Event = field(default_factory=threading.Event)
    version: int = 0

    @property
    def result(self) -> Path:
        """Output folder of the run."""
        return self.folder / RESULT

    @property
    def source(self) -> FieldSource:
        """The files of the field."""
        return self.upload.source(self.folder)

    @property
    def names(self) -> dict[str, str]:
        """Names that the user gave to the files, by path."""
        return self.upload.names_in(self.folder)

    @property
    def seconds(self) -> float:
        """Time since the start of the processing, or that it took."""
        if self.started is None:
            return 0.0
        return (monotonic() if self.ended is None else self.ended) - self.started

    @property
    def over(self) -> bool:
        """True if it is neither queued nor running."""
        return self.status not in ("queued", "running")

    def start(self) -> None:
        """Note the time at which the processing starts."""
        self.started, self.date = monotonic(), datetime.now(UTC).isoformat(timespec="seconds")


def write_job(job: JobState) -> None:
    """Write the record of a job.

    Parameters
    ----------
    job : JobState
        The job; one that is not over is recorded as failed, for a server that does not know it.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    content: dict[str, Any] = {
        "name": job.name,
        "identifier": job.upload.identifier,
        "files": list(job.upload.names),
        "status": job.status,
        **{name: getattr(job, name) for name in _RECORDED},
    }
    if not job.over:
        content |= {"status": "failed", "message": _SHUT_DOWN}
    write_json(job.folder / RECORD, content)


def read_job(folder: Path) -> JobState | None:
    """Read the record of a job of an earlier server.

    Parameters
    ----------
    folder : Path
        Folder of the job.

    Returns
    -------
    JobState or None
        None if the record is missing or damaged.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        upload = UploadedField(content["identifier"], tuple(content["files"]))
        job = JobState(folder.name, content["name"], folder, upload, content["status"])
        for name in _RECORDED:
            setattr(job, name, content[name])
        return job
    return None
