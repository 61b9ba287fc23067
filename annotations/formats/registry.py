"""Registry of the annotation formats."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from ...errors import InputError
from .format import AnnotationFormat

__all__ = ["FORMATS", "detect_format", "format_named", "format_with_columns", "writable_formats"]

# Order of recognition: formats with an unambiguous signature first.  VoTT, Label Studio, CVAT and
# DOTA have parts in common with VIA, CreateML, VOC and YOLO.
_MODULES = (
    "labelme",
    "vott",
    "labelstudio",
    "cvat",
    "dota",
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

    Parameters
    ----------
    name : str
        Name of the format, such as ``"coco"``.

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


def format_with_columns(path: Path, columns: Mapping[str, str]) -> AnnotationFormat | None:
    """Return the format that reads a table with columns that the user names; None if none does.

    Parameters
    ----------
    path : Path
        Annotations.
    columns : mapping of str to str
        Columns by their roles, such as ``xmin``.
    """
    for form in FORMATS.values():
        if form.takes_columns is not None and form.takes_columns(path, columns):
            return form
    return None


def detect_format(path: str | Path) -> AnnotationFormat:
    """Return the format of a file or folder.

    Parameters
    ----------
    path : str or Path
        Annotations.

    Raises
    ------
    InputError
        If it does not exist or no format recognises it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    for form in FORMATS.values():
        if form.recognises(path):
            return form
    raise InputError(
        f"{path} is not in a recognised annotation format. Name it with --from: "
        f"{', '.join(FORMATS)}."
    )
