"""Control characters of names do not reach the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from galpipe.console import _SafeConsole, without_controls

HOSTILE = "e\x1b]0;title\x07\x1b[2Jx\x9b31m\r\u202ecod"


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    plain = without_controls(text)
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in plain)
    assert without_controls(plain) == plain
    assert not set(plain) & set("\x7f\x9b\u2028\u202e\u2066")


@pytest.mark.parametrize("terminal", [False, True])
def test_texts_tables_and_styles(terminal: bool) -> None:
    console = _SafeConsole(file=io.StringIO(), width=120, force_terminal=terminal)
    table = Table("a", title=HOSTILE)
    table.add_row(Text(HOSTILE))
    console.print(HOSTILE, Text(HOSTILE, style="red"), table, markup=False)
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert ("\x1b[31m" in printed) == terminal  # our own colour stays
    for part in ("\x1b]", "\x1b[2J", "\x9b", "\u202e"):
        assert part not in printed
    assert r"e\x1b]0;title\x1b[2Jx\x9b31m" in printed


def test_a_name_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galpipe.console._LONGEST", 1000)
    console = _SafeConsole(file=io.StringIO(), width=80)
    table = Table("a")
    table.add_row(Text("x" * 30_000))
    console.print(table)
    console.print(Text("y" * 30_000), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("x") <= 1000
    assert console.file.getvalue().count("y") == 1000


def test_errors_of_the_command_line(tmp_path: Path, galpipe_cli: Callable[..., Result]) -> None:
    picture = tmp_path / f"{HOSTILE}.jpg"
    picture.write_text("no image")
    for arguments in (
        ("run", picture, "-o", tmp_path / "out"),
        ("run", tmp_path / f"{HOSTILE}.fits", "-o", tmp_path / "out"),
        ("run", f"--{HOSTILE}"),
        ("annotations", "check", picture),
    ):
        result = galpipe_cli(*arguments)
        assert result.exit_code != 0
        assert r"\x1b]0;title" in result.output
        assert "\x1b" not in result.output
