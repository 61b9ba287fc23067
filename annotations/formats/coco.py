"""COCO detection JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...imaging import atomic_path
from ..annotation import AnnotatedImage, label_order
from ..classes import index_of

__all__ = ["to_coco", "write_coco"]


def to_coco(
    images: Iterable[AnnotatedImage], class_names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Lay annotations out as a COCO detection data set.

    Boxes are ``[x, y, width, height]`` in pixels, 0-based.  A difficult box becomes a crowd, which
    COCO's scoring neither rewards nor punishes; ``truncated`` and ``pose`` are kept as attributes.

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
        for box in image.objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": index_of(box.label, names, image.filename) + 1,
                    "bbox": [box.xmin, box.ymin, box.width, box.height],
                    "area": box.width * box.height,
                    "iscrowd": int(box.difficult),
                    "segmentation": [],
                    "attributes": {"truncated": bool(box.truncated), "pose": box.pose},
                }
            )
    return {
        "images": [
            {
                "id": image_id,
                "file_name": image.filename,
                "width": image.width,
                "height": image.height,
            }
            for image_id, image in enumerate(images, 1)
        ],
        "annotations": annotations,
        "categories": [
            {"id": category_id, "name": name, "supercategory": ""}
            for category_id, name in enumerate(names, 1)
        ],
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
    text = json.dumps(to_coco(images, class_names), indent=1, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path
