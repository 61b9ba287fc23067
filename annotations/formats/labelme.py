"""LabelMe and X-AnyLabeling JSON, one file per image; shapes become their bounding boxes.

Coordinates are 0-based pixels.  X-AnyLabeling adds ``difficult``, ``attributes`` and rotated
rectangles, given by their four corners.  The picture that LabelMe can store in the file is ignored.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, Field

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from ..images import ImageFolder
from .format import AnnotationFormat, Feature, ReadOptions, WriteOptions
from .image_files import (
    annotation_files,
    any_annotation_file,
    files_by_stem,
    mirrored_stem,
    named_by_file,
)
from .json_fields import Count, Flag, Pixels, Text, json_head, parse_entry, text_pairs
from .numbers import parse_flag, write_lines
from .shapes import Edges, around_ellipse, around_points, parse_objects

__all__ = ["FORMAT"]

_SUFFIX = ".json"
_MARK = re.compile(r'\{.*"(shapes"\s*:\s*\[|(imagePath|imageData)"\s*:)', re.DOTALL)

# Version of LabelMe whose files are written.
_VERSION = "5.5.0"

_FLAGS = ("difficult", "truncated")
_OUTLINES = ("rectangle", "rotation", "oriented_rectangle", "quadrilateral", "polygon", "linestrip")

_EmptyIfNone = BeforeValidator(lambda value: {} if value is None else value)
_Point = Annotated[list[Pixels], Field(min_length=2, max_length=2)]


class _File(BaseModel):
    shapes: list[Any]
    image_path: Annotated[str, Field(alias="imagePath")] = ""
    width: Annotated[Count, Field(alias="imageWidth")] = None
    height: Annotated[Count, Field(alias="imageHeight")] = None


class _Shape(BaseModel):
    label: Text
    points: list[_Point]
    # The first versions of LabelMe had polygons only.
    shape_type: str = "polygon"
    difficult: Flag = False
    flags: Annotated[dict[str, Any], _EmptyIfNone] = {}
    attributes: Annotated[dict[str, Any], _EmptyIfNone] = {}
    score: Any = None
    description: Any = None
    group_id: Any = None


def _is_json(file: Path) -> bool:
    return file.suffix.lower() == _SUFFIX and not file.name.startswith(".") and file.is_file()


def _recognises(path: Path) -> bool:
    file = any_annotation_file(path, _is_json, subfolders=True, suffix=_SUFFIX)
    return file is not None and _MARK.match(json_head(file)) is not None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    for file in annotation_files(path, _is_json, f"{_SUFFIX} file"):
        try:
            image = _read_file(file, path, options)
        except InputError as error:
            options.on_error(error)
        else:
            if image is not None:
                yield file, image


def _read_file(file: Path, path: Path, options: ReadOptions) -> AnnotatedImage | None:
    try:
        content = parse_entry(_File, read_json(file, parse_constant=float))
    except ValueError as error:
        raise InputError(f"{file} is not LabelMe JSON: it {error}.") from error
    name = _image_name(file, content.image_path, options.images) or file.stem
    objects = parse_objects(file, name, content.shapes, _object, "shape", options)
    if objects is None:
        return None
    width, height = int(content.width or 0), int(content.height or 0)
    image = AnnotatedImage(name, width, height, objects=objects)
    return named_by_file(image, options.images, mirrored_stem(file, path))


def _image_name(file: Path, image_path: str, images: ImageFolder | None) -> str:
    """Return the name of an image in the folder of images; its path is relative to the file."""
    path = image_path.replace("\\", "/")
    if images is not None and "\x00" not in path:
        place = os.path.relpath(file.absolute().parent / path, images.folder.absolute())
        if not place.startswith(".."):
            return Path(place).as_posix()
    return path.rpartition("/")[2]


def _object(entry: object) -> ObjectBox:
    shape = parse_entry(_Shape, entry)
    flags = dict(shape.flags)
    difficult = shape.difficult or _take_flag(flags, "difficult")
    truncated = _take_flag(flags, "truncated")
    details = {
        name: value
        for name in ("score", "description", "group_id")
        if (value := getattr(shape, name)) not in (None, "")
    }
    set_flags = {name: value for name, value in flags.items() if value}
    pairs = list(text_pairs({**shape.attributes, **set_flags, **details}))
    pose = next((text for name, text in pairs if name == "pose"), "Unspecified")
    attributes = tuple(pair for pair in pairs if pair[0] != "pose")
    return ObjectBox(shape.label, *_edges(shape), difficult, truncated, pose, attributes)


def _take_flag(flags: dict[str, Any], name: str) -> bool:
    value = flags.pop(name, False)
    return parse_flag("" if value is None else str(value))


def _edges(shape: _Shape) -> Edges:
    if shape.shape_type in _OUTLINES:
        return around_points(shape.points)
    if shape.shape_type == "circle" and len(shape.points) == 2:
        (x, y), (across, down) = shape.points
        radius = math.hypot(across - x, down - y)
        return around_ellipse(x, y, radius, radius)
    if shape.shape_type == "mask":
        # The points are the first and the last pixel.
        xmin, ymin, xmax, ymax = around_points(shape.points)
        return xmin, ymin, xmax + 1, ymax + 1
    raise ValueError(
        f"is a {shape.shape_type[:40]!a} of {len(shape.points)} points, which has no extent or is "
        "not supported: draw a rectangle, polygon or circle"
    )


def _write(folder: Path, collection: Collection, options: WriteOptions) -> None:
    files = files_by_stem(folder, collection.names, _SUFFIX)
    for file, image in zip(files, collection, strict=True):
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [_format_shape(box) for box in image.objects],
            "imagePath": _path_from(file.parent, image.filename, options.images),
            "imageData": None,
            "imageHeight": image.height or None,
            "imageWidth": image.width or None,
        }
        write_lines(file, [json.dumps(content, ensure_ascii=False, indent=2), "\n"])


def _path_from(folder: Path, name: str, images: ImageFolder | None) -> str:
    """Return the path of an image as seen from the annotations, by which editors open it."""
    with suppress(InputError):
        path = None if images is None else images.find(name)
        if path is not None:
            return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    return name


def _format_shape(box: ObjectBox) -> dict[str, Any]:
    attributes: dict[str, Any] = {} if box.pose == "Unspecified" else {"pose": box.pose}
    for name, text in box.attributes:
        known = attributes.get(name)
        if known is None:
            attributes[name] = text
        else:
            attributes[name] = [*(known if isinstance(known, list) else [known]), text]
    return {
        "label": box.label,
        "points": [[box.xmin, box.ymin], [box.xmax, box.ymax]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        # LabelMe shows flags, also those of its option --label-flags, and keeps all else.
        "flags": {name: True for name in _FLAGS if getattr(box, name)},
        "attributes": attributes,
    }


FORMAT = AnnotationFormat(
    name="labelme",
    title="LabelMe and X-AnyLabeling JSON",
    supports=frozenset(get_args(Feature)),
    recognises=_recognises,
    read=_read,
    write=_write,
)
