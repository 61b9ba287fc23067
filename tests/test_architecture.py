"""Rules of the source code that no linter knows: file lengths and plain wording."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
SOURCES = sorted(
    [*ROOT.glob("*.py"), *(path for package in PACKAGES for path in package.rglob("*.py"))]
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MOST_LINES = {"source": 405, "test": 500}

# How a docstring must not open, and words that a reader would have to translate.
RIDDLE = re.compile(r"(What|Which|Who|Whose|How|Whether|Where|That)\b")
UNCLEAR = re.compile(
    r"\b(mend(s|ed|ing)?|shall|strangers?|kin(ship)?|likewise|thereof|whoever|held back|"
    r"said by|told by|as it stands)\b",
    re.IGNORECASE,
)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 150
    assert len(TESTS) > 100


@pytest.mark.parametrize(("kind", "files"), [("source", SOURCES), ("test", TESTS)])
def test_no_file_is_longer_than_a_reader_can_hold(kind: str, files: list[Path]) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {
        str(path.relative_to(ROOT)): length
        for path, length in lengths.items()
        if length > MOST_LINES[kind]
    }


def _docstrings() -> Iterator[tuple[str, str]]:
    nodes = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, nodes) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'module')}", text


def test_docstrings_open_with_a_statement() -> None:
    assert not [place for place, text in _docstrings() if RIDDLE.match(text)]


def test_words_are_plain() -> None:
    found = []
    for path in (*SOURCES, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := UNCLEAR.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found
