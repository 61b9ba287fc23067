"""Write files atomically."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from .names import shortened

__all__ = [
    "atomic_folder",
    "atomic_path",
    "is_temporary",
    "remove_temporary",
    "write_jpeg",
    "write_png",
]

# Other programs name hidden files after dates, which are eight digits too.
_TEMPORARY = re.compile(r"\.galpipe-[0-9a-f]{8}\.")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Provide a temporary path that replaces `path` on success.

    The temporary file is in the same folder and has the same suffixes, from which writers infer the
    format.  After an error it is removed, an existing `path` is unchanged, and the message of the
    error names `path` in its place.  Missing folders are created.

    Parameters
    ----------
    path : str or Path
        The file to write.

    Yields
    ------
    Path
        The temporary file to write.

    Raises
    ------
    OutputError
        If the folder cannot be created or the file cannot be written.
    """
    target = Path(path)
    start = shortened(target.stem, 80)
    temporary = target.with_name(f".galpipe-{secrets.token_hex(4)}.{start}{target.suffix}")
    try:
        if not os.path.isdir(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        error.args = tuple(
            part.replace(temporary.name, target.name) if isinstance(part, str) else part
            for part in error.args
        )
        if not isinstance(error, OSError):
            raise
        raise OutputError(
            f"Cannot write {target}: {error.strerror or error}. Choose another output folder, or "
            "check its permissions and free space."
        ) from error


@contextmanager
def atomic_folder(path: Path, *, replace: bool) -> Iterator[Path]:
    """Provide a temporary folder beside `path` that becomes `path` on success.

    After an error the folder is removed, and an existing `path` is unchanged.  Missing parent
    folders are created.

    Parameters
    ----------
    path : Path
        The folder to write.
    replace : bool
        Replace a folder that is there.

    Yields
    ------
    Path
        The temporary folder.

    Raises
    ------
    OSError
        If it cannot be written, or `path` is there and not to be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if replace:
            _replace_folder(temporary, path)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(new: Path, target: Path) -> None:
    """Rename a folder, keeping the one that it replaces until then."""
    if not target.exists():
        new.rename(target)
        return
    earlier = new.with_name(f"{new.name}-earlier")
    target.rename(earlier)
    try:
        new.rename(target)
    except OSError:
        earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def is_temporary(name: str) -> bool:
    """Return whether a file name is one of `atomic_path`, left behind when a process was killed.

    Parameters
    ----------
    name : str
        Name without folder.
    """
    return _TEMPORARY.match(name) is not None


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder.

    Parameters
    ----------
    folder : Path
        A folder in which no other process writes; it may be missing.
    """
    for path in folder.glob(".*"):
        if is_temporary(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def write_png(path: str | Path, picture: NDArray[np.uint8]) -> Path:
    """Write a picture atomically.

    Parameters
    ----------
    path : str or Path
        The file; its suffix should be ``.png``.
    picture : ndarray of uint8 or uint16, shape (H, W, 3) or (H, W)
        RGB or grey; row 0 is the top row.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    return _write_picture(Path(path), picture, ".png")


def write_jpeg(path: str | Path, picture: NDArray[np.uint8], quality: int) -> Path:
    """Write a picture atomically, with some loss.

    Parameters
    ----------
    path : str or Path
        The file; its suffix should be ``.jpg``.
    picture : ndarray of uint8, shape (H, W, 3) or (H, W)
        RGB or grey; row 0 is the top row.
    quality : int
        0 to 100.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    return _write_picture(Path(path), picture, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, quality))


def _write_picture(
    target: Path, picture: NDArray[np.uint8], form: str, options: tuple[int, ...] = ()
) -> Path:
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, encoded = cv2.imencode(form, ordered, options)
    if not done:
        raise OutputError(f"Cannot write {target}: the picture could not be encoded as {form}.")
    with atomic_path(target) as temporary:
        temporary.write_bytes(encoded.tobytes())
    return target
