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
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the download fails, or the downloaded file is not the published one; the message tells
        how to download it by hand.
    OutputError
        If the file cannot be written, or another one is in its place.
    """
    known = GALAXY10_SETS[name]
    goal = Path(folder) / known.file
    with open_progress(progress)(known.file, in_bytes=True) as task:
        try:
            return download(known.url, goal, known.sha256, task)
        except InputError as error:
            raise InputError(
                f"{error}\nBy hand: download {known.file} from {known.page}, put it at {goal} and "
                f"run the same command again, which then verifies it (SHA-256 {known.sha256})."
            ) from error


def download(url: str, goal: str | Path, sha256: str, task: Task | None = None) -> Path:
    """Download a file of known checksum.

    The data are written to ``NAME.part`` until they are complete and verified; the next call
    resumes an interrupted download if the server supports HTTP range requests.

    Parameters
    ----------
    url : str
        Address of the file, http or https.
    goal : str or Path
        Path of the downloaded file; missing folders are created.
    sha256 : str
        Published checksum of the file, hexadecimal.
    task : Task, optional
        Updated with the number of bytes received, and with their total if it is known.

    Returns
    -------
    Path
        The path `goal`.

    Raises
    ------
    InputError
        If the file cannot be downloaded or its checksum is not `sha256`.
    OutputError
        If it cannot be written, or another file is in its place.
    """
    goal = Path(goal)
    part = goal.with_name(goal.name + ".part")
    try:
        if goal.exists():
            if _checksum(goal) != sha256.lower():
                raise OutputError(
                    f"{goal} is not the published file: its SHA-256 is not {sha256}. Move it away "
                    "or choose another folder."
                )
            return goal
        goal.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, task)
        found = _checksum(part)
        if found != sha256.lower():
            part.unlink()
            raise InputError(
                f"The download of {url} is not the published file: its SHA-256 is {found}, not "
                f"{sha256}. It was removed."
            )
        os.replace(part, goal)
    except OSError as error:
        raise OutputError(
            f"Cannot write {goal}: {error.strerror or error}. Choose another folder, or correct "
            "its permissions and free space."
        ) from error
    return goal


def _receive(url: str, part: Path, task: Task | None) -> None:
    """Append the missing bytes of a file to `part`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"galpipe/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT
        )
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _total(error.headers.get("Content-Range")) == have:
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
        if resumes and not str(response.headers.get("Content-Range")).startswith(f"bytes {have}-"):
            raise InputError(f"Cannot resume the download of {url}. Remove {part}.")
        if have and resumes:
            logger.info("%s: resuming at %.1f MB", part.name, have / 1e6)
        have = have if resumes else 0
        length = re.fullmatch(r"\d{1,18}", response.headers.get("Content-Length", ""))
        total = have + int(length[0]) if length else None
        with part.open("ab" if resumes else "wb") as file:
            _report(task, have, total)
            while chunk := _read(response, url, have, total):
                file.write(chunk)
                have += len(chunk)
                _report(task, have, total)
    if total is not None and have != total:
        raise _broken_off(url, have, total)


def _read(response: http.client.HTTPResponse, url: str, have: int, total: int | None) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _broken_off(url, have, total) from error


def _broken_off(url: str, have: int, total: int | None) -> InputError:
    whole = "" if total is None else f" of {total / 1e6:.1f}"
    return InputError(
        f"The download of {url} broke off after {have / 1e6:.1f}{whole} MB. Run the same command "
        "again to resume it."
    )


def _total(content_range: str | None) -> int | None:
    """Return the size in ``bytes */SIZE``."""
    match = re.fullmatch(r"bytes \*/(\d{1,18})", content_range or "")
    return int(match[1]) if match else None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(task: Task | None, have: int, total: int | None) -> None:
    if task is not None:
        task.update(completed=have, total=total)
