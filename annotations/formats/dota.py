"""Labels of the DOTA data set, read-only: rotated boxes become upright ones.

A line is ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult`` in pixels; lines such as ``gsd:0.15`` at the
beginning describe the image.  YOLO-OBB, which gives shares of the image, is read as YOLO.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ...files.safe_readers import read_text
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .image_files import annotation_files, any_annotation_file, mirrored_stem, named_by_file
from .numbers import parse_flag, parse_number
from .shapes import around_points, parse_objects

__all__ = ["FORMAT"]

_FOLDER = "labelTxt"
_SUFFIX = ".txt"
_MAX_BYTES = 32 * 2**20
_HEAD_BYTES = 4096
_HEADER = re.compile(r"\s*(imagesource|gsd|acquisition dates)\s*:", re.IGNORECASE)
_CORNERS = 8


def _is_label(file: Path) -> bool:
    return file.suffix.lower() == _SUFFIX and not file.name.startswith(".") and file.is_file()


def _label_folder(path: Path) -> Path:
    folder = path / _FOLDER
    return folder if folder.is_dir() else path


def _recognises(path: Path) -> bool:
    try:
        file = any_annotation_file(_label_folder(path), _is_label, subfolders=True, suffix=_SUFFIX)
        if file is None:
            return False
        with file.open("rb") as opened:
            lines = opened.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace").splitlines()
        if lines and _HEADER.match(lines[0]):
            return True
        words = lines[0].split() if lines else []
        return len(words) in (_CORNERS + 1, _CORNERS + 2) and _are_corners(words)
    except (OSError, ValueError):
        return False


def _are_corners(words: list[str]) -> bool:
    """Return whether the first eight words are numbers and the next is a class."""
    for word in words[:_CORNERS]:
        parse_number(word)
    try:
        float(words[_CORNERS])
    except ValueError:
        return True
    return False


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    folder = _label_folder(path)
    for file in annotation_files(folder, _is_label, f"{_SUFFIX} file"):
        try:
            text = read_text(file, _MAX_BYTES)
            lines = [line.split() for line in text.split("\n") if not _HEADER.match(line)]
            words = [line for line in lines if line]
            objects = parse_objects(file, file.stem, words, _object, "object", options)
            if objects is not None:
                stem = mirrored_stem(file, folder)
                image = AnnotatedImage(file.stem, 0, 0, objects=objects)
                yield file, named_by_file(image, options.images, stem)
        except InputError as error:
            options.on_error(error)


def _object(words: list[str]) -> ObjectBox:
    if len(words) not in (_CORNERS + 1, _CORNERS + 2):
        raise ValueError(f"has {len(words)} words: give eight numbers, a class and a flag")
    try:
        numbers = [parse_number(word) for word in words[:_CORNERS]]
        # Some objects are marked with 2, as very difficult.
        flag = words[_CORNERS + 1] if len(words) > _CORNERS + 1 else "0"
        difficult = flag == "2" or parse_flag(flag)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None
    edges = around_points(zip(numbers[::2], numbers[1::2], strict=True))
    return ObjectBox(words[_CORNERS], *edges, difficult)


FORMAT = AnnotationFormat(
    name="dota",
    title="DOTA labels",
    supports=frozenset({"empty", "difficult"}),
    recognises=_recognises,
    read=_read,
)
