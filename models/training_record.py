"""Record of a training in its folder: settings and data, which a continued training must share."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from ..configs import dump_config, load_config
from ..errors import ConfigError, OutputError
from ..files.atomic import atomic_path, remove_temporary
from ..files.output_folder import RECORD_NAME, claim_folder, write_json
from ..files.versions import TRAINING_PACKAGES, record_of_versions
from .manifest import MANIFEST_NAME

__all__ = ["DataIdentity", "claim_training_folder", "earlier_lengths", "has_other_data"]

DataIdentity: TypeAlias = Mapping[str, tuple[str, str]]
"""SHA-256 and label of each image of a training, by its name, which starts with the number of its
source."""

logger = logging.getLogger("galpipe")

_CONFIG = "config.yaml"
_RECORD = "training.json"
# Present from the first saved state of a training, trial or network on.
_STATES = (
    "checkpoints/*.index",
    "*/*/*.weights.h5",
    "*/model.keras",
    "trials.json",
)
# Folders are removed with their content, if it is of a training.
_OURS = (
    _CONFIG,
    _RECORD,
    RECORD_NAME,
    "metrics.json",
    "validation.json",
    "trials.json",
    "finished.json",
    "best.yaml",
    "report.md",
    "report.html",
    "checkpoints",
    "best",
    "tensorboard",
    "trial-*",
)
# Settings that only end a training, by their last key.
_LENGTHS = ("steps", "epochs", "patience")
_SHOWN = 3


def claim_training_folder(
    folder: Path,
    config: BaseModel,
    data: DataIdentity,
    *,
    extend: bool = False,
    overwrite: bool = False,
) -> list[str]:
    """Create a training folder, or check that it holds the same training.

    A training that failed before it saved a state may be replaced by any other.

    Parameters
    ----------
    folder : Path
        Folder of the training.
    config : pydantic model
        Configuration of the training.
    data : mapping of str to (str, str)
        Images and labels of the training.
    extend : bool
        Accept more steps or epochs, or another patience, than those of the earlier training.
    overwrite : bool
        Remove an earlier training.

    Returns
    -------
    list of str
        Settings that were extended, such as ``members.0.epochs``.

    Raises
    ------
    OutputError
        If the folder holds other files or another training, or cannot be created.
    """

    def status_of(existing: Path) -> Literal["unfinished"] | None:
        return "unfinished" if (existing / _CONFIG).is_file() else None

    claim_folder(folder, status_of)
    remove_temporary(folder)
    if overwrite:
        _remove_training(folder)
    started = any(chain.from_iterable(map(folder.glob, _STATES)))
    changed = _changed_settings(folder / _CONFIG, config) if started else {}
    other = {key: values for key, values in changed.items() if not _is_longer(key, *values)}
    record = _read(folder / _RECORD) if started else {}
    if other or (changed and not extend):
        raise OutputError(_refusal(folder, "settings", _describe(changed), extendable=not other))
    if differences := _changed_data(record, data):
        raise OutputError(_refusal(folder, "data", differences))
    earlier = record.get("continued_from", [])
    if changed:
        earlier = [*earlier, {key: before for key, (before, _) in changed.items()}]
    with atomic_path(folder / _CONFIG) as temporary:
        temporary.write_text(dump_config(config), encoding="utf-8")
    versions = record_of_versions(*TRAINING_PACKAGES)
    write_json(folder / _RECORD, {**versions, "continued_from": earlier, "data": dict(data)})
    return list(changed)


def has_other_data(folder: Path, data: DataIdentity, *, overwrite: bool = False) -> bool:
    """Return whether a folder holds a training with other data, which may be overwritten.

    Parameters
    ----------
    folder : Path
        Folder of the training, which may be missing.
    data : mapping of str to (str, str)
        Images and labels.
    overwrite : bool
        Whether a training with other data may be overwritten.

    Raises
    ------
    OutputError
        If it holds one that may not be overwritten.
    """
    differences = _changed_data(_read(folder / _RECORD), data)
    if differences and not overwrite:
        raise OutputError(_refusal(folder, "data", differences))
    if differences:
        logger.info("%s: is trained anew, since the data differ: %s", folder, differences)
    return bool(differences)


def earlier_lengths(folder: Path) -> list[dict[str, Any]]:
    """Return the steps or epochs after which a training was ended and later continued.

    Parameters
    ----------
    folder : Path
        Folder of the training.

    Returns
    -------
    list of dict
        Earlier values of the settings that were extended, by setting, the oldest first.
    """
    lengths: list[dict[str, Any]] = _read(folder / _RECORD).get("continued_from", [])
    return lengths


def _refusal(folder: Path, what: str, changes: str, extendable: bool = False) -> str:
    cure = "add --continue to train it further, " if extendable else ""
    return (
        f"{folder}: holds a training with other {what}: {changes}. Choose another folder, {cure}"
        "or add --overwrite to remove it and train anew"
    )


def _remove_training(folder: Path) -> None:
    """Remove a training with its networks and bundles; other files are kept."""
    bundles = (path.parent for path in folder.glob(f"*/{MANIFEST_NAME}"))
    members = (path.parents[1] for path in folder.glob("*/*/*.weights.h5"))
    networks = (path.parent for path in folder.glob("*/model.keras"))
    ours = chain.from_iterable(map(folder.glob, _OURS))
    for path in {*bundles, *members, *networks, *ours}:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _changed_settings(record: Path, config: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, as (before, now); missing keys have their defaults."""
    try:
        known = load_config(record, type(config))
    except ConfigError:
        return {"(all)": ("of another kind of training or version", "")}
    before, now = (dict(_flat(one.model_dump(mode="json"))) for one in (known, config))
    return {
        key: (before.get(key), now.get(key))
        for key in (*before, *(key for key in now if key not in before))
        if before.get(key) != now.get(key)
    }


def _flat(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict | list) and content:
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _flat(value, f"{place}.{key}" if place else str(key))
    else:
        yield place, content


def _is_longer(key: str, before: Any, now: Any) -> bool:
    name = key.rpartition(".")[2]
    if name == "patience":
        return True
    both = isinstance(before, int) and isinstance(now, int)
    return name in _LENGTHS and both and bool(now > before)


def _describe(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(
        f"{key} was {before}" + (f", is {now}" if now != "" else "")
        for key, (before, now) in changed.items()
    )


def _changed_data(record: Mapping[str, Any], now: DataIdentity) -> str:
    """Return what differs from the data of a record; empty if they are the same or unknown."""
    before: Mapping[str, Sequence[str]] | None = record.get("data")
    if before is None:
        return ""

    def has_other(index: int) -> Callable[[str], bool]:
        return lambda name: before[name][index] != now[name][index]

    both = [name for name in now if name in before]
    groups = (
        ("images are new", [name for name in now if name not in before]),
        ("images are gone", [name for name in before if name not in now]),
        ("images have other labels", list(filter(has_other(1), both))),
        ("images have another content", list(filter(has_other(0), both))),
    )
    return ", ".join(
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' * (len(names) > _SHOWN)})"
        for what, names in groups
        if names
    )


def _read(record: Path) -> dict[str, Any]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
