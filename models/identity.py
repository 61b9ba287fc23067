"""What tells one model from another, in the record of whatever was made with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ModelIdentity", "describe_model"]


@dataclass(frozen=True)
class ModelIdentity:
    """A model's name, place, classes and checksums.

    Attributes
    ----------
    name : str
        What it calls itself.
    path : Path
        File or folder that it was read from.
    task : {"detector", "classifier"}
        What it does.
    class_names : tuple of str
        Its classes in order.
    sha256 : mapping of str to str
        SHA-256 of each file that makes up its networks.
    """

    name: str
    path: Path
    task: str
    class_names: tuple[str, ...]
    sha256: Mapping[str, str | None]


def describe_model(identity: ModelIdentity) -> dict[str, Any]:
    """Return what identifies a model: its name, where it came from, and its checksums."""
    return {
        "name": identity.name,
        "path": str(identity.path),
        "task": identity.task,
        "class_names": list(identity.class_names),
        "sha256": dict(identity.sha256),
    }
