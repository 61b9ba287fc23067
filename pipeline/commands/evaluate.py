"""``galpipe evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from ...default_models import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR
from .options import (
    examples,
    overwrite_option,
    prior_option,
    test_time_augmentation_option,
)

__all__ = ["command"]

_output = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Folder for metrics.json, report.md, report.html and pictures.",
)
_held_out = click.option(
    "--held-out",
    is_flag=True,
    help="Evaluate only images that were held out in the training of every model.",
)


@click.group("evaluate")
def command() -> None:
    """Evaluate a detector, a classifier, or predicted votes on labelled images.

    Use galaxies that were not in the training; images that were are counted in the report.
    """


@command.command(
    "detector",
    epilog=examples(
        "galpipe evaluate detector --images frames/ --annotations boxes/ -o measured",
        "galpipe evaluate detector --model ssd_mobilenet --model training/mine "
        "--images frames/ --annotations boxes/ -o measured",
    ),
)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(DEFAULT_DETECTOR,),
    show_default=DEFAULT_DETECTOR,
    help="Shipped model, or path; repeat to compare several.",
)
@click.option("--images", required=True, metavar="DIR", help="Folder of the images.")
@click.option(
    "--annotations", required=True, metavar="PATH", help="File or folder of boxes, in any format."
)
@click.option(
    "--smallest",
    default=0.0,
    metavar="PIXELS",
    type=click.FloatRange(0),
    help="Treat objects with a shorter longer side as 'difficult'.",
)
@click.option(
    "--passes",
    type=click.IntRange(1),
    help="Limit the search to this many pyramid levels (1, 1/3, 1/9, ...); by default all, "
    "until the field fits one tile.",
)
@click.option(
    "--class-agnostic",
    is_flag=True,
    help="Evaluate boxes alone, whatever their classes: compares detectors of other class names.",
)
@_held_out
@_output
@overwrite_option
def detector(
    models: tuple[str, ...],
    images: str,
    annotations: str,
    smallest: float,
    passes: int | None,
    class_agnostic: bool,
    held_out: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Evaluate mAP@0.5, AP, AR@1 with its ceiling, recall by size and reliability of detectors.

    Only annotated images are used; boxes marked 'difficult' are ignored.  The report shows the
    worst misses and false boxes.
    """
    from ...evaluation.detector_report import metrics_table
    from ...evaluation.evaluate_detectors import evaluate_detectors
    from ..summary import print_markdown

    measured = evaluate_detectors(
        models,
        images,
        annotations,
        output,
        smallest=smallest,
        passes=passes,
        class_agnostic=class_agnostic,
        held_out=held_out,
        overwrite=overwrite,
        progress=True,
    )
    print_markdown("Measured", metrics_table(measured).to_markdown())
    if output is not None:
        click.echo(f"report: {output / 'report.html'}")


