"""Engines: where the fields of a run are processed.

``inline`` is this process; ``serial`` a child process, which may crash or hang without harm;
``processes`` are several, and ``ray`` several on the machines of a Ray cluster.  All of them write
the same parts.
"""

from __future__ import annotations

from .base import ENGINES, Engine, open_engine

__all__ = ["ENGINES", "Engine", "open_engine"]
