"""Interpret the columns of a table: image, class, position and size of each object."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.columns import Columns
from ...files.tables import column_names, table_files
from ...imaging import Field
from ..annotation import ObjectBox
from .format import ReadOptions
from .numbers import LARGEST_PIXEL

__all__ = [
    "DEGREES",
    "NAMES",
    "Layout",
    "class_name_of",
    "is_table_with",
    "number_setting",
    "row_objects",
]

# Number of files of a folder opened to recognise its format.
_FIRST_FILES = 16

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": ("field", "filename", "file_name", "image", "image_name"),
        "label": ("class_name", "class", "label"),
        "xmin": ("xmin",),
        "ymin": ("ymin",),
        "xmax": ("xmax",),
        "ymax": ("ymax",),
        "x": ("x", "x_image", "xcentroid", "x_centroid", "xcenter", "xcen", "xpos"),
        "y": ("y", "y_image", "ycentroid", "y_centroid", "ycenter", "ycen", "ypos"),
        "ra": (
            "ra", "ra_deg", "radeg", "raj2000", "ra_icrs", "_raj2000", "alpha_j2000",
            "alphawin_j2000", "sky_centroid.ra", "right_ascension", "ramean",
        ),
        "dec": (
            "dec", "dec_deg", "dedeg", "decdeg", "dej2000", "decj2000", "de_icrs", "_dej2000",
            "delta_j2000", "deltawin_j2000", "sky_centroid.dec", "declination", "decmean",
        ),
        "width": ("width", "w"),
        "height": ("height", "h"),
        "size": ("size", "diameter", "diam", "d25"),
        "radius": (
            "radius", "petror90", "petror90_r", "petror90_i", "petror90_g", "petrorad",
            "petrorad_r", "petrorad_i", "petrorad_g", "petro_radius", "r90",
        ),
    }
)  # fmt: skip
"""Case-insensitive column names, in order of preference.

