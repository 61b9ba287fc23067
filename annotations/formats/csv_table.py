"""CSV tables of boxes, one row per object, as in the TF Object Detection tutorials."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeAlias

from ...errors import InputError
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .format import AnnotationFormat, ReadOptions, WriteOptions
from .image_files import locate
from .numbers import format_number, parse_count, parse_flag, parse_number, write_lines

__all__ = ["FORMAT", "read_csv", "write_csv"]

_MAX_BYTES = 2**30
_MAX_LINE = 2**20

_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_FLAGS = ("difficult", "truncated", "pose")
_NEEDED = frozenset(_COLUMNS) - {"width", "height"}
_RETINANET = ("filename", "xmin", "ymin", "xmax", "ymax", "class")
_EDGES = ("xmin", "ymin", "xmax", "ymax")

_Marks: TypeAlias = tuple[str, bool, bool, str]


@dataclass(slots=True)
class _ImageRows:
    """Rows of one image in packed arrays, 40 bytes each."""

    width: int = 0
    height: int = 0
    edges: array[float] = field(default_factory=lambda: array("d"))
    marks: list[_Marks] = field(default_factory=list)

    def objects(self) -> Iterator[ObjectBox]:
        for index, (label, difficult, truncated, pose) in enumerate(self.marks):
            xmin, ymin, xmax, ymax = self.edges[4 * index : 4 * index + 4]
            yield ObjectBox(label, xmin, ymin, xmax, ymax, difficult, truncated, pose)


def read_csv(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read a table of boxes.

    Columns may be in any order: ``filename, class, xmin, ymin, xmax, ymax`` are required,
    ``width, height, difficult, truncated, pose`` are optional, others are ignored.  A table without
    a header has the six columns of keras-retinanet: ``path, x1, y1, x2, y2, class``.  A row without
    a class and edges is an image without objects.

    Parameters
    ----------
    path : Path
        The table, comma-separated UTF-8, at most 1 GiB.
    options : ReadOptions
        `images` supply sizes that the table lacks.

    Yields
    ------
    (Path, AnnotatedImage)
        The table and one image with all its rows, ordered by the first row of each image.

    Raises
    ------
    InputError
        If it cannot be read or lacks columns.  Malformed rows are passed to `options.on_error`.
    """
    rows_of: dict[str, _ImageRows] = {}
    interned: dict[_Marks, _Marks] = {}
    for number, columns, cells in _rows(path):
        try:
            _add_row(columns, cells, rows_of, interned)
        except ValueError as error:
            options.on_error(InputError(f"{path}, line {number}: {error}. Correct that row."))
    for name, rows in rows_of.items():
        image = AnnotatedImage(name, rows.width, rows.height, objects=tuple(rows.objects()))
        try:
            located = locate(image, options.images)
        except InputError as error:
            options.on_error(error)
        else:
            yield path, located


def write_csv(path: Path, images: Collection, options: WriteOptions) -> None:
    """Write a table of boxes.

    The columns are ``filename, width, height, class, xmin, ymin, xmax, ymax``, followed by
    ``difficult, truncated, pose`` if any object has one of these set.  Numbers are exact, whole
    ones without a decimal point.

    Names are not escaped, even if they begin with ``=``, ``+``, ``-`` or ``@``, which spreadsheets
    interpret as formulas.  Do not open untrusted tables in a spreadsheet.

    Parameters
    ----------
    path : Path
        The table; replaced if it exists.
    images : Collection
        The annotations; images without objects are dropped.
    options : WriteOptions
        Not used.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with_flags = any(_has_flags(box) for image in images for box in image.objects)
    write_lines(path, _lines(images, with_flags))


def _rows(path: Path) -> Iterator[tuple[int, Sequence[str], Sequence[str]]]:
    """Yield the last line number, the column names and the cells of each row."""
    try:
        if not path.is_file():
            raise InputError(f"Cannot read {path}: there is no such file.")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES >> 20} MiB. Divide it.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_bounded_lines(file), strict=True)
            header = next(reader, [])
            columns = _columns(header)
            if columns is None:
                raise InputError(
                    f"{path} is not a table of boxes: its header line must name the columns "
                    f"{','.join(_COLUMNS)}."
                )
            if columns is _RETINANET:
                yield reader.line_num, columns, header
            for cells in reader:
                if cells:
                    yield reader.line_num, columns, cells
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}. Export it again.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error("the line is longer than 1 MiB")
        yield line


def _columns(header: Sequence[str]) -> Sequence[str] | None:
    """Return the column names, from the header or implied by the header row; None if unknown."""
    names = [cell.strip().lower() for cell in header]
    if _NEEDED.issubset(names):
        return names
    if len(header) == len(_RETINANET) and _are_edges(header[1:5]):
        return _RETINANET
    return None


def _are_edges(cells: Sequence[str]) -> bool:
    try:
        return not any(cells) or all(math.isfinite(float(cell)) for cell in cells)
    except ValueError:
        return False


def _add_row(
    columns: Sequence[str],
    cells: Sequence[str],
    rows_of: dict[str, _ImageRows],
    interned: dict[_Marks, _Marks],
) -> None:
    """Add a row to the rows of its image."""
    if len(cells) != len(columns):
        raise ValueError(f"the row has {len(cells)} cells for {len(columns)} columns")
    row = dict(zip(columns, cells, strict=True))
    name, label = row["filename"], row["class"]
    if not name.strip():
        raise ValueError("the row names no image")
    width, height = (parse_count(row.get(column, "")) for column in ("width", "height"))
    difficult, truncated = (parse_flag(row.get(column, "")) for column in _FLAGS[:2])
    is_object = bool(label.strip()) or any(row[edge].strip() for edge in _EDGES)
    if is_object and not label.strip():
        raise ValueError("the box has no class")
    edges = [parse_number(row[edge]) for edge in _EDGES] if is_object else []
    rows = rows_of.setdefault(name, _ImageRows())
    rows.width, rows.height = rows.width or width, rows.height or height
    if is_object:
        marks = (label, difficult, truncated, row.get("pose", "").strip() or "Unspecified")
        rows.marks.append(interned.setdefault(marks, marks))
        rows.edges.extend(edges)


def _lines(images: Iterable[AnnotatedImage], with_flags: bool) -> Iterator[str]:
    yield _line((*_COLUMNS, *_FLAGS) if with_flags else _COLUMNS)
    for image in images:
        for box in image.objects:
            cells = [image.filename, str(image.width), str(image.height), box.label]
            cells += map(format_number, box.edges)
            if with_flags:
                cells += [str(int(box.difficult)), str(int(box.truncated)), box.pose]
            yield _line(cells)


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


def _cell(text: str) -> str:
    # csv.writer does not quote a lone carriage return, which ends a row.
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _has_flags(box: ObjectBox) -> bool:
    return box.difficult or box.truncated or box.pose != "Unspecified"


def _recognises(path: Path) -> bool:
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _columns(next(csv.reader(_bounded_lines(file)), [])) is not None
    except (OSError, ValueError, csv.Error):
        return False


FORMAT = AnnotationFormat(
    name="csv",
    title="CSV table (TF Object Detection tutorials)",
    supports=frozenset({"size", "difficult", "truncated", "pose"}),
    recognises=_recognises,
    read=read_csv,
    write=write_csv,
    suffix=".csv",
)
