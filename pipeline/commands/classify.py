"""``galpipe classify``."""

from __future__ import annotations

from pathlib import Path

import click

from ...default_models import DEFAULT_CLASSIFIER
from .options import (
    examples,
    output_option,
    overwrite_option,
    prior_option,
    test_time_augmentation_option,
)

__all__ = ["command"]


@click.command(
    "classify",
    epilog=examples(
        "galpipe classify cutouts/ more.csv -o classes",
        "galpipe classify images_test_rev1.zip --model votes -o classes",
    ),
)
@click.argument("images", nargs=-1, required=True)
@output_option
@click.option(
    "--model", help=f"Classifier: a shipped model, or a path; by default {DEFAULT_CLASSIFIER}."
)
@prior_option
@test_time_augmentation_option
@overwrite_option
def command(
    images: tuple[str, ...],
    output: Path,
    model: str | None,
    prior: str | None,
    test_time_augmentation: bool | None,
    overwrite: bool,
) -> None:
    """Classify images of single galaxies: the second stage alone.

    IMAGES are pictures or FITS files with the galaxy at the centre, folders of these, CSV files
    that list images in a column 'file', ZIP archives of images, or files of Galaxy10, which need
    the training packages.  Writes predictions.csv and run.json to OUT; for a model that predicts
    votes of Galaxy Zoo also votes.csv, in the layout of the campaign (GalaxyID, Class1.1 ...
    Class11.6).
    """
    from ..classify import classify
    from ..summary import finish_classify

    result = classify(
        images,
        output,
        model=model,
        prior=prior,
        test_time_augmentation=test_time_augmentation,
        overwrite=overwrite,
        progress=True,
    )
    finish_classify(result)
