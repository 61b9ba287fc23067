"""Uploaded files: received in pieces, counted, and named by the server."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic

from ..errors import InputError
from ..files.file_types import PICTURE_KINDS, REFUSED, kind_of
from ..files.names import printable

__all__ = ["StoredUpload", "TooLarge", "UploadStore"]

_HEAD = 512  # bytes by which a type is recognised
_LONGEST_NAME = 200  # letters that are kept
_READ = ("fits", "gzip", "bzip2", *PICTURE_KINDS)


class TooLarge(Exception):
    """An upload has more bytes than are allowed."""


@dataclass(frozen=True)
class StoredUpload:
    """An uploaded file.

    Attributes
    ----------
    id : str
        Identifier.
    name : str
        Name that the user gave; never part of a path.
    path : Path
        The file.
    size : int
        Bytes.
    kind : str
        Type, by content.
    received : float
        Time of a monotonic clock.
    """

    id: str
    name: str
    path: Path
    size: int
    kind: str
    received: float


class UploadStore:
    """Uploads that no job has taken yet.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    max_bytes : int
        Size of a file.
    max_files : int
        Number of files that may wait.
    """

    def __init__(self, folder: Path, max_bytes: int, max_files: int) -> None:
        self._folder, self._max_bytes, self._max_files = folder, max_bytes, max_files
        self._uploads: dict[str, StoredUpload] = {}
        self._lock = Lock()
        # What a killed server left.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    @property
    def full(self) -> bool:
        """True if as many files wait as may."""
        return len(self._uploads) >= self._max_files

    async def receive(self, name: str, body: AsyncIterator[bytes]) -> StoredUpload:
        """Store a file as it comes in.

        Parameters
        ----------
        name : str
            Name that the user gave.
        body : async iterator of bytes
            The content.

        Returns
        -------
        StoredUpload

        Raises
        ------
        TooLarge
            If it has too many bytes.
        InputError
            If it is of a type that is not read.
        """
        number = secrets.token_hex(8)
        path = self._folder / number
        name = "".join(sign for sign in printable(name) if sign.isprintable())[:_LONGEST_NAME]
        name = name.replace("\\", "/").rpartition("/")[2] or "field"
        size, head = 0, b""
        try:
            with path.open("xb") as file:
                async for piece in body:
                    size += len(piece)
                    if size > self._max_bytes:
                        raise TooLarge
                    if len(head) < _HEAD:
                        head += piece[: _HEAD - len(head)]
                    file.write(piece)
            kind = kind_of(head)
            if not size:
                raise InputError(f"{name} is empty. Send the content of a file.")
            if kind not in _READ:
                raise InputError(f"{name} is {REFUSED[kind]}")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        upload = StoredUpload(number, name, path, size, kind, monotonic())
        with self._lock:
            self._uploads[number] = upload
        return upload

    def take(self, ids: list[str]) -> list[StoredUpload] | None:
        """Take uploads out of the store.

        Parameters
        ----------
        ids : list of str
            Their identifiers.

        Returns
        -------
        list of StoredUpload or None
            None if one of them is not there; then all stay.
        """
        with self._lock:
            if not all(number in self._uploads for number in ids):
                return None
            return [self._uploads.pop(number) for number in ids]

    def put_back(self, uploads: list[StoredUpload]) -> None:
        """Put uploads back that were taken.

        Parameters
        ----------
        uploads : list of StoredUpload
            The uploads.
        """
        with self._lock:
            self._uploads.update({upload.id: upload for upload in uploads})

    def remove_old(self, seconds: float) -> None:
        """Remove uploads that no job has taken for some time.

        Parameters
        ----------
        seconds : float
            The time.
        """
        with self._lock:
            old = [
                upload
                for upload in self._uploads.values()
                if monotonic() - upload.received > seconds
            ]
            for upload in old:
                del self._uploads[upload.id]
        for upload in old:
            upload.path.unlink(missing_ok=True)
