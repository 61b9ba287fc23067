"""``galpipe run``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import click

from .options import (
    bands_option,
    coverage_option,
    engine_options,
    examples,
    fields_arguments,
    formats_option,
    overlays_option,
    overwrite_option,
    prior_option,
    resolve_overlaps_option,
    run_output_option,
    test_time_augmentation_option,
    threshold_option,
    zeropoint_option,
)

__all__ = ["command"]


@click.command(
    "run",
    epilog=examples(
        "galpipe run field.fits -o result",
        "galpipe run frame-i.fits,frame-r.fits,frame-g.fits more/ -o result --score-threshold 0.5",
        "galpipe run field.fits -o result --format votable --format ds9",
        "galpipe run survey/ -o result --engine processes --workers 8 --resolve-overlaps",
        "galpipe run --fields-from fields.csv -o result --no-overlays --no-crops",
    ),
)
@fields_arguments
@run_output_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="YAML file of settings; a stage with a 'train' section is trained first.",
)
@click.option("--detector", metavar="MODEL", help="Detector: name of a shipped model, or a path.")
@click.option(
    "--classifier",
    metavar="MODEL",
    help="Classifier: name of a shipped model, or a path. One that predicts votes of Galaxy Zoo "
    "adds a column for each answer.",
)
@prior_option
@test_time_augmentation_option
@threshold_option
@bands_option
@zeropoint_option
@formats_option(
    "Format of the catalogue: ecsv, csv, fits, votable, parquet, or ds9 (regions, a file for each "
    "field); may be repeated; by default ecsv and csv."
)
@overlays_option
@click.option(
    "--crops",
    type=click.Choice(["png", "fits"]),
    help="Format of the crops: pictures (png, the default), or the linear pixels of all bands with "
    "a WCS (fits).",
)
@click.option("--no-crops", is_flag=True, help="Write no crops.")
@resolve_overlaps_option
@coverage_option
@engine_options
@overwrite_option
def command(
    fields: Iterable[str],
    output: str | Path,
    config: Path | None,
    detector: str | None,
    classifier: str | None,
    prior: str | None,
    test_time_augmentation: bool | None,
    score_threshold: float | None,
    bands: list[str],
    zeropoint: float | dict[str, float] | None,
    formats: tuple[str, ...],
    overlays: bool,
    crops: Literal["png", "fits"] | None,
    no_crops: bool,
    resolve_overlaps: bool,
    coverage: bool,
    engine: str,
    workers: int | None,
    field_timeout: float | None,
    ray_address: str | None,
    overwrite: bool,
) -> None:
    """Find every galaxy of the fields and classify it.

    FIELDS are FITS files, pictures (JPEG, PNG, WebP, TIFF), folders of these, patterns of names in
    quotes ('survey/**/*.fits'), addresses of these (https://, s3://, gs://), or three bands as
    red.fits,green.fits,blue.fits.  Every CCD of a mosaic camera is searched; 'file.fits[CCD2]',
    'file.fits[SCI,1]' and 'file.fits[3]' choose an image.  Writes catalogue.ecsv, catalogue.csv,
    report.html, overlays/, crops/, run.json and config.yaml to OUT, with --format the catalogue in
    other formats.

    A run that was interrupted or killed goes on where it stopped if the same command is given
    again; 'galpipe collect OUT' writes the catalogue of what is done at any time.
    """
    if no_crops and crops is not None:
        raise click.UsageError("--no-crops and --crops exclude each other; give one of them.")
    from ..catalogue_formats import DEFAULT_FORMATS
    from ..run import run
    from ..summary import finish_run

    result = run(
        fields,
        output,
        config=config,
        detector=detector,
        classifier=classifier,
        prior=prior,
        test_time_augmentation=test_time_augmentation,
        score_threshold=score_threshold,
        bands=bands,
        zeropoint=zeropoint,
        formats=formats or DEFAULT_FORMATS,
        overlays=overlays,
        crops=None if no_crops else crops or "png",
        resolve_overlaps=resolve_overlaps,
        coverage=coverage,
        overwrite=overwrite,
        engine=engine,
        workers=workers,
        field_timeout=field_timeout,
        ray_address=ray_address,
        progress=True,
    )
    finish_run(result)
