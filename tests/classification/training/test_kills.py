"""A training survives kills at random moments; see `benchmarks/training_kills.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "training_kills.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts are forks")
def test_a_killed_training_resumes() -> None:
    command = [sys.executable, str(SCRIPT), "classifier", "--count", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kills" in done.stdout
    assert "0 faults" in done.stdout
