"""The output folder: what is ours in it, and what must not be touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import OutputError
from .atomic import atomic_path

__all__ = ["RECORD_NAME", "OutputFolder", "refuse_existing", "write_json"]

RECORD_NAME = "run.json"

# What a run writes; nothing else is ever removed.  Trained models are kept: they are costly.
_OURS = (
    "catalogue.ecsv",
    "catalogue.csv",
    "predictions.csv",
    "config.yaml",
    "metrics.json",
    "metrics.md",
    "overlays/*.png",
    "crops/*/*.png",
    "annotations/voc/*.xml",
    "annotations/coco.json",
    "annotations/yolo/classes.txt",
    "annotations/yolo/data.yaml",
    "annotations/yolo/labels/*.txt",
)
_MARK = "galpipe"


class OutputFolder:
    """A folder that one run writes into.

    A new or empty folder is taken as it is.  A folder that holds an earlier result is refused, or
    with `overwrite` cleared of that result: of the files that a run writes, by their names, and of
    nothing else.  A folder that holds other things is refused always.  An earlier run that got no
    further than training does not count as a result: the next one goes on from there.

    Parameters
    ----------
    path : str or Path
        The folder; made if missing.
    overwrite : bool
        Whether an earlier result may be replaced.
    record : str
        Name of the JSON file that marks the folder as ours.
    ours : sequence of str
        Patterns of the files that are cleared before the result is replaced.

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
        ours: Sequence[str] = _OURS,
    ) -> None:
        self.path = Path(path)
        self._record = record
        self._ours = ours
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._claim(overwrite)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be used as output folder: {error.strerror or error}. "
                "Choose another one, or mend its permissions."
            ) from error
        # Shows at once, and not after the first field, that the folder can be written.
        self.write_json(record, {"made_by": _MARK, "status": "started"})

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file of the folder, whole or not at all."""
        goal = self.path / name
        with atomic_path(goal) as beside:
            beside.write_text(text, encoding="utf-8")
        return goal

    def write_json(self, name: str, content: object) -> Path:
        """Write a JSON file of the folder, whole or not at all."""
        return write_json(self.path / name, content)

    def _claim(self, overwrite: bool) -> None:
        held = sorted(entry.name for entry in self.path.iterdir())
        if not held:
            return
        status = _earlier_status(self.path / self._record)
        if status is None:
            raise OutputError(
                f"{self.path}: holds files that galpipe did not make ({', '.join(held[:3])}"
                f"{', ...' if len(held) > 3 else ''}); choose another output folder"
            )
        if status not in {"started", "training"} and not overwrite:
            raise OutputError(
                f"{self.path}: holds an earlier result; choose another output folder, or add "
                "--overwrite (in Python: overwrite=True) to replace it"
            )
        self._clear()

    def _clear(self) -> None:
        home = self.path.resolve()
        folders: set[Path] = set()
        for pattern in self._ours:
            for file in self.path.glob(pattern):
                # A link may lead out of the folder, to what is not ours.
                if home in file.resolve().parents:
                    file.unlink()
                    folders.update(file.resolve().parents)
        inside = [folder for folder in folders if home in folder.parents]
        for folder in sorted(inside, key=lambda found: len(found.parts), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()


def write_json(path: Path, content: object) -> Path:
    """Write a JSON file, whole or not at all."""
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to replace files, unless that was asked for.

    Raises
    ------
    OutputError
        If one exists and may not be replaced, or is no file.
    """
    for path in paths:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file to write")
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: exists; choose another name, or add --overwrite")


def _earlier_status(record: Path) -> str | None:
    """Return the status in an earlier record; None if there is none of ours."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not isinstance(content, dict) or content.get("made_by") != _MARK:
        return None
    return str(content.get("status", "complete"))
