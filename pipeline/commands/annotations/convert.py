"""``galpipe annotations convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import examples
from .options import (
    class_list,
    classes_option,
    format_settings,
    name_failures,
    number_of,
    print_notes,
    source_options,
)

if TYPE_CHECKING:
    from ....annotations.convert import Conversion
    from ....annotations.image_copies import ImagesAs, PlacedImages

__all__ = ["command"]

_LOST = {
    "empty": "{} without objects",
    "size": "the size of {}",
    "difficult": "'difficult' of {}",
    "truncated": "'truncated' of {}",
    "pose": "the pose of {}",
    "attributes": "attributes of {}",
}
_OF_IMAGES = ("empty", "size")


@click.command(
    "convert",
    epilog=examples(
        "galpipe annotations convert labels/ coco.json --images fields/",
        "galpipe annotations convert _annotations.coco.json yolo/ --to yolo",
        "galpipe annotations convert voc/ train/ --to tfrecord --shards 8 --classes labels.pbtxt",
    ),
)
@source_options
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "to_format",
    metavar="FORMAT",
    help="Format of OUT; by default that of its suffix (.json: coco).",
)
@classes_option
@format_settings
@click.option("--skip-difficult", is_flag=True, help="Leave out difficult objects.")
@click.option("--shards", type=click.IntRange(1), help="Number of TFRecord files.")
@click.option(
    "--images-as",
    type=click.Choice(["link", "copy", "none"]),
    default="link",
    show_default=True,
    help="How the images are placed in a YOLO data set: linked (a second name of the same file), "
    "copied, or not at all.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of the same names in OUT.")
def command(
    source: Path,
    from_format: str | None,
    images: Path | None,
    output: Path,
    to_format: str | None,
    classes: Path | None,
    skip_difficult: bool,
    shards: int | None,
    images_as: ImagesAs,
    overwrite: bool,
    settings: dict[str, Any],
) -> None:
    """Convert annotations from one format to another.

    IN and OUT are files or folders: voc, coco, yolo, createml, csv, tfrecord, ds9 and labelme are
    read and written, results, labelstudio, cvat, vott, dota, via, sextractor and table are read.
    Nothing is lost silently: features that the format of OUT does not support are counted, and
    entries that cannot be read are named and left out.
    """
    from ....annotations.convert import convert, target_format
    from ....annotations.source import AnnotationSource

    annotations = AnnotationSource(
        source,
        from_format,
        images=images,
        class_names=class_list(classes),
        settings=settings,
    )
    form = target_format(output, to_format)
    result = convert(
        annotations,
        output,
        form,
        skip_difficult=skip_difficult,
        settings=settings if shards is None else {**settings, "shards": shards},
        images_as=images_as,
        overwrite=overwrite,
    )
    print_notes(annotations.notes)
    _report(result, source, output)
    name_failures(result.failures)


def _report(result: Conversion, source: Path, output: Path) -> None:
    """Print the counts and the features lost."""
    from rich.text import Text

    from ....console import STDERR, STDOUT

    images, objects = number_of(result.images, "image"), number_of(result.objects, "object")
    STDOUT.print(Text(f"read: {source} ({result.source.title})"), soft_wrap=True)
    STDOUT.print(Text(f"written: {output} ({result.target.title})"), soft_wrap=True)
    STDOUT.print(f"{images} with {objects} of {number_of(len(result.class_names), 'class')}")
    notes = []
    if result.skipped:
        notes.append(f"left out: {number_of(result.skipped, 'difficult object')}")
    if result.lost:
        parts = [
            _LOST[content].format(number_of(count, "image" if content in _OF_IMAGES else "object"))
            for content, count in result.lost.items()
        ]
        notes.append(f"{result.target.title} cannot hold: {', '.join(parts)}")
    if result.empty:
        notes.append(f"left out: {number_of(result.empty, 'empty or inverted box')}")
    if result.invalid:
        boxes = number_of(result.invalid, "box")
        notes.append(
            f"{boxes} inverted, empty or outside the image, unchanged; see: galpipe annotations "
            f"check {source}"
        )
    if result.placed is not None:
        notes += _describe_images(result.placed, output)
    for note in notes:
        STDERR.print(Text(note, style="yellow"), soft_wrap=True)


def _describe_images(placed: PlacedImages, output: Path) -> list[str]:
    """Return notes on images that are not those of IN, or are missing."""
    notes = []
    if placed.drawn:
        notes.append(f"{number_of(placed.drawn, 'FITS image')} drawn as PNG")
    if placed.failures:
        notes.append(
            f"{number_of(len(placed.failures), 'image')} not in {output / 'images'}, where a "
            f"training looks for them. The first: {placed.failures[0]} Or name their folder with "
            "--images."
        )
    return notes
