"""Summaries that commands print: first rows, output files, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from ..console import STDERR, STDOUT
from .provenance import Failure
from .terminal_tables import FittingMarkdown, fitting_tables

if TYPE_CHECKING:
    from astropy.table import Row
    from rich.console import JustifyMethod

    from .catalogue import Catalogue
    from .classify import ClassifyResult
    from .collect import RunResult
    from .embed import EmbedResult
    from .explain import ExplainResult
    from .results import Tally

__all__ = [
    "finish_classify",
    "finish_embed",
    "finish_explain",
    "finish_run",
    "print_markdown",
    "print_measures",
    "print_metrics",
    "print_report",
]

_ROWS = 10
_NUMBERS = ("ra", "dec", "x", "y", "xmin", "ymin", "xmax", "ymax", "score")
_SKY = {"ra": ".5f", "dec": "+.5f"}
_PIXELS = {"x": ".1f", "y": ".1f"}

# Of the name of a source without sky coordinates, at least the rank and some of the file's name.
_LEAST_NAME = 12
_NAME_END = 5


def finish_run(result: RunResult) -> None:
    """Print the summary of a run, and exit with code 1 if inputs failed.

    Parameters
    ----------
    result : RunResult
        The run.
    """
    from .catalogue_formats import CATALOGUE_FORMATS
    from .coverage import COVERAGE_NAME
    from .run_report import REPORT_NAME

    for stage, metrics in result.results.plan.record.metrics.items():
        print_measures(f"{stage.capitalize()}, on held-out data", metrics)
    tally, first = result.tally, result.results.head(_ROWS)
    if len(first):
        STDOUT.print(_rows(first, STDOUT.width))
    if tally.rows > _ROWS:
        STDOUT.print(f"... and {tally.rows - _ROWS} more")
    fields = f"{tally.fields} {'field' if tally.fields == 1 else 'fields'}"
    left = f"; {tally.unfinished} not yet processed" if tally.unfinished else ""
    several = first.detected_classes is not None
    found = f"{_tally(tally, several=several)}{_distinct(tally)}"
    STDOUT.print(Text(f"{found} in {fields}{left}"))
    places = {}
    suffixes = (form.suffixes[0] for form in CATALOGUE_FORMATS.values())
    tables = [result.output / f"catalogue{suffix}" for suffix in suffixes]
    if written := [table for table in tables if table.is_file()]:
        places["catalogue"] = written[0]
    if (result.output / REPORT_NAME).is_file():
        places["report"] = result.output / REPORT_NAME
    for name in ("regions", "overlays", "crops", "annotations"):
        if (result.output / name).is_dir():
            places[name] = result.output / name
    if (result.output / COVERAGE_NAME).is_file():
        places["coverage"] = result.output / COVERAGE_NAME
    if not result.address:
        _finish(places, result.failures)
        return
    names = {name: path.relative_to(result.output).as_posix() for name, path in places.items()}
    _finish({name: f"{result.address}/{path}" for name, path in names.items()}, result.failures)


def finish_classify(result: ClassifyResult) -> None:
    """Print the summary of a classification, and exit with code 1 if inputs failed.

    Parameters
    ----------
    result : ClassifyResult
        The classification.
    """
    table = Table("file", "class")
    table.add_column("probability", justify="right")
    for row in result.predictions.head(_ROWS).itertuples():
        probability = f"{row.probability:.2f}" if row.class_name else ""
        table.add_row(*(Text(str(cell)) for cell in (row.file, row.class_name, probability)))
    if len(result.predictions):
        STDOUT.print(table)
    if len(result.predictions) > _ROWS:
        STDOUT.print(f"... and {len(result.predictions) - _ROWS} more")
    _finish({"predictions": result.output / "predictions.csv"}, result.failures)


def finish_explain(result: ExplainResult) -> None:
    """Print the folders of the pictures, and exit with code 1 if inputs failed.

    Parameters
    ----------
    result : ExplainResult
        The explanation.
    """
    kinds = sorted({path.relative_to(result.output).parts[0] for path in result.pictures})
    places = {kind: result.output / kind for kind in kinds}
    _finish({**places, "record": result.output / "run.json"}, result.failures)


def finish_embed(result: EmbedResult) -> None:
    """Print the number of galaxies, and exit with code 1 if inputs failed.

    Parameters
    ----------
    result : EmbedResult
        The embedding.
    """
    STDOUT.print(Text(f"{result.galaxies} galaxies, {result.added} of them new"))
    _finish({"embedding": result.output}, result.failures)


def print_report(text: str, folder: Path) -> None:
    """Print the result of a command that writes a report, and the place of the report.

    Parameters
    ----------
    text : str
        The result in a line.
    folder : Path
        Folder of the report.
    """
    STDOUT.print(Text(text))
    _finish({"report": folder / "report.html"}, ())


def print_measures(title: str, metrics: Mapping[str, Any]) -> None:
    """Print the measures of a trained model as a table.

    Parameters
    ----------
    title : str
        Title of the table.
    metrics : mapping
        Content of the ``metrics.json`` of its bundle.
    """
    from ..metrics.records import measures_table

    measures = measures_table(metrics)
    if not measures.rows:
        print_metrics(title, metrics)
        return
    header, *rows = ([Text(cell) for cell in cells] for cells in (measures.header, *measures.rows))
    STDOUT.print(*fitting_tables(header, rows, STDOUT.width, title))


def print_metrics(title: str, metrics: Mapping[str, Any]) -> None:
    """Print metrics as a table; names of nested metrics start with that of their group.

    Parameters
    ----------
    title : str
        Title of the table.
    metrics : mapping
        Metrics by name; matrices and curves are omitted.
    """
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in _flat(metrics):
        table.add_row(name, value)
    STDOUT.print(table)


def print_markdown(title: str, text: str) -> None:
    """Print rendered Markdown.

    Parameters
    ----------
    title : str
        Title.
    text : str
        Markdown.
    """
    STDOUT.print(FittingMarkdown(f"**{title}**\n\n{text}"))


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested metrics, without matrices and curves."""
    rows: list[tuple[str, str]] = []
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name} ")
        elif isinstance(value, float):
            rows.append((prefix + name, f"{value:.4g}"))
        elif isinstance(value, int | str):
            rows.append((prefix + name, str(value)))
    return rows


