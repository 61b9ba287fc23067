"""``galpipe anomalies``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import (
    count_option,
    embedding_argument,
    examples,
    output_option,
    overwrite_option,
    seed_option,
)

__all__ = ["command"]


@click.command(
    "anomalies",
    epilog=examples(
        "galpipe anomalies features.parquet -o unusual",
        "galpipe anomalies features.parquet -o refined --marks unusual/ranking.csv",
    ),
)
@embedding_argument
@output_option
@click.option(
    "--marks",
    metavar="TABLE",
    type=click.Path(path_type=Path),
    help="Marks of a person, 0 (not interesting) to 5, in the columns id and mark: the ranking.csv "
    "of an earlier ranking with marks filled in.",
)
@count_option
@seed_option
@overwrite_option
def command(
    embedding: Path, output: Path, marks: Path | None, count: int, seed: int, overwrite: bool
) -> None:
    """Rank galaxies by how unusual they look, refined by your marks.

    EMBEDDING is the file of 'galpipe embed'.  An isolation forest finds what is rare, which is
    often an artefact; with marks, a Gaussian process learns what you find interesting.  Writes
    report.html with a contact sheet, and all galaxies to ranking.csv, to OUT.

    Needs further packages: pip install 'galpipe[explore]'.
    """
    from ...exploration.anomalies import rank_anomalies
    from ..summary import print_report

    result = rank_anomalies(
        embedding, output, marks=marks, count=count, seed=seed, overwrite=overwrite
    )
    refined = f", refined by {result.marks} marks" if result.marks else ""
    print_report(f"{len(result.order)} galaxies by how unusual they are{refined}", result.output)
