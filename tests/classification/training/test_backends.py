"""The same training on other backends; what they save must mean the same here."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

SCRIPT = Path(__file__).with_name("train_on_backend.py")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_training_stopping_and_going_on(backend: str, tmp_path: Path) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "stopped by" in done.stdout
    # The first epoch was done once, the second after going on; then the upper layers' only one.
    assert [done.stdout.count(f"epoch {epoch}") for epoch in ("1/2", "2/2", "1/1")] == [1, 1, 1]
    given = np.load(tmp_path / "probabilities.npy")
    assert np.isfinite(given).all()
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    here = model.predict(np.load(tmp_path / "views.npy"), verbose=0)
    np.testing.assert_allclose(here, given, atol=1e-5)
