"""Paths of fields in the list of a run: relative to its output folder, which may move with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..imaging import FieldSource

__all__ = ["absolute_path", "from_folder", "relative_to_folder"]


def absolute_path(path: Path) -> Path:
    """Return a path that is true in any working folder.

    The name of the file is kept, also if it is a link, since fields are named after it.

    Parameters
    ----------
    path : Path
        A file or folder, which need not exist.
    """
    # What "link/.." is, only the file system knows.
    parent = os.path.realpath(path.parent) if ".." in path.parts else os.path.abspath(path.parent)
    return Path(os.path.normpath(os.path.join(parent, path.name)))


def relative_to_folder(source: FieldSource, folder: Path) -> FieldSource:
    """Return a source whose local paths are relative to a folder.

    Parameters
    ----------
    source : FieldSource
        The files; relative paths are those of the working folder.
    folder : Path
        Absolute path of the folder.
    """
    return _changed(source, lambda path: os.path.relpath(absolute_path(path), folder))


def from_folder(source: FieldSource, folder: Path) -> FieldSource:
    """Return a source whose local paths are absolute.

    Parameters
    ----------
    source : FieldSource
        The files, relative to the folder.
    folder : Path
        Absolute path of the folder.
    """
    return _changed(source, lambda path: os.path.normpath(folder / path))


def _changed(source: FieldSource, change: Callable[[Path], str]) -> FieldSource:
    urls = source.urls or ("",) * len(source.paths)
    paths = (
        path if url else Path(change(path)) for path, url in zip(source.paths, urls, strict=True)
    )
    return replace(source, paths=tuple(paths))
