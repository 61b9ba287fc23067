"""XML of CVAT ("CVAT for images 1.1"), read-only: shapes become their bounding boxes.

Coordinates are 0-based pixels, rotations clockwise degrees.  An occluded object is truncated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from ...errors import InputError
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .image_files import locate
from .numbers import parse_count, parse_flag, parse_number
from .shapes import Edges, around_ellipse, around_points, around_rectangle, parse_objects
from .xml_elements import read_root

__all__ = ["FORMAT"]

# Name of the file in the archive that CVAT exports.
_NAME = "annotations.xml"

_HEAD_BYTES = 4096
_MARKS = (b"<version", b"<meta", b"<image", b"<track")
_ROOT = b"<annotations"

# An image with 10,000 objects takes about 2 MB, and a file holds all images.
_MAX_BYTES = 256 * 2**20

# Elements of an image that are no objects: a tag is of the whole image.
_OTHER = ("tag",)


def _file(path: Path) -> Path:
    return path / _NAME if path.is_dir() else path


def _recognises(path: Path) -> bool:
    try:
        file = _file(path)
        if file.suffix.lower() != ".xml" or not file.is_file():
            return False
        with file.open("rb") as opened:
            _, root, rest = opened.read(_HEAD_BYTES).partition(_ROOT)
        return bool(root) and any(mark in rest for mark in _MARKS)
    except (OSError, ValueError):
        return False


def _read_root(path: Path) -> etree._Element:
    root = read_root(path, _MAX_BYTES)
    if root.tag != "annotations":
        raise InputError(f"{path} is not XML of CVAT: its root is <{root.tag}>, not <annotations>.")
    return root


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    file = _file(path)
    root = _read_root(file)
    if root.find("track") is not None:
        options.on_error(
            InputError(
                f"{file} has tracks, which do not name their images. Export the task as "
                '"CVAT for images 1.1".'
            )
        )
    for number, element in enumerate(root.iterchildren("image")):
        try:
            image = _image(file, number, element, options)
            if image is not None:
                yield file, locate(image, options.images)
        except InputError as error:
            options.on_error(error)


def _image(
    file: Path, number: int, element: etree._Element, options: ReadOptions
) -> AnnotatedImage | None:
    name = element.get("name", "").strip()
    if not name:
        raise InputError(f"{file}: image {number} has no name.")
    try:
        width, height = (parse_count(element.get(key, "")) for key in ("width", "height"))
    except ValueError as error:
        raise InputError(f"{file}: the size of {name} is wrong: {error}.") from error
    parts = [part for part in element.iterchildren() if part.tag not in _OTHER]
    objects = parse_objects(file, name, parts, _object, "shape", options)
    return None if objects is None else AnnotatedImage(name, width, height, objects=objects)


def _object(element: etree._Element) -> ObjectBox:
    label = element.get("label", "").strip()
    if not label:
        raise ValueError("has no label")
    pairs = [
        (attribute.get("name", ""), (attribute.text or "").strip())
        for attribute in element.iterchildren("attribute")
    ]
    values = dict(pairs)
    try:
        edges = _edges(element)
        difficult = parse_flag(values.get("difficult", ""))
        truncated = parse_flag(values.get("truncated", "")) or parse_flag(
            element.get("occluded", "")
        )
    except ValueError as error:
        raise ValueError(f"({label}) {error}") from None
    others = tuple(pair for pair in pairs if pair[0] not in ("difficult", "truncated"))
    return ObjectBox(label, *edges, difficult, truncated, attributes=others)


def _edges(element: etree._Element) -> Edges:
    if element.tag == "box":
        xmin, ymin, xmax, ymax = (_number(element, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        return around_rectangle((xmin, ymin, xmax, ymax), _rotation(element))
    if element.tag == "ellipse":
        x, y, rx, ry = (_number(element, key) for key in ("cx", "cy", "rx", "ry"))
        return around_ellipse(x, y, rx, ry, _rotation(element))
    if element.tag == "mask":
        left, top, width, height = (
            _number(element, key) for key in ("left", "top", "width", "height")
        )
        return left, top, left + width, top + height
    if element.tag in ("polygon", "polyline"):
        return around_points(_point(text) for text in element.get("points", "").split(";"))
    raise ValueError(
        f"is a {element.tag[:40]!a}, which has no extent or is not supported: draw a box, "
        "ellipse or polygon"
    )


def _number(element: etree._Element, key: str) -> float:
    return parse_number(element.get(key, ""))


def _rotation(element: etree._Element) -> float:
    return parse_number(element.get("rotation", "0"))


def _point(text: str) -> tuple[float, float]:
    x, comma, y = text.partition(",")
    if not comma:
        raise ValueError(f"has a wrong point: {text[:40]!a}")
    return parse_number(x), parse_number(y)


def _read_class_list(path: Path) -> tuple[str, ...] | None:
    """Return the labels of the task, in their order."""
    meta = _read_root(_file(path)).find("meta")
    names = [] if meta is None else [label.findtext("name") for label in meta.iter("label")]
    return tuple(dict.fromkeys(name.strip() for name in names if name and name.strip())) or None


FORMAT = AnnotationFormat(
    name="cvat",
    title="CVAT XML",
    supports=frozenset({"empty", "size", "difficult", "truncated", "attributes"}),
    recognises=_recognises,
    read=_read,
    read_classes=_read_class_list,
)
