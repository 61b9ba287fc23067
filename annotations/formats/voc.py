"""Pascal VOC XML as labelImg reads and writes it.

labelImg stores the edges of its rectangle in 0-based pixels, cut to whole numbers, and raises an
``xmin`` or ``ymin`` of 0 to 1 (its writer does so for old readers that subtract 1).  Its edges are
therefore our half-open edges as they stand, but for that clamp: an ``xmin`` or ``ymin`` written as
the whole number ``1`` means that the box reaches the border, and is read as 0.  A number with a
decimal point was never clamped: ``1.0`` is read as 1.  `write_voc` follows the same rule, so that
reading, writing and reading again gives the same boxes, and so does writing and reading.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
from lxml import etree

from ...errors import InputError, OutputError
from ...imaging import atomic_path
from ..annotation import AnnotatedImage, ObjectBox
from ..find import find_image

__all__ = ["read_voc", "read_voc_folder", "write_voc"]

# An image with 10,000 objects takes about 4 MB.
MAX_BYTES = 32 * 2**20

_TRUE = {"1", "true", "yes", "y", "t"}
_FALSE = {"0", "false", "no", "n", "f", "", "unspecified"}


def read_voc(path: str | Path) -> AnnotatedImage:
    """Read one labelImg Pascal-VOC file.

    Tags may stand in any order, coordinates may be floats, and ``pose``, ``truncated``,
    ``difficult`` and ``size`` may be missing.

    Parameters
    ----------
    path : str or Path
        The XML file.  It may come from a stranger: entities, document types and files over 32 MiB
        are refused, and nothing is ever fetched.

    Returns
    -------
    AnnotatedImage
        Boxes in 0-based half-open pixel edges; width and height are 0 if the file has no ``size``.

    Raises
    ------
    InputError
        If the file cannot be read, is not VOC, or holds an empty or inverted box.
    """
    path = Path(path)
    root = _parse(path)
    size = root.find("size")
    return AnnotatedImage(
        filename=_text(root, "filename") or path.stem,
        width=_count(path, size, "width", 0),
        height=_count(path, size, "height", 0),
        depth=_count(path, size, "depth", 3),
        objects=tuple(_read_object(path, element) for element in root.findall("object")),
    )


def read_voc_folder(
    annotations: str | Path, images: str | Path
) -> list[tuple[Path, AnnotatedImage]]:
    """Read every XML file of a folder with the image that it annotates.

    An image belongs to the annotation of the same stem, or else to the one whose ``filename``
    names it.  Images without an annotation are not returned: they are not known to be empty.

    Parameters
    ----------
    annotations, images : str or Path
        The two folders; they may be the same one.

    Returns
    -------
    list of (Path, AnnotatedImage)
        Sorted by the annotation's name; a missing image size is filled in from the image.

    Warns
    -----
    UserWarning
        If the images of some annotations are missing; those annotations are left out.

    Raises
    ------
    InputError
        If there are no annotations, none has its image, or one cannot be read.
    """
    annotations, images = Path(annotations), Path(images)
    for folder in (annotations, images):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder.")
    files = sorted(p for p in annotations.iterdir() if p.suffix.lower() == ".xml")
    if not files:
        raise InputError(f"{annotations} holds no .xml annotation.")
    pairs, missing = [], []
    for file in files:
        annotated = read_voc(file)
        image = find_image(images, file.stem) or find_image(images, annotated.filename)
        if image is None:
            missing.append(file.name)
        else:
            pairs.append((image, _with_size(image, annotated)))
    if not pairs:
        raise InputError(
            f"None of the {len(files)} annotations in {annotations} has its image in {images}. "
            "An image has the same name as its annotation, but for the extension."
        )
    if missing:
        warnings.warn(
            f"{len(missing)} of {len(files)} annotations in {annotations} have no image in "
            f"{images} and are left out: {', '.join(missing[:5])}"
            + (", ..." if len(missing) > 5 else ""),
            stacklevel=2,
        )
    return pairs


def write_voc(path: str | Path, annotated: AnnotatedImage) -> Path:
    """Write one labelImg Pascal-VOC file; whole numbers without a decimal point.

    Parameters
    ----------
    path : str or Path
        The XML file to write; replaced if it exists.
    annotated : AnnotatedImage
        Boxes in 0-based half-open pixel edges.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written, or a text holds characters that XML cannot.
    """
    path = Path(path)
    root = etree.Element("annotation")
    try:
        _add(root, "folder", path.parent.name)
        _add(root, "filename", annotated.filename)
        _add(root, "path", annotated.filename)
        _add(etree.SubElement(root, "source"), "database", "Unknown")
        size = etree.SubElement(root, "size")
        _add(size, "width", str(annotated.width))
        _add(size, "height", str(annotated.height))
        _add(size, "depth", str(annotated.depth))
        _add(root, "segmented", "0")
        for box in annotated.objects:
            element = etree.SubElement(root, "object")
            _add(element, "name", box.label)
            _add(element, "pose", box.pose)
            _add(element, "truncated", str(int(box.truncated)))
            _add(element, "difficult", str(int(box.difficult)))
            bounds = etree.SubElement(element, "bndbox")
            _add(bounds, "xmin", _format_lower(box.xmin))
            _add(bounds, "ymin", _format_lower(box.ymin))
            _add(bounds, "xmax", _format(box.xmax))
            _add(bounds, "ymax", _format(box.ymax))
    except ValueError as error:
        raise OutputError(f"Cannot write {path}: {error}") from error
    etree.indent(root, space="\t")
    with atomic_path(path) as temporary:
        temporary.write_bytes(etree.tostring(root, encoding="utf-8", xml_declaration=False) + b"\n")
    return path


def _parse(path: Path) -> etree._Element:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES >> 20} MiB: not an annotation.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}). Save it again.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InputError(f"{path} declares a document type, which is refused. Remove <!DOCTYPE>.")
    if root.tag != "annotation":
        raise InputError(
            f"{path} is not a Pascal VOC annotation: its root is <{root.tag}>, not <annotation>."
        )
    return root


def _read_object(path: Path, element: etree._Element) -> ObjectBox:
    label = _text(element, "name")
    if not label:
        raise InputError(f"{path} has an object without a <name>. Name it in labelImg.")
    bounds = element.find("bndbox")
    if bounds is None:
        raise InputError(f"{path} has an object {label!r} without a <bndbox>. Draw or delete it.")
    xmin, ymin = _edge(path, bounds, "xmin", lower=True), _edge(path, bounds, "ymin", lower=True)
    xmax, ymax = _edge(path, bounds, "xmax"), _edge(path, bounds, "ymax")
    if xmax <= xmin or ymax <= ymin:
        raise InputError(
            f"{path} has an empty or inverted box of {label!r}: "
            f"xmin {xmin:g}, ymin {ymin:g}, xmax {xmax:g}, ymax {ymax:g}. Draw it again."
        )
    return ObjectBox(
        label=label,
        xmin=xmin,
        ymin=ymin,
        xmax=xmax,
        ymax=ymax,
        difficult=_flag(path, element, "difficult"),
        truncated=_flag(path, element, "truncated"),
        pose=_text(element, "pose") or "Unspecified",
    )


def _edge(path: Path, bounds: etree._Element, tag: str, lower: bool = False) -> float:
    text = _text(bounds, tag)
    if lower and text == "1":
        return 0.0
    return _number(path, tag, text)


def _number(path: Path, tag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise InputError(f"{path} has <{tag}>{text[:40]}</{tag}>, which is no pixel number.")
    return value


def _count(path: Path, size: etree._Element | None, tag: str, default: int) -> int:
    text = "" if size is None else _text(size, tag)
    if not text:
        return default
    value = _number(path, tag, text)
    if value < 0 or value != int(value):
        raise InputError(f"{path} has <{tag}>{text[:40]}</{tag}>, which is no number of pixels.")
    return int(value)


def _flag(path: Path, element: etree._Element, tag: str) -> bool:
    text = _text(element, tag)
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise InputError(f"{path} has <{tag}>{text[:40]}</{tag}>: write 0 or 1.")
    return word in _TRUE


def _text(element: etree._Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _with_size(image: Path, annotated: AnnotatedImage) -> AnnotatedImage:
    if annotated.width and annotated.height:
        return annotated
    pixels = cv2.imread(str(image), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise InputError(f"The annotation of {image} has no size, and the image is unreadable.")
    depth = 1 if pixels.ndim == 2 else pixels.shape[2]
    height, width = pixels.shape[:2]
    return AnnotatedImage(annotated.filename, width, height, depth, annotated.objects)


def _add(parent: etree._Element, tag: str, text: str) -> None:
    etree.SubElement(parent, tag).text = text


def _format(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _format_lower(value: float) -> str:
    if value == 0:
        return "1"
    return "1.0" if value == 1 else _format(value)
