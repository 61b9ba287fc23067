"""VGG Image Annotator JSON, versions 1 and 2, read only: its shapes become the boxes around them.

Both files that VIA saves are read: the annotations alone, and the whole project, in which they
stand under ``_via_img_metadata``.  Its coordinates are 0-based pixels, as ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .json_images import read_images
from .json_values import (
    describe,
    json_head,
    need_dict,
    need_list,
    need_number,
    need_text,
    text_pairs,
)

__all__ = ["FORMAT"]

_PROJECT = "_via_img_metadata"
_MARK = re.compile(rf'\{{.*("{_PROJECT}"|"(regions|file_attributes)")\s*:', re.DOTALL)

_CLASS_NAMES = ("label", "class", "name", "type")
"""Attributes that hold the class of a region, in this order, whatever their case."""

_Edges = tuple[float, float, float, float]


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(path)) is not None


def _read(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    content = read_json(path)
    if isinstance(content, dict):
        content = content.get(_PROJECT, content)
    if not isinstance(content, dict):
        raise InputError(f"{path} is no JSON of VGG Image Annotator: it lists no images.")
    entries = ((ascii(key[:60]), entry) for key, entry in content.items())
    yield from read_images(path, entries, _image, _object, "region", reading)


def _image(entry: object) -> tuple[str, list[Any]]:
    """Return name and regions; version 1 numbers the regions in an object."""
    image = need_dict(entry, "content")
    regions = image.get("regions", [])
    if isinstance(regions, dict):
        regions = list(regions.values())
    return need_text(image.get("filename"), "a filename"), need_list(regions, "regions")


def _object(region: object) -> ObjectBox:
    parts = need_dict(region, "content")
    edges = _edges(need_dict(parts.get("shape_attributes"), "shape_attributes"))
    pairs = []
    for name, value in need_dict(parts.get("region_attributes"), "region_attributes").items():
        # The answers of a check box come as {"spiral": true, "barred": false}.
        ticked = [k for k, v in value.items() if v] if isinstance(value, dict) else value
        pairs += list(text_pairs({name: ticked}))
    place = _class_place(pairs)
    label = need_text(pairs[place][1], f"a class ({pairs[place][0]})")
    return ObjectBox(label, *edges, attributes=tuple(pairs[:place] + pairs[place + 1 :]))


def _class_place(pairs: list[tuple[str, str]]) -> int:
    """Return which of the attributes is the class."""
    names = [name.lower() for name, _ in pairs]
    place = next((names.index(name) for name in _CLASS_NAMES if name in names), 0)
    if not pairs or (len(pairs) > 1 and names[place] not in _CLASS_NAMES):
        raise ValueError(
            f"does not say its class: call the attribute that holds it {_CLASS_NAMES[0]!r}"
        )
    if names.count(names[place]) > 1:
        raise ValueError(f"has several classes under {pairs[place][0]!r}: leave one")
    return place


def _edges(shape: dict[str, Any]) -> _Edges:
    kind = shape.get("name")
    if kind == "rect":
        x, y, width, height = _numbers(shape, "x", "y", "width", "height")
        return x, y, x + width, y + height
    if kind == "circle":
        x, y, radius = _numbers(shape, "cx", "cy", "r")
        return x - radius, y - radius, x + radius, y + radius
    if kind == "ellipse":
        # Version 1 has no angle, version 2 one in radians, from x towards y.
        x, y, a, b, angle = _numbers({"theta": 0, **shape}, "cx", "cy", "rx", "ry", "theta")
        half_width = math.hypot(a * math.cos(angle), b * math.sin(angle))
        half_height = math.hypot(a * math.sin(angle), b * math.cos(angle))
        return x - half_width, y - half_height, x + half_width, y + half_height
    if kind in ("polygon", "polyline"):
        xs, ys = (
            [need_number(value, f"a part of {name}") for value in need_list(shape.get(name), name)]
            for name in ("all_points_x", "all_points_y")
        )
        if not xs or len(xs) != len(ys):
            raise ValueError(f"has {len(xs)} x and {len(ys)} y coordinates")
        return min(xs), min(ys), max(xs), max(ys)
    raise ValueError(f"has a shape that is {describe(kind)}, which has no box")


def _numbers(shape: dict[str, Any], *names: str) -> tuple[float, ...]:
    return tuple(need_number(shape.get(name), name) for name in names)


FORMAT = AnnotationFormat(
    name="via",
    title="VGG Image Annotator JSON",
    supports=frozenset(),
    recognises=_recognises,
    read=_read,
)
