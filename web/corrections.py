"""Corrections of a run by a person: a list of changes that can be undone, beside the run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import InputError
from ..files.lock import locked_folder
from ..files.output_folder import write_json
from .schemas import CorrectedObject, Edit

__all__ = ["CORRECTIONS", "Corrections", "corrected_objects", "inside"]

CORRECTIONS = "corrections"
"""Folder of the corrections in the output folder of a run."""

_FILE = "edits.json"
_MOST = 100_000  # changes of a field
_PATIENCE = 60.0  # seconds for another process to write


class _FieldEdits(BaseModel):
    """Changes of a field, in order."""

    model_config = ConfigDict(extra="forbid")

    sha256: str
    edits: list[Edit]


class _EditsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    made_by: str
    fields: dict[str, _FieldEdits]


class Corrections:
    """Corrections of a run, in ``corrections/edits.json`` of its output folder.

    Parameters
    ----------
    folder : Path
        Output folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CORRECTIONS

    def edits(self, field: str, sha256: str) -> list[Edit]:
        """Return the changes of a field, in order.

        Parameters
        ----------
        field : str
            Identifier of the field.
        sha256 : str
            Checksum of its files: changes of another file of the same name do not count.

        Raises
        ------
        InputError
            If the file of the corrections is damaged.
        """
        found = self._read().get(field)
        return [] if found is None or found.sha256 != sha256 else found.edits

    def add(self, field: str, sha256: str, edit: Edit) -> list[Edit]:
        """Add a change of a field; return all its changes.

        Parameters
        ----------
        field, sha256 : str
            As in `edits`.
        edit : Edit
            The change.

        Raises
        ------
        InputError
            If the file of the corrections is damaged, or there are too many changes.
        OutputError
            If it cannot be written.
        """
        with locked_folder(self.folder, wait=_PATIENCE):
            edits = self.edits(field, sha256)
            if len(edits) >= _MOST:
                raise InputError(f"{field} has {_MOST} corrections already.")
            return self._write(field, sha256, [*edits, edit])

    def undo(self, field: str, sha256: str) -> list[Edit]:
        """Take back the last change of a field; return those that are left.

        Parameters
        ----------
        field, sha256 : str
            As in `edits`.

        Raises
        ------
        InputError
            If the file of the corrections is damaged.
        OutputError
            If it cannot be written.
        """
        with locked_folder(self.folder, wait=_PATIENCE):
            return self._write(field, sha256, self.edits(field, sha256)[:-1])

    def _read(self) -> dict[str, _FieldEdits]:
        path = self.folder / _FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return _EditsFile.model_validate(content).fields
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, ValidationError, RecursionError) as error:
            raise InputError(
                f"{path}: cannot be read ({type(error).__name__}). Repair it, or move the folder "
                f"{CORRECTIONS} away to begin anew."
            ) from error

    def _write(self, field: str, sha256: str, edits: list[Edit]) -> list[Edit]:
        fields: dict[str, Any] = self._read()
        fields[field] = _FieldEdits(sha256=sha256, edits=edits)
        content = _EditsFile(made_by="galpipe", fields=fields)
        write_json(self.folder / _FILE, content.model_dump(mode="json", exclude_defaults=True))
        return edits


def corrected_objects(edits: Iterable[Edit]) -> list[CorrectedObject]:
    """Return the objects of a field that are changed, as the last changes left them.

    Parameters
    ----------
    edits : iterable of Edit
        The changes, in order.

    Returns
    -------
    list of CorrectedObject
        In the order of their first change; added objects that were deleted are left out.
    """
    objects: dict[str, CorrectedObject] = {}
    for edit in edits:
        known = objects.get(edit.source_id) or CorrectedObject(
            source_id=edit.source_id,
            label="",
            box=None,
            odd=False,
            deleted=False,
            added=edit.kind == "add",
        )
        objects[edit.source_id] = known.model_copy(update=_change(edit))
    return [found for found in objects.values() if not (found.added and found.deleted)]


def _change(edit: Edit) -> dict[str, Any]:
    if edit.kind == "delete":
        return {"deleted": True}
    if edit.kind == "odd":
        return {"odd": edit.odd}
    change: dict[str, Any] = {} if edit.kind == "box" else {"label": edit.label}
    return change if edit.kind == "class" else change | {"box": edit.box}


def inside(box: tuple[float, float, float, float], width: int, height: int) -> bool:
    """Return whether a box lies inside a field.

    Parameters
    ----------
    box : (float, float, float, float)
        Pixel edges, 0-based.
    width, height : int
        Size of the field in pixels.
    """
    xmin, ymin, xmax, ymax = box
    return 0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height
