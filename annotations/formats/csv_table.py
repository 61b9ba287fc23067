"""CSV tables of boxes, one row per object, as in the TF Object Detection tutorials.

Tables of other programs are read too; see `csv_layouts`.  Cells are separated by commas, semicolons
or tabs; with the latter two, a decimal comma is understood.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TextIO, TypeAlias

from ...errors import InputError
from ...files.text_encoding import encoding_of
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .csv_layouts import BOX_ROLES, CsvLayout, csv_layout
from .format import AnnotationFormat, ReadOptions, WriteOptions, none_left
from .image_files import locate
from .numbers import (
    check_pixel,
    edge_from_width,
    format_number,
    parse_count,
    parse_flag,
    parse_number,
    write_lines,
)

__all__ = ["FORMAT", "read_csv", "write_csv"]

_MAX_BYTES = 2**30
_MAX_LINE = 2**20

_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_FLAGS = ("difficult", "truncated", "pose")
_SUFFIXES = (".csv", ".tsv")
_DELIMITERS = ";\t,"
# Decimals of a pixel of boxes that are fractions of the image.
_DECIMALS = 6

_Edges: TypeAlias = tuple[float, float, float, float]
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


@dataclass(frozen=True)
class _RowReader:
    """Parse the cells of a row by a layout."""

    layout: CsvLayout
    decimal_comma: bool
    class_name: str

    def name(self, cells: list[str]) -> str:
        if len(cells) != len(self.layout.names):
            raise ValueError(f"the row has {len(cells)} cells for {len(self.layout.names)} columns")
        name = self._cell(cells, "image")
        if not name:
            raise ValueError("the row names no image")
        return name

    def size(self, cells: list[str]) -> tuple[int, int]:
        width, height = (
            parse_count(self._number_text(cells, role)) for role in ("image_width", "image_height")
        )
        return width, height

    def object(self, cells: list[str]) -> tuple[_Marks, _Edges] | None:
        """Return a box; None if the row is of an image without objects."""
        label = self._cell(cells, "label")
        texts = [self._number_text(cells, role) for role in BOX_ROLES[self.layout.shape]]
        difficult, truncated = (parse_flag(self._cell(cells, flag)) for flag in _FLAGS[:2])
        if not label and not any(texts):
            return None
        label = label or self.class_name
        if not label:
            raise ValueError("the box has no class")
        pose = self._cell(cells, "pose") or "Unspecified"
        return (label, difficult, truncated, pose), self._edges(texts)

    def _edges(self, texts: list[str]) -> _Edges:
        if self.layout.shape == "list":
            texts = re.split(r"[\s,]+", texts[0].strip("[]() "))
            if len(texts) != 4:
                raise ValueError(f"the box {', '.join(texts)[:40]!r} is not a list of four numbers")
        first, second, third, fourth = map(parse_number, texts)
        if self.layout.shape == "edges":
            return first, second, third, fourth
        if self.layout.shape == "centre":
            first, second = first - third / 2, second - fourth / 2
        return first, second, edge_from_width(first, third), edge_from_width(second, fourth)

    def _cell(self, cells: list[str], role: str) -> str:
        place = self.layout.roles.get(role)
        return "" if place is None else cells[place].strip(" \t")

    def _number_text(self, cells: list[str], role: str) -> str:
        text = self._cell(cells, role)
        return text.replace(",", ".") if self.decimal_comma and text.count(",") == 1 else text


def read_csv(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read a table of boxes.

    Columns may be in any order and have the names of `csv_layout`.  A table without a header has
    the six columns of keras-retinanet, ``path, x1, y1, x2, y2, class``, or those of makesense.ai or
    Google AutoML.  A row without a class and edges is an image without objects.  Edges that are all
    between 0 and 1 are fractions of the image.

    Parameters
    ----------
    path : Path
        The table, in UTF-8 or UTF-16, at most 1 GiB.
    options : ReadOptions
        `images` supply sizes that the table lacks.  Settings: ``columns``, a mapping from
        ``image``, ``label``, and the roles of a box in `BOX_ROLES` to columns; ``class_name``, the
        class of objects without one.

    Yields
    ------
    (Path, AnnotatedImage)
        The table and one image with all its rows, ordered by the first row of each image.

    Raises
    ------
    InputError
        If it cannot be read, lacks columns, or could be read in two ways.  Malformed rows are
        passed to `options.on_error`.
    """
    rows_of: dict[str, _ImageRows] = {}
    refused: Counter[str] = Counter()
    interned: dict[_Marks, _Marks] = {}
    reader = None
    for number, reader, cells in _rows(path, options.settings):
        name = ""
        try:
            name = reader.name(cells)
            width, height = reader.size(cells)
            found = reader.object(cells)
        except ValueError as error:
            refused[name] += 1
            options.on_error(InputError(f"{path}, line {number}: {error}. Correct that row."))
            continue
        rows = rows_of.setdefault(name, _ImageRows())
        rows.width, rows.height = rows.width or width, rows.height or height
        if found is not None:
            marks, edges = found
            rows.marks.append(interned.setdefault(marks, marks))
            rows.edges.extend(edges)
    if reader is None:
        return
    shares = _are_shares(reader.layout, rows_of)
    _tell(path, reader, shares, options)
    for name, rows in rows_of.items():
        if refused[name] and not rows.marks:
            options.on_error(none_left(path, name, refused[name]))
            continue
        image = AnnotatedImage(name, rows.width, rows.height, objects=tuple(rows.objects()))
        try:
            located = locate(image, options.images)
            yield path, _in_pixels(path, located) if shares else located
        except InputError as error:
            options.on_error(error)
    for name, count in refused.items():
        if name and name not in rows_of:
            options.on_error(none_left(path, name, count))


