"""Reports of text, tables and pictures, rendered as Markdown and as a web page."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from .output_folder import RECORD_NAME, OutputFolder
from .versions import program_arguments, record_of_versions

if TYPE_CHECKING:
    from jinja2 import Environment, Template

__all__ = [
    "PICTURES",
    "Block",
    "Heading",
    "Picture",
    "Report",
    "Table",
    "format_number",
    "load_template",
    "open_report_folder",
    "write_report",
]

PICTURES = "pictures"
"""Folder of the pictures in the folder of a report."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Heading:
    """Title of a section."""

    kind: ClassVar = "heading"

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under a header.

    Examples
    --------
    >>> print(Table(["measure", "value"], [["mAP@0.5", "0.986"]]).to_markdown())
    | measure | value |
    | --- | --- |
    | mAP@0.5 | 0.986 |
    """

    kind: ClassVar = "table"

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        return load_template("table.md").render(table=self)


@dataclass(frozen=True)
class Picture:
    """PNG file beside the report.

    Attributes
    ----------
    file : str
        Its name, relative to the report's folder.
    caption : str
    """

    kind: ClassVar = "picture"

    file: str
    caption: str


Block: TypeAlias = Heading | Table | Picture | str


@dataclass(frozen=True)
class Report:
    """Title and blocks of a report.

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
        return load_template("report.md").render(report=self) + "\n"

    def to_html(self, folder: Path) -> str:
        """Return the report as a self-contained web page.

        Parameters
        ----------
        folder : Path
            Folder of the pictures.
        """

        def embed(file: str) -> str:
            return base64.b64encode((folder / file).read_bytes()).decode()

        return load_template("report.html").render(report=self, embed=embed)


def open_report_folder(
    path: str | Path, *, overwrite: bool, tables: Sequence[str] = ()
) -> OutputFolder:
    """Open the folder of a report with its metrics and pictures.

    Parameters
    ----------
    path : str or Path
        The folder.
    overwrite : bool
        Replace an earlier report.
    tables : sequence of str
        Names of further files of the report.

    Raises
    ------
    OutputError
        If it holds other files or an earlier report, or cannot be written.
    """
    ours = ("metrics.json", "report.md", "report.html", f"{PICTURES}/*.png", *tables)
    return OutputFolder(path, overwrite=overwrite, ours=ours)


def write_report(
    folder: OutputFolder, report: Report, metrics: object, record: Mapping[str, object]
) -> None:
    """Write ``metrics.json``, ``report.md`` and ``report.html``, and mark the folder as complete.

    Parameters
    ----------
    folder : OutputFolder
        From `open_report_folder`, with the pictures already written.
    report : Report
    metrics : object
        Content of ``metrics.json``.
    record : mapping
        Further content of the folder's record, ``command`` among it.  The report and the record
        also state the version of galpipe, the date and the arguments of the program.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    origin = _origin()
    made = f"Made by galpipe {origin['version']} on {origin['written']}"
    if origin["arguments"]:
        made += f" with: galpipe {shlex.join(origin['arguments'])}"
    complete = Report(report.title, [*report.blocks, f"{made}."])
    folder.write_json("metrics.json", metrics)
    folder.write_text("report.md", complete.to_markdown())
    folder.write_text("report.html", complete.to_html(folder.path))
    folder.write_json(RECORD_NAME, {"made_by": "galpipe", "status": "complete", **origin, **record})


def _origin() -> dict[str, Any]:
    """Return version, time in UTC, and the arguments of the program, empty within others."""
    return {
        **record_of_versions(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "arguments": program_arguments(),
    }


def format_number(value: float | None) -> str:
    """Return a number with three decimals.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str
        A dash for None and NaN.
    """
    return "–" if value is None or isnan(value) else f"{value:.3f}"


def load_template(name: str) -> Template:
    """Return a template of this package.

    Parameters
    ----------
    name : str
        File in ``templates``; in ``.html`` all texts are escaped.
    """
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return the template environment; HTML is escaped automatically, Markdown by `plain`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
    )
    environment.filters["plain"] = _plain
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _plain(text: str) -> str:
    """Return a text as one line with Markdown escaped."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\|*_`[]":
        line = line.replace(sign, f"\\{sign}")
    return line
