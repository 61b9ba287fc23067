"""Check the paths of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from ..errors import ConfigError

__all__ = ["check_paths"]


def check_paths(config: BaseModel, origins: Mapping[Path, str] = MappingProxyType({})) -> None:
    """Check that every file and folder of a configuration exists.

    Parameters
    ----------
    config : pydantic model
    origins : mapping of Path to str
        Commands that download or make files, for the message.

    Raises
    ------
    ConfigError
        If some do not; the message lists all of them, each with its key and the nearest name.
    """
    missing = [
        f"  {key}: {path} does not exist{_nearest(path)}{_origin(path, origins)}"
        for key, path in _paths(config, "")
        if not path.exists()
    ]
    if missing:
        raise ConfigError(
            "\n".join(["the configuration names missing files or folders:", *missing])
        )


def _paths(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    """Yield the keys and paths in a section, a list or a mapping."""
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel | Mapping):
        for name, item in dict(value).items():
            yield from _paths(item, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _paths(item, f"{key}.{index}")


def _nearest(path: Path) -> str:
    """Return the first folder that is missing, or the nearest names beside a missing file."""
    for parent in reversed(path.parents):
        if not parent.exists():
            return f"; there is no folder {parent}"
    try:
        beside = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return ""
    near = get_close_matches(path.name, beside, n=3)
    return f"; did you mean {', '.join(near)}?" if near else ""


def _origin(path: Path, origins: Mapping[Path, str]) -> str:
    return f"; {origins[path]}" if path in origins else ""
