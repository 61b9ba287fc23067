"""Validate untrusted JSON: field types of pydantic models, and readable error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from ...errors import InputError
from ...files.text_encoding import encoding_of
from ..annotation import AnnotatedImage, ObjectBox
from .format import ReadOptions
from .image_files import locate
from .numbers import LARGEST_PIXEL, parse_flag
from .shapes import parse_objects

__all__ = [
    "Count",
    "Entry",
    "Flag",
    "Id",
    "Pixels",
    "Text",
    "describe",
    "json_head",
    "parse_entry",
    "read_images",
    "text_pairs",
]

_HEAD_BYTES = 2**16
_MAX_HEAD_BYTES = 2**25
# Pictures embedded as base64, and the like.
_LONG_TEXT = re.compile(r'(?<!\\)"[^"\\]{200,}"')

# Replacements for pydantic messages that use Python terms.
_MESSAGES = {
    "model_type": "an object in braces",
    "model_attributes_type": "an object in braces",
    "dict_type": "an object in braces",
    "list_type": "a list",
    "string_type": "a text",
    "is_instance_of": "a number",
    "multiple_of": "a whole number",
}

Entry = TypeVar("Entry", bound=BaseModel)


def _check_unicode(text: str) -> str:
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text[:40]!a} holds half a character (a lone surrogate)") from None
    return text


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("text should not be blank")
    return _check_unicode(text)


def _parse_flag(value: object) -> object:
    if value is None:
        return False
    return parse_flag(str(value)) if isinstance(value, str | int | float) else value


Pixels = Annotated[float, Field(strict=True, gt=-LARGEST_PIXEL, lt=LARGEST_PIXEL)]
"""A coordinate or size in pixels."""

Count = Annotated[float | None, Field(strict=True, ge=0, lt=LARGEST_PIXEL, multiple_of=1)]
"""A number of pixels; None if unknown."""

Text = Annotated[str, AfterValidator(_check_text)]
"""A text that is not blank."""

Flag = Annotated[bool, BeforeValidator(_parse_flag)]
"""A flag: true or false, a number or a word; null is False."""

Id = (
    Annotated[int, Field(strict=True)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | str
)
"""Identifier of an entry."""


def json_head(path: Path) -> str:
    """Return the beginning of a ``.json`` file, for recognising its format; never raises.

    Parameters
    ----------
    path : Path
        The file; the result is empty if it is not a ``.json`` file or cannot be read.

    Returns
    -------
    str
        The first 32 MiB, since what tells the format may stand behind a long description or an
        embedded picture; long texts are emptied.
    """
    try:
        if path.suffix.lower() != ".json" or not path.is_file():
            return ""
        status = path.stat()
        return _head(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=1)  # every format of JSON looks at the same file
def _head(path: Path, modified: int, size: int) -> str:
    """Return the beginning of a file; the time and size tell one content from the next."""
    with path.open("rb") as file:
        head = file.read(_MAX_HEAD_BYTES)
    text = head.decode(encoding_of(head), errors="replace").lstrip()
    return _LONG_TEXT.sub('""', text) if len(text) > _HEAD_BYTES else text


def describe(value: object) -> str:
    """Return a short description of a JSON value for a message.

    Parameters
    ----------
    value : object
        The value; None if it is missing.
    """
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"the text {value[:40]!a}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    try:
        return f"{value}"[:40]
    except ValueError:  # an integer of thousands of digits
        return "a huge number"


def parse_entry(model: type[Entry], value: object) -> Entry:
    """Validate a JSON value.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        Schema; additional fields are ignored.
    value : object
        Value as `json` returns it.

    Raises
    ------
    ValueError
        If the value is invalid; the message completes a sentence that begins with the entry.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    place, found = _locate_error(value, first["loc"], first["type"] == "missing")
    if found is None:
        raise ValueError(f"has no {place}")
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] in _MESSAGES:
        message = f"it should be {_MESSAGES[first['type']]}"
    raise ValueError(f"has a wrong {place}: {describe(found)} ({message})")


def _locate_error(value: object, loc: tuple[int | str, ...], missing: bool) -> tuple[str, object]:
    """Return the path of an error in a JSON value, and the value there, None if it is missing."""
    path = ""
    for part in loc:
        if isinstance(value, list) and isinstance(part, int):
            path += f"[{part}]"
            value = value[part]
        elif isinstance(value, dict) and part in value:
            path += f".{part}"
            value = value[part]
        # Other parts name a member of a union, or a missing field.
    if missing:
        path, value = f"{path}.{loc[-1]}", None
    return path.removeprefix(".") or "content", value


def text_pairs(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a JSON object as text; lists are flattened.

    Parameters
    ----------
    values : dict
        The JSON object.

    Raises
    ------
    ValueError
        If a value is nested too deeply or holds a lone surrogate, which cannot be written to files.
    """
    try:
        for name, value in values.items():
            for part in value if isinstance(value, list) else (value,):
                yield _check_unicode(name), _check_unicode(_as_text(part))
    except ValueError as error:
        raise ValueError(f"has a wrong attribute: {error}") from None


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_images(
    file: Path,
    entries: Iterable[tuple[object, object]],
    parse_image: Callable[[object], tuple[str, list[Any]]],
    parse_object: Callable[[object], ObjectBox],
    noun: str,
    options: ReadOptions,
) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Yield the images of a file, skipping invalid images and objects.

    Parameters
    ----------
    file : Path
        The file, for messages.
    entries : iterable of (object, object)
        Index or name of each image, and its entry.
    parse_image : callable
        Returns the name of an image and the entries of its objects; raises ValueError.
    parse_object : callable
        Returns an object; raises ValueError.
    noun : str
        Term of the format for an object.
    options : ReadOptions
        Folder of the images and error handler.
    """
    for title, entry in entries:
        try:
            name, parts = parse_image(entry)
        except ValueError as error:
            options.on_error(InputError(f"{file}: entry {title} {error}."))
            continue
        objects = parse_objects(file, name, parts, parse_object, noun, options)
        if objects is None:
            continue
        try:
            yield file, locate(AnnotatedImage(name, 0, 0, objects=objects), options.images)
        except InputError as error:
            options.on_error(error)
