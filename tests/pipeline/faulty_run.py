"""A run that is killed, or finds the disk full, at a chosen change of its output folder."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from galpipe.errors import OutputError
from galpipe.pipeline import field_work
from galpipe.pipeline.run import run

# Exit codes of the process; after a kill, the number of fields reported as done is added.
UNDISTURBED, REFUSED, SWALLOWED, KILLED = 0, 3, 4, 100

# Python raises an audit event before every change of a folder, from any library.
_CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
_CHANGES_THAT_NEED_SPACE = ("os.mkdir", "os.rename")


class Fault:
    """Audit hook: lets the change of a folder with a given number, and all after it, fail.

    Parameters
    ----------
    folder : Path
        The folder.
    place : int
        Number of the change, from zero.
    kill : bool
        Kill this process; otherwise the disk is full.
    """

    def __init__(self, folder: Path, place: int, *, kill: bool) -> None:
        self._folder, self._left, self._kill = str(folder), place, kill
        self._changes = _CHANGES if kill else _CHANGES_THAT_NEED_SPACE
        self.happened = False
        self.reported = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in self._changes or not str(arguments[0]).startswith(self._folder):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        self._left -= 1
        if self._left >= 0:
            return
        self.happened = True
        if event == "os.rename":
            # What was to be renamed is not written to its end.
            os.truncate(arguments[0], os.path.getsize(arguments[0]) // 2)
        if self._kill:
            os._exit(KILLED + self.reported)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def update(self, *, advance: int = 0, **_: object) -> None:
        self.reported += advance

    @contextmanager
    def progress(self, *_: object, **__: object) -> Iterator[Fault]:
        yield self


def run_with_fault(place: int, kill: bool, arguments: dict[str, Any]) -> None:
    """Run with a part for each field, and end the process with an exit code that says how."""
    field_work._PART_SECONDS = 0.0  # type: ignore[attr-defined]
    fault = Fault(arguments["output"], place, kill=kill)
    sys.addaudithook(fault)
    try:
        run(**arguments, progress=fault.progress)
    except OutputError:
        sys.exit(REFUSED)
    sys.exit(SWALLOWED if fault.happened else UNDISTURBED)
