"""Report of the evaluation of classifiers, and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..classification import class_slug
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
from ..metrics.records import BY_SETS
from ..models import Bundle
from .learning_curves import learning_curve_blocks
from .misclassified import misclassified_table

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics
    from .evaluate_classifiers import MeasuredClassifier

__all__ = [
    "class_comparison_table",
    "class_table",
    "metrics_table",
    "misclassified_picture",
    "survey_table",
    "write_classifier_report",
]

_COUNTED = {
    False: " with a label of one class",
    True: f", {BY_SETS}: the prediction is the set with the largest sum of probabilities",
}


def metrics_table(results: Mapping[str, ClassificationMetrics]) -> Table:
    """Return a table of overall metrics, one column per classifier.

    Parameters
    ----------
    results : mapping of str to ClassificationMetrics
        Metrics by classifier.
    """
    columns = [metrics.rows() for metrics in results.values()]
    rows = [[cells[0][0], *(value for _, value in cells)] for cells in zip(*columns, strict=True)]
    return Table(["measure", *results], rows)


def survey_table(measured: Sequence[MeasuredClassifier]) -> Table:
    """Return a table of the metrics on each survey, a row for each survey and classifier.

    Parameters
    ----------
    measured : sequence of MeasuredClassifier
        On the same images.
    """
    rows = [
        [
            survey,
            model.name,
            str(metrics.images),
            *map(
                format_number,
                (metrics.accuracy, metrics.balanced_accuracy, metrics.calibration_error),
            ),
        ]
        for survey in measured[0].by_survey
        for model in measured
        for metrics in (model.by_survey[survey],)
    ]
    header = ["survey", "classifier", "images", "accuracy", "balanced accuracy"]
    return Table([*header, "calibration error"], rows)


def class_table(metrics: ClassificationMetrics) -> Table:
    """Return a table of the metrics of each class.

    Parameters
    ----------
    metrics : ClassificationMetrics
    """
    return Table(["class", "images", "precision", "recall", "F1", "AUC"], metrics.class_rows())


def class_comparison_table(results: Mapping[str, ClassificationMetrics]) -> Table:
    """Return a table of recall and F1 of each class, two columns per classifier.

    Parameters
    ----------
    results : mapping of str to ClassificationMetrics
        Metrics by classifier, at least one, on the same images.
    """
    columns = ["class", "images"]
    for name in results:
        columns += [f"{name}: recall", "F1"]
    measured = list(results.values())
    rows = []
    for place, first in enumerate(measured[0].classes):
        values = [v for m in measured for v in (m.classes[place].recall, m.classes[place].f1)]
        rows.append([first.name, str(first.images), *map(format_number, values)])
    means = [format_number(value) for m in measured for value in (m.macro_recall, m.macro_f1)]
    rows.append(["mean over the classes", str(measured[0].images), *means])
    return Table(columns, rows)


def write_classifier_report(
    folder: OutputFolder,
    measured: Sequence[MeasuredClassifier],
    data: dict[str, Any],
    bundles: Mapping[str, Bundle],
    *,
    by_sets: bool,
) -> None:
    """Write ``metrics.json``, ``report.md`` and ``report.html``.

    Parameters
    ----------
    folder : OutputFolder
        From `open_report_folder`; contains the plots.
    measured : sequence of MeasuredClassifier
        At least one, on the same images.
    data : dict
        Description of the images, for ``metrics.json``; ``crops_about`` and ``notes`` are shown in
        the report.
    bundles : mapping of str to Bundle
        The models by unique name, for their learning curves.
    by_sets : bool
        Whether the metrics refer to sets of classes instead of classes.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    from ..metrics.plots import classifier_plot_names

    together = {title: m for model in measured for title, m in model.by_classifier.items()}
    blocks: list[Block] = [
        f"{measured[0].metrics.images} images{_COUNTED[by_sets]}. In means over the classes all "
        "classes with images have the same weight, in means over the images that of their images.",
        f"Crops are centred on {' and '.join(data['crops_about'])}.",
        *data["notes"],
        metrics_table(together),
    ]
    if measured[0].by_survey:
        blocks += [Heading("By survey"), survey_table(measured)]
    for title, metrics in together.items():
        blocks += [Heading(title), class_table(metrics)]
        captions = ("confusion matrix", "ROC curves", "reliability")
        for name, caption in zip(classifier_plot_names(class_slug(title)), captions, strict=True):
            blocks.append(Picture(f"{PICTURES}/{name}", f"{title}: {caption}"))
    for model in measured:
        blocks += _misclassified_blocks(model)
    blocks += learning_curve_blocks(folder, bundles)
    first, *others = (model.to_json() for model in measured)
    data = data | {"measured": BY_SETS if by_sets else "by class"}
    write_report(
        folder,
        Report(f"{', '.join(model.name for model in measured)}, measured", blocks),
        first | {"data": data, "others": others},
        {"command": "evaluate", "models": {m.name: m.model for m in measured}},
    )


def misclassified_picture(name: str) -> str:
    """Return the file name of the contact sheet of misclassified galaxies.

    Parameters
    ----------
    name : str
        Unique name of the classifier.
    """
    return f"{class_slug(name)}_misclassified.png"


def _misclassified_blocks(model: MeasuredClassifier) -> list[Block]:
    heading = Heading(f"Misclassified: {model.name}")
    if not model.misclassified:
        return [heading, "None."]
    caption = "Number in the table, probability and name of the given class; the surest first."
    picture = Picture(f"{PICTURES}/{misclassified_picture(model.name)}", caption)
    return [heading, picture, misclassified_table(model.misclassified)]
