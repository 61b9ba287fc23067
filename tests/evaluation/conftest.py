from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from galpipe.files.atomic import write_png


@pytest.fixture
def quick_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write plots as a single pixel: rendering them takes most of an evaluation."""

    def write(folder: Path, figures: Iterable[tuple[str, object]]) -> None:
        for name, _ in figures:
            write_png(folder / name, np.zeros((1, 1, 3), np.uint8))

    monkeypatch.setattr("galpipe.metrics.plots._write", write)
