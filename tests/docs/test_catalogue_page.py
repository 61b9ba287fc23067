from __future__ import annotations

from pathlib import Path

import pytest

import galpipe
from galpipe.pipeline.catalogue_formats import CATALOGUE_FORMATS
from galpipe.pipeline.column import Column
from galpipe.pipeline.columns import Flag, catalogue_columns

PAGE = Path(galpipe.__path__[0], "docs", "catalogue.md").read_text("utf-8")
COLUMNS = catalogue_columns(("...",), ("galaxy", "star"), {"": ""})


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_column_is_explained(column: Column) -> None:
    name = "prob_<class>" if column.name == "prob_" else column.name
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert line.endswith(f"| {column.description} |")
    if column.unit:
        assert f"| {column.unit} |" in line


@pytest.mark.parametrize("flag", Flag, ids=lambda flag: flag.name)
def test_every_flag_is_explained(flag: Flag) -> None:
    assert f"| {flag.value} | `{str(flag.name).lower()}` |" in PAGE


@pytest.mark.parametrize("name", CATALOGUE_FORMATS)
def test_every_format_is_explained(name: str) -> None:
    suffix = CATALOGUE_FORMATS[name].suffixes[0]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    assert f"{suffix}`" in line
