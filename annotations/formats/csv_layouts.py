"""Columns of CSV tables of boxes as annotation programs and data sets name them.

Known are the tables of the TF Object Detection tutorials, DeepForest, Open Images, keras-retinanet,
makesense.ai, VoTT, Google AutoML and Kaggle's wheat heads, and any other whose columns say what
they hold.  What could be read in two ways is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["BOX_ROLES", "CLASS_WORDS", "IMAGE_COLUMNS", "LABEL_COLUMNS", "CsvLayout", "csv_layout"]

Shape: TypeAlias = Literal["edges", "corner", "centre", "list"]

IMAGE_COLUMNS = (
    "filename", "file_name", "image", "image_name", "image_path", "image_id", "imageid", "imgname",
    "image_file", "image_filename", "img", "img_path", "img_name", "img_id", "path", "filepath",
    "file_path", "file", "fname",
)  # fmt: skip
"""Columns that name the image, in order of preference, in lower case."""

LABEL_COLUMNS = (
    "class", "label", "class_name", "classname", "label_name", "labelname", "category",
    "category_name", "object_class", "class_label",
)  # fmt: skip
"""Columns of the class, in order of preference, in lower case."""

CLASS_WORDS = frozenset(
    {"class", "label", "category", "type", "name", "kind", "species", "morphology"}
)
"""Words of which the name of a column of classes has one, where it has none of the usual names."""

BOX_ROLES: Mapping[Shape, tuple[str, ...]] = {
    "edges": ("xmin", "ymin", "xmax", "ymax"),
    "corner": ("left", "top", "width", "height"),
    "centre": ("x", "y", "width", "height"),
    "list": ("bbox",),
}
"""Roles of the columns of a box, as in the option ``--column``."""

# Columns of each role of a box, in the order of preference.
_BOXES: tuple[tuple[Shape, tuple[str, ...]], ...] = (
    ("edges", ("xmin", "ymin", "xmax", "ymax")),
    ("edges", ("x_min", "y_min", "x_max", "y_max")),
    ("edges", ("x1", "y1", "x2", "y2")),
    ("edges", ("x0", "y0", "x1", "y1")),
    ("edges", ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")),
    ("edges", ("left", "top", "right", "bottom")),
    *(
        ("corner", (*corner, *size))
        for size in (("bbox_width", "bbox_height"), ("width", "height"), ("w", "h"))
        for corner in (
            ("bbox_x", "bbox_y"),
            ("bbox_left", "bbox_top"),
            ("left", "top"),
            ("xmin", "ymin"),
            ("x_min", "y_min"),
        )
    ),
    *(
        ("centre", (*centre, *size))
        for size in (("width", "height"), ("w", "h"))
        for centre in (
            ("x_center", "y_center"),
            ("x_centre", "y_centre"),
            ("xcenter", "ycenter"),
            ("center_x", "center_y"),
            ("cx", "cy"),
        )
    ),
)
_SIZES = (("image_width", "image_height"), ("img_width", "img_height"), ("width", "height"))
_FLAGS = ("difficult", "truncated", "pose")
_OPEN_IMAGES = {"imageid", "labelname", "xmin", "xmax", "ymin", "ymax"}
_MAKE_SENSE = {"label_name", "image_name", "image_width", "image_height"}
_WHEAT = {"image_id", "width", "height", "bbox"}
_AUTOML_SETS = ("", "train", "validation", "test", "unassigned")


@dataclass(frozen=True)
class CsvLayout:
    """Columns of a table of boxes.

    Attributes
    ----------
    title : str
        Program or data set; empty if the columns are those of the tutorials.
    names : sequence of str
        Names of the columns, of those without a header their roles.
    has_header : bool
        False if the first row is a box.
    shape : {"edges", "corner", "centre", "list"}
        Meaning of the numbers of a box; see `BOX_ROLES`.
    roles : mapping of str to int
        Index of the column of each role: ``image``, those of `BOX_ROLES`, and if the table has them
        ``label``, ``image_width``, ``image_height``, ``difficult``, ``truncated`` and ``pose``.
    shares : bool
        True if edges are fractions of the image by definition.
    """

    title: str
    names: Sequence[str]
    has_header: bool
    shape: Shape
    roles: Mapping[str, int]
    shares: bool = False

    def describe(self, shares: bool) -> str:
        """Return which column was taken as what.

        Parameters
        ----------
        shares : bool
            True if the edges are fractions of the image.
        """
        box = ", ".join(self.names[self.roles[role]] for role in BOX_ROLES[self.shape])
        meaning = {
            "edges": "left, top, right and bottom edge",
            "corner": "top left corner, width and height",
            "centre": "centre, width and height",
            "list": "top left corner, width and height",
        }[self.shape]
        unit = "fractions of the image" if shares else "pixels"
        parts = [f"image from {self.names[self.roles['image']]}"]
        if "label" in self.roles:
            parts.append(f"class from {self.names[self.roles['label']]}")
        return f"{', '.join(parts)}, box from {box} ({meaning} in {unit})"


def csv_layout(header: Sequence[str], chosen: Mapping[str, str]) -> CsvLayout | None:
    """Return the columns of a table of boxes; None if it is not one.

    Parameters
    ----------
    header : sequence of str
        The first row.
    chosen : mapping of str to str
        Columns chosen by the user, by their roles.

    Raises
    ------
    ValueError
        If the columns could be read in two ways, or there is no column that was chosen; the message
        completes a sentence that begins with the file.
    """
    names = [re.sub(r"[\s\-]+", "_", cell.strip().lower()) for cell in header]
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    own = {role: _chosen(header, column) for role, column in chosen.items()}
    headless = None if chosen else _headless(header)
    if headless is not None:
        return headless
    image = own.get("image", _first(places, IMAGE_COLUMNS))
    if image is None:
        return None
    found = _box(places, own)
    if found is None:
        return None
    shape, roles = found
    used = {image, *roles.values()}
    roles["image"] = image
    if (label := own.get("label", _first(places, LABEL_COLUMNS))) is None:
        label = _class_column(header, names, used)
    if label is not None:
        roles["label"] = label
    for pair in _SIZES:
        if all(name in places and places[name] not in used for name in pair):
            roles |= dict(
                zip(("image_width", "image_height"), (places[n] for n in pair), strict=True)
            )
            break
    roles |= {flag: places[flag] for flag in _FLAGS if flag in places}
    title, shares = _title(set(places), shape, names, roles)
    return CsvLayout(title, [cell.strip() for cell in header], True, shape, roles, shares)


def _first(places: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _chosen(header: Sequence[str], column: str) -> int:
    cells = [cell.strip().lower() for cell in header]
    if column.strip().lower() not in cells:
        raise ValueError(f"has no column {column!r}; its columns are {', '.join(header)[:300]}")
    return cells.index(column.strip().lower())


def _box(places: Mapping[str, int], own: Mapping[str, int]) -> tuple[Shape, dict[str, int]] | None:
    """Return the meaning of a box and the columns of its roles."""
    for shape, roles in BOX_ROLES.items():
        known = {role: own.get(role, places.get(role)) for role in roles}
        whole = {role: place for role, place in known.items() if place is not None}
        # The user names at least the position, so that nothing is guessed.
        if set(roles[:2]) & set(own) and len(whole) == len(roles):
            return shape, whole
    for shape, columns in _BOXES:
        if all(column in places for column in columns):
            return shape, {
                role: places[column] for role, column in zip(BOX_ROLES[shape], columns, strict=True)
            }
    if set(places) >= _WHEAT:
        return "list", {"bbox": places["bbox"]}
    for size in (("width", "height"), ("w", "h")):
        if all(name in places for name in ("x", "y", *size)):
            if set(places) >= _MAKE_SENSE:
                names = ("x", "y", *size)
                return "corner", dict(
                    zip(BOX_ROLES["corner"], (places[name] for name in names), strict=True)
                )
            raise ValueError(
                f"has the columns x, y, {', '.join(size)}: the position may be the top left corner "
                "or the centre. Say which: --column left=x --column top=y for the corner, "
                "--column x=x --column y=y for the centre"
            )
    if "bbox" in places:
        raise ValueError(
            "has a column bbox, which may be [x, y, width, height] or [xmin, ymin, xmax, ymax]. "
            "Write four columns: xmin, ymin, xmax, ymax"
        )
    return None


def _class_column(header: Sequence[str], names: Sequence[str], used: set[int]) -> int | None:
    """Return the one other column that is called like a class."""
    found = [
        place
        for place, name in enumerate(names)
        if place not in used and CLASS_WORDS.intersection(name.split("_"))
    ]
    if len(found) > 1:
        columns = " or ".join(header[place].strip() for place in found)
        raise ValueError(
            f"does not tell its class: it may be in {columns}. Choose with --column label=COLUMN"
        )
    return found[0] if found else None


def _title(
    places: set[str], shape: Shape, names: Sequence[str], roles: Mapping[str, int]
) -> tuple[str, bool]:
    """Return the program that writes such a table, and whether its edges are fractions."""
    if places >= _OPEN_IMAGES:
        return "Open Images", True
    if shape == "list":
        return "Kaggle's wheat heads", False
    if shape == "corner" and places >= _MAKE_SENSE:
        return "makesense.ai", False
    image, label = names[roles["image"]], names[roles["label"]] if "label" in roles else ""
    if shape == "edges" and "xmin" in places:
        known = {
            ("filename", "class"): "",
            ("image_path", "label"): "DeepForest",
            ("image", "label"): "VoTT",
        }
        return known.get((image, label), "a table of boxes"), False
    return "a table of boxes", False


def _headless(cells: Sequence[str]) -> CsvLayout | None:
    """Return the layout of a table without a header, from its first row."""
    if len(cells) == 6 and (_are_numbers(cells[1:5]) or not any(cells[1:])):
        names: tuple[str, ...] = ("image", "xmin", "ymin", "xmax", "ymax", "label")
        return _without_header("keras-retinanet", names, "edges")
    if len(cells) == 8 and _are_numbers((*cells[1:5], *cells[6:])) and not _are_numbers(cells[5:6]):
        names = ("label", *BOX_ROLES["corner"], "image", "image_width", "image_height")
        return _without_header("makesense.ai", names, "corner")
    if len(cells) == 11 and cells[0].strip().lower() in _AUTOML_SETS and cells[1].strip():
        corner, opposite = cells[3:5], cells[7:9]
        if _are_numbers((*corner, *opposite)) or not any(cell.strip() for cell in cells[3:]):
            names = ("set", "image", "label", "xmin", "ymin", "", "", "xmax", "ymax", "", "")
            return _without_header("Google AutoML", names, "edges", shares=True)
    return None


def _without_header(
    title: str, names: Sequence[str], shape: Shape, shares: bool = False
) -> CsvLayout:
    roles = {name: place for place, name in enumerate(names) if name and name != "set"}
    return CsvLayout(title, names, False, shape, roles, shares)


def _are_numbers(cells: Sequence[str]) -> bool:
    try:
        return all(math.isfinite(float(cell.replace(",", "."))) for cell in cells)
    except ValueError:
        return False
