"""A simulated field as a FITS file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..files.atomic import atomic_path
from .bands import BANDS, PIXEL_SCALE, SKY_NOISE, ZERO_POINT
from .psf import FWHM
from .truth import SimulatedField

__all__ = ["write_frame"]

# Steps per standard deviation of the noise. Two steps add 1 % to the noise (1 / sqrt(12) of a step,
# in quadrature), and leave about three bits a pixel.
_QUANTISED = 2
_DITHER_SEED = 1


def write_frame(path: str | Path, simulated: SimulatedField, *, compress: bool = False) -> Path:
    """Write the field as a float32 cube of three planes with its WCS.

    Parameters
    ----------
    path : str or Path
        Where to; ``.fits``, or ``.fits.fz`` with `compress`.
    simulated : SimulatedField
        The field; planes are written in its band order i, r, g.
    compress : bool
        Quantise to half the noise with subtractive dithering and pack by Rice's method (White et
        al. 2012), which leaves about an eighth of the size.

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

    goal = Path(path)
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
    with atomic_path(goal) as beside:
        file.writeto(beside, overwrite=True)
    return goal


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
