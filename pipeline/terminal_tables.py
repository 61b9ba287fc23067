"""Tables on the terminal whose words are never broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import ClassVar

from rich.box import SIMPLE_HEAVY
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.markdown import Markdown, MarkdownElement, TableElement
from rich.table import Table
from rich.text import Text

__all__ = ["FittingMarkdown", "fitting_tables"]

# Longer words, such as names of files, may be broken.
_LONGEST_WORD = 20
# Of each column: two spaces, and the line between it and the next.
_PADDING = 3


def fitting_tables(
    header: Sequence[Text], rows: Sequence[Sequence[Text]], width: int, title: str | None = None
) -> Iterator[Table]:
    """Yield a table or, if its columns do not fit, several, each with the first column.

    A column is at least as wide as its longest word.

    Parameters
    ----------
    header : sequence of Text
        Titles of the columns.
    rows : sequence of sequence of Text
        Cells of each row.
    width : int
        Width of the terminal.
    title : str, optional
        Title of the first table.
    """
    columns = list(zip(header, *rows, strict=True))
    least = [_least_width(column) for column in columns]
    whole = [max(cell.cell_len for cell in column) for column in columns]
    for part in _parts(least, width):
        room = width - sum(least[place] + _PADDING for place in part)
        table = Table(box=SIMPLE_HEAVY, pad_edge=False, title=title, title_justify="left")
        for place in part:
            more = min(whole[place] - least[place], max(room, 0))
            room -= more
            justify: JustifyMethod = "right" if place else "left"
            table.add_column(header[place], justify=justify, width=least[place] + more)
        for cells in rows:
            table.add_row(*(cells[place] for place in part))
        yield table
        title = None


def _least_width(column: Iterable[Text]) -> int:
    words = (cell_len(word) for cell in column for word in cell.plain.split())
    return min(max(words, default=1), _LONGEST_WORD)


def _parts(least: Sequence[int], width: int) -> Iterator[list[int]]:
    """Yield the columns of each table: the first one, and as many others as fit."""
    part: list[int] = [0]
    for place in range(1, len(least)):
        if len(part) > 1 and sum(least[one] + _PADDING for one in [*part, place]) > width:
            yield part
            part = [0]
        part.append(place)
    yield part


class _FittingTable(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        header = [] if self.header is None or self.header.row is None else self.header.row.cells
        rows = [] if self.body is None else self.body.rows
        yield from fitting_tables(
            [cell.content for cell in header],
            [[cell.content for cell in row.cells] for row in rows],
            options.max_width,
        )


class FittingMarkdown(Markdown):
    """Markdown whose tables fit the terminal."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = dict(
        chain(Markdown.elements.items(), [("table_open", _FittingTable)])
    )
