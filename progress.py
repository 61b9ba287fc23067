"""Interface for reporting the progress of long-running functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

__all__ = ["Progress", "Task", "count_of", "open_progress", "phase", "silent", "track", "within"]

_Item = TypeVar("_Item")


class Task(Protocol):
    """A piece of work in progress."""

    def update(
        self,
        *,
        advance: int = 0,
        completed: int | None = None,
        total: int | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> None:
        """Report progress.

        Parameters
        ----------
        advance : int
            Units completed since the last call.
        completed : int, optional
            Total units completed, instead of `advance`.  In the first report, those of an earlier
            start: the time left is estimated without them.
        total : int, optional
            Total units of work, if unknown at the start.
        description : str, optional
            New title.
        status : str, optional
            Additional text, such as the loss.
        """


class Progress(Protocol):
    """Display of progress: a callable that returns a context manager for each piece of work."""

    def __call__(
        self, description: str, total: int | None = None, *, in_bytes: bool = False
    ) -> AbstractContextManager[Task]:
        """Begin a piece of work.

        Parameters
        ----------
        description : str
            Title of the work.
        total : int, optional
            Total units of work, if known.
        in_bytes : bool
            Whether the units are bytes.
        """


class _SilentTask:
    def update(
        self,
        *,
        advance: int = 0,
        completed: int | None = None,
        total: int | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> None:
        pass


@contextmanager
def silent(description: str, total: int | None = None, *, in_bytes: bool = False) -> Iterator[Task]:
    """Show nothing.

    Parameters
    ----------
    description : str
        Ignored.
    total : int, optional
        Ignored.
    in_bytes : bool
        Ignored.
    """
    yield _SilentTask()


def open_progress(progress: bool | Progress) -> Progress:
    """Return the display for an argument `progress`.

    Parameters
    ----------
    progress : bool or Progress
        True for a progress bar on standard error, if that is a terminal; False for none; or a
        custom display.

    Examples
    --------
    >>> with open_progress(False)("fields", 3) as task:
    ...     task.update(advance=1, status="2 galaxies")
    """
    if not isinstance(progress, bool):
        return progress
    if not progress:
        return silent
    # Imported here because rich is slow to import.
    from .console import terminal_progress

    return terminal_progress


def track(items: Sequence[_Item], description: str, progress: bool | Progress) -> Iterator[_Item]:
    """Yield items and report the progress.

    Parameters
    ----------
    items : sequence
        Items to yield.
    description : str
        Title of the work.
    progress : bool or Progress
        As in `open_progress`.

    Examples
    --------
    >>> sum(track([1, 2, 3], "adding", progress=False))
    6
    """
    with open_progress(progress)(description, len(items)) as task:
        for item in items:
            yield item
            task.update(advance=1)


@contextmanager
def phase(description: str, progress: bool | Progress) -> Iterator[None]:
    """Report a piece of work whose parts cannot be counted.

    Parameters
    ----------
    description : str
        Title of the work.
    progress : bool or Progress
        As in `open_progress`.
    """
    with open_progress(progress)(description, 1) as task:
        yield
        task.update(advance=1)


def within(progress: Progress, title: str) -> Progress:
    """Return a display that names the work to which its tasks belong.

    Parameters
    ----------
    progress : Progress
        The display.
    title : str
        Title of the whole work, such as ``fold 2 of 5``, written before those of its tasks.
    """

    def display(
        description: str, total: int | None = None, *, in_bytes: bool = False
    ) -> AbstractContextManager[Task]:
        return progress(f"{title}: {description}", total, in_bytes=in_bytes)

    return display


def count_of(found: int, noun: str, failed: int = 0) -> str:
    """Format the numbers of results and failures as the status of a task.

    Parameters
    ----------
    found : int
        Number of results so far.
    noun : str
        Name of the results, in the plural.
    failed : int
        Number of failures so far.

    Examples
    --------
    >>> count_of(12, "galaxies")
    '12 galaxies'
    >>> count_of(12, "galaxies", failed=1)
    '12 galaxies, 1 failed'
    """
    return f"{found} {noun}" + (f", {failed} failed" if failed else "")
