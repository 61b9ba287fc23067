from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from galpipe.errors import OutputError
from galpipe.files import lock
from galpipe.files.lock import LOCK_NAME, is_locked, locked_folder


def test_a_second_holder_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with locked_folder(folder):
        assert is_locked(folder)
        holder = rf"new: process {os.getpid()} on .*since 20"
        with pytest.raises(OutputError, match=holder), locked_folder(folder):
            pass
        with locked_folder(folder, ".other.lock"):
            pass
    assert not is_locked(folder)
    assert list(folder.iterdir()) == []
    with locked_folder(folder):
        pass


def test_waiting_for_a_holder_says_for_whom_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock, "_SILENT", 0.0)
    with ExitStack() as holder:
        holder.enter_context(locked_folder(tmp_path))
        with pytest.raises(OutputError, match="is writing"), locked_folder(tmp_path, wait=0.1):
            pass
        with locked_folder(tmp_path, wait=60, pause=holder.close):
            assert is_locked(tmp_path)
    assert f"Waiting for process {os.getpid()}" in caplog.text
    waiting = locked_folder(tmp_path, wait=60, pause=interrupt)
    with locked_folder(tmp_path), pytest.raises(KeyboardInterrupt), waiting:
        pass


def interrupt() -> None:
    raise KeyboardInterrupt


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from galpipe.files.lock import locked_folder\n"
        "with locked_folder(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / LOCK_NAME).exists()
    assert not is_locked(tmp_path)
    with locked_folder(tmp_path):
        assert is_locked(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be used"), locked_folder(tmp_path / "file"):
        pass
