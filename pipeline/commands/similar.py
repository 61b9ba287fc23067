"""``galpipe similar``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import count_option, embedding_argument, examples, output_option, overwrite_option

__all__ = ["command"]


@click.command(
    "similar",
    epilog=examples(
        "galpipe similar features.parquet --to 587722952767439450 -o like_it",
        "galpipe similar features.parquet --to mine.jpg -o like_it",
    ),
)
@embedding_argument
@click.option(
    "--to",
    required=True,
    metavar="ID|IMAGE",
    help="Identifier of a galaxy of the embedding, or an image with a galaxy at the centre.",
)
@output_option
@count_option
@overwrite_option
def command(embedding: Path, to: str, output: Path, count: int, overwrite: bool) -> None:
    """Find galaxies that look like another one.

    EMBEDDING is the file of 'galpipe embed'.  Writes report.html with a contact sheet, and all
    galaxies by their similarity to ranking.csv, to OUT.
    """
    from ...exploration.similar import find_similar
    from ..summary import print_report

    result = find_similar(embedding, to, output, count=count, overwrite=overwrite)
    print_report(f"{len(result.order)} galaxies by their similarity to {to}", result.output)
