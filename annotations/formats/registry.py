"""Registry of the annotation formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from ...errors import GalpipeError, InputError
from .format import AnnotationFormat, ReadOptions

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
    "coco_results",
    "coco",
    "voc",
    "tfrecord",
    "csv_table",
    "ds9",
    "sextractor",
    "yolo",
    "table",
)


# Formats by the suffixes of their files, to explain why a file is not recognised.
_LIKELIEST = {
    "voc": (".xml",),
    "coco": (".json",),
    "yolo": (".txt", ".yaml", ".yml"),
    "table": (".csv", ".tsv", ".fits", ".ecsv", ".vot", ".cat", ".parquet"),
    "ds9": (".reg",),
}
_FIRST_FILES = 1000


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
        f"{path} is not in a recognised annotation format. {_reason(path)}If it is in "
        f"another format, name that with --from: {', '.join(FORMATS)}."
    )


def _reason(path: Path) -> str:
    """Return why the likeliest format, judged by the suffix, cannot be read; empty if unknown."""
    files = [path]
    if path.is_dir():
        files = sorted(islice(filter(Path.is_file, path.iterdir()), _FIRST_FILES))
    for name, suffixes in _LIKELIEST.items():
        for file in files:
            if file.suffix.lower() in suffixes:
                form = FORMATS[name]
                place = path if name == "yolo" else file
                try:
                    next(iter(form.read(place, ReadOptions())), None)
                except (GalpipeError, OSError) as error:
                    return f"Read as {form.name}: {str(error).rstrip('.')}. "
    if path.is_dir():
        kinds = Counter(file.suffix.lower() or file.name for file in files)
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
        return f"The folder holds {found or 'no files'}. "
    return ""
