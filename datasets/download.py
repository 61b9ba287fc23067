"""Download published data sets: resumed after interruptions, verified, written atomically."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from .._version import __version__
from ..errors import InputError, OutputError
from ..progress import Progress, Task, open_progress
from .galaxy10 import GALAXY10_SETS

__all__ = ["download", "fetch_galaxy10"]

logger = logging.getLogger("galpipe")

_CHUNK = 2**20
# Timeout in seconds of a connection without data.
_TIMEOUT = 60


def fetch_galaxy10(name: str, folder: str | Path, *, progress: bool | Progress = False) -> Path:
    """Download a Galaxy10 data set.

    Parameters
    ----------
    name : str
        Key of `GALAXY10_SETS`.
    folder : str or Path
        Folder for the file, created if missing.  An existing file is verified, and an interrupted
        download is resumed.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to this display.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the download fails, or the downloaded file is not the published one; the message explains
        the manual download.
    OutputError
        If the file cannot be written, or a different file exists at its path.
    """
    known = GALAXY10_SETS[name]
    target = Path(folder) / known.file
    with open_progress(progress)(known.file, in_bytes=True) as task:
        try:
            return download(known.url, target, known.sha256, task)
        except InputError as error:
            raise InputError(
                f"{error}\nBy hand: download {known.file} from {known.page}, put it at {target} "
                f"and run the same command again, which then verifies it (SHA-256 {known.sha256})."
            ) from error


def download(url: str, target: str | Path, sha256: str, task: Task | None = None) -> Path:
    """Download a file of known checksum.

    Data are written to ``NAME.part`` until complete and verified.  The next call resumes an
    interrupted download if the server supports HTTP range requests.

    Parameters
    ----------
    url : str
        Address of the file, http or https.
    target : str or Path
        Path of the downloaded file; missing folders are created.
    sha256 : str
        Published checksum of the file, hexadecimal.
    task : Task, optional
        Updated with the number of bytes received, and with their total if it is known.

    Returns
    -------
    Path
        The path `target`.

    Raises
    ------
    InputError
        If the file cannot be downloaded or its checksum is not `sha256`.
    OutputError
        If it cannot be written, or a different file exists at its path.
    """
    target = Path(target)
    part = target.with_name(target.name + ".part")
    try:
        if target.exists():
            if _checksum(target) != sha256.lower():
                raise OutputError(
                    f"{target} is not the published file: its SHA-256 is not {sha256}. Move it "
                    "away or choose another folder."
                )
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, task)
        found = _checksum(part)
        if found != sha256.lower():
            part.unlink()
            raise InputError(
                f"The download of {url} is not the published file: its SHA-256 is {found}, not "
                f"{sha256}. It was removed."
            )
        os.replace(part, target)
    except OSError as error:
        raise OutputError(
            f"Cannot write {target}: {error.strerror or error}. Choose another folder, or correct "
            "its permissions and free space."
        ) from error
    return target


def _receive(url: str, part: Path, task: Task | None) -> None:
    """Append the missing bytes of a file to `part`."""
    received = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"galpipe/{__version__}", "Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={received}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT
        )
    except urllib.error.HTTPError as error:
        error.close()
        if received and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _total(error.headers.get("Content-Range")) == received:
                return
            part.unlink()
            _receive(url, part, task)
            return
        raise InputError(f"Cannot download {url}: {error}.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(
            f"Cannot download {url} ({getattr(error, 'reason', error)}). Check the network "
            "connection."
        ) from error
    with response:
        resumes = response.status == http.HTTPStatus.PARTIAL_CONTENT
        content_range = str(response.headers.get("Content-Range"))
        if resumes and not content_range.startswith(f"bytes {received}-"):
            raise InputError(f"Cannot resume the download of {url}. Remove {part}.")
        if received and resumes:
            logger.info("%s: resuming at %.1f MB", part.name, received / 1e6)
        received = received if resumes else 0
        length = re.fullmatch(r"\d{1,18}", response.headers.get("Content-Length", ""))
        total = received + int(length[0]) if length else None
        with part.open("ab" if resumes else "wb") as file:
            _report(task, received, total)
            while chunk := _read(response, url, received, total):
                file.write(chunk)
                received += len(chunk)
                _report(task, received, total)
    if total is not None and received != total:
        raise _broken_off(url, received, total)


def _read(response: http.client.HTTPResponse, url: str, received: int, total: int | None) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _broken_off(url, received, total) from error


def _broken_off(url: str, received: int, total: int | None) -> InputError:
    whole = "" if total is None else f" of {total / 1e6:.1f}"
    return InputError(
        f"The download of {url} broke off after {received / 1e6:.1f}{whole} MB. Run the same "
        "command again to resume it."
    )


def _total(content_range: str | None) -> int | None:
    """Parse the size in ``bytes */SIZE``."""
    match = re.fullmatch(r"bytes \*/(\d{1,18})", content_range or "")
    return int(match[1]) if match else None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(task: Task | None, received: int, total: int | None) -> None:
    if task is not None:
        task.update(completed=received, total=total)
