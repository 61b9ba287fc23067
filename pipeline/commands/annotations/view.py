"""``galpipe annotations view``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import examples, required_output
from .options import (
    class_list,
    classes_option,
    format_settings,
    name_failures,
    print_notes,
    source_options,
)

__all__ = ["command"]

_SUFFIXES = (".png", ".html")


@click.command(
    "view",
    epilog=examples(
        "galpipe annotations view boxes/ --images images/ -o sheet.png --columns 6",
        "galpipe annotations view coco.json --images images/ -o gallery.html --class spiral",
    ),
)
@source_options
@required_output("OUT.png (several pages: OUT-1.png, OUT-2.png ...) or OUT.html.")
@click.option(
    "--class",
    "chosen",
    metavar="NAME",
    multiple=True,
    help="Show only images and boxes of this class; may be repeated.",
)
@click.option(
    "--columns",
    "across",
    type=click.IntRange(1, 30),
    help="Pictures side by side, 1,800 pixels together; by default 2 to 6, by their size.",
)
@click.option(
    "--rows",
    type=click.IntRange(1, 100),
    help="Rows of pictures on a PNG page; by default as many as columns.",
)
@classes_option
@format_settings
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def command(
    source: Path,
    from_format: str | None,
    images: Path | None,
    output: Path,
    chosen: tuple[str, ...],
    across: int | None,
    rows: int | None,
    classes: Path | None,
    overwrite: bool,
    settings: dict[str, Any],
) -> None:
    """Draw annotated images with their boxes, many on a page.

    Boxes have the colour of their class, difficult ones are dashed.  FITS fields are
    stretched and have their first row at the bottom.  The web page is self-contained and can hide
    classes.
    """
    from rich.text import Text

    from ....annotations.source import AnnotationSource
    from ....annotations.view import view
    from ....console import STDOUT

    if output.suffix.lower() not in _SUFFIXES:
        raise click.UsageError(f"OUT must end in {' or '.join(_SUFFIXES)}.")
    annotations = AnnotationSource(
        source, from_format, images=images, class_names=class_list(classes), settings=settings
    )
    written = view(
        annotations,
        output,
        class_names=chosen,
        columns=across,
        rows=rows,
        overwrite=overwrite,
        progress=True,
    )
    for path in written:
        STDOUT.print(Text(str(path)), soft_wrap=True)
    print_notes(annotations.notes)
    name_failures(annotations.failures)
