"""Model bundles: a folder or ``.zip`` archive whose files are verified when read."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from pydantic import ValidationError

from ..errors import BundleError, OutputError
from ..files.atomic import atomic_folder
from .manifest import MANIFEST_NAME, Manifest, ModelIdentity

__all__ = [
    "CARD_NAME",
    "LARGEST_FILE",
    "LARGEST_MANIFEST",
    "METRICS_NAME",
    "TRAINING_RECORD",
    "Bundle",
    "ModelLike",
    "check_file_name",
    "find_bundle",
    "read_bundle",
    "shipped_models",
    "write_bundle",
]

CARD_NAME = "MODEL_CARD.md"
METRICS_NAME = "metrics.json"
TRAINING_RECORD = "config.yaml"
"""Configuration in the folder of a training."""

_SHIPPED = Path(__file__).parent / "weights"

# Limits of the decompressed size of files in an untrusted archive.
LARGEST_FILE = 2 * 1024**3
LARGEST_MANIFEST = 4 * 1024**2


@dataclass(frozen=True)
class Bundle:
    """Model bundle with its manifest; files are verified as they are read.

    Attributes
    ----------
    path : Path
        The folder or archive.
    manifest : Manifest
        Its description.
    """

    path: Path
    manifest: Manifest

    @property
    def identity(self) -> ModelIdentity:
        """Name, path and checksums of the model."""
        manifest = self.manifest
        checksums = {member.file: manifest.files.get(member.file) for member in manifest.members}
        return ModelIdentity(
            manifest.name, self.path, manifest.task, manifest.class_names, checksums
        )

    def read(self, name: str) -> bytes:
        """Return the contents of one of the bundle's files.

        Parameters
        ----------
        name : str
            Name of the file, as in the manifest.

        Raises
        ------
        BundleError
            If the file is not in the manifest, is missing, or its checksum differs.
        """
        expected = self.manifest.files.get(name)
        if expected is None:
            raise BundleError(f"{self.path}: its {MANIFEST_NAME} lists no file '{name}'")
        content = _read_member(self.path, name, LARGEST_FILE)
        if hashlib.sha256(content).hexdigest() != expected:
            raise BundleError(
                f"{self.path}: '{name}' differs from the checksum in its {MANIFEST_NAME}; "
                "the bundle was altered or copied incompletely, get it again"
            )
        return content

    def verify(self) -> None:
        """Check that all files of the manifest exist and are unaltered.

        Raises
        ------
        BundleError
            If a file is missing or altered.
        """
        for name in self.manifest.files:
            self.read(name)

    def metrics(self) -> dict[str, Any]:
        """Return the metrics measured when the model was made; empty if there are none."""
        if METRICS_NAME not in self.manifest.files:
            return {}
        content = json.loads(self.read(METRICS_NAME))
        if not isinstance(content, dict):
            raise BundleError(f"{self.path}: {METRICS_NAME} must hold a JSON object")
        return content


ModelLike: TypeAlias = Bundle | str | Path
"""A bundle, the name of a shipped model, or the path of a model."""


def shipped_models() -> list[str]:
    """Return the names of the models shipped with the package."""
    return sorted(file.parent.name for file in _SHIPPED.glob(f"*/{MANIFEST_NAME}"))


def find_bundle(name_or_path: ModelLike) -> Bundle:
    """Read the bundle of a shipped model or at a path.

    Parameters
    ----------
    name_or_path : str, Path or Bundle
        Name of a shipped model, folder of a bundle, a ``.zip`` of one, or the folder of a finished
        training.  A bundle is returned unchanged.

    Raises
    ------
    BundleError
        If there is none; the message lists the shipped models.
    """
    if isinstance(name_or_path, Bundle):
        return name_or_path
    if str(name_or_path) in shipped_models():
        return read_bundle(_SHIPPED / str(name_or_path))
    path = Path(name_or_path)
    if not path.exists():
        near = get_close_matches(str(name_or_path), shipped_models(), n=1)
        raise BundleError(
            f"{name_or_path}: neither a model bundle on disk nor the name of a shipped model "
            f"({', '.join(shipped_models()) or 'none in this installation'})"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    return read_bundle(path)


def read_bundle(path: str | Path) -> Bundle:
    """Read the manifest of a bundle.

    Parameters
    ----------
    path : str or Path
        Folder of the bundle, a ``.zip`` whose top level is that folder's content, or the folder of
        a finished training, which contains the bundle.

    Raises
    ------
    BundleError
        If there is no bundle, or its manifest is not valid.
    """
    folder = _bundle_of_training(Path(path)) or Path(path)
    text = _read_member(folder, MANIFEST_NAME, LARGEST_MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        issue = error.errors()[0]
        where = ".".join(str(part) for part in issue["loc"]) or "the whole file"
        raise BundleError(
            f"{folder}: {MANIFEST_NAME} is not valid: {where}: {issue['msg']}"
        ) from error
    return Bundle(folder, manifest)


def _bundle_of_training(folder: Path) -> Path | None:
    """Return the bundle in the folder of a training; None if it is no such folder."""
    if (folder / MANIFEST_NAME).exists() or not (folder / TRAINING_RECORD).is_file():
        return None
    bundles = [file.parent for file in folder.glob(f"*/{MANIFEST_NAME}")]
    if len(bundles) != 1:
        raise BundleError(
            f"{folder}: holds a training that is not finished; run `galpipe train` with this "
            "folder as OUT again"
        )
    return bundles[0]


def write_bundle(
    folder: str | Path,
    manifest: Manifest,
    files: Mapping[str, bytes],
    card: str,
    metrics: Mapping[str, Any],
) -> Path:
    """Write a bundle atomically: into a temporary folder, which is then renamed.

    Parameters
    ----------
    folder : str or Path
        Folder of the bundle; only an earlier bundle there is replaced.
    manifest : Manifest
        Description; its ``files`` are filled in here.
    files : mapping of str to bytes
        Contents by name: the LiteRT file of every member, and further files of the bundle.
    card : str
        Model card, in Markdown.
    metrics : mapping
        Measured metrics, for JSON.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the path exists and is not a bundle, or cannot be written.
    """
    target = Path(folder)
    if target.exists() and not (target / MANIFEST_NAME).is_file():
        raise OutputError(f"{target}: exists and is not a model bundle; choose another folder")
    missing = [member.file for member in manifest.members if member.file not in files]
    if missing:
        raise ValueError(f"the manifest names {missing}, which are not among the files")
    contents = {
        **files,
        CARD_NAME: card.encode(),
        METRICS_NAME: (json.dumps(metrics, indent=2) + "\n").encode(),
    }
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    complete = manifest.model_copy(update={"files": dict(sorted(checksums.items()))})
    contents[MANIFEST_NAME] = (complete.model_dump_json(indent=2) + "\n").encode()
    try:
        with atomic_folder(target, replace=True) as temporary:
            for name, content in contents.items():
                (temporary / check_file_name(name, target)).write_bytes(content)
    except OSError as error:
        raise OutputError(f"{target}: cannot write the model bundle: {error}") from error
    return target


def check_file_name(name: str, bundle: Path | str) -> str:
    """Return the name of a file if it does not lead outside its bundle.

    Parameters
    ----------
    name : str
        Name in the manifest.
    bundle : Path or str
        The bundle, for the message.

    Raises
    ------
    BundleError
        If it leads elsewhere.
    """
    parts = PurePosixPath(name).parts
    if len(parts) != 1 or parts[0] in {"..", "."} or "\\" in name or ":" in name:
        raise BundleError(f"{bundle}: '{name}' is not a plain file name; do not trust this bundle")
    return name


def _read_member(bundle: Path, name: str, largest: int) -> bytes:
    check_file_name(name, bundle)
    try:
        if bundle.is_dir():
            file = bundle / name
            if file.is_symlink() or not file.is_file():
                raise BundleError(
                    f"{bundle}: holds no file '{name}'; it is not a complete model bundle"
                )
            if file.stat().st_size > largest:
                raise BundleError(f"{bundle}: '{name}' is larger than {largest} bytes")
            return file.read_bytes()
        if bundle.exists() and not bundle.is_file():
            raise BundleError(f"{bundle}: is a pipe or device, not a model bundle")
        with zipfile.ZipFile(bundle) as archive:
            if archive.getinfo(name).file_size > largest:
                raise BundleError(f"{bundle}: '{name}' would expand to over {largest} bytes")
            return archive.read(name)
    except KeyError as error:
        raise BundleError(
            f"{bundle}: holds no file '{name}'; it is not a complete model bundle"
        ) from error
    except zipfile.BadZipFile as error:
        raise BundleError(f"{bundle}: is neither a folder nor a .zip of a model bundle") from error
    except FileNotFoundError as error:
        raise BundleError(f"{bundle}: no such file or folder") from error
    except OSError as error:
        raise BundleError(f"{bundle}: cannot read '{name}': {error}") from error
