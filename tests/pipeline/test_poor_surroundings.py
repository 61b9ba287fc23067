"""Without a terminal, standard streams, home or memory a run completes, or says why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from galpipe.pipeline import Catalogue

WITHOUT_PASSWD_ENTRY = "unshare --user --map-user=12345 --map-group=12345"
"""Command that runs another one as a user without entry in the passwd file."""


def run(
    field: Path,
    out: Path,
    models: dict[str, Path],
    streams: str = "",
    before: str = "",
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run the real command line in a shell that redirects the standard streams."""
    options = " ".join(f"--{name} '{path}'" for name, path in models.items())
    command = (
        f"{before} '{sys.executable}' -m galpipe.pipeline.cli run '{field}' -o '{out}' {options}"
    )
    return subprocess.run(
        ["bash", "-c", f"{command} {streams}"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>&-"])
def test_closed_streams_and_no_home(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], streams: str
) -> None:
    done = run(good_picture, tmp_path / "out", models, streams, HOME="/nonexistent", TERM="dumb")
    assert done.returncode == 0
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.ecsv"))
    # Nothing that was meant for a closed stream is in a file.
    assert (tmp_path / "out" / "run.json").read_text().startswith("{")


@pytest.mark.skipif(
    subprocess.run(
        f"{WITHOUT_PASSWD_ENTRY} true", shell=True, capture_output=True, check=False
    ).returncode,
    reason="needs user namespaces",
)
def test_a_user_that_the_system_does_not_know(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    done = run(good_picture, tmp_path / "out", models, before=WITHOUT_PASSWD_ENTRY)
    assert done.returncode == 0, done.stderr
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.ecsv"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_terminal(tmp_path: Path, good_picture: Path, models: dict[str, Path]) -> None:
    done = run(good_picture, tmp_path / "out", models, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: Cannot write to the terminal or pipe")
    assert "bug" not in done.stderr
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.ecsv"))