@command.command(
    "classifier",
    epilog=examples(
        "galpipe evaluate classifier --images cutouts/ --labels labels.csv -o measured",
        "galpipe evaluate classifier --model galaxy10_best --model training/bundle "
        "--images cutouts/ --labels votes.csv",
        "galpipe evaluate classifier --model training/bundle --images data/Galaxy10_DECals.h5 "
        "--held-out -o measured",
        "galpipe evaluate classifier --images cutouts/ --labels labels.csv --annotations boxes/ "
        "--detector ssd_mobilenet",
    ),
)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(DEFAULT_CLASSIFIER,),
    show_default=DEFAULT_CLASSIFIER,
    help="Shipped model, or path; repeat to compare several.",
)
@click.option(
    "--images",
    required=True,
    metavar="PATH",
    help="Folder or ZIP archive of images, folder with a subfolder per class, or HDF5 file of "
    "Galaxy10.",
)
@click.option(
    "--labels",
    metavar="TABLE",
    help="Table 'filename,label', or with a column per class, or of Galaxy Zoo votes; not needed "
    "if the labels are in the folder or file of the images.",
)
@click.option(
    "--kind",
    metavar="KIND",
    help="Kind of the labels, as in the configuration of a training; by default inferred from the "
    "files.",
)
@click.option(
    "--annotations",
    metavar="PATH",
    help="File or folder of boxes, in any format: crop the annotated box at the centre.",
)
@click.option(
    "--detector",
    metavar="MODEL",
    help="Crop the galaxy that this detector finds at the centre, as in 'galpipe run'.",
)
@_held_out
@click.option(
    "--held-back",
    "held_out_alias",
    is_flag=True,
    hidden=True,
    help="Former name of --held-out.",
)
@prior_option
@test_time_augmentation_option
@_output
@overwrite_option
def classifier(
    models: tuple[str, ...],
    images: str,
    labels: str | None,
    kind: str | None,
    annotations: str | None,
    detector: str | None,
    held_out: bool,
    held_out_alias: bool,
    prior: str | None,
    test_time_augmentation: bool | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Evaluate accuracy, precision, recall, F1, AUC, confusion and calibration of classifiers.

    Models and members of ensembles are evaluated on images with a label of one class.  If the
    labels are disjoint sets of classes ('elliptical', 'spiral', ... of Galaxy Zoo 1), all images
    are used, and the prediction is the set with the largest sum of probabilities.

    The galaxy at the centre of each image is cropped, as in 'galpipe classify'.  With both
    --annotations and --detector, models are evaluated on crops of annotated and of detected boxes
    of the same galaxies.

    If the table of labels has a column 'survey', accuracy, balanced accuracy and calibration error
    are also stated for each survey.
    """
    from ...evaluation.classifier_report import metrics_table, survey_table
    from ...evaluation.evaluate_classifiers import evaluate_classifiers
    from ..summary import print_markdown

    measured = evaluate_classifiers(
        models,
        images,
        labels,
        output,
        kind=kind,
        annotations=annotations,
        detector=detector,
        held_out=held_out or held_out_alias,
        prior=prior,
        test_time_augmentation=test_time_augmentation,
        overwrite=overwrite,
        progress=True,
    )
    for model in measured:
        print_markdown(f"Classifier {model.name}", model.metrics.to_markdown())
        if len(model.by_classifier) > 1:
            print_markdown("Model and members", metrics_table(model.by_classifier).to_markdown())
    if len(measured) > 1:
        wholes = {model.name: model.metrics for model in measured}
        print_markdown("Comparison", metrics_table(wholes).to_markdown())
    if measured[0].by_survey:
        print_markdown("By survey", survey_table(measured).to_markdown())
    if output is not None:
        click.echo(f"report: {output / 'report.html'}")


@command.command(
    "votes",
    epilog=examples(
        "galpipe evaluate votes --model training --images images_training_rev1.zip "
        "--labels training_solutions_rev1.csv --held-out -o measured",
        "galpipe evaluate votes --model tree --model sigmoid --images cutouts/ --labels votes.csv",
    ),
)
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="Path of a classifier that predicts votes; repeat to compare several.",
)
@click.option(
    "--images", required=True, metavar="PATH", help="Folder or ZIP archive of the images."
)
@click.option("--labels", required=True, metavar="TABLE", help="Table of Galaxy Zoo votes.")
@_held_out
@test_time_augmentation_option
@_output
@overwrite_option
def votes(
    models: tuple[str, ...],
    images: str,
    labels: str,
    held_out: bool,
    test_time_augmentation: bool | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Evaluate the votes that classifiers predict: RMSE, MSE and cross-entropy, by question.

    The RMSE is the measure of the Kaggle Galaxy Challenge.  OUT also has the predictions in the
    layout of the campaign (GalaxyID, Class1.1 ... Class11.6), and right and wrong galaxies by
    answer.  Classes that follow from votes are measured by 'galpipe evaluate classifier'.
    """
    from ...evaluation.evaluate_votes import evaluate_votes
    from ...metrics.vote_metrics import vote_table
    from ..summary import print_markdown

    measured = evaluate_votes(
        models,
        images,
        labels,
        output,
        held_out=held_out,
        test_time_augmentation=test_time_augmentation,
        overwrite=overwrite,
        progress=True,
    )
    table = vote_table({one.name: one.metrics for one in measured})
    print_markdown("Predicted votes", table.to_markdown())
    if output is not None:
        click.echo(f"report: {output / 'report.html'}")
