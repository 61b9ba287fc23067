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
COLUMNS = catalogue_columns(("...",), ("galaxy", "star"), {"": ""}, overlaps=True)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_column_is_explained(column: Column) -> None:
    name = "prob_<class>" if column.name == "prob_" else column.name
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert line.endswith(f"| {column.description} |")
    if column.unit:
        assert f"| {column.unit} |" in line


def test_the_columns_of_votes_are_explained() -> None:
    columns = catalogue_columns(("...",), votes="galaxy_zoo_2")
    votes = [column for column in columns if column.name.startswith("vote_")]
    assert len(votes) == 37
    (line,) = [line for line in PAGE.splitlines() if line.startswith("| `vote_<question>_")]
    beginning = "Predicted fraction of all volunteers who answer"
    assert beginning in line
    assert all(column.description.startswith(beginning) for column in votes)


@pytest.mark.parametrize("flag", Flag, ids=lambda flag: flag.name)
def test_every_flag_is_explained(flag: Flag) -> None:
    assert f"| {flag.value} | `{str(flag.name).lower()}` |" in PAGE


@pytest.mark.parametrize("name", CATALOGUE_FORMATS)
def test_every_format_is_explained(name: str) -> None:
    suffix = CATALOGUE_FORMATS[name].suffixes[0]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    assert f"{suffix}`" in line


def _texts(tree: ast.AST) -> Iterator[str]:
    """Texts in a piece of source, with "..." for each value in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = (getattr(part, "value", "") for part in node.values)
            yield "...".join(v if isinstance(v, str) else "" for v in values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _sources(*packages: str) -> Iterator[ast.Module]:
    for package in packages:
        for module in Path(galpipe.__path__[0], package).glob("*.py"):
            yield ast.parse(module.read_text("utf-8"))


def _notes_made(tree: ast.AST) -> Iterator[ast.AST]:
    """Parts of a source that make notes: they add one to others, or return or yield it."""
    for node in ast.walk(tree):
        targets: list[ast.AST | None] = [getattr(node, "target", None)]
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func.value] if node.func.attr == "append" else []
        elif isinstance(node, ast.FunctionDef) and node.name.endswith("_notes"):
            yield from (part for part in ast.walk(node) if isinstance(part, ast.Yield | ast.Return))
        if any(isinstance(name, ast.Name) and name.id in ("note", "notes") for name in targets):
            yield node


def _section() -> str:
    return PAGE.partition("\n## Notes\n")[2].partition("\n## ")[0]


def test_notes_are_those_of_the_program() -> None:
    cells = re.findall(r"^\| (\*.+?\*) \|", _section(), re.MULTILINE)
    notes = [note for cell in cells for note in re.findall(r"\*(.+?)\*", cell)]
    assert len(notes) > 10
    trees = _sources("imaging", "photometry", "pipeline")
    texts = [text for tree in trees for text in _texts(tree)]
    for note in notes:
        for words in filter(None, map(str.strip, note.split("..."))):
            assert any(words in text for text in texts), note


def test_every_note_is_explained() -> None:
    trees = _sources("imaging", "photometry")
    made = [text for tree in trees for node in _notes_made(tree) for text in _texts(node)]
    assert len(made) > 20
    for text in made:
        parts = [part.strip(" '") for part in re.split(r"\.\.\.|[(;:]", text)]
        start = next((part for part in parts if part.count(" ") > 2), "")
        assert start[:40] in _section(), text
