"""Read untrusted tables: CSV, ECSV, SExtractor's text, FITS, VOTable and Parquet.

FITS and VOTable are read by astropy, Parquet by pyarrow, and text by pandas, which preserves the
text of cells and reads selected columns of large tables faster than `astropy.io.ascii`.  Sizes are
limited; nothing is fetched, executed or expanded.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..errors import InputError, MissingExtraError, require
from .columns import Columns
from .file_types import check_regular
from .text_encoding import encoding_of
from .text_tables import parse_text_table
from .votable import read_votable, votable_fields

__all__ = ["column_names", "read_columns", "table_files"]

MAX_BYTES = 2 * 2**30
"""Size limit after decompression; the table of Galaxy Zoo DECaLS predictions has 1.6 GB."""
MAX_BYTES_OF_ALL_COLUMNS = 2**29
"""Size limit if no columns are chosen; a million galaxies in 100 columns have 0.4 GB."""

Chooser: TypeAlias = Callable[[Sequence[str]], Sequence[str]]

_Table: TypeAlias = tuple[Mapping[str, Any], Mapping[str, str]]
_Reader: TypeAlias = Callable[[Path, bytes, Chooser, Collection[str] | None], _Table]

_HEAD = 2**16
_SUFFIXES = (".cat", ".csv", ".ecsv", ".fit", ".fits", ".ldac", ".vot", ".votable")
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# SExtractor's FITS_LDAC puts the header of the image, as a table, before the objects.
_IMAGE_HEADER = "LDAC_IMHEAD"


def read_columns(
    path: str | Path, choose: Chooser | None = None, text: Collection[str] | None = None
) -> Columns:
    """Read the columns of a table, whose format is detected from its content.

    Parameters
    ----------
    path : str or Path
        CSV (delimited by commas, semicolons, tabs or blanks), ECSV, SExtractor's ASCII_HEAD, FITS
        or VOTable with one table, or Parquet; optionally compressed with gzip.
    choose : callable, optional
        Takes the names of all columns and returns those to read, or raises InputError; by default
        all are read.
    text : collection of str, optional
        Columns of a text table that are kept as text, which preserves identifiers; the others are
        read as numbers, which needs less memory.  By default all.

    Returns
    -------
    Columns
        Columns with more than one value in a row are left out.

    Raises
    ------
    InputError
        If the file cannot be read, is too large or not a table, or `choose` raises it.
    MissingExtraError
        If a Parquet file is given and pyarrow is not installed.
    """
    path = Path(path)
    limit = MAX_BYTES if choose else MAX_BYTES_OF_ALL_COLUMNS
    with _reading(path), _open(path) as stream:
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise InputError(f"{path} is larger than {limit >> 20} MiB. Divide the table.")
        read = _reader(path, content[:_HEAD])
        if read is parse_text_table:
            content = _as_utf8(content)
        values, units = read(path, content, choose or list, text)
    return Columns(path, values, units)


def column_names(path: str | Path) -> tuple[str, ...]:
    """Return the names of the columns, reading only the beginning of the file.

    Parameters
    ----------
    path : str or Path
        As for `read_columns`.

    Returns
    -------
    tuple of str
        Empty for a FITS file without tables.

    Raises
    ------
    InputError
        If the file is not a table.
    """
    path = Path(path)
    with _reading(path), _open(path) as stream:
        head = stream.read(_HEAD)
        read = _reader(path, head)
        if read is parse_text_table:
            head = _as_utf8(head)
            if len(head) >= _HEAD // 2:
                head = head[: head.rfind(b"\n") + 1]
            return tuple(parse_text_table(path, head, list, None)[0])
        stream.seek(0)
        if read is _read_votable:
            return tuple(field.name for field in votable_fields(path, stream))
        if read is _read_parquet:
            return tuple(_parquet_file(stream).schema_arrow.names)
        with _fits_tables(stream) as tables:
            return tuple(map(str, tables[0].columns.names)) if tables else ()


def table_files(path: Path) -> Sequence[Path]:
    """Return the tables of a folder, sorted by name, or the path itself if it is a file.

    Parameters
    ----------
    path : Path
        A file or folder.  FITS files of a folder without tables are left out.

    Raises
    ------
    InputError
        If a folder holds no table.
    """
    if not path.is_dir():
        return [path]
    candidates = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    files = [file for file in candidates if _may_be_table(file)]
    if not files:
        raise InputError(f"{path} holds no table ({' '.join(_SUFFIXES)}).")
    return files


def _may_be_table(path: Path) -> bool:
    if path.suffix.lower() not in (".fit", ".fits"):
        return True
    try:
        return bool(column_names(path))
    except InputError:
        # The error is reported when the file is read.
        return True


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a regular file, decompressing gzip."""
    check_regular(path)
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
        stream.seek(0)
        if not packed:
            yield stream
            return
        with gzip.open(stream) as unpacked:
            yield unpacked


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert all exceptions of readers to InputErrors that name the file."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Readers warn about minor violations of standards.
            warnings.simplefilter("ignore")
            # pandas truncates long lines with a warning only.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (InputError, MissingExtraError):
        raise
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory. Divide the table.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked ({error}). Copy it again.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except Exception as error:
        # Readers may raise any exception on a damaged file.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"Cannot read the table {path} ({reason}): it is damaged. Copy or export it again."
        ) from error


