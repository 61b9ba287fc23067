"""Call a function in a process of its own, with limits of memory and time.

Files of unknown origin are opened in such processes only: one that crashes a decoder, takes too
much memory or never ends costs its own job.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeAlias

from ..errors import GalpipeError, InputError
from ..models.litert import available_cores, limit_threads
from ..pipeline.engines.processes import how_it_ended, process_context
from ..pipeline.engines.worker import end_with_parent

__all__ = ["Cancelled", "ProcessLimits", "Send", "call_in_process"]

logger = logging.getLogger("galpipe")

_LOOK_EVERY = 0.1  # seconds, for the end of the time and for cancelling
_GRACE = 3.0  # seconds between the request to end and the kill
_LONGEST = 64 * 2**20  # bytes of a message

_P = ParamSpec("_P")

Send: TypeAlias = Callable[[dict[str, Any]], None]
"""Sends a message, in types supported by JSON, to the process that called the function."""


class Cancelled(Exception):
    """The call was cancelled."""


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of a process.

    Attributes
    ----------
    memory : int
        Bytes.
    seconds : float
        Time until it is ended.
    """

    memory: int
    seconds: float


def call_in_process(
    function: Callable[Concatenate[Send, _P], dict[str, Any]],
    limits: ProcessLimits,
    cancel: threading.Event | None = None,
    on_message: Send = lambda message: None,
    on_start: Callable[[int], None] = lambda pid: None,
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> dict[str, Any]:
    """Call a function in a new process.

    Messages and results come as JSON, so that a process that a file has taken over can send this
    one nothing but text.

    Parameters
    ----------
    function : callable
        Function of a module; its first argument sends messages, and it returns a dict in types
        supported by JSON.
    limits : ProcessLimits
        Memory and time.
    cancel : threading.Event, optional
        Ends the process when it is set: first by SIGTERM, so that finished results are written.
    on_message : callable
        Receives the messages.
    on_start : callable
        Receives the number of the process.
    *args, **kwargs
        Further arguments of the function.

    Returns
    -------
    dict
        Result of the function.

    Raises
    ------
    InputError
        If the function raises an error that a user can correct, or the process crashes, is killed
        or takes too long.
    Cancelled
        If it was cancelled.
    """
    context = process_context(f"{__package__}.work")
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_serve, args=(theirs, function, args, kwargs, limits), name="galpipe-web"
    )
    process.start()
    theirs.close()
    on_start(process.pid or 0)
    deadline = monotonic() + limits.seconds
    try:
        while True:
            if cancel is not None and cancel.is_set():
                raise Cancelled
            if monotonic() > deadline:
                raise InputError(
                    f"It took longer than the {limits.seconds:g} s that are allowed here. Give a "
                    "smaller field, or start the server with more --job-timeout."
                )
            if ours.poll(_LOOK_EVERY):
                message = _received(ours, process)
                if "error" in message:
                    raise InputError(message["error"])
                if "result" in message:
                    result: dict[str, Any] = message["result"]
                    return result
                on_message(message)
    finally:
        _end(process)
        ours.close()


def _received(connection: Connection, process: BaseProcess) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(connection.recv_bytes(_LONGEST))
    except (EOFError, OSError, ValueError):
        process.join(_GRACE)
        raise InputError(
            f"The process ended before its result ({how_it_ended(process.exitcode)}). The file may "
            "be damaged, or larger than the memory allowed here."
        ) from None
    return message


def _end(process: BaseProcess) -> None:
    """End a process, which may write its finished results first."""
    process.join(_LOOK_EVERY)
    if process.is_alive():
        process.terminate()
        process.join(_GRACE)
    if process.is_alive():
        process.kill()
    process.join()
    process.close()


def _serve(
    connection: Connection,
    function: Callable[..., dict[str, Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    limits: ProcessLimits,
) -> None:
    """Call the function and send its result or its error; the main function of the process."""
    # Ctrl-C at a terminal reaches all processes; the server decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    end_with_parent()
    _limit_memory(limits.memory)
    limit_threads(available_cores())
    logger.handlers[:] = [logging.NullHandler()]
    logger.propagate = False
    warnings.simplefilter("ignore")

    def send(message: dict[str, Any]) -> None:
        connection.send_bytes(json.dumps(message).encode("ascii"))

    with suppress(KeyboardInterrupt, BrokenPipeError):
        try:
            send({"result": function(send, *args, **kwargs)})
        except GalpipeError as error:
            send({"error": str(error)})
        except MemoryError:
            send({"error": "There is too little memory for this field. Give a smaller one."})
        except Exception as error:
            logger.debug("a call failed", exc_info=error)
            send({"error": f"{type(error).__name__}: {error}. This is a bug in galpipe."})


def _limit_memory(size: int) -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
