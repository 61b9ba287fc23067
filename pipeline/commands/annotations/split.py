"""``galpipe annotations split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from ....datasets.split_lists import DatasetSplit

__all__ = ["command"]

_GALAXIES_SHOWN = 10

_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(
    "split",
    epilog=examples(
        "galpipe annotations split boxes/ --images images/ -o division --test 0.2 --validation 0.1",
        "galpipe annotations split coco.json --images images/ -o folds --folds 5 --seed 7",
    ),
)
@source_options
@required_output("Folder for the lists; new, or empty.")
@click.option("--test", type=_SHARE, help="Share of the images for the test. [default: 0.2]")
@click.option("--validation", type=_SHARE, help="Share for the validation. [default: 0.1]")
@click.option(
    "--folds", type=click.IntRange(2), help="Number of folds for cross-validation, instead of both."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random order of galaxies.")
@click.option(
    "--identifiers",
    metavar="CSV",
    type=click.Path(path_type=Path),
    help="Table 'filename,identifier' or 'filename,ra,dec' (degrees) or both, of the objects.",
)
@click.option(
    "--radius",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Maximum separation of positions of the same galaxy, in arcseconds.",
)
@click.option(
    "--no-near-duplicates", "--no-twins", is_flag=True, help="Do not compare the pixels of images."
)
@classes_option
@format_settings
@click.option("--overwrite", is_flag=True, help="Replace an earlier split in OUT.")
def command(
    source: Path,
    from_format: str | None,
    images: Path | None,
    output: Path,
    test: float | None,
    validation: float | None,
    folds: int | None,
    seed: int,
    identifiers: Path | None,
    radius: float,
    no_near_duplicates: bool,
    classes: Path | None,
    overwrite: bool,
    settings: dict[str, Any],
) -> None:
    """Split annotated images into sets by galaxy.

    OUT receives train.txt, validation.txt and test.txt (or fold0/train.txt, fold0/test.txt, ...)
    with the name of an image in each line, and split.json, the record.  No image is copied.  The
    split depends on the seed, but not on the order of the files.

    Images of one galaxy stay together: those with the same identifier (by default the file's name
    without its extension), near-duplicates (also cropped, darker, noisier or from another survey,
    but not rotated), those at the same position of the table, and FITS fields whose WCS overlap.
    These relations are transitive: a chain of overlapping fields becomes one galaxy.

    The split is stratified by class and by number of objects (0, 1, 2 to 3, 4 to 7, ...); an image
    counts for the rarest class on it, and difficult objects do not count.

    Comparing the pixels takes 15 kB of memory per image, and a time that grows with the square of
    their number: about an hour for 100,000.  --no-near-duplicates skips it.
    """
    from ....annotations.source import AnnotationSource
    from ....console import STDERR
    from ....datasets.split_lists import SplitSettings, write_split

    if folds is not None and (test is not None or validation is not None):
        raise click.UsageError("--folds cannot be combined with --test and --validation.")
    test, validation = (0.2 if test is None else test), (0.1 if validation is None else validation)
    if test + validation >= 1:
        raise click.UsageError("--test and --validation leave nothing to train on.")
    annotations = AnnotationSource(
        source, from_format, images=images, class_names=class_list(classes), settings=settings
    )
    with STDERR.status("Searching galaxies with several images"):
        split = write_split(
            annotations,
            output,
            SplitSettings(
                test=test,
                validation=validation,
                folds=folds,
                seed=seed,
                identifiers=identifiers,
                radius=radius,
                near_duplicates=not no_near_duplicates,
            ),
            overwrite=overwrite,
        )
    _show(split)
    click.echo(output)
    print_notes(annotations.notes)
    name_failures(annotations.failures)


def _show(split: DatasetSplit) -> None:
    """Print the counts of each side and the galaxies that have several images."""
    from rich.table import Table
    from rich.text import Text

    from ....console import STDOUT

    classes = sorted({name for counts in split.sides.values() for name in counts["classes"]})
    table = Table("side")
    for name in ("images", "objects", "difficult", *(classes if len(classes) > 1 else ())):
        table.add_column(Text(name), justify="right")
    for side, counts in split.sides.items():
        cells = [counts["images"], counts["objects"], counts["difficult"]]
        if len(classes) > 1:
            cells += [counts["classes"].get(name, 0) for name in classes]
        table.add_row(side, *(f"{cell:,}" for cell in cells))
    STDOUT.print(table)
    if not split.galaxies:
        STDOUT.print("No galaxy is on two images.")
        return
    STDOUT.print(f"{len(split.galaxies):,} galaxies have several images, kept together:")
    for names in list(split.galaxies.values())[:_GALAXIES_SHOWN]:
        STDOUT.print(Text(f"  {', '.join(names)}"), overflow="ellipsis", no_wrap=True)
    if len(split.galaxies) > _GALAXIES_SHOWN:
        STDOUT.print(f"  ... and {len(split.galaxies) - _GALAXIES_SHOWN:,} more")
