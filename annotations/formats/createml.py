"""CreateML JSON, as Apple's Create ML, labelImg and Roboflow have it: one file for all images.

A box is given by its centre, width and height in pixels, 0-based from the top left, so that its
edges are ours.  The format knows neither the size of an image nor anything of an object beyond its
class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.atomic import atomic_path
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .decimals import EXACT, decimal_from_text, show_decimal
from .format import AnnotationFormat, ReadOptions, WriteOptions
from .json_images import read_images
from .json_values import json_head, need_dict, need_list, need_number, need_text

__all__ = ["FORMAT"]

_ROBOFLOW = "_annotations.createml.json"
_MARK = re.compile(r'\[\s*(\]\s*$|\{.*"(image|imagefilename)"\s*:)', re.DOTALL)


def _file(path: Path) -> Path:
    return path / _ROBOFLOW if path.is_dir() else path


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(_file(path))) is not None


def _read(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    file = _file(path)
    content = read_json(file, parse_float=decimal_from_text)
    if not isinstance(content, list):
        raise InputError(f"{file} is not CreateML: it is no list of images.")
    yield from read_images(file, enumerate(content), _image, _object, "object", reading)


def _image(entry: object) -> tuple[str, list[Any]]:
    """Return name and annotations; Apple's own pages show two spellings of the keys."""
    image = need_dict(entry, "content")
    name = need_text(image.get("image", image.get("imagefilename")), "an image")
    annotations = image.get("annotations", image.get("annotation", []))
    return name, need_list(annotations, "annotations")


def _object(annotation: object) -> ObjectBox:
    parts = need_dict(annotation, "content")
    label = need_text(parts.get("label"), "a label")
    coordinates = need_dict(parts.get("coordinates"), "coordinates")
    x, y, width, height = (
        _number(coordinates.get(name), name) for name in ("x", "y", "width", "height")
    )
    (xmin, xmax), (ymin, ymax) = _edges(x, width), _edges(y, height)
    return ObjectBox(label, xmin, ymin, xmax, ymax)


def _number(value: object, name: str) -> Decimal:
    need_number(float(value) if isinstance(value, Decimal) else value, name)
    return Decimal(value)  # type: ignore[arg-type]


def _edges(centre: Decimal, extent: Decimal) -> tuple[float, float]:
    half = EXACT.divide(extent, 2)
    return float(EXACT.subtract(centre, half)), float(EXACT.add(centre, half))


def _write(path: Path, collection: Collection, writing: WriteOptions) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        separator = "\n"
        for image in collection:
            file.write(separator + _entry(image))
            separator = ",\n"
        file.write("\n]\n")


def _entry(image: AnnotatedImage) -> str:
    annotations = ", ".join(
        f'{{"label": {json.dumps(box.label)}, "coordinates": {_coordinates(box)}}}'
        for box in image.objects
    )
    return f'{{"image": {json.dumps(image.filename)}, "annotations": [{annotations}]}}'


def _coordinates(box: ObjectBox) -> str:
    x, width = _centre_and_extent(box.xmin, box.xmax)
    y, height = _centre_and_extent(box.ymin, box.ymax)
    return f'{{"x": {x}, "y": {y}, "width": {width}, "height": {height}}}'


def _centre_and_extent(low: float, high: float) -> tuple[str, str]:
    first, last = Decimal(repr(low)), Decimal(repr(high))
    centre = EXACT.divide(EXACT.add(first, last), 2)
    return show_decimal(centre), show_decimal(EXACT.subtract(last, first))


FORMAT = AnnotationFormat(
    name="createml",
    title="CreateML JSON",
    supports=frozenset({"empty"}),
    recognises=_recognises,
    read=_read,
    write=_write,
    suffix=".json",
)
