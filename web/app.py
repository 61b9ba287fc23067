"""The web application: API, page and access control."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from .._version import __version__
from ..errors import GalpipeError, OutputError
from .routes import corrections, jobs, runs, server
from .security import AccessControl
from .state import ServerState

__all__ = ["create_app"]

_DESCRIPTION = """
Upload a field, follow its job, and read, look at and correct its galaxies.  Errors are JSON with a
text `detail`.  With a token, send it as `Authorization: Bearer TOKEN`.
"""


def create_app(state: ServerState) -> FastAPI:
    """Create the web application.

    Parameters
    ----------
    state : ServerState
        State of the server, which the caller closes.

    Returns
    -------
    FastAPI
    """
    app = FastAPI(
        title="galpipe",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        # The pages of the documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.server = state
    for routes in (server, jobs, runs, corrections):
        app.include_router(routes.router, prefix="/api")
    app.add_exception_handler(GalpipeError, _explain)
    app.add_exception_handler(RequestValidationError, _explain_request)
    app.add_middleware(AccessControl, settings=state.settings)
    app.mount("/", _Page(directory=Path(str(files(__package__))) / "static", html=True))
    return app


class _Page(StaticFiles):
    """The built page; its files have names that change with their content."""

    async def get_response(self, path: str, scope: Scope):  # type: ignore[no-untyped-def]
        response = await super().get_response(path, scope)
        kept = path.startswith("assets")
        response.headers["Cache-Control"] = "max-age=31536000, immutable" if kept else "no-cache"
        return response


def _explain(request: Request, error: Exception) -> JSONResponse:
    # What cannot be written or fetched is not the fault of the request.
    return JSONResponse({"detail": str(error)}, 503 if isinstance(error, OutputError) else 422)


def _explain_request(request: Request, error: Exception) -> JSONResponse:
    """Name the values of a request that are not valid, in one sentence each."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'][1:]) or 'request'}: {problem['msg']}"
        for problem in error.errors()
    ]
    return JSONResponse({"detail": "; ".join(problems)}, 422)
