"""Read and write label maps, the class lists of the TensorFlow Object Detection API.

A ``.pbtxt`` map is a protocol buffer in text format, ``item { id: 1 name: 'galaxy' }`` for each
class; an item with id 0 is left out if it is called background.  A ``.txt`` map has one name per
line, like ``classes.txt`` of YOLO.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..files.safe_readers import read_text
from .formats.numbers import write_lines
from .formats.yolo_classes import read_class_file

__all__ = ["read_label_map", "write_label_map"]

# Enough for sixty thousand classes.
_MAX_BYTES = 4 * 2**20
# COCO's map lacks ten of ninety ids.
_MOST_GAPS = 1000
_HIGHEST_ID = 10**9
# Ids of Google's knowledge graph, used as names in the maps of COCO and Open Images.
_KNOWLEDGE_GRAPH = ("/m/", "/g/")
_BACKGROUND = ("background", "_background_", "__background__", "bg", "none", "???", "unlabeled")


def read_label_map(path: str | Path, *, fill_gaps: bool = False) -> tuple[str, ...]:
    """Return the class names of a label map in order of their ids.

    Parameters
    ----------
    path : str or Path
        A ``.pbtxt`` or ``.txt`` file.  The ids of a ``.pbtxt`` must be consecutive from 1 or 0, in
        any order; an item with id 0 is left out if it is called ``background`` or similarly.
        ``display_name`` replaces a missing ``name``, or one that is a code such as
        ``/m/01g317``.
    fill_gaps : bool
        Name missing ids ``class 12`` and so on instead of raising an error: COCO's 80 classes have
        ids up to 90.

    Returns
    -------
    tuple of str
        Distinct names, at least one.

    Raises
    ------
    InputError
        If the file cannot be read, is not a label map, or an id or name is missing or repeated.

    Examples
    --------
    >>> import tempfile
    >>> from galpipe.annotations import read_label_map, write_label_map
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_label_map(write_label_map(f"{folder}/map.pbtxt", ["elliptical", "spiral"]))
    ('elliptical', 'spiral')
    """
    path = Path(path)
    if _is_plain(path):
        names = read_class_file(path)
    else:
        try:
            names = _in_order(_parse_items(read_text(path, _MAX_BYTES)), fill_gaps)
        except ValueError as error:
            raise InputError(f"{path} is not a usable label map: {error}.") from error
    if not names:
        raise InputError(f"{path} holds no class.")
    if len(set(names)) < len(names):
        [(twice, _)] = Counter(names).most_common(1)
        raise InputError(f"{path} has the class {twice!r} twice. Give each its own name.")
    return names


def write_label_map(path: str | Path, names: Sequence[str]) -> Path:
    """Write class names as a label map, with ids from 1.

    Parameters
    ----------
    path : str or Path
        A ``.pbtxt`` or ``.txt`` file; replaced if it exists.
    names : sequence of str
        The classes in order.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written, or a name does not fit on a line of a ``.txt`` map.
    """
    path = Path(path)
    if _is_plain(path):
        if broken := [name for name in names if name.strip().splitlines() != [name]]:
            raise OutputError(
                f"Cannot write {path}: the class {broken[0]!r} is not one line without spaces "
                "around it. Rename it or write a .pbtxt."
            )
        write_lines(path, (f"{name}\n" for name in names))
    else:
        items = enumerate(names, 1)
        write_lines(
            path, (f"item {{\n  id: {n}\n  name: {_quote(name)}\n}}\n" for n, name in items)
        )
    return path


def _is_plain(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".pbtxt", ".txt"):
        raise InputError(f"{path} is not a label map: its name must end in .pbtxt or .txt.")
    return suffix == ".txt"


@cache
def _message_class() -> Any:
    """Build the protobuf message class of label maps.

    It declares the fields of ``string_int_label_map.proto`` (Object Detection API) that are used
    here; the others are skipped.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="galpipe_label_map.proto", package="galpipe")
    item = file.message_type.add(name="LabelMapItem")
    for number, name in enumerate(("name", "id", "display_name"), 1):
        kind = field.TYPE_INT32 if name == "id" else field.TYPE_STRING
        item.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    file.message_type.add(name="LabelMap").field.add(
        name="item",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".galpipe.LabelMapItem",
        label=field.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("galpipe.LabelMap"))


def _parse_items(text: str) -> Iterable[Any]:
    from google.protobuf import text_format

    try:
        with warnings.catch_warnings():
            # Unknown escapes would otherwise be kept unchanged.
            warnings.simplefilter("error", DeprecationWarning)
            items: Iterable[Any]
            items = text_format.Parse(text, _message_class()(), allow_unknown_field=True).item
            return items
    except (text_format.ParseError, UnicodeError, RecursionError, DeprecationWarning) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error


def _in_order(items: Iterable[Any], fill_gaps: bool) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for item in items:
        if not item.HasField("id") or not 0 <= item.id < _HIGHEST_ID:
            raise ValueError("an item has no id, or one that is out of bounds")
        name = item.name
        if item.display_name and (not name or name.startswith(_KNOWLEDGE_GRAPH)):
            name = item.display_name
        if not name:
            raise ValueError(f"item {item.id} has no name")
        if item.id in names:
            raise ValueError(f"two items have the id {item.id}")
        names[item.id] = name
    if 0 in names and names[0].strip().lower() in _BACKGROUND:
        del names[0]
    first = 0 if 0 in names else 1
    ids = range(first, max(names, default=0) + 1)
    if fill_gaps and len(ids) - len(names) <= _MOST_GAPS:
        return tuple(names.get(number, f"class {number}") for number in ids)
    missing = next((number for number in ids if number not in names), None)
    if missing is not None:
        raise ValueError(
            f"no item has the id {missing}, though there are {len(names)}. Number them from "
            f"{first} without gaps"
        )
    return tuple(names[number] for number in sorted(names))


def _quote(name: str) -> str:
    return "'" + re.sub(r"[\\'\x00-\x1f\x7f]", lambda m: f"\\{ord(m[0]):03o}", name) + "'"
