"""``galpipe collect``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import coverage_option, examples, resolve_overlaps_option

__all__ = ["command"]


@click.command(
    "collect",
    epilog=examples("galpipe collect result", "galpipe collect result --resolve-overlaps"),
)
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@resolve_overlaps_option
@coverage_option
def command(output: Path, resolve_overlaps: bool, coverage: bool) -> None:
    """Write the catalogue of what is done of a run, also while it goes on.

    OUT is the output folder of 'galpipe run' or 'galpipe detect', which write the catalogue
    themselves when they end or are interrupted.
    """
    from ..collect import collect
    from ..summary import finish_run

    finish_run(collect(output, resolve_overlaps=resolve_overlaps, coverage=coverage))
