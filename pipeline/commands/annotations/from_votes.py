"""``galpipe annotations from-votes``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import examples, required_output

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from ....datasets.votes.from_votes import VoteLabels

__all__ = ["command"]

# Not imported from the package, which would slow down the help; a test compares them.
_TARGETS = ("galaxy10-decals", "galaxy10-sdss", "soft", "kaggle", "kaggle-argmax")


@click.command(
    "from-votes",
    epilog=examples(
        "galpipe annotations from-votes gz2_hart16.csv.gz -o labels.csv --to galaxy10-decals",
        "galpipe annotations from-votes training_solutions_rev1.csv -o soft.csv --to soft "
        "--images images_training_rev1.zip",
    ),
)
@click.argument("table", metavar="TABLE", type=click.Path(path_type=Path))
@required_output("Table to write.", "LABELS.csv")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(_TARGETS),
    help="Classes (one, or several A|B that the votes leave open); the probability of each class "
    "of Galaxy10 DECaLS; the 37 columns of the Kaggle Galaxy Challenge, or the largest of them.",
)
@click.option(
    "--images",
    metavar="DIR|ZIP",
    type=click.Path(path_type=Path),
    help="Folder or ZIP archive of images: keep only galaxies with an image, under its name.",
)
@click.option("--overwrite", is_flag=True, help="Replace LABELS.csv.")
def command(table: Path, output: Path, target: str, images: Path | None, overwrite: bool) -> None:
    """Convert Galaxy Zoo votes into labels.

    TABLE is CSV, FITS, ECSV, VOTable or Parquet with the columns of Galaxy Zoo 2 (Willett 2013,
    Hart 2016), of the Kaggle Galaxy Challenge (Class1.1 to Class11.6) or of Galaxy Zoo DECaLS
    (Walmsley 2022), detected by the columns.  LABELS.csv can be used to train a classifier.
    Galaxies with undecided votes are left out.
    """
    from ....console import STDERR, STDOUT
    from ....datasets.votes.from_votes import convert_votes

    result = convert_votes(table, output, target, images=images, overwrite=overwrite)
    _report(result, table, output)
    if result.class_names:
        STDOUT.print(_counts(result.table, result.class_names))
    if result.failures:
        STDERR.print("Left out:", style="red")
        for failure in result.failures:
            STDERR.print(f"  {failure}", markup=False, soft_wrap=True)
        click.get_current_context().exit(1)


def _report(result: VoteLabels, table: Path, output: Path) -> None:
    from ....console import STDOUT

    lines = [
        f"read: {table} ({result.kind}), {result.galaxies:,} galaxies",
        f"written: {output}, {len(result.table):,} rows",
        f"without an image: {result.without_image:,}" if result.without_image else "",
        f"undecided: {result.undecided:,}",
    ]
    for line in filter(None, lines):
        STDOUT.print(line, markup=False, soft_wrap=True)


def _counts(labels: pd.DataFrame, class_names: Sequence[str]) -> Table:
    """Return the number of galaxies of each class."""
    from rich.table import Table

    if "label" in labels:
        sets = [label.split("|") for label in labels["label"]]
        alone = Counter(names[0] for names in sets if len(names) == 1)
        among = Counter(name for names in sets if len(names) > 1 for name in names)
        table = Table("class", "alone", "one of several")
        for name in class_names:
            table.add_row(name, f"{alone[name]:,}", f"{among[name]:,}")
    else:
        table = Table("class", "sum of probabilities")
        for name in class_names:
            table.add_row(name, f"{labels[name].sum():,.1f}")
    for column in table.columns[1:]:
        column.justify = "right"
    return table