def _reader(path: Path, head: bytes) -> _Reader:
    if head.startswith(b"SIMPLE"):
        return _read_fits
    if head.startswith(b"PAR1"):
        return _read_parquet
    text = _as_utf8(head)
    if text.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        return _read_votable
    if b"\0" in text:
        raise InputError(f"{path} is not a table.")
    return parse_text_table


def _as_utf8(content: bytes) -> bytes:
    """Return text in UTF-8; that in UTF-16 is converted."""
    encoding = encoding_of(content[:_HEAD])
    if encoding == "utf-8-sig":
        return content
    # The beginning of a file may end within a character.
    return content.decode(encoding, "replace").removeprefix("\ufeff").encode()


def _read_votable(
    path: Path, content: bytes, choose: Chooser, text: Collection[str] | None
) -> _Table:
    return read_votable(path, content, choose)


def _read_fits(path: Path, content: bytes, choose: Chooser, text: Collection[str] | None) -> _Table:
    from astropy.table import Table

    with _fits_tables(io.BytesIO(content)) as hdus:
        if len(hdus) != 1:
            raise InputError(
                f"{path} holds {len(hdus) or 'no'} table{'s' if hdus else ''}. Give one table a "
                "file."
            )
        (hdu,) = hdus
        if hdu.header["NAXIS1"] * hdu.header["NAXIS2"] > len(content):
            raise InputError(f"{path} is shorter than the table that it declares: copy it again.")
        units = {str(column.name): str(column.unit or "") for column in hdu.columns}
        # Columns of variable length are left out: the heap may be larger than the table.
        single = [str(c.name) for c in hdu.columns if c.format[:1] not in "PQ" and c.name]
        wanted = set(choose(single))
        table = Table.read(hdu)
        chosen = [name for name in table.colnames if name in wanted]
        columns = {name: np.ma.asarray(table[name]) for name in chosen}
        values = {name: _decoded(array) for name, array in columns.items() if array.ndim == 1}
    return {name: array for name, array in values.items() if array.dtype.kind in "iufU"}, units


def _decoded(column: Any) -> Any:
    if column.dtype.kind != "S":
        return column
    # FITS text is ASCII, but UTF-8 occurs.
    return np.char.decode(np.ma.getdata(column), "utf-8", "replace")


@contextmanager
def _fits_tables(stream: Any) -> Iterator[list[Any]]:
    from astropy.io import fits

    with fits.open(stream, memmap=False, mode="readonly") as hdus:
        yield [
            hdu
            for hdu in hdus
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
            and hdu.name != _IMAGE_HEADER
            and not hdu.header.get("ZIMAGE")
        ]


def _parquet_file(stream: Any) -> Any:
    return require("pyarrow.parquet", "parquet").ParquetFile(stream)


def _read_parquet(
    path: Path, content: bytes, choose: Chooser, text: Collection[str] | None
) -> _Table:
    file = _parquet_file(io.BytesIO(content))
    table = file.read(columns=list(choose(file.schema_arrow.names)))
    values: dict[str, Any] = {}
    for name in table.column_names:
        # Conversion to float would lose digits of integers in a column with gaps.
        array = np.asarray(table[name].to_pylist() if name in (text or ()) else table[name])
        values[name] = array if array.dtype.kind in "iuf" else _texts(array)
    return values, {}


def _texts(values: Iterable[Any]) -> list[str]:
    return ["" if value is None or value != value else str(value) for value in values]
