"""Read the NDData of astropy: an image in memory with its mask and world coordinates."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from .fits import FitsField, read_hdus
from .sky import quiet_astropy, separation

__all__ = ["read_nddata"]

_SAME_SKY = 0.01  # arcsec
_NOT_WRITABLE = (
    "its WCS was ignored, so there are no sky coordinates: a FITS header cannot hold it. Give the "
    "file of the image"
)


def read_nddata(data: Any) -> FitsField:
    """Return the image of an NDData: its planes, mask and world coordinates.

    Parameters
    ----------
    data : NDData of astropy
        Of shape (H, W) or (3, H, W).

    Raises
    ------
    InputError
        If it holds no numbers or is no image.
    """
    from astropy.io.fits import ImageHDU

    header, tables = None, []
    if hasattr(data.wcs, "to_fits"):
        with suppress(Exception), quiet_astropy():  # astropy cannot write all that it reads
            main, *tables = data.wcs.to_fits(relax=True)
            header = main.header
    values = np.asarray(data.data)
    if values.dtype.kind not in "iuf":
        raise InputError(f"The NDData holds pixels of the type {values.dtype}; give real numbers.")
    if data.mask is not None:
        values = np.where(np.asarray(data.mask), np.nan, values)
    read = read_hdus([ImageHDU(values, header), *tables])
    image = read.images[0]
    lost = data.wcs is not None and header is None
    if image.wcs is not None and data.wcs.pixel_n_dim == 2:
        lost = not separation(image.wcs, data.wcs, *image.bad.shape) < _SAME_SKY
    if lost:
        notes = (*image.notes, _NOT_WRITABLE)
        read = replace(read, images=(replace(image, wcs=None, notes=notes), *read.images[1:]))
    return read
