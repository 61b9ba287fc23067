"""Read text, JSON and YAML that strangers wrote: bounded, and nothing in them is carried out."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..errors import InputError

__all__ = ["read_bytes", "read_json", "read_text", "read_yaml"]

MAX_JSON_BYTES = 2 * 2**30
"""COCO's own instances_train2017.json has 0.45 GB."""

MAX_YAML_BYTES = 2**20
"""A data.yaml holds a list of class names."""


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises
    ------
    InputError
        If it is larger, no regular file (a pipe or device would never end), or cannot be read.
    """
    try:
        if not path.is_file():
            raise InputError(f"Cannot read {path}: there is no such file.")
        size = path.stat().st_size
        if size > limit:
            raise InputError(
                f"{path} is larger than {limit / 2**20:.0f} MiB, too large for an annotation file "
                "of its kind. Divide it."
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {getattr(error, 'strerror', error)}") from error


def read_text(path: Path, limit: int) -> str:
    """Return the content of a UTF-8 file of at most `limit` bytes; a byte order mark is dropped.

    Raises
    ------
    InputError
        If it cannot be read or is not UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error


def read_json(path: Path, parse_float: Callable[[str], Any] = float) -> Any:
    """Return the content of a JSON file; NaN and infinite numbers are refused.

    Parameters
    ----------
    path : Path
        The file.
    parse_float : callable
        Makes a number of a text with a decimal point or an exponent, or raises ValueError.

    Raises
    ------
    InputError
        If it cannot be read or is not JSON.
    """
    text = read_text(path, MAX_JSON_BYTES)
    try:
        with _garbage_left():
            return json.loads(text, parse_constant=_refuse, parse_float=parse_float)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for an annotation file.") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}). Export it again.") from error


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file of plain values.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML, or uses tags that would make objects.
    """
    text = read_text(path, MAX_YAML_BYTES)
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for an annotation file.") from error
    except Exception as error:
        # Its constructors of numbers, flags and dates meet bad text with any exception.
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not plain YAML ({reason}). Export it again.") from error


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Let the garbage collector rest.

    The objects of a large JSON file make it search again and again, for two thirds of the time;
    there are no cycles among them to be found.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
