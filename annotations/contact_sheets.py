"""Thumbnails of annotated images, and PNG pages of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files.atomic import write_png
from ..imaging import (
    Detections,
    clip,
    contact_sheet,
    draw_overlay,
    legend_strip,
    read_field,
    to_display,
    to_rgb,
)
from ..imaging.draw import PALETTE
from .annotation import AnnotatedImage

__all__ = ["Thumbnail", "sheet_paths", "thumbnail", "write_sheets"]

_LETTER_HEIGHT = 12
_GREY = (150, 150, 150)


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """Thumbnail of an image with its boxes, row 0 at the top.

    Attributes
    ----------
    name : str
        Name of the image.
    rgb : ndarray of uint8, shape (H, W, 3)
    boxes : ndarray, shape (N, 4)
        ``xmin, ymin, xmax, ymax`` in pixels of `rgb`, clipped to it, never inverted.
    sides : ndarray, shape (N, 2)
        Width and height of the boxes in pixels of the image, as annotated.
    labels : tuple of str
    difficult : ndarray of bool, shape (N,)
    """

    name: str
    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    sides: NDArray[np.float64]
    labels: tuple[str, ...]
    difficult: NDArray[np.bool_]


def thumbnail(path: Path, annotated: AnnotatedImage, side: int) -> Thumbnail:
    """Return an image and its boxes, scaled to a maximum size.

    Parameters
    ----------
    path : Path
        The image; FITS fields are stretched and shown with row 0 at the bottom.
    annotated : AnnotatedImage
        Its boxes.
    side : int
        Longer side of the picture in pixels.

    Raises
    ------
    InputError
        If the image cannot be read.
    """
    field = read_field(path)
    rgb = to_display(to_rgb(field), field.origin)
    boxes = annotated.boxes
    sides = boxes[:, 2:] - boxes[:, :2]
    if field.origin == "lower":
        boxes = boxes[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, field.height, 0, field.height]
    scale = side / max(field.width, field.height)
    width, height = (max(1, round(length * scale)) for length in (field.width, field.height))
    corners = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    thumbnail = cv2.resize(rgb, (width, height), interpolation=interpolation)
    return Thumbnail(
        name=annotated.filename,
        rgb=np.asarray(thumbnail, np.uint8),
        boxes=clip(corners * scale, width, height),
        sides=sides,
        labels=annotated.labels,
        difficult=annotated.difficult,
    )


def sheet_paths(path: Path, images: int, per_page: int) -> list[Path]:
    """Return the file of each page: the path itself, or ``NAME-1.png``, ``NAME-2.png`` ...

    Parameters
    ----------
    path : Path
        The file of a single page.
    images, per_page : int
        Number of pictures, in all and on a page.
    """
    pages = -(-images // per_page)
    if pages <= 1:
        return [path]
    digits = len(str(pages))
    return [path.with_name(f"{path.stem}-{n:0{digits}}{path.suffix}") for n in range(1, pages + 1)]


def write_sheets(
    paths: Iterable[Path],
    thumbnails: Iterable[Thumbnail],
    classes: Mapping[str, int],
    columns: int,
    rows: int,
) -> list[Path]:
    """Write pages of pictures with their boxes, each with a legend.

    Difficult boxes are dashed; boxes are labelled with their class if there are several classes.

    Parameters
    ----------
    paths : iterable of Path
        Files of the pages.
    thumbnails : iterable of Thumbnail
        The pictures; consumed page by page.
    classes : mapping of str to int
        The classes, in the order of their colours, and the number of their objects.
    columns, rows : int
        Pictures across and down a page.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    ids = {name: number for number, name in enumerate(classes)}
    entries = [
        (f"{name}  {count:,}", PALETTE[ids[name] % len(PALETTE)]) for name, count in classes.items()
    ]
    entries.append(("difficult: dashed", _GREY))
    written, remaining = [], iter(thumbnails)
    for path in paths:
        page = list(islice(remaining, columns * rows))
        if not page:
            break
        pictures = [_draw(item, ids) for item in page]
        cell = max(max(picture.shape[:2]) for picture in pictures)
        captions = [f"{item.name}  {_count(item)}" for item in page]
        sheet = contact_sheet(pictures, captions, min(columns, len(page)), cell)
        legend = legend_strip(entries, sheet.shape[1], _LETTER_HEIGHT)
        written.append(write_png(path, np.vstack([legend, sheet])))
    return written


def _draw(item: Thumbnail, ids: Mapping[str, int]) -> NDArray[np.uint8]:
    detections = Detections(
        item.boxes,
        np.ones(len(item.boxes)),
        np.array([ids[label] for label in item.labels], dtype=int),
    )
    labels = None
    if len(ids) > 1:
        named = zip(item.labels, item.difficult, strict=True)
        labels = ["" if difficult else label for label, difficult in named]
    return draw_overlay(item.rgb, detections, labels, zoom=1, dashed=item.difficult, legend=False)


def _count(item: Thumbnail) -> str:
    difficult = int(item.difficult.sum())
    return f"{len(item.labels) - difficult}" + (f" + {difficult} difficult" if difficult else "")
