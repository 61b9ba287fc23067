"""Claim output folders and files without overwriting other data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from ..errors import OutputError
from .atomic import atomic_path, remove_temporary
from .lock import LOCK_NAME
from .names import printable

__all__ = [
    "RECORD_NAME",
    "RUN_FILES",
    "RUN_PICTURES",
    "OutputFolder",
    "claim_folder",
    "field_pictures",
    "refuse_existing",
    "write_json",
]

RECORD_NAME = "run.json"

Status: TypeAlias = Literal["unfinished", "complete"]

RUN_FILES = (
    # The plan first: without it, a run whose other files are partly removed is not continued.
    "parts/*.json",
    "catalogue.ecsv",
    "catalogue.csv",
    "catalogue.fits",
    "catalogue.vot",
    "catalogue.parquet",
    "coverage.moc.fits",
    "regions/*.reg",
    "predictions.csv",
    "votes.csv",
    "config.yaml",
    "metrics.json",
    "metrics.md",
    "report.html",
    "overlays/*.png",
    "pictures/*.jpg",
    "crops/*/*.png",
    "crops/*/*.fits",
    "parts/*.jsonl",
    "annotations/voc/*.xml",
    "annotations/coco.json",
    "annotations/createml.json",
    "annotations/csv.csv",
    "annotations/ds9/*.reg",
    "annotations/tfrecord/label_map.pbtxt",
    "annotations/tfrecord/tfrecord-*.tfrecord",
    "annotations/yolo/classes.txt",
    "annotations/yolo/data.yaml",
    "annotations/yolo/labels/*.txt",
)
"""Outputs of a run that are removed before it is repeated, as patterns; trained models are kept."""

RUN_PICTURES = ("overlays", "pictures", "crops")
"""Folders of the pictures of a run."""

_MARK = "galpipe"


def claim_folder(
    folder: str | Path,
    status_of: Callable[[Path], Status | None],
    *,
    overwrite: bool = False,
    ours: Sequence[str] = (),
) -> Path:
    """Create an output folder, or check that an existing one may be written to.

    New and empty folders, and those with an unfinished result, are accepted.  A complete result is
    refused, or removed with `overwrite`.  A folder with anything else is always refused.

    Parameters
    ----------
    folder : str or Path
        The folder; created if missing.
    status_of : callable
        Returns the status of the result in a folder; None if it was not written by galpipe.
    overwrite : bool
        Replace a complete result.
    ours : sequence of str
        Glob patterns of the files to remove before a result is written; links out of the folder are
        not followed.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder is refused or cannot be written.
    """
    folder = Path(folder)
    with _writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_litter(folder, ours)
        held = sorted(entry.name for entry in folder.iterdir() if entry.name != LOCK_NAME)
        if not held:
            return folder
        status = status_of(folder)
        if status is None:
            raise OutputError(
                f"{folder}: holds files that galpipe did not make ({', '.join(held[:3])}"
                f"{', ...' if len(held) > 3 else ''}); choose another output folder"
            )
        if status == "complete" and not overwrite:
            raise OutputError(
                f"{folder}: holds an earlier result; choose another output folder, or add "
                "--overwrite (in Python: overwrite=True) to replace it"
            )
        _remove(folder, ours)
    return folder


def field_pictures(name: str) -> tuple[str, ...]:
    """Return the places of the pictures of a field in the output folder of a run.

    Parameters
    ----------
    name : str
        Name of the files of the field.

    Returns
    -------
    tuple of str
        Two files, with and without boxes, and the folder of its crops.
    """
    return f"overlays/{name}.png", f"pictures/{name}.jpg", f"crops/{name}"


class OutputFolder:
    """Output folder with a JSON record; see `claim_folder`.

    A result whose status is still training counts as unfinished.

    Parameters
    ----------
    path : str or Path
        The folder; created if missing.
    overwrite : bool
        Replace an earlier result.
    record : str
        Name of the record.
    ours : sequence of str
        Glob patterns of the files to remove before the result is replaced.
    resume : bool
        Accept an earlier result and keep its files.

    Attributes
    ----------
    path : Path
        The folder.

    Raises
    ------
    OutputError
        If the folder is refused or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        record: str = RECORD_NAME,
        ours: Sequence[str] = RUN_FILES,
        resume: bool = False,
    ) -> None:
        if resume:
            self.path = Path(path)
            with _writable(self.path):
                _remove_litter(self.path, ours)
            return
        self.path = claim_folder(
            path, lambda folder: recorded_status(folder / record), overwrite=overwrite, ours=ours
        )
        # Fails early if the folder cannot be written.
        self.write_json(record, {"made_by": _MARK, "status": "started"})

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file into the folder atomically.

        Parameters
        ----------
        name : str
            Path inside the folder.
        text : str
            The content.
        """
        target = self.path / name
        with atomic_path(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return target

    def write_json(self, name: str, content: object) -> Path:
        """Write a JSON file into the folder atomically.

        Parameters
        ----------
        name : str
            Path inside the folder.
        content : object
            JSON-serialisable content.
        """
        return write_json(self.path / name, content)


def write_json(path: Path, content: object) -> Path:
    """Write a JSON file atomically.

    Parameters
    ----------
    path : Path
        The file.
    content : object
        JSON-serialisable content.

    Returns
    -------
    Path
        The file.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        temporary.write_text(printable(text) + "\n", encoding="utf-8")
    return path


