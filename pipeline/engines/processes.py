"""Engine of one or more worker processes, which may crash, hang or be killed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any, Self

from ...errors import GalpipeError
from ..field_work import FieldWork, PartReport
from ..interrupts import Interrupts
from ..manifest import FieldTask
from .chunks import Chunks
from .worker import LogMessage, StartedField, serve

__all__ = ["ProcessEngine", "how_it_ended", "process_context"]

logger = logging.getLogger("galpipe")

_LOOK_EVERY = 0.2  # seconds, for signals and fields that take too long
_GRACE = 5.0, 1.0  # seconds for finished tasks to be written, after a first and second signal
_FAILED_STARTS = 2  # of workers until the run is failed


@dataclass
class _Worker:
    """A process, its tasks without a report, and the field that it has started."""

    process: BaseProcess
    connection: Connection
    tasks: deque[FieldTask] = field(default_factory=deque)
    started: StartedField | None = None
    since: float = field(default_factory=monotonic)
    reported: float = field(default_factory=monotonic)

    def send(self, message: Any) -> None:
        """Send a message; nothing happens if the process has ended, which is noticed later."""
        with suppress(OSError):
            self.connection.send(message)


class ProcessEngine:
    """Engine of worker processes.

    Chunks of tasks are sent to the workers, at most two to each; see `Chunks`.

    Parameters
    ----------
    workers : int
        Number of processes.
    threads : int
        Threads of each.
    field_timeout : float or None
        Seconds after which a field is given up; None for the default of `Chunks`.
    """

    def __init__(self, workers: int, threads: int, field_timeout: float | None) -> None:
        self._threads, self._timeout = threads, field_timeout
        self._workers = [self._start() for _ in range(workers)]
        self._failed_starts = 0
        self._work: FieldWork | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.send(None)
        for worker in self._workers:
            _end(worker, _GRACE[1])

    def run(
        self, work: FieldWork, tasks: Iterable[FieldTask], interrupts: Interrupts
    ) -> Generator[PartReport, None, None]:
        """Process tasks in the workers; see `Engine.run`.

        Parameters
        ----------
        work : FieldWork
            Processes the tasks.
        tasks : iterable of FieldTask
            The tasks.
        interrupts : Interrupts
            Ends the work.
        """
        self._work = work
        for worker in self._workers:
            worker.send(work)
        chunks = Chunks(tasks, self._timeout)
        try:
            while self._feed(chunks):
                yield from self._receive(chunks)
                if interrupts.count:
                    raise KeyboardInterrupt
        except BaseException:
            self._stop(interrupts)
            raise

    def _feed(self, chunks: Chunks) -> bool:
        """Send chunks to workers that have less than two; return whether there is work."""
        size = chunks.size
        for worker in self._workers:
            while len(worker.tasks) <= size:
                chunk = chunks.take()
                if not chunk:
                    break
                if not worker.tasks:
                    worker.since = worker.reported = monotonic()
                worker.tasks.extend(chunk)
                worker.send(chunk)
        return any(worker.tasks for worker in self._workers)

    def _receive(self, chunks: Chunks) -> Iterator[PartReport]:
        """Yield the reports that come in, and replace workers that ended or took too long."""
        busy = {worker.connection: worker for worker in self._workers if worker.tasks}
        for connection in wait(list(busy), _LOOK_EVERY):
            worker = busy[connection]  # type: ignore[index]
            try:
                while worker.connection.poll():
                    if report := self._take(worker, worker.connection.recv(), chunks):
                        yield report
            except (EOFError, OSError):
                self._replace(worker, chunks)
        for worker in list(self._workers):
            if not worker.started or not worker.tasks:
                continue
            if monotonic() - worker.since > chunks.time_limit(worker.started):
                worker.process.kill()
                self._replace(worker, chunks, too_long=True)

    def _take(self, worker: _Worker, message: Any, chunks: Chunks) -> PartReport | None:
        """Take one message of a worker; return it if it is a report."""
        if isinstance(message, StartedField):
            worker.started, worker.since = message, monotonic()
        elif isinstance(message, LogMessage):
            logger.log(message.level, "%s", message.text, extra={"failure": message.failure})
        elif isinstance(message, PartReport):
            for _ in range(message.tasks):
                worker.tasks.popleft()
            now = monotonic()
            chunks.measure((now - worker.reported) / message.tasks)
            worker.started, worker.reported, self._failed_starts = None, now, 0
            return message
        else:
            raise message
        return None

    def _replace(self, worker: _Worker, chunks: Chunks, *, too_long: bool = False) -> None:
        """Start another worker in the place of one that has ended, and repeat its tasks."""
        worker.process.join()
        how = how_it_ended(worker.process.exitcode)
        logger.debug("a worker ended: %s", how)
        if worker.started is None:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise GalpipeError(
                    f"Worker processes end before their first field ({how}). Free memory, or use "
                    "fewer --workers."
                )
        chunks.repeat(worker.tasks, worker.started, how, too_long=too_long)
        worker.connection.close()
        place = self._workers.index(worker)
        self._workers[place] = self._start()
        self._workers[place].send(self._work)

    def _stop(self, interrupts: Interrupts) -> None:
        """End the workers, which write their finished tasks first."""
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()
        since = monotonic()
        while any(worker.process.is_alive() for worker in self._workers):
            if monotonic() - since > _GRACE[interrupts.count > 1]:
                break
            for worker in self._workers:
                worker.process.join(0.02)
        for worker in self._workers:
            _end(worker, 0)
            worker.tasks.clear()

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        level = logger.getEffectiveLevel()
        process: BaseProcess = process_context().Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, self._threads, level), daemon=True, name="galpipe-worker"
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)


def process_context(
    preload: str = "galpipe.pipeline.field_work",
) -> multiprocessing.context.BaseContext:
    """Return the context of `multiprocessing` in which to start a process.

    A copy of this process is there at once, but safe only without other threads; a fork server has
    to load the libraries first, once.

    Parameters
    ----------
    preload : str
        Module that the fork server loads.
    """
    if _threads() == 1:
        return multiprocessing.get_context("fork")
    if sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([preload])
        return context
    return multiprocessing.get_context("spawn")


def _threads() -> int:
    """Return the number of threads of this process, 0 if unknown."""
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.is_dir() else 0


def _end(worker: _Worker, seconds: float) -> None:
    worker.process.join(seconds)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.connection.close()


def how_it_ended(code: int | None) -> str:
    """Return in words how a process ended.

    Parameters
    ----------
    code : int or None
        Its exit code, negative for a signal.
    """
    if code == -signal.SIGKILL:
        return "killed, perhaps for lack of memory"
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
