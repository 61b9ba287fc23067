"""Box annotations of images: read, write, check, repair, convert, count and draw them."""

from __future__ import annotations

from .annotation import AnnotatedImage, ObjectBox
from .classes import GALAXY10_DECALS, GALAXY10_SDSS
from .formats.voc import read_voc, write_voc
from .images import find_image
from .label_map import read_label_map, write_label_map
from .source import AnnotationSource, read_annotated_images, write_annotations

__all__ = [
    "GALAXY10_DECALS",
    "GALAXY10_SDSS",
    "AnnotatedImage",
    "AnnotationSource",
    "ObjectBox",
    "find_image",
    "read_annotated_images",
    "read_label_map",
    "read_voc",
    "write_annotations",
    "write_label_map",
    "write_voc",
]
