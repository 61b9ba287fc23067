"""``galpipe annotations propose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import examples, fields_argument

if TYPE_CHECKING:
    from ...propose import ProposeResult

__all__ = ["command"]


@click.command(
    "propose",
    epilog=examples(
        "galpipe annotations propose images/",
        "galpipe annotations propose frames/ -o boxes/ --detector ssd_mobilenet",
    ),
)
@fields_argument
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the annotations; by default each lies beside its image.",
)
@click.option(
    "--detector",
    metavar="MODEL",
    help="A trained detector, by the name of a shipped model or a path, in place of classical "
    "detection.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Level of the boxes above the sky in units of its noise, for classical detection; by "
    "default 4.",
)
@click.option(
    "--smallest",
    type=click.FloatRange(0, 1e5),
    help="Least length of a box in pixels; by default 16.",
)
@click.option("--class-name", metavar="NAME", help="Class of the boxes; by default galaxy.")
@click.option("--overwrite", is_flag=True, help="Replace annotations, also corrected ones.")
def command(
    fields: tuple[str, ...],
    output: Path | None,
    detector: str | None,
    threshold: float | None,
    smallest: float | None,
    class_name: str | None,
    overwrite: bool,
) -> None:
    """Propose boxes of galaxies for a person to correct in labelImg.

    FIELDS are as for 'galpipe run'.  Each gets a Pascal VOC file; where there is one already, it is
    left as it is.  What may be a galaxy or a star is marked difficult.
    """
    if detector is not None:
        for given, name in ((threshold, "--threshold"), (class_name, "--class-name")):
            if given is not None:
                raise click.UsageError(f"{name} belongs to classical detection, not to --detector.")
    from ....annotations.propose import SMALLEST, THRESHOLD
    from ...propose import propose

    result = propose(
        fields,
        output,
        detector=detector,
        threshold=THRESHOLD if threshold is None else threshold,
        smallest=SMALLEST if smallest is None else smallest,
        label=class_name or "galaxy",
        overwrite=overwrite,
        progress=True,
    )
    _say(result)


def _say(result: ProposeResult) -> None:
    """Print what was done and what failed, and leave with exit code 1 if anything did."""
    from rich.text import Text

    from ....console import STDERR, STDOUT

    STDOUT.print(
        f"{_count(result.objects, 'box', 'boxes')}, {result.difficult} of them difficult, in "
        f"{_count(len(result.written), 'new annotation', 'new annotations')}"
    )
    if result.kept:
        STDERR.print(
            Text(
                f"{_count(len(result.kept), 'annotation', 'annotations')} there already, kept; "
                "--overwrite replaces",
                style="yellow",
            ),
            soft_wrap=True,
        )
    if result.failures:
        failed = _count(len(result.failures), "field", "fields")
        STDERR.print(Text(f"{failed} failed:", style="red"))
        for failure in result.failures:
            STDERR.print(Text(f"  {failure.message}"), soft_wrap=True)
        click.get_current_context().exit(1)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
