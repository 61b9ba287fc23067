"""Actors of the engine ``ray``: workers, and the mailbox in which they report what they do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import ray

from ...errors import GalpipeError
from ..field_work import FieldWork, PartReport
from ..manifest import FieldTask
from .worker import LogMessage, StartedField, prepare_worker

__all__ = ["Mailbox", "RayWorker"]


class Mailbox:
    """Messages of the workers for the process that started them.

    What a worker put here is not lost when it crashes at once.
    """

    def __init__(self) -> None:
        self._messages: list[tuple[int, StartedField | LogMessage]] = []

    def put(self, worker: int, message: StartedField | LogMessage) -> None:
        """Add a message.

        Parameters
        ----------
        worker : int
            Number of the worker.
        message : StartedField or LogMessage
            The message.
        """
        self._messages.append((worker, message))

    def take(self) -> list[tuple[int, StartedField | LogMessage]]:
        """Return the messages in order, and forget them."""
        taken, self._messages = self._messages, []
        return taken


class RayWorker:
    """Process chunks of tasks in a process of its own, somewhere in the cluster.

    Parameters
    ----------
    number : int
        Number of the worker.
    mailbox : actor of Mailbox
        Takes the messages.
    work : FieldWork
        Processes the tasks.
    threads : int
        Threads of the networks and of OpenCV.
    log_level : int
        Level of the messages that are sent.
    folder : str
        Working folder, for relative paths.
    """

    def __init__(
        self, number: int, mailbox: Any, work: FieldWork, threads: int, log_level: int, folder: str
    ) -> None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise GalpipeError(
                f"{folder}: {error.strerror} on the machine {os.uname().nodename} of the cluster. "
                "Start the run in a folder that all machines share."
            ) from error
        self._number, self._mailbox, self._work = number, mailbox, work
        self._last: StartedField | None = None
        self._stopped = False
        prepare_worker(self._send, threads, log_level)

    def run(self, tasks: list[FieldTask]) -> PartReport:
        """Process tasks and write their parts; return the counts.

        Parameters
        ----------
        tasks : list of FieldTask
            The tasks.
        """
        reports = self._work.run(self._until_stopped(tasks), self._started)
        return sum(reports, PartReport())

    @ray.method(concurrency_group="control")  # type: ignore[untyped-decorator, unused-ignore]
    def ping(self) -> StartedField | None:
        """Return the field that this process started last, also while it is processed."""
        return self._last

    @ray.method(concurrency_group="control")  # type: ignore[untyped-decorator, unused-ignore]
    def stop(self) -> None:
        """End the work after the field in progress; its part is written."""
        self._stopped = True

    def _until_stopped(self, tasks: Iterable[FieldTask]) -> Iterator[FieldTask]:
        for task in tasks:
            if self._stopped:
                return
            yield task

    def _started(self, key: int, number: int, pixels: int) -> None:
        self._last = StartedField(key, number, pixels)
        # Wait until it is there: a crash in the next moment would lose it.
        ray.get(self._send(self._last))

    def _send(self, message: StartedField | LogMessage) -> Any:
        return self._mailbox.put.remote(self._number, message)
