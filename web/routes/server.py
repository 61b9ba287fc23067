"""The server itself, and the classification of single cutouts."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException, Request

from ..._version import __version__
from ...errors import InputError
from ...files.names import printable
from ...pipeline.catalogue_formats import CATALOGUE_FORMATS
from ..processes import call_in_process
from ..runs import class_infos
from ..schemas import Cutout, ServerInfo
from ..state import EXAMPLES, LARGEST_CUTOUT
from ..uploads import TooLarge
from ..votes import member_votes
from ..work import classify_cutout
from .common import State, problems

__all__ = ["router"]

router = APIRouter(tags=["server"])


@router.get("/health", name="health")
def _health() -> dict[str, str]:
    """Return that the server runs; needs no token."""
    return {"status": "ok"}


@router.get("/info", name="info")
def _info(state: State) -> ServerInfo:
    """Return version, models and limits of the server."""
    settings = state.settings
    return ServerInfo(
        version=__version__,
        classes=class_infos(state.classifier.class_names),
        detector=settings.detector,
        classifier=settings.classifier,
        examples=list(EXAMPLES),
        formats=[form.suffixes[0] for form in CATALOGUE_FORMATS.values()],
        max_upload=settings.max_upload,
        keeps=settings.keeps,
    )


@router.post("/classify", responses=problems(413, 415, 422, 429), name="classify")
async def _classify(request: Request, state: State) -> Cutout:
    """Classify an image of one galaxy, whose bytes are the body of the request."""
    try:
        stored = await state.cutouts.receive("cutout", request.stream())
    except TooLarge:
        most = LARGEST_CUTOUT / 2**20
        raise HTTPException(413, f"A cutout has at most {most:.0f} MB.") from None
    except InputError as error:
        raise HTTPException(415, str(error)) from error
    state.cutouts.take([stored.id])
    try:
        result = await asyncio.to_thread(
            lambda: call_in_process(
                classify_cutout,
                state.settings.limits,
                path=stored.path,
                classifier=state.models[1],
                names={str(stored.path): stored.name},
            )
        )
    finally:
        stored.path.unlink(missing_ok=True)
    classifier = state.classifier
    probabilities = result["probabilities"]
    best = -1 if probabilities is None else probabilities.index(max(probabilities))
    return Cutout(
        classes=list(classifier.class_names),
        probabilities=probabilities,
        label="" if best < 0 else classifier.class_names[best],
        members=member_votes(classifier, result["members"]) if probabilities else [],
        notes=[printable(note) for note in result["notes"]],
    )
