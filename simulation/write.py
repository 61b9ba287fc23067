"""Write simulated fields: FITS files, images, annotations and a table of the truth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from .._version import __version__
from ..annotations import AnnotatedImage, write_annotations
from ..annotations.formats.registry import format_named
from ..annotations.images import ImageFolder
from ..annotations.source import check_writable
from ..files.atomic import atomic_path, write_png
from ..files.output_folder import claim_folder
from ..imaging import to_rgb
from ..progress import Progress, track
from .camera import BANDS, PIXEL_SCALE, SKY_NOISE, ZERO_POINT
from .profiles import FWHM
from .simulate import simulate_field
from .truth import SimulatedField, truth_table

__all__ = ["claim", "simulate", "write_boxes", "write_field", "write_fits", "write_truth"]

_TRUTH = "truth.csv"

# Files of a simulation, which are removed when it is replaced.
_OURS = (
    _TRUTH,
    "fits/simulated_*.fits",
    "fits/simulated_*.fits.fz",
    "images/simulated_*.png",
    "images/frame_*.png",
    "images/cutout_*.jpg",
    "annotations/simulated_*.xml",
    "annotations/frame_*.xml",
    "annotations/simulated_*.reg",
    "annotations/frame_*.reg",
    "annotations/coco.json",
    "annotations/createml.json",
    "annotations/csv.csv",
    "annotations/annotations-*.tfrecord",
    "annotations/label_map.pbtxt",
    "annotations/classes.txt",
    "annotations/data.yaml",
    "annotations/labels/classes.txt",
    "annotations/labels/simulated_*.txt",
    "annotations/labels/frame_*.txt",
)
# Files that identify an earlier simulation.
_MARKS = (
    "images/simulated_*.png",
    "images/frame_*.png",
    "images/cutout_*.jpg",
    "fits/simulated_*.fits*",
    _TRUTH,
)

# Steps per standard deviation of the noise.  Two steps add 1 % to the noise (1 / sqrt(12) of a
# step, in quadrature) and need about three bits per pixel.
_QUANTISED = 2
_DITHER_SEED = 1


def claim(folder: Path, *, overwrite: bool) -> None:
    """Claim an output folder; an earlier simulation is recognised by its files.

    Parameters
    ----------
    folder : Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    overwrite : bool
        Remove an earlier simulation.

    Raises
    ------
    OutputError
        If the folder holds something else, or may not be replaced.
    """

    def status_of(existing: Path) -> Literal["complete"] | None:
        return "complete" if any(any(existing.glob(p)) for p in _MARKS) else None

    claim_folder(folder, status_of, overwrite=overwrite, ours=_OURS)


def write_fits(path: str | Path, simulated: SimulatedField, *, compress: bool = False) -> Path:
    """Write a field as a FITS file: a float32 cube of three planes with its WCS.

    Parameters
    ----------
    path : str or Path
        Ending in ``.fits``, or ``.fits.fz`` with `compress`.
    simulated : SimulatedField
        The field; planes are in the order i, r, g.
    compress : bool
        Quantise to half the noise with subtractive dithering and compress by the Rice algorithm
        (White et al. 2012) to about an eighth of the size.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from astropy.io import fits

    target = Path(path)
    cube = np.ascontiguousarray(np.moveaxis(simulated.field.pixels, 2, 0))
    header = _header(simulated)
    if compress:
        packed = fits.CompImageHDU(
            cube,
            header,
            compression_type="RICE_1",
            tile_shape=(1, 1, cube.shape[2]),
            quantize_level=_QUANTISED,
            quantize_method=1,
            dither_seed=_DITHER_SEED,
        )
        file = fits.HDUList([fits.PrimaryHDU(), packed])
    else:
        file = fits.HDUList([fits.PrimaryHDU(cube, header)])
    with atomic_path(target) as temporary:
        file.writeto(temporary, overwrite=True)
    return target


