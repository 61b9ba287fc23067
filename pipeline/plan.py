"""Plan of a run, ``parts/plan.json``: what its results depend on, and what the catalogue needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..configs import VoteTreeName
from ..files.output_folder import write_json
from .parts import PARTS
from .provenance import RunRecord

__all__ = ["RunPlan", "differences", "digest", "fingerprint", "read_plan", "write_plan"]

_PLAN = f"{PARTS}/plan.json"


@dataclass(frozen=True)
class RunPlan:
    """Everything that sets the results of a run, apart from its fields.

    Attributes
    ----------
    fingerprint : dict
        Command, version, settings and checksums of the models: what the results depend on.
    record : RunRecord
        The record without fields and failures.
    class_names, detected_classes : tuple of str or None
        Classes of the classifier, and of a detector of several.
    formats : tuple of str
        Formats of the catalogue.
    annotations : tuple of str
        Formats of the annotations.
    overlaps : bool
        Group the objects that are seen in several fields.
    coverage : bool
        Write the coverage of the sky.
    """

    fingerprint: dict[str, Any]
    record: RunRecord
    class_names: tuple[str, ...] | None
    detected_classes: tuple[str, ...] | None
    formats: tuple[str, ...]
    annotations: tuple[str, ...] = ()
    overlaps: bool = False
    coverage: bool = False

    @property
    def votes(self) -> VoteTreeName | None:
        """Campaign whose votes the classifier predicts; None if it predicts classes."""
        votes: VoteTreeName | None = self.record.models.get("classifier", {}).get("votes")
        return votes

    @property
    def checksum(self) -> str:
        """Checksum of the fingerprint."""
        return digest(self.fingerprint)


def fingerprint(
    command: str, models: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the results of a run depend on, apart from its fields.

    Parameters
    ----------
    command : str
        The command.
    models : mapping of str to mapping
        Name, checksums and options of each model, as in the provenance of the catalogue.
    settings : mapping of str to object
        Settings, in types supported by JSON.
    """
    content = {
        "command": command,
        "version": __version__,
        "models": dict(models),
        "settings": dict(settings),
    }
    # As it is after it was written and read.
    restored: dict[str, Any] = json.loads(json.dumps(content))
    return restored


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two fingerprints.

    Parameters
    ----------
    earlier, now : mapping
        The fingerprints; names that only the first has are not compared.
    """
    before, after = dict(_flat(earlier)), dict(_flat(now))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    files = {name: name.split(".")[1] for name in names if ".sha256." in name}
    others = [
        f"{name.partition('.')[2] or name} was {_shown(before.get(name))}, "
        f"now {_shown(after.get(name))}"
        for name in names
        if name not in files
    ]
    return [*(f"another {stage}" for stage in sorted(set(files.values()))), *others]


def write_plan(folder: Path, plan: RunPlan) -> None:
    """Write a plan.

    Parameters
    ----------
    folder : Path
        Output folder.
    plan : RunPlan
        The plan.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(folder / _PLAN, asdict(plan))


def read_plan(folder: Path) -> RunPlan | None:
    """Read the plan of a run.

    Parameters
    ----------
    folder : Path
        Output folder.

    Returns
    -------
    RunPlan or None
        None if the folder holds no run, or one of another version whose plan cannot be read.
    """
    try:
        content = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
        content["record"] = RunRecord(**content["record"])
        for name in ("class_names", "detected_classes", "formats", "annotations"):
            content[name] = None if content[name] is None else tuple(content[name])
        return RunPlan(**content)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def digest(content: Any) -> str:
    """Return the SHA-256 checksum of a content in types supported by JSON.

    Parameters
    ----------
    content : object
        The content.
    """
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value: Any) -> str:
    return "the default" if value is None else json.dumps(value)
