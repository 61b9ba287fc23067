from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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


def _texts() -> Iterator[str]:
    """Texts in the source of what writes notes, with "..." for each value in them."""
    root = Path(galpipe.__path__[0])
    for package in ("imaging", "photometry", "pipeline"):
        for module in (root / package).glob("*.py"):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    values = (getattr(part, "value", "") for part in node.values)
                    yield "...".join(v if isinstance(v, str) else "" for v in values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_notes_are_those_of_the_program() -> None:
    section = PAGE.partition("\n## Notes\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (\*.+?\*) \|", section, re.MULTILINE)
    notes = [note for cell in cells for note in re.findall(r"\*(.+?)\*", cell)]
    assert len(notes) > 10
    texts = list(_texts())
    for note in notes:
        for words in filter(None, map(str.strip, note.split("..."))):
            assert any(words in text for text in texts), note
