"""Summaries that commands print: first rows, output files, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from ..console import STDERR, STDOUT
from .provenance import Failure

if TYPE_CHECKING:
    from .catalogue import Catalogue
    from .classify import ClassifyResult
    from .explain import ExplainResult
    from .run import RunResult

__all__ = ["finish_classify", "finish_explain", "finish_run", "print_markdown", "print_metrics"]

_ROWS = 10


def finish_run(result: RunResult) -> None:
    """Print the summary of a run, and exit with code 1 if inputs failed.

    Parameters
    ----------
    result : RunResult
        The run.
    """
    for stage, metrics in result.record.metrics.items():
        print_metrics(f"{stage.capitalize()}, on held-out data", metrics)
    catalogue, record = result.catalogue, result.record
    if len(catalogue):
        STDOUT.print(_rows(catalogue))
    if len(catalogue) > _ROWS:
        STDOUT.print(f"... and {len(catalogue) - _ROWS} more")
    fields = f"{len(record.fields)} {'field' if len(record.fields) == 1 else 'fields'}"
    STDOUT.print(Text(f"{_tally(catalogue)} in {fields}"))
    places = {"catalogue": result.output / "catalogue.ecsv"}
    if record.fields:
        places["overlays"] = result.output / "overlays"
    if (result.output / "crops").is_dir():
        places["crops"] = result.output / "crops"
    if (result.output / "annotations").is_dir():
        places["annotations"] = result.output / "annotations"
    _finish(places, result.failures)


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
        table.add_row(str(row.file), str(row.class_name), f"{row.probability:.2f}")
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
    STDOUT.print(Markdown(f"**{title}**\n\n{text}"))


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


def _tally(catalogue: Catalogue) -> str:
    """Return the number of objects, by class if the detector has several."""
    if catalogue.detected_classes is None:
        return f"{len(catalogue)} {'galaxy' if len(catalogue) == 1 else 'galaxies'}"
    counts = Counter(catalogue["detected_class"].tolist()).most_common()
    kinds = ", ".join(f"{number} {name}" for name, number in counts)
    return f"{len(catalogue)} objects{f' ({kinds})' if kinds else ''}"


def _rows(catalogue: Catalogue) -> Table:
    """Return a table of the first rows that fits 80 columns."""
    sky = bool(np.isfinite(np.asarray(catalogue["ra"])).any())
    place = {"ra": ".5f", "dec": "+.5f"} if sky else {"x": ".1f", "y": ".1f"}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0), show_edge=False)
    table.add_column("source", no_wrap=sky, overflow="fold")
    for name in (*place, "size", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    classified, several = catalogue.class_names is not None, catalogue.detected_classes is not None
    if classified or several:
        table.add_column("class")
    if classified:
        table.add_column("prob", justify="right", no_wrap=True)
    for row in catalogue[slice(_ROWS)].table:
        size = max((row["xmax"] - row["xmin"]).value, (row["ymax"] - row["ymin"]).value)
        cells = [row["source_id"], *(f"{row[name].value:{form}}" for name, form in place.items())]
        cells += [f"{size:.0f}", f"{row['score']:.2f}"]
        if classified and row["class_name"]:
            cells += [row["class_name"].removesuffix(" Galaxies"), f"{row['probability']:.2f}"]
        elif several:
            cells += [row["detected_class"]]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _finish(places: Mapping[str, Path], failures: Sequence[Failure]) -> None:
    width = max(map(len, places))
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
