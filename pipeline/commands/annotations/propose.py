"""``galpipe annotations propose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import examples, fields_argument
from .options import number_of

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
    help="Folder of the annotations; by default those of the images.",
)
@click.option(
    "--detector",
    metavar="MODEL",
    help="Trained detector, the name of a shipped model or a path, instead of classical detection.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Level of the isophotes in units of the noise of the sky, for classical detection; by "
    "default 4.",
)
@click.option(
    "--smallest",
    type=click.FloatRange(0, 1e5),
    help="Minimum longer side of a box in pixels; by default 16.",
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
    """Propose boxes of galaxies for a person to correct.

    FIELDS are as for 'galpipe run'.  A Pascal VOC file is written for each; existing ones are kept.
    Doubtful boxes are marked difficult.
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
    _report(result)


def _report(result: ProposeResult) -> None:
    """Print the counts and failures; exit with code 1 after a failure."""
    from rich.text import Text

    from ....console import STDERR, STDOUT

    STDOUT.print(
        f"{number_of(result.objects, 'box')}, {result.difficult} of them difficult, in "
        f"{number_of(len(result.written), 'new annotation')}"
    )
    if result.kept:
        STDERR.print(
            Text(
                f"{number_of(len(result.kept), 'annotation')} there already, kept; "
                "--overwrite replaces",
                style="yellow",
            ),
            soft_wrap=True,
        )
    if result.failures:
        failed = number_of(len(result.failures), "field")
        STDERR.print(Text(f"{failed} failed:", style="red"))
        for failure in result.failures:
            STDERR.print(Text(f"  {failure.message}"), soft_wrap=True)
        click.get_current_context().exit(1)