def _tally(tally: Tally, *, several: bool) -> str:
    """Return the number of objects, by class if the detector has several."""
    if not several:
        return f"{tally.rows} {'galaxy' if tally.rows == 1 else 'galaxies'}"
    counts = sorted(tally.objects.items(), key=lambda pair: (-pair[1], pair[0]))
    kinds = ", ".join(f"{number} {name}" for name, number in counts)
    return f"{tally.rows} objects{f' ({kinds})' if kinds else ''}"


def _distinct(tally: Tally) -> str:
    return "" if tally.distinct is None else f", {tally.distinct} distinct,"


def _rows(catalogue: Catalogue, width: int) -> Table:
    """Return a table of the first rows that fits the width of the terminal.

    Positions are sky coordinates if all rows have them, else pixels.  If there is not enough room,
    the name of the source is shortened or left out, then size and probability are left out.
    """
    rows = catalogue[slice(_ROWS)].table
    columns: dict[str, list[str]] = {"source": [str(name) for name in rows["source_id"]]}
    numbers = {name: np.asarray(rows[name]) for name in _NUMBERS}
    sky = bool(np.isfinite(numbers["ra"]).all())
    for name, form in (_SKY if sky else _PIXELS).items():
        columns[name] = [f"{value:{form}}" for value in numbers[name]]
    sides = numbers["xmax"] - numbers["xmin"], numbers["ymax"] - numbers["ymin"]
    columns["size"] = [f"{size:.0f}" for size in np.maximum(*sides)]
    columns["score"] = [f"{score:.2f}" for score in numbers["score"]]
    if catalogue.class_names is not None or catalogue.detected_classes is not None:
        columns["class"] = [_class(row) for row in rows]
    if catalogue.class_names is not None:
        columns["prob"] = [_probability(row) for row in rows]
    columns = _fitting(columns, width, least_name=None if sky else _LEAST_NAME)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0), show_edge=False)
    for name in columns:
        justify: JustifyMethod = "left" if name in ("source", "class") else "right"
        table.add_column(name, justify=justify, no_wrap=True)
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _fitting(
    columns: dict[str, list[str]], width: int, least_name: int | None
) -> dict[str, list[str]]:
    """Return the columns that fit, the names of the sources shortened to `least_name` at most."""
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}
    for name in ("source", "size", "prob"):
        room = width - sum(1 + other for key, other in widths.items() if key != name)
        if room >= widths.get(name, 0):
            break
        if name == "source" and least_name is not None and room >= least_name:
            return columns | {"source": [_shortened(cell, room) for cell in columns["source"]]}
        widths.pop(name, None)
    return {name: columns[name] for name in widths}


def _shortened(name: str, width: int) -> str:
    """Return the beginning of a name and its end, by which sources of a field differ."""
    if cell_len(name) <= width:
        return name
    end = name[-_NAME_END:]
    return f"{set_cell_size(name, width - 1 - cell_len(end)).rstrip()}…{end}"


def _class(row: Row) -> str:
    from .columns import doubt_mark

    if "class_name" in row.colnames and row["class_name"]:
        # "Edge-on Galaxies with Bulge" is shown as "Edge-on with Bulge".
        name = str(row["class_name"]).replace(" Galaxies", "")
        return name + doubt_mark(row["probability"])
    return str(row["detected_class"]) if "detected_class" in row.colnames else ""


def _probability(row: Row) -> str:
    return f"{row['probability']:.2f}" if row["class_name"] else ""


def _finish(places: Mapping[str, Path | str], failures: Sequence[Failure]) -> None:
    width = max(map(len, places), default=0)
    for name, place in places.items():
        STDOUT.print(Text(f"{name:>{width}}: {place}"), soft_wrap=True)
    if not failures:
        return
    STDERR.print(
        Text(f"{len(failures)} {'input' if len(failures) == 1 else 'inputs'} failed:", style="red")
    )
    for failure in failures:
        STDERR.print(Text(f"  {failure.message}"), soft_wrap=True)
    if not all(failure.expected for failure in failures):
        STDERR.print("Some of these are bugs in galpipe; `galpipe --debug ...` shows where.")
    click.get_current_context().exit(1)
