"""``galpipe match``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_option

__all__ = ["command"]


@click.command(
    "match",
    epilog=examples(
        "galpipe match result/catalogue.ecsv reference.fits",
        "galpipe match result/catalogue.ecsv gaia.csv --radius 1 --ra RA_ICRS --dec DE_ICRS -o out",
    ),
)
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@click.option(
    "--radius",
    default=2.0,
    show_default=True,
    metavar="ARCSEC",
    type=click.FloatRange(0, min_open=True),
    help="Largest separation of two sources, arcsec.",
)
@click.option("--ra", metavar="NAME", help="Column of OTHER with the right ascension.")
@click.option("--dec", metavar="NAME", help="Column of OTHER with the declination.")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Folder for matched.ecsv, matched.csv and metrics.json; new, or empty.",
)
@overwrite_option
def command(
    catalogue: Path,
    other: Path,
    radius: float,
    ra: str | None,
    dec: str | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Compare a catalogue with a reference catalogue.

    CATALOGUE is that of a run; OTHER is a table in FITS, VOTable, ECSV, CSV or Parquet with
    positions in degrees.  Two sources match if each is the nearest to the other, within the radius.
    Completeness is the matched share of OTHER within the fields of the run, purity the matched
    share of CATALOGUE; offsets are CATALOGUE minus OTHER.
    """
    from ...console import STDERR
    from ..match import MATCHED_TABLE, match
    from ..summary import print_metrics

    found = match(
        catalogue, other, radius=radius, ra=ra, dec=dec, output=output, overwrite=overwrite
    )
    for note in found.notes:
        STDERR.print(f"note: {note}", markup=False, soft_wrap=True)
    print_metrics("Match", found.metrics)
    if found.output is not None:
        click.echo(f"matched: {found.output / MATCHED_TABLE}")
