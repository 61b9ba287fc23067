"""Upright boxes around the shapes that annotation tools draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from ...errors import InputError
from ..annotation import ObjectBox
from .format import ReadOptions, none_left

__all__ = [
    "Edges",
    "around_ellipse",
    "around_points",
    "around_rectangle",
    "parse_objects",
    "rounded",
]

Edges: TypeAlias = tuple[float, float, float, float]
"""The edges xmin, ymin, xmax, ymax in pixels."""

# Decimals of a pixel: removes the rounding errors of a rotation.
_DECIMALS = 9

_Part = TypeVar("_Part")


def around_points(points: Iterable[Sequence[float]]) -> Edges:
    """Return the box around points.

    Parameters
    ----------
    points : iterable of (float, float)
        Points in pixels.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    xs, ys = zip(*points, strict=True) if (points := list(points)) else ((), ())
    if len(xs) < 2:
        raise ValueError(f"has {len(xs)} points, which enclose nothing")
    return min(xs), min(ys), max(xs), max(ys)


def around_ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Edges:
    """Return the box around an ellipse.

    Parameters
    ----------
    x, y : float
        Centre in pixels.
    rx, ry : float
        Semi-axes in pixels.
    angle : float
        Rotation in degrees, from x towards y.
    """
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    width, height = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
    return rounded((x - width, y - height, x + width, y + height))


def around_rectangle(edges: Edges, angle: float, pivot: tuple[float, float] | None = None) -> Edges:
    """Return the upright box around a rotated rectangle.

    Parameters
    ----------
    edges : tuple of float
        Edges of the rectangle before its rotation.
    angle : float
        Rotation in degrees, from x towards y.
    pivot : (float, float), optional
        Centre of the rotation; by default that of the rectangle.
    """
    if angle == 0:
        return edges
    xmin, ymin, xmax, ymax = edges
    x, y = pivot or ((xmin + xmax) / 2, (ymin + ymax) / 2)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = [(across - x, down - y) for across in (xmin, xmax) for down in (ymin, ymax)]
    rotated = [(x + a * cos - d * sin, y + a * sin + d * cos) for a, d in corners]
    return rounded(around_points(rotated))


def rounded(edges: Edges) -> Edges:
    """Return edges without the rounding errors of a calculation: rounded to 1e-9 pixel.

    Parameters
    ----------
    edges : tuple of float
        The edges.
    """
    xmin, ymin, xmax, ymax = (round(edge, _DECIMALS) for edge in edges)
    return xmin, ymin, xmax, ymax


def parse_objects(
    file: Path,
    name: str,
    parts: Sequence[_Part],
    parse: Callable[[_Part], ObjectBox],
    noun: str,
    options: ReadOptions,
) -> tuple[ObjectBox, ...] | None:
    """Return the objects of an image without the invalid ones.

    Parameters
    ----------
    file : Path
        The annotation file, for messages.
    name : str
        The image, for messages.
    parts : sequence
        Entries of the objects.
    parse : callable
        Returns an object; raises ValueError with a message that begins with a verb.
    noun : str
        Term of the format for an object.
    options : ReadOptions
        Its `on_error` is called for each invalid object.

    Returns
    -------
    tuple of ObjectBox or None
        None if there are objects and all are invalid: without them, the image would count as one
        without objects.
    """
    objects = []
    for number, part in enumerate(parts):
        try:
            objects.append(parse(part))
        except ValueError as error:
            options.on_error(InputError(f"{file}: {noun} {number} of {name} {error}."))
    if parts and not objects:
        options.on_error(none_left(file, name, len(parts)))
        return None
    return tuple(objects)
