"""Uploads and jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from ...errors import InputError
from ..job_state import JobState
from ..jobs import QueueFull
from ..pyramid import PictureInfo
from ..schemas import Job, JobRequest, Upload
from ..state import ServerState, example_path
from ..uploads import TooLarge
from .common import State, not_found, problems
from .pictures import StretchQuery, tile_response

__all__ = ["router"]

router = APIRouter(tags=["jobs"])

_LOOK_EVERY = 0.2  # seconds, for changes of a job
_ALIVE_EVERY = 15.0  # seconds between comments that keep a connection open
_FULL = "As many fields wait as the queue holds. Try again when some are done."


@router.put("/uploads", status_code=201, responses=problems(413, 415, 429), name="upload")
async def _upload(
    request: Request, state: State, name: Annotated[str, Query(max_length=1000)]
) -> Upload:
    """Upload a file: its bytes are the body of the request, as they are."""
    most = state.settings.max_upload
    too_large = HTTPException(
        413, f"The file has more than the {most / 2**20:.0f} MB that are allowed here."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    if state.uploads.full:
        raise HTTPException(429, _FULL)
    try:
        stored = await state.uploads.receive(name, request.stream())
    except TooLarge:
        raise too_large from None
    except InputError as error:
        raise HTTPException(415, str(error)) from error
    return Upload(id=stored.id, name=stored.name, size=stored.size, kind=stored.kind)


@router.post("/jobs", status_code=202, responses=problems(404, 429), name="start")
def _start(state: State, request: JobRequest) -> Job:
    """Search a field: put it into the queue."""
    try:
        if request.example is not None:
            return _shown(state, state.jobs.submit_example(example_path(request.example)))
        uploads = state.uploads.take(request.uploads)
        if uploads is None:
            raise not_found("upload")
        try:
            return _shown(state, state.jobs.submit(uploads))
        except QueueFull:
            state.uploads.put_back(uploads)
            raise
    except QueueFull:
        raise HTTPException(429, _FULL, {"Retry-After": "5"}) from None
    except KeyError:
        raise not_found("example") from None


@router.get("/jobs", name="list_jobs")
def _list_jobs(state: State) -> list[Job]:
    """Return all jobs, the newest first."""
    return [_shown(state, job) for job in state.jobs.jobs]


@router.get("/jobs/{job}", responses=problems(404), name="get_job")
def _get_job(state: State, job: str) -> Job:
    """Return a job."""
    return _shown(state, _job(state, job))


@router.get(
    "/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, **problems(404)},
    name="follow",
)
async def _follow(state: State, job: str) -> StreamingResponse:
    """Stream the state of a job as server-sent events, one for each change, until it is over."""
    return StreamingResponse(
        _events(state, _job(state, job)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.delete("/jobs/{job}", status_code=204, responses=problems(404), name="cancel")
def _cancel(state: State, job: str) -> Response:
    """Cancel a job; remove one that is over, with its result."""
    found = _job(state, job)
    if found.over:
        state.forget(found)
    else:
        state.jobs.stop(found)
    return Response(status_code=204)


@router.get("/jobs/{job}/picture", responses=problems(404, 422), name="picture")
def _picture(state: State, job: str) -> PictureInfo:
    """Return the description of the picture of a job, before it is done."""
    return state.job_picture(_job(state, job)).info


@router.get(
    "/jobs/{job}/picture_files/{level}/{column}_{row}.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **problems(404, 422)},
    name="tile",
)
def _tile(
    state: State, job: str, level: int, column: int, row: int, stretch: StretchQuery
) -> Response:
    """Return a tile of the picture of a job."""
    return tile_response(state.job_picture(_job(state, job)), level, column, row, stretch)


@router.get("/jobs/{job}/preview", responses=problems(404, 422), name="preview")
def _preview(state: State, job: str) -> PictureInfo:
    """Return the description of the picture of the first file alone, which is there sooner."""
    return state.job_picture(_job(state, job), preview=True).info


@router.get(
    "/jobs/{job}/preview_files/{level}/{column}_{row}.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **problems(404, 422)},
    name="preview_tile",
)
def _preview_tile(
    state: State, job: str, level: int, column: int, row: int, stretch: StretchQuery
) -> Response:
    """Return a tile of the picture of the first file of a job."""
    picture = state.job_picture(_job(state, job), preview=True)
    return tile_response(picture, level, column, row, stretch)


def _job(state: ServerState, number: str) -> JobState:
    try:
        return state.jobs[number]
    except KeyError:
        raise not_found("job") from None


def _shown(state: ServerState, job: JobState) -> Job:
    return Job(
        id=job.id,
        name=job.name,
        files=list(job.upload.names),
        status=job.status,
        position=state.jobs.position(job),
        done=job.done,
        total=job.total,
        progress=job.progress,
        message=job.message,
        seconds=round(job.seconds, 1),
        run=job.id if job.status == "done" else None,
    )


async def _events(state: ServerState, job: JobState) -> AsyncIterator[str]:
    seen: tuple[int, int] | None = None
    silent = 0.0
    while True:
        # Also the place in the queue, which changes with the jobs before this one.
        now = job.version, state.jobs.position(job)
        over = job.over
        if now != seen:
            seen, silent = now, 0.0
            yield f"data: {_shown(state, job).model_dump_json()}\n\n"
        elif silent > _ALIVE_EVERY:
            silent = 0.0
            yield ": alive\n\n"
        if over:
            return
        await asyncio.sleep(_LOOK_EVERY)
        silent += _LOOK_EVERY
