"""Parse DS9 region files.

The package ``regions`` is not used: it rejects a whole file for one malformed region or one box
without an angle, skips physical coordinates, ends a text at the first brace in it, and writes
numbers with a fixed number of decimals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .numbers import check_pixel

__all__ = ["PIXEL_FRAMES", "SKY_FRAMES", "Region", "ShapeKind", "parse_regions"]

Point: TypeAlias = tuple[float, float]
ShapeKind: TypeAlias = Literal["edges", "box", "ellipse", "polygon"]

PIXEL_FRAMES = frozenset({"image", "physical"})
SKY_FRAMES = {
    "fk5": "fk5",
    "j2000": "fk5",
    "icrs": "icrs",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "ecliptic": "barycentricmeanecliptic",
}
"""Sky frames by their names in DS9, with those of astropy."""

_OTHER_FRAMES = frozenset({"amplifier", "detector", "linear", "tile", "wcs"})
_HOURS = frozenset({"fk5", "j2000", "icrs", "fk4", "b1950"})
_DEGREES = {"": 1.0, "d": 1.0, "r": math.degrees(1), "'": 1 / 60, '"': 1 / 3600}

# A semicolon in braces or quotes does not end a command.  An unclosed brace or quote extends to the
# end of the line, without backtracking that a malicious file could exploit.
_COMMAND = re.compile(r"""(?:=\s*"[^"]*(?:"|$)|=\s*'[^']*(?:'|$)|\{[^}]*(?:\}|$)|[^;])+""")
_SHAPE = re.compile(r"([+-]?)\s*([a-z_0-9]+)([^#]*)(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(
    r"""\b(text|tag)\s*=\s*(?:\{([^}]*)(?:\}|$)|"([^"]*)(?:"|$)|'([^']*)(?:'|$))""", re.IGNORECASE
)
_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,4})(?:(:)|([hd]))(\d{1,2})[:m](\d{1,2}(?:\.\d*)?)s?")


@dataclass(frozen=True)
class Region:
    """Shape as points in the coordinates of its frame.

    Attributes
    ----------
    line : int
        Line number.
    frame : str
        One of `PIXEL_FRAMES`, or a key of `SKY_FRAMES`.
    kind : {"edges", "box", "ellipse", "polygon"}
        Meaning of the points: for ``edges`` two opposite corners of an upright box, for ``polygon``
        all corners, else the centre and the ends of the two semi-axes.
    points : tuple of (float, float)
        One-based pixels, or longitude and latitude in degrees.
    text : str
        Text of the region, empty if it has none.
    tags : tuple of str
        Tags of the region.
    excluded : bool
        True if the region is preceded by a minus sign.
    """

    line: int
    frame: str
    kind: ShapeKind
    points: tuple[Point, ...]
    text: str = ""
    tags: tuple[str, ...] = ()
    excluded: bool = False


def parse_regions(text: str, on_error: Callable[[ValueError], None]) -> Iterator[Region]:
    """Parse the regions of a file.

    Parameters
    ----------
    text : str
        Content of the file.
    on_error : callable
        Called with a ValueError, which names the line, for each region left out.

    Yields
    ------
    Region
        In the order of the file.
    """
    # DS9 and CIAO take coordinates without a system as physical.
    frame, defaults = "physical", ""
    for number, line in enumerate(text.split("\n"), 1):
        for command in _COMMAND.findall(line):
            command = command.strip()
            if not command or command.startswith("#"):
                continue
            if command.lower().startswith("global"):
                defaults = command
                continue
            try:
                word = command.lower()
                if word in PIXEL_FRAMES or word in SKY_FRAMES:
                    frame = word
                elif word in _OTHER_FRAMES or re.fullmatch("wcs[a-z]", word):
                    frame = ""
                    raise ValueError(f"coordinates of the system {word} are not supported")
                else:
                    yield _region(command, frame, number, defaults)
            except ValueError as error:
                on_error(ValueError(f"line {number}: {error}"))


def _region(command: str, frame: str, line: int, defaults: str) -> Region:
    match = _SHAPE.fullmatch(command)
    if match is None:
        raise ValueError(f"{command[:40]!r} is not a region")
    sign, shape, arguments, properties = match.groups(default="")
    make = _SHAPES.get(shape.lower())
    if make is None:
        raise ValueError(
            f"{shape[:40]!r} has no extent or is not supported: draw a box, ellipse, "
            "circle or polygon"
        )
    if not frame:
        raise ValueError(
            "the coordinate system of the region is not supported: save it in image or fk5"
        )
    words = re.findall(r"[^\s,()|]+", arguments)
    texts = _properties("text", properties) or _properties("text", defaults)
    tags = _properties("tag", properties) or _properties("tag", defaults)
    kind, points = make(frame, words)
    return Region(line, frame, kind, points, texts[0] if texts else "", tags, sign == "-")


def _properties(name: str, text: str) -> tuple[str, ...]:
    return tuple(a or b or c for key, a, b, c in _PROPERTY.findall(text) if key.lower() == name)


def _polygon(frame: str, words: list[str]) -> tuple[ShapeKind, tuple[Point, ...]]:
    if len(words) < 6 or len(words) % 2:
        raise ValueError("a polygon needs the two coordinates of three or more corners")
    pairs = zip(words[::2], words[1::2], strict=True)
    return "polygon", tuple(_position(frame, *pair) for pair in pairs)


