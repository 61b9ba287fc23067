"""Engine of workers on a Ray cluster, as actors of Ray Core."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...errors import GalpipeError
from ..field_work import FieldWork, PartReport
from ..interrupts import Interrupts
from ..manifest import FieldTask
from .chunks import Chunks
from .ray_actors import Mailbox, RayWorker
from .ray_connection import ray_connection
from .worker import LogMessage, StartedField

__all__ = ["RayEngine"]

logger = logging.getLogger("galpipe")

_IN_FLIGHT = 2  # chunks of a worker
_RETRIES = 1  # of a chunk by Ray itself, when its worker ends
_LOOK_EVERY = 0.2  # seconds, for signals and fields that take too long
_PATIENCE = 60.0  # seconds without any worker, before this is said
_ANSWER = 5.0  # seconds for a worker to answer
_GRACE = 5.0, 1.0  # seconds for finished tasks to be written, after a first and second signal


@dataclass(eq=False)
class _Actor:
    """A worker, the chunks in flight by the reference to their result, and the last field."""

    handle: Any
    first: Any  # reference that is there when the worker is
    ready: bool = False
    chunks: dict[Any, list[FieldTask]] = field(default_factory=dict)
    started: StartedField | None = None
    since: float = field(default_factory=monotonic)
    reported: float = field(default_factory=monotonic)


class RayEngine:
    """Engine of actors, each on one core of a cluster.

    At most two chunks are in flight to an actor, and only counts come back; see `Chunks` for what
    is repeated.  Ray restarts an actor that ends, for example with its machine.  Inside a program
    that uses Ray already, its cluster is used.

    Parameters
    ----------
    workers : int or None
        Number of actors; by default the number of cores of the cluster.
    field_timeout : float or None
        Seconds after which a field is given up; None for the default of `Chunks`.
    address : str or None
        Address of a cluster; by default one is started on this machine.

    Raises
    ------
    ConfigError
        If no cluster can be reached or started.
    """

    def __init__(
        self, workers: int | None, field_timeout: float | None, address: str | None
    ) -> None:
        self._connection = ExitStack()
        if not ray.is_initialized():
            self._connection.enter_context(ray_connection(workers, address))
        self._count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._timeout = field_timeout
        self._actors: dict[int, _Actor] = {}
        self._mailbox: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._connection, suppress(RayError):
            for actor in self._actors.values():
                ray.kill(actor.handle)
            if self._mailbox is not None:
                ray.kill(self._mailbox)
        self._actors.clear()

    def run(
        self, work: FieldWork, tasks: Iterable[FieldTask], interrupts: Interrupts
    ) -> Generator[PartReport, None, None]:
        """Process tasks in the actors; see `Engine.run`.

        Parameters
        ----------
        work : FieldWork
            Processes the tasks.
        tasks : iterable of FieldTask
            The tasks.
        interrupts : Interrupts
            Ends the work.
        """
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
        self._mailbox = ray.remote(Mailbox).options(**options, scheduling_strategy=here).remote()
        for number in range(self._count):
            self._actors[number] = self._start(number, work)
        chunks = Chunks(tasks, self._timeout)
        since, warned = monotonic(), False
        try:
            while self._feed(chunks):
                yield from self._receive(work, chunks)
                if interrupts.count:
                    raise KeyboardInterrupt
                if any(actor.ready for actor in self._actors.values()):
                    since = monotonic()
                elif monotonic() - since > _PATIENCE and not warned:
                    warned = True
                    logger.warning("The cluster has no free core yet; the run waits for one")
        except RayError as error:
            logger.debug("the cluster failed", exc_info=error)
            raise GalpipeError(
                f"The Ray cluster has ended or lost this machine ({type(error).__name__}), perhaps "
                "for lack of memory. Give the same command again to go on."
            ) from error
        except BaseException:
            self._stop(interrupts)
            raise

    def _start(self, number: int, work: FieldWork) -> _Actor:
        options = {
            "num_cpus": 1,
            "max_restarts": -1,
            "max_task_retries": _RETRIES,
            # Answers while a chunk is processed.
            "concurrency_groups": {"control": 1},
        }
        level = logger.getEffectiveLevel()
        # The models in it are pickled as paths, and opened by each actor.
        arguments = number, self._mailbox, work, 1, level, os.getcwd()
        handle = ray.remote(**options)(RayWorker).remote(*arguments)
        return _Actor(handle, handle.ping.remote())

    def _feed(self, chunks: Chunks) -> bool:
        """Send chunks to workers that have less than two; return whether there is work."""
        for actor in self._actors.values():
            while actor.ready and len(actor.chunks) < _IN_FLIGHT:
                chunk = chunks.take()
                if not chunk:
                    break
                if not actor.chunks:
                    actor.since = actor.reported = monotonic()
                actor.chunks[actor.handle.run.remote(chunk)] = chunk
        return chunks.left or any(actor.chunks for actor in self._actors.values())

    def _receive(self, work: FieldWork, chunks: Chunks) -> Iterator[PartReport]:
        """Yield the reports that come in, and take back the chunks of workers that ended."""
        places = {ref: actor for actor in self._actors.values() for ref in actor.chunks}
        places |= {actor.first: actor for actor in self._actors.values() if not actor.ready}
        ray.wait(list(places), timeout=_LOOK_EVERY)
        done, _ = ray.wait(list(places), num_returns=len(places), timeout=0)
        self._read_mail()
        for ref in done:
            actor = places[ref]
            if not actor.ready:
                _check_started(ref)
                actor.ready = True
                continue
            chunk = actor.chunks.pop(ref)
            try:
                report = _answer(ref)
            except RayError as error:
                logger.debug("a worker ended", exc_info=error)
                chunks.repeat(chunk, actor.started, f"its worker ended {1 + _RETRIES} times")
                continue
            now = monotonic()
            chunks.measure((now - actor.reported) / len(chunk))
            actor.reported = actor.since = now
            yield report
        for number, actor in self._actors.items():
            if actor.chunks and monotonic() - actor.since > chunks.time_limit(actor.started):
                self._give_up(number, work, chunks)

    def _read_mail(self) -> None:
        for number, message in ray.get(self._mailbox.take.remote()):
            if isinstance(message, LogMessage):
                logger.log(message.level, "%s", message.text, extra={"failure": message.failure})
            else:
                self._actors[number].started = message
                self._actors[number].since = monotonic()

    def _give_up(self, number: int, work: FieldWork, chunks: Chunks) -> None:
        """Replace a worker that takes too long, or whose machine has gone."""
        actor = self._actors[number]
        try:
            current = ray.get(actor.handle.ping.remote(), timeout=_ANSWER)
        except RayError:
            answers = False
        else:
            answers = True
            if current != actor.started:
                # It ended, and was restarted a moment ago.
                actor.since = monotonic()
                return
        ray.kill(actor.handle)
        for chunk in actor.chunks.values():
            chunks.repeat(chunk, actor.started, "its worker does not answer", too_long=answers)
        self._actors[number] = self._start(number, work)

    def _stop(self, interrupts: Interrupts) -> None:
        """Let the workers end their fields in progress, and write what is finished."""
        refs = [ref for actor in self._actors.values() for ref in actor.chunks]
        for actor in self._actors.values():
            if actor.ready:
                actor.handle.stop.remote()
        since = monotonic()
        while refs and monotonic() - since < _GRACE[interrupts.count > 1]:
            _, refs = ray.wait(refs, num_returns=len(refs), timeout=_LOOK_EVERY)


def _check_started(ref: Any) -> None:
    try:
        _answer(ref)
    except RayError as error:
        logger.debug("a worker did not start", exc_info=error)
        text = str(error).strip().splitlines()[-1]
        raise GalpipeError(
            f"The workers end before their first field ({text}). Check that this version of "
            "galpipe is installed on every machine of the cluster."
        ) from error


def _answer(ref: Any) -> Any:
    """Return the result of an actor, or raise the error of the run."""
    try:
        return ray.get(ref)
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, GalpipeError):
            raise cause from None
        logger.debug("a worker failed", exc_info=error)
        raise RuntimeError(f"{type(cause).__name__}: {cause}") from None
