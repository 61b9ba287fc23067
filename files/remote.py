"""Files in object stores and on web servers: find, compare and download them.

Web servers are read with the standard library, Amazon's and Google's object stores through fsspec.
An address names its kind of store, and nothing else is opened: no local file, no other protocol,
also not by a redirection.
"""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from .._version import __version__
from ..errors import GalpipeError, InputError, require
from .names import safe_name

__all__ = ["RemoteFile", "download", "find_remote", "is_address", "open_store", "store_errors"]

SCHEMES = ("https", "s3", "gs")
"""Schemes of the addresses that are read."""

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs"}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WILDCARDS = re.compile(r"[*?]")
_BLOCK = 2**20
_TIMEOUT = 60  # seconds of a connection without data
_MOST_REDIRECTIONS = 5
_LONGEST_REASON = 200
_CREDENTIALS = "set the credentials in the environment (FSSPEC_S3_ANON=true for a public bucket)"


@dataclass(frozen=True)
class RemoteFile:
    """A file in a store.

    Attributes
    ----------
    url : str
        Its address.
    size : int or None
        Its size in bytes; None if the server does not tell.
    version : str
        Checksum or time of its content, by which a changed file is recognised; empty if the server
        does not tell.
    """

    url: str
    size: int | None
    version: str


def is_address(text: str | Path) -> bool:
    """Return whether a text is an address, such as ``s3://bucket/field.fits``.

    Parameters
    ----------
    text : str or Path
        An input of a command.
    """
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def find_remote(url: str) -> list[RemoteFile]:
    """Return a file, the files that match a pattern, or those under a folder, sorted by name.

    Parameters
    ----------
    url : str
        ``https://`` for one file; ``s3://`` or ``gs://`` also with ``*``, ``?`` and ``**``, or of a
        folder.

    Raises
    ------
    InputError
        If nothing is found, or the address is not one that is read.
    MissingExtraError
        If the packages for the store are not installed.
    """
    scheme = _checked_scheme(url)
    if scheme.startswith("http"):
        return [_web_file(url)]
    with store_errors(url):
        store = open_store(scheme)
        path = _path_in_store(url)
        if _WILDCARDS.search(path):
            found = store.glob(path, detail=True)
        else:
            entry = store.info(path)
            found = {path: entry}
            if entry["type"] == "directory":
                found = store.find(path, detail=True)
    files = [
        _described(f"{scheme}://{name.lstrip('/')}", entry)
        for name, entry in sorted(found.items())
        if entry["type"] == "file"
    ]
    if not files:
        raise InputError(f"{url}: there is no such file. Check the spelling and the bucket.")
    return files


def download(url: str, folder: Path, limit: int) -> Path:
    """Download a file.

    Parameters
    ----------
    url : str
        Its address.
    folder : Path
        Folder for the file, which keeps its name.
    limit : int
        Largest size in bytes.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If it cannot be read, or is larger.
    """
    scheme = _checked_scheme(url)
    name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    target = folder / safe_name(name, default="file")
    with store_errors(url), target.open("wb") as file:
        if scheme.startswith("http"):
            with _open_web(url) as response:
                _copy(response, file, url, limit)
                if response.length:  # bytes that are missing
                    raise InputError(f"Cannot read {url}: the connection broke off.")
        else:
            store, path = open_store(scheme), _path_in_store(url)
            size = store.info(path)["size"]
            if size is not None and size > limit:
                raise _too_large(url, limit)
            with store.open(path, "rb", cache_type="readahead") as content:
                _copy(content, file, url, limit)
            if size is not None and file.tell() != size:
                raise InputError(f"Cannot read {url}: it was changed meanwhile. Try again.")
    return target


def open_store(scheme: str) -> Any:
    """Open an object store.

    Credentials and endpoint are those of the environment, such as ``AWS_PROFILE``,
    ``AWS_ENDPOINT_URL`` and ``GOOGLE_APPLICATION_CREDENTIALS``, and the settings of fsspec, such as
    ``FSSPEC_S3_ANON=true`` for public buckets.

    Parameters
    ----------
    scheme : {"s3", "gs"}
        Kind of the store.

    Returns
    -------
    fsspec.AbstractFileSystem
        The store; lists are not cached.

    Raises
    ------
    MissingExtraError
        If its packages are not installed.
    """
    fsspec = require("fsspec", "remote")
    if package := _PACKAGES.get(scheme):
        require(package, "remote")
    return fsspec.filesystem(scheme, use_listings_cache=False)


@contextmanager
def store_errors(
    url: str, kind: type[GalpipeError] = InputError, access: str = _CREDENTIALS
) -> Iterator[None]:
    """Convert the exceptions of clients of stores to errors that name the address and the cure.

    Parameters
    ----------
    url : str
        Address of the file or folder.
    kind : type
        Type of the errors.
    access : str
        What to do if access is denied, for the message.

    Raises
    ------
    GalpipeError
        Of the given type, instead of any other exception.
    """
    try:
        yield
    except GalpipeError:
        raise
    except Exception as error:  # clients of stores raise a wide range of types
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            reason = str(error)
        elif type(error) is FileNotFoundError:  # its subclasses have other causes
            reason = "there is no such file"
        else:
            reason = str(getattr(error, "reason", error)).strip() or type(error).__name__
        raise kind(
            f"Cannot access {url}: {reason.splitlines()[0][:_LONGEST_REASON]}. Check the address "
            f"and the network; for access, {access}."
        ) from error


def _checked_scheme(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise InputError(f"{url}: such addresses are not read. Give {known} or a path.")
    if "@" in parts.netloc:
        raise InputError(
            f"{parts.scheme}://{parts.hostname}...: holds a password, which would be recorded. Set "
            "it in the environment, or download the file."
        )
    return parts.scheme


def _path_in_store(url: str) -> str:
    return url.partition("://")[2]


def _described(url: str, entry: dict[str, Any]) -> RemoteFile:
    version = entry.get("ETag") or entry.get("etag") or entry.get("md5Hash")
    version = version or entry.get("LastModified") or entry.get("created") or ""
    return RemoteFile(url, entry.get("size"), str(version))


class _Redirections(urllib.request.HTTPRedirectHandler):
    max_redirections = _MOST_REDIRECTIONS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in SCHEMES:
            fp.close()
            raise InputError(f"{req.full_url}: leads to {newurl}, which is not read.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open_web(url: str, method: str = "GET") -> http.client.HTTPResponse:
    # Of urllib's handlers, those for local files, FTP and data are left out.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirections(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": f"galpipe/{__version__}", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers, method=method)
    response: http.client.HTTPResponse = opener.open(request, timeout=_TIMEOUT)
    return response


def _web_file(url: str) -> RemoteFile:
    with store_errors(url):
        try:
            with _open_web(url, "HEAD") as response:
                headers: Message = response.headers
        except urllib.error.HTTPError as error:
            if error.code not in (403, 405, 501):  # servers that answer no HEAD
                raise
            error.close()
            return RemoteFile(url, None, "")
    size = headers.get("Content-Length", "")
    version = headers.get("ETag") or headers.get("Last-Modified") or ""
    return RemoteFile(url, int(size) if size.isdecimal() else None, version)


def _copy(content: Any, file: IO[bytes], url: str, limit: int) -> None:
    while block := content.read(_BLOCK):
        file.write(block)
        if file.tell() > limit:
            raise _too_large(url, limit)


def _too_large(url: str, limit: int) -> InputError:
    return InputError(f"{url} has more than {limit / 2**30:.0f} GB. Cut it into smaller fields.")
