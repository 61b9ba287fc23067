"""The binary or text table of a FITS file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..safe_readers import read_bytes
from .columns import Columns

__all__ = ["fits_column_names", "read_fits_columns"]

MAX_BYTES = 2**30
"""A survey's catalogue of a million galaxies with a hundred columns has 0.4 GB."""

# SExtractor's FITS_LDAC puts the header of the image, as a table, before the objects.
_IMAGE_HEADER = "LDAC_IMHEAD"


def fits_column_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns; none if the file holds images alone.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with path.open("rb") as stream, _tables(path, stream) as tables:
        return tuple(column.name for column in _named(tables[0])) if tables else ()


def read_fits_columns(path: Path) -> Columns:
    """Read the table; columns that hold more than one value a row are left out.

    Raises
    ------
    InputError
        If the file is damaged, too large, or holds no table or several.
    """
    content = read_bytes(path, MAX_BYTES)
    with _tables(path, io.BytesIO(content)) as tables:
        if len(tables) != 1:
            raise InputError(
                f"{path} holds {len(tables) or 'no'} table{'s' if tables else ''}. Give one table "
                "a file."
            )
        (table,) = tables
        if table.header["NAXIS1"] * table.header["NAXIS2"] > len(content):
            raise InputError(f"{path} is shorter than the table that it declares: copy it again.")
        single = [
            column
            for column in _named(table)
            if table.data.dtype[column.name].shape == () and column.format[:1] not in "PQ"
        ]
        values = {column.name: _values(table, column) for column in single}
    units = {column.name: str(column.unit or "") for column in single}
    kept = {name: array for name, array in values.items() if array.dtype.kind in "iufU"}
    return Columns(path, kept, units)


@contextmanager
def _tables(path: Path, stream: BinaryIO) -> Iterator[list[Any]]:
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            # astropy tells of every departure from the standard, and reads on.
            warnings.simplefilter("ignore")
            with fits.open(stream, memmap=False, mode="readonly") as hdus:
                yield [
                    hdu
                    for hdu in hdus
                    if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
                    and hdu.name != _IMAGE_HEADER
                    and not hdu.header.get("ZIMAGE")
                ]
    except InputError:
        raise
    except Exception as error:
        # A damaged file reaches astropy's readers at any point, with any exception.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise InputError(
            f"{path} could not be read as a FITS table ({reason}): it is damaged or truncated. "
            "Copy or write it again."
        ) from error


def _named(table: Any) -> list[Any]:
    return [column for column in table.columns if isinstance(column.name, str)]


def _values(table: Any, column: Any) -> NDArray[Any]:
    values = np.asarray(table.data.field(column.name))
    if values.dtype.kind == "S":
        # FITS knows no text but ASCII, yet UTF-8 passes through it unharmed.
        return np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind in "iu" and column.null is not None:
        return np.where(values == column.null, np.nan, values)
    return values
