"""JSON of Label Studio ("JSON" and "JSON-MIN"), read-only: shapes become their bounding boxes.

Coordinates are percentages of the image, rotations clockwise degrees.  A rectangle is rotated
around its first corner, an ellipse around its centre.

Setting: ``class_name``, the class of regions without a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import BaseModel, Field

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from ..images import IMAGE_SUFFIXES, ImageFolder
from .format import AnnotationFormat, ReadOptions
from .image_files import locate
from .json_fields import Count, Pixels, Text, json_head, parse_entry, text_pairs
from .numbers import LARGEST_PIXEL
from .shapes import Edges, around_ellipse, around_points, around_rectangle, parse_objects, rounded

__all__ = ["FORMAT"]

_LABELS = (
    "rectanglelabels",
    "ellipselabels",
    "polygonlabels",
    "brushlabels",
    "keypointlabels",
    "labels",
)
_SHAPES = ("rectangle", "ellipse", "polygon", "brush", "keypoint")
_MARK = re.compile(
    r'\[\s*\{.*("result"\s*:\s*\[|"(' + "|".join(_LABELS[:-1]) + r')"\s*:|'
    r'"(annotation_id|completed_by)"\s*:)',
    re.DOTALL,
)
# An uploaded file is stored under a random prefix.
_UPLOAD = re.compile(r".*/upload/.*?[0-9a-f]{4,32}-([^/]+)", re.DOTALL)

# Choices and texts given for one region are its attributes.
_VALUES = ("choices", "text", "number", "rating", "taxonomy")

_Result = dict[str, Any]
_Size = Annotated[float, Field(strict=True, gt=0, lt=LARGEST_PIXEL)]


class _Task(BaseModel):
    data: dict[str, Any]
    annotations: list[Any]


class _Annotation(BaseModel):
    result: list[dict[str, Any]] = []
    was_cancelled: bool | None = False


class _Value(BaseModel):
    x: Pixels | None = None
    y: Pixels | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    rx: Annotated[Pixels | None, Field(alias="radiusX")] = None
    ry: Annotated[Pixels | None, Field(alias="radiusY")] = None
    rotation: Pixels | None = None
    points: list[Annotated[list[Pixels], Field(min_length=2, max_length=2)]] | None = None


class _Shape(BaseModel):
    width: Annotated[_Size, Field(alias="original_width")]
    height: Annotated[_Size, Field(alias="original_height")]
    turned: Annotated[float | None, Field(alias="image_rotation")] = 0
    value: _Value


class _ImageSize(BaseModel):
    width: Annotated[Count, Field(alias="original_width")]
    height: Annotated[Count, Field(alias="original_height")]


class _Labelled(BaseModel):
    labels: list[Text]


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(path)) is not None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    content = read_json(path, parse_constant=float)
    if not isinstance(content, list):
        raise InputError(f"{path} is not JSON of Label Studio: it is not a list of tasks.")
    for number, task in enumerate(content):
        try:
            image = _image(path, task, options)
        except ValueError as error:
            options.on_error(InputError(f"{path}: task {number} {error}."))
            continue
        try:
            if image is not None:
                yield path, locate(image, options.images)
        except InputError as error:
            options.on_error(error)


def _image(path: Path, entry: object, options: ReadOptions) -> AnnotatedImage | None:
    """Return the image of a task; None if nobody has labelled it."""
    if isinstance(entry, dict) and "data" not in entry:
        data, results = _small_task(entry)
    else:
        task = parse_entry(_Task, entry)
        data, annotations = task.data, task.annotations
        done = [parse_entry(_Annotation, annotation) for annotation in annotations]
        done = [annotation for annotation in done if not annotation.was_cancelled]
        if not done:
            options.on_note(
                f"{path}: tasks that nobody has labelled, or that were skipped, are left out."
            )
            return None
        if len(done) > 1:
            raise ValueError(f"has {len(done)} annotations of one image: keep one of them")
        results = done[0].result
    name = _image_name(data, options.images)
    shapes = _grouped(results)
    read_region = partial(_object, default=str(options.settings.get("class_name") or ""))
    objects = parse_objects(path, name, shapes, read_region, "region", options)
    if objects is None:
        return None
    width, height = _image_size(results)
    return AnnotatedImage(name, width, height, objects=objects)


def _small_task(entry: dict[str, Any]) -> tuple[dict[str, Any], list[_Result]]:
    """Return the data and results of a task of JSON-MIN, which lists values without types."""
    results: list[_Result] = []
    for value in entry.values():
        for part in value if isinstance(value, list) else ():
            if isinstance(part, dict) and "original_width" in part:
                results.append({**part, "id": len(results), "value": part})
    return entry, results


def _grouped(results: list[_Result]) -> list[list[_Result]]:
    """Return the results of each region: its shape, and its labels and choices, if separate."""
    details: dict[str, list[_Result]] = {}
    for result in results:
        if "id" in result and not _is_shape(result):
            details.setdefault(f"{result['id']}", []).append(result)
    return [[r, *details.get(f"{r.get('id')}", ())] for r in results if _is_shape(r)]


def _is_shape(result: _Result) -> bool:
    value = result.get("value")
    kind = f"{result.get('type', '')}".removesuffix("labels")
    has_place = isinstance(value, dict) and not {"x", "points", "rle"}.isdisjoint(value)
    return has_place or kind in _SHAPES


def _object(group: list[_Result], default: str) -> ObjectBox:
    label = _label(group) or default
    if not label:
        raise ValueError("has no label: choose one, or use --class-name")
    edges = _edges(parse_entry(_Shape, group[0]))
    pairs: list[tuple[str, str]] = []
    for result in group:
        value = result.get("value")
        for key in _VALUES:
            if isinstance(value, dict) and key in value:
                pairs += text_pairs({f"{result.get('from_name', key)}": value[key]})
    flags = {text.strip().lower() for _, text in pairs}
    attributes = tuple(
        pair for pair in pairs if pair[1].strip().lower() not in ("difficult", "truncated")
    )
    return ObjectBox(
        label, *edges, "difficult" in flags, "truncated" in flags, attributes=attributes
    )


def _label(group: list[_Result]) -> str:
    values = [result["value"] for result in group if isinstance(result.get("value"), dict)]
    for name in _LABELS:
        for value in values:
            if value.get(name):
                labels = parse_entry(_Labelled, {"labels": value[name]}).labels
                if len(labels) > 1:
                    raise ValueError(f"has {len(labels)} labels: leave one, its class")
                return labels[0]
    return ""


def _edges(shape: _Shape) -> Edges:
    if shape.turned:
        raise ValueError(
            f"is of an image that was rotated by {shape.turned:g} degrees in Label Studio: "
            "rotate it back"
        )
    value = shape.value
    across, down = shape.width / 100, shape.height / 100
    if value.points is not None:
        return rounded(around_points((x * across, y * down) for x, y in value.points))
    if value.x is None or value.y is None:
        raise ValueError("has no place, or one of a kind that is not supported: draw a rectangle")
    x, y, angle = value.x * across, value.y * down, value.rotation or 0.0
    if value.rx is not None and value.ry is not None:
        return around_ellipse(x, y, value.rx * across, value.ry * down, angle)
    if value.width is None or value.height is None or value.rx is not None:
        raise ValueError("has no extent: draw a rectangle, ellipse or polygon")
    edges = x, y, (value.x + value.width) * across, (value.y + value.height) * down
    return rounded(around_rectangle(edges, angle, pivot=(x, y)))


def _image_size(results: list[_Result]) -> tuple[int, int]:
    """Return the size that the results give, or zeros."""
    for result in results:
        with suppress(ValueError):
            size = parse_entry(_ImageSize, result)
            return int(size.width or 0), int(size.height or 0)
    return 0, 0


def _image_name(data: dict[str, Any], images: ImageFolder | None) -> str:
    """Return the name of an image given by a URL: that of its file, if there is one."""
    texts = [value for value in (data.get("image"), *data.values()) if isinstance(value, str)]
    urls = [_url_path(text) for text in texts]
    path = next((url for url in urls if url.lower().endswith(IMAGE_SUFFIXES)), next(iter(urls), ""))
    if not path.rpartition("/")[2]:
        raise ValueError("names no image")
    upload = _UPLOAD.fullmatch(path)
    original = upload[1] if upload else path.rpartition("/")[2]
    for name in (path, original):
        with suppress(InputError):
            found = None if images is None else images.find(name)
            if images is not None and found is not None:
                return images.name_of(found)
    return original


def _url_path(url: str) -> str:
    """Return the path in a URL; that of a local file stands behind ``?d=``."""
    before, _, local = url.partition("?d=")
    return unquote(local or before.partition("?")[0])


FORMAT = AnnotationFormat(
    name="labelstudio",
    title="Label Studio JSON",
    supports=frozenset({"empty", "size", "difficult", "truncated", "attributes"}),
    recognises=_recognises,
    read=_read,
)
