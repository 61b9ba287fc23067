"""Access of the routes to the state of the server, and errors in plain words."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Depends, HTTPException, Request

from ..runs import OpenRun
from ..schemas import Problem
from ..state import ServerState

__all__ = ["Responses", "RunDependency", "State", "not_found", "problems"]

Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""Descriptions of responses for the documentation of the API."""


def _state(request: Request) -> ServerState:
    state: ServerState = request.app.state.server
    return state


State = Annotated[ServerState, Depends(_state)]
"""The state of the server."""


def not_found(thing: str) -> HTTPException:
    """Return the error of something that is not there.

    Parameters
    ----------
    thing : str
        The thing, such as ``job``.
    """
    return HTTPException(404, f"There is no such {thing} here (any more).")


def _run(run: str, state: State) -> OpenRun:
    try:
        return state.run(run)
    except KeyError:
        raise not_found("run") from None


RunDependency = Annotated[OpenRun, Depends(_run)]
"""The run that the address names."""


def problems(*statuses: int) -> Responses:
    """Return the description of errors for the documentation of the API.

    Parameters
    ----------
    *statuses : int
        Status codes.
    """
    return {status: {"model": Problem} for status in statuses}