def refuse_existing(paths: Iterable[Path], *, overwrite: bool, folders: bool = False) -> None:
    """Raise an error for outputs that exist, unless they may be replaced.

    Parameters
    ----------
    paths : iterable of Path
        Paths to be written.
    overwrite : bool
        Accept files that exist, and folders that are not empty.
    folders : bool
        The paths are folders.

    Raises
    ------
    OutputError
        If a path exists and may not be replaced, or is a folder instead of a file or vice versa.
    """
    for path in paths:
        if path.exists() and path.is_dir() != folders:
            here, wanted = ("file", "folder") if folders else ("folder", "file")
            raise OutputError(f"{path}: is a {here}; name a {wanted} to write")
        if overwrite or not path.exists() or (folders and not any(path.iterdir())):
            continue
        state = "is not empty" if folders else "exists already"
        raise OutputError(
            f"{path}: {state}; choose another output, or add --overwrite (in Python: "
            "overwrite=True) to replace it"
        )


def recorded_status(record: Path) -> Status | None:
    """Return the status in a record.

    Parameters
    ----------
    record : Path
        The record of a command.

    Returns
    -------
    {"unfinished", "complete"} or None
        None if it was not written by galpipe.
    """
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not isinstance(content, dict) or content.get("made_by") != _MARK:
        return None
    return "unfinished" if content.get("status") in ("started", "training") else "complete"


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Turn the errors of the file system into one that names the output folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be used as output folder: {error.strerror or error}. "
            "Choose another one, or correct its permissions."
        ) from error


def _remove_litter(folder: Path, patterns: Sequence[str]) -> None:
    """Remove what a killed process left: files that it was writing, and empty folders."""
    places = {pattern.rpartition("/")[0] for pattern in patterns} - {""}
    inner = [found for pattern in places for found in folder.glob(pattern)]
    for place in (folder, *inner):
        if place.is_symlink() or not place.is_dir():
            continue
        remove_temporary(place)
        if place != folder and not any(place.iterdir()):
            place.rmdir()


def _remove(folder: Path, patterns: Sequence[str]) -> None:
    """Remove the files matching patterns, and folders that become empty."""
    home = folder.resolve()
    emptied: set[Path] = set()
    for file in (file for pattern in patterns for file in folder.glob(pattern)):
        # A link may lead out of the folder.
        if home in file.resolve().parents and not file.is_dir():
            file.unlink()
            emptied.update(file.resolve().parents)
    inside = [found for found in emptied if home in found.parents]
    for found in sorted(inside, key=lambda path: len(path.parts), reverse=True):
        if not any(found.iterdir()):
            found.rmdir()
