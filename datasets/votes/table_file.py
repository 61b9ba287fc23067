"""Read single columns of large tables that strangers wrote: CSV, FITS, ECSV, Parquet."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ...errors import InputError, MissingExtraError
from ...files.safe_readers import read_bytes

__all__ = ["TABLE_SUFFIXES", "read_columns"]

MAX_TABLE_BYTES = 2 * 2**30
"""Unpacked; the Galaxy Zoo DECaLS table of all predictions has 1.6 GB."""

Chooser: TypeAlias = Callable[[Sequence[str]], Sequence[str]]


def read_columns(path: str | Path, choose: Chooser, text: Collection[str]) -> pd.DataFrame:
    """Read some columns of a table.

    Parameters
    ----------
    path : str or Path
        CSV, FITS (the first table in it), ECSV or Parquet, by the suffix; all but Parquet may be
        packed with gzip.
    choose : callable
        Gets the names of all columns and returns those to read, or raises InputError.
    text : collection of str
        The columns that hold text, so that an identifier keeps its digits; all others hold numbers.

    Returns
    -------
    DataFrame
        The chosen columns: text stripped, empty where there is none; float64, NaN where a cell is
        empty or no number.

    Raises
    ------
    InputError
        If the file cannot be read, and whatever `choose` raises.
    MissingExtraError
        If a Parquet file is given and pyarrow is not installed.
    """
    path = Path(path)
    packed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    read = _READERS.get(suffix)
    if read is None:
        raise InputError(
            f"{path} is no table that can be read. Use one of: {', '.join(TABLE_SUFFIXES)}."
        )
    content = _unpack(path) if packed else read_bytes(path, MAX_TABLE_BYTES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Lines that are too long would be cut with no more than a warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = read(io.BytesIO(content), choose, text)
            return pd.DataFrame(
                {
                    name: _text(table[name]) if name in text else _numbers(table[name])
                    for name in table
                }
            )
        except (InputError, MissingExtraError):
            raise
        except MemoryError as error:
            raise InputError(f"{path} does not fit into memory. Divide it.") from error
        except Exception as error:
            # A damaged file reaches the readers of pandas and astropy at any point, with any error.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"Cannot read the table {path} ({reason}). Download or export it again."
            ) from error


def _unpack(path: Path) -> bytes:
    packed = read_bytes(path, MAX_TABLE_BYTES)
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            content = stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked ({error}). Download it again.") from error
    if len(content) > MAX_TABLE_BYTES:
        raise InputError(f"{path} unpacks to more than {MAX_TABLE_BYTES / 2**30:.0f} GiB.")
    return content


def _read_csv(content: io.BytesIO, choose: Chooser, text: Collection[str]) -> pd.DataFrame:
    names = pd.read_csv(content, nrows=0, encoding="utf-8-sig", index_col=False).columns
    chosen = choose(list(map(str, names)))
    content.seek(0)
    return pd.read_csv(
        content,
        usecols=lambda name: name in chosen,
        dtype={name: str for name in chosen if name in text},
        encoding="utf-8-sig",
        index_col=False,
        low_memory=False,
    )


def _read_fits(content: io.BytesIO, choose: Chooser, text: Collection[str]) -> pd.DataFrame:
    from astropy.io import fits
    from astropy.table import Table

    with fits.open(content, memmap=False, mode="readonly") as hdus:
        tables = (hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU))
        hdu: Any = next(tables, None)
        if hdu is None:
            raise ValueError("no table is in it")
        chosen = choose(list(hdu.columns.names))
        return _from_astropy(Table({name: hdu.data.field(name) for name in chosen}))


def _read_ecsv(content: io.BytesIO, choose: Chooser, text: Collection[str]) -> pd.DataFrame:
    from astropy.table import Table

    lines = content.getvalue().decode("utf-8").splitlines()
    table = Table.read(lines, format="ascii.ecsv")
    return _from_astropy(table[list(choose(table.colnames))])


def _from_astropy(table: Any) -> pd.DataFrame:
    table.convert_bytestring_to_unicode()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_parquet(content: io.BytesIO, choose: Chooser, text: Collection[str]) -> pd.DataFrame:
    try:
        parquet = import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet needs the package pyarrow: pip install pyarrow") from error

    file = parquet.ParquetFile(content)
    frame: pd.DataFrame = file.read(columns=list(choose(file.schema_arrow.names))).to_pandas()
    return frame


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").map(str).str.strip()


def _numbers(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return pd.Series(numbers.to_numpy(np.float64, na_value=np.nan), index=column.index)


_READERS: dict[str, Callable[[io.BytesIO, Chooser, Collection[str]], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".fits": _read_fits,
    ".fit": _read_fits,
    ".ecsv": _read_ecsv,
    ".parquet": _read_parquet,
}

TABLE_SUFFIXES = tuple(_READERS)
"""Kinds of table that can be read."""
