"""Simulated fields as files: FITS, PNG, boxes and a table of the truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..annotations import write_voc
from ..files.atomic import atomic_path, write_png
from ..imaging import to_rgb
from ..progress import Progress, track
from .frame import write_frame
from .output import TRUTH_NAME, claim
from .simulate import simulate_field
from .truth import SimulatedField, truth_table

__all__ = ["simulate", "write_field"]


def simulate(
    output: str | Path,
    *,
    fields: int = 1,
    width: int = 1024,
    height: int = 1024,
    galaxies: int | None = None,
    stars: int | None = None,
    seed: int = 1,
    compress: bool = False,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> pd.DataFrame:
    """Render fields into a folder.

    Written are ``fits/NAME.fits`` (cube of i, r, g with a WCS), ``images/NAME.png`` (the same rows
    stretched to colour), ``annotations/NAME.xml`` (Pascal VOC, class ``galaxy``) and, at the end,
    ``truth.csv`` with one row per galaxy (`truth_table`). All share one pixel grid, in which row 0
    of the array is the first row of each file; so one box fits all of them, and the PNG shows the
    sky upside down, as a FITS array does when its first row is drawn at the top.

    The demonstration field of the package is made by
    ``galpipe simulate -o demo --galaxies 20 --seed 1134 --compress``, and is the file
    ``demo/fits/simulated_0001.fits.fz`` renamed.

    Parameters
    ----------
    output : str or Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    fields : int
        How many.
    width, height, galaxies, stars, seed
        As for `simulate_field`.
    compress : bool
        Pack the FITS files, see `write_frame`.
    overwrite : bool
        Whether an earlier simulation may be replaced.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    DataFrame
        The truth, as written.

    Raises
    ------
    OutputError
        If the folder holds something else, or cannot be written.
    """
    folder = Path(output)
    claim(folder, overwrite=overwrite)
    tables = []
    for index in track(range(fields), "rendering", progress):
        one = simulate_field(
            seed, width=width, height=height, galaxies=galaxies, stars=stars, index=index
        )
        write_field(folder, one, compress=compress)
        tables.append(truth_table(one))
    table = pd.concat(tables, ignore_index=True)
    with atomic_path(folder / TRUTH_NAME) as beside:
        table.to_csv(beside, index=False, lineterminator="\n")
    return table


def write_field(folder: str | Path, one: SimulatedField, *, compress: bool = False) -> None:
    """Write the FITS file, the picture and the boxes of one field into a folder."""
    home, name = Path(folder), one.field.identifier
    write_frame(home / "fits" / f"{name}.fits{'.fz' if compress else ''}", one, compress=compress)
    write_png(home / "images" / f"{name}.png", to_rgb(one.field))
    write_voc(home / "annotations" / f"{name}.xml", one.annotated)
