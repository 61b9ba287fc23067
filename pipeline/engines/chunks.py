"""Divide tasks into chunks, and decide what happens to those of a worker that ended."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from ..manifest import FieldTask
from .worker import StartedField

__all__ = ["Chunks"]

_CHUNK_SECONDS = 1.0  # that a chunk should take
_LARGEST_CHUNK = 64
_CRASHES = 2  # of a field until it is failed


class Chunks:
    """Tasks of a run, in chunks of about a second.

    The tasks of a worker that ends without having reported them are repeated one by one; a field
    during which workers ended twice, or that takes longer than the time limit, is failed.

    Parameters
    ----------
    tasks : iterable of FieldTask
        The tasks, which are taken as they are needed.
    field_timeout : float
        Seconds after which a field is given up.

    Attributes
    ----------
    left : bool
        Whether there may be further tasks.
    """

    def __init__(self, tasks: Iterable[FieldTask], field_timeout: float) -> None:
        self._tasks, self._timeout = iter(tasks), field_timeout
        self._again: deque[FieldTask] = deque()
        self._crashes: Counter[tuple[int, int]] = Counter()
        self._seconds = _CHUNK_SECONDS  # that a task takes
        self.left = True

    @property
    def size(self) -> int:
        """Number of tasks in a chunk."""
        return max(1, min(int(_CHUNK_SECONDS / self._seconds), _LARGEST_CHUNK))

    def take(self) -> list[FieldTask]:
        """Return the next chunk; empty if there is none."""
        chunk = [self._again.popleft()] if self._again else list(islice(self._tasks, self.size))
        self.left = bool(chunk)
        return chunk

    def measure(self, seconds: float) -> None:
        """Take the time of a task into account for the size of the next chunks.

        Parameters
        ----------
        seconds : float
            Time that a task took.
        """
        self._seconds = (self._seconds + seconds) / 2

    def repeat(
        self,
        tasks: Iterable[FieldTask],
        started: StartedField | None,
        how: str,
        *,
        too_long: bool = False,
    ) -> None:
        """Take back the tasks of a worker that ended.

        Parameters
        ----------
        tasks : iterable of FieldTask
            Its tasks without a report.
        started : StartedField or None
            The field that it started last, if it is known.
        how : str
            How it ended, in words.
        too_long : bool
            The field took longer than the time limit, and is failed at once.
        """
        for task in tasks:
            if started is not None and task.key == started.key:
                task = self._blamed(task, started.number, how, too_long=too_long)
            self._again.append(task)
            self.left = True

    def _blamed(self, task: FieldTask, number: int, how: str, *, too_long: bool) -> FieldTask:
        """Return a task, without the field during which its worker ended if that is to fail."""
        self._crashes[task.key, number] += 1
        if not too_long and self._crashes[task.key, number] < _CRASHES:
            return task
        place = f"{task.source}, field {number + 1}" if number > 0 else str(task.source)
        message = f"{place}: crashes the program that reads it ({how}); the file may be damaged."
        if too_long:
            message = (
                f"{place}: took longer than {self._timeout:g} s. Allow more time with "
                "--field-timeout, or check the file."
            )
        return replace(task, failed=task.failed | {number: message})
