"""VGG Image Annotator JSON and CSV, versions 1 and 2, read-only: shapes become bounding boxes.

All files that VIA saves are read: annotations alone, whole projects with the annotations under
``_via_img_metadata``, and tables with a row for each region.  Coordinates are 0-based pixels.

Settings: ``columns``, whose ``label`` names the attribute that is the class; ``class_name``, the
class of regions without one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ...errors import InputError
from ...files.safe_readers import read_json, read_text
from ...files.text_encoding import encoding_of
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .json_fields import Pixels, Text, json_head, parse_entry, read_images, text_pairs

__all__ = ["FORMAT"]

_PROJECT = "_via_img_metadata"
_TABLE = ".csv"
_HEAD_BYTES = 4096
_MAX_BYTES = 2**29
_MARK = re.compile(rf'\{{.*("{_PROJECT}"|"(regions|file_attributes)")\s*:', re.DOTALL)

# Attributes that hold the class of a region, in order of preference, in any case.
_CLASS_NAMES = ("label", "class", "name", "type")

_Edges = tuple[float, float, float, float]


class _Image(BaseModel):
    filename: Text
    # In version 1 the regions are an object with indices as keys.
    regions: list[Any] | dict[str, Any] = []


class _Rectangle(BaseModel):
    name: Literal["rect"]
    x: Pixels
    y: Pixels
    width: Pixels
    height: Pixels

    def edges(self) -> _Edges:
        return self.x, self.y, self.x + self.width, self.y + self.height


class _Circle(BaseModel):
    name: Literal["circle"]
    cx: Pixels
    cy: Pixels
    r: Pixels

    def edges(self) -> _Edges:
        return self.cx - self.r, self.cy - self.r, self.cx + self.r, self.cy + self.r


class _Ellipse(BaseModel):
    name: Literal["ellipse"]
    cx: Pixels
    cy: Pixels
    rx: Pixels
    ry: Pixels
    # Version 1 has no angle, version 2 one in radians, from x towards y.
    theta: Pixels = 0.0

    def edges(self) -> _Edges:
        cos, sin = math.cos(self.theta), math.sin(self.theta)
        half_width = math.hypot(self.rx * cos, self.ry * sin)
        half_height = math.hypot(self.rx * sin, self.ry * cos)
        return (
            self.cx - half_width,
            self.cy - half_height,
            self.cx + half_width,
            self.cy + half_height,
        )


class _Polygon(BaseModel):
    name: Literal["polygon", "polyline"]
    all_points_x: list[Pixels]
    all_points_y: list[Pixels]

    def edges(self) -> _Edges:
        xs, ys = self.all_points_x, self.all_points_y
        if not xs or len(xs) != len(ys):
            raise ValueError(f"has {len(xs)} x and {len(ys)} y coordinates")
        return min(xs), min(ys), max(xs), max(ys)


class _Region(BaseModel):
    shape_attributes: Annotated[
        _Rectangle | _Circle | _Ellipse | _Polygon, Field(discriminator="name")
    ]
    region_attributes: dict[str, Any]


def _recognises(path: Path) -> bool:
    if path.suffix.lower() == _TABLE and path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
            return "region_shape_attributes" in head.decode(encoding_of(head), "replace")
        except OSError:
            return False
    return _MARK.match(json_head(path)) is not None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    if path.suffix.lower() == _TABLE:
        content: Any = _table(path)
    else:
        content = read_json(path, parse_constant=float)
    if isinstance(content, dict):
        content = content.get(_PROJECT, content)
    if not isinstance(content, dict):
        raise InputError(f"{path} is not JSON of VGG Image Annotator: it lists no images.")
    entries = ((ascii(key[:60]), entry) for key, entry in content.items())
    region = partial(_object, *_class_settings(options))
    yield from read_images(path, entries, _image, region, "region", options)


def _table(path: Path) -> dict[str, Any]:
    """Return a table of regions in the form of the JSON, by the names of the images."""
    images: dict[str, dict[str, Any]] = {}
    try:
        for row in csv.DictReader(io.StringIO(read_text(path, _MAX_BYTES)), strict=True):
            name = row.get("filename") or ""
            image = images.setdefault(name, {"filename": name, "regions": []})
            shape = _cell(row, "region_shape_attributes")
            # An image without regions has one row with an empty shape.
            if shape != {}:
                attributes = _cell(row, "region_attributes")
                image["regions"].append(
                    {"shape_attributes": shape, "region_attributes": attributes}
                )
    except csv.Error as error:
        raise InputError(f"{path} is not a table of VGG Image Annotator ({error}).") from error
    return images


def _cell(row: dict[str, Any], column: str) -> Any:
    """Return the JSON in a cell, or its text if it is not JSON, which is refused later."""
    text = row.get(column) or "{}"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _class_settings(options: ReadOptions) -> tuple[tuple[str, ...], str]:
    """Return the attributes that may hold the class, and the class of regions without one."""
    chosen = dict(options.settings.get("columns") or {}).get("label")
    names = _CLASS_NAMES if chosen is None else (str(chosen).lower(),)
    return names, str(options.settings.get("class_name") or "")


def _image(entry: object) -> tuple[str, list[Any]]:
    image = parse_entry(_Image, entry)
    regions = image.regions
    return image.filename, list(regions.values()) if isinstance(regions, dict) else regions


def _object(class_attributes: tuple[str, ...], default: str, entry: object) -> ObjectBox:
    region = parse_entry(_Region, entry)
    edges = region.shape_attributes.edges()
    pairs: list[tuple[str, str]] = []
    for name, value in region.region_attributes.items():
        # Check boxes are stored as {"spiral": true, "barred": false}.
        ticked = [k for k, v in value.items() if v] if isinstance(value, dict) else value
        pairs += text_pairs({name: ticked})
    place = _class_index(pairs, class_attributes)
    if place is None and default:
        return ObjectBox(default, *edges, attributes=tuple(pairs))
    if place is None:
        raise ValueError(
            f"does not give its class: call the attribute that holds it {_CLASS_NAMES[0]!r}, name "
            "it with --column label=ATTRIBUTE, or give one class for all with --class-name"
        )
    name, label = pairs.pop(place)
    if not label.strip() and default:
        label = default
    if not label.strip():
        raise ValueError(f"has a blank class ({name})")
    return ObjectBox(label, *edges, attributes=tuple(pairs))


def _class_index(pairs: list[tuple[str, str]], class_attributes: tuple[str, ...]) -> int | None:
    """Return the index of the attribute that is the class; None if none is."""
    names = [name.lower() for name, _ in pairs]
    place = next((names.index(name) for name in class_attributes if name in names), 0)
    named = bool(pairs) and names[place] in class_attributes
    if not named and (len(pairs) != 1 or class_attributes is not _CLASS_NAMES):
        return None
    if names.count(names[place]) > 1:
        raise ValueError(f"has several classes under {pairs[place][0]!r}: leave one")
    return place


FORMAT = AnnotationFormat(
    name="via",
    title="VGG Image Annotator JSON",
    supports=frozenset(),
    recognises=_recognises,
    read=_read,
)
