"""A worker process: receives chunks of tasks, and sends reports of the parts that it wrote."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from ...errors import GalpipeError
from ...models.litert import limit_threads

__all__ = ["LogMessage", "StartedField", "end_with_parent", "prepare_worker", "serve"]

logger = logging.getLogger("galpipe")

_LOOK_EVERY = 0.5  # seconds, for the end of the process that started this one

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


@dataclass(frozen=True)
class StartedField:
    """Message before each field, and when its size is known.

    Attributes
    ----------
    key : int
        Key of the task.
    number : int
        Number of the field.
    pixels : int
        Number of pixels of an image of it; 0 as long as it is not known.
    """

    key: int
    number: int
    pixels: int = 0


@dataclass(frozen=True)
class LogMessage:
    """A message for the logger ``galpipe`` of the process that started the worker.

    Attributes
    ----------
    level : int
        Level of `logging`.
    text : str
        The message.
    failure : bool
        Whether it is about a failed field.
    """

    level: int
    text: str
    failure: bool


class _Stopped(BaseException):
    """The worker was asked to end: finished tasks are written, the field in progress is not."""


class _Forwarder(logging.Handler):
    def __init__(self, send: Callable[[LogMessage], object]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        failure = bool(getattr(record, "failure", False))
        self._send(LogMessage(record.levelno, self.format(record), failure))


def prepare_worker(send: Callable[[LogMessage], object], threads: int, log_level: int) -> None:
    """Limit the threads of this process, and forward its messages.

    Parameters
    ----------
    send : callable
        Called with each message for the logger ``galpipe``.
    threads : int
        Threads of the networks and of OpenCV.
    log_level : int
        Level of the messages that are sent.
    """
    limit_threads(threads)
    logger.handlers[:] = [_Forwarder(send)]
    logger.setLevel(log_level)
    logger.propagate = False
    if log_level > logging.DEBUG:
        warnings.simplefilter("ignore")


def serve(connection: Connection, threads: int, log_level: int) -> None:
    """Process chunks of tasks until None is received or SIGTERM comes.

    Receives a `FieldWork` first, then chunks of `FieldTask`; sends `StartedField`, `LogMessage`,
    `PartReport`, and an exception if the whole run must end.

    Parameters
    ----------
    connection : Connection
        To the process that started this one.
    threads : int
        Threads of the networks and of OpenCV.
    log_level : int
        Level of the messages that are sent.
    """
    # Ctrl-C at a terminal reaches all processes; the one that started the workers decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    end_with_parent()
    prepare_worker(connection.send, threads, log_level)
    try:
        work = connection.recv()
        while work is not None and (chunk := connection.recv()) is not None:
            for report in work.run(chunk, lambda *place: connection.send(StartedField(*place))):
                connection.send(report)
    except _Stopped:
        pass
    except GalpipeError as error:
        connection.send(error)
    except Exception as error:
        logger.debug("a worker ended", exc_info=error)
        connection.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def end_with_parent() -> None:
    """End this process when the one that started it has ended, however that ended."""
    parent = os.getppid()
    # The fork server ends when all ends of this pipe are closed, and its processes with it.  Each
    # of them has an end, so that one that hangs would keep the server.
    server: Any = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
        server._forkserver_alive_fd = None
    if sys.platform == "linux":
        # The kernel does it even while native code hangs, when no thread of Python runs.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_look_after, args=(parent,), daemon=True).start()


def _look_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)
