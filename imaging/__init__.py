"""Read a field, stretch it to colour, cut it into tiles and crops, draw on it."""

from __future__ import annotations

from .boxes import Detections, area, clip, iou, longer_sides, suppress
from .crops import crop_window, cut_crop, pixel_square, remove_sky
from .draw import draw_overlay, shrunk, to_display
from .field import Band, Field
from .field_discovery import FieldSource
from .fits_crops import crop_field, write_fits_crop
from .found_fields import FoundFields, find_fields
from .local_background import Background, estimate_background
from .picture import read_picture_size
from .prepare import PreparedField, prepare_field
from .read import (
    FITS_SUFFIXES,
    PICTURE_SUFFIXES,
    FieldLike,
    is_rgb,
    read_field,
    read_rgb,
    split_source,
)
from .stretch import Stretch, apply_curve, scaled_bands, to_rgb
from .text import contact_sheet, legend_strip, note_strip
from .tiles import Tile, cut_tiles, plan_tiles, surrounding_tile, touches_inner_edge

__all__ = [
    "FITS_SUFFIXES",
    "PICTURE_SUFFIXES",
    "Background",
    "Band",
    "Detections",
    "Field",
    "FieldLike",
    "FieldSource",
    "FoundFields",
    "PreparedField",
    "Stretch",
    "Tile",
    "apply_curve",
    "area",
    "clip",
    "contact_sheet",
    "crop_field",
    "crop_window",
    "cut_crop",
    "cut_tiles",
    "draw_overlay",
    "estimate_background",
    "find_fields",
    "iou",
    "is_rgb",
    "legend_strip",
    "longer_sides",
    "note_strip",
    "pixel_square",
    "plan_tiles",
    "prepare_field",
    "read_field",
    "read_picture_size",
    "read_rgb",
    "remove_sky",
    "scaled_bands",
    "shrunk",
    "split_source",
    "suppress",
    "surrounding_tile",
    "to_display",
    "to_rgb",
    "touches_inner_edge",
    "write_fits_crop",
]
