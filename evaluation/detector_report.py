"""Report of the evaluation of detectors: tables, curves, mistakes and ordinary detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import write_png
from ..files.names import SafeNames
from ..files.output_folder import OutputFolder
from ..files.report import (
    PICTURES,
    Block,
    Heading,
    Picture,
    Report,
    Table,
    format_number,
    write_report,
)
from ..imaging import read_field, to_rgb
from ..metrics.curves import Reliability, confusion, recall_by_size, reliability
from ..metrics.error_analysis import (
    Example,
    draw_examples,
    ordinary_boxes,
    worst_false_boxes,
    worst_misses,
)
from ..metrics.plots import DetectorCurve, write_detector_plots
from .learning_curves import learning_curve_blocks

if TYPE_CHECKING:
    from .evaluate_detectors import AnnotatedSet, MeasuredDetector

__all__ = ["metrics_table", "write_detector_report"]

# Largest number of mistakes of a kind, and of ordinary detections, in the report.
_MAX_SHOWN = 24
# Images kept in memory, as one may have several misdetections.
_IMAGES_CACHED = 8
_MAX_ORDINARY = 12
_TITLES = {
    "missed": "Worst misses",
    "false": "Worst false boxes",
    "ordinary": "Ordinary detections",
}


def metrics_table(measured: Sequence[MeasuredDetector]) -> Table:
    """Return a table of overall metrics, one column per detector.

    Parameters
    ----------
    measured : sequence of MeasuredDetector
    """
    columns = [one.metrics.rows() + _at_threshold(one) for one in measured]
    rows = [[cells[0][0], *(value for _, value in cells)] for cells in zip(*columns, strict=True)]
    return Table(["measure", *(one.name for one in measured)], rows)


def write_detector_report(
    folder: OutputFolder, measured: Sequence[MeasuredDetector], truth: AnnotatedSet
) -> None:
    """Write ``metrics.json``, ``report.md``, ``report.html`` and the pictures.

    Parameters
    ----------
    folder : OutputFolder
        From `open_report_folder`.
    measured : sequence of MeasuredDetector
        At least one.
    truth : AnnotatedSet
        The evaluated images.

    Raises
    ------
    InputError
        If an image was removed in the meantime.
    OutputError
        If a file cannot be written.
    """
    write_detector_plots(
        folder.path / PICTURES,
        [DetectorCurve(one.name, one.metrics, one.threshold) for one in measured],
    )
    blocks: list[Block] = [
        f"{len(truth.paths)} annotated images. Objects marked difficult are ignored. Each "
        "detector has its own score threshold.",
        *truth.data["notes"],
        metrics_table(measured),
        Heading("By size"),
        "Size is the square root of the area of the box. AP over IoU 0.5 to 0.95, mAP at IoU 0.5; "
        "unmatched boxes of other sizes are not counted as false.",
        _sizes_table(measured),
        Heading("Curves"),
        Picture(f"{PICTURES}/precision_recall.png", "Precision and recall by score."),
        Picture(f"{PICTURES}/recall_by_size.png", "Fraction of galaxies detected, by size."),
        Picture(
            f"{PICTURES}/reliability.png",
            "Fraction of true boxes against score; the dashed line is perfect calibration.",
        ),
        _reliability_table(measured),
    ]
    safe = SafeNames()
    contents = []
    for one in measured:
        counts = confusion(one.images, one.found, one.class_names, one.threshold)
        errors = _mistakes(one)
        examples = errors | {"ordinary": _ordinary(one)}
        stem = safe(one.name)
        if len(one.class_names) > 1:
            blocks += _class_blocks(one, counts)
        for kind in examples:
            blocks += _example_blocks(folder, one, truth, kind, examples[kind], stem)
        contents.append(_content(one, counts, errors))
    bundles = {one.name: getattr(one.detector, "bundle", None) for one in measured}
    blocks += learning_curve_blocks(folder, bundles)
    write_report(
        folder,
        Report(f"{', '.join(one.name for one in measured)}, measured", blocks),
        {"data": truth.data, "detectors": contents},
        {"command": "evaluate", "models": {one.name: one.model for one in measured}},
    )


def _at_threshold(one: MeasuredDetector) -> list[tuple[str, str]]:
    at = one.metrics.at(one.threshold)
    error = reliability(one.metrics.matches).error
    false = "unknown image sizes"
    if at.false_per_megapixel is not None:
        false = f"{at.false_per_megapixel:.2f}"
    return [
        ("score threshold", f"{one.threshold:.2f}"),
        ("precision at threshold", format_number(at.precision)),
        ("recall at threshold", f"{at.recall:.3f}"),
        ("F1 at threshold", f"{at.f1:.3f}"),
        ("false boxes per megapixel at threshold", false),
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
            row += map(format_number, (size.ap, size.map50, size.recall50))
        rows.append(row)
    return Table(header, rows)


def _reliability_table(measured: Sequence[MeasuredDetector]) -> Table:
    rows = [[one.name, *row] for one in measured for row in reliability(one.metrics.matches).rows()]
    return Table(["detector", *Reliability.COLUMNS], rows)


def _mistakes(one: MeasuredDetector) -> dict[str, list[Example]]:
    matches, names = one.metrics.matches, one.class_names
    limits = one.threshold, _MAX_SHOWN
    return {
        "missed": worst_misses(matches, one.images, one.found, *limits),
        "false": worst_false_boxes(matches, one.images, one.found, names, *limits),
    }


def _ordinary(one: MeasuredDetector) -> list[Example]:
    limits = one.threshold, _MAX_ORDINARY
    return ordinary_boxes(one.metrics.matches, one.images, one.found, one.class_names, *limits)


def _class_blocks(one: MeasuredDetector, counts: NDArray[np.int64]) -> list[Block]:
    names = one.class_names
    metrics = [
        [kind.name, str(kind.objects), *map(format_number, (kind.ap, kind.map50, kind.recall50))]
        for kind in one.metrics.by_class
    ]
    rows = [
        [name, *map(str, row)]
        for name, row in zip((*names, "nothing"), counts.tolist(), strict=True)
    ]
    return [
        Heading(f"By class: {one.name}"),
        Table(["class", "objects", "AP", "mAP@0.5", "recall"], metrics),
        Heading(f"Confusion of classes: {one.name}"),
        Table(["true \\ found", *names, "missed"], rows),
    ]


def _example_blocks(
    folder: OutputFolder,
    one: MeasuredDetector,
    truth: AnnotatedSet,
    kind: str,
    examples: Sequence[Example],
    stem: str,
) -> list[Block]:
    """Draw the examples of a kind, and return picture and table."""
    heading = Heading(f"{_TITLES[kind]}: {one.name}")
    if not examples:
        return [heading, "None at the score threshold."]

    @lru_cache(maxsize=_IMAGES_CACHED)
    def read(place: int) -> tuple[NDArray[np.uint8], Literal["upper", "lower"]]:
        field = read_field(truth.paths[place])
        return to_rgb(field, one.detector.stretch), field.origin

    sheet = draw_examples(examples, one.images, one.found, one.threshold, read)
    name = f"{PICTURES}/{stem}_{kind}.png"
    write_png(folder.path / name, sheet)
    rows = [
        [
            str(number),
            example.name,
            example.label,
            ", ".join(f"{edge:.0f}" for edge in example.box),
            f"{example.size:.0f}",
            "–" if example.score is None else f"{example.score:.2f}",
            f"{example.overlap:.2f}",
        ]
        for number, example in enumerate(examples, 1)
    ]
    header = ["", "image", "class", "xmin, ymin, xmax, ymax", "size", "score", "best IoU"]
    caption = f"{_TITLES[kind]} of {one.name}: number in the table, size, score, best IoU."
    return [heading, Picture(name, caption), Table(header, rows)]


def _content(
    one: MeasuredDetector, counts: NDArray[np.int64], errors: dict[str, list[Example]]
) -> dict[str, Any]:
    """Return the results of one detector for ``metrics.json``."""
    sizes = recall_by_size(one.metrics.matches, one.threshold)
    curve = one.metrics.curve
    return {
        "name": one.name,
        "model": one.model,
        "score_threshold": one.threshold,
        "metrics": one.metrics.to_json(),
        "at_threshold": one.metrics.at(one.threshold).to_json(),
        "precision_recall": {
            "scores": _rounded(curve.scores),
            "precision": _rounded(curve.precision),
            "recall": _rounded(curve.recall),
        },
        "recall_by_size": {
            "sizes": _rounded(sizes.sizes),
            "recall": _rounded(sizes.recall),
            "galaxies": sizes.counts.tolist(),
        },
        "reliability": asdict(reliability(one.metrics.matches)),
        "confusion": {
            "class_names": list(one.class_names),
            "counts": counts.tolist(),
        },
        "mistakes": {kind: [row.to_json() for row in rows] for kind, rows in errors.items()},
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
