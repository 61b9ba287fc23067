"""Tables of galaxies in FITS, ECSV, VOTable or CSV, with positions and sizes.

Boxes are computed from the first of these that a table has:

1. edges: ``xmin``, ``ymin``, ``xmax``, ``ymax`` as in the catalogues of ``galpipe run`` (pixel
   edges, 0-based, half-open), or photutils' ``bbox_xmin`` to ``bbox_ymax`` (first and last pixel,
   0-based);
2. the top left corner, ``left`` and ``top``, with ``width`` and ``height``;
3. a pixel position, ``x`` and ``y``, with a size;
4. a sky position, ``ra`` and ``dec`` (ICRS), with a size, and the WCS of the image.

A size is a ``size`` or ``diameter``, a ``radius``, or ``width`` and ``height``.  The default units
are pixels for 2 and 3, and degrees for sky positions; their sizes need a unit, in the file, in the
name of the column or from the setting ``size_unit``.  Columns are matched by their usual names (see
`NAMES`), and what was taken as what is noted.  Bare ``x``, ``y``, ``width`` and ``height`` are
refused, since the position may be that of the corner or of the centre.

A table belongs to the image of the same stem, unless a column names the image of each row.  A sky
table without either is matched with every FITS image of the folder: a galaxy is assigned to the
images that contain its centre.  Images without galaxies are left out, as the table may not cover
them.

Settings: ``columns``, a mapping from the names above (and ``image``, ``label``) to the columns of
the table; ``size_unit``, the unit of sizes on the sky that have none; ``origin``, the position of
the centre of the first pixel in ``x`` and ``y``: 0 (SEP, photutils; the default) or 1 (FITS, IRAF,
and always for columns that end in ``_IMAGE``); ``class_name``, the label where no column gives one,
by default ``object``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.tables import read_columns, table_files
from ...imaging import Field
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions, none_left
from .image_files import named_by_file, open_sky_image, sky_image_names
from .table_columns import Layout
from .table_names import NAMES
from .table_rows import class_name_of, is_table_with, row_objects

__all__ = ["FORMAT", "NAMES"]

# Columns of the catalogue of ``galpipe run``.
_OWN = frozenset({"source_id", "class_name", "xmin", "ymin", "xmax", "ymax"})
_ATTRIBUTES = ("source_id", "score", "probability")


def _recognises(path: Path) -> bool:
    return is_table_with(path, lambda table: Layout(table, {}).kind is not None)


def _takes_columns(path: Path, columns: Mapping[str, str]) -> bool:
    settings = {"columns": columns}
    return is_table_with(path, lambda table: Layout(table, settings).kind is not None)


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    for file in table_files(path):
        try:
            yield from _read_file(file, options)
        except InputError as error:
            options.on_error(error)


def _read_file(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    table = read_columns(path)
    layout = Layout(table, options.settings)
    if layout.kind is None:
        raise InputError(
            f"{path} has no known columns of positions and sizes, but "
            f"{', '.join(table.names[:12])}. Name them, for example with --column image=COLUMN "
            "--column x=COLUMN --column y=COLUMN --column size=COLUMN."
        )
    labels = layout.labels(class_name_of(options))
    if not _OWN.issubset(table.names):
        images = path.stem if layout.kind != "sky" else "that contains them"
        options.on_note(f"{path}: {layout.describe(class_name_of(options), images)}.")
    attributes = {column: name for name in _ATTRIBUTES if (column := table.find([name]))}

    def objects(edges: NDArray[np.float64], rows: Sequence[int]) -> tuple[ObjectBox, ...]:
        return row_objects(table, edges, labels, attributes, options, rows)

    if layout.kind != "sky":
        edges = layout.pixel_edges()
        for name, rows in layout.groups(path.stem):
            try:
                _require_name(path, name, rows)
                image = AnnotatedImage(name, 0, 0, objects=objects(edges, rows))
                if not image.objects and len(rows):
                    raise none_left(path, name, len(rows))
                image = named_by_file(image, options.images, name)
                _refuse_image_sizes(path, layout, image, rows)
                yield path, image
            except InputError as error:
                options.on_error(error)
        return
    if options.images is None:
        raise InputError(
            f"{path} gives sky positions: give the folder of the images with --images."
        )
    match_all = not layout.names_images
    groups: list[tuple[str, Sequence[int]]]
    if match_all:
        names = sky_image_names(options.images, path)
        groups = [(name, range(len(table))) for name in names]
        for row in layout.incomplete():
            options.on_error(
                InputError(f"{path}: row {row + 1} has no position and size in numbers.")
            )
    else:
        groups = layout.groups(path.stem)
    for name, rows in groups:
        try:
            _require_name(path, name, rows)
            field, filename = open_sky_image(options.images, name)
            edges = layout.sky_edges(field)
        except InputError as error:
            options.on_error(error)
            continue
        if match_all and not (rows := _centred_inside(edges, field)):
            continue
        boxes = objects(edges, rows)
        if not boxes and len(rows):
            options.on_error(none_left(path, filename, len(rows)))
            continue
        yield path, AnnotatedImage(filename, field.width, field.height, objects=boxes)


def _refuse_image_sizes(
    path: Path, layout: Layout, image: AnnotatedImage, rows: Sequence[int]
) -> None:
    """Raise an error if the sizes of the objects are the size of their image."""
    sizes = layout.image_sizes()
    if sizes is not None and (sizes[list(rows)] == [image.width, image.height]).all():
        raise InputError(
            f"{path}: width and height are the size of {image.filename}, not of its objects. Name "
            "the column of the objects' size with --column size=COLUMN."
        )


def _require_name(path: Path, name: str, rows: Sequence[int]) -> None:
    if not name:
        raise InputError(f"{path}: row {rows[0] + 1} names no image.")


@np.errstate(over="ignore", invalid="ignore")
def _centred_inside(edges: NDArray[np.float64], field: Field) -> list[int]:
    centre = (edges[:, :2] + edges[:, 2:]) / 2
    inside = (centre >= 0) & (centre < [field.width, field.height])
    return [int(row) for row in np.flatnonzero(inside.all(axis=1))]


FORMAT = AnnotationFormat(
    name="table",
    title="Table of galaxies",
    supports=frozenset({"attributes"}),
    recognises=_recognises,
    read=_read,
    takes_columns=_takes_columns,
)
