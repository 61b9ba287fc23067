"""Fields at addresses: listed with their versions, and downloaded while they are processed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InputError
from ..files.remote import RemoteFile, download, find_remote, is_address
from ..imaging import FieldSource
from ..imaging.field import MAX_BYTES
from ..imaging.field_discovery import field_source, has_field_suffix
from .field_processing import FieldResult
from .provenance import Failure

__all__ = ["LocalCopy", "local_copy", "look_up_addresses"]

_CONNECTIONS = 16
_BLOCK = 1024  # inputs looked up at once


def look_up_addresses(
    inputs: Iterable[str | Path | FieldSource],
    report: Callable[[str | Path | FieldSource, InputError], None],
) -> Iterator[str | Path | FieldSource]:
    """Look up the inputs that are addresses, many at a time.

    Parameters
    ----------
    inputs : iterable of str, Path or FieldSource
        Inputs of a command: paths and sources, which are returned as they are, and addresses of
        files, of three bands, and in object stores also patterns, and folders, whose images are
        found.
    report : callable
        Called with each input of which nothing is found, and the error.

    Yields
    ------
    str, Path or FieldSource
        In the order of the inputs.
    """
    given = iter(inputs)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        while block := list(islice(given, _BLOCK)):
            addresses = [item for item in block if isinstance(item, str) and is_address(item)]
            found = dict(zip(addresses, pool.map(_look_up, addresses), strict=True))
            for item in block:
                answer = found.get(item, [item]) if isinstance(item, str) else [item]
                if isinstance(answer, InputError):
                    report(item, answer)
                else:
                    yield from answer


def _look_up(address: str) -> list[FieldSource] | InputError:
    try:
        source = field_source(address)
        if len(source.places) > 1 or source.images:
            files = [_single(place) for place in source.places]
            return [replace(source, versions=tuple(map(_version, files)))]
        files = find_remote(address)
        if len(files) > 1 or files[0].url != address:
            files = [file for file in files if has_field_suffix(file.url)]
        if not files:
            return InputError(f"{address} holds no image.")
        return [replace(field_source(file.url), versions=(_version(file),)) for file in files]
    except InputError as error:
        return error


def _single(address: str) -> RemoteFile:
    files = find_remote(address)
    if len(files) != 1:
        raise InputError(f"{address} holds {len(files)} files. Give one, or three bands.")
    return files[0]


def _version(file: RemoteFile) -> str:
    return f"{file.version} {file.size}"


@dataclass(frozen=True)
class LocalCopy:
    """A source whose files are on this machine.

    Attributes
    ----------
    source : FieldSource
        The source, with local paths.
    places : dict of str to str
        Address by local path.
    """

    source: FieldSource
    places: dict[str, str]

    def named(self, result: FieldResult | Failure) -> FieldResult | Failure:
        """Return a result with the addresses in place of the local paths.

        Parameters
        ----------
        result : FieldResult or Failure
            Result of a field of the source.
        """
        if not self.places:
            return result
        if isinstance(result, Failure):
            return replace(result, message=self._renamed(result.message))
        record = result.record
        record = replace(
            record,
            files=tuple(map(self._renamed, record.files)),
            notes=tuple(map(self._renamed, record.notes)),
        )
        return replace(result, record=record)

    def _renamed(self, text: str) -> str:
        for path, address in self.places.items():
            text = text.replace(path, address)
        return text


@contextmanager
def local_copy(source: FieldSource) -> Iterator[LocalCopy]:
    """Download the files of a source that are at addresses, for the ``with`` block.

    Parameters
    ----------
    source : FieldSource
        The source.

    Raises
    ------
    InputError
        If a file cannot be downloaded, or is too large.
    """
    if not source.urls:
        yield LocalCopy(source, {})
        return
    with TemporaryDirectory(prefix="galpipe-") as folder:
        paths = list(_downloaded(source.places, Path(folder)))
        local = replace(source, paths=tuple(paths), urls=(), versions=())
        yield LocalCopy(local, dict(zip(map(str, paths), source.places, strict=True)))


def _downloaded(places: Sequence[str], folder: Path) -> Iterator[Path]:
    for number, place in enumerate(places):
        if not is_address(place):
            yield Path(place)
            continue
        # Bands may have one name.
        own = folder / str(number)
        own.mkdir()
        yield download(place, own, MAX_BYTES)
