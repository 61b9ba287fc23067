"""COCO detection JSON: one file for all images.

A box is ``[x, y, width, height]`` in pixels, 0-based.  A difficult box is written as a crowd, which
COCO ignores in scoring; ``truncated``, ``pose`` and all other attributes of an object are stored in
``attributes``, following CVAT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator

from ...errors import InputError
from ...files.atomic import atomic_path
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..classes import index_of
from ..collection import Collection
from .format import AnnotationFormat, Feature, ReadOptions, WriteOptions, none_left
from .image_files import locate
from .json_fields import (
    Count,
    Entry,
    Flag,
    Id,
    Pixels,
    Text,
    describe,
    json_head,
    parse_entry,
    text_pairs,
)
from .numbers import edge_from_width, parse_flag, width_between

__all__ = ["FORMAT", "read_coco", "read_coco_ids", "write_coco"]

_ROBOFLOW = "_annotations.coco.json"
_MARK = re.compile(r'\{.*"(images|annotations|categories)"\s*:\s*\[', re.DOTALL)
_encode = json.JSONEncoder(allow_nan=False).encode

_EmptyAsNone = BeforeValidator(lambda value: value or None)
_NoneAsEmpty = BeforeValidator(lambda value: [] if value is None else value)
_OnError = Callable[[InputError], None]
_Pairs = tuple[tuple[str, str], ...]
_T = TypeVar("_T")


class _File(BaseModel):
    images: list[Any]
    annotations: Annotated[list[Any], _NoneAsEmpty] = []
    categories: Annotated[list[Any], _NoneAsEmpty] = []


class _Category(BaseModel):
    id: Id
    name: Text


class _Image(BaseModel):
    id: Id
    file_name: Text
    width: Count = None
    height: Count = None
    depth: Count = 3.0


class _Annotation(BaseModel):
    image_id: Id
    category_id: Id
    bbox: Annotated[list[Pixels] | None, _EmptyAsNone] = None
    segmentation: Any = None
    iscrowd: Flag = False
    ignore: Flag = False
    attributes: Annotated[dict[str, Any] | None, _EmptyAsNone] = None


class _Polygons(BaseModel):
    segmentation: list[list[Pixels]]


def read_coco(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Yield the images in the order of the file, also those without annotations.

    An annotation without a box gets the bounding box of its polygons; run-length masks are not
    decoded.  ``ignore``, which some tools write, is a synonym of ``iscrowd``.

    Parameters
    ----------
    path : Path
        The JSON file, or a folder that Roboflow exported.
    options : ReadOptions
        `images` supply sizes that the file lacks.

    Yields
    ------
    (Path, AnnotatedImage)
        The JSON file and one image.

    Raises
    ------
    InputError
        If the file cannot be read or is not COCO.  Malformed images and annotations are passed to
        `options.on_error`.
    """
    file = _json_file(path)
    content = _content(file)
    labels = _read_categories(file, content.categories, options.on_error)
    images: dict[Id, _Image] = {}
    for image in _parse_all(file, "image", _Image, content.images, options.on_error):
        if images.setdefault(image.id, image) is not image:
            options.on_error(_entry_error(file, "image", image.id, "has the id of an earlier one"))
    annotations = _group(file, content.annotations, images, options.on_error)
    for key, image in images.items():
        objects = []
        for entry in annotations[key]:
            try:
                objects.append(_object(parse_entry(_Annotation, entry), labels))
            except ValueError as error:
                options.on_error(_entry_error(file, "annotation", entry.get("id"), error))
        if annotations[key] and not objects:
            options.on_error(none_left(file, image.file_name, len(annotations[key])))
            continue
        width, height, depth = (int(n or 0) for n in (image.width, image.height, image.depth))
        annotated = AnnotatedImage(image.file_name, width, height, depth, tuple(objects))
        try:
            yield file, locate(annotated, options.images)
        except InputError as error:
            options.on_error(error)


