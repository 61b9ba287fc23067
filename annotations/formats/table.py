"""Tables of galaxies: FITS, ECSV, VOTable or CSV with positions and sizes, on the sky or in pixels.

The first of these that a table has gives the boxes:

1. edges: ``xmin``, ``ymin``, ``xmax``, ``ymax``, as the catalogues of ``galpipe run`` hold them
   (0-based half-open pixel edges, taken as they are), or photutils' ``bbox_xmin`` to ``bbox_ymax``
   (first and last pixel, from 0);
2. a position in pixels, ``x`` and ``y``, with a size;
3. a sky position, ``ra`` and ``dec`` (ICRS), with a size, and the WCS of the image.

A size is ``width`` and ``height``, a ``size`` or ``diameter``, or a ``radius``.  A column without a
unit is in pixels for 2, in degrees for a sky position, in arcseconds for a size there; a unit is
respected.  Columns are found by their usual names (see `NAMES`).

One table is the image of its own stem, unless a column names the image of each row.  A sky table of
neither sort is matched with every FITS image of the folder: a galaxy belongs to the images in which
its centre lies, and images without any are left out, as the table may not cover them.

Settings: ``columns``, a mapping from the names above (and ``image``, ``label``) to the columns of
the table; ``origin``, the position of the centre of the first pixel in ``x`` and ``y``: 0 (SEP,
photutils; the default) or 1 (FITS, IRAF; columns that end in ``_IMAGE`` are always so);
``class_name``, the label where no column gives one, by default ``object``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.tables import read_columns, table_files
from ...imaging import Field
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .image_files import named_by_file, open_sky_image, sky_image_names
from .table_columns import NAMES, Layout, class_name_of, is_table_with, row_objects

__all__ = ["FORMAT", "NAMES"]

# Of our own catalogue.
_ATTRIBUTES = ("source_id", "score", "probability")


def _recognises(path: Path) -> bool:
    return is_table_with(path, lambda table: Layout(table, {}).kind is not None)


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
            f"{', '.join(table.names[:12])}. Name them in the setting 'columns'."
        )
    labels = layout.labels(class_name_of(options))
    attributes = {column: name for name in _ATTRIBUTES if (column := table.find([name]))}

    def objects(edges: NDArray[np.float64], rows: Sequence[int]) -> tuple[ObjectBox, ...]:
        return row_objects(table, edges, labels, attributes, options, rows)

    if layout.kind != "sky":
        edges = layout.pixel_edges()
        for name, rows in layout.groups(path.stem):
            try:
                _need_name(path, name, rows)
                image = AnnotatedImage(name, 0, 0, objects=objects(edges, rows))
                yield path, named_by_file(image, options.images, name)
            except InputError as error:
                options.on_error(error)
        return
    if options.images is None:
        raise InputError(f"{path} gives sky positions: name the images' folder with --images.")
    whole = None if layout.names_images else range(len(table))
    groups = (
        layout.groups(path.stem)
        if whole is None
        else [(name, whole) for name in sky_image_names(options.images, path)]
    )
    if whole is not None:
        for row in layout.incomplete():
            options.on_error(
                InputError(f"{path}: row {row + 1} has no position and size in numbers.")
            )
    for name, rows in groups:
        try:
            _need_name(path, name, rows)
            field, filename = open_sky_image(options.images, name)
            edges = layout.sky_edges(field)
        except InputError as error:
            options.on_error(error)
            continue
        if whole is not None:
            rows = _centred_inside(edges, field)
            if not rows:
                continue
        yield (
            path,
            AnnotatedImage(filename, field.width, field.height, objects=objects(edges, rows)),
        )


def _need_name(path: Path, name: str, rows: Sequence[int]) -> None:
    if not name:
        raise InputError(f"{path}: row {rows[0] + 1} and the like name no image.")


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
)
