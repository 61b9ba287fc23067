"""``galpipe data``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, required_output

__all__ = ["command"]


@click.group("data")
def command() -> None:
    """Download published data sets for training."""


@command.command("fetch", epilog=examples("galpipe data fetch galaxy10-decals -o data"))
@click.argument("name", type=click.Choice(["galaxy10-decals", "galaxy10-sdss"]))
@required_output("Folder for the file.", "DIR")
def fetch(name: str, output: Path) -> None:
    """Download a data set and verify its checksum.

    galaxy10-decals: 17,736 images of 256 x 256 pixels of the DESI Legacy Imaging Surveys, 2.5 GB;
    galaxy10-sdss: 21,785 images of 69 x 69 pixels of SDSS, 0.2 GB (H. Leung and J. Bovy).  An
    interrupted download is resumed.  To train a classifier on the file, set
    `kind: galaxy10_decals` or `kind: galaxy10_sdss` in the configuration.
    """
    from ...datasets.download import fetch_galaxy10

    click.echo(fetch_galaxy10(name.replace("-", "_"), output, progress=True))