def _header(simulated: SimulatedField) -> Any:
    from astropy.io import fits

    field = simulated.field
    cards = fits.Header() if field.wcs is None else field.wcs.to_header()
    cards["OBJECT"] = (field.identifier, "simulated field")
    cards["BUNIT"] = ("nanomaggy", f"magnitude {ZERO_POINT} has flux 1")
    cards["PIXSCALE"] = (PIXEL_SCALE, "[arcsec/pixel]")
    cards["PSFFWHM"] = (round(FWHM * PIXEL_SCALE, 4), "[arcsec] Moffat point spread function")
    for plane, (band, noise) in enumerate(zip(BANDS, SKY_NOISE, strict=True), start=1):
        cards[f"BAND{plane}"] = (band, f"band of plane {plane}")
        cards[f"NOISE{plane}"] = (round(float(noise), 6), "[nanomaggy] noise of an empty pixel")
    cards["SIMSEED"] = (simulated.seed, "seed of the simulation")
    cards["SIMINDEX"] = (simulated.index, "number of the field, from 0, of that seed")
    cards["NGALAXY"] = (len(simulated.galaxies), "galaxies that have a box")
    cards["NSTAR"] = (len(simulated.stars), "stars to the faintest")
    cards["ORIGIN"] = f"galpipe {__version__} simulation, no real data"
    return cards


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
    annotation_format: str = "voc",
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> pd.DataFrame:
    """Simulate fields and write them into a folder.

    Writes ``fits/NAME.fits`` (cube of i, r, g with a WCS), ``images/NAME.png`` (the same rows
    stretched to colour) and, at the end, ``annotations/`` (boxes of the class ``galaxy``) and
    ``truth.csv`` with one row per galaxy (`truth_table`). All share one pixel grid: row 0 of
    the array is the first row of each file, so the PNG shows the sky upside down, and the boxes fit
    both.

    The demonstration field of the package is ``demo/fits/simulated_0001.fits.fz`` of
    ``galpipe simulate -o demo --galaxies 20 --seed 1134 --compress``.

    Parameters
    ----------
    output : str or Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    fields : int
        Number of fields.
    width, height : int
        Size of a field, pixels.
    galaxies, stars : int, optional
        Numbers per field, see `simulate_field`.
    seed : int
        The same seed gives the same files.
    compress : bool
        Compress the FITS files, see `write_fits`.
    annotation_format : str
        Name of the format of ``annotations/``.
    overwrite : bool
        Replace an earlier simulation.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to this display.

    Returns
    -------
    DataFrame
        The truth, as written.

    Raises
    ------
    ConfigError
        If the annotation format cannot be written.
    OutputError
        If the folder holds something else, or cannot be written.

    Examples
    --------
    >>> truth = simulate("mock", fields=2, width=512, height=512, seed=7)  # doctest: +SKIP
    """
    folder = Path(output)
    check_writable([annotation_format])
    claim(folder, overwrite=overwrite)
    tables, annotated = [], []
    for index in track(range(fields), "rendering", progress):
        simulated = simulate_field(
            seed, width=width, height=height, galaxies=galaxies, stars=stars, index=index
        )
        write_field(folder, simulated, compress=compress)
        tables.append(truth_table(simulated))
        annotated.append(simulated.annotated)
    write_boxes(folder, annotated, annotation_format)
    return write_truth(folder, pd.concat(tables, ignore_index=True))


def write_truth(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Write the truth of a simulation as ``truth.csv`` and return it.

    Parameters
    ----------
    folder : Path
    table : DataFrame
    """
    with atomic_path(folder / _TRUTH) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    return table


def write_boxes(folder: Path, images: Iterable[AnnotatedImage], form: str) -> None:
    """Write the annotations of a simulation into ``annotations/``.

    Parameters
    ----------
    folder : Path
        Folder of the simulation; its ``images/`` are there already.
    images : iterable of AnnotatedImage
        The boxes.
    form : str
        Name of the annotation format.
    """
    place, suffix = folder / "annotations", format_named(form).suffix
    target = place / f"{form}{suffix}" if suffix else place
    write_annotations(target, images, form, images_of=ImageFolder(folder / "images"))


def write_field(folder: str | Path, simulated: SimulatedField, *, compress: bool = False) -> None:
    """Write the FITS file and the image of one field into a folder.

    Parameters
    ----------
    folder : str or Path
    simulated : SimulatedField
    compress : bool
        Compress the FITS file, see `write_fits`.
    """
    home, name = Path(folder), simulated.field.identifier
    write_fits(
        home / "fits" / f"{name}.fits{'.fz' if compress else ''}", simulated, compress=compress
    )
    write_png(home / "images" / f"{name}.png", to_rgb(simulated.field))
