"""Values of a stranger's JSON, each of the type that is needed or refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .flags import parse_flag

__all__ = [
    "describe",
    "json_head",
    "need_count",
    "need_dict",
    "need_flag",
    "need_list",
    "need_number",
    "need_text",
    "text_pairs",
]

_HEAD_BYTES = 2**16


def json_head(path: Path) -> str:
    """Return the beginning of a ``.json`` file, enough to tell whose it is; never raises.

    It is empty if the path is no such file or cannot be read.
    """
    try:
        if path.suffix.lower() != ".json" or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace").lstrip()
    except (OSError, ValueError):
        return ""


def describe(value: object) -> str:
    """Return what a value is, in words for a message; never more than a few."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"the text {value[:40]!a}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f"{value}"[:40]


def need_dict(value: object, name: str) -> dict[str, Any]:
    """Return an object of JSON.

    Raises
    ------
    ValueError
        If it is none; as of all functions here, the message goes on from what the value is part of.
    """
    if not isinstance(value, dict):
        raise ValueError(f"has {name} that is {describe(value)}, not an object in braces")
    return value


def need_list(value: object, name: str) -> list[Any]:
    """Return a list.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(value, list):
        raise ValueError(f"has {name} that is {describe(value)}, not a list")
    return value


def need_number(value: object, name: str) -> float:
    """Return a number of pixels.

    Raises
    ------
    ValueError
        If it is none, or 1e9 or more in size.
    """
    if type(value) not in (int, float) or not -1e9 < value < 1e9:  # type: ignore[operator]
        raise ValueError(f"has {name} that is {describe(value)}, no pixel number")
    return float(value)  # type: ignore[arg-type]


def need_count(value: object, name: str) -> int:
    """Return a whole number, not negative, below 1e9; nothing is 0.

    Raises
    ------
    ValueError
        If it is none.
    """
    if value is None:
        return 0
    number = need_number(value, name)
    if number < 0 or number != int(number):
        raise ValueError(f"has {name} that is {value}, no number of pixels")
    return int(number)


def need_text(value: object, name: str) -> str:
    """Return a text that is not empty.

    Raises
    ------
    ValueError
        If it is none, or holds half a character, which JSON can write and no file can keep.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has {name} that is {describe(value)}, no text")
    return _whole(value)


def need_flag(value: object, name: str) -> bool:
    """Return a flag, given as true or false, as a number or as a word; nothing is no.

    Raises
    ------
    ValueError
        If it is neither yes nor no.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    try:
        return parse_flag(str(value) if isinstance(value, int | float | str) else describe(value))
    except ValueError as error:
        raise ValueError(f"has {name} that is wrong: {error}") from error


def text_pairs(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of an object's values; of a list, each part under the same name.

    Raises
    ------
    ValueError
        If a value is nested too deeply or holds half a character.
    """
    for name, value in values.items():
        for part in value if isinstance(value, list) else (value,):
            yield _whole(name), _whole(_as_text(part))


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("has an attribute that is nested too deeply") from None


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"has the text {text[:40]!a}, which holds half a character") from None
    return text
