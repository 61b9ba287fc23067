"""The report of what detectors were measured at: JSON, Markdown, web page, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import write_png
from ..files.names import SafeNames
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.report import Block, Heading, Picture, Report, Table
from ..imaging import read_field, to_rgb
from ..metrics.curves import Reliability, confusion, recall_by_size, reliability
from ..metrics.error_analysis import (
    Misdetection,
    draw_misdetections,
    worst_false_boxes,
    worst_misses,
)
from ..metrics.plots import DetectorCurve, write_detector_plots
from .measured_detector import MeasuredDetector, Truth

__all__ = ["figures_table", "open_folder", "write_report"]

_PICTURES = "pictures"
_OURS = ("metrics.json", "report.md", "report.html", f"{_PICTURES}/*.png")
_MOST = 24
"""Misdetections of a kind that are shown."""
# Images of which several mistakes are drawn are read once, and not all kept.
_IMAGES_HELD = 8


def open_folder(path: str | Path, *, overwrite: bool) -> OutputFolder:
    """Open the folder of a report.

    Raises
    ------
    OutputError
        If it holds something else or an earlier report, or cannot be written.
    """
    return OutputFolder(path, overwrite=overwrite, ours=_OURS)


def figures_table(measured: Sequence[MeasuredDetector]) -> Table:
    """Return a row for each figure, a column for each detector."""
    columns = [one.metrics.rows() + _at_threshold(one) for one in measured]
    rows = [[cells[0][0], *(value for _, value in cells)] for cells in zip(*columns, strict=True)]
    return Table(["measure", *(one.name for one in measured)], rows)


def write_report(folder: OutputFolder, measured: Sequence[MeasuredDetector], truth: Truth) -> None:
    """Write ``metrics.json``, ``report.md``, ``report.html`` and the pictures.

    Raises
    ------
    InputError
        If an image has gone.
    OutputError
        If a file cannot be written.
    """
    write_detector_plots(
        folder.path / _PICTURES,
        [DetectorCurve(one.name, one.metrics, one.threshold) for one in measured],
    )
    blocks: list[Block] = [
        f"{len(truth.images)} annotated images. Objects marked difficult are neither found nor "
        "missed. Scores are compared with the threshold that each detector has of its own.",
        figures_table(measured),
        Heading("By size"),
        "Size is the square root of the area of the box. AP over IoU 0.5 to 0.95, mAP at IoU 0.5; "
        "boxes of other sizes that find nothing are not counted as false.",
        _sizes_table(measured),
        Heading("Curves"),
        Picture(f"{_PICTURES}/precision_recall.png", "Precision and recall by score."),
        Picture(f"{_PICTURES}/recall_by_size.png", "Share of the galaxies found, by size."),
        Picture(
            f"{_PICTURES}/reliability.png",
            "Score against the share of true boxes: on the broken line a score is a probability.",
        ),
        _reliability_table(measured),
    ]
    safe = SafeNames()
    contents = []
    for one in measured:
        kinds = {"missed": _misses(one, truth), "false": _false_boxes(one, truth)}
        stem = safe(one.name)
        blocks += _class_blocks(one, truth)
        for kind, mistakes in kinds.items():
            blocks += _mistake_blocks(folder, one, truth, kind, mistakes, stem)
        contents.append(_content(one, truth, kinds))
    report = Report(f"{', '.join(one.name for one in measured)}, measured", blocks)
    folder.write_json("metrics.json", {"data": truth.data, "detectors": contents})
    folder.write_text("report.md", report.to_markdown())
    folder.write_text("report.html", report.to_html(folder.path))
    record = {"made_by": "galpipe", "command": "evaluate", "status": "complete"}
    models = {one.name: one.model for one in measured}
    folder.write_json(RECORD_NAME, record | {"models": models})


def _at_threshold(one: MeasuredDetector) -> list[tuple[str, str]]:
    at = one.metrics.at(one.threshold)
    error = reliability(one.metrics.matches).error
    false = "size of images not known"
    if at.false_per_megapixel is not None:
        false = f"{at.false_per_megapixel:.2f}"
    return [
        ("score threshold", f"{one.threshold:.2f}"),
        ("precision there", f"{at.precision:.3f}"),
        ("recall there", f"{at.recall:.3f}"),
        ("F1 there", f"{at.f1:.3f}"),
        ("false boxes per megapixel there", false),
        ("calibration error", "no boxes" if error is None else f"{error:.3f}"),
    ]


def _sizes_table(measured: Sequence[MeasuredDetector]) -> Table:
    header = ["size", "galaxies"]
    for one in measured:
        header += [f"{name}, {one.name}" for name in ("AP", "mAP@0.5", "recall")]
    rows = []
    for sizes in zip(*(one.metrics.by_size for one in measured), strict=True):
        row = [sizes[0].name, str(sizes[0].galaxies)]
        for size in sizes:
            row += [_number(value) for value in (size.ap, size.map50, size.recall50)]
        rows.append(row)
    return Table(header, rows)


def _reliability_table(measured: Sequence[MeasuredDetector]) -> Table:
    header = ["detector", *Reliability.COLUMNS]
    rows = [[one.name, *row] for one in measured for row in reliability(one.metrics.matches).rows()]
    return Table(header, rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _misses(one: MeasuredDetector, truth: Truth) -> list[Misdetection]:
    return worst_misses(one.metrics.matches, truth.images, one.found, one.threshold, _MOST)


def _false_boxes(one: MeasuredDetector, truth: Truth) -> list[Misdetection]:
    names = one.detector.class_names
    return worst_false_boxes(
        one.metrics.matches, truth.images, one.found, names, one.threshold, _MOST
    )


def _class_blocks(one: MeasuredDetector, truth: Truth) -> list[Block]:
    names = one.detector.class_names
    if len(names) < 2:
        return []
    counts = confusion(truth.images, one.found, names, one.threshold)
    rows = [
        [name, *map(str, row)]
        for name, row in zip((*names, "nothing"), counts.tolist(), strict=True)
    ]
    figures = [
        [kind.name, str(kind.objects), *map(_number, (kind.ap, kind.map50, kind.recall50))]
        for kind in one.metrics.by_class
    ]
    return [
        Heading(f"By class: {one.name}"),
        Table(["class", "objects", "AP", "mAP@0.5", "recall"], figures),
        Heading(f"Which class was found as which: {one.name}"),
        Table(["true \\ found", *names, "missed"], rows),
    ]


def _mistake_blocks(
    folder: OutputFolder,
    one: MeasuredDetector,
    truth: Truth,
    kind: str,
    mistakes: Sequence[Misdetection],
    stem: str,
) -> list[Block]:
    title = {"missed": "Worst misses", "false": "Worst false boxes"}[kind]
    heading = Heading(f"{title}: {one.name}")
    if not mistakes:
        return [heading, "None at the score threshold."]

    @lru_cache(maxsize=_IMAGES_HELD)
    def read(place: int) -> tuple[NDArray[np.uint8], Literal["upper", "lower"]]:
        field = read_field(truth.paths[place])
        return to_rgb(field, one.detector.stretch), field.origin

    sheet = draw_misdetections(mistakes, truth.images, one.found, one.threshold, read)
    name = f"{_PICTURES}/{stem}_{kind}.png"
    write_png(folder.path / name, sheet)
    rows = [
        [
            str(number),
            mistake.name,
            mistake.label,
            ", ".join(f"{edge:.0f}" for edge in mistake.box),
            f"{mistake.size:.0f}",
            "-" if mistake.score is None else f"{mistake.score:.2f}",
            f"{mistake.overlap:.2f}",
        ]
        for number, mistake in enumerate(mistakes, 1)
    ]
    header = ["", "image", "class", "xmin, ymin, xmax, ymax", "size", "score", "best IoU"]
    caption = f"{title} of {one.name}: number in the table, size, score, best IoU."
    return [heading, Picture(name, caption), Table(header, rows)]


def _content(
    one: MeasuredDetector, truth: Truth, mistakes: dict[str, list[Misdetection]]
) -> dict[str, Any]:
    """Return all that is known of one detector, for programs to read."""
    sizes = recall_by_size(one.metrics.matches, one.threshold)
    judged = reliability(one.metrics.matches)
    names = one.detector.class_names
    curve = one.metrics.curve
    return {
        "name": one.name,
        "model": one.model,
        "score_threshold": one.threshold,
        "metrics": one.metrics.to_json(),
        "at_threshold": one.metrics.at(one.threshold).to_json(),
        "precision_recall": {
            "scores": _listed(curve.scores),
            "precision": _listed(curve.precision),
            "recall": _listed(curve.recall),
        },
        "recall_by_size": {
            "sizes": _listed(sizes.sizes),
            "recall": _listed(sizes.recall),
            "galaxies": sizes.counts.tolist(),
        },
        "reliability": asdict(judged),
        "confusion": {
            "class_names": list(names),
            "counts": confusion(truth.images, one.found, names, one.threshold).tolist(),
        },
        "mistakes": {kind: [one.to_json() for one in rows] for kind, rows in mistakes.items()},
    }


def _listed(values: np.ndarray) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
