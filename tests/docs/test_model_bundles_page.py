"""The page on model bundles lists every value of the manifest."""

from __future__ import annotations

import re
from pathlib import Path

from galpipe.models import Manifest

PAGE = Path(__file__).parents[2] / "docs" / "model-bundles.md"


def test_every_key_of_the_manifest_is_listed_once() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = [key for row in rows for key in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(listed) == sorted(Manifest.model_fields)
