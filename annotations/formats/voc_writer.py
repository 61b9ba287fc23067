"""Lay one image's boxes out as labelImg's Pascal VOC XML."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from ...errors import OutputError
from ...files.atomic import atomic_path
from ..annotation import AnnotatedImage, ObjectBox
from .decimals import EXACT, decimal_from_text, show_decimal
from .text import show_number

__all__ = ["save_voc"]

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def save_voc(path: Path, image: AnnotatedImage, one_based: bool = False) -> None:
    """Write one Pascal VOC file; whole numbers without a decimal point.

    Parameters
    ----------
    path : Path
        The XML file to write; replaced if it exists.
    image : AnnotatedImage
        What to write.
    one_based : bool
        Whether to write the edges of strict Pascal VOC, see the format's module.

    Raises
    ------
    OutputError
        If the file cannot be written, or a text holds characters that XML cannot.
    """
    lower_edge = _counted_from_one if one_based else _clamped
    try:
        content = _layout(image, path.parent.name, lower_edge).encode()
    except ValueError as error:
        raise OutputError(f"Cannot write {path}: {error}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _layout(image: AnnotatedImage, folder: str, lower_edge: Callable[[float], str]) -> str:
    filename = _text(image.filename)
    return f"""<annotation>
\t<folder>{_text(folder)}</folder>
\t<filename>{filename}</filename>
\t<path>{filename}</path>
\t<source>
\t\t<database>Unknown</database>
\t</source>
\t<size>
\t\t<width>{image.width}</width>
\t\t<height>{image.height}</height>
\t\t<depth>{image.depth}</depth>
\t</size>
\t<segmented>0</segmented>
{"".join(_layout_object(box, lower_edge) for box in image.objects)}</annotation>
"""


def _layout_object(box: ObjectBox, lower_edge: Callable[[float], str]) -> str:
    return f"""\t<object>
\t\t<name>{_text(box.label)}</name>
\t\t<pose>{_text(box.pose)}</pose>
\t\t<truncated>{box.truncated:d}</truncated>
\t\t<difficult>{box.difficult:d}</difficult>
\t\t<bndbox>
\t\t\t<xmin>{lower_edge(box.xmin)}</xmin>
\t\t\t<ymin>{lower_edge(box.ymin)}</ymin>
\t\t\t<xmax>{show_number(box.xmax)}</xmax>
\t\t\t<ymax>{show_number(box.ymax)}</ymax>
\t\t</bndbox>
{_layout_attributes(box.attributes)}\t</object>
"""


def _layout_attributes(attributes: tuple[tuple[str, str], ...]) -> str:
    if not attributes:
        return ""
    pairs = "".join(
        f"""\t\t\t<attribute>
\t\t\t\t<name>{_text(name)}</name>
\t\t\t\t<value>{_text(value)}</value>
\t\t\t</attribute>
"""
        for name, value in attributes
    )
    return f"\t\t<attributes>\n{pairs}\t\t</attributes>\n"


def _clamped(edge: float) -> str:
    if edge == 0:
        return "1"
    return "1.0" if edge == 1 else show_number(edge)


def _counted_from_one(edge: float) -> str:
    return show_decimal(EXACT.add(decimal_from_text(repr(edge)), 1))


@lru_cache(maxsize=1024)  # the same few labels and poses, in every file
def _text(text: str) -> str:
    if bad := _NO_XML.search(text):
        raise ValueError(f"XML cannot hold the character {bad[0]!a} of {text[:40]!a}")
    return escape(text, {"\r": "&#13;"})
