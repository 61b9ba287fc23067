"""JSON of VoTT, read-only: the export of a project, or one file per asset.

A region is given by its bounding box in pixels, 0-based; its tag is the class.

Setting: ``class_name``, the class of regions without a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ...errors import InputError
from ...files.safe_readers import read_json
from ..annotation import AnnotatedImage, ObjectBox
from .format import AnnotationFormat, ReadOptions
from .image_files import annotation_files, any_annotation_file, locate
from .json_fields import Count, Pixels, Text, json_head, parse_entry
from .numbers import edge_from_width
from .shapes import Edges, around_points, parse_objects

__all__ = ["FORMAT"]

_EXPORT, _ASSET, _ENDING = "-export.json", "-asset.json", ".json"
_MARK = re.compile(r'\{(.*"assets"\s*:\s*\{|\s*"asset"\s*:\s*\{)', re.DOTALL)

# State of an asset that nobody has opened yet.
_NOT_VISITED = 0


class _Size(BaseModel):
    width: Count = None
    height: Count = None


class _Asset(BaseModel):
    name: Text
    size: _Size = _Size()
    state: Any = None


class _Entry(BaseModel):
    asset: _Asset
    regions: list[Any] = []


class _Point(BaseModel):
    x: Pixels
    y: Pixels


class _Box(BaseModel):
    left: Pixels
    top: Pixels
    width: Pixels
    height: Pixels


class _Region(BaseModel):
    tags: list[Text]
    bounding_box: Annotated[_Box | None, Field(alias="boundingBox")] = None
    points: list[_Point] = []


class _Tag(BaseModel):
    name: Text


def _files(path: Path) -> list[Path]:
    """Return the export of a project in a folder, or else the files of its assets."""
    try:
        return annotation_files(path, lambda file: _is_file(file, _EXPORT), f"*{_EXPORT} file")
    except InputError:
        return annotation_files(path, lambda file: _is_file(file, _ASSET), f"*{_ASSET} file")


def _is_file(file: Path, ending: str | tuple[str, ...]) -> bool:
    return file.name.lower().endswith(ending) and not file.name.startswith(".") and file.is_file()


def _recognises(path: Path) -> bool:
    if not path.is_dir():
        return _MARK.match(json_head(path)) is not None
    file = any_annotation_file(
        path, lambda file: _is_file(file, (_EXPORT, _ASSET)), subfolders=True, suffix=_ENDING
    )
    return file is not None and _MARK.match(json_head(file)) is not None


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    for file in _files(path):
        try:
            content = read_json(file, parse_constant=float)
            if not isinstance(content, dict):
                raise InputError(f"{file} is not JSON of VoTT: it lists no assets.")
        except InputError as error:
            options.on_error(error)
            continue
        assets = content.get("assets", {"": content})
        if not isinstance(assets, dict):
            options.on_error(InputError(f"{file} is not JSON of VoTT: it lists no assets."))
            continue
        for key, entry in assets.items():
            try:
                image = _image(file, key, entry, options)
                if image is not None:
                    yield file, locate(image, options.images)
            except InputError as error:
                options.on_error(error)


def _image(file: Path, key: str, entry: object, options: ReadOptions) -> AnnotatedImage | None:
    try:
        parsed = parse_entry(_Entry, entry)
    except ValueError as error:
        raise InputError(f"{file}: asset {key[:60]!a} {error}.") from error
    asset = parsed.asset
    if not parsed.regions and asset.state == _NOT_VISITED:
        options.on_note(f"{file}: images that nobody has opened in VoTT are left out.")
        return None
    read_region = partial(_object, default=str(options.settings.get("class_name") or ""))
    objects = parse_objects(file, asset.name, parsed.regions, read_region, "region", options)
    if objects is None:
        return None
    width, height = int(asset.size.width or 0), int(asset.size.height or 0)
    return AnnotatedImage(asset.name, width, height, objects=objects)


def _object(entry: object, default: str) -> ObjectBox:
    region = parse_entry(_Region, entry)
    tags = region.tags or [default]
    if len(tags) > 1:
        raise ValueError(f"has {len(tags)} tags: leave one, its class")
    if not tags[0]:
        raise ValueError("has no tag: give it one, its class, or use --class-name")
    return ObjectBox(tags[0], *_edges(region))


def _edges(region: _Region) -> Edges:
    box = region.bounding_box
    if box is None:
        return around_points((point.x, point.y) for point in region.points)
    return (
        box.left,
        box.top,
        edge_from_width(box.left, box.width),
        edge_from_width(box.top, box.height),
    )


def _read_class_list(path: Path) -> tuple[str, ...] | None:
    """Return the tags of the project, in their order."""
    content = read_json(_files(path)[0], parse_constant=float)
    tags = content.get("tags") if isinstance(content, dict) else None
    names = []
    for tag in tags if isinstance(tags, list) else ():
        with suppress(ValueError):
            names.append(parse_entry(_Tag, tag).name)
    return tuple(dict.fromkeys(names)) or None


FORMAT = AnnotationFormat(
    name="vott",
    title="VoTT JSON",
    supports=frozenset({"empty", "size"}),
    recognises=_recognises,
    read=_read,
    read_classes=_read_class_list,
)
