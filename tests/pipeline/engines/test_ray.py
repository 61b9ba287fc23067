"""Workers on a Ray cluster; one cluster serves all tests, since it takes seconds to start."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

import galpipe
from galpipe.errors import BundleError, ConfigError, GalpipeError
from galpipe.files.lock import is_locked
from galpipe.imaging import FieldSource
from galpipe.pipeline.engines import open_engine
from galpipe.pipeline.field_work import FieldWork, PartReport
from galpipe.pipeline.interrupts import Interrupts
from galpipe.pipeline.manifest import FieldTask

from ..conftest import picture, write_picture

# The workers must find the module by its name.
sys.path.insert(0, str(Path(__file__).parent))
import crashing_work

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of two cores, started without a home folder in which it could write."""
    from galpipe.pipeline.engines.ray_connection import ray_connection

    # Its path must be short.
    temporary = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    killed = temporary / "galpipe-ray-killed"
    (killed / "session").mkdir(parents=True)
    os.utime(killed, (1, 1))
    home = tmp_path_factory.mktemp("home") / "missing"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        patch.delenv("RAY_AUTH_TOKEN", raising=False)
        patch.delenv("RAY_ADDRESS", raising=False)
        before = signal.getsignal(signal.SIGTERM)
        patch.setattr(tempfile, "tempdir", str(temporary))
        connection = ExitStack()
        connection.enter_context(ray_connection(2, None))
        assert signal.getsignal(signal.SIGTERM) is before
        (folder,) = temporary.iterdir()
        assert is_locked(folder)
        assert folder.stat().st_mode & 0o077 == 0
        yield
        with warnings.catch_warnings():
            # Ray does not close the files and processes of its cluster.
            warnings.simplefilter("ignore", ResourceWarning)
            connection.close()
            gc.collect()
        assert "RAY_AUTH_TOKEN" not in os.environ
        temporary.rmdir()
        assert not home.exists()


def run(
    folder: Path,
    names: Iterable[str],
    workers: int = 1,
    timeout: float = 60,
) -> list[PartReport]:
    tasks = (FieldTask(n, FieldSource(name, (Path(name),))) for n, name in enumerate(names))
    work = cast(FieldWork, crashing_work.Work(folder))
    with open_engine("ray", workers, timeout) as engine:
        return list(engine.run(work, tasks, Interrupts()))


def done(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.done")}


def test_what_ends_a_worker_costs_no_other_field(tmp_path: Path) -> None:
    """One is killed from outside, one crashes, one hangs."""
    names = ["a", "wait", "crash", "hang", *(f"f{number}" for number in range(40))]

    def kill() -> None:
        while not (tmp_path / "wait.pid").exists():
            time.sleep(0.02)
        os.kill(int((tmp_path / "wait.pid").read_text()), signal.SIGKILL)
        (tmp_path / "wait.once").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    # Ray itself may take seconds to say that a worker crashed.
    reports = run(tmp_path, names, workers=2, timeout=15.0)
    killer.join()
    assert sum(report.tasks for report in reports) == len(names)
    found = done(tmp_path)
    assert set(names) - found == {"crash", "hang"}
    assert found - set(names) == {
        "crash failed: crash: crashes the program that reads it (its worker"[:60],
        "hang failed: hang: took longer than 15 s. Allow more time with "[:60],
    }


def test_an_error_of_all_fields_ends_the_run_after_what_is_done_is_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the model is gone"):
        run(tmp_path, ["a", "unready", "b"])
    assert "a" in done(tmp_path)


def test_the_end_of_the_cluster_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galpipe.pipeline.engines.ray_cluster import RayEngine

    def gone(self: object) -> None:
        raise ray.exceptions.ActorDiedError

    monkeypatch.setattr(RayEngine, "_read_mail", gone)
    with pytest.raises(GalpipeError, match=r"has ended .*ActorDiedError.* same command again"):
        run(tmp_path, ["a"])


def test_the_catalogue_is_that_of_any_engine(
    tmp_path: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        squares = {(16, 32): "red", (80, 8 * number): "blue"}
        write_picture(Path(f"in/f{number}.png"), picture(128, 128, squares))
    Path("in/f9.png").write_bytes(b"no picture")
    result = galpipe.run("in", "out", **models, engine="ray", workers=1)
    whole = galpipe.run("in", "whole", **models)
    assert result.failures == whole.failures
    for path in (*Path("whole").glob("catalogue.*"), *Path("whole").glob("*s/**/*.png")):
        assert (Path("out") / path.relative_to("whole")).read_bytes() == path.read_bytes()


def test_wrong_addresses() -> None:
    from galpipe.pipeline.engines.ray_connection import ray_connection

    with pytest.raises(ConfigError, match="add --engine ray"):
        open_engine("serial", ray_address="auto")
    with (
        pytest.raises(ConfigError, match="clients of Ray are not supported"),
        ray_connection(None, "ray://head:10001"),
    ):
        pass


def test_a_signal_while_ray_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from galpipe.pipeline.engines.ray_connection import ray_connection

    def ended(**_: object) -> None:
        raise SystemExit(signal.SIGTERM)

    monkeypatch.setattr(ray, "init", ended)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(KeyboardInterrupt), ray_connection(None, "auto"):
        pass
