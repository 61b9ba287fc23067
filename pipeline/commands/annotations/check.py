"""``galpipe annotations check``."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import examples
from .options import class_list, format_settings, number_of, print_notes, source_options

if TYPE_CHECKING:
    from rich.table import Table

    from ....annotations.check import CheckResult

__all__ = ["command"]

_EXAMPLES = 3


@click.command(
    "check",
    epilog=examples(
        "galpipe annotations check labels/ --images fields/ --report issues.csv",
        "galpipe annotations check coco.json --fix repaired.json",
    ),
)
@source_options
@click.option(
    "--classes",
    type=click.Path(path_type=Path),
    help="Label map (.pbtxt, .txt): an object of another class is an issue.",
)
@click.option(
    "--smallest",
    metavar="N",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Report boxes with a shorter side below N pixels.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write every issue and repair to a .json or .csv file.",
)
@click.option(
    "--fix",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write a repaired copy, in the format of IN (or Pascal VOC if that is read-only): edges "
    "reordered, boxes clipped, empty and identical ones dropped, sizes taken from the images.",
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
    """Check annotations for issues.

    Issues are boxes outside the image, inverted, empty, small or drawn twice; images that are
    missing, unreadable, of another size or annotated twice; unknown classes; and annotations that
    cannot be read.  The exit code is 1 if there is any.  Annotated images without objects, from
    which a detector learns, are counted, and images without an annotation are listed.
    """
    from rich.text import Text

    from ....annotations.check import REPORT_SUFFIXES, check, write_check_report
    from ....annotations.source import AnnotationSource
    from ....console import STDOUT

    if report is not None and report.suffix.lower() not in REPORT_SUFFIXES:
        raise click.UsageError(f"--report takes a file named {' or '.join(REPORT_SUFFIXES)}.")
    annotations = AnnotationSource(
        source, from_format, images=images, class_names=class_list(classes), settings=settings
    )
    result = check(annotations, smallest=smallest, fix=fix, overwrite=overwrite)
    print_notes(annotations.notes)
    if result.issues:
        STDOUT.print(_table(result))
    issues, objects = number_of(len(result.issues), "issue"), number_of(result.objects, "object")
    STDOUT.print(f"{issues} in {objects} on {number_of(result.images, 'image')}")
    if result.without_objects:
        STDOUT.print(f"{number_of(result.without_objects, 'image')} without objects")
    if result.not_annotated:
        names = ", ".join(result.not_annotated[:_EXAMPLES])
        more = ", ..." if len(result.not_annotated) > _EXAMPLES else ""
        many = f"{number_of(len(result.not_annotated), 'image')} without an annotation, not used: "
        STDOUT.print(Text(f"{many}{names}{more}"), soft_wrap=True)
    if result.images_folder is None:
        STDOUT.print("The images were not checked: give their folder with --images.")
    if fix is not None:
        done = f"{number_of(len(result.repairs), 'repair')} in the copy: {fix}"
        STDOUT.print(Text(done if result.repaired else "No annotation is left."), soft_wrap=True)
    if report is not None:
        STDOUT.print(Text(f"report: {write_check_report(report, result)}"), soft_wrap=True)
    if result.issues:
        context.exit(1)


def _table(result: CheckResult) -> Table:
    """Return the number of issues of each kind, with the first of them."""
    from rich.table import Table
    from rich.text import Text

    from ....annotations.issues import ISSUES

    table = Table("issue", "count", "first")
    table.columns[1].justify = "right"
    for kind, count in result.counts.items():
        lines = []
        for issue in islice((i for i in result.issues if i.kind == kind), _EXAMPLES):
            place = f"{issue.image or issue.file}" + (f" #{issue.object}" if issue.object else "")
            lines.append(f"{place} {issue.message}".strip())
        table.add_row(ISSUES[kind], f"{count:,}", Text("\n".join(lines)))
    return table
