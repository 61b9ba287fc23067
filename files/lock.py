"""Lock an output folder, so that one process at a time writes to it."""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from ..errors import OutputError

__all__ = ["LOCK_NAME", "is_locked", "locked_folder"]

logger = logging.getLogger("galpipe")

LOCK_NAME = ".galpipe.lock"
"""Name of the file that is locked; it says who holds the lock."""

_LOOK_EVERY = 0.05  # seconds, while a lock is held by another process
_SILENT = 2.0  # seconds until it is said who holds it


@contextmanager
def locked_folder(
    folder: str | Path,
    name: str = LOCK_NAME,
    *,
    wait: float = 0.0,
    pause: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock of a folder within the ``with`` block.

    The kernel frees the lock when the process ends, however it ends.

    Parameters
    ----------
    folder : str or Path
        The folder; created if missing.
    name : str
        Name of the file that is locked, which is removed afterwards.
    wait : float
        Seconds to wait for another holder.
    pause : callable
        Called again and again while this process waits; may raise an exception to end that.

    Raises
    ------
    OutputError
        If another process still holds the lock, or the folder cannot be created or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _lock(folder / name, monotonic() + wait, pause)
    except BlockingIOError:
        raise OutputError(
            f"{folder}: {_holder(folder / name)} is writing to this folder. Wait until it has "
            "ended, or choose another output folder."
        ) from None
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be used as output folder: {error.strerror or error}. "
            "Choose another one, or correct its permissions."
        ) from error
    try:
        yield
    finally:
        # Removed while it is still locked, so that nobody else can hold the file that is removed.
        with suppress(OSError):
            os.unlink(folder / name)
        os.close(handle)


def _lock(path: Path, until: float, pause: Callable[[], None]) -> int:
    """Open and lock a file, and write into it who holds it."""
    said = monotonic() + _SILENT
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            locked = _flock(handle, path)
            if not locked and monotonic() > until:
                raise BlockingIOError
            # The holder before may have removed the file between the two calls.
            if locked and _is_file(handle, path):
                since = datetime.now(UTC).isoformat(timespec="seconds")
                who = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
                os.truncate(handle, 0)
                os.write(handle, json.dumps(who).encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not locked:
            if monotonic() > said:
                said = math.inf
                logger.warning("Waiting for %s, which writes to %s", _holder(path), path.parent)
            pause()
            sleep(_LOOK_EVERY)


def _flock(handle: int, path: Path) -> bool:
    """Lock a file; return whether nobody else holds its lock."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems have no locks.
        logger.warning(
            "%s: this file system has no locks (%s); start no second command in this folder",
            path.parent,
            error.strerror or error,
        )
    return True


def _is_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """Return who holds a lock, in words."""
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']} (since {who['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        # The holder has not yet written its name.
        return "another process"


def is_locked(folder: str | Path, name: str = LOCK_NAME) -> bool:
    """Return whether a process holds the lock of a folder.

    Parameters
    ----------
    folder : str or Path
        The folder.
    name : str
        Name of the file that is locked.
    """
    try:
        handle = os.open(Path(folder) / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
