"""``galpipe evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_option

__all__ = ["command"]

_output = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Folder for metrics.json and metrics.md.",
)


@click.group("evaluate")
def command() -> None:
    """Measure a detector or a classifier on labelled images.

    Measure on galaxies that the model was not trained on, or the figures mean nothing.
    """


@command.command(
    "detector",
    epilog=examples(
        "galpipe evaluate detector --images frames/ --annotations boxes/ -o measured",
    ),
)
@click.option(
    "--model", default="ssd_mobilenet", show_default=True, help="Shipped model, or a path."
)
@click.option("--images", required=True, metavar="DIR", help="Folder of the images.")
@click.option("--annotations", required=True, metavar="DIR", help="Folder of Pascal-VOC files.")
@_output
@overwrite_option
def detector(
    model: str, images: str, annotations: str, output: Path | None, overwrite: bool
) -> None:
    """Measure mAP@0.5, AP, AR@1 with its ceiling, and recall of a detector.

    Only annotated images count; boxes marked 'difficult' are neither hits nor misses.
    """
    from ..evaluate import evaluate_detector
    from ..summary import print_markdown

    metrics = evaluate_detector(
        model, images, annotations, output, overwrite=overwrite, progress=True
    )
    print_markdown(f"Detector {model}", metrics.to_markdown())


@command.command(
    "classifier",
    epilog=examples(
        "galpipe evaluate classifier --images cutouts/ --labels labels.csv -o measured",
    ),
)
@click.option(
    "--model", default="galaxy10_ensemble", show_default=True, help="Shipped model, or a path."
)
@click.option("--images", required=True, metavar="DIR", help="Folder of the images.")
@click.option(
    "--labels",
    required=True,
    metavar="CSV",
    help="Table 'filename,label', or Galaxy Zoo 2 votes.",
)
@_output
@overwrite_option
def classifier(model: str, images: str, labels: str, output: Path | None, overwrite: bool) -> None:
    """Measure accuracy, precision, recall, AUC and confusion of a classifier.

    Images whose label leaves more than one class open do not count.
    """
    from ..evaluate import evaluate_classifier
    from ..summary import print_markdown

    metrics = evaluate_classifier(model, images, labels, output, overwrite=overwrite, progress=True)
    print_markdown(f"Classifier {model}", metrics.to_markdown())
