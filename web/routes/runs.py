"""Results of runs: fields, objects, pictures and catalogues."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from ...files.names import safe_name
from ...imaging.field_discovery import file_stem, has_field_suffix
from ...pipeline.catalogue_formats import CATALOGUE_FORMATS
from ...pipeline.result_lines import FieldRows
from ..corrections import CORRECTIONS
from ..download import write_catalogue, write_folder
from ..job_state import JobState
from ..pyramid import PictureInfo
from ..runs import OpenRun, class_infos
from ..schemas import ClassInfo, FieldDetail, FieldSummary, RunDetail, RunSummary, Votes
from ..state import ServerState
from ..votes import evidence_for, training_of, votes_of
from .common import Responses, RunDependency, State, not_found, problems
from .pictures import StretchQuery, tile_response

__all__ = ["router"]

router = APIRouter(prefix="/runs", tags=["runs"])

_KEPT = {"Cache-Control": "private, max-age=3600"}
_PNG: Responses = {200: {"content": {"image/png": {}}}}
_JPEG: Responses = {200: {"content": {"image/jpeg": {}}}}
_XML: Responses = {200: {"content": {"application/xml": {}}}}
_FILE: Responses = {200: {"content": {"application/octet-stream": {}}}}
_ZIP: Responses = {200: {"content": {"application/zip": {}}}}


@router.get("", name="list_runs")
def _list_runs(state: State) -> list[RunSummary]:
    """Return the opened runs and the results of jobs, the newest first."""
    of_jobs = [_summary_of_job(state, job) for job in state.jobs.jobs if job.status == "done"]
    return [*map(_summary, state.opened), *of_jobs]


@router.get("/{run}", responses=problems(404), name="get_run")
def _get_run(run: RunDependency, state: State) -> RunDetail:
    """Return a run with its fields, without their objects."""
    models = run.plan.record.models
    members = models.get("classifier", {}).get("members", [])
    return RunDetail(
        **dict(_summary(run)),
        classes=class_infos(run.class_names),
        other_classes=[ClassInfo(name=item.name, colour=item.colour) for item in run.other_classes],
        members=members,
        explained=training_of(models.get("classifier", {}), state.classifier) is not None,
        models={stage: str(model.get("name", "")) for stage, model in models.items()},
        score_threshold=run.plan.record.score_threshold,
        field_list=[_field_summary(run, place.number) for place in run.fields],
        failures=[failure.message for failure in run.failures],
    )


@router.get(
    "/{run}/catalogue{suffix}",
    response_class=Response,
    responses={**_FILE, **problems(404, 422)},
    name="download_catalogue",
)
def _download_catalogue(run: RunDependency, suffix: str) -> FileResponse:
    """Return the catalogue as a file in the format of the suffix, such as ``.ecsv``."""
    forms = {form.suffixes[0]: name for name, form in CATALOGUE_FORMATS.items()}
    if suffix not in forms:
        raise not_found("format")
    return _download_table(run, forms[suffix], run.name, None)


@router.get(
    "/{run}/fields/{field}/catalogue{suffix}",
    response_class=Response,
    responses={**_FILE, **problems(404, 422)},
    name="download_field_catalogue",
)
def _download_field(run: RunDependency, field: int, suffix: str) -> FileResponse:
    """Return the catalogue of a field as a file, also as DS9 regions (``.reg``)."""
    forms = {form.suffixes[0]: name for name, form in CATALOGUE_FORMATS.items()}
    if suffix not in forms:
        raise not_found("format")
    found = _rows(run, field)
    return _download_table(run, forms[suffix], found.record.field, found)


@router.get(
    "/{run}/corrections.zip",
    response_class=Response,
    responses={**_ZIP, **problems(404)},
    name="download_corrections",
)
def _download_corrections(run: RunDependency, state: State) -> FileResponse:
    """Return the corrections of a run as a file, for a training."""
    folder = run.folder / CORRECTIONS
    if not folder.is_dir():
        raise not_found("correction")

    def write(path: Path) -> None:
        with state.correcting:
            write_folder(folder, path)

    return _download(f"{_title(run.name)}-{CORRECTIONS}.zip", "application/zip", write)


@router.get("/{run}/fields/{field}", responses=problems(404), name="get_field")
def _get_field(run: RunDependency, field: int) -> FieldDetail:
    """Return a field with its objects, best score first."""
    found = _rows(run, field)
    last = len(run.fields) - 1
    return FieldDetail(
        **dict(_field_summary(run, field)),
        objects_list=run.objects(found),
        units=run.units(found),
        previous=field - 1 if field > 0 else None,
        next=field + 1 if field < last else None,
    )


@router.get(
    "/{run}/fields/{field}/crops/{source}.png",
    response_class=Response,
    responses={**_PNG, **problems(404)},
    name="get_crop",
)
def _get_crop(run: RunDependency, field: int, source: str) -> FileResponse:
    """Return the crop of a galaxy that the classifier saw."""
    return _picture_file(run.crop_paths(_rows(run, field)).get(source), "crop")


@router.get(
    "/{run}/fields/{field}/overlay.png",
    response_class=Response,
    responses={**_PNG, **problems(404)},
    name="get_overlay",
)
def _get_overlay(run: RunDependency, field: int) -> FileResponse:
    """Return the picture of a field with boxes and labels."""
    record = _rows(run, field).record
    path = run.folder / record.overlay if record.overlay else None
    # The record may be of another person.
    if path is not None and not path.resolve().is_relative_to(run.folder.resolve()):
        raise not_found("overlay")
    return _picture_file(path, "overlay")


@router.get("/{run}/fields/{field}/picture", responses=problems(404, 422), name="get_picture")
def _get_picture(run: RunDependency, state: State, field: int) -> PictureInfo:
    """Return the description of the picture of a field: size, stretch and sky coordinates."""
    record = _rows(run, field).record
    info = state.picture(run, field).info
    if info.sha256 != record.sha256:
        changed = "the files of this field were changed after the run"
        return info.model_copy(update={"notes": [*info.notes, changed]})
    return info


@router.get(
    "/{run}/fields/{field}/picture.dzi",
    response_class=Response,
    responses={**_XML, **problems(404, 422)},
    name="get_deep_zoom",
)
def _get_deep_zoom(run: RunDependency, state: State, field: int) -> Response:
    """Return the description of the picture of a field in the Deep Zoom format."""
    _rows(run, field)
    return Response(state.picture(run, field).dzi(), media_type="application/xml")


@router.get(
    "/{run}/fields/{field}/picture_files/{level}/{column}_{row}.jpg",
    response_class=Response,
    responses={**_JPEG, **problems(404, 422)},
    name="get_tile",
)
def _get_tile(
    run: RunDependency,
    state: State,
    field: int,
    level: int,
    column: int,
    row: int,
    stretch: StretchQuery,
) -> Response:
    """Return a tile of the picture of a field."""
    _rows(run, field)
    return tile_response(state.picture(run, field), level, column, row, stretch)


@router.get("/{run}/fields/{field}/votes/{source}", responses=problems(404, 422), name="get_votes")
def _get_votes(run: RunDependency, state: State, field: int, source: str) -> Votes:
    """Return the probabilities of a galaxy by each network of the classifier."""
    crop, flipped = _crop(run, field, source)
    model = run.plan.record.models["classifier"]
    return votes_of(model, state.classifier, crop, flipped, state.settings.limits)


@router.get(
    "/{run}/fields/{field}/evidence/{source}.png",
    response_class=Response,
    responses={**_PNG, **problems(404, 422)},
    name="get_evidence",
)
def _get_evidence(
    run: RunDependency, state: State, field: int, source: str, label: str
) -> Response:
    """Return the crop of a galaxy with the evidence for a class over it, by Grad-CAM."""
    crop, flipped = _crop(run, field, source)
    training = training_of(run.plan.record.models["classifier"], state.classifier)
    if training is None or label not in run.class_names:
        raise not_found("explanation")
    picture = evidence_for(label, training, crop, flipped, state.settings.limits)
    return Response(picture, media_type="image/png", headers=_KEPT)


def _crop(run: OpenRun, field: int, source: str) -> tuple[Path, bool]:
    """Return the crop of a galaxy, and whether its rows are opposite to those of the field."""
    found = _rows(run, field)
    path = run.crop_paths(found).get(source)
    if path is None or not path.is_file():
        raise not_found("galaxy with a class")
    return path, found.record.origin == "lower"


def _rows(run: OpenRun, field: int) -> FieldRows:
    try:
        return run.rows(field)
    except KeyError:
        raise not_found("field") from None


def _summary(run: OpenRun) -> RunSummary:
    tally = run.results.tally
    return RunSummary(
        id=run.id,
        name=run.name,
        status=run.status,
        command=run.plan.record.command,
        started=run.plan.record.started,
        fields=tally.fields,
        failed=tally.failed,
        galaxies=tally.galaxies,
        temporary=run.temporary,
    )


def _summary_of_job(state: ServerState, job: JobState) -> RunSummary:
    """Return the summary of the result of a job, which need not be opened."""
    return RunSummary(
        id=job.id,
        name=job.name,
        status="complete",
        command="run",
        started=job.date,
        fields=job.fields,
        failed=job.failed,
        galaxies=job.galaxies,
        temporary=not state.settings.keeps,
        problem=state.problem_of(job),
    )


def _field_summary(run: OpenRun, number: int) -> FieldSummary:
    record = run.fields[number].record
    return FieldSummary(
        number=number,
        name=record.field,
        files=run.file_names(record),
        width=record.width,
        height=record.height,
        galaxies=record.galaxies,
        objects=sum(record.objects.values()),
        notes=list(record.notes),
        overlay=bool(record.overlay),
    )


def _picture_file(path: Path | None, thing: str) -> FileResponse:
    if path is None or not path.is_file():
        raise not_found(thing)
    return FileResponse(path, media_type="image/png", headers=_KEPT)


def _download_table(run: OpenRun, form: str, name: str, field: FieldRows | None) -> FileResponse:
    suffix = CATALOGUE_FORMATS[form].suffixes[0]
    return _download(
        f"{_title(name)}{suffix}",
        "application/octet-stream",
        lambda path: write_catalogue(run.results, form, path, field),
    )


def _title(name: str) -> str:
    """Return the name of a run or field as a file name without suffix, safe on every system."""
    return safe_name(file_stem(Path(name)) if has_field_suffix(name) else name, default="galaxies")


def _download(name: str, media: str, write: Callable[[Path], None]) -> FileResponse:
    """Return a file that is written for this response alone."""
    folder = tempfile.TemporaryDirectory(prefix="galpipe-download-")
    path = Path(folder.name) / f"file{Path(name).suffix}"
    try:
        write(path)
    except BaseException:
        folder.cleanup()
        raise
    # The browser chooses the folder.
    return FileResponse(
        path, media_type=media, filename=name, background=BackgroundTask(folder.cleanup)
    )
