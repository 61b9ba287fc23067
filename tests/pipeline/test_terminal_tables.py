from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from galpipe.files.report import Table
from galpipe.pipeline.terminal_tables import FittingMarkdown, fitting_tables

MEASURES = ("AP", "mAP@0.5", "recall")
MODELS = ("ssd_mobilenet", "efficientdet_d0", "another")


def printed(*renderables: object, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(*renderables)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_word_of_a_report_is_broken(width: int) -> None:
    header = ["size", "galaxies", *(f"{one}, {name}" for name in MODELS for one in MEASURES)]
    rows = [["medium and large", "12345", *[f"0.{number}00" for number in range(9)]]]
    lines = printed(FittingMarkdown(Table(header, rows).to_markdown()), width=width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for cell in [*header, *rows[0]]:
        assert set(cell.split()) <= set(words)
    # Each part has the names of the rows.
    assert (words.count("size") == 1) == (width == 200)


def test_a_title_is_given_once() -> None:
    header = [Text(name) for name in ("images", *(f"measure{number}" for number in range(9)))]
    lines = printed(*fitting_tables(header, [header], 80, "Measured"))
    assert sum("Measured" in line for line in lines) == 1
    assert sum("images" in line for line in lines) > 2


def test_long_names_are_broken_instead_of_the_others() -> None:
    header = [Text("image"), Text("galaxies")]
    rows = [[Text("x" * 200), Text("7")]]
    lines = printed(*fitting_tables(header, rows, 40))
    assert max(map(len, lines)) <= 40
    assert any("galaxies" in line for line in lines)
