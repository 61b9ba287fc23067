"""Read a field, stretch it to colour, cut it into tiles and crops, draw on it."""

from __future__ import annotations

from .boxes import Detections, area, clip, iou, longer_sides, suppress
from .crops import crop_window, cut_crop, remove_sky
from .draw import draw_overlay, to_display
from .field import Field
from .field_discovery import FieldSource, find_fields
from .picture import read_picture_size
from .read import FITS_SUFFIXES, PICTURE_SUFFIXES, FieldLike, read_field, read_rgb
from .stretch import Stretch, to_rgb
from .text import contact_sheet, legend_strip
from .tiles import Tile, cut_tiles, plan_tiles, touches_inner_edge

__all__ = [
    "FITS_SUFFIXES",
    "PICTURE_SUFFIXES",
    "Detections",
    "Field",
    "FieldLike",
    "FieldSource",
    "Stretch",
    "Tile",
    "area",
    "clip",
    "contact_sheet",
    "crop_window",
    "cut_crop",
    "cut_tiles",
    "draw_overlay",
    "find_fields",
    "iou",
    "legend_strip",
    "longer_sides",
    "plan_tiles",
    "read_field",
    "read_picture_size",
    "read_rgb",
    "remove_sky",
    "suppress",
    "to_display",
    "to_rgb",
    "touches_inner_edge",
]
