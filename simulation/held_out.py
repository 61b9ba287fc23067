"""Which images a detector was not trained on."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import BundleError, InputError
from ..models import find_bundle

__all__ = ["held_back_names"]


def held_back_names(record: str | Path) -> frozenset[str]:
    """Return the file names of the images that were held back from a training.

    Parameters
    ----------
    record : str or Path
        Name of a shipped detector, its bundle, or a text file of names, one a line, such as
        ``galpipe annotations split`` writes.

    Raises
    ------
    BundleError
        If there is no such bundle, or it does not say what was held back.
    InputError
        If the text file cannot be read.
    """
    path = Path(record)
    if path.suffix == ".txt" and path.is_file():
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read as a list of file names: {error}.") from error
        names = [line.strip() for line in lines]
    else:
        names = _tested(find_bundle(record).manifest.data)
    found = frozenset(PurePosixPath(name).name for name in names if name)
    if not found:
        raise BundleError(
            f"{record}: names no image that was held back from its training. Give another model, "
            "or a text file (.txt) of file names, one a line"
        )
    return found


def _tested(data: dict[str, Any]) -> list[str]:
    """Return the test images of all sources; the record comes from a stranger."""
    names: list[str] = []
    sources = data.get("sources")
    for source in sources if isinstance(sources, list) else []:
        split = source.get("split") if isinstance(source, dict) else None
        test = split.get("test") if isinstance(split, dict) else None
        names += [name for name in test or [] if isinstance(name, str)]
    return names
