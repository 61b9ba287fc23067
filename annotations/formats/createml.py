"""CreateML JSON of Apple's Create ML, labelImg and Roboflow: one file for all images, or for each.

A box is given by its centre, width and height in pixels, 0-based from the top left.  The format
has no image sizes, and no attributes of objects but the class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from ...errors import InputError
from ...files.atomic import atomic_path
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .format import AnnotationFormat, ReadOptions, WriteOptions
from .image_files import annotation_files, any_annotation_file
from .json_fields import Text, json_head, parse_entry, read_images
from .numbers import EXACT, LARGEST_PIXEL, format_decimal, parse_decimal

__all__ = ["FORMAT"]

_ROBOFLOW = "_annotations.createml.json"
_MARK = re.compile(r'\[\s*(\]\s*$|\{.*"(image|imagefilename)"\s*:)', re.DOTALL)

_Number = Annotated[
    Decimal,
    BeforeValidator(lambda value: Decimal(value) if type(value) is int else value),
    Field(strict=True, gt=-int(LARGEST_PIXEL), lt=int(LARGEST_PIXEL)),
]


class _Image(BaseModel):
    # Apple's documentation uses two spellings of the keys.
    image: Text = Field(validation_alias=AliasChoices("image", "imagefilename"))
    annotations: list[Any] = Field(
        default=[], validation_alias=AliasChoices("annotations", "annotation")
    )


class _Coordinates(BaseModel):
    x: _Number
    y: _Number
    width: _Number
    height: _Number


class _Object(BaseModel):
    label: Text
    coordinates: _Coordinates


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json" and not path.name.startswith(".") and path.is_file()


def _recognises(path: Path) -> bool:
    exported = path / _ROBOFLOW
    file = exported if exported.is_file() else any_annotation_file(path, _is_json)
    return file is not None and _MARK.match(json_head(file)) is not None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    exported = path / _ROBOFLOW
    if path.is_file() or exported.is_file():
        yield from _read_file(exported if path.is_dir() else path, options)
        return
    for file in annotation_files(path, _is_json, ".json file"):
        try:
            yield from _read_file(file, options)
        except InputError as error:
            options.on_error(error)


def _read_file(file: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    content = read_json(file, parse_decimal, float)
    if not isinstance(content, list):
        raise InputError(f"{file} is not CreateML: it is not a list of images.")
    yield from read_images(file, enumerate(content), _image, _object, "object", options)


def _image(entry: object) -> tuple[str, list[Any]]:
    image = parse_entry(_Image, entry)
    return image.image, image.annotations


def _object(annotation: object) -> ObjectBox:
    entry = parse_entry(_Object, annotation)
    box = entry.coordinates
    (xmin, xmax), (ymin, ymax) = _edges(box.x, box.width), _edges(box.y, box.height)
    return ObjectBox(entry.label, xmin, ymin, xmax, ymax)


def _edges(centre: Decimal, extent: Decimal) -> tuple[float, float]:
    half = EXACT.divide(extent, 2)
    return float(EXACT.subtract(centre, half)), float(EXACT.add(centre, half))


def _write(path: Path, collection: Collection, options: WriteOptions) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        separator = "\n"
        for image in collection:
            file.write(separator + _format_image(image))
            separator = ",\n"
        file.write("\n]\n")


def _format_image(image: AnnotatedImage) -> str:
    annotations = ", ".join(
        f'{{"label": {json.dumps(box.label)}, "coordinates": {_format_coordinates(box)}}}'
        for box in image.objects
    )
    return f'{{"image": {json.dumps(image.filename)}, "annotations": [{annotations}]}}'


def _format_coordinates(box: ObjectBox) -> str:
    x, width = _centre_and_extent(box.xmin, box.xmax)
    y, height = _centre_and_extent(box.ymin, box.ymax)
    return f'{{"x": {x}, "y": {y}, "width": {width}, "height": {height}}}'


def _centre_and_extent(low: float, high: float) -> tuple[str, str]:
    first, last = Decimal(repr(low)), Decimal(repr(high))
    centre = EXACT.divide(EXACT.add(first, last), 2)
    return format_decimal(centre), format_decimal(EXACT.subtract(last, first))


FORMAT = AnnotationFormat(
    name="createml",
    title="CreateML JSON",
    supports=frozenset({"empty"}),
    recognises=_recognises,
    read=_read,
    write=_write,
    suffix=".json",
)
