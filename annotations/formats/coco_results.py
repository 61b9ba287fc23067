"""COCO's list of results, read-only: the boxes that a detector found, as pycocotools takes them.

The list names images and classes by their ids alone.  They are the names of files where a program
writes these instead (Ultralytics), or are looked up in the COCO file of the setting
``ground_truth``.  Without one, class ids count in the class list, from 0 if id 0 occurs and else
from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..images import ImageFolder
from .coco import read_coco_ids
from .format import AnnotationFormat, ReadOptions, none_left
from .image_files import locate
from .json_fields import Id, Pixels, Text, json_head, parse_entry
from .numbers import edge_from_width, format_number

__all__ = ["FORMAT"]

_MARK = re.compile(r'\[\s*\{[^{}]*"(image_id|bbox)"\s*:[^{}]*"(bbox|image_id)"\s*:')


class _Result(BaseModel):
    image_id: Id
    category_id: Annotated[int, Field(strict=True, ge=0)]
    bbox: Annotated[list[Pixels], Field(min_length=4, max_length=4)]
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    file_name: Text | None = None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    content = read_json(path, parse_constant=float)
    if not isinstance(content, list):
        raise InputError(f"{path} is not a list of COCO results.")
    results = []
    for number, entry in enumerate(content):
        try:
            results.append(parse_entry(_Result, entry))
        except ValueError as error:
            options.on_error(InputError(f"{path}: result {number} {error}."))
    if not results:
        return
    known, labels = _ids(path, results, options)
    groups: dict[Id, list[_Result]] = {}
    for result in results:
        groups.setdefault(result.image_id, []).append(result)
    for key, found in groups.items():
        objects = []
        for result in found:
            if result.category_id in labels:
                objects.append(_object(result, labels[result.category_id]))
            else:
                reason = f"has a result of category {result.category_id}, which has no name"
                options.on_error(InputError(f"{path}: image {key!a:.40} {reason}."))
        try:
            image = known.get(key) or _named(path, found[0], options.images)
            if not objects:
                raise none_left(path, image.filename, len(found))
            yield path, locate(replace(image, objects=tuple(objects)), options.images)
        except InputError as error:
            options.on_error(error)


def _ids(
    path: Path, results: list[_Result], options: ReadOptions
) -> tuple[dict[Id, AnnotatedImage], dict[Id, str]]:
    """Return the images and the names of the classes by their ids."""
    if truth := options.settings.get("ground_truth"):
        return read_coco_ids(Path(str(truth)), options.on_error)
    names = options.class_names
    if names is None and (single := options.settings.get("class_name")):
        names = (str(single),)
    if names is None:
        raise InputError(
            f"{path} is a list of COCO results, which has no names of classes. Give the COCO file "
            "that it belongs to with --ground-truth, or a class list with --classes."
        )
    first = min(1, *(result.category_id for result in results))
    options.on_note(f"{path}: class {first} is {names[0]}, and so on in the order of the classes.")
    return {}, dict(enumerate(names, first))


def _named(path: Path, result: _Result, images: ImageFolder | None) -> AnnotatedImage:
    """Return an image whose name is given, or whose id is the name of its file."""
    key = result.image_id
    name = result.file_name or (key if isinstance(key, str) else format_number(key))
    is_name = bool(result.file_name) or isinstance(key, str)
    if not is_name and images is not None:
        # COCO's own files have names of twelve digits.
        name = next((text for text in (name, name.zfill(12)) if images.find(text)), name)
        is_name = images.find(name) is not None
    if not is_name:
        raise InputError(
            f"{path}: no image has the name {name}, so that it is an id in a COCO file. Give that "
            "file with --ground-truth, or the folder of the images with --images."
        )
    return AnnotatedImage(name, 0, 0)


def _object(result: _Result, label: str) -> ObjectBox:
    x, y, width, height = result.bbox
    attributes = () if result.score is None else (("score", f"{result.score:g}"),)
    edges = (x, y, edge_from_width(x, width), edge_from_width(y, height))
    return ObjectBox(label, *edges, attributes=attributes)


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(path)) is not None


FORMAT = AnnotationFormat(
    name="results",
    title="COCO results",
    supports=frozenset({"attributes"}),
    recognises=_recognises,
    read=_read,
)
