"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def galpipe_data() -> Path:
    """Folder of real images and labels; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("GALPIPE_DATA")
    if not folder:
        pytest.skip("GALPIPE_DATA is not set")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.skip(f"GALPIPE_DATA names no folder: {path}")
    return path
