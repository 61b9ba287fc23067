"""``galpipe detect``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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
    resolve_overlaps_option,
    run_output_option,
    threshold_option,
    zeropoint_option,
)

__all__ = ["command"]


@click.command("detect", epilog=examples("galpipe detect frames/ -o boxes --annotations voc"))
@fields_arguments
@run_output_option
@click.option("--model", help="Detector: a shipped model, or a path; by default ssd_mobilenet.")
@threshold_option
@bands_option
@zeropoint_option
@formats_option(
    "Format of the catalogue: ecsv, csv, fits, votable, parquet, or ds9 (regions, a file for each "
    "field); may be repeated; by default ecsv and csv.  The annotation formats voc, coco, yolo, "
    "createml, tfrecord and labelme are accepted too."
)
@click.option(
    "--annotations",
    multiple=True,
    metavar="FORMAT",
    help="Also write the boxes as annotations in this format (voc, coco, yolo, createml, csv, "
    "tfrecord, ds9 or labelme); may be repeated.",
)
@overlays_option
@resolve_overlaps_option
@coverage_option
@engine_options
@overwrite_option
def command(
    fields: Iterable[str],
    output: str | Path,
    model: str | None,
    score_threshold: float | None,
    bands: list[str],
    zeropoint: float | dict[str, float] | None,
    formats: tuple[str, ...],
    annotations: tuple[str, ...],
    overlays: bool,
    resolve_overlaps: bool,
    coverage: bool,
    engine: str,
    workers: int | None,
    field_timeout: float | None,
    ray_address: str | None,
    overwrite: bool,
) -> None:
    """Find every galaxy of the fields: the first stage alone.

    FIELDS are as in 'galpipe run'.  Writes the catalogue without classes of galaxies, overlays/,
    run.json and, with --annotations, annotations/ to OUT.  The same command goes on with a run that
    was interrupted.
    """
    from ..detect import detect
    from ..summary import finish_run

    result = detect(
        fields,
        output,
        model=model,
        score_threshold=score_threshold,
        bands=bands,
        zeropoint=zeropoint,
        formats=formats,
        annotations=annotations,
        overlays=overlays,
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
