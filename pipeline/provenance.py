"""The record of a run: what was done, with what, to what, how long it took and what failed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any, Literal

from .._version import __version__

__all__ = ["Failure", "FieldRecord", "RunRecord", "StageClock"]

_PACKAGES = ("ai-edge-litert", "astropy", "numpy", "opencv-python-headless", "pandas", "scipy")


@dataclass(frozen=True)
class Failure:
    """An input that could not be worked on.

    Attributes
    ----------
    input : str
        The input as given, or the identifier of the field.
    message : str
        What is wrong and how to mend it.
    expected : bool
        False for an error that no check foresaw: a fault of galpipe rather than of the input.
    """

    input: str
    message: str
    expected: bool = True


@dataclass(frozen=True)
class FieldRecord:
    """What is kept of one field: a few numbers and no pixel.

    `objects` counts what was found by the detector's classes; `galaxies` those of them that are
    galaxies, which a run classifies.
    """

    field: str
    files: tuple[str, ...]
    sha256: str
    width: int
    height: int
    pixel_scale: float | None
    galaxies: int
    objects: dict[str, int]
    overlay: str
    seconds: dict[str, float]
    notes: tuple[str, ...]


@dataclass
class RunRecord:
    """Everything that ``run.json`` says.

    Attributes
    ----------
    command : {"run", "detect", "classify", "explain"}
        What was asked for.
    config : dict
        The resolved configuration.
    score_threshold : float or None
        Lowest score kept, as used; None where nothing was detected.
    models : dict
        For each stage the model's name, place and SHA-256 checksums.
    galaxy_classes : list of str
        The detector's classes whose objects are galaxies, and are classified by a run.
    metrics : dict
        For each stage that was trained in this run, what was measured on the data held back.
    fields : list of FieldRecord
        The fields done, in order.
    failures : list of Failure
        The inputs that failed.
    seconds : dict
        Time spent in each step, over all fields.
    status : str
        ``started``, ``training``, ``running``, ``complete``, ``interrupted`` or ``failed``.
    """

    command: Literal["run", "detect", "classify", "explain"]
    config: dict[str, Any] = field(default_factory=dict)
    score_threshold: float | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    galaxy_classes: list[str] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: list[FieldRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    status: str = "started"
    started: str = field(default_factory=lambda: _now())

    def as_dict(self) -> dict[str, Any]:
        """Return the record as it is written to ``run.json``."""
        content = asdict(self)
        return {
            "made_by": "galpipe",
            "version": __version__,
            "command": content.pop("command"),
            "status": content.pop("status"),
            "started": content.pop("started"),
            "written": _now(),
            "versions": _versions(),
            **content,
        }

    def add(self, done: FieldRecord) -> None:
        """Add a field that was done, and its times to the sums."""
        self.fields.append(done)
        for step, seconds in done.seconds.items():
            self.seconds[step] = round(self.seconds.get(step, 0.0) + seconds, 4)

    def provenance(self) -> dict[str, Any]:
        """Return what travels inside the catalogue: the same for the same inputs and models."""
        return {
            "made_by": f"galpipe {__version__}",
            "models": {
                stage: {"name": model["name"], "sha256": model["sha256"]}
                for stage, model in self.models.items()
            },
            "score_threshold": self.score_threshold,
            "coordinates": "pixels: 0-based edges, FITS pixel = value + 0.5; sky: ICRS",
        }


class StageClock:
    """Measures how long each step takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Add the time spent inside the ``with`` block to a step."""
        start = perf_counter()
        try:
            yield
        finally:
            spent = perf_counter() - start
            self.seconds[step] = round(self.seconds.get(step, 0.0) + spent, 4)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": sys.platform}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            # A base library may come under another distribution's name, as OpenCV does.
            continue
    return found
