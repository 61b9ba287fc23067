"""Push bundles to folders, object stores and the Hugging Face Hub, and pull them from there.

What is pulled is data that the manifest names, each file checked against its checksum.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from ..errors import InputError, OutputError, require
from ..files.atomic import atomic_folder
from ..files.remote import download, is_address, store_errors
from ..files.remote_folder import RemoteFolder
from ..models import Bundle, ModelLike, find_bundle, read_bundle
from ..models.bundle import LARGEST_FILE, LARGEST_MANIFEST, check_file_name
from ..models.manifest import MANIFEST_NAME
from .hub_card import hub_card

__all__ = ["pull_model", "push_model"]

_HUB = "hf://"
_REPOSITORY = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?")
_HUB_CARD = "README.md"
_LOG_IN = "log in with `hf auth login`"

_Fetch: TypeAlias = Callable[[str, int], bytes]
"""Returns a file of a bundle by its name, of at most a number of bytes."""


def push_model(
    model: ModelLike,
    destination: str | Path,
    *,
    licence: str | None = None,
    overwrite: bool = False,
) -> str:
    """Copy a bundle to a folder, an object store or the Hugging Face Hub.

    Parameters
    ----------
    model : Bundle, str or Path
        A bundle, the name of a shipped model, or a path.
    destination : str or Path
        Path of a folder, ``s3://BUCKET/FOLDER``, ``gs://BUCKET/FOLDER`` or ``hf://USER/NAME``.  A
        repository of the Hub is created if it does not exist, and keeps its earlier versions.
    licence : str, optional
        Licence of the model for its card on the Hub, such as ``cc-by-4.0``.
    overwrite : bool
        Replace an earlier model in a folder or object store.

    Returns
    -------
    str
        The destination.

    Raises
    ------
    BundleError
        If the model is missing or altered.
    InputError, ConfigError
        If the destination is none of these.
    OutputError
        If it holds a model or other files, or cannot be written.
    MissingExtraError
        If the client of the store is not installed.
    """
    bundle = find_bundle(model)
    bundle.verify()
    contents = {name: bundle.read(name) for name in bundle.manifest.files}
    contents[MANIFEST_NAME] = _manifest(bundle)
    address = str(destination).rstrip("/")
    if address.startswith(_HUB):
        repository, revision = _repository(address)
        contents[_HUB_CARD] = hub_card(bundle, address, licence).encode()
        _upload(contents, repository, revision, bundle.manifest.name)
    elif is_address(address):
        _store(contents, address, overwrite)
    else:
        _write_folder(contents, Path(destination), overwrite)
    return address


def pull_model(source: str | Path, output: str | Path) -> Bundle:
    """Copy a bundle from a folder, an object store, a web server or the Hugging Face Hub.

    Parameters
    ----------
    source : str or Path
        Path of a bundle, ``s3://``, ``gs://`` or ``https://`` address of its folder, or
        ``hf://USER/NAME``, with ``@REVISION`` for an earlier version.
    output : str or Path
        Folder of the copy; it must not exist.

    Returns
    -------
    Bundle
        The copy, whose files agree with their checksums.

    Raises
    ------
    BundleError
        If the source is no bundle, is altered, or names files elsewhere.
    InputError
        If the source cannot be read.
    OutputError
        If the folder exists or cannot be written.
    MissingExtraError
        If the client of the store is not installed.
    """
    target = Path(output)
    if target.exists():
        raise OutputError(f"{target}: exists; choose another folder")
    with _opened(source) as fetch, tempfile.TemporaryDirectory() as scratch:
        manifest = fetch(MANIFEST_NAME, LARGEST_MANIFEST)
        Path(scratch, MANIFEST_NAME).write_bytes(manifest)
        described = read_bundle(scratch).manifest
        contents = {
            check_file_name(name, str(source)): fetch(name, LARGEST_FILE)
            for name in described.files
        }
    _write_folder(contents | {MANIFEST_NAME: manifest}, target, overwrite=False)
    return read_bundle(target)


def _manifest(bundle: Bundle) -> bytes:
    return (bundle.manifest.model_dump_json(indent=2) + "\n").encode()


@contextmanager
def _opened(source: str | Path) -> Iterator[_Fetch]:
    """Provide a function that fetches the files of a bundle."""
    address = str(source).rstrip("/")
    if not is_address(address):
        bundle = read_bundle(source)
        yield lambda name, _: _manifest(bundle) if name == MANIFEST_NAME else bundle.read(name)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if address.startswith(_HUB):
            yield _hub_files(address, Path(scratch))
        else:
            yield lambda name, limit: download(
                f"{address}/{name}", Path(scratch), limit
            ).read_bytes()


def _hub_files(address: str, scratch: Path) -> _Fetch:
    repository, revision = _repository(address)
    hub = require("huggingface_hub", "hub")
    with store_errors(address, InputError, _LOG_IN):
        described = hub.HfApi().model_info(repository, revision=revision, files_metadata=True)
    sizes = {file.rfilename: file.size for file in described.siblings}

    def fetch(name: str, limit: int) -> bytes:
        if (sizes.get(name) or 0) > limit:
            raise InputError(f"{address}: '{name}' has more than {limit} bytes")
        with store_errors(address, InputError, _LOG_IN):
            # All files of one version, even if another is pushed meanwhile.
            path = hub.hf_hub_download(repository, name, revision=described.sha, cache_dir=scratch)
        return Path(path).read_bytes()

    return fetch


def _repository(address: str) -> tuple[str, str | None]:
    found = _REPOSITORY.fullmatch(address)
    if found is None:
        raise InputError(f"{address}: is no model on the Hub; give hf://USER/NAME")
    return found[1], found[2]


def _upload(
    contents: Mapping[str, bytes], repository: str, revision: str | None, name: str
) -> None:
    """Upload files to a repository of the Hub as one version."""
    hub = require("huggingface_hub", "hub")
    with _written(contents) as folder, store_errors(f"{_HUB}{repository}", OutputError, _LOG_IN):
        client = hub.HfApi()
        client.create_repo(repository, repo_type="model", exist_ok=True)
        client.upload_folder(
            repo_id=repository,
            folder_path=str(folder),
            revision=revision,
            commit_message=f"Push {name}",
        )


def _store(contents: Mapping[str, bytes], address: str, overwrite: bool) -> None:
    """Write files to a folder of an object store."""
    store = RemoteFolder(address)
    if MANIFEST_NAME in store.names(MANIFEST_NAME) and not overwrite:
        raise OutputError(f"{address}: holds a model; choose another address, or --overwrite")
    with _written(contents) as folder:
        # The manifest last, so that nothing reads a bundle that is not complete.
        store.put(contents.keys() - {MANIFEST_NAME}, folder)
        store.put([MANIFEST_NAME], folder)


@contextmanager
def _written(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write files to a temporary folder."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in contents.items():
            Path(scratch, name).write_bytes(content)
        yield Path(scratch)


def _write_folder(contents: Mapping[str, bytes], target: Path, overwrite: bool) -> None:
    """Write files beside a folder, check them as a bundle, and rename."""
    if target.exists() and not (overwrite and (target / MANIFEST_NAME).is_file()):
        raise OutputError(f"{target}: exists; choose another folder")
    try:
        with atomic_folder(target, replace=overwrite) as temporary:
            for name, content in contents.items():
                (temporary / name).write_bytes(content)
            read_bundle(temporary).verify()
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
