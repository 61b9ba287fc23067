"""Results of a run in an object store: a local folder of work, from which they are published.

The folder of work holds plan, list of fields and parts, as that of a local run.  What is finished
is put into the store, each file by one request: the pictures of a field, then the part with its
results.  A run that goes on, here or on another machine, fetches the parts first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import rmtree
from socket import gethostname
from tempfile import mkdtemp

from ..errors import OutputError
from ..files.output_folder import (
    RECORD_NAME,
    RUN_FILES,
    RUN_PICTURES,
    OutputFolder,
    field_pictures,
    recorded_status,
)
from ..files.remote_folder import RemoteFolder
from .parts import PARTS
from .plan import read_plan

__all__ = ["RunStore", "open_store_run"]

_PLAN, _LIST = f"{PARTS}/plan.json", f"{PARTS}/fields.jsonl"
# What is no part and no picture, and is replaced whenever the catalogue is collected.
_TABLES = tuple(name for name in RUN_FILES if not name.startswith((*RUN_PICTURES, f"{PARTS}/")))


@dataclass(frozen=True)
class RunStore:
    """The folder of work of a run on this machine, and where its results are published.

    Attributes
    ----------
    folder : Path
        Folder of work, which each machine of a cluster has under the same name.
    remote : RemoteFolder
        The folder in the store.
    continued : bool
        The store holds earlier results.
    host : str
        Name of this machine.
    """

    folder: Path
    remote: RemoteFolder
    continued: bool
    host: str = field(default_factory=gethostname)

    def publish_fields(self, names: Iterable[str]) -> None:
        """Publish the pictures of fields, and remove those that they had before.

        Parameters
        ----------
        names : iterable of str
            Names of the files of the fields.
        """
        places = [place for name in names for place in field_pictures(name)]
        files = [path for place in places for path in _files_at(self.folder / place)]
        written = [path.relative_to(self.folder).as_posix() for path in files]
        self.remote.put(written, self.folder)
        if self.continued:
            before = {name for place in places for name in self.remote.names(place)}
            self.remote.remove(sorted(before - set(written)))
        for path in files:
            path.unlink()

    def publish_part(self, name: str) -> None:
        """Publish a part, after the pictures of its fields.

        Parameters
        ----------
        name : str
            Name of the part.
        """
        self.remote.put([f"{PARTS}/{name}"], self.folder)
        if gethostname() != self.host:
            (self.folder / PARTS / name).unlink()

    def publish_plan(self) -> None:
        """Publish plan, list of fields and settings, before anything else."""
        # The list first and then the plan, with which the run can be continued.
        self.remote.put([_LIST], self.folder)
        self.remote.put([_PLAN], self.folder)
        others = (RECORD_NAME, "config.yaml")
        self.remote.put([name for name in others if (self.folder / name).is_file()], self.folder)

    def fetch_parts(self) -> None:
        """Fetch the parts that other machines have published."""
        missing = self.remote.names() - set(self._local())
        self.remote.fetch(sorted(name for name in missing if _is_part(name)), self.folder)

    def publish_rest(self) -> None:
        """Publish what is not yet there, and the tables; remove tables that are out of date."""
        local, there = self._local(), self.remote.names()
        pictures = [name for name in local if name.startswith(RUN_PICTURES)]
        parts = [name for name in local if _is_part(name) and name not in there]
        tables = [name for name in local if not name.startswith((*RUN_PICTURES, f"{PARTS}/"))]
        self.remote.put(pictures, self.folder)
        self.remote.put(parts, self.folder)
        self.remote.put(tables, self.folder)
        outdated = there - set(local)
        self.remote.remove(
            sorted(name for name in outdated if any(fnmatchcase(name, table) for table in _TABLES))
        )

    def _local(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(
            path.relative_to(self.folder).as_posix()
            for path in files
            if not path.name.startswith(".")  # locks, and files that are being written
        )


@contextmanager
def open_store_run(address: str, *, overwrite: bool) -> Iterator[tuple[OutputFolder, RunStore]]:
    """Open an output folder in an object store within the ``with`` block.

    Parameters
    ----------
    address : str
        Address of the folder.
    overwrite : bool
        Replace an earlier result; without it, one with a plan is fetched, to be continued.

    Raises
    ------
    OutputError
        If the folder holds other files, or cannot be read or written.
    """
    remote = RemoteFolder(address)
    there = remote.names()
    local = Path(mkdtemp(prefix="galpipe-"))
    try:
        remote.fetch(sorted(there & {RECORD_NAME, _PLAN}), local)
        earlier = read_plan(local)
        # A run that was killed before its plan was there has left its list.
        if there - {_LIST} and earlier is None and recorded_status(local / RECORD_NAME) is None:
            raise OutputError(
                f"{address}: holds files that galpipe did not make ({min(there)} ...); choose "
                "another output folder"
            )
        if overwrite:
            earlier = None
            for name in (RECORD_NAME, _PLAN):
                (local / name).unlink(missing_ok=True)
            ours = {name for name in there if any(fnmatchcase(name, own) for own in RUN_FILES)}
            # The plan first: without it, a run whose other files are partly removed is not
            # continued.
            remote.remove(sorted(ours & {_PLAN}))
            remote.remove(sorted(ours - {_PLAN}))
        elif earlier is not None:
            remote.fetch(sorted(name for name in there if _is_part(name) or name == _LIST), local)
        folder = OutputFolder(local, resume=earlier is not None)
        yield folder, RunStore(local, remote, continued=earlier is not None)
    except BaseException as error:
        rmtree(local, ignore_errors=True)
        error.args = tuple(
            part.replace(str(local), address) if isinstance(part, str) else part
            for part in error.args
        )
        raise


def _files_at(place: Path) -> list[Path]:
    """Return a file, or the files in a folder."""
    return [path for path in (place, *place.glob("*")) if path.is_file()]


def _is_part(name: str) -> bool:
    return name.startswith(f"{PARTS}/") and name.endswith(".jsonl") and name != _LIST