Half-light radii are excluded, as they contain only half of the light; so is ``name``, which in
catalogues names the galaxy and not its class.
"""

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_PHOTUTILS = ("bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax")
_PIXELS = frozenset({"pix", "pixel", "pixels", "px"})
DEGREES: Mapping[str, float] = {
    **dict.fromkeys(("deg", "degree", "degrees", "degs", "d"), 1.0),
    **dict.fromkeys(("arcmin", "arcmins", "arcminute", "arcminutes", "'"), 1 / 60),
    **dict.fromkeys(("arcsec", "arcsecs", "arcsecond", "arcseconds", "asec", '"'), 1 / 3600),
    "mas": 1 / 3.6e6,
    **dict.fromkeys(("rad", "radian", "radians"), 180 / np.pi),
    **dict.fromkeys(("hourangle", "h", "hour", "hours"), 15.0),
}
"""Degrees of each unit of angle, in lower case."""

# Numbers in files are unbounded; `row_objects` drops boxes that are not finite.
_ignore_overflow = np.errstate(over="ignore", invalid="ignore")


class Layout:
    """Roles of the columns of a table.

    Parameters
    ----------
    table : Columns
        The table.
    settings : mapping
        ``columns`` and ``origin`` of the format `table`.

    Attributes
    ----------
    kind : {"edges", "pixels", "sky", None}
        Source of the boxes; None if the columns do not define boxes.

    Raises
    ------
    InputError
        If a setting is wrong, or names a column that the table lacks.
    """

    kind: Literal["edges", "pixels", "sky"] | None

    def __init__(self, table: Columns, settings: Mapping[str, Any]) -> None:
        self._table = table
        chosen = settings.get("columns") or {}
        if not isinstance(chosen, Mapping):
            raise InputError(f"columns is {chosen!r}; map names such as 'x' to columns.")
        self._selected = frozenset(chosen)
        unknown = ", ".join(sorted(str(name) for name in chosen if name not in NAMES))
        if unknown:
            raise InputError(f"columns names {unknown}; known are {', '.join(NAMES)}.")
        self._columns = {
            name: column
            for name, names in NAMES.items()
            if (column := self._choose(chosen[name]) if name in chosen else table.find(names))
        }
        self._origin = settings.get("origin") or 0
        if self._origin not in (0, 1):
            raise InputError(f"origin is {self._origin!r}; it is 0 or 1.")
        self._bbox_columns = [column for name in _PHOTUTILS if (column := table.find([name]))]
        self.kind = self._kind()

    @property
    def names_images(self) -> bool:
        """True if a column names the image of each row."""
        return "image" in self._columns

    def groups(self, stem: str) -> list[tuple[str, Sequence[int]]]:
        """Return the rows of each image, sorted by its name.

        Parameters
        ----------
        stem : str
            Name of the image if no column names it.
        """
        if not self.names_images:
            return [(stem, range(len(self._table)))]
        groups: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(self._table.texts(self._columns["image"])):
            groups[name].append(row)
        return sorted(groups.items())

    def labels(self, default: str) -> list[str]:
        """Return the class of each row.

        A purely numeric column, such as photutils' ``label``, is a running number and not a class,
        unless it is selected by the settings.

        Parameters
        ----------
        default : str
            Class if no column gives it.
        """
        column = self._columns.get("label")
        if column is None or not ("label" in self._selected or self._table.is_text(column)):
            return [default] * len(self._table)
        return self._table.texts(column)

    @_ignore_overflow
    def pixel_edges(self) -> NDArray[np.float64]:
        """Return pixel edges (0-based, half-open) for kinds `edges` and `pixels`, shape (N, 4).

        Raises
        ------
        InputError
            If a size is an angle.
        """
        if self._has(_EDGES):
            return self._numbers(_EDGES)
        if self.kind == "edges":
            first_last: NDArray[np.float64] = np.stack(
                [self._table.numbers(name) for name in self._bbox_columns], axis=1
            )
            return first_last + np.array([0, 0, 1, 1], np.float64)
        origin = [
            1 if self._columns[axis].lower().endswith("_image") else self._origin for axis in "xy"
        ]
        centre = self._numbers(("x", "y")) - origin + 0.5
        return _around(centre, self._sides(None))

    @_ignore_overflow
    def sky_edges(self, field: Field) -> NDArray[np.float64]:
        """Return pixel edges (0-based, half-open) on an image, shape (N, 4); NaN outside its WCS.

        Parameters
        ----------
        field : Field
            The image, with a WCS.

        Raises
        ------
        InputError
            If a unit is unknown, or a column holds no numbers.
        """
        place = [
            self._table.numbers(self._columns[name]) * self._degrees(name, "deg")
            for name in ("ra", "dec")
        ]
        centre = np.stack(field.pixel(*place), axis=1)
        return _around(centre, self._sides(field.pixel_scale))

    def incomplete(self) -> list[int]:
        """Return the rows of kind `sky` whose position or size is not a number."""
        names = ("ra", "dec", *self._size_names())
        rows = np.flatnonzero(~np.isfinite(self._numbers(names)).all(axis=1))
        return [int(row) for row in rows]

    def _choose(self, column: object) -> str:
        found = self._table.find([str(column)])
        if found is None:
            raise InputError(f"{self._table.path} has no column {column!r}.")
        return found

    def _kind(self) -> Literal["edges", "pixels", "sky"] | None:
        if self._has(_EDGES) or len(self._bbox_columns) == len(_PHOTUTILS):
            return "edges"
        if not (self._has(("width", "height")) or self._has(("size",)) or self._has(("radius",))):
            return None
        if self._has(("x", "y")):
            return "pixels"
        return "sky" if self._has(("ra", "dec")) else None

    def _has(self, names: Sequence[str]) -> bool:
        return all(name in self._columns for name in names)

    def _numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        return np.stack([self._table.numbers(self._columns[name]) for name in names], axis=1)

    def _sides(self, scale: float | None) -> NDArray[np.float64]:
        """Return width and height in pixels, shape (N, 2)."""
        names = self._size_names()
        factor = 2.0 if "radius" in names else 1.0
        return factor * self._numbers(names) * [self._pixels(name, scale) for name in names]

    def _size_names(self) -> tuple[str, str]:
        """Return the names in `NAMES` of the width and the height."""
        if self._has(("width", "height")):
            return "width", "height"
        return ("size", "size") if self._has(("size",)) else ("radius", "radius")

    def _pixels(self, name: str, scale: float | None) -> float:
        """Return the factor from the unit of a size to pixels."""
        unit = self._unit(name)
        if unit in _PIXELS or (not unit and scale is None):
            return 1.0
        if scale is None:
            raise InputError(
                f"{self._table.path}: {self._columns[name]} is in {unit}, but the positions are in "
                "pixels. Give sizes in pixels."
            )
        return self._degrees(name, "arcsec") * 3600 / scale

    def _degrees(self, name: str, default: str) -> float:
        unit = self._unit(name) or default
        if unit not in DEGREES:
            raise InputError(
                f"{self._table.path}: the unit {unit[:40]!r} of {self._columns[name]} is not "
                "known. Give degrees, or arcseconds for sizes."
            )
        return DEGREES[unit]

    def _unit(self, name: str) -> str:
        return self._table.unit(self._columns[name]).lower()


def _around(centre: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([centre - sides / 2, centre + sides / 2])


def row_objects(
    table: Columns,
    edges: NDArray[np.float64],
    labels: Sequence[str],
    attributes: Mapping[str, str],
    options: ReadOptions,
    rows: Sequence[int],
) -> tuple[ObjectBox, ...]:
    """Return the objects of rows; invalid rows are passed to ``options.on_error``.

    Parameters
    ----------
    table : Columns
        The table.
    edges : ndarray of float64, shape (N, 4)
        Pixel edges of all rows, 0-based, half-open; NaN where they are not known.
    labels : sequence of str
        Classes of all rows; rows with an empty one are left out.
    attributes : mapping of str to str
        Columns to keep as attributes, mapped to the names of the attributes.
    options : ReadOptions
        Options of the reader.
    rows : sequence of int
        Indices of the rows.
    """
    texts = {name: table.texts(column) for column, name in attributes.items()}
    boxes = []
    for row in rows:
        if not labels[row]:
            options.on_error(InputError(f"{table.path}: row {row + 1} has no class."))
        elif not (np.abs(edges[row]) < LARGEST_PIXEL).all():
            options.on_error(
                InputError(
                    f"{table.path}: row {row + 1} has no position and size in numbers below "
                    f"{LARGEST_PIXEL:g} pixels."
                )
            )
        else:
            kept = tuple((name, column[row]) for name, column in texts.items() if column[row])
            xmin, ymin, xmax, ymax = edges[row].tolist()
            boxes.append(ObjectBox(labels[row], xmin, ymin, xmax, ymax, attributes=kept))
    return tuple(boxes)


def class_name_of(options: ReadOptions) -> str:
    """Return the default label: the setting ``class_name``, or "object".

    Parameters
    ----------
    options : ReadOptions
        Options of the reader.
    """
    return str(options.settings.get("class_name") or "object")


def number_setting(options: ReadOptions, name: str) -> float | None:
    """Return a positive number from the settings; None if not set.

    Parameters
    ----------
    options : ReadOptions
        Options of the reader.
    name : str
        Name of the setting.

    Raises
    ------
    InputError
        If it is not such a number.
    """
    value: Any = options.settings.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < LARGEST_PIXEL:
        raise InputError(f"{name} is {value!r}; give a number above 0.")
    return number


def is_table_with(path: Path, condition: Callable[[Columns], bool]) -> bool:
    """Return whether a table, or one of the first tables of a folder, meets a condition.

    Parameters
    ----------
    path : Path
        A table or a folder.
    condition : callable
        Condition on the columns of a table, without its rows.
    """
    try:
        for file in islice(table_files(path), _FIRST_FILES):
            names = column_names(file)
            if names and condition(Columns(file, {name: [] for name in names})):
                return True
    except (InputError, OSError):
        return False
    return False
