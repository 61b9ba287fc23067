"""DS9 region files, one an image.

DS9 counts pixels from 1 at the centre of the first one: its positions are ours plus a half.  As in
the catalogue, y runs along the rows of the array as it was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, OutputError
from ...files.safe_readers import read_text
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .ds9_points import points_on_image
from .ds9_regions import Kind, Region, parse_regions
from .format import AnnotationFormat, ReadOptions, WriteOptions
from .locate import named_by_file
from .stems import files_by_stem
from .text import bounded, show_number, write_lines

__all__ = ["FORMAT", "read_ds9", "write_ds9"]

_SUFFIX = ".reg"
_MAX_BYTES = 16 * 2**20
_HEADER = ("# Region file format: DS9 version 4.1\n", "global color=green\n", "image\n")
_FLAGS = ("difficult", "truncated")

_DECIMALS = 9
"""Of a pixel: takes away the rounding of half widths and of turned boxes."""


def read_ds9(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read DS9 regions as boxes.

    Boxes, ellipses, circles and polygons are understood, turned ones too: what is taken is the
    upright box around them, and of rings that around the outer one.  Coordinates are those of the
    image, physical ones that are the same, or on the sky (fk5, icrs, fk4, galactic, ecliptic;
    degrees or sexagesimal, sizes also in minutes and seconds of arc), which need the image and its
    world coordinates.

    The class is the region's text, or else its first tag.  The tags ``difficult`` and
    ``truncated`` are the flags; an excluded region (``-circle(...)``) is difficult too.

    Parameters
    ----------
    path : Path
        A region file, or a folder of them; each is named as its image is.
    reading : ReadOptions
        `images` give full names, sizes and world coordinates.  The setting ``class_name`` is the
        class of regions without text and tags, by default "object".

    Yields
    ------
    (Path, AnnotatedImage)
        The region file and what it says, sorted by the file's name.

    Raises
    ------
    InputError
        If there is no region file.  A file that cannot be read, and a region that cannot be
        understood or has no extent, goes to `reading.on_error`.
    """
    for file in _files(path):
        try:
            yield file, _read_file(file, reading)
        except InputError as error:
            reading.on_error(error)


def write_ds9(folder: Path, images: Collection, writing: WriteOptions) -> None:
    """Write DS9 regions: boxes in image coordinates with their class as text.

    A difficult or truncated object has the tag of that name.  Numbers are exact to a billionth of
    a pixel.

    Parameters
    ----------
    folder : Path
        Gets ``<image stem>.reg``; without objects it has its header alone.
    images : Collection
        The annotations.
    writing : WriteOptions
        Nothing of it is needed.

    Raises
    ------
    InputError
        If an image's name names no file.
    OutputError
        If two images have the same stem, a class cannot stand in a region file, or a file cannot
        be written.
    """
    files = files_by_stem(folder, images.names, _SUFFIX)
    for file, image in zip(files, images, strict=True):
        write_lines(file, [*_HEADER, *map(_line, image.objects)])


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    try:
        files = sorted(file for file in path.iterdir() if _is_region_file(file))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    if not files:
        raise InputError(f"{path} holds no {_SUFFIX} file.")
    return files


def _read_file(file: Path, reading: ReadOptions) -> AnnotatedImage:
    def tell(error: ValueError) -> None:
        reading.on_error(InputError(f"{file}, {error}. Correct or delete that region."))

    regions = list(parse_regions(read_text(file, _MAX_BYTES), tell))
    image = None if reading.images is None else reading.images.find(file.stem)
    default = str(reading.settings.get("class_name", "object"))
    objects = []
    for region, points in zip(regions, points_on_image(regions, str(file), image), strict=True):
        try:
            objects.append(_object(region, _edges(region.kind, points), default))
        except ValueError as error:
            tell(ValueError(f"line {region.line}: {error}"))
    annotated = AnnotatedImage(file.stem, 0, 0, objects=tuple(objects))
    return named_by_file(annotated, reading.images, file.stem)


def _edges(kind: Kind, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return xmin, ymin, xmax, ymax of the upright box around a region."""
    if kind == "edges":
        return points.ravel()
    if kind == "polygon":
        return np.concatenate([points.min(axis=0), points.max(axis=0)])
    centre, arms = points[0], points[1:] - points[0]
    # The corners of a box lie at the sum of its arms; an ellipse is their turn around the circle.
    reach = np.abs(arms).sum(axis=0) if kind == "box" else np.hypot(*arms)
    return np.concatenate([centre - reach, centre + reach])


def _object(region: Region, edges: NDArray[np.float64], default: str) -> ObjectBox:
    xmin, ymin, xmax, ymax = (bounded(round(edge, _DECIMALS)) for edge in edges.tolist())
    groups = [tag for tag in region.tags if tag.strip() and tag not in _FLAGS]
    label = region.text if region.text.strip() else next(iter(groups), default)
    difficult = region.excluded or "difficult" in region.tags
    return ObjectBox(label, xmin, ymin, xmax, ymax, difficult, "truncated" in region.tags)


def _line(box: ObjectBox) -> str:
    centre = (box.xmin + box.xmax) / 2 + 0.5, (box.ymin + box.ymax) / 2 + 0.5
    numbers = ",".join(map(show_number, (*centre, box.width, box.height, 0)))
    tags = "".join(f" tag={{{flag}}}" for flag in _FLAGS if getattr(box, flag))
    return f"box({numbers}) # text={_enclosed(box.label)}{tags}\n"


def _enclosed(text: str) -> str:
    for opening, closing in ("{}", '""', "''"):
        if not {opening, closing, "\n"} & set(text):
            return f"{opening}{text}{closing}"
    raise OutputError(
        f"The class {text[:40]!r} cannot stand in a region file: it takes more than a line, or has "
        "braces and both kinds of quotes. Rename it."
    )


def _is_region_file(path: Path) -> bool:
    return path.suffix.lower() == _SUFFIX and not path.name.startswith(".") and path.is_file()


def _recognises(path: Path) -> bool:
    try:
        return any(map(_is_region_file, path.iterdir() if path.is_dir() else [path]))
    except OSError:
        return False


FORMAT = AnnotationFormat(
    name="ds9",
    title="DS9 regions",
    supports=frozenset({"empty", "difficult", "truncated"}),
    recognises=_recognises,
    read=read_ds9,
    write=write_ds9,
)
