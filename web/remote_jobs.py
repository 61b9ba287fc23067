"""Finished jobs in an object store, where they last: put when they are done, fetched when opened.

The store holds what the folder of a local storage holds, ``jobs/NUMBER/`` with ``job.json``,
``input/`` and ``result/``, so one can be copied to the other.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import TypeAlias

from ..errors import OutputError
from ..files.remote_folder import RemoteFolder
from .job_state import RECORD

__all__ = ["JOBS", "RemoteJobs"]

logger = logging.getLogger("galpipe")

JOBS = "jobs"
"""Folder of the jobs in a storage."""

_RECORDS = re.compile(rf"[0-9a-f]{{16}}/{re.escape(RECORD)}")
_LARGEST = 10 * 2**30  # bytes of local copies of jobs that are in the store
_AGAIN = 60.0  # seconds after a failure of the store
_AT_END = 30.0  # seconds for what waits when the server ends

_Stamps: TypeAlias = dict[str, tuple[int, int]]
"""Time and size of the files of a job, by name."""


class RemoteJobs:
    """Jobs in an object store, and local copies of those that are used.

    A thread puts jobs into the store, each file by a single request and ``job.json`` last, without
    which a job is not there.  While the store fails, it tries again each minute, and jobs that are
    not in the store stay in the local folder.

    Parameters
    ----------
    address : str
        Address of the storage, such as ``s3://bucket/prefix``.
    folder : Path
        Local folder of the jobs, to which the records of all jobs in the store are fetched.

    Attributes
    ----------
    address : str
        Address of the jobs.
    problem : str
        Why jobs cannot be put into the store at present; empty if they can.

    Raises
    ------
    ConfigError
        If it is not the address of an object store.
    OutputError
        If the store cannot be read.
    MissingExtraError
        If its packages are not installed.
    """

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.problem = f"{address.rstrip('/')}/{JOBS}", ""
        self._remote, self._folder = RemoteFolder(self.address), folder
        # Files as they are in the store, of the jobs that have a whole local copy; by last use.
        self._copies: OrderedDict[str, _Stamps] = OrderedDict()
        self._waiting: dict[str, int] = {}  # with the number of changes
        self._changed = threading.Condition()
        self._closing = False
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._there = {name for name in self._remote.names() if _RECORDS.fullmatch(name)}
        self._remote.fetch(sorted(self._there), folder)
        self._thread = threading.Thread(target=self._work, name="galpipe-storage", daemon=True)
        self._thread.start()

    def waits(self, number: str) -> bool:
        """Return whether a job has results or corrections that are not in the store yet.

        Parameters
        ----------
        number : str
            Identifier of the job.
        """
        return number in self._waiting

    def keep(self, number: str) -> None:
        """Put a job that is done, or what was changed of it, into the store, soon.

        Parameters
        ----------
        number : str
            Identifier of the job.
        """
        with self._changed:
            self._waiting[number] = self._waiting.get(number, 0) + 1
            self._changed.notify_all()

    def fetch(self, number: str) -> bool:
        """Fetch a job, if there is no local copy.

        Parameters
        ----------
        number : str
            Identifier of a job that is done.

        Returns
        -------
        bool
            True if it was fetched.

        Raises
        ------
        OutputError
            If it cannot be read.
        """
        with self._busy[number]:
            if number in self._copies:
                self._copies.move_to_end(number)
                return False
            if f"{number}/{RECORD}" not in self._there:
                return False  # of this server, and not in the store yet
            self._remote.fetch(sorted(self._names(number)), self._folder)
            self._copies[number] = _stamps(self._folder / number)
        self._make_room()
        return True

    def remove(self, number: str) -> None:
        """Remove a job from the store.

        Parameters
        ----------
        number : str
            Identifier of the job.

        Raises
        ------
        OutputError
            If it cannot be removed.
        """
        with self._busy[number]:
            with self._changed:
                self._waiting.pop(number, None)
            names = self._names(number)
            record = f"{number}/{RECORD}"
            self._remote.remove(names & {record})
            self._remote.remove(sorted(names - {record}))
            self._there.discard(record)
            self._copies.pop(number, None)

    def close(self) -> list[str]:
        """End the thread when all is in the store, or the store fails.

        Returns
        -------
        list of str
            Identifiers of the jobs that are not in the store.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_AT_END)
        return list(self._waiting)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                number, change = next(iter(self._waiting.items()))
            try:
                with self._busy[number]:
                    self._put(number)
                with self._changed:
                    # It may have been changed again meanwhile.
                    if self._waiting.get(number) == change:
                        del self._waiting[number]
                self.problem = ""
                self._make_room()
            except (OutputError, OSError) as error:
                with self._changed:
                    if not self.problem:
                        logger.warning("%s It is tried again.", error)
                    self.problem = str(error)
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._closing, _AGAIN)

    def _put(self, number: str) -> None:
        record = f"{number}/{RECORD}"
        before, now = self._copies.get(number, {}), _stamps(self._folder / number)
        if RECORD not in now:
            return
        changed = {f"{number}/{name}" for name, stamp in now.items() if before.get(name) != stamp}
        self._remote.put(sorted(changed - {record}), self._folder)
        self._remote.put(changed & {record}, self._folder)
        self._remote.remove([f"{number}/{name}" for name in sorted(before.keys() - now.keys())])
        self._copies[number] = now
        self._there.add(record)

    def _names(self, number: str) -> set[str]:
        # A folder's name may also be the beginning of another.
        return {name for name in self._remote.names(number) if name.startswith(f"{number}/")}

    def _make_room(self) -> None:
        """Remove the local copies that were not used for the longest time."""
        sizes = {
            number: sum(size for _, size in stamps.values())
            for number, stamps in list(self._copies.items())
        }
        excess = sum(sizes.values()) - _LARGEST
        for number in list(sizes)[:-1]:
            if excess <= 0:
                return
            with self._busy[number]:
                if number not in self._waiting and self._copies.pop(number, None) is not None:
                    shutil.rmtree(self._folder / number, ignore_errors=True)
                    excess -= sizes[number]


def _stamps(folder: Path) -> _Stamps:
    stamps = {}
    for path in folder.rglob("*"):
        # Locks, and files that are being written, begin with a dot.
        if path.is_file() and not path.name.startswith("."):
            state = path.stat()
            stamps[path.relative_to(folder).as_posix()] = state.st_mtime_ns, state.st_size
    return stamps
