"""Record of a command: inputs, models, settings, timings and failures."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Literal

from .._version import __version__
from ..errors import GalpipeError
from ..files.versions import package_versions, program_arguments

__all__ = ["Failure", "FieldRecord", "RunRecord", "StageClock"]

logger = logging.getLogger("galpipe")

# What the results of a model depend on.
_IDENTITY = ("name", "sha256", "priors", "test_time_augmentation")


@dataclass(frozen=True)
class Failure:
    """An input that could not be processed.

    Attributes
    ----------
    input : str
        The input as given, or the identifier of the field.
    message : str
        The cause and the cure.
    expected : bool
        False for unexpected errors, which are bugs in galpipe.
    """

    input: str
    message: str
    expected: bool = True

    @classmethod
    def of(cls, name: str, error: Exception) -> Failure:
        """Create the failure of an input from an exception.

        Parameters
        ----------
        name : str
            The input, or the identifier of the field.
        error : Exception
            A `GalpipeError` is expected; the traceback of others is logged at level debug.
        """
        if isinstance(error, GalpipeError):
            return cls(name, str(error))
        if isinstance(error, MemoryError) or "insufficient memory" in str(error).lower():
            return cls(name, f"{name} does not fit into memory. Cut it into smaller fields.")
        logger.debug("%s failed", name, exc_info=error)
        return cls(name, f"{name}: {type(error).__name__}: {error}", expected=False)


@dataclass(frozen=True)
class FieldRecord:
    """Record of one field.

    Attributes
    ----------
    field : str
        Identifier of the field, unique in its run.
    files : tuple of str
        Files of the field.
    sha256 : str
        Checksum of the files, or of the pixels of a field from memory.
    width, height : int
        Size in pixels.
    pixel_scale : float or None
        Arcseconds per pixel.
    galaxies : int
        Number of galaxies.
    objects : dict of str to int
        Number of objects of each class of the detector, the most common class first.
    seconds : dict of str to float
        Time spent in each step.
    background : dict
        Sky level and noise of each band, which were subtracted and divided by; empty for pictures.
    quality : dict
        Measured quality: PSF, sampling of the search, share of bad pixels ...
    bad_pixels : dict of str to int
        Number of bad pixels by cause.
    notes : tuple of str
        Remarks for the user.
    overlay : str
        Picture of the field in the output folder; empty if there is none.
    overlay_reduction : float
        Pixels of the field per pixel of that picture: 1, or more for a large field.
    picture : str
        The same without boxes, reduced, for the report; empty if there is none.
    origin : {"upper", "lower"}
        Position of row 0 of the field in its pictures.
    images : tuple of str
        Selected images of each file, such as ``CCD2``; empty if the files hold no other field.
    corners : tuple of tuple of float
        Right ascension and declination of the four corners in order, ICRS degrees; empty without a
        WCS.
    """

    field: str
    files: tuple[str, ...]
    sha256: str
    width: int
    height: int
    pixel_scale: float | None
    galaxies: int
    objects: dict[str, int]
    seconds: dict[str, float]
    background: dict[str, Any] = dataclasses.field(default_factory=dict)
    quality: dict[str, Any] = dataclasses.field(default_factory=dict)
    bad_pixels: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    overlay: str = ""
    overlay_reduction: float = 1
    picture: str = ""
    origin: Literal["upper", "lower"] = "upper"
    images: tuple[str, ...] = ()
    corners: tuple[tuple[float, float], ...] = ()


@dataclass
class RunRecord:
    """Contents of ``run.json``; changed only by the sink of a command.

    Attributes
    ----------
    command : {"run", "detect", "classify", "explain"}
        The command.
    config : dict
        The resolved configuration.
    score_threshold : float or None
        Lowest score kept; None for commands without detection.
    models : dict
        Name, path, classes and SHA-256 checksums of the model of each stage; for a classifier also
        the class frequencies that its probabilities assume, and test-time augmentation.
    galaxy_classes : list of str
        Classes of the detector that are galaxies, and are classified by a run.
    metrics : dict
        Metrics on held-out data of each stage that was trained in this run.
    fields : list of FieldRecord
        Processed fields, in order.
    notes : list of str
        Notes on images that are not among the fields, such as those of ``classify``.
    failures : list of Failure
        Failed inputs.
    seconds : dict
        Time spent in each step, over all fields.
    status : str
        ``started``, ``training``, ``running``, ``complete``, ``interrupted`` or ``failed``.
    started : str
        Time of the start, UTC, in ISO 8601.
    arguments : list of str
        Arguments of the command line; empty in Python.
    """

    command: Literal["run", "detect", "classify", "explain"]
    config: dict[str, Any] = field(default_factory=dict)
    score_threshold: float | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    galaxy_classes: list[str] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: list[FieldRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    status: str = "started"
    started: str = field(default_factory=lambda: _now())
    arguments: list[str] = field(default_factory=lambda: _arguments())

    def as_dict(self) -> dict[str, Any]:
        """Return the contents of ``run.json``."""
        content = asdict(self)
        return {
            "made_by": "galpipe",
            "version": __version__,
            "command": content.pop("command"),
            "status": content.pop("status"),
            "started": content.pop("started"),
            "written": _now(),
            "versions": package_versions(),
            **content,
        }

    def provenance(self) -> dict[str, Any]:
        """Return the metadata of the catalogue, the same for the same inputs and models."""
        return {
            "made_by": f"galpipe {__version__}",
            "models": {
                stage: {key: model[key] for key in _IDENTITY if key in model}
                for stage, model in self.models.items()
            },
            "score_threshold": self.score_threshold,
            "coordinates": "pixels: 0-based edges, FITS pixel = value + 0.5; sky: ICRS",
        }


class StageClock:
    """Stopwatch of the steps of a command.

    Parameters
    ----------
    seconds : dict of str to float, optional
        Times to add to; by default a new dict.
    """

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self.seconds = {} if seconds is None else seconds

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Add the time spent inside the ``with`` block to a step.

        Parameters
        ----------
        step : str
            Name of the step.
        """
        start = perf_counter()
        try:
            yield
        finally:
            self.add(step, perf_counter() - start)

    def add(self, step: str, seconds: float) -> None:
        """Add a time to a step.

        Parameters
        ----------
        step : str
            Name of the step.
        seconds : float
            Time spent.
        """
        self.seconds[step] = round(self.seconds.get(step, 0.0) + seconds, 4)


def _arguments() -> list[str]:
    """Return the arguments of the command that runs, which is not one that serves others."""
    from click import get_current_context

    return program_arguments() if get_current_context(silent=True) else []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
