"""COCO detection JSON: one file for all images.

A box is ``[x, y, width, height]`` in pixels, 0-based, so that its edges are ours.  A difficult box
is a crowd, which COCO's scoring neither rewards nor punishes; ``truncated``, ``pose`` and all else
that is said of an object stand in ``attributes``, as CVAT has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO, get_args

from ...files.atomic import atomic_path
from ..annotation import AnnotatedImage, ObjectBox, label_order
from ..classes import index_of
from ..collection import Collection
from .coco_reader import coco_file, read_coco, read_coco_classes
from .format import AnnotationFormat, Feature, WriteOptions
from .json_values import json_head
from .widths import width_between

__all__ = ["FORMAT", "to_coco", "write_coco"]

_encode = json.JSONEncoder(allow_nan=False).encode
_MARK = re.compile(r'\{.*"(images|annotations|categories)"\s*:\s*\[', re.DOTALL)


def to_coco(
    images: Iterable[AnnotatedImage], class_names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Lay annotations out as a COCO detection data set.

    Parameters
    ----------
    images : iterable of AnnotatedImage
        Image ids are 1, 2, ... in this order.
    class_names : sequence of str, optional
        Category ids are 1, 2, ... in this order; by default the names that occur, sorted.

    Returns
    -------
    dict
        ``images``, ``annotations`` and ``categories``, ready for JSON.

    Raises
    ------
    InputError
        If an object's label is not among `class_names`.
    """
    images = list(images)
    names = label_order(images) if class_names is None else tuple(class_names)
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, 1):
        annotations += _annotations(image, image_id, len(annotations) + 1, names)
    return {
        "images": [_image(image, image_id) for image_id, image in enumerate(images, 1)],
        "annotations": annotations,
        "categories": _categories(names),
    }


def write_coco(
    path: str | Path,
    images: Iterable[AnnotatedImage],
    class_names: Sequence[str] | None = None,
) -> Path:
    """Write annotations as one COCO detection file.

    Parameters
    ----------
    path : str or Path
        The JSON file to write; replaced if it exists.
    images, class_names
        As in `to_coco`.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If an object's label is not among `class_names`.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    collection = Collection(images)
    _write(
        path, collection, WriteOptions(collection.labels if class_names is None else class_names)
    )
    return path


def _write(path: Path, collection: Collection, writing: WriteOptions) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"images": [')
        separator = "\n"
        for image_id, image in enumerate(collection.frames(), 1):
            file.write(separator + _encode(_image(image, image_id)))
            separator = ",\n"
        file.write('\n],\n"annotations": [')
        _write_annotations(file, collection, writing.class_names)
        file.write(f'\n],\n"categories": {_encode(_categories(writing.class_names))}}}\n')


def _write_annotations(file: TextIO, collection: Collection, names: Sequence[str]) -> None:
    first_id = 1
    separator = "\n"
    for image_id, image in enumerate(collection, 1):
        if annotations := _annotations(image, image_id, first_id, names):
            # All of an image at once, without the brackets of their list, is the fastest way.
            file.write(separator + _encode(annotations)[1:-1])
            separator = ",\n"
        first_id += len(annotations)


def _image(image: AnnotatedImage, image_id: int) -> dict[str, Any]:
    entry = {
        "id": image_id,
        "file_name": image.filename,
        "width": image.width,
        "height": image.height,
    }
    # COCO knows no depth: it is written, as a key of our own, only where it is not the usual one.
    return entry if image.depth == 3 else {**entry, "depth": image.depth}


def _annotations(
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
            "attributes": _attributes(box),
        }
        for annotation_id, box in enumerate(image.objects, first_id)
    ]


def _attributes(box: ObjectBox) -> dict[str, Any]:
    attributes: dict[str, Any] = {"truncated": box.truncated, "pose": box.pose}
    for name, text in box.attributes:
        if name not in attributes:
            attributes[name] = text
        elif isinstance(attributes[name], list):
            attributes[name].append(text)
        else:
            attributes[name] = [attributes[name], text]
    return attributes


def _categories(names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"id": category_id, "name": name, "supercategory": ""}
        for category_id, name in enumerate(names, 1)
    ]


def _recognises(path: Path) -> bool:
    return _MARK.match(json_head(coco_file(path))) is not None


FORMAT = AnnotationFormat(
    name="coco",
    title="COCO detection JSON",
    supports=frozenset(get_args(Feature)),
    recognises=_recognises,
    read=read_coco,
    read_classes=read_coco_classes,
    write=_write,
    suffix=".json",
)
