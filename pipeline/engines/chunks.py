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

# Default of the time limit of a field, in seconds, and for each megapixel.  One core needs 1 to 2
# seconds for a megapixel; the rest is for machines that have other work.
_LEAST_TIME, _TIME_PER_MEGAPIXEL = 600.0, 10.0


class Chunks:
    """Tasks of a run, in chunks of about a second.

    The tasks of a worker that ends without having reported them are repeated one by one; a field
    during which workers ended twice, or that takes longer than the time limit, is failed.

    Parameters
    ----------
    tasks : iterable of FieldTask
        The tasks, which are taken as they are needed.
    field_timeout : float or None
        Seconds after which a field is given up; None for 600, and 10 more for each megapixel.

    Attributes
    ----------
    left : bool
        Whether there may be further tasks.
    """

    def __init__(self, tasks: Iterable[FieldTask], field_timeout: float | None) -> None:
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

    def time_limit(self, started: StartedField | None) -> float:
        """Return the seconds after which a field is given up.

        Parameters
        ----------
        started : StartedField or None
            The field; None if it is not known.
        """
        if self._timeout is not None:
            return self._timeout
        pixels = 0 if started is None else started.pixels
        return _LEAST_TIME + _TIME_PER_MEGAPIXEL * pixels / 1e6

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
                limit = self.time_limit(started) if too_long else None
                task = self._blamed(task, started.number, how, limit)
            self._again.append(task)
            self.left = True

    def _blamed(self, task: FieldTask, number: int, how: str, limit: float | None) -> FieldTask:
        """Return a task, without the field during which its worker ended if that is to fail.

        ``limit`` is the time limit that the field has exceeded.
        """
        self._crashes[task.key, number] += 1
        if limit is None and self._crashes[task.key, number] < _CRASHES:
            return task
        place = f"{task.source}, field {number + 1}" if number > 0 else str(task.source)
        message = f"{place}: crashes the program that reads it ({how}); the file may be damaged."
        if limit is not None:
            message = (
                f"{place}: took longer than {limit:.6g} s. Allow more time with "
                "--field-timeout, or check the file."
            )
        return replace(task, failed=task.failed | {number: message})
