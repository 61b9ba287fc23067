"""Report of a run, ``report.html``: fields, galaxies, histograms, notes, failures and origin."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any

from ..files.atomic import atomic_path
from ..files.names import printable
from ..files.report import load_template
from .catalogue_formats import CATALOGUE_FORMATS
from .column import Column
from .columns import Flag, catalogue_columns
from .field_work import crop_files
from .histograms import SHARE_EDGES, SIZE_EDGES
from .object_classes import class_numbers, object_classes
from .provenance import RunRecord
from .result_lines import FieldRows
from .results import Results

__all__ = ["REPORT_NAME", "write_run_report"]

REPORT_NAME = "report.html"
"""Name of the report in the output folder."""

# A browser shows a page of this size at once: some 15 MB.
_FIELDS = 2000
_OBJECTS = 40_000
_FAILURES = 1000

# What the page has from the number of the class and the probabilities.
_DERIVED = ("field", "class_name", "second_class", "second_probability")


def write_run_report(results: Results, status: str) -> None:
    """Write the report of a run as a web page, field by field.

    The page opens without a server: the results of the first fields are in it, pictures beside it.

    Parameters
    ----------
    results : Results
        The results so far.
    status : str
        As in `RunRecord`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    script = load_template("run_report.js").render()
    page = load_template("run_report.html").generate(
        script=script,
        checksum=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        run=_run(results),
        fields=_fields(results),
        failures=_failures(results),
        tally=results.tally,
        title=_title(results),
        status=status,
        record=results.plan.record,
        origin=_origin(results.plan.record),
        files=_files(results),
    )
    # Bytes of names that are not UTF-8 become question marks.
    with (
        atomic_path(results.folder / REPORT_NAME) as beside,
        beside.open("w", encoding="utf-8", errors="replace") as file,
    ):
        file.writelines(page)


def _title(results: Results) -> str:
    tally = results.tally
    if results.plan.detected_classes is None:
        found = f"{tally.rows:,} {'galaxy' if tally.rows == 1 else 'galaxies'}"
    else:
        found = f"{tally.rows:,} {'object' if tally.rows == 1 else 'objects'}"
    return f"{found} in {tally.fields:,} {'field' if tally.fields == 1 else 'fields'}"


def _run(results: Results) -> dict[str, Any]:
    """Return what the script needs to know of the whole run."""
    plan, tally = results.plan, results.tally
    histograms = tally.histograms
    return {
        "classes": [
            {"name": item.name, "colour": item.colour, "count": histograms.total(number)}
            for number, item in enumerate(object_classes(plan))
        ],
        "classified": len(plan.class_names or ()),
        "columns": [
            {"name": column.name, "unit": column.unit or "", "description": column.description}
            for column in _columns(results)
        ],
        "flags": {flag.value: str(flag.name).lower().replace("_", " ") for flag in Flag},
        "fields": tally.fields,
        "objects": tally.rows,
        "histograms": [
            _histogram("Size", "longer side of the box in pixels", SIZE_EDGES, histograms.sizes),
            _histogram(
                *(
                    ("Score", "score of the detection")
                    if plan.class_names is None
                    else ("Probability", "probability of the class")
                ),
                SHARE_EDGES,
                histograms.shares,
            ),
        ],
    }


def _histogram(
    name: str, quantity: str, edges: tuple[float, ...], counts: Mapping[int, Any]
) -> dict[str, Any]:
    by_class = {str(number): counts[number].tolist() for number in sorted(counts)}
    return {"name": name, "quantity": quantity, "edges": edges, "counts": by_class}


def _fields(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the content of the page for each field, as many as it shows."""
    left, columns = _OBJECTS, _columns(results)
    for found in islice((item for item in results if isinstance(item, FieldRows)), _FIELDS):
        if left <= 0:
            return
        content = _field(results, columns, found, left)
        left -= len(content["classes"])
        yield content


def _columns(results: Results) -> tuple[Column, ...]:
    plan = results.plan
    return catalogue_columns(
        plan.class_names,
        plan.detected_classes,
        results.tally.bands,
        votes=plan.votes,
        overlaps=plan.overlaps,
    )


def _field(
    results: Results, columns: tuple[Column, ...], found: FieldRows, most: int
) -> dict[str, Any]:
    record, plan = found.record, results.plan
    rows = {name: values[:most] for name, values in found.rows.items()}
    numbers = class_numbers(rows, plan).tolist() if rows else []
    classified = (
        len(plan.class_names or ()) if plan.fingerprint["settings"]["crops"] == "png" else 0
    )
    cropped = [number < classified for number in numbers]
    return {
        "name": record.field,
        "width": record.width,
        "height": record.height,
        "lower": record.origin == "lower",
        "scale": record.pixel_scale,
        "picture": record.picture,
        "overlay": record.overlay,
        "notes": record.notes,
        "objects": sum(record.objects.values()),
        "classes": numbers,
        "crops": crop_files(record.field, rows.get("source_id", ()), cropped),
        "columns": {
            column.name: [_plain(value) for value in column.values(rows[column.name]).tolist()]
            for column in columns
            if column.name in rows and column.name not in _DERIVED
        },
    }


def _plain(value: Any) -> Any:
    """Return a value in a type of JSON, None for NaN."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _failures(results: Results) -> list[dict[str, str]]:
    # No more are looked for than there are: the results may be many.
    found = islice(results.failures(), min(results.tally.failed, _FAILURES))
    return [
        {"input": printable(failure.input), "message": printable(failure.message)}
        for failure in found
    ]


def _origin(record: RunRecord) -> list[tuple[str, str]]:
    """Return how the results were made, in pairs of a name and a value."""
    made = str(record.provenance()["made_by"])
    lines = [("Program", made), ("Started", record.started)]
    if record.arguments:
        lines.append(("Command", printable(shlex.join(["galpipe", *record.arguments]))))
    for stage, model in record.models.items():
        lines.append((stage.capitalize(), printable(model["name"])))
        lines += [(f"SHA-256 of {name}", value) for name, value in sorted(model["sha256"].items())]
        if model.get("priors"):
            assumed = (f"{name} {share:.3g}" for name, share in model["priors"].items())
            lines.append(("Class frequencies", ", ".join(assumed)))
        if model.get("test_time_augmentation"):
            lines.append(("Classified by", "the mean over the eight flips and quarter turns"))
    lines.append(("Lowest score", str(record.score_threshold)))
    return lines


def _files(results: Results) -> list[str]:
    suffixes = [
        CATALOGUE_FORMATS[name].suffixes[0] for name in results.plan.formats if name != "ds9"
    ]
    return [*(f"catalogue{suffix}" for suffix in suffixes), "run.json"]
