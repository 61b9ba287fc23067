"""Jobs: uploaded fields that wait in a bounded queue and are processed one after another."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from ..errors import GalpipeError
from ..files.output_folder import write_json
from ..imaging import FieldSource
from ..imaging.field_discovery import field_name
from .processes import Cancelled, ProcessLimits, call_in_process
from .uploads import StoredUpload
from .work import process_upload

__all__ = ["JobQueue", "JobState", "QueueFull"]

logger = logging.getLogger("galpipe")

Status = Literal["queued", "running", "done", "failed", "cancelled"]

_RECORD = "job.json"
_RESULT = "result"
_SHUT_DOWN = "The server was stopped before this job was done. Start it again."


class QueueFull(Exception):
    """As many jobs wait as may."""


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
    source : FieldSource
        The files of the field.
    names : dict of str to str
        Names that the user gave to the files, by path.
    status : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    done, total : int
        Fields that are processed, and that the files hold.
    progress, message : str
        Progress in words, and the cause of a failure.
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
    source: FieldSource
    names: dict[str, str]
    status: Status = "queued"
    done: int = 0
    total: int = 0
    progress: str = ""
    message: str = ""
    started: float | None = None
    ended: float | None = None
    used: float = field(default_factory=monotonic)
    pid: int = 0
    cancel: threading.Event = field(default_factory=threading.Event)
    version: int = 0

    @property
    def result(self) -> Path:
        """Output folder of the run."""
        return self.folder / _RESULT

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


class JobQueue:
    """Queue of jobs and the thread that works through it.

    Parameters
    ----------
    folder : Path
        Folder of the jobs; those of an earlier server are listed again.
    models : (str, str)
        Detector and classifier.
    limits : ProcessLimits
        Memory and time of a job.
    max_queue : int
        Jobs that may wait.
    """

    def __init__(
        self, folder: Path, models: tuple[str, str], limits: ProcessLimits, max_queue: int
    ) -> None:
        self._folder, self._models, self._limits = folder, models, limits
        self._max_queue = max_queue
        self._jobs: dict[str, JobState] = {}
        self._waiting: deque[JobState] = deque()
        self._changed = threading.Condition()
        self._closing = False
        folder.mkdir(parents=True, exist_ok=True)
        for record in sorted(folder.glob(f"*/{_RECORD}"), key=lambda path: path.stat().st_mtime):
            if (job := _read(record)) is not None:
                self._jobs[job.id] = job
        self._thread = threading.Thread(target=self._work, name="galpipe-jobs", daemon=True)
        self._thread.start()

    @property
    def jobs(self) -> list[JobState]:
        """All jobs, the newest first."""
        return list(self._jobs.values())[::-1]

    def __getitem__(self, number: str) -> JobState:
        """Return a job; raise KeyError if there is none."""
        job = self._jobs[number]
        job.used = monotonic()
        return job

    def position(self, job: JobState) -> int:
        """Return the number of jobs before a job that waits.

        Parameters
        ----------
        job : JobState
            The job.
        """
        with self._changed:
            return self._waiting.index(job) if job in self._waiting else 0

    def submit(self, uploads: Sequence[StoredUpload]) -> JobState:
        """Add a job for uploaded files, which are moved to its folder.

        Parameters
        ----------
        uploads : sequence of StoredUpload
            One file, or three bands.

        Raises
        ------
        QueueFull
            If too many jobs wait.
        """
        with self._changed:
            self._check_room()
            job = self._new([upload.name for upload in uploads])
            paths = [job.folder / "input" / str(place) for place in range(len(uploads))]
            paths[0].parent.mkdir()
            for upload, path in zip(uploads, paths, strict=True):
                upload.path.rename(path)
            job.source = replace(job.source, paths=tuple(paths))
            job.names = {
                str(path): upload.name for path, upload in zip(paths, uploads, strict=True)
            }
            return self._add(job)

    def submit_example(self, path: Path) -> JobState:
        """Add a job for a field that comes with galpipe.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        QueueFull
            If too many jobs wait.
        """
        with self._changed:
            self._check_room()
            job = self._new([path.name])
            job.source = replace(job.source, paths=(path,))
            job.names = {str(path): path.name}
            return self._add(job)

    def stop(self, job: JobState) -> None:
        """Cancel a job that is not over.

        Parameters
        ----------
        job : JobState
            The job.
        """
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                self._change(job, status="cancelled")
            job.cancel.set()

    def remove(self, job: JobState) -> None:
        """Remove a job that is over, and its files.

        Parameters
        ----------
        job : JobState
            The job.
        """
        with self._changed:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def remove_old(self, seconds: float) -> None:
        """Remove the jobs that are over and have not been used for some time.

        Parameters
        ----------
        seconds : float
            The time.
        """
        for job in self.jobs:
            if job.over and monotonic() - job.used > seconds:
                self.remove(job)

    def close(self) -> None:
        """End the running job and the thread."""
        with self._changed:
            self._closing = True
            for job in self._jobs.values():
                job.cancel.set()
            self._changed.notify_all()
        self._thread.join()

    def _check_room(self) -> None:
        if len(self._waiting) >= self._max_queue:
            raise QueueFull

    def _new(self, names: list[str]) -> JobState:
        number = secrets.token_hex(8)
        identifier = field_name([Path(name) for name in names])
        title = names[0] if len(names) == 1 else identifier
        folder = self._folder / number
        folder.mkdir()
        return JobState(number, title, folder, FieldSource(identifier, ()), {})

    def _add(self, job: JobState) -> JobState:
        self._jobs[job.id] = job
        self._waiting.append(job)
        _write(job)
        self._changed.notify_all()
        return job

    def _change(self, job: JobState, **state: Any) -> None:
        for name, value in state.items():
            setattr(job, name, value)
        job.version += 1
        if job.over:
            job.ended = job.used = monotonic()
            _write(job)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._waiting.popleft()
                self._change(job, status="running", started=monotonic())
            try:
                self._process(job)
            except Exception as error:
                logger.exception("job %s", job.id)
                self._change(job, status="failed", message=f"{type(error).__name__}: {error}")

    def _process(self, job: JobState) -> None:
        def set_pid(pid: int) -> None:
            job.pid = pid

        def progressed(message: dict[str, Any]) -> None:
            state = {"done": message["done"], "total": message["total"]}
            self._change(job, progress=str(message["status"]), **state)

        ending: Callable[..., None] = self._change
        try:
            result = call_in_process(
                process_upload,
                self._limits,
                job.cancel,
                progressed,
                set_pid,
                source=job.source,
                output=job.result,
                models=self._models,
                names=job.names,
            )
        except Cancelled:
            ending(job, status="cancelled")
        except GalpipeError as error:
            ending(job, status="failed", message=str(error))
        else:
            status: Status = "done" if result["fields"] else "failed"
            ending(job, status=status, message="\n".join(result["messages"]))


def _write(job: JobState) -> None:
    write_json(
        job.folder / _RECORD,
        {
            "id": job.id,
            "name": job.name,
            "identifier": job.source.identifier,
            "files": job.names,
            "status": job.status if job.over else "failed",
            "message": job.message if job.over else _SHUT_DOWN,
            "done": job.done,
            "total": job.total,
            "progress": job.progress,
        },
    )


def _read(record: Path) -> JobState | None:
    """Read a job of an earlier server; None if its record is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(record.read_text(encoding="utf-8"))
        paths = tuple(map(Path, content["files"]))
        job = JobState(
            record.parent.name,
            content["name"],
            record.parent,
            FieldSource(content["identifier"], paths),
            content["files"],
        )
        for name in ("status", "message", "done", "total", "progress"):
            setattr(job, name, content[name])
        return job
    return None
