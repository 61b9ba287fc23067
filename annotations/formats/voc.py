"""Pascal VOC XML as written by labelImg, one file per image.

labelImg stores 0-based half-open edges, truncated to whole numbers, and raises an ``xmin`` or
``ymin`` of 0 to 1, for old readers that subtract 1.  An ``xmin`` or ``ymin`` written as the whole
number ``1`` is therefore read as 0.  A box that did begin at pixel 1 cannot be distinguished and
becomes one pixel larger.  Numbers with a decimal point are never clamped: ``1.0`` is read as 1.
The writer follows the same rules, so that reading and writing preserve boxes.

Files of the Pascal VOC challenge itself use one-based inclusive pixels: ``xmin`` is larger by 1,
and ``xmax`` is the same.  They are read and written with the setting ``voc_one_based``.

Attributes of an object follow CVAT: ``<attributes><attribute><name/><value/>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, get_args
from xml.sax.saxutils import escape

from lxml import etree

from ...errors import InputError, OutputError
from ...files.atomic import atomic_path
from ...files.text_encoding import encoding_of
from ..annotation import AnnotatedImage, ObjectBox, refuse_empty_boxes
from ..collection import Collection
from .format import AnnotationFormat, Feature, ReadOptions, WriteOptions, none_left
from .image_files import (
    annotation_files,
    any_annotation_file,
    files_by_stem,
    mirrored_stem,
    named_by_file,
)
from .numbers import (
    EXACT,
    format_decimal,
    format_number,
    parse_count,
    parse_decimal,
    parse_flag,
    parse_number,
)
from .xml_elements import read_root

__all__ = ["FORMAT", "read_voc", "write_voc"]

_HEAD_BYTES = 2**20

# An image with 10,000 objects takes about 4 MB.
_MAX_BYTES = 32 * 2**20

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Shapes of Labelbox and roLabelImg.
_OTHER_SHAPES = ("polygon", "robndbox")

_Children = dict[str, etree._Element]
_T = TypeVar("_T")


def read_voc(path: str | Path) -> AnnotatedImage:
    """Read one labelImg Pascal VOC file.

    Tags may be in any order, coordinates may be floats, and ``pose``, ``truncated``,
    ``difficult`` and ``size`` may be missing.

    Parameters
    ----------
    path : str or Path
        The XML file.  It may be untrusted: entities, document types and files over 32 MiB are
        refused, and nothing is fetched.

    Returns
    -------
    AnnotatedImage
        Boxes are pixel edges, 0-based, half-open; width and height are 0 if the file has no
        ``size``.

    Raises
    ------
    InputError
        If the file cannot be read, is not Pascal VOC, or has an empty or inverted box.
    """
    image = _parse(Path(path), ReadOptions())
    refuse_empty_boxes(path, image)
    return image


def write_voc(path: str | Path, annotated: AnnotatedImage, *, one_based: bool = False) -> Path:
    """Write one Pascal VOC file; whole numbers have no decimal point.

    Parameters
    ----------
    path : str or Path
        The XML file; replaced if it exists.
    annotated : AnnotatedImage
        Boxes are pixel edges, 0-based, half-open.
    one_based : bool
        Write one-based pixels, as in the Pascal VOC challenge.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written, or a text has characters that XML does not allow.

    Examples
    --------
    >>> import tempfile
    >>> from galpipe.annotations import AnnotatedImage, ObjectBox, read_voc, write_voc
    >>> image = AnnotatedImage("m51.jpg", 424, 300, objects=(ObjectBox("galaxy", 0, 12, 30, 300),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_voc(f"{folder}/m51.xml", image)
    ...     read_voc(path) == image
    True
    """
    path = Path(path)
    lower_edge = _one_based if one_based else _clamped
    try:
        content = _format(annotated, path.parent.name, lower_edge).encode()
    except ValueError as error:
        raise OutputError(f"Cannot write {path}: {error}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def _parse(path: Path, options: ReadOptions) -> AnnotatedImage:
    """Read one Pascal VOC file; boxes may be empty or inverted."""
    root = _root(path)
    objects = []
    elements = list(root.iter("object"))
    for number, element in enumerate(elements, 1):
        try:
            objects.append(_object(element, options))
        except ValueError as error:
            options.on_error(InputError(f"{path}: object {number}, {error}."))
    try:
        parts = _children(root)
        size = _children(parts["size"]) if "size" in parts else {}
        image = AnnotatedImage(
            filename=_text(parts, "filename") or path.stem,
            width=_value(size, "width", parse_count),
            height=_value(size, "height", parse_count),
            depth=_value(size, "depth", parse_count) if _text(size, "depth") else 3,
            objects=tuple(objects),
        )
    except ValueError as error:
        raise InputError(f"{path} has {error}.") from error
    if elements and not objects:
        raise none_left(path, image.filename, len(elements))
    return image


def _root(path: Path) -> etree._Element:
    root = read_root(path, _MAX_BYTES)
    if root.tag != "annotation":
        raise InputError(
            f"{path} is not a Pascal VOC annotation: its root is <{root.tag}>, not <annotation>."
        )
    return root


def _object(element: etree._Element, options: ReadOptions) -> ObjectBox:
    parts = _children(element)
    label = _text(parts, "name") or str(options.settings.get("class_name") or "")
    if not label:
        raise ValueError("without a <name>: name it in labelImg or give --class-name")
    if "bndbox" not in parts:
        shape = next((f", but a <{name}>" for name in _OTHER_SHAPES if name in parts), "")
        raise ValueError(f"{label!r} without a <bndbox>{shape}: draw a box or delete it")
    bounds = _children(parts["bndbox"])
    one_based = bool(options.settings.get("voc_one_based"))
    return ObjectBox(
        label,
        _lower_edge(bounds, "xmin", one_based),
        _lower_edge(bounds, "ymin", one_based),
        _value(bounds, "xmax", parse_number),
        _value(bounds, "ymax", parse_number),
        _value(parts, "difficult", parse_flag),
        _value(parts, "truncated", parse_flag),
        _text(parts, "pose") or "Unspecified",
        _attributes(parts["attributes"]) if "attributes" in parts else (),
    )


def _lower_edge(bounds: _Children, tag: str, one_based: bool) -> float:
    edge = _value(bounds, tag, parse_number)
    text = _text(bounds, tag)
    if text == "1":
        return 0.0
    return float(EXACT.subtract(parse_decimal(text), 1)) if one_based else edge


def _value(parts: _Children, tag: str, parse: Callable[[str], _T]) -> _T:
    text = _text(parts, tag)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"<{tag}>{text[:40]}</{tag}>: {error}") from None


def _attributes(element: etree._Element) -> tuple[tuple[str, str], ...]:
    pairs = (_children(attribute) for attribute in element.iterchildren("attribute"))
    return tuple((_text(pair, "name"), _text(pair, "value")) for pair in pairs)


def _children(element: etree._Element) -> _Children:
    """Return the children by tag; of repeated tags the first, as in labelImg."""
    return {child.tag: child for child in element.iterchildren(reversed=True)}


def _text(parts: _Children, tag: str) -> str:
    part = parts.get(tag)
    return "" if part is None else (part.text or "").strip()


def _format(image: AnnotatedImage, folder: str, lower_edge: Callable[[float], str]) -> str:
    filename = _escape(image.filename)
    return f"""<annotation>
\t<folder>{_escape(folder)}</folder>
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
{"".join(_format_object(box, lower_edge) for box in image.objects)}</annotation>
"""


def _format_object(box: ObjectBox, lower_edge: Callable[[float], str]) -> str:
    return f"""\t<object>
\t\t<name>{_escape(box.label)}</name>
\t\t<pose>{_escape(box.pose)}</pose>
\t\t<truncated>{box.truncated:d}</truncated>
\t\t<difficult>{box.difficult:d}</difficult>
\t\t<bndbox>
\t\t\t<xmin>{lower_edge(box.xmin)}</xmin>
\t\t\t<ymin>{lower_edge(box.ymin)}</ymin>
\t\t\t<xmax>{format_number(box.xmax)}</xmax>
\t\t\t<ymax>{format_number(box.ymax)}</ymax>
\t\t</bndbox>
{_format_attributes(box.attributes)}\t</object>
"""


def _format_attributes(attributes: tuple[tuple[str, str], ...]) -> str:
    if not attributes:
        return ""
    pairs = "".join(
        f"""\t\t\t<attribute>
\t\t\t\t<name>{_escape(name)}</name>
\t\t\t\t<value>{_escape(value)}</value>
\t\t\t</attribute>
"""
        for name, value in attributes
    )
    return f"\t\t<attributes>\n{pairs}\t\t</attributes>\n"


def _clamped(edge: float) -> str:
    if edge == 0:
        return "1"
    return "1.0" if edge == 1 else format_number(edge)


def _one_based(edge: float) -> str:
    return format_decimal(EXACT.add(parse_decimal(repr(edge)), 1))


@lru_cache(maxsize=1024)  # a few labels and poses recur in every file
def _escape(text: str) -> str:
    if bad := _NOT_XML.search(text):
        raise ValueError(f"XML cannot hold the character {bad[0]!a} of {text[:40]!a}")
    return escape(text, {"\r": "&#13;"})


def _is_xml(file: Path) -> bool:
    # Archives created by macOS contain a hidden file beside every file.
    return file.name.lower().endswith(".xml") and not file.name.startswith(".")


def _recognises(path: Path) -> bool:
    try:
        file = any_annotation_file(path, _is_xml, subfolders=True)
        if file is None or not file.is_file():
            return False
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
        return "<annotation" in head.decode(encoding_of(head), "replace")
    except (OSError, ValueError):
        return False


def _read(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    for file in annotation_files(path, _is_xml, ".xml annotation"):
        try:
            image = _parse(file, options)
            image = named_by_file(image, options.images, mirrored_stem(file, path))
        except InputError as error:
            options.on_error(error)
        else:
            yield file, image


def _write(path: Path, collection: Collection, options: WriteOptions) -> None:
    one_based = bool(options.settings.get("voc_one_based"))
    files = files_by_stem(path, collection.names, ".xml")
    for file, image in zip(files, collection, strict=True):
        write_voc(file, image, one_based=one_based)


FORMAT = AnnotationFormat(
    name="voc",
    title="Pascal VOC XML (labelImg)",
    supports=frozenset(get_args(Feature)),
    recognises=_recognises,
    read=_read,
    write=_write,
)
