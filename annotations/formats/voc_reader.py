"""Read one Pascal VOC file, as it stands."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from ...errors import InputError
from ...files.safe_readers import read_bytes
from ..annotation import AnnotatedImage, ObjectBox
from .decimals import EXACT, decimal_from_text
from .flags import parse_flag

__all__ = ["parse_voc"]

# An image with 10,000 objects takes about 4 MB.
_MAX_BYTES = 32 * 2**20

_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)

_Children = dict[str, etree._Element]


def parse_voc(path: Path, one_based: bool = False) -> AnnotatedImage:
    """Read a Pascal VOC file; boxes may be inverted or empty.

    Parameters
    ----------
    path : Path
        The XML file.
    one_based : bool
        Whether its edges are those of strict Pascal VOC, see the format's module.

    Raises
    ------
    InputError
        If the file cannot be read or is not VOC.
    """
    root = _root(path)
    try:
        parts = _children(root)
        size = _children(parts["size"]) if "size" in parts else {}
        return AnnotatedImage(
            filename=_text(parts, "filename") or path.stem,
            width=_count(size, "width", 0),
            height=_count(size, "height", 0),
            depth=_count(size, "depth", 3),
            objects=tuple(_object(element, one_based) for element in root.iterchildren("object")),
        )
    except ValueError as error:
        raise InputError(f"{path} has {error}.") from error


def _root(path: Path) -> etree._Element:
    content = read_bytes(path, _MAX_BYTES)
    try:
        root = etree.fromstring(content, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}). Save it again.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InputError(f"{path} declares a document type, which is refused. Remove <!DOCTYPE>.")
    if root.tag != "annotation":
        raise InputError(
            f"{path} is not a Pascal VOC annotation: its root is <{root.tag}>, not <annotation>."
        )
    return root


def _object(element: etree._Element, one_based: bool) -> ObjectBox:
    parts = _children(element)
    label = _text(parts, "name")
    if not label:
        raise ValueError("an object without a <name>: name it in labelImg")
    if "bndbox" not in parts:
        raise ValueError(f"an object {label!r} without a <bndbox>: draw or delete it")
    bounds = _children(parts["bndbox"])
    return ObjectBox(
        label,
        _lower_edge(bounds, "xmin", one_based),
        _lower_edge(bounds, "ymin", one_based),
        _number("xmax", _text(bounds, "xmax")),
        _number("ymax", _text(bounds, "ymax")),
        _flag(parts, "difficult"),
        _flag(parts, "truncated"),
        _text(parts, "pose") or "Unspecified",
        _attributes(parts["attributes"]) if "attributes" in parts else (),
    )


def _lower_edge(bounds: _Children, tag: str, one_based: bool) -> float:
    text = _text(bounds, tag)
    if text == "1":
        return 0.0
    if one_based:
        _number(tag, text)
        return float(EXACT.subtract(decimal_from_text(text), 1))
    return _number(tag, text)


def _number(tag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise ValueError(f"<{tag}>{text[:40]}</{tag}>, which is no pixel number")
    return value


def _count(size: _Children, tag: str, default: int) -> int:
    text = _text(size, tag)
    if not text:
        return default
    value = _number(tag, text)
    if value < 0 or value != int(value):
        raise ValueError(f"<{tag}>{text[:40]}</{tag}>, which is no number of pixels")
    return int(value)


def _flag(parts: _Children, tag: str) -> bool:
    text = _text(parts, tag)
    try:
        return parse_flag(text)
    except ValueError:
        raise ValueError(f"<{tag}>{text[:40]}</{tag}>: write 0 or 1") from None


def _attributes(element: etree._Element) -> tuple[tuple[str, str], ...]:
    pairs = (_children(attribute) for attribute in element.iterchildren("attribute"))
    return tuple((_text(pair, "name"), _text(pair, "value")) for pair in pairs)


def _children(element: etree._Element) -> _Children:
    """Return the children by tag; of several with one tag, the first, as labelImg reads them."""
    return {child.tag: child for child in element.iterchildren(reversed=True)}


def _text(parts: _Children, tag: str) -> str:
    part = parts.get(tag)
    return "" if part is None else (part.text or "").strip()
