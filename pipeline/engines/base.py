"""The interface of the engines, and their choice."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol, Self

from ...errors import ConfigError, require
from ...models.litert import available_cores
from ..field_work import FieldWork, PartReport
from ..interrupts import Interrupts
from ..manifest import FieldTask

__all__ = ["ENGINES", "Engine", "open_engine"]

ENGINES = ("inline", "serial", "processes", "ray")
"""Names of the engines."""


class Engine(Protocol):
    """Processes tasks; a context manager, which ends its processes."""

    def run(
        self, work: FieldWork, tasks: Iterable[FieldTask], interrupts: Interrupts
    ) -> Generator[PartReport, None, None]:
        """Process tasks, in any order; yield a report after each part.

        Parameters
        ----------
        work : FieldWork
            Processes the tasks.
        tasks : iterable of FieldTask
            The tasks, which are taken as they are needed.
        interrupts : Interrupts
            Ends the work, after finished tasks are written.

        Raises
        ------
        KeyboardInterrupt
            If the work is interrupted.
        OutputError, BundleError, MissingExtraError
            As `FieldWork.run`.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_engine(
    name: str = "inline",
    workers: int | None = None,
    field_timeout: float | None = None,
    ray_address: str | None = None,
) -> Engine:
    """Start an engine.

    Call it early, while this process has a single thread: its processes are then copies of this
    one, which have the libraries loaded.

    Parameters
    ----------
    name : {"inline", "serial", "processes", "ray"}
        The engine.
    workers : int, optional
        Number of processes of ``processes`` and ``ray``; by default the number of cores.
    field_timeout : float, optional
        Seconds after which a field is given up, except by ``inline``; by default 600, and 10 more
        for each megapixel.
    ray_address : str, optional
        Address of a Ray cluster; by default ``ray`` starts one on this machine.

    Raises
    ------
    ConfigError
        If the name, the number of workers, the time or the address is not valid.
    MissingExtraError
        If Ray is not installed.
    """
    if name not in ENGINES:
        raise ConfigError(f"There is no engine {name}; choose from {', '.join(ENGINES)}")
    if workers not in (None, 1) and name not in ("processes", "ray"):
        raise ConfigError(f"The engine {name} has one worker; add --engine processes")
    if ray_address is not None and name != "ray":
        raise ConfigError(f"The engine {name} needs no Ray cluster; add --engine ray")
    if workers is not None and workers < 1:
        raise ConfigError(f"The number of workers must be at least 1, not {workers}")
    if field_timeout is not None and not field_timeout > 0:
        raise ConfigError(f"The time limit of a field must be positive, not {field_timeout}")
    if name == "inline":
        from .inline import InlineEngine

        return InlineEngine()
    if name == "ray":
        require("ray", "ray")
        from .ray_cluster import RayEngine

        return RayEngine(workers, field_timeout, ray_address)
    from .processes import ProcessEngine

    cores = available_cores()
    if name == "serial":
        return ProcessEngine(1, cores, field_timeout)
    # More threads than one in each of several workers would compete for the cores.
    return ProcessEngine(workers or cores, 1, field_timeout)
