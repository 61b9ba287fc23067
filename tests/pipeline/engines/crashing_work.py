"""Work that crashes, hangs or fails, for the tests of the engines."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from galpipe.errors import BundleError
from galpipe.pipeline.field_work import PartReport, Started
from galpipe.pipeline.manifest import FieldTask


@dataclass(frozen=True)
class Work:
    """Writes a file for each task; what the task does else is in its name."""

    folder: Path

    def run(self, tasks: Iterable[FieldTask], started: Started) -> Iterator[PartReport]:
        done = []
        try:
            for task in tasks:
                started(task.key, 0, 0)
                name = task.source.identifier
                first = self.folder / f"{name}.once"
                if task.failed:
                    name = f"{name} failed: {task.failed[0]}"
                elif "hang in native code" in name:
                    print(name, flush=True)
                    ctypes.PyDLL(None).sleep(100)  # keeps the lock of the interpreter
                elif "hang" in name:
                    time.sleep(100)
                elif "large" in name:
                    started(task.key, 0, 1_000_000)
                    time.sleep(1)
                elif "wait" in name:
                    (self.folder / "wait.tmp").write_text(str(os.getpid()))
                    (self.folder / "wait.tmp").rename(self.folder / "wait.pid")
                    while not first.exists():
                        time.sleep(0.02)
                elif "crash" in name or ("once" in name and not first.exists()):
                    first.touch()
                    ctypes.string_at(0)
                elif "unready" in name:
                    raise BundleError("the model is gone")
                done.append(name)
        finally:
            for name in done:
                (self.folder / f"{name[:60].replace('/', '_')}.done").touch()
        yield PartReport(len(done), len(done))


def never(*_: object) -> None:
    """End in place of a worker."""
    os._exit(3)
