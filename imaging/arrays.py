"""Fields from arrays in memory."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .field import Field, check_size, check_usable
from .picture_scale import scaled_pixels

__all__ = ["field_of_array", "pixels_checksum"]


def field_of_array(array: NDArray[Any], identifier: str) -> Field:
    """Return an array as a field.

    Parameters
    ----------
    array : ndarray
        As in `~galpipe.imaging.read_field`.
    identifier : str
        Name of the field.

    Raises
    ------
    InputError
        If the array is no field.
    """
    name = f"an array of {array.dtype} and shape {array.shape}"
    planes = array[..., np.newaxis] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3) or array.dtype.kind not in "iuf":
        raise InputError(
            f"{name} is no field. Give numbers of shape (height, width) or (height, width, 3)."
        )
    check_size(name, planes.shape[1], planes.shape[0], bands=planes.shape[2])
    masked = np.ma.getmaskarray(planes).any(axis=2)
    native = planes.dtype.newbyteorder("=")
    picture = native in (np.uint8, np.uint16)
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, thus bad
        pixels = np.array(np.ma.getdata(planes), dtype=native if picture else np.float32, order="C")
    bad = masked | ~np.isfinite(pixels).all(axis=2)
    check_usable(name, bad)
    pixels, notes = scaled_pixels(pixels, bad) if native == np.uint16 else (pixels, ())
    pixels = np.where(bad[..., np.newaxis], pixels.dtype.type(0), pixels)
    return Field(
        pixels,
        identifier,
        (),
        pixels_checksum(pixels, bad),
        bad,
        origin="upper" if picture else "lower",
        linear=pixels.dtype == np.float32,
        notes=notes,
    )


def pixels_checksum(pixels: NDArray[Any], bad: NDArray[np.bool_]) -> str:
    """Return the checksum of a field from memory.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        Its pixels.
    bad : ndarray of bool, shape (H, W)
        Its bad pixels.
    """
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(pixels.tobytes())
    digest.update(bad.tobytes())
    return digest.hexdigest()
