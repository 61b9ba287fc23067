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

from galpipe import console
from galpipe.console import _SafeConsole, terminal_progress, without_controls

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


def test_a_bar_within_another_is_a_line_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _SafeConsole(file=io.StringIO(), width=80, force_terminal=True, legacy_windows=False)
    monkeypatch.setattr(console, "STDERR", screen)
    with terminal_progress("folds", 2) as outer:
        with terminal_progress("fold 1/2: cnn", 10) as inner:
            inner.update(completed=4, status="loss 1.000")
            (bar,) = console._SHOWN
            assert [task.description for task in bar.tasks] == ["folds", "fold 1/2: cnn"]
        outer.update(advance=1)
        assert [task.description for task in bar.tasks] == ["folds"]
    assert console._SHOWN == []
    assert "1/2" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_the_time_left_is_that_of_this_start(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _SafeConsole(file=io.StringIO(), width=80, force_terminal=True, legacy_windows=False)
    monkeypatch.setattr(console, "STDERR", screen)
    with terminal_progress("training", 1000) as task:
        (bar,) = console._SHOWN
        clock = iter(range(0, 1000, 2))
        bar.get_time = lambda: float(next(clock))  # type: ignore[assignment]
        task.update(completed=900)
        for step in range(901, 911):
            task.update(completed=step)
        (shown,) = bar.tasks
        assert shown.completed == 910
        # A step every two seconds, in which the screen asks for the time too.
        assert (shown.speed or 0.0) < 1
