"""Read a field, stretch it to colour, cut it into tiles and crops, draw on it."""

from __future__ import annotations

from .boxes import area, clip, iou, suppress
from .detections import Detections
from .field import Field
from .stretch import Stretch, to_rgb
from .write import atomic_path, write_png

__all__ = [
    "Detections",
    "Field",
    "Stretch",
    "area",
    "atomic_path",
    "clip",
    "iou",
    "suppress",
    "to_rgb",
    "write_png",
]
