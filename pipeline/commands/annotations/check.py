"""``galpipe annotations check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import examples
from .settings import format_settings
from .source import source_options
from .wording import number_of

if TYPE_CHECKING:
    from rich.table import Table

    from ....annotations.check import Check

__all__ = ["command"]

_EXAMPLES = 3


@click.command(
    "check",
    epilog=examples(
        "galpipe annotations check labels/ --images fields/ --report faults.csv",
        "galpipe annotations check coco.json --fix mended.json",
    ),
)
@source_options
@click.option(
    "--classes",
    type=click.Path(path_type=Path),
    help="Label map (.pbtxt, .txt): an object of another class is a fault.",
)
@click.option(
    "--smallest",
    metavar="N",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Pixels; a box with a shorter side is a fault.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write every fault and change to a .json or .csv file.",
)
@click.option(
    "--fix",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write a mended copy, in the format of IN (or Pascal VOC where that is only read): boxes "
    "put in order and clipped, empty and equal ones dropped, sizes taken from the images.",
)
@format_settings
@click.option("--overwrite", is_flag=True, help="Replace files of the same names in OUT.")
@click.pass_context
def command(
    context: click.Context,
    source: Path,
    from_format: str | None,
    images: Path | None,
    classes: Path | None,
    smallest: float,
    report: Path | None,
    fix: Path | None,
    overwrite: bool,
    settings: dict[str, Any],
) -> None:
    """Find every fault of annotations.

    Looked for are boxes outside the image, inverted, empty, small or drawn twice; images that are
    missing, unreadable, of another size, without boxes or annotated twice; unknown classes; and
    annotations that cannot be read.  The exit code is 1 if there is any.
    """
    from rich.text import Text

    from ....annotations.check import check
    from ....annotations.check_report import REPORT_SUFFIXES, write_report
    from ....annotations.label_map import read_label_map
    from ....annotations.source import AnnotationSource
    from ....console import STDOUT

    if report is not None and report.suffix.lower() not in REPORT_SUFFIXES:
        raise click.UsageError(f"--report takes a file named {' or '.join(REPORT_SUFFIXES)}.")
    class_names = None if classes is None else read_label_map(classes)
    annotations = AnnotationSource(
        source, from_format, images=images, class_names=class_names, settings=settings
    )
    result = check(annotations, smallest=smallest, fix=fix, overwrite=overwrite)
    if result.faults:
        STDOUT.print(_table(result))
    faults, objects = number_of(len(result.faults), "fault"), number_of(result.objects, "object")
    STDOUT.print(f"{faults} in {objects} on {number_of(result.images, 'image')}")
    if result.images_folder is None:
        STDOUT.print("The images were not looked at: name their folder with --images.")
    if fix is not None:
        done = f"{number_of(len(result.changes), 'change')} in the mended copy: {fix}"
        STDOUT.print(Text(done if result.mended else "Nothing was left to mend."), soft_wrap=True)
    if report is not None:
        STDOUT.print(Text(f"report: {write_report(report, result)}"), soft_wrap=True)
    if result.faults:
        context.exit(1)


def _table(result: Check) -> Table:
    """Return the number of faults of each kind, with the first of them."""
    from rich.table import Table
    from rich.text import Text

    from ....annotations.issues import FAULTS

    table = Table("fault", "count", "first")
    table.columns[1].justify = "right"
    for kind, count in result.counts.items():
        alike = (fault for fault in result.faults if fault.kind == kind)
        first = [fault for fault, _ in zip(alike, range(_EXAMPLES), strict=False)]
        lines = []
        for fault in first:
            place = f"{fault.image or fault.file}" + (f" #{fault.object}" if fault.object else "")
            lines.append(f"{place} {fault.message}".strip())
        table.add_row(FAULTS[kind], f"{count:,}", Text("\n".join(lines)))
    return table
