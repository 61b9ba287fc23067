"""Read and write YAML configurations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ..errors import ConfigError, InputError
from ..files.safe_readers import read_yaml
from .section import FROM_FILE, UNKNOWN_KEYS

__all__ = ["dump_config", "load_config", "preset", "presets"]

Config = TypeVar("Config", bound=BaseModel)


def load_config(source: Config | str | Path | Mapping[str, Any], schema: type[Config]) -> Config:
    """Read a configuration and validate it.

    ``${NAME}`` in a path is replaced by the environment variable of that name.  Relative paths
    are relative to the working directory.

    Parameters
    ----------
    source : str, Path, mapping or pydantic model
        The YAML file; the name of a preset such as ``configs/ssd_mobilenet.yaml`` or
        ``configs/published/simple.yaml``, which ships in this package; the content of such a file;
        or a configuration, which is returned unchanged.
    schema : type of pydantic model
        Schema of the configuration.

    Returns
    -------
    pydantic model
        The configuration, an instance of `schema`.

    Raises
    ------
    ConfigError
        If the file is missing, is not YAML, names a variable that is not set, or is invalid.

    Examples
    --------
    >>> from galpipe.configs import Split
    >>> load_config({"test_fraction": 0.3}, Split).test_fraction
    0.3
    """
    if isinstance(source, schema):
        return source
    name, content = "the configuration", source
    if isinstance(source, str | Path):
        name, content = str(source), _read(source)
    if not isinstance(content, Mapping):
        raise ConfigError(
            f"{name}: must be a mapping of keys to values, not a {type(content).__name__}"
        )
    try:
        return schema.model_validate(dict(content), context=FROM_FILE)
    except ValidationError as error:
        raise ConfigError(f"{name}: not a valid configuration:\n{_issues(error)}") from error


def _read(path: str | Path) -> Any:
    """Return the content of a YAML file or preset."""
    try:
        content = read_yaml(preset(path))
    except InputError as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    return {} if content is None else content


def _issues(error: ValidationError) -> str:
    """Return a line for each problem of a configuration."""
    found = error.errors()
    lines: dict[str, str] = {}
    for issue in found:
        place, context = issue["loc"], issue.get("ctx", {})
        # A list without its invalid items counts as too short.
        deeper = any(other["loc"][: len(place)] == place for other in found if other is not issue)
        if issue["type"] == UNKNOWN_KEYS:
            lines |= {_joined(*place, key): cure for key, cure in context["cures"].items()}
        elif issue["type"] in ("union_tag_invalid", "literal_error"):
            known = str(context.get("expected_tags", context.get("expected")))
            lines[_joined(*place)] = _choices(context.get("tag", issue["input"]), known)
        elif issue["type"] != "too_short" or not deeper:
            # Without the prefix "Value error" of pydantic.
            lines[_joined(*place)] = str(context.get("error") or issue["msg"])
    return "\n".join(f"  {place}: {text}" for place, text in lines.items())


def _joined(*place: str | int) -> str:
    return ".".join(map(str, place)) or "(whole file)"


def _choices(given: object, expected: str) -> str:
    """Return the remark on a value that is none of those in quotes in a text."""
    known = re.findall(r"'([^']+)'", expected)
    near = get_close_matches(str(given), known, n=1)
    return f"must be one of {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else "")


def preset(path: str | Path) -> Path:
    """Return the path if it exists, else the shipped preset of that name.

    Parameters
    ----------
    path : str or Path
        Path of a configuration, or name of a preset, with or without ``.yaml``.

    Raises
    ------
    ConfigError
        If neither exists; the message names the nearest presets.
    """
    given = Path(path)
    if given.is_file():
        return given
    shipped = presets()
    # Only "configs/NAME" or a bare name refers to a preset, so that mistyped paths are errors.
    parts = given.parts
    if "configs" in parts:
        parts = parts[len(parts) - parts[::-1].index("configs") :]
    name = "/".join(parts)
    for full in (name, f"{name}.yaml"):
        if full in shipped:
            return shipped[full]
    near = _nearest_presets(name, list(shipped))
    meant = f"; did you mean {' or '.join(near)}?" if near else "."
    raise ConfigError(
        f"{path}: no such file, and no preset of that name{meant} 'galpipe presets' lists all."
    )


def _nearest_presets(name: str, shipped: list[str]) -> list[str]:
    """Return the presets with a similar name, in any folder."""
    last = name.rpartition("/")[2].removesuffix(".yaml")
    by_last: dict[str, list[str]] = {}
    for full in shipped:
        by_last.setdefault(full.rpartition("/")[2].removesuffix(".yaml"), []).append(full)
    return [full for near in get_close_matches(last, by_last, n=2) for full in by_last[near]]


def presets() -> dict[str, Path]:
    """Return the shipped configurations by name, such as ``published/votes.yaml``, in order."""
    folder = Path(__file__).parent
    found = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.yaml")}
    return dict(sorted(found.items()))


def dump_config(config: BaseModel) -> str:
    """Return a configuration, with its defaults, as YAML that `load_config` reads.

    Parameters
    ----------
    config : pydantic model
        The configuration.

    Examples
    --------
    >>> from galpipe.configs import Split
    >>> print(dump_config(Split(test_fraction=0.3)), end="")
    test_fraction: 0.3
    validation_fraction: null
    seed: 0
    folds: null
    fold: null
    """
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
