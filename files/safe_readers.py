"""Read untrusted text, JSON and YAML: size-limited, never executed."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..errors import InputError
from .file_types import check_regular
from .text_encoding import encoding_of

__all__ = ["read_bytes", "read_json", "read_text", "read_yaml"]

MAX_JSON_BYTES = 2 * 2**30
"""Size limit; COCO's instances_train2017.json has 0.45 GB."""

MAX_YAML_BYTES = 2**20
"""Size limit; a data.yaml is a list of class names."""
_MOST_YAML_NODES = 200_000  # with every alias written out
_DEEPEST_YAML = 60


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path : Path
        The file; pipes and devices, which may never end, are refused.
    limit : int
        Largest size in bytes.

    Raises
    ------
    InputError
        If it is larger, not a regular file, or cannot be read.
    """
    try:
        if check_regular(path) > limit:
            raise InputError(
                f"{path} is larger than {limit / 2**20:.0f} MiB, the limit for files of its kind. "
                "Divide it."
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {getattr(error, 'strerror', error)}") from error


def read_text(path: Path, limit: int) -> str:
    """Return the content of a UTF-8 or UTF-16 file, without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        Largest size in bytes.

    Raises
    ------
    InputError
        If it cannot be read or is neither UTF-8 nor UTF-16.
    """
    content = read_bytes(path, limit)
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def read_json(
    path: Path,
    parse_float: Callable[[str], Any] = float,
    parse_constant: Callable[[str], Any] = _refuse,
) -> Any:
    """Return the content of a JSON file, by default without NaN and infinite numbers.

    Parameters
    ----------
    path : Path
        The file.
    parse_float : callable
        Converts the text of a number with decimal point or exponent, or raises ValueError.
    parse_constant : callable
        Converts ``NaN``, ``Infinity`` and ``-Infinity``, which Python writes although JSON lacks
        them, or raises ValueError.

    Raises
    ------
    InputError
        If it cannot be read or is not JSON.
    """
    text = read_text(path, MAX_JSON_BYTES)
    try:
        with _without_garbage_collection():
            return json.loads(text, parse_constant=parse_constant, parse_float=parse_float)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}). Export it again.") from error


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file of plain values.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML, has tags of Python objects, or is nested too deeply or
        too large with its aliases written out.
    """
    text = read_text(path, MAX_YAML_BYTES)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_extent(path, node)
        return loader.construct_document(node)
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply.") from error
    except Exception as error:
        # Constructors of numbers, flags and dates may raise any exception.
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not plain YAML ({reason}). Export it again.") from error


def _check_extent(path: Path, node: yaml.Node) -> None:
    """Refuse YAML that is small in the file, but without end when its aliases are followed."""
    waiting = [(node, 0)]
    count = 0
    while waiting:
        current, depth = waiting.pop()
        count += 1
        if depth > _DEEPEST_YAML or count > _MOST_YAML_NODES:
            raise InputError(
                f"{path} is nested too deeply, or too large with its aliases (*NAME) written out."
            )
        children = current.value if isinstance(current, yaml.CollectionNode) else ()
        for child in children:
            parts = child if isinstance(child, tuple) else (child,)
            waiting += [(part, depth + 1) for part in parts]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector.

    Collection takes two thirds of the time of parsing a large JSON file, which has no cycles.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
