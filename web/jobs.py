"""Jobs: uploaded fields that wait in a bounded queue and are processed one after another."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from ..errors import GalpipeError
from ..imaging.field_discovery import field_name
from .job_state import RECORD, JobState, UploadedField, read_job, write_job
from .processes import Cancelled, ProcessLimits, call_in_process
from .uploads import StoredUpload
from .work import process_upload

__all__ = ["JobQueue", "QueueFull"]

logger = logging.getLogger("galpipe")


class QueueFull(Exception):
    """As many jobs wait as may."""


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
    on_done : callable
        Receives the identifier of each job that is done.
    """

    def __init__(
        self,
        folder: Path,
        models: tuple[str, str],
        limits: ProcessLimits,
        max_queue: int,
        on_done: Callable[[str], None] = lambda number: None,
    ) -> None:
        self._folder, self._models, self._limits = folder, models, limits
        self._max_queue, self._on_done = max_queue, on_done
        self._jobs: dict[str, JobState] = {}
        self._waiting: deque[JobState] = deque()
        self._changed = threading.Condition()
        self._closing = False
        folder.mkdir(parents=True, exist_ok=True)
        earlier = (read_job(record.parent) for record in folder.glob(f"*/{RECORD}"))
        for job in sorted(filter(None, earlier), key=lambda job: job.date):
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
            for upload, path in zip(uploads, job.source.paths, strict=True):
                upload.path.rename(path)
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
            shutil.copyfile(path, job.source.paths[0])
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
        job = JobState(
            number, title, self._folder / number, UploadedField(identifier, tuple(names))
        )
        job.source.paths[0].parent.mkdir(parents=True)
        return job

    def _add(self, job: JobState) -> JobState:
        self._jobs[job.id] = job
        self._waiting.append(job)
        write_job(job)
        self._changed.notify_all()
        return job

    def _change(self, job: JobState, **state: Any) -> None:
        for name, value in state.items():
            setattr(job, name, value)
        job.version += 1
        if job.over:
            job.ended = job.used = monotonic()
            write_job(job)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._waiting.popleft()
                job.start()
                self._change(job, status="running")
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

        try:
            result = call_in_process(
                process_upload,
                self._limits,
                job.cancel,
                progressed,
                set_pid,
                folder=job.folder,
                upload=job.upload,
                models=self._models,
            )
        except Cancelled:
            self._change(job, status="cancelled")
        except GalpipeError as error:
            self._change(job, status="failed", message=str(error))
        else:
            numbers = {name: result[name] for name in ("fields", "galaxies", "failed")}
            status = "done" if result["fields"] else "failed"
            self._change(job, status=status, message="\n".join(result["messages"]), **numbers)
            if status == "done":
                self._on_done(job.id)
