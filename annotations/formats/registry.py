"""All formats, by name, and the one that a path is in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from ...errors import InputError
from .format import AnnotationFormat

__all__ = ["FORMATS", "detect_format", "format_named", "writable_formats"]

# In the order in which they are tried: those with an unmistakable mark first.
_MODULES = (
    "via",
    "createml",
    "coco",
    "voc",
    "tfrecord",
    "csv_table",
    "ds9",
    "sextractor",
    "yolo",
    "table",
)


def _load() -> Mapping[str, AnnotationFormat]:
    formats = [import_module(f".{module}", __package__).FORMAT for module in _MODULES]
    return MappingProxyType({form.name: form for form in formats})


FORMATS: Mapping[str, AnnotationFormat] = _load()


def format_named(name: str) -> AnnotationFormat:
    """Return a format by its name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in FORMATS:
        raise InputError(f"There is no annotation format {name!r}; there are {', '.join(FORMATS)}.")
    return FORMATS[name]


def writable_formats() -> tuple[str, ...]:
    """Return the names of the formats that can be written."""
    return tuple(name for name, form in FORMATS.items() if form.write is not None)


def detect_format(path: str | Path) -> AnnotationFormat:
    """Return the format that a file or folder is in.

    Raises
    ------
    InputError
        If it is in none, or does not exist.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    for form in FORMATS.values():
        if form.recognises(path):
            return form
    raise InputError(
        f"{path} is in no annotation format that can be recognised. Name it with --from: "
        f"{', '.join(FORMATS)}."
    )
