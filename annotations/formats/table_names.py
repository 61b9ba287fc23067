"""Names of the columns of a table of galaxies, and the choice among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ...errors import InputError
from ...files.columns import Columns
from ..images import IMAGE_SUFFIXES
from .csv_layouts import CLASS_WORDS, IMAGE_COLUMNS, LABEL_COLUMNS

__all__ = ["DEGREES", "NAMES", "class_column", "image_column", "size_column"]

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": ("field", *IMAGE_COLUMNS),
        "label": ("class_name", *LABEL_COLUMNS),
        "xmin": ("xmin",),
        "ymin": ("ymin",),
        "xmax": ("xmax",),
        "ymax": ("ymax",),
        "left": ("left", "x_left", "xleft", "bbox_x"),
        "top": ("top", "y_top", "ytop", "bbox_y"),
        "x": (
            "x", "x_image", "xcentroid", "x_centroid", "xcenter", "x_center", "xcen", "xpos", "cx",
        ),
        "y": (
            "y", "y_image", "ycentroid", "y_centroid", "ycenter", "y_center", "ycen", "ypos", "cy",
        ),
        "ra": (
            "ra", "ra_deg", "radeg", "raj2000", "ra_icrs", "_raj2000", "alpha_j2000",
            "alphawin_j2000", "sky_centroid.ra", "right_ascension", "ramean",
        ),
        "dec": (
            "dec", "dec_deg", "dedeg", "decdeg", "dej2000", "decj2000", "de_icrs", "_dej2000",
            "delta_j2000", "deltawin_j2000", "sky_centroid.dec", "declination", "decmean",
        ),
        "width": ("width", "w", "bbox_width"),
        "height": ("height", "h", "bbox_height"),
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

DEGREES: Mapping[str, float] = {
    **dict.fromkeys(("deg", "degree", "degrees", "degs", "d"), 1.0),
    **dict.fromkeys(("arcmin", "arcmins", "arcminute", "arcminutes", "'"), 1 / 60),
    **dict.fromkeys(("arcsec", "arcsecs", "arcsecond", "arcseconds", "asec", '"'), 1 / 3600),
    "mas": 1 / 3.6e6,
    **dict.fromkeys(("rad", "radian", "radians"), 180 / 3.141592653589793),
    **dict.fromkeys(("hourangle", "h", "hour", "hours"), 15.0),
}
"""Degrees of each unit of angle, in lower case."""

_UNITS_IN_NAMES = ("arcsec", "arcmin", "deg", "pix", "pixels")
_FIRST_ROWS = 1000


def size_column(table: Columns, role: str) -> tuple[str, str] | None:
    """Return the column of a size and the unit that its name states; None if there is none.

    Parameters
    ----------
    table : Columns
        The table.
    role : str
        Key of `NAMES`.

    Returns
    -------
    (str, str) or None
        The unit is that of a name such as ``diam_arcmin`` or ``radius [arcsec]``, else empty.
    """
    if plain := table.find(NAMES[role]):
        return plain, ""
    for column in table.names:
        match = re.fullmatch(r"(.+?)[\s_]*[\s_(\[]([a-z]+)[)\]]?", column.lower())
        if match and match[1] in NAMES[role] and match[2] in _UNITS_IN_NAMES:
            return column, match[2]
    return None


def image_column(table: Columns) -> str | None:
    """Return the text column whose values are file names of images; None if there is none.

    Parameters
    ----------
    table : Columns
        The table.

    Raises
    ------
    InputError
        If there are several.
    """
    found = [name for name in table.names if _names_images(table, name)]
    if len(found) > 1:
        raise InputError(
            f"{table.path}: {' and '.join(found)} both look like names of images. Choose with "
            "--column image=COLUMN."
        )
    return found[0] if found else None


def class_column(table: Columns, image: str | None) -> str | None:
    """Return the text column that is called like a class and has few values.

    Parameters
    ----------
    table : Columns
        The table.
    image : str or None
        The column of the images, which is no class.

    Raises
    ------
    InputError
        If there are several.
    """
    found = [
        name
        for name in table.names
        if name != image and CLASS_WORDS.intersection(_words(name)) and _repeats(table, name)
    ]
    if len(found) > 1:
        raise InputError(
            f"{table.path} does not tell its class: it may be in {' or '.join(found)}. Choose with "
            "--column label=COLUMN."
        )
    return found[0] if found else None


def _words(name: str) -> list[str]:
    parts = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return re.split(r"[\W_]+", parts.lower())


def _repeats(table: Columns, name: str) -> bool:
    """Return whether a column is text and has at most half as many values as rows."""
    if not table.is_text(name):
        return False
    texts = table.texts(name)
    return 2 * len(set(texts)) <= len(texts)


def _names_images(table: Columns, name: str) -> bool:
    texts = [text for text in table.take(range(min(len(table), _FIRST_ROWS))).texts(name) if text]
    return bool(texts) and all(text.lower().endswith(IMAGE_SUFFIXES) for text in texts)
