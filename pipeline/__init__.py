"""From fields to a catalogue: processing, record, output and the command line.

`process_field` in :mod:`~galpipe.pipeline.field_processing` processes one field; the functions of
the commands are in :mod:`~galpipe.pipeline.run` (`galpipe.run`), :mod:`~galpipe.pipeline.detect`
and :mod:`~galpipe.pipeline.classify`.  Names are imported on first use, for a fast command line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import Catalogue
    from .collect import RunResult
    from .columns import Flag
    from .provenance import Failure, RunRecord

__all__ = ["Catalogue", "Failure", "Flag", "RunRecord", "RunResult"]

_HOME = {
    "Catalogue": ".catalogue",
    "Failure": ".provenance",
    "Flag": ".columns",
    "RunRecord": ".provenance",
    "RunResult": ".collect",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)