def _are_shares(layout: CsvLayout, rows_of: Mapping[str, _ImageRows]) -> bool:
    """Return whether all edges are fractions of the image, judged by their values."""
    if not any(rows.edges for rows in rows_of.values()):
        return layout.shares
    small = all(min(r.edges) >= 0 and max(r.edges) <= 1 for r in rows_of.values() if r.edges)
    # Whole pixels of 0 and 1 would be a single pixel in the corner.
    return small and (layout.shares or any(e % 1 for r in rows_of.values() for e in r.edges))


def _in_pixels(path: Path, image: AnnotatedImage) -> AnnotatedImage:
    if image.objects and not (image.width and image.height):
        raise InputError(
            f"{path}: the boxes of {image.filename} are fractions of the image, whose size is not "
            "known. Give the folder of the images with --images."
        )
    scale = (image.width, image.height, image.width, image.height)
    objects = []
    for box in image.objects:
        edges = (
            round(check_pixel(edge * side), _DECIMALS)
            for edge, side in zip(box.edges, scale, strict=True)
        )
        xmin, ymin, xmax, ymax = edges
        objects.append(replace(box, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax))
    return replace(image, objects=tuple(objects))


def _tell(path: Path, reader: _RowReader, shares: bool, options: ReadOptions) -> None:
    """Tell which columns are used, unless they are those of the tutorials."""
    layout = reader.layout
    if layout.title or shares or reader.decimal_comma or options.settings.get("columns"):
        title = f" as {layout.title}" if layout.title else ""
        header = "" if layout.has_header else " without a header"
        options.on_note(f"{path}{header} is read{title}: {layout.describe(shares)}.")
    if "label" not in layout.roles and not options.settings.get("class_name"):
        options.on_note(
            f"{path} has no column of classes: every object is {reader.class_name!r}. Name a "
            "column with --column label=COLUMN, or the class with --class-name."
        )


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


def _rows(
    path: Path, settings: Mapping[str, object]
) -> Iterator[tuple[int, _RowReader, list[str]]]:
    """Yield the last line number, the reader and the cells of each row."""
    try:
        if not path.is_file():
            raise InputError(f"Cannot read {path}: there is no such file.")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES >> 20} MiB. Divide it.")
        with path.open(encoding=_encoding(path), newline="") as file:
            delimiter, lines = _delimited(file)
            reader = csv.reader(lines, strict=True, delimiter=delimiter, skipinitialspace=True)
            header = next(reader, [])
            layout = _layout(path, header, settings)
            default = str(settings.get("class_name") or "")
            if "label" not in layout.roles:
                default = default or "object"
            rows = _RowReader(layout, delimiter != ",", default)
            if not layout.has_header:
                yield reader.line_num, rows, header
            for cells in reader:
                if cells:
                    yield reader.line_num, rows, cells
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}. Export it again.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return encoding_of(file.read(_MAX_LINE))


def _delimited(file: TextIO) -> tuple[str, Iterator[str]]:
    """Return the delimiter, judged by the first line, and all lines after leading comments."""
    lines = _bounded_lines(file)
    first = next((line for line in lines if line.strip() and not line.startswith("# ")), "")
    counts = {mark: _outside_quotes(first).count(mark) for mark in _DELIMITERS}
    return max(counts, key=lambda mark: counts[mark]), chain([first] if first else [], lines)


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error("the line is longer than 1 MiB")
        yield line


def _layout(path: Path, header: list[str], settings: Mapping[str, object]) -> CsvLayout:
    chosen = settings.get("columns") or {}
    if not isinstance(chosen, Mapping):
        raise InputError(f"columns is {chosen!r}; map names such as 'xmin' to columns.")
    try:
        layout = csv_layout(header, {str(role): str(name) for role, name in chosen.items()})
    except ValueError as error:
        raise InputError(f"{path} {error}.") from None
    if layout is None:
        names = ", ".join(cell.strip() for cell in header[:20])[:300]
        raise InputError(
            f"{path} is not a table of boxes: its columns are {names or 'missing'}, of which none "
            "is known to name the image, or the edges of a box. Name them, for example with "
            "--column image=COLUMN --column xmin=COLUMN (and ymin, xmax, ymax)."
        )
    return layout


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


def _header(path: Path) -> list[str]:
    """Return the first row of a table; empty if it cannot be read."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return []
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            delimiter, lines = _delimited(file)
            return next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    except (OSError, ValueError, csv.Error):
        return []


def _recognises(path: Path) -> bool:
    try:
        return csv_layout(_header(path), {}) is not None
    except ValueError:
        # The reader tells what is ambiguous.
        return True


def _takes_columns(path: Path, columns: Mapping[str, str]) -> bool:
    try:
        return csv_layout(_header(path), columns) is not None
    except ValueError:
        return False


FORMAT = AnnotationFormat(
    name="csv",
    title="CSV table (TF Object Detection tutorials)",
    supports=frozenset({"size", "difficult", "truncated", "pose"}),
    recognises=_recognises,
    takes_columns=_takes_columns,
    read=read_csv,
    write=write_csv,
    suffix=".csv",
)
