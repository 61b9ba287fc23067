"""Run the server until it is interrupted, or in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..console import STDERR
from ..errors import ConfigError, require
from .settings import ServerSettings

if TYPE_CHECKING:
    from .state import ServerState

__all__ = ["RunningServer", "serve", "serve_in_thread"]

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
    with _opened(settings) as (opened, server, listening):
        hint = "?token=..." if settings.token else ""
        STDERR.print(f"galpipe is at {opened.address}/{hint} (Ctrl-C ends it)", soft_wrap=True)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


@dataclass(frozen=True)
class RunningServer:
    """A server that runs.

    Attributes
    ----------
    state : ServerState
        What its routes share.
    address : str
        Address of the page, without a slash at the end.
    """

    state: ServerState
    address: str


@contextmanager
def serve_in_thread(settings: ServerSettings) -> Iterator[RunningServer]:
    """Serve the page and the API in a thread, within the ``with`` block.

    Parameters
    ----------
    settings : ServerSettings
        The settings.

    Yields
    ------
    RunningServer
        The server, which answers.

    Raises
    ------
    MissingExtraError, ConfigError, InputError, BundleError, OutputError
        As `serve`.

    Examples
    --------
    >>> from galpipe.web.serve import serve_in_thread
    >>> from galpipe.web.settings import ServerSettings
    >>> with serve_in_thread(ServerSettings(port=0)) as server:       # doctest: +SKIP
    ...     print(server.address)
    http://127.0.0.1:40313
    """
    with _opened(settings) as (opened, server, listening):
        # Requests that come before it runs wait at the socket.
        thread = threading.Thread(target=server.run, args=([listening],), name="galpipe-server")
        thread.start()
        try:
            yield opened
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _opened(settings: ServerSettings) -> Iterator[tuple[RunningServer, Any, socket.socket]]:
    """Open a server that does not run yet, and the socket at which it is to listen."""
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
            ws="none",
        )
        port = listening.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{port}"
        yield RunningServer(state, address), uvicorn.Server(config), listening


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
