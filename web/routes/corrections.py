"""Corrections of the fields of a run."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, HTTPException

from ..correction_files import write_corrections
from ..corrections import CORRECTIONS, Corrections, corrected_objects, inside
from ..runs import OpenRun
from ..schemas import CorrectedField, Edit
from .common import RunDependency, State, not_found, problems

__all__ = ["router"]

router = APIRouter(prefix="/runs/{run}/fields/{field}/corrections", tags=["corrections"])


@router.get("", responses=problems(404, 422), name="get_corrections")
def _get_corrections(run: RunDependency, field: int) -> CorrectedField:
    """Return the corrections of a field."""
    record = _record(run, field)
    return _shown(run, Corrections(run.folder).edits(*record))


@router.post("", responses=problems(404, 422), name="correct")
def _correct(run: RunDependency, state: State, field: int, edit: Edit) -> CorrectedField:
    """Change an object, add one, delete one, or mark one as odd."""
    record = _record(run, field)
    corrections = Corrections(run.folder)
    edit = _checked(run, field, edit, corrections.edits(*record))
    # The picture first: without it, the corrections could not be written for a training.
    pyramid = state.picture(run, field)
    with state.correcting:
        edits = corrections.add(*record, edit)
        write_corrections(run, field, pyramid)
    state.keep(run)
    return _shown(run, edits)


@router.delete("/last", responses=problems(404, 422), name="undo")
def _undo(run: RunDependency, state: State, field: int) -> CorrectedField:
    """Take back the last correction of a field."""
    record = _record(run, field)
    corrections = Corrections(run.folder)
    if not corrections.edits(*record):
        raise not_found("correction")
    pyramid = state.picture(run, field)
    with state.correcting:
        edits = corrections.undo(*record)
        write_corrections(run, field, pyramid)
    state.keep(run)
    return _shown(run, edits)


def _record(run: OpenRun, field: int) -> tuple[str, str]:
    """Return identifier and checksum of a field."""
    try:
        record = run.rows(field).record
    except KeyError:
        raise not_found("field") from None
    return record.field, record.sha256


def _checked(run: OpenRun, field: int, edit: Edit, earlier: list[Edit]) -> Edit:
    """Return a change that is possible, with the name of an object that is added."""
    found = run.rows(field)
    record = found.record
    if edit.box is not None and not inside(edit.box, record.width, record.height):
        raise HTTPException(422, "The box is not inside the field.")
    others = (item.name for item in run.other_classes)
    if edit.label and edit.label not in (*run.class_names, *others):
        raise HTTPException(422, f"'{edit.label}' is no class of this run.")
    if edit.kind == "add":
        return edit.model_copy(update={"source_id": f"added-{secrets.token_hex(4)}"})
    known = set(found.rows["source_id"].tolist()) if found.rows else set()
    changed = {change.source_id: change for change in corrected_objects(earlier)}
    added = {name for name, change in changed.items() if change.added}
    if edit.source_id not in known | added:
        raise not_found("object")
    if edit.source_id in changed and changed[edit.source_id].deleted:
        raise HTTPException(422, "The object is deleted; undo that first.")
    return edit


def _shown(run: OpenRun, edits: list[Edit]) -> CorrectedField:
    folder = f"{run.place}/{CORRECTIONS}" if edits and not run.temporary else ""
    return CorrectedField(edits=len(edits), objects=corrected_objects(edits), folder=folder)
