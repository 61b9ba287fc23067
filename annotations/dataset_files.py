"""Find the annotation files of a folder that holds a whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .formats.format import AnnotationFormat
from .formats.registry import FORMATS, detect_format

__all__ = ["WITHOUT_IMAGES", "annotation_files_in"]

WITHOUT_IMAGES = ("annotations", "labels")
"""Folders of annotations whose images are elsewhere in the data set."""

_SPLITS = ("train", "valid", "val", "validation", "dev", "test")
_SUFFIXES = (".json", ".csv")
# A table beside the annotations is rarely one of boxes.
_VAGUE = ("table", "sextractor")


def annotation_files_in(
    path: Path, form: AnnotationFormat | None = None
) -> tuple[AnnotationFormat, list[Path]]:
    """Return the format of annotations, and the files or folders to read.

    A folder that no format recognises as a whole can hold one file for all images, or several: in
    it, in ``annotations``, or in ``train``, ``valid`` and ``test`` (Roboflow).

    Parameters
    ----------
    path : Path
        The file or folder.
    form : AnnotationFormat, optional
        The format; by default it is detected.

    Returns
    -------
    form : AnnotationFormat
        The format.
    files : list of Path
        `path` itself, or the files in it.

    Raises
    ------
    InputError
        If no format recognises it, or it holds files of several formats.
    """
    if not path.is_dir() or (form is not None and form.recognises(path)):
        return form or detect_format(path), [path]
    if form is None:
        form = next((known for known in FORMATS.values() if known.recognises(path)), None)
        if form is not None:
            return form, [path]
    for folder in _places(path):
        found = _files(folder, form)
        if found:
            break
    else:
        return form or detect_format(path), [path]
    forms = {known.name: known for known, _ in found}
    if len(forms) > 1:
        names = ", ".join(f"{file.relative_to(path)} ({known.name})" for known, file in found[:5])
        raise InputError(f"{path} holds files of several formats: {names}. Give one of them.")
    return found[0][0], [file for _, file in found]


def _places(path: Path) -> Iterator[list[Path]]:
    """Yield lists of folders that are read together, the first that hold annotations."""
    yield [path]
    yield [path / name for name in WITHOUT_IMAGES if (path / name).is_dir()]
    yield [path / name for name in _SPLITS if (path / name).is_dir()]


def _files(
    folders: list[Path], form: AnnotationFormat | None
) -> list[tuple[AnnotationFormat, Path]]:
    forms = [form] if form else [known for known in FORMATS.values() if known.name not in _VAGUE]
    found = []
    for folder in folders:
        try:
            files = sorted(file for file in folder.iterdir() if _may_hold_all(file))
        except OSError as error:
            raise InputError(f"Cannot read {folder}: {error.strerror or error}") from error
        for candidate in [folder, *files]:
            known = next((known for known in forms if known.recognises(candidate)), None)
            if known is not None:
                found.append((known, candidate))
                if candidate == folder:
                    break
    return found


def _may_hold_all(file: Path) -> bool:
    suffix = file.suffix.lower()
    return suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()
