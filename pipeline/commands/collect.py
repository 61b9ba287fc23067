"""``galpipe collect``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import (
    coverage_option,
    examples,
    overwrite_option,
    paths_or_addresses,
    resolve_overlaps_option,
)

__all__ = ["command"]


@click.command(
    "collect",
    epilog=examples(
        "galpipe collect result",
        "galpipe collect result --resolve-overlaps",
        "galpipe collect part-*/ -o whole",
    ),
)
@click.argument("runs", metavar="OUT...", nargs=-1, required=True, callback=paths_or_addresses)
@click.option(
    "-o",
    "--output",
    metavar="WHOLE",
    callback=paths_or_addresses,
    help="Folder to write for the whole of several runs; new, empty, or an earlier whole.",
)
@resolve_overlaps_option
@coverage_option
@overwrite_option
def command(
    runs: tuple[str | Path, ...],
    output: str | Path | None,
    resolve_overlaps: bool,
    coverage: bool,
    overwrite: bool,
) -> None:
    """Write the catalogue of what is done of a run, also while it goes on.

    OUT is the output folder of 'galpipe run' or 'galpipe detect', which write the catalogue
    themselves when they end or are interrupted.  Several runs of the same settings over different
    fields are joined in a folder of their own, with -o.
    """
    if output is None and len(runs) > 1:
        raise click.UsageError("Several runs are joined in a folder of their own; name it with -o.")
    from ..collect import collect
    from ..join_runs import join_runs
    from ..summary import finish_run

    folder = runs[0] if output is None else join_runs(runs, output, overwrite=overwrite)
    finish_run(collect(folder, resolve_overlaps=resolve_overlaps, coverage=coverage))
