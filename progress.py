"""A progress bar over fields, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["FieldProgress", "field_progress"]


class FieldProgress(Protocol):
    """What is told about the fields as they are done."""

    def start(self, name: str) -> None:
        """Say which field comes next."""

    def advance(self, done: int, found: int, failed: int) -> None:
        """Say that so many more are done, and how much was found and failed in all."""


class _Silent:
    def start(self, name: str) -> None:
        pass

    def advance(self, done: int, found: int, failed: int) -> None:
        pass


class _Bar:
    def __init__(self, total: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        from .console import STDERR

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[tally]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=STDERR,
            disable=not STDERR.is_terminal,
        )
        self._task = self.bar.add_task("fields", total=total, tally="")

    def start(self, name: str) -> None:
        from rich.markup import escape

        short = name if len(name) <= 32 else f"{name[:31]}…"
        self.bar.update(self._task, description=escape(short))

    def advance(self, done: int, found: int, failed: int) -> None:
        tally = f"{found} galaxies" + (f", [red]{failed} failed[/red]" if failed else "")
        self.bar.update(self._task, advance=done, tally=tally)


@contextmanager
def field_progress(total: int, *, shown: bool) -> Iterator[FieldProgress]:
    """Show a progress bar while the ``with`` block lasts, on a terminal and if `shown`."""
    if not shown:
        yield _Silent()
        return
    bar = _Bar(total)
    with bar.bar:
        yield bar
