"""Files in stores and on web servers: what is found, and what is refused."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from galpipe.errors import InputError, MissingExtraError
from galpipe.files import remote
from galpipe.files.remote import RemoteFile, download, find_remote, is_address

CONTENT = b"SIMPLE  = T" + bytes(5000)


class Answers(http.server.BaseHTTPRequestHandler):
    """Files of a web server, by path."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        status, headers, body = 200, {"ETag": '"v1"'}, CONTENT
        if self.path == "/gone.fits":
            status, headers, body = 404, {}, b"no"
        elif self.path == "/no-head.fits" and self.command == "HEAD":
            status, headers, body = 405, {}, b""
        elif self.path.startswith("/moved-"):
            number = int(self.path.partition("?")[0].removeprefix("/moved-"))
            place = f"/moved-{number - 1}" if number else "/a.fits"
            status, headers, body = 302, {"Location": place}, b""
        elif self.path.startswith("/to/"):
            status, headers, body = 302, {"Location": self.path.removeprefix("/to/")}, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        length = 2 * len(body) if self.path == "/cut-off.fits" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def schemes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for https and an object store; no proxy for this machine."""
    monkeypatch.setattr(remote, "SCHEMES", ("https", "http", "memory"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def store() -> Iterator[str]:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for name in ("b/a.fits", "b/sub/c.fits", "b/sub/note.txt"):
        memory.pipe(f"/{name}", CONTENT)
    yield "memory://b"
    memory.rm("/b", recursive=True)


def test_a_file_on_a_web_server(server: str, tmp_path: Path) -> None:
    assert find_remote(f"{server}/a.fits") == [RemoteFile(f"{server}/a.fits", len(CONTENT), '"v1"')]
    assert find_remote(f"{server}/no-head.fits") == [RemoteFile(f"{server}/no-head.fits", None, "")]
    for name in ("a.fits", "moved-4"):
        path = download(f"{server}/{name}?token=1", tmp_path, 2**20)
        assert (path.name, path.read_bytes()) == (name, CONTENT)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("gone.fits", "404"),
        ("moved-5", "redirect"),
        ("to/file:///etc/hostname", "not allowed"),
        ("to/memory://b/a.fits", "not allowed"),
        ("to/ftp://127.0.0.1/a", "leads to ftp.*which is not read"),
        ("cut-off.fits", "broke off"),
    ],
)
def test_what_a_web_server_must_not_do(server: str, tmp_path: Path, place: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        download(f"{server}/{place}", tmp_path, 2**20)
    assert f"{server}/{place[:2]}" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("file:///etc/hostname", "such addresses are not read"),
        ("zip://a.fits::s3://b/c.zip", "such addresses are not read"),
        ("https://name:secret@host/a.fits", "holds a password"),
        ("http://127.0.0.1:9/a.fits", "Cannot access"),
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, address: str, says: str) -> None:
    for call in (lambda: find_remote(address), lambda: download(address, tmp_path, 9)):
        with pytest.raises(InputError, match=says) as caught:
            call()
        assert "secret" not in str(caught.value)


def test_files_folders_and_patterns_of_a_store(store: str, tmp_path: Path) -> None:
    (one,) = find_remote(f"{store}/a.fits")
    assert (one.url, one.size) == (f"{store}/a.fits", len(CONTENT))
    assert one.version
    names = [f"{store}/a.fits", f"{store}/sub/c.fits", f"{store}/sub/note.txt"]
    assert [file.url for file in find_remote(store)] == names
    assert [file.url for file in find_remote(f"{store}/**/*.fits")] == names[:2]
    assert download(names[1], tmp_path, 2**20).read_bytes() == CONTENT
    for missing in ("gone.fits", "*.png"):
        with pytest.raises(InputError, match="no such file"):
            find_remote(f"{store}/{missing}")


def test_a_file_over_the_limit_is_not_kept_on_reading(
    store: str, server: str, tmp_path: Path
) -> None:
    for address in (f"{store}/a.fits", f"{server}/a.fits"):
        with pytest.raises(InputError, match="more than 0 GB"):
            download(address, tmp_path, 1000)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PACKAGES", {"memory": "no_such_package"})
    with pytest.raises(MissingExtraError, match=r"galpipe\[remote\]"):
        find_remote("memory://b/a.fits")


def test_paths_are_no_addresses() -> None:
    assert is_address("s3://bucket/a.fits")
    assert not any(map(is_address, ("a.fits", "C:/a.fits", "/a//b.fits", "a.fits[SCI,1]")))
