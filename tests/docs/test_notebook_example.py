from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import galpipe
from galpipe.pipeline.field_processing import process_field

DOCS = Path(galpipe.__path__[0]) / "docs"


def test_the_example_runs_and_agrees_with_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    ran = runpy.run_path(str(DOCS / "notebook_example.py"))
    assert (tmp_path / "galaxies.png").stat().st_size > 10_000
    rows = process_field(ran["path"]).rows
    assert len(rows["x"]) == len(ran["found"]) > 5
    np.testing.assert_array_equal(rows["class_id"], ran["probabilities"].argmax(axis=1))


def test_the_example_is_in_the_user_guide() -> None:
    code = (DOCS / "notebook_example.py").read_text().partition("\n\n")[2]
    assert f"```python\n{code}```" in (DOCS / "user-guide.md").read_text()
