"""Interpret the columns of a table: image, class, position and size of each object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files.columns import Columns
from ...imaging import Field
from .table_names import DEGREES, NAMES, class_column, image_column, size_column

__all__ = ["Layout"]

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_SIZES = ("width", "height", "size", "radius")
_PHOTUTILS = ("bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax")
# Petrosian radii of SDSS are in arcseconds by definition.
_IN_ARCSECONDS = "petror"
_PIXELS = frozenset({"pix", "pixel", "pixels", "px"})
# Bare names that do not tell the centre from the top left corner.
_BARE = {"x": ("x",), "y": ("y",), "width": ("width", "w"), "height": ("height", "h")}

# Numbers in files are unbounded; `row_objects` drops boxes that are not finite.
_ignore_overflow = np.errstate(over="ignore", invalid="ignore")


class Layout:
    """Roles of the columns of a table.

    Parameters
    ----------
    table : Columns
        The table.
    settings : mapping
        ``columns``, ``origin`` and ``size_unit`` of the format `table`.

    Attributes
    ----------
    kind : {"edges", "corner", "pixels", "sky", None}
        Source of the boxes; None if the columns do not define boxes.

    Raises
    ------
    InputError
        If a setting is wrong, or names a column that the table lacks.
    """

    kind: Literal["edges", "corner", "pixels", "sky"] | None

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
        self._named_units: dict[str, str] = {}
        for name in _SIZES:
            if name not in self._columns and (found := size_column(table, name)):
                self._columns[name], self._named_units[name] = found
        if "image" not in self._columns and (images := image_column(table)):
            self._columns["image"] = images
        if "label" not in self._columns and (classes := class_column(table, self.image)):
            self._columns["label"] = classes
        self._size_unit = str(settings.get("size_unit") or "").lower()
        if self._size_unit and self._size_unit not in DEGREES:
            raise InputError(f"The unit of sizes is {self._size_unit!r}; give arcsec or arcmin.")
        self._origin = settings.get("origin") or 0
        if self._origin not in (0, 1):
            raise InputError(f"origin is {self._origin!r}; it is 0 or 1.")
        self._bbox_columns = [column for name in _PHOTUTILS if (column := table.find([name]))]
        self.kind = self._kind()

    @property
    def image(self) -> str | None:
        """The column that names the image of each row; None if there is none."""
        return self._columns.get("image")

    @property
    def names_images(self) -> bool:
        """True if a column names the image of each row."""
        return "image" in self._columns

    def describe(self, default: str, stem: str) -> str:
        """Return which columns are used for what.

        Parameters
        ----------
        default : str
            Class if no column gives it.
        stem : str
            Name of the image if no column names it.
        """
        label = self._class_column()
        parts = [
            f"image from {self.image}" if self.image else f"all rows are of the image {stem}",
            f"class from {label}" if label else f"every object is {default!r}",
        ]
        if self.kind == "edges":
            names = [self._columns[name] for name in _EDGES if name in self._columns]
            parts.append(f"edges from {', '.join(names or self._bbox_columns)}")
        else:
            place = {"sky": ("ra", "dec"), "corner": ("left", "top")}.get(
                str(self.kind), ("x", "y")
            )
            what = "top left corner" if self.kind == "corner" else "centre"
            names = [self._columns[name] for name in place]
            sizes = [self._size_text(name) for name in dict.fromkeys(self._size_names())]
            parts.append(f"{what} from {', '.join(names)}, size from {', '.join(sizes)}")
        return "; ".join(parts)

    def _size_text(self, name: str) -> str:
        unit = self._unit(name) or ("arcsec" if self.kind == "sky" else "pixels")
        return f"{self._columns[name]} ({'radius, ' if name == 'radius' else ''}{unit})"

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

        A column of numbers that are all different, such as photutils' ``label``, is a running
        number and not a class, unless it is selected by the settings.

        Parameters
        ----------
        default : str
            Class if no column gives it.
        """
        column = self._class_column()
        return [default] * len(self._table) if column is None else self._table.texts(column)

    def _class_column(self) -> str | None:
        column = self._columns.get("label")
        if column is None or "label" in self._selected or self._table.is_text(column):
            return column
        return column if len(set(self._table.texts(column))) < len(self._table) else None

    @_ignore_overflow
    def pixel_edges(self) -> NDArray[np.float64]:
        """Return pixel edges (0-based, half-open) for all kinds but `sky`, shape (N, 4).

        Raises
        ------
        InputError
            If a size is an angle, edges seem to be fractions of the image, or positions may be
            those of a corner or of the centre.
        """
        if self._has(_EDGES):
            edges = self._numbers(_EDGES)
            self._refuse_fractions(edges)
            return edges
        if self.kind == "edges":
            first_last: NDArray[np.float64] = np.stack(
                [self._table.numbers(name) for name in self._bbox_columns], axis=1
            )
            return first_last + np.array([0, 0, 1, 1], np.float64)
        if self.kind == "corner":
            near = self._numbers(("left", "top"))
            return np.hstack([near, near + self._sides(None)])
        self._refuse_bare_names()
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

    def image_sizes(self) -> NDArray[np.float64] | None:
        """Return the columns ``width`` and ``height`` if they are the sizes of objects.

        Returns
        -------
        ndarray of float64, shape (N, 2), or None
            To compare with the size of the image, which such columns often hold.
        """
        sized = self.kind in ("pixels", "corner") and self._size_names()[0] == "width"
        return self._numbers(("width", "height")) if sized else None

    def _refuse_bare_names(self) -> None:
        names = self._size_names()
        if names[0] != "width" or self._selected.intersection("xy"):
            return
        if all(self._columns[name].lower() in _BARE[name] for name in ("x", "y", *names)):
            columns = ", ".join(self._columns[name] for name in ("x", "y", *names))
            raise InputError(
                f"{self._table.path} has the columns {columns}: the position may be the top left "
                "corner or the centre. Say which: --column left=x --column top=y for the corner, "
                "--column x=x --column y=y for the centre."
            )

    def _refuse_fractions(self, edges: NDArray[np.float64]) -> None:
        known = edges[np.isfinite(edges)]
        if known.size and known.min() >= 0 and known.max() <= 1 and (known % 1).any():
            raise InputError(
                f"{self._table.path}: all edges are between 0 and 1, as fractions of an image are. "
                "Name the column of the image with --column image=COLUMN, or write pixels."
            )

    def incomplete(self) -> list[int]:
        """Return the rows of kind `sky` whose position or size is not a number."""
        names = ("ra", "dec", *self._size_names())
        rows = np.flatnonzero(~np.isfinite(self._numbers(names)).all(axis=1))
        return [int(row) for row in rows]

    def _choose(self, column: object) -> str:
        found = self._table.find([str(column)])
        if found is None:
            names = ", ".join(self._table.names[:20])
            raise InputError(
                f"{self._table.path} has no column {column!r}; its columns are {names}."
            )
        return found

    def _kind(self) -> Literal["edges", "corner", "pixels", "sky"] | None:
        if self._has(_EDGES) or len(self._bbox_columns) == len(_PHOTUTILS):
            return "edges"
        if not (self._has(("width", "height")) or self._has(("size",)) or self._has(("radius",))):
            return None
        if self._has(("left", "top", "width", "height")) and not self._selected.intersection("xy"):
            return "corner"
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
        """Return the names in `NAMES` of the width and the height.

        A size or radius comes first: beside it, ``width`` and ``height`` are those of the image.
        """
        if self._has(("width", "height")) and (
            self.kind == "corner"
            or self._selected.intersection(("width", "height"))
            or not (self._has(("size",)) or self._has(("radius",)))
        ):
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
        if not unit and not self._columns[name].lower().startswith(_IN_ARCSECONDS):
            raise InputError(
                f"{self._table.path}: the column {self._columns[name]} has no unit. Give it with "
                "--size-unit arcsec, or arcmin or deg."
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
        unit = self._named_units.get(name) or self._table.unit(self._columns[name]).lower()
        return self._size_unit if name in _SIZES and not unit else unit


def _around(centre: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([centre - sides / 2, centre + sides / 2])
