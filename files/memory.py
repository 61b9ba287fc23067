"""Measure the memory that this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["available_memory"]

# The limit of a container or a batch job (Linux, control groups of version 2 and 1).
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_memory() -> int | None:
    """Return the bytes that the process may have at most; None if unknown.

    That is the memory of the machine, or the lower limit of the container, of ``ulimit -v`` or of
    ``ulimit -d``; what other processes take is not counted.
    """
    limits: list[int] = []
    with suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _LIMITS:
        # A container without a limit says "max", or a number beyond any memory.
        with suppress(OSError, ValueError):
            limits.append(int(path.read_text()))
    with suppress(ImportError, OSError, ValueError):
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            soft, _ = resource.getrlimit(kind)
            if soft != resource.RLIM_INFINITY:
                limits.append(soft)
    return min((limit for limit in limits if limit > 0), default=None)