def read_coco_ids(
    path: Path, on_error: Callable[[InputError], None]
) -> tuple[dict[Id, AnnotatedImage], dict[Id, str]]:
    """Return the images, without objects, and the names of the classes by their ids.

    Parameters
    ----------
    path : Path
        As for `read_coco`.
    on_error : callable
        Called with the error of each image or category that is left out.

    Raises
    ------
    InputError
        If the file cannot be read or is not COCO.
    """
    file = _json_file(path)
    content = _content(file)
    images = {
        image.id: AnnotatedImage(image.file_name, int(image.width or 0), int(image.height or 0))
        for image in _parse_all(file, "image", _Image, content.images, on_error)
    }
    return images, _read_categories(file, content.categories, on_error)


def write_coco(path: Path, collection: Collection, options: WriteOptions) -> None:
    """Write annotations as one COCO detection file.

    Ids of images, annotations and categories count from 1.

    Parameters
    ----------
    path : Path
        The JSON file; replaced if it exists.
    collection : Collection
        The annotations.
    options : WriteOptions
        Only the classes are used.

    Raises
    ------
    InputError
        If a label is not among the classes.
    OutputError
        If the file cannot be written.
    """
    names = options.class_names
    categories = [
        {"id": number, "name": name, "supercategory": ""} for number, name in enumerate(names, 1)
    ]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"images": [')
        separator = "\n"
        for image_id, image in enumerate(collection.frames(), 1):
            file.write(separator + _encode(_format_image(image, image_id)))
            separator = ",\n"
        file.write('\n],\n"annotations": [')
        _write_annotations(file, collection, names)
        file.write(f'\n],\n"categories": {_encode(categories)}}}\n')


def _json_file(path: Path) -> Path:
    return path / _ROBOFLOW if path.is_dir() else path


def _content(file: Path) -> _File:
    try:
        return parse_entry(_File, read_json(file, parse_constant=float))
    except ValueError as error:
        raise InputError(f"{file} is not COCO: it {error}.") from error


def _entry_error(file: Path, kind: str, key: object, error: object) -> InputError:
    return InputError(f"{file}: the {kind} whose id is {describe(key)} {error}.")


def _parse_all(
    file: Path, kind: str, model: type[Entry], entries: list[Any], on_error: _OnError
) -> Iterator[Entry]:
    for entry in entries:
        try:
            yield parse_entry(model, entry)
        except ValueError as error:
            key = entry.get("id") if isinstance(entry, dict) else None
            on_error(_entry_error(file, kind, key, error))


def _read_categories(file: Path, entries: list[Any], on_error: _OnError) -> dict[Id, str]:
    labels: dict[Id, str] = {}
    for category in _parse_all(file, "category", _Category, entries, on_error):
        name, known = category.name, labels.setdefault(category.id, category.name)
        if name != known:
            error = f"is called {name!r}, but was called {known!r} before"
            on_error(_entry_error(file, "category", category.id, error))
    return labels


def _read_class_list(path: Path) -> tuple[str, ...]:
    """Return the names of the categories by ascending id; malformed ones are left out."""
    file = _json_file(path)
    labels = _read_categories(file, _content(file).categories, lambda _: None)
    ids = sorted(labels, key=lambda key: (isinstance(key, str), key))
    return tuple(dict.fromkeys(labels[key] for key in ids))


def _group(
    file: Path, entries: list[Any], images: dict[Id, _Image], on_error: _OnError
) -> dict[Id, list[dict[str, Any]]]:
    """Group the annotations, not yet validated, by image id."""
    groups: dict[Id, list[dict[str, Any]]] = {key: [] for key in images}
    for entry in entries:
        try:
            groups[entry["image_id"]].append(entry)
        except (KeyError, TypeError):
            key = entry.get("id") if isinstance(entry, dict) else None
            try:
                image = parse_entry(_Annotation, entry).image_id
                error = f"belongs to image {image!a:.40}, which the file does not have"
                on_error(_entry_error(file, "annotation", key, error))
            except ValueError as reason:
                on_error(_entry_error(file, "annotation", key, reason))
    return groups


def _object(entry: _Annotation, labels: dict[Id, str]) -> ObjectBox:
    if entry.category_id not in labels:
        raise ValueError(f"is of category {entry.category_id!a:.40}, which the file does not have")
    edges = _polygon_edges(entry.segmentation) if entry.bbox is None else _box_edges(entry.bbox)
    pairs = tuple(text_pairs(entry.attributes)) if entry.attributes else ()
    truncated, pairs = _take(pairs, "truncated", parse_flag, False)
    pose, pairs = _take(pairs, "pose", str, "Unspecified")
    difficult = entry.iscrowd or entry.ignore
    return ObjectBox(labels[entry.category_id], *edges, difficult, truncated, pose, pairs)


def _box_edges(bbox: list[float]) -> tuple[float, float, float, float]:
    if len(bbox) != 4:
        raise ValueError(f"has a bbox of {len(bbox)} numbers, not 4")
    x, y, width, height = bbox
    return x, y, edge_from_width(x, width), edge_from_width(y, height)


def _polygon_edges(segmentation: object) -> tuple[float, float, float, float]:
    polygons: list[list[float]] = []
    if segmentation and not isinstance(segmentation, dict):
        polygons = parse_entry(_Polygons, {"segmentation": segmentation}).segmentation
    if any(len(polygon) % 2 for polygon in polygons):
        raise ValueError("has a polygon of an odd number of coordinates")
    numbers = [number for polygon in polygons for number in polygon]
    if not numbers:
        raise ValueError("has neither a bbox nor polygons")
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _take(pairs: _Pairs, name: str, parse: Callable[[str], _T], default: _T) -> tuple[_T, _Pairs]:
    """Return the first parseable value of a name, and the other pairs."""
    for index, (key, text) in enumerate(pairs):
        if key == name:
            with suppress(ValueError):
                return parse(text), pairs[:index] + pairs[index + 1 :]
    return default, pairs


def _write_annotations(file: TextIO, collection: Collection, names: Sequence[str]) -> None:
    first_id = 1
    separator = "\n"
    for image_id, image in enumerate(collection, 1):
        if annotations := _format_annotations(image, image_id, first_id, names):
            # Encoding all annotations of an image at once is fastest; [1:-1] strips the brackets.
            file.write(separator + _encode(annotations)[1:-1])
            separator = ",\n"
        first_id += len(annotations)


def _format_image(image: AnnotatedImage, image_id: int) -> dict[str, Any]:
    entry = {
        "id": image_id,
        "file_name": image.filename,
        "width": image.width,
        "height": image.height,
    }
    # COCO has no depth: an additional key is written if it is not 3.
    return entry if image.depth == 3 else {**entry, "depth": image.depth}


def _format_annotations(
    image: AnnotatedImage, image_id: int, first_id: int, names: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        {
            "id": annotation_id,
            "image_id": image_id,
            "category_id": index_of(box.label, names, image.filename) + 1,
            "bbox": [
                box.xmin,
                box.ymin,
                width_between(box.xmin, box.xmax),
                width_between(box.ymin, box.ymax),
            ],
            "area": box.width * box.height,
            "iscrowd": int(box.difficult),
            "segmentation": [],
            "attributes": _format_attributes(box),
        }
        for annotation_id, box in enumerate(image.objects, first_id)
    ]


def _format_attributes(box: ObjectBox) -> dict[str, Any]:
    attributes: dict[str, Any] = {"truncated": box.truncated, "pose": box.pose}
    for name, text in box.attributes:
        if name not in attributes:
            attributes[name] = text
        elif isinstance(attributes[name], list):
            attributes[name].append(text)
        else:
            attributes[name] = [attributes[name], text]
    return attributes


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(_json_file(path))) is not None


FORMAT = AnnotationFormat(
    name="coco",
    title="COCO detection JSON",
    supports=frozenset(get_args(Feature)),
    recognises=_recognises,
    read=read_coco,
    read_classes=_read_class_list,
    write=write_coco,
    suffix=".json",
)
