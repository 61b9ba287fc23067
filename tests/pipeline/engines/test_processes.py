"""Workers that crash, hang, or are stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from galpipe.errors import BundleError, ConfigError, GalpipeError
from galpipe.imaging import FieldSource
from galpipe.pipeline.engines import chunks, open_engine
from galpipe.pipeline.engines.chunks import Chunks
from galpipe.pipeline.engines.processes import ProcessEngine
from galpipe.pipeline.engines.worker import StartedField
from galpipe.pipeline.field_work import FieldWork, PartReport
from galpipe.pipeline.interrupts import Interrupts
from galpipe.pipeline.manifest import FieldTask

# The workers must find the module by its name.
sys.path.insert(0, str(Path(__file__).parent))
import crashing_work


def tasks(names: Iterable[str]) -> Iterator[FieldTask]:
    for key, name in enumerate(names):
        yield FieldTask(key, FieldSource(name, (Path(name),)))


def run(
    engine: ProcessEngine, folder: Path, names: Iterable[str], interrupts: Interrupts | None = None
) -> list[PartReport]:
    work = cast(FieldWork, crashing_work.Work(folder))
    with engine:
        return list(engine.run(work, tasks(names), interrupts or Interrupts()))


def done(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.done")}


def test_all_tasks_are_done_whoever_does_them(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(150)]
    reports = run(ProcessEngine(2, 1, 60), tmp_path, names)
    assert sum(report.tasks for report in reports) == 150
    assert done(tmp_path) == set(names)


def test_crashes_and_hangs_cost_no_other_field(tmp_path: Path) -> None:
    names = ["a", "crash", "b", "once", "hang", "c", "d"]
    reports = run(ProcessEngine(1, 1, 1.0), tmp_path, names)
    assert sum(report.tasks for report in reports) == len(names)
    found = done(tmp_path)
    assert {"a", "b", "once", "c", "d"} <= found
    (crash,) = (name for name in found if name.startswith("crash"))
    assert crash == "crash failed: crash: crashes the program that reads it (signal SIGSEGV); "[:60]
    (hang,) = (name for name in found if name.startswith("hang"))
    assert hang == "hang failed: hang: took longer than 1 s. Allow more time with "[:60]


def test_large_fields_have_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_LEAST_TIME", 0.5)
    run(ProcessEngine(1, 1, None), tmp_path, ["hang", "large"])
    (hang,) = done(tmp_path) - {"large"}
    assert hang == "hang failed: hang: took longer than 0.5 s. Allow more time with "[:60]


def test_default_and_given_time_limits() -> None:
    frame, mosaic = StartedField(1, 0), StartedField(2, 0, 30_000 * 30_000)
    assert Chunks([], None).time_limit(frame) == 600
    assert Chunks([], None).time_limit(mosaic) == 9600
    assert Chunks([], 5).time_limit(mosaic) == 5


def test_an_error_of_all_fields_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the model is gone"):
        run(ProcessEngine(1, 1, 60), tmp_path, ["a", "unready", "b"])


def test_finished_tasks_are_kept_when_interrupted(tmp_path: Path) -> None:
    interrupts = Interrupts()
    engine = ProcessEngine(1, 1, 60)

    def names() -> Iterator[str]:
        yield from ("a", "b")
        interrupts.count = 1
        yield "hang"

    with pytest.raises(KeyboardInterrupt):
        run(engine, tmp_path, names(), interrupts)
    assert "a" in done(tmp_path) <= {"a", "b"}
    assert all(worker.process.exitcode is not None for worker in engine._workers)


def test_workers_that_never_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galpipe.pipeline.engines import processes

    monkeypatch.setattr(processes, "serve", crashing_work.never)
    with pytest.raises(GalpipeError, match=r"before their first field \(exit code 3\)"):
        run(ProcessEngine(1, 1, 60), tmp_path, ["a"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tractor",), "no engine tractor"),
        (("serial", 2), "has one worker"),
        (("processes", 0), "at least 1"),
        (("serial", None, 0.0), "must be positive"),
    ],
)
def test_wrong_choices(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        open_engine(*arguments)


def test_serial_has_one_worker() -> None:
    assert isinstance(open_engine("serial", 1), ProcessEngine)


_RUN = """
import sys
from pathlib import Path
import crashing_work
from galpipe.imaging import FieldSource
from galpipe.pipeline.engines.processes import ProcessEngine
from galpipe.pipeline.interrupts import Interrupts
from galpipe.pipeline.manifest import FieldTask
task = FieldTask(0, FieldSource("hang in native code", (Path("f"),)))
for _ in ProcessEngine(1, 1, 60).run(crashing_work.Work(Path(".")), [task], Interrupts()):
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel must help")
@pytest.mark.parametrize("threads", [1, 2], ids=["forked", "from the fork server"])
def test_no_worker_outlives_a_killed_run_even_in_native_code(tmp_path: Path, threads: int) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": str(threads)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"hang in native code\n"
    process.kill()
    # The pipe is closed when the last process has ended that could write to it.
    assert process.communicate(timeout=50)[0] == b""
