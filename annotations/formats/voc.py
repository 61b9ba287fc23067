"""Pascal VOC XML as labelImg reads and writes it, one file an image.

labelImg stores the edges of its rectangle in 0-based pixels, cut to whole numbers, and raises an
``xmin`` or ``ymin`` of 0 to 1 (its writer does so for old readers that subtract 1).  Its edges are
therefore our half-open edges as they stand, but for that clamp: an ``xmin`` or ``ymin`` written as
the whole number ``1`` means that the box reaches the border, and is read as 0; of a box that truly
began at pixel 1 nothing tells it apart, and it becomes one pixel larger.  A number with a decimal
point was never clamped: ``1.0`` is read as 1.  The writer follows the same rule, so that reading,
writing and reading again gives the same boxes, and so does writing and reading.

Files of the Pascal VOC challenge itself, and of programs that keep to it, count pixels from 1 and
name the last pixel that belongs to the box: their ``xmin`` is ours plus 1, their ``xmax`` is ours.
The setting ``voc_one_based`` reads and writes those.

Attributes of an object stand where CVAT puts them: ``<attributes><attribute><name/><value/>``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from ...errors import InputError
from ..annotation import AnnotatedImage
from ..collection import Collection
from .format import AnnotationFormat, Feature, ReadOptions, WriteOptions
from .locate import named_by_file
from .stems import files_by_stem
from .voc_reader import parse_voc
from .voc_writer import save_voc

__all__ = ["FORMAT", "read_voc", "voc_files", "write_voc"]

_FOLDER = "Annotations"
_HEAD_BYTES = 4096


def read_voc(path: str | Path) -> AnnotatedImage:
    """Read one labelImg Pascal-VOC file.

    Tags may stand in any order, coordinates may be floats, and ``pose``, ``truncated``,
    ``difficult`` and ``size`` may be missing.

    Parameters
    ----------
    path : str or Path
        The XML file.  It may come from a stranger: entities, document types and files over 32 MiB
        are refused, and nothing is ever fetched.

    Returns
    -------
    AnnotatedImage
        Boxes in 0-based half-open pixel edges; width and height are 0 if the file has no ``size``.

    Raises
    ------
    InputError
        If the file cannot be read, is not VOC, or holds an empty or inverted box.
    """
    image = parse_voc(Path(path))
    for box in image.objects:
        if box.xmax <= box.xmin or box.ymax <= box.ymin:
            raise InputError(
                f"{path} has an empty or inverted box of {box.label!r}: xmin {box.xmin:g}, "
                f"ymin {box.ymin:g}, xmax {box.xmax:g}, ymax {box.ymax:g}. Draw it again."
            )
    return image


def write_voc(path: str | Path, annotated: AnnotatedImage) -> Path:
    """Write one labelImg Pascal-VOC file; whole numbers without a decimal point.

    Parameters
    ----------
    path : str or Path
        The XML file to write; replaced if it exists.
    annotated : AnnotatedImage
        Boxes in 0-based half-open pixel edges.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written, or a text holds characters that XML cannot.
    """
    path = Path(path)
    save_voc(path, annotated)
    return path


def voc_files(folder: Path) -> list[Path]:
    """Return the XML files that lie in a folder, sorted by name; hidden ones are left out.

    Raises
    ------
    InputError
        If the folder cannot be read or holds none.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}") from error
    files = [folder / name for name in names if _is_xml(name)]
    if not files:
        raise InputError(f"{folder} holds no .xml annotation.")
    return files


def _is_xml(name: str) -> bool:
    # Archives made on a Mac hold a hidden companion of every file.
    return name.lower().endswith(".xml") and not name.startswith(".")


def _recognises(path: Path) -> bool:
    try:
        file: Path | None = path
        if path.is_dir():
            with os.scandir(_inner(path)) as entries:
                file = next((Path(entry) for entry in entries if _is_xml(entry.name)), None)
        if file is None or not _is_xml(file.name) or not file.is_file():
            return False
        with file.open("rb") as opened:
            return b"<annotation" in opened.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return False


def _inner(path: Path) -> Path:
    folder = path / _FOLDER
    return folder if folder.is_dir() else path


def _read(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    one_based = bool(reading.settings.get("voc_one_based"))
    for file in [path] if path.is_file() else voc_files(_inner(path)):
        try:
            image = parse_voc(file, one_based)
            image = named_by_file(image, reading.images, file.stem)
        except InputError as error:
            reading.on_error(error)
        else:
            yield file, image


def _write(path: Path, collection: Collection, writing: WriteOptions) -> None:
    one_based = bool(writing.settings.get("voc_one_based"))
    files = files_by_stem(path, collection.names, ".xml")
    for file, image in zip(files, collection, strict=True):
        save_voc(file, image, one_based)


FORMAT = AnnotationFormat(
    name="voc",
    title="Pascal VOC XML (labelImg)",
    supports=frozenset(get_args(Feature)),
    recognises=_recognises,
    read=_read,
    write=_write,
)
