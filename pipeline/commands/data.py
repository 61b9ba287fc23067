"""``galpipe data``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_option, required_output

__all__ = ["command"]


@click.group("data")
def command() -> None:
    """Download published data sets, and look at the data of a training."""


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


@command.command("show", epilog=examples("galpipe data show mine.yaml -o data_shown"))
@click.argument("config")
@required_output("Folder for report.html and its pictures.", "DIR")
@overwrite_option
def show(config: str, output: Path, overwrite: bool) -> None:
    """Show the data of a training, before it is trained.

    CONFIG is the configuration of `galpipe train`.  The page shows the classes and sizes, crops or
    tiles as the network gets them, augmented views, what is held out, and near-duplicates.
    """
    from ...configs import ClassifierTraining, DetectorTraining, load_config, preset
    from ...evaluation.data_report import show_data
    from ...files.safe_readers import read_yaml

    content = read_yaml(preset(config))
    settings: ClassifierTraining | DetectorTraining
    if isinstance(content, dict) and "members" in content:
        settings = load_config(config, ClassifierTraining)
    else:
        settings = load_config(config, DetectorTraining)
    page = show_data(settings, output, overwrite=overwrite, progress=True)
    click.echo(f"page: {page}")
