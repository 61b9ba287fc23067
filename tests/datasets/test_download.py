from __future__ import annotations

import hashlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from galpipe.datasets import download as fetch
from galpipe.datasets.download import download
from galpipe.datasets.galaxy10 import GALAXY10_SETS
from galpipe.errors import InputError, OutputError
from galpipe.pipeline.commands.data import fetch as fetch_command

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `CONTENT` and notes the ranges that it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.resumes = True
        self.breaks_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/Galaxy10.h5"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        start = int(asked[6:-1]) if asked and self.server.resumes else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            place = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            self.send_header("Content-Range", place)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_arrives_whole_and_is_told_of(tmp_path: Path, server: Server) -> None:
    told: list[tuple[int, int | None]] = []

    class Recorder:
        def update(self, *, completed: int, total: int | None) -> None:
            told.append((completed, total))

    goal = download(server.url, tmp_path / "new" / "a.h5", SHA256, Recorder())
    assert goal.read_bytes() == CONTENT
    assert list(goal.parent.iterdir()) == [goal]
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_download_that_broke_off_is_gone_on_with(tmp_path: Path, server: Server) -> None:
    goal, part = tmp_path / "a.h5", tmp_path / "a.h5.part"
    server.breaks_after = 1_000_000
    with pytest.raises(InputError, match=r"broke off after 1\.0 of 3\.0 MB.*again"):
        download(server.url, goal, SHA256)
    assert not goal.exists()
    assert part.read_bytes() == CONTENT[:1_000_000]
    server.breaks_after = None
    assert download(server.url, goal, SHA256).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000000-"]
    assert not part.exists()


def test_a_server_that_cannot_resume_sends_all(tmp_path: Path, server: Server) -> None:
    (tmp_path / "a.h5.part").write_bytes(b"x" * 1000)
    server.resumes = False
    assert download(server.url, tmp_path / "a.h5", SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_complete_or_too_long(tmp_path: Path, server: Server, size: int) -> None:
    (tmp_path / "a.h5.part").write_bytes((CONTENT + b"12345")[:size])
    assert download(server.url, tmp_path / "a.h5", SHA256).read_bytes() == CONTENT
    assert len(server.ranges) == (1 if size == len(CONTENT) else 2)


def test_another_content_is_refused_and_removed(tmp_path: Path, server: Server) -> None:
    with pytest.raises(InputError, match="not the published file"):
        download(server.url, tmp_path / "a.h5", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_is_verified_and_never_replaced(tmp_path: Path, server: Server) -> None:
    goal = tmp_path / "a.h5"
    goal.write_bytes(CONTENT)
    assert download(server.url, goal, SHA256.upper()) == goal
    goal.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is not the published file"):
        download(server.url, goal, SHA256)
    assert goal.read_bytes() == b"mine"
    assert server.ranges == []


def test_what_the_server_lacks_is_told(tmp_path: Path, server: Server) -> None:
    with pytest.raises(InputError, match="404"):
        download(server.url + "/missing", tmp_path / "a.h5", SHA256)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Choose another folder"):
        download(server.url, tmp_path / "file" / "a.h5", SHA256)


def test_the_command_downloads_and_says_where(
    tmp_path: Path,
    server: Server,
    galpipe_cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = replace(GALAXY10_SETS["galaxy10_sdss"], url=server.url, sha256=SHA256)
    monkeypatch.setattr(fetch, "GALAXY10_SETS", {"galaxy10_sdss": known})
    for _ in range(2):
        done = galpipe_cli("data", "fetch", "galaxy10-sdss", "-o", tmp_path)
        assert done.exit_code == 0, done.output
        assert done.output.strip() == str(tmp_path / "Galaxy10.h5")
    assert len(server.ranges) == 1


def test_without_a_network_the_command_says_what_to_do(
    tmp_path: Path, galpipe_cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    known = replace(GALAXY10_SETS["galaxy10_decals"], url=f"http://127.0.0.1:{port}/a.h5")
    monkeypatch.setattr(fetch, "GALAXY10_SETS", {"galaxy10_decals": known})
    done = galpipe_cli("data", "fetch", "galaxy10-decals", "-o", tmp_path)
    assert done.exit_code == 1
    for text in ("Check the network", known.page, str(tmp_path / known.file), known.sha256):
        assert text in done.output


def test_the_published_sets() -> None:
    choices = next(p for p in fetch_command.params if p.name == "name").type.choices
    assert [name.replace("-", "_") for name in choices] == list(GALAXY10_SETS)
    assert {name: s.images for name, s in GALAXY10_SETS.items()} == {
        "galaxy10_decals": 17736,
        "galaxy10_sdss": 21785,
    }
    for known in GALAXY10_SETS.values():
        assert len(known.class_names) == len(known.class_counts) == 10
        assert re.fullmatch("[0-9a-f]{64}", known.sha256)