def _circle(frame: str, words: list[str]) -> tuple[ShapeKind, tuple[Point, ...]]:
    if len(words) != 3:
        raise ValueError("a circle needs the two coordinates of its centre and a radius")
    return _with_axes("ellipse", frame, words[:2], (_size(frame, words[2]),) * 2, "0")


def _ellipse(frame: str, words: list[str]) -> tuple[ShapeKind, tuple[Point, ...]]:
    arms, angle = _sizes(frame, words, "an ellipse")
    return _with_axes("ellipse", frame, words[:2], arms, angle)


def _box(frame: str, words: list[str]) -> tuple[ShapeKind, tuple[Point, ...]]:
    (width, height), angle = _sizes(frame, words, "a box")
    if frame in PIXEL_FRAMES and _angle(angle) == 0:
        x, y = _position(frame, *words[:2])
        corners = (x - width / 2, y - height / 2), (x + width / 2, y + height / 2)
        return "edges", corners
    return _with_axes("box", frame, words[:2], (width / 2, height / 2), angle)


def _sizes(frame: str, words: list[str], shape: str) -> tuple[Point, str]:
    """Return the outer size and the angle; a ring has several sizes, the outer one last."""
    if len(words) < 4:
        raise ValueError(f"{shape} needs the two coordinates of its centre, two sizes and an angle")
    angle = words[-1] if len(words) % 2 else "0"
    sizes = words[2:-1] if len(words) % 2 else words[2:]
    return (_size(frame, sizes[-2]), _size(frame, sizes[-1])), angle


def _with_axes(
    kind: ShapeKind, frame: str, centre: list[str], arms: Point, angle: str
) -> tuple[ShapeKind, tuple[Point, ...]]:
    """Return the centre and the ends of the semi-axes, rotated by an angle."""
    x, y = _position(frame, *centre)
    turn = math.radians(_angle(angle))
    if frame in PIXEL_FRAMES:
        step = math.cos(turn), math.sin(turn)
        first = x + arms[0] * step[0], y + arms[0] * step[1]
        second = x - arms[1] * step[1], y + arms[1] * step[0]
    else:
        # Counter-clockwise angles run from north to east, as east is to the left.
        first = _offset(x, y, turn - math.pi / 2, arms[0])
        second = _offset(x, y, turn, arms[1])
    return kind, ((x, y), first, second)


def _offset(longitude: float, latitude: float, angle: float, distance: float) -> Point:
    """Return the point at a position angle (radians, north to east) and distance (degrees)."""
    lat, arc = math.radians(latitude), math.radians(distance)
    sine = math.sin(lat) * math.cos(arc) + math.cos(lat) * math.sin(arc) * math.cos(angle)
    across = math.sin(angle) * math.sin(arc) * math.cos(lat)
    along = math.cos(arc) - math.sin(lat) * sine
    end = math.asin(min(1.0, max(-1.0, sine)))
    return longitude + math.degrees(math.atan2(across, along)), math.degrees(end)


def _position(frame: str, first: str, second: str) -> Point:
    if frame in PIXEL_FRAMES:
        return _pixels(first), _pixels(second)
    longitude, latitude = _sky_angle(first, frame in _HOURS), _sky_angle(second, False)
    if abs(latitude) > 90:
        raise ValueError(f"{second[:40]!r} is not a latitude")
    return longitude, latitude


def _sky_angle(word: str, in_hours: bool) -> float:
    match = _SEXAGESIMAL.fullmatch(word.lower())
    if match is None:
        return _with_unit(word, "", "d", "r")
    sign, whole, colon, unit, minutes, seconds = match.groups()
    degrees = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    if unit == "h" or (colon and in_hours):
        degrees *= 15
    return -degrees if sign == "-" else degrees


def _size(frame: str, word: str) -> float:
    if frame in PIXEL_FRAMES:
        return _pixels(word)
    size = _with_unit(word, "", "d", "r", "'", '"')
    if abs(size) > 90:
        raise ValueError(f"{word[:40]!r} is not a size on the sky")
    return size


def _pixels(word: str) -> float:
    # DS9 marks image pixels with i and physical pixels with p.
    return _number(word[:-1] if word[-1] in "ip" else word)


def _angle(word: str) -> float:
    return _with_unit(word, "", "d", "r")


def _with_unit(word: str, *units: str) -> float:
    unit = word[-1].lower() if word[-1].lower() in "dr'\"" else ""
    if unit not in units:
        raise ValueError(f"{word[:40]!r} is not a number with a known unit")
    return check_pixel(_number(word.removesuffix(word[-1]) if unit else word) * _DEGREES[unit])


def _number(word: str) -> float:
    try:
        return check_pixel(float(word))
    except ValueError:
        raise ValueError(f"{word[:40]!r} is not a number with a known unit") from None


_SHAPES: dict[str, Callable[[str, list[str]], tuple[ShapeKind, tuple[Point, ...]]]] = {
    "box": _box,
    "rotbox": _box,
    "circle": _circle,
    "ellipse": _ellipse,
    "polygon": _polygon,
}
