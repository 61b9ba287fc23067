"""SExtractor catalogues and tables of SEP, whose ellipses become boxes.

SExtractor (Bertin and Arnouts 1996) describes an object by the second moments of its light:
``A_IMAGE`` and ``B_IMAGE`` are the standard deviations along the major and the minor axis, at
``THETA_IMAGE`` degrees from x.  In these units the isophotal limit is about 3, and the Kron ellipse
of ``MAG_AUTO``, which contains most of the light, is ``KRON_RADIUS`` (SExtractor manual,
"Isophotal measurements" and "Photometry"; the written value includes the factor of 2.5).  The box
is the first of these that the table provides:

1. ``XMIN_IMAGE`` to ``YMAX_IMAGE``, the first and last pixels of the isophote;
2. the bounding box of the ellipse, scaled by ``KRON_RADIUS`` if present and above 0, else by 3.
   The half sides of the unscaled ellipse are the square roots of ``X2_IMAGE`` and ``Y2_IMAGE`` or,
   without them, of (a cos theta)^2 + (b sin theta)^2 and (a sin theta)^2 + (b cos theta)^2.

The centre of the first pixel is 1 in SExtractor and 0 in SEP (``x``, ``y``, ``a``, ``b``, ``theta``
in radians, and ``xmin`` to ``ymax``).  A catalogue belongs to the image of the same stem.

Settings: ``ellipse_scale``, a number, scales the ellipse instead of the limits and Kron radii;
``class_name`` is the label of all objects, by default ``object``.  ``NUMBER``, ``CLASS_STAR``,
``MAG_AUTO`` and ``FLAGS`` are kept as attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.columns import Columns
from ...files.tables import read_columns, table_files
from ..annotation import AnnotatedImage
from .format import AnnotationFormat, ReadOptions
from .image_files import named_by_file
from .table_rows import class_name_of, is_table_with, number_setting, row_objects

__all__ = ["FORMAT", "ellipse_half_sides"]

_ISOPHOTE = 3.0
_ATTRIBUTES = ("NUMBER", "CLASS_STAR", "MAG_AUTO", "FLAGS")
_CENTRE = ("X_IMAGE", "Y_IMAGE")
_MOMENTS = ("X2_IMAGE", "Y2_IMAGE")
_ELLIPSE = ("A_IMAGE", "B_IMAGE", "THETA_IMAGE")
_LIMITS = ("XMIN_IMAGE", "YMIN_IMAGE", "XMAX_IMAGE", "YMAX_IMAGE")
_SEP = ("x", "y", "a", "b", "theta")
_SEP_LIMITS = ("xmin", "ymin", "xmax", "ymax")


def ellipse_half_sides(
    a: NDArray[np.float64], b: NDArray[np.float64], theta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return half the width and height of the upright bounding box of each ellipse.

    Parameters
    ----------
    a, b : ndarray of float64, shape (N,)
        Semi-axes.
    theta : ndarray of float64, shape (N,)
        Angle from the x axis to `a` in radians.

    Returns
    -------
    ndarray of float64, shape (N, 2)
    """
    cos, sin = np.cos(theta), np.sin(theta)
    return np.stack([np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)], axis=1)


def _recognises(path: Path) -> bool:
    return is_table_with(path, lambda table: _is_sextractor(table) or _is_sep(table))


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    scale = number_setting(options, "ellipse_scale")
    for file in table_files(path):
        try:
            yield file, _read_file(file, options, scale)
        except InputError as error:
            options.on_error(error)


def _read_file(path: Path, options: ReadOptions, scale: float | None) -> AnnotatedImage:
    table = read_columns(path)
    if not (_is_sextractor(table) or _is_sep(table)):
        raise InputError(
            f"{path} is not a SExtractor catalogue: it lacks {' '.join(_LIMITS)}, and "
            f"{' '.join(_CENTRE)} with {' '.join(_ELLIPSE)} or {' '.join(_MOMENTS)}. Add them to "
            "its parameter file."
        )
    edges_of = _sextractor_edges if _is_sextractor(table) else _sep_edges
    # Rows that are not finite are reported by `row_objects`.
    with np.errstate(over="ignore", invalid="ignore"):
        edges = edges_of(table, scale)
    attributes = {column: name for name in _ATTRIBUTES if (column := table.find([name]))}
    labels = [class_name_of(options)] * len(table)
    objects = row_objects(table, edges, labels, attributes, options, range(len(table)))
    image = AnnotatedImage(path.stem, 0, 0, objects=objects)
    return named_by_file(image, options.images, path.stem)


def _has(table: Columns, names: tuple[str, ...]) -> bool:
    return all(table.find([name]) for name in names)


def _is_sextractor(table: Columns) -> bool:
    described = _has(table, _ELLIPSE) or _has(table, _MOMENTS)
    return _has(table, _LIMITS) or (_has(table, _CENTRE) and described)


def _is_sep(table: Columns) -> bool:
    return _has(table, _SEP)


def _numbers(table: Columns, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the columns as an array, shape (N, number of names)."""
    return np.stack([table.numbers(table.find([name]) or name) for name in names], axis=1)


def _sextractor_edges(table: Columns, scale: float | None) -> NDArray[np.float64]:
    if scale is None and _has(table, _LIMITS):
        # First and last pixel, one-based, inclusive.
        return _numbers(table, _LIMITS) - np.array([1, 1, 0, 0], np.float64)
    if not _has(table, _CENTRE):
        raise InputError(f"{table.path} has no {' '.join(_CENTRE)}: leave ellipse_scale out.")
    if _has(table, _MOMENTS):
        half = np.sqrt(np.maximum(_numbers(table, _MOMENTS), 0))
    elif _has(table, _ELLIPSE):
        a, b, theta = _numbers(table, _ELLIPSE).T
        half = ellipse_half_sides(a, b, np.radians(theta))
    else:
        raise InputError(f"{table.path} has no {' '.join(_ELLIPSE)}: leave ellipse_scale out.")
    factor = np.full((len(table), 1), _ISOPHOTE if scale is None else scale)
    if scale is None and (kron := table.find(["KRON_RADIUS"])):
        radius = table.numbers(kron)[:, np.newaxis]
        factor = np.where(radius > 0, radius, factor)
    centre = _numbers(table, _CENTRE) - 0.5
    return np.hstack([centre - factor * half, centre + factor * half])


def _sep_edges(table: Columns, scale: float | None) -> NDArray[np.float64]:
    if scale is None and _has(table, _SEP_LIMITS):
        # First and last pixel, 0-based, inclusive.
        return _numbers(table, _SEP_LIMITS) + np.array([0, 0, 1, 1], np.float64)
    x, y, a, b, theta = _numbers(table, _SEP).T
    half = ellipse_half_sides(a, b, theta) * (_ISOPHOTE if scale is None else scale)
    centre = np.stack([x, y], axis=1) + 0.5
    return np.hstack([centre - half, centre + half])


FORMAT = AnnotationFormat(
    name="sextractor",
    title="SExtractor catalogue",
    supports=frozenset({"attributes"}),
    recognises=_recognises,
    read=_read,
)
