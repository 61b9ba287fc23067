"""A run that is killed at random moments: a short run of the benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import galpipe

SCRIPT = Path(galpipe.__path__[0]) / "benchmarks" / "kills.py"


@pytest.mark.skipif(not SCRIPT.is_file(), reason="installed without the benchmarks")
def test_killed_runs_give_the_catalogue_of_an_undisturbed_one(models: dict[str, Path]) -> None:
    named = ["--detector", str(models["detector"]), "--classifier", str(models["classifier"])]
    options = ["--count", "3", "--fields", "8", "--longest", "2.5", "--", *named]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "3 kills" in done.stdout
