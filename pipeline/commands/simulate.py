"""``galpipe simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, output_option

__all__ = ["command"]

_SIDE = click.IntRange(64, 16384)


@click.command("simulate", epilog=examples("galpipe simulate -o mock --fields 10 --seed 7"))
@output_option
@click.option("--fields", default=1, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--width", default=1024, show_default=True, type=_SIDE, help="Pixels.")
@click.option("--height", default=1024, show_default=True, type=_SIDE, help="Pixels.")
@click.option(
    "--galaxies",
    type=click.IntRange(0),
    help="Galaxies of 20 to 150 px in each field; by default 12 per million pixels.",
)
@click.option(
    "--stars",
    type=click.IntRange(0),
    help="Stars in each field; by default 70 per million pixels.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="The same seed gives the same files.",
)
@click.option("--compress", is_flag=True, help="Pack the FITS files (.fits.fz).")
@click.option("--overwrite", is_flag=True, help="Replace an earlier simulation in OUT.")
def command(
    output: Path,
    fields: int,
    width: int,
    height: int,
    galaxies: int | None,
    stars: int | None,
    seed: int,
    compress: bool,
    overwrite: bool,
) -> None:
    """Render survey fields with known galaxies.

    OUT receives fits/ (three bands, i, r, g, with a WCS), images/ (PNG), annotations/ (Pascal VOC
    boxes) and truth.csv (place, class and magnitudes of every galaxy that has a box).
    """
    from ...simulation import simulate
    from ..console import STDOUT

    truth = simulate(
        output,
        fields=fields,
        width=width,
        height=height,
        galaxies=galaxies,
        stars=stars,
        seed=seed,
        compress=compress,
        overwrite=overwrite,
        progress=True,
    )
    STDOUT.print(f"{len(truth)} galaxies in {fields} {'field' if fields == 1 else 'fields'}")
    click.echo(output)
