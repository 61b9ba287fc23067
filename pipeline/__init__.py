"""From fields to a catalogue: the run, its record and output, and the command line.

The functions a user calls stand in :mod:`~galpipe.pipeline.run` (:func:`galpipe.run`),
:mod:`~galpipe.pipeline.detect` and :mod:`~galpipe.pipeline.classify`.  Nothing is imported here
until it is asked for, so that the command line answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import Catalogue
    from .columns import Flag
    from .provenance import Failure, RunRecord
    from .run import RunResult

__all__ = ["Catalogue", "Failure", "Flag", "RunRecord", "RunResult"]

_HOME = {
    "Catalogue": ".catalogue",
    "Failure": ".provenance",
    "Flag": ".columns",
    "RunRecord": ".provenance",
    "RunResult": ".run",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)
