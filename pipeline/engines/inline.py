"""Engine that processes the fields in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Self

from ..field_work import FieldWork, PartReport
from ..interrupts import Interrupts
from ..manifest import FieldTask

__all__ = ["InlineEngine"]


class InlineEngine:
    """Engine without processes of its own; a crash of native code ends this process."""

    def run(
        self, work: FieldWork, tasks: Iterable[FieldTask], interrupts: Interrupts
    ) -> Generator[PartReport, None, None]:
        """Process tasks one after another; see `Engine.run`.

        Parameters
        ----------
        work : FieldWork
            Processes the tasks.
        tasks : iterable of FieldTask
            The tasks.
        interrupts : Interrupts
            Ends the work.
        """
        with interrupts.raised():
            yield from work.run(tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
