"""A folder in an object store, whose files are written whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, OutputError
from . import remote
from .remote import is_address, open_store, store_errors

__all__ = ["RemoteFolder"]

_CONNECTIONS = 16


@dataclass(frozen=True)
class RemoteFolder:
    """Folder in an object store; can be pickled.

    Attributes
    ----------
    url : str
        Its address, such as ``s3://bucket/result``.

    Raises
    ------
    ConfigError
        If it is not the address of an object store.
    """

    url: str

    def __post_init__(self) -> None:
        if not is_address(self.url) or self._scheme not in _stores() or not self._path:
            known = " or ".join(f"{scheme}://bucket/folder" for scheme in _stores())
            raise ConfigError(f"{self.url}: nothing can be written there. Give a path, {known}.")

    def names(self, under: str = "") -> set[str]:
        """Return the names of the files, relative to the folder.

        Parameters
        ----------
        under : str
            A file, or a folder in which they are; by default all.

        Raises
        ------
        OutputError
            If the store cannot be read.
        """
        with self._using() as store:
            found = store.find(f"{self._path}/{under}".rstrip("/"))
        return {name.lstrip("/").removeprefix(f"{self._path}/") for name in found}

    def fetch(self, names: Iterable[str], target: Path) -> None:
        """Copy files to a local folder.

        Parameters
        ----------
        names : iterable of str
            Their names.
        target : Path
            The local folder; folders in it are created.

        Raises
        ------
        OutputError
            If a file cannot be read, or its name leads out of the local folder.
        """

        def fetch(name: str) -> None:
            path = target / name
            # A store takes any text as a name.
            if not path.resolve().is_relative_to(target.resolve()):
                raise OutputError(f"{self.url}/{name}: leads out of its folder. Remove the file.")
            path.parent.mkdir(parents=True, exist_ok=True)
            store.get_file(f"{self._path}/{name}", str(path))

        with self._using() as store, ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(fetch, names))

    def put(self, names: Iterable[str], source: Path) -> None:
        """Copy files from a local folder, each by a single request, so that it is there or not.

        Parameters
        ----------
        names : iterable of str
            Their names.
        source : Path
            The local folder.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """

        def put(name: str) -> None:
            store.put_file(str(source / name), f"{self._path}/{name}")

        with self._using() as store, ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(put, names))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files.

        Parameters
        ----------
        names : iterable of str
            Names of existing files.

        Raises
        ------
        OutputError
            If they cannot be removed.
        """
        paths = [f"{self._path}/{name}" for name in names]
        if paths:
            with self._using() as store:
                store.rm(paths)

    @property
    def _scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def _path(self) -> str:
        return self.url.partition("://")[2].strip("/")

    @contextmanager
    def _using(self) -> Iterator[Any]:
        with store_errors(self.url, OutputError):
            yield open_store(self._scheme)


def _stores() -> tuple[str, ...]:
    return tuple(scheme for scheme in remote.SCHEMES if not scheme.startswith("http"))
