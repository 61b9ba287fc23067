"""A report of text, tables and pictures, as Markdown and as one web page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TypeAlias

__all__ = ["Block", "Heading", "Picture", "Report", "Table"]


@dataclass(frozen=True)
class Heading:
    """The title of a part."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under their header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        header, *rows = ([_plain(cell) for cell in row] for row in (self.header, *self.rows))
        return "\n".join(_row(row) for row in (header, ["---"] * len(header), *rows))


@dataclass(frozen=True)
class Picture:
    """A PNG beside the report.

    Attributes
    ----------
    file : str
        Its name, relative to the report's folder.
    caption : str
    """

    file: str
    caption: str


Block: TypeAlias = Heading | Table | Picture | str

# Names come from strangers: they are escaped, and the page is forbidden to load or run anything.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ max-width: 72em; margin: 2em auto; padding: 0 1em; font: 15px/1.5 sans-serif;
 color: #20242e; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
th, td {{ border-bottom: 1px solid #d5d9e2; padding: 3px 12px 3px 0; text-align: left;
 overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}
figure {{ margin: 1em 0; }}
figcaption {{ color: #5a6172; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@dataclass(frozen=True)
class Report:
    """A title, and what stands under it.

    Attributes
    ----------
    title : str
    blocks : sequence of Heading, Table, Picture or str
        A text is a paragraph.
    """

    title: str
    blocks: Sequence[Block]

    def to_markdown(self) -> str:
        """Return the report as Markdown; pictures are links."""
        parts = [f"# {_plain(self.title)}", *(_markdown(block) for block in self.blocks)]
        return "\n\n".join(parts) + "\n"

    def to_html(self, folder: Path) -> str:
        """Return the report as a web page that needs no other file.

        Parameters
        ----------
        folder : Path
            Where the pictures lie.
        """
        body = "\n".join(_html(block, folder) for block in self.blocks)
        return _PAGE.format(title=escape(self.title), body=body)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Return a text of one line that Markdown takes for nothing else."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\|*_`[]":
        line = line.replace(sign, f"\\{sign}")
    return line


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {_plain(block.text)}"
    if isinstance(block, Table):
        return block.to_markdown()
    if isinstance(block, Picture):
        return f"![{_plain(block.caption)}]({block.file})"
    return _plain(block)


def _html(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Table):
        head = "".join(f"<th>{escape(cell)}</th>" for cell in block.header)
        rows = "\n".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in block.rows
        )
        return f"<table>\n<tr>{head}</tr>\n{rows}\n</table>"
    if isinstance(block, Picture):
        content = base64.b64encode((folder / block.file).read_bytes()).decode()
        caption = escape(block.caption)
        return (
            f'<figure><img alt="{caption}" src="data:image/png;base64,{content}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f"<p>{escape(block)}</p>"
