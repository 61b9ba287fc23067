"""Annotations: boxes and labels, read from and written to the formats that people use."""

from __future__ import annotations

from .annotation import AnnotatedImage, ObjectBox, label_order
from .classes import GALAXY10_DECALS, GALAXY10_SDSS
from .formats.coco import to_coco, write_coco
from .formats.voc import read_voc, write_voc
from .formats.voc_folder import read_voc_folder
from .formats.yolo import write_yolo
from .image_lookup import find_image
from .label_map import read_label_map, write_label_map

__all__ = [
    "GALAXY10_DECALS",
    "GALAXY10_SDSS",
    "AnnotatedImage",
    "ObjectBox",
    "find_image",
    "label_order",
    "read_label_map",
    "read_voc",
    "read_voc_folder",
    "to_coco",
    "write_coco",
    "write_label_map",
    "write_voc",
    "write_yolo",
]
