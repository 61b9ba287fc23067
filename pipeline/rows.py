"""Rows of the catalogue for the detections of one field: names, positions, classes, flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification import class_columns
from ..imaging import Detections, Field
from ..imaging.field_discovery import field_name, name_with_images
from .columns import Flag

__all__ = ["detection_rows", "pixel_flags", "sky_name", "source_ids"]

# Boxes within this distance of the edge of the field, in pixels, are flagged.
_EDGE = 1.0

# Hexadecimal digits of a field's checksum in source names, to distinguish fields of the same file
# name.
_DIGITS = 8


def detection_rows(
    field: Field,
    detections: Detections,
    scales: Sequence[float],
    probabilities: NDArray[np.float32] | None = None,
    class_names: Sequence[str] = (),
    detected_classes: Sequence[str] | None = None,
    marks: NDArray[np.int64] | None = None,
    stem: str = "",
) -> dict[str, NDArray[Any]]:
    """Compute the columns of the catalogue for the detections of one field.

    Parameters
    ----------
    field : Field
        The field.
    detections : Detections
        Boxes in pixels of the field (pixel edges, 0-based, half-open), best score first.
    scales : sequence of float
        Scale of each tile.
    probabilities : ndarray, shape (N, C), optional
        Class probabilities of each object, NaN if it was not classified; None for a catalogue
        without classes.
    class_names : sequence of str
        The C classes of the classifier.
    detected_classes : sequence of str, optional
        Classes of a detector of several; None for a catalogue without the detector's class.
    marks : ndarray of int64, shape (N,), optional
        Further flags, such as those of `pixel_flags`.
    stem : str
        As in `FieldSource`.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        Columns by name, rows in the order of `detections`.
    """
    boxes = np.round(detections.boxes, 2)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    ra, dec = field.sky(x, y)
    rows: dict[str, NDArray[Any]] = {
        "source_id": source_ids(field, ra, dec, stem),
        "field": np.full(len(boxes), field.identifier),
        "ra": ra,
        "dec": dec,
        "x": x,
        "y": y,
        "score": detections.scores,
        "tile": detections.tiles,
        "flags": _flags(
            field,
            detections,
            np.asarray(scales, dtype=np.float64),
            marks,
        ),
    }
    rows |= dict(zip(("xmin", "ymin", "xmax", "ymax"), boxes.T, strict=True))
    if detected_classes is not None:
        rows["detected_class"] = np.array(detected_classes, dtype=str)[detections.class_ids]
    if probabilities is not None:
        rows |= class_columns(probabilities.astype(np.float64), class_names)
    return rows


def source_ids(
    field: Field, ra: NDArray[np.float64], dec: NDArray[np.float64], stem: str = ""
) -> NDArray[np.str_]:
    """Return the names of the sources of a field, which depend only on the field.

    A source with sky coordinates is named after them, and has the same name in overlapping fields.
    Other names consist of the file name, the checksum of its content and the rank of the score.
    Further sources at the same position get a letter, ``b`` for the second.

    Parameters
    ----------
    field : Field
        The field.
    ra, dec : ndarray of float64, shape (N,)
        ICRS degrees; NaN where unknown.
    stem : str
        As in `FieldSource`.

    Returns
    -------
    ndarray of str, shape (N,)
    """
    if stem:
        stem = name_with_images(stem, field.images)
    else:
        # The identifier may depend on the names of other fields of a run.
        stem = field_name(field.paths, field.images) if field.paths else field.identifier
    counts: Counter[str] = Counter()
    names = []
    for rank, (east, north) in enumerate(zip(ra, dec, strict=True), start=1):
        name = f"{stem}-{field.checksum[:_DIGITS]}-{rank:04d}"
        if np.isfinite(east) and np.isfinite(north):
            name = sky_name(east, north)
        counts[name] += 1
        names.append(name + _letters(counts[name]))
    return np.array(names, dtype=str)


def sky_name(ra: float, dec: float) -> str:
    """Return the name of a source at a position, following the IAU.

    Coordinates are truncated, not rounded (IAU, "Specifications concerning designations for
    astronomical radiation sources outside the solar system").

    Parameters
    ----------
    ra, dec : float
        ICRS degrees.

    Examples
    --------
    >>> sky_name(312.7505, -5.209583)
    'GP J205100.12-051234.4'
    """
    # The small addend avoids truncating exact decimals to the value below.
    time = int(np.floor((ra % 360) * 24000 + 1e-6))
    angle = int(np.floor(abs(dec) * 36000 + 1e-6))
    hours, minutes, centiseconds = time // 360000, time // 6000 % 60, time % 6000
    degrees, arcminutes, deciseconds = angle // 36000, angle // 600 % 60, angle % 600
    return (
        f"GP J{hours:02d}{minutes:02d}{centiseconds // 100:02d}.{centiseconds % 100:02d}"
        f"{'-' if dec < 0 else '+'}"
        f"{degrees:02d}{arcminutes:02d}{deciseconds // 10:02d}.{deciseconds % 10}"
    )


def _letters(count: int) -> str:
    """Return ``""`` for 1, ``b`` for 2 to ``z`` for 26, ``aa`` for 27 and so on."""
    text = ""
    if count == 1:
        return text
    while count:
        count, rest = divmod(count - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def pixel_flags(
    boxes: NDArray[np.float64], marked: Mapping[Flag, NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Return the flags of boxes that contain marked pixels.

    Parameters
    ----------
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open.
    marked : mapping of Flag to ndarray of bool, shape (H, W)
        Pixels that set a flag.

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    flags = np.zeros(len(boxes), dtype=np.int64)
    first = np.maximum(boxes[:, :2], 0).astype(int)
    last = np.ceil(boxes[:, 2:]).astype(int)
    for flag, mask in marked.items():
        if mask.any():
            for index, ((left, top), (right, bottom)) in enumerate(zip(first, last, strict=True)):
                if mask[top:bottom, left:right].any():
                    flags[index] |= flag
    return flags


def _flags(
    field: Field,
    detections: Detections,
    scales: NDArray[np.float64],
    marks: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    boxes = detections.boxes
    flags = np.zeros(len(boxes), dtype=np.int64) if marks is None else marks.copy()
    edge = (boxes[:, :2] < _EDGE).any(axis=1)
    edge |= (boxes[:, 2:] > np.array([field.width, field.height]) - _EDGE).any(axis=1)
    flags[edge] |= Flag.FIELD_EDGE
    known = detections.tiles >= 0
    flags[known] |= np.where(scales[detections.tiles[known]] < 1, int(Flag.DOWNSCALED), 0)
    return flags
