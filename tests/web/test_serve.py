from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from galpipe.errors import ConfigError
from galpipe.web.serve import serve_in_thread
from galpipe.web.settings import ServerSettings


def test_a_server_in_a_thread_answers_until_the_block_ends(
    settings: Callable[..., ServerSettings], finished_run: Path
) -> None:
    before = threading.enumerate()
    with serve_in_thread(settings(outputs=(finished_run,), port=0)) as server:
        (run,) = httpx.get(f"{server.address}/api/runs").json()
        assert run["id"] == server.state.opened[0].id
        port = int(server.address.rpartition(":")[2])
        with (
            pytest.raises(ConfigError, match=rf"Cannot listen at 127.0.0.1:{port}"),
            serve_in_thread(settings(port=port)),
        ):
            pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.address)
    assert "galpipe-server" not in {one.name for one in set(threading.enumerate()) - set(before)}


def test_an_error_within_the_block_ends_the_server(
    settings: Callable[..., ServerSettings],
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        serve_in_thread(settings(port=0)) as server,
    ):
        raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.address)
