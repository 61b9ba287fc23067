"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError

__all__ = ["atomic_path", "write_png"]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a path to write to that becomes `path` only when everything went well.

    The file is written beside its goal, with the same suffix (writers choose the format by it),
    and renamed at the end; after an error nothing of it remains and an older `path` is untouched.
    Missing folders are made.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If the folder cannot be made or the file cannot be written.
    """
    goal = Path(path)
    beside = goal.with_name(f".{goal.stem[:80]}.{secrets.token_hex(4)}{goal.suffix}")
    try:
        if not os.path.isdir(goal.parent):
            goal.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, goal)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if not isinstance(error, OSError):
            raise
        raise OutputError(
            f"Cannot write {goal}: {error.strerror or error}. Choose another output folder, or "
            "mend its permissions and free space."
        ) from error


def write_png(path: str | Path, picture: NDArray[np.uint8]) -> Path:
    """Write a picture, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Where to; the suffix should be ``.png``.
    picture : ndarray
        Shape (H, W, 3) RGB or (H, W), uint8 or uint16; row 0 is the top row.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    goal = Path(path)
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, encoded = cv2.imencode(".png", ordered)
    if not done:
        raise OutputError(f"Cannot write {goal}: the picture could not be encoded as PNG.")
    with atomic_path(goal) as beside:
        beside.write_bytes(encoded.tobytes())
    return goal
