"""Read COCO detection JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from .flags import parse_flag
from .format import ReadOptions
from .json_values import (
    describe,
    need_count,
    need_dict,
    need_flag,
    need_list,
    need_number,
    need_text,
    text_pairs,
)
from .locate import locate
from .widths import far_edge

__all__ = ["coco_file", "read_coco", "read_coco_classes"]

_ROBOFLOW = "_annotations.coco.json"

_Entry = dict[str, Any]
_Id = int | float | str
_Pairs = tuple[tuple[str, str], ...]
_T = TypeVar("_T")


def coco_file(path: Path) -> Path:
    """Return the JSON file: the path itself, or the one in a folder that Roboflow exported."""
    return path / _ROBOFLOW if path.is_dir() else path


def read_coco(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Yield the images in the order of the file, also those without annotations.

    An annotation without a box gets that around its polygons; run-length masks are not decoded.
    ``ignore``, as some tools write it, means the same as ``iscrowd``.

    Parameters
    ----------
    path : Path
        The JSON file, or a folder that Roboflow exported.
    reading : ReadOptions
        Of its parts, `images` and `on_error` are used.

    Raises
    ------
    InputError
        If the file cannot be read or is not COCO.
    """
    file = coco_file(path)
    content = _content(file)
    data = _Data(file, reading.on_error)
    data.go_through("category", content["categories"], data.add_category)
    data.go_through("image", content["images"], data.add_image)
    data.go_through("annotation", content["annotations"], data.add_annotation)
    for image_id, image in data.images.items():
        objects = data.go_through("annotation", data.annotations[image_id], data.read_object)
        annotated = AnnotatedImage(
            image.filename, image.width, image.height, image.depth, tuple(objects)
        )
        try:
            yield file, locate(annotated, reading.images)
        except InputError as error:
            reading.on_error(error)


def read_coco_classes(path: Path) -> tuple[str, ...]:
    """Return the names of the categories by ascending id; what is no category is left out.

    Raises
    ------
    InputError
        If the file cannot be read or is not COCO.
    """
    file = coco_file(path)
    data = _Data(file, lambda _: None)
    data.go_through("category", _content(file)["categories"], data.add_category)
    ids = sorted(data.labels, key=lambda key: (isinstance(key, str), key))
    return tuple(dict.fromkeys(data.labels[key] for key in ids))


class _Data:
    """The three lists of a COCO file by id; what cannot be understood goes to `on_error`."""

    def __init__(self, file: Path, on_error: Callable[[InputError], None]) -> None:
        self.file = file
        self.on_error = on_error
        self.labels: dict[_Id, str] = {}
        self.images: dict[_Id, AnnotatedImage] = {}
        self.annotations: dict[_Id, list[_Entry]] = {}

    def go_through(self, kind: str, entries: list[Any], take: Callable[[_Entry], _T]) -> list[_T]:
        """Return what `take` makes of each entry, without those that it refuses."""
        taken = []
        for entry in entries:
            try:
                taken.append(take(need_dict(entry, "content")))
            except ValueError as error:
                name = describe(entry.get("id") if isinstance(entry, dict) else None)
                self.on_error(InputError(f"{self.file}: the {kind} whose id is {name} {error}."))
        return taken

    def add_category(self, entry: _Entry) -> None:
        key = _id(entry, "id")
        label = need_text(entry.get("name"), "a name")
        if self.labels.setdefault(key, label) != label:
            raise ValueError(f"is called {label!r}, but was called {self.labels[key]!r} before")

    def add_image(self, entry: _Entry) -> None:
        key = _id(entry, "id")
        if key in self.images:
            raise ValueError("has the id of an earlier image")
        self.images[key] = AnnotatedImage(
            need_text(entry.get("file_name"), "a file_name"),
            need_count(entry.get("width"), "a width"),
            need_count(entry.get("height"), "a height"),
            need_count(entry.get("depth", 3), "a depth"),
        )
        self.annotations[key] = []

    def add_annotation(self, entry: _Entry) -> None:
        key = _id(entry, "image_id")
        if key not in self.annotations:
            raise ValueError(f"belongs to image {key!a:.40}, which the file does not have")
        self.annotations[key].append(entry)

    def read_object(self, entry: _Entry) -> ObjectBox:
        key = _id(entry, "category_id")
        if key not in self.labels:
            raise ValueError(f"is of category {key!a:.40}, which the file does not have")
        difficult = any(need_flag(entry.get(name), name) for name in ("iscrowd", "ignore"))
        attributes = tuple(text_pairs(need_dict(entry.get("attributes") or {}, "attributes")))
        truncated, attributes = _take(attributes, "truncated", parse_flag, False)
        pose, attributes = _take(attributes, "pose", str, "Unspecified")
        return ObjectBox(self.labels[key], *_edges(entry), difficult, truncated, pose, attributes)


def _content(file: Path) -> dict[str, list[Any]]:
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise InputError(f"{file} is not COCO: it has no list of images.")
    try:
        return {
            name: need_list(content.get(name, []), name)
            for name in ("images", "annotations", "categories")
        }
    except ValueError as error:
        raise InputError(f"{file} is not COCO: it {error}.") from error


def _id(entry: _Entry, name: str) -> _Id:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"has {name} that is {describe(value)}, neither number nor text")
    return value


def _edges(entry: _Entry) -> tuple[float, float, float, float]:
    if entry.get("bbox"):
        bounds = need_list(entry["bbox"], "a bbox")
        if len(bounds) != 4:
            raise ValueError(f"has a bbox of {len(bounds)} numbers, not 4")
        x, y, width, height = (need_number(value, "a part of its bbox") for value in bounds)
        return x, y, far_edge(x, width), far_edge(y, height)
    outline = entry.get("segmentation")
    if not outline or isinstance(outline, dict):
        raise ValueError("has neither a bbox nor polygons")
    numbers = []
    for polygon in need_list(outline, "a segmentation"):
        corners = need_list(polygon, "a polygon")
        if len(corners) % 2:
            raise ValueError("has a polygon of an odd number of coordinates")
        numbers += [need_number(value, "a corner of a polygon") for value in corners]
    if not numbers:
        raise ValueError("has neither a bbox nor polygons")
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _take(pairs: _Pairs, name: str, parse: Callable[[str], _T], default: _T) -> tuple[_T, _Pairs]:
    """Return the first value of that name which can be parsed, and the other pairs."""
    for place, (found, text) in enumerate(pairs):
        if found == name:
            try:
                return parse(text), pairs[:place] + pairs[place + 1 :]
            except ValueError:
                continue
    return default, pairs
