"""Stand-in for an object store: the part of Amazon's protocol that s3fs uses, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from lxml import etree

__all__ = ["ObjectStore", "object_store", "object_store_server"]

_DATE = "Mon, 30 Nov 2026 12:00:00 GMT"
_PAGE = 5  # keys of a list, so that lists have several pages


class ObjectStore:
    """Objects by bucket and key; while `refuses` is set, all requests are answered 403."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove all objects."""
        self.objects: dict[str, bytes] = {}
        self.refuses = False
        self.puts: list[str] = []

    def names(self, under: str) -> set[str]:
        """Names of the objects under a prefix, without it."""
        return {name.removeprefix(under) for name in self.objects if name.startswith(under)}


@pytest.fixture(scope="session")
def object_store_server() -> Iterator[tuple[str, ObjectStore]]:
    """An object store on this machine; one for all tests, since clients keep their connections."""
    pytest.importorskip("s3fs")
    store = ObjectStore()
    handler = type("Handler", (_Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", store
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def object_store(
    object_store_server: tuple[str, ObjectStore], monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """An empty object store, which the environment names as Amazon's."""
    address, store = object_store_server
    store.clear()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": address,
        "no_proxy": "*",
    }.items():
        monkeypatch.setenv(name, value)
    return store


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: ObjectStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert "aws-chunked" not in self.headers.get("Content-Encoding", "")
        self.store.objects[self._name] = body
        self.store.puts.append(self._name)
        self._answer(200, {"ETag": _tag(body)})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if "list-type" in self._query:
            self._list()
        elif (content := self.store.objects.get(self._name)) is None:
            self._fail(404, "NoSuchKey")
        else:
            headers = {"ETag": _tag(content), "Last-Modified": _DATE}
            wanted = self.headers.get("Range")
            if wanted is None:
                self._answer(200, headers, content)
                return
            start, end = wanted.removeprefix("bytes=").split("-")
            last = min(int(end or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{last}/{len(content)}"
            self._answer(206, headers, content[int(start) : last + 1])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert "delete" in self._query
        for key in etree.fromstring(body).iterfind("{*}Object/{*}Key"):
            self.store.objects.pop(f"{self._name.rstrip('/')}/{key.text}", None)
        self._answer(200, {}, b"<DeleteResult/>")

    def _list(self) -> None:
        bucket = self._name.rstrip("/") + "/"
        prefix = self._query.get("prefix", [""])[0]
        delimiter = self._query.get("delimiter", [""])[0]
        after = self._query.get("continuation-token", [""])[0]
        found = sorted(name for name in self.store.names(bucket) if name.startswith(prefix))
        entries: dict[str, str] = {}
        for key in found:
            rest = key.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folder = prefix + rest.partition(delimiter)[0] + delimiter
                entries[folder] = (
                    f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
                )
            else:
                content = self.store.objects[bucket + key]
                entries[key] = (
                    f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
                    f"<ETag>{_tag(content)}</ETag>"
                    "<LastModified>2026-11-30T12:00:00.000Z</LastModified></Contents>"
                )
        left = [entry for entry in entries if entry > after]
        more, shown = len(left) > _PAGE, left[:_PAGE]
        text = "".join(entries[entry] for entry in shown)
        if more:
            text += f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>"
        self._answer(
            200,
            {"Content-Type": "application/xml"},
            f"<ListBucketResult><KeyCount>{len(shown)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{text}</ListBucketResult>".encode(),
        )

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.store.refuses:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._fail(403, "AccessDenied")
            return False
        return True

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _fail(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code} by the store</Message></Error>"
        self._answer(status, {"Content-Type": "application/xml"}, text.encode())

    def _answer(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _tag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'
