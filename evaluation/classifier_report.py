"""The report of what classifiers were measured at: JSON, Markdown, web page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classification import class_slug
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.report import Block, Heading, Picture, Report, Table
from ..metrics.records import BY_SETS

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics
    from .measured_classifier import MeasuredClassifier

__all__ = [
    "PICTURES",
    "classes_side_by_side",
    "classes_table",
    "figures_table",
    "open_folder",
    "write_report",
]

PICTURES = "pictures"
"""Folder of the pictures in the folder of a report."""

_OURS = ("metrics.json", "report.md", "report.html", f"{PICTURES}/*.png")


_COUNTED = {
    False: " whose label leaves one class",
    True: f", {BY_SETS}: what counts is which of them has the largest sum of probabilities",
}


def open_folder(path: str | Path, *, overwrite: bool) -> OutputFolder:
    """Open the folder of a report.

    Raises
    ------
    OutputError
        If it holds something else or an earlier report, or cannot be written.
    """
    return OutputFolder(path, overwrite=overwrite, ours=_OURS)


def figures_table(results: Mapping[str, ClassificationMetrics]) -> Table:
    """Return a row for each figure, a column for each classifier."""
    columns = [metrics.rows() for metrics in results.values()]
    rows = [[cells[0][0], *(value for _, value in cells)] for cells in zip(*columns, strict=True)]
    return Table(["measure", *results], rows)


def classes_table(metrics: ClassificationMetrics) -> Table:
    """Return a row for each class."""
    return Table(
        ["class", "images", "precision", "recall", "F1", "AUC"],
        [
            [c.name, str(c.images), *(_number(v) for v in (c.precision, c.recall, c.f1, c.auc))]
            for c in metrics.classes
        ],
    )


def classes_side_by_side(results: Mapping[str, ClassificationMetrics]) -> Table:
    """Return recall and F1 of each class and their means, for classifiers on the same images."""
    columns = ["class", "images"]
    for name in results:
        columns += [f"{name}: recall", "F1"]
    measured = list(results.values())
    rows = []
    for place, first in enumerate(measured[0].classes):
        values = [v for m in measured for v in (m.classes[place].recall, m.classes[place].f1)]
        rows.append([first.name, str(first.images), *map(_number, values)])
    means = [f"{value:.3f}" for m in measured for value in (m.macro_recall, m.macro_f1)]
    rows.append(["mean over the classes", str(measured[0].images), *means])
    return Table(columns, rows)


def write_report(
    folder: OutputFolder,
    measured: Sequence[MeasuredClassifier],
    data: dict[str, Any],
    *,
    by_sets: bool,
) -> None:
    """Write ``metrics.json``, ``report.md`` and ``report.html``; the pictures must be there.

    Parameters
    ----------
    folder : OutputFolder
        Opened by `open_folder`.
    measured : sequence of MeasuredClassifier
        At least one, all on the same images.
    data : dict
        What was measured on, for ``metrics.json``; what stands under ``crops_about`` and the
        sentences under ``notes`` are also reported.
    by_sets : bool
        Whether the labels name sets of classes, and these were measured.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    from ..metrics.plots import classifier_plot_names

    together = {title: m for model in measured for title, m in model.by_classifier.items()}
    blocks: list[Block] = [
        f"{measured[0].metrics.images} images{_COUNTED[by_sets]}. Means over the classes count "
        "each class that has images alike, means over the images by its images.",
        f"Cropped about {' and '.join(data['crops_about'])}.",
        *data["notes"],
        figures_table(together),
    ]
    for title, metrics in together.items():
        blocks += [Heading(title), classes_table(metrics)]
        captions = ("confusion matrix", "ROC curves", "reliability")
        for name, caption in zip(classifier_plot_names(class_slug(title)), captions, strict=True):
            blocks.append(Picture(f"{PICTURES}/{name}", f"{title}: {caption}"))
    report = Report(f"{', '.join(model.name for model in measured)}, measured", blocks)
    first, *others = (model.to_json() for model in measured)
    data = data | {"measured": BY_SETS if by_sets else "by class"}
    folder.write_json("metrics.json", first | {"data": data, "others": others})
    folder.write_text("report.md", report.to_markdown())
    folder.write_text("report.html", report.to_html(folder.path))
    record = {"made_by": "galpipe", "command": "evaluate", "status": "complete"}
    folder.write_json(RECORD_NAME, record | {"models": {m.name: m.model for m in measured}})


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
