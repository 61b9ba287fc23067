"""Run the server until it is interrupted."""

from __future__ import annotations

import socket
from contextlib import closing, suppress

from ..console import STDERR
from ..errors import ConfigError, require
from .settings import ServerSettings

__all__ = ["serve"]

_END = 2  # seconds for requests in progress when the server ends


def serve(settings: ServerSettings) -> None:
    """Serve the page and the API until SIGINT or SIGTERM.

    Parameters
    ----------
    settings : ServerSettings
        The settings.

    Raises
    ------
    MissingExtraError
        If the packages of the extra ``web`` are not installed.
    ConfigError
        If the address cannot be used.
    InputError, BundleError, OutputError
        If an output folder holds no run, a model is missing or invalid, or the storage cannot be
        used.
    """
    require("fastapi", "web")
    uvicorn = require("uvicorn", "web")
    from .app import create_app
    from .state import ServerState

    with closing(_listen(settings)) as listening, closing(ServerState(settings)) as state:
        config = uvicorn.Config(
            create_app(state),
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_END,
        )
        port = listening.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        hint = "?token=..." if settings.token else ""
        STDERR.print(f"galpipe is at http://{host}:{port}/{hint} (Ctrl-C ends it)", soft_wrap=True)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _listen(settings: ServerSettings) -> socket.socket:
    """Return a socket at the address of the settings."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"Cannot listen at {settings.host}:{settings.port}: {error.strerror or error}. Choose "
            "another --port, or end the program that uses it."
        ) from error
