"""Label maps: the classes and their ids, as the TensorFlow Object Detection API lists them.

A ``.pbtxt`` map is text of protocol buffers, ``item { id: 1 name: 'galaxy' }`` for each class; id 0
is the background.  A ``.txt`` map has one name a line, as the ``classes.txt`` of YOLO.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError, OutputError
from ..files.safe_readers import read_text
from .formats.text import write_lines
from .formats.yolo_classes import read_class_file

__all__ = ["read_label_map", "write_label_map"]

# Sixty thousand classes.
_MAX_BYTES = 4 * 2**20
# COCO's map lacks ten of ninety ids.
_MOST_GAPS = 1000
# The ids of Google's knowledge graph, which the maps of COCO and Open Images have for names.
_KNOWLEDGE_GRAPH = ("/m/", "/g/")

_SPACE = re.compile(r"(?:\s|#[^\n]*)*+")
_QUOTED = r""""(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'"""
_TOKEN = re.compile(rf"{_QUOTED}|[\w.+-]++|[{{}}<>:,;]")
_OPEN, _CLOSE = ("{", "<"), ("}", ">")
_MARKS = ("", ":", *_OPEN, *_CLOSE)

_ESCAPE = re.compile(
    rb"\\(?:(?P<octal>[0-7]{1,3})|[xX](?P<byte>[0-9a-fA-F]{1,2})"
    rb"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<letter>.))"
)
_LETTERS = dict(zip(b"abfnrtv\\'\"?", b"\a\b\f\n\r\t\v\\'\"?", strict=True))

_Fields = dict[str, str]


def read_label_map(path: str | Path, *, fill_gaps: bool = False) -> tuple[str, ...]:
    """Return the class names of a label map in order of their ids.

    Parameters
    ----------
    path : str or Path
        A ``.pbtxt`` or ``.txt`` file.  The ids of a ``.pbtxt`` count from 1 without gaps, in any
        order; an item with the id 0 is the background and is left out.  An item without ``name``,
        or with a code such as ``/m/01g317`` for it, is called by its ``display_name``.
    fill_gaps : bool
        Call an id that no item has ``class 12`` or the like, in place of refusing the map: COCO's
        80 classes have ids up to 90.

    Raises
    ------
    InputError
        If the file cannot be read, is no label map, or misses or repeats an id or a name.
    """
    path = Path(path)
    if _is_plain(path):
        names = read_class_file(path)
    else:
        try:
            names = _in_order(_items(read_text(path, _MAX_BYTES)), fill_gaps)
        except ValueError as error:
            raise InputError(f"{path} is no label map that can be used: {error}.") from error
    if not names:
        raise InputError(f"{path} holds no class.")
    if len(set(names)) < len(names):
        [(twice, _)] = Counter(names).most_common(1)
        raise InputError(f"{path} has the class {twice!r} twice. Give each its own name.")
    return names


def write_label_map(path: str | Path, names: Sequence[str]) -> Path:
    """Write class names as a label map; ids count from 1.

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
        If it cannot be written, or a ``.txt`` map could not give a name back.
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
        write_lines(
            path,
            (
                f"item {{\n  id: {number}\n  name: {_quote(name)}\n}}\n"
                for number, name in enumerate(names, 1)
            ),
        )
    return path


def _is_plain(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".pbtxt", ".txt"):
        raise InputError(f"{path} is no label map: its name must end in .pbtxt or .txt.")
    return suffix == ".txt"


def _in_order(items: Iterator[_Fields], fill_gaps: bool) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for item in items:
        text = item.get("id", "")
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise ValueError(f"an item has the id {text[:20]!r}, which is no whole number")
        number = int(text)
        name, shown = item.get("name"), item.get("display_name")
        if shown and (not name or name.startswith(_KNOWLEDGE_GRAPH)):
            name = shown
        if not name:
            raise ValueError(f"item {number} has no name")
        if number in names:
            raise ValueError(f"two items have the id {number}")
        names[number] = name
    names.pop(0, None)
    highest = max(names, default=0)
    if fill_gaps and highest - len(names) <= _MOST_GAPS:
        return tuple(names.get(number, f"class {number}") for number in range(1, highest + 1))
    missing = next((number for number in range(1, len(names) + 1) if number not in names), None)
    if missing is not None:
        raise ValueError(
            f"no item has the id {missing}, though there are {len(names)}. Number them from 1 "
            "without gaps"
        )
    return tuple(names[number] for number in sorted(names))


def _items(text: str) -> Iterator[_Fields]:
    """Yield the fields of each item; what lies deeper, such as key points, is passed over."""
    tokens = [token for token in _tokens(text) if token not in (",", ";")]
    tokens += [""] * 3  # so that looking ahead needs no care
    place = depth = 0
    fields: _Fields = {}
    while tokens[place]:
        token, after, beyond = tokens[place : place + 3]
        if depth == 0 and token != "item":
            raise ValueError(f"{token[:40]!r} stands where an item should begin")
        if token in _CLOSE:
            depth -= 1
            place += 1
            if depth == 0:
                yield fields
        elif after in _OPEN or (after == ":" and beyond in _OPEN):
            depth += 1
            place += 2 if after in _OPEN else 3
            if depth == 1:
                fields = {}
        elif depth and after == ":" and beyond not in _MARKS:
            value = _value(beyond)
            place += 3
            while beyond[0] in "'\"" and tokens[place][:1] in ("'", '"'):
                value += _value(tokens[place])
                place += 1
            if depth == 1:
                fields[token] = value
        else:
            raise ValueError(f"{token[:40]!r} has no value")
    if depth:
        raise ValueError("its last item is not closed")


def _tokens(text: str) -> Iterator[str]:
    place = _end_of_space(text, 0)
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            line = text.count("\n", 0, place) + 1
            raise ValueError(f"{text[place : place + 20]!r} in line {line} cannot be understood")
        yield match[0]
        place = _end_of_space(text, match.end())


def _end_of_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return place if match is None else match.end()


def _value(token: str) -> str:
    if token[0] not in "'\"":
        return token
    try:
        return _ESCAPE.sub(_unescape, token[1:-1].encode()).decode()
    except UnicodeError:
        raise ValueError(f"the name {token[:40]} is no UTF-8 text") from None


def _unescape(match: re.Match[bytes]) -> bytes:
    digits = match[match.lastgroup or 0]
    if match.lastgroup == "letter":
        if digits[0] not in _LETTERS:
            raise ValueError(f"the escape {match[0]!a} is unknown")
        return bytes([_LETTERS[digits[0]]])
    code = int(digits, 8 if match.lastgroup == "octal" else 16)
    if match.lastgroup in ("octal", "byte"):
        return bytes([code & 0xFF])
    if code > 0x10FFFF:
        raise ValueError(f"the escape {match[0]!a} stands for no character")
    return chr(code).encode()


def _quote(name: str) -> str:
    return "'" + re.sub(r"[\\'\x00-\x1f\x7f]", lambda m: f"\\{ord(m[0]):03o}", name) + "'"
