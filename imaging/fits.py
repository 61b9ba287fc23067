"""Read a FITS image: pixels, bad pixels and world coordinates."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.file_types import Kind
from .bands import read_band
from .field import MAX_BYTES, Band, check_size
from .sky import celestial_wcs, pixel_scale

__all__ = ["FITS_SUFFIXES", "FitsImage", "read_fits", "read_hdus"]

FITS_SUFFIXES = tuple(
    stem + packing for stem in (".fits", ".fit", ".fts") for packing in ("", ".gz", ".bz2", ".fz")
)

_BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class FitsImage:
    """Image of a FITS file.

    Attributes
    ----------
    pixels : ndarray of float32, shape (H, W, C)
        C = 1 or 3; bad pixels are 0.
    bad : ndarray of bool, shape (H, W)
        True where a band is NaN, infinite or blank.
    wcs : astropy.wcs.WCS or None
        Celestial, two axes.
    notes : tuple of str
        Notes for the user on the reading.
    bands : tuple of Band
        One per channel.
    """

    pixels: NDArray[np.float32]
    bad: NDArray[np.bool_]
    wcs: Any | None
    notes: tuple[str, ...]
    bands: tuple[Band, ...] = ()


def read_fits(path: Path, kind: Kind) -> FitsImage:
    """Read the first image of a FITS file that has data.

    Parameters
    ----------
    path : Path
        The file: plain, gzip, bzip2 or tile-compressed.
    kind : {"fits", "gzip", "bzip2"}
        Type of the file, by its first bytes.

    Raises
    ------
    InputError
        If the file is not FITS, is damaged, or holds no image of one or three bands.
    """
    from astropy.io import fits

    def hdus() -> Iterator[Any]:
        with fits.open(stream, memmap=False, lazy_load_hdus=True, mode="readonly") as file:
            yield from file

    with closing(_uncompressed(path, kind)) as stream:
        return read_hdus(hdus(), str(path))


def read_hdus(hdus: Iterable[Any], name: str = "the HDU") -> FitsImage:
    """Read the first image with data among FITS HDUs.

    Parameters
    ----------
    hdus : iterable of HDUs
        As ``astropy.io.fits`` opens them.
    name : str
        File or description, for messages.

    Raises
    ------
    InputError
        If the HDUs cannot be read, or hold no image of one or three bands.
    """
    # Violations of the standard that matter are checked below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header, planes = _first_image(name, hdus)
        except InputError:
            raise
        except MemoryError as error:
            raise InputError(
                f"{name} does not fit into memory. Cut it into smaller fields."
            ) from error
        except Exception as error:
            # astropy may raise any exception on a damaged file
            raise InputError(
                f"{name} could not be read as FITS ({_first_line(error)}). The file is damaged or "
                "truncated: copy or download it again."
            ) from error
        wcs, notes = celestial_wcs(header, planes.shape[1], planes.shape[2])
        area = None if wcs is None else np.deg2rad(pixel_scale(wcs) / 3600) ** 2
        bands = (read_band([header], pixel_area=area),) * len(planes)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = np.ascontiguousarray(np.moveaxis(planes, 0, 2), dtype=np.float32)
    finite: NDArray[np.bool_] = np.all(np.isfinite(pixels), axis=2)
    if not finite.any():
        raise InputError(
            f"{name} holds no finite pixel: all are NaN, infinite or blank. Give an image with "
            "data."
        )
    if not finite.all():
        # Copied, as the pixels may belong to an HDU of the caller.
        pixels = np.where(finite[..., np.newaxis], pixels, np.float32(0))
    return FitsImage(pixels, ~finite, wcs, notes, bands)


def _uncompressed(path: Path, kind: Kind) -> BinaryIO:
    if kind == "fits":
        return path.open("rb")
    opener = gzip.open if kind == "gzip" else bz2.open
    whole = io.BytesIO()
    try:
        with cast(BinaryIO, opener(path, "rb")) as packed:
            while block := packed.read(_BLOCK):
                whole.write(block)
                if whole.tell() > MAX_BYTES:
                    raise InputError(
                        f"{path} unpacks to more than {MAX_BYTES / 2**30:.0f} GB. Cut it into "
                        "smaller fields."
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} could not be unpacked ({_first_line(error)}). Copy or download it again."
        ) from error
    whole.seek(0)
    if whole.getbuffer()[:6].tobytes() != b"SIMPLE":
        raise InputError(f"{path} is a packed file, but not of a FITS image.")
    return whole


def _first_image(name: str, hdus: Iterable[Any]) -> tuple[Any, NDArray[Any]]:
    for hdu in hdus:
        header = hdu.header
        axes = [int(header.get(f"NAXIS{axis + 1}", 0)) for axis in range(header.get("NAXIS", 0))]
        if not hdu.is_image or len(axes) < 2 or min(axes) < 1:
            continue
        width, height, *rest = axes
        planes = [length for length in rest if length != 1]
        if planes not in ([], [3]):
            raise InputError(
                f"{name} holds an image of shape {' x '.join(map(str, axes))}. Give one band, a "
                "cube of three planes (red, green, blue), or three files 'r.fits,g.fits,b.fits'."
            )
        check_size(name, width, height)
        data = np.asarray(hdu.data)
        if data.dtype.kind not in "iuf":
            raise InputError(f"{name} holds pixels of the type {data.dtype}; give real numbers.")
        # The shape of the data takes precedence over that in the header.
        return header, data.reshape(-1, *data.shape[-2:])
    raise InputError(
        f"{name} is a FITS file without an image. Give one that holds an image; if it should, copy "
        "or download it again."
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
