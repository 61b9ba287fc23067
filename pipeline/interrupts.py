"""Signals that end a run: counted, so that what was done is written first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TypeAlias

__all__ = ["Interrupts", "signals_delayed"]

_Handler: TypeAlias = Callable[[int, FrameType | None], object]
_Handlers: TypeAlias = dict[signal.Signals, _Handler]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# After a second signal, seconds until the writing of the catalogue is given up.
_PATIENCE = 2.0


@contextmanager
def signals_delayed() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the ``with`` block.

    Signals that no Python function handles, and other threads, are left alone.
    """
    # A mask of the thread would not do: another thread of the process takes the signal then.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    delayed: list[int] = []
    before = _replace_handlers(lambda number, frame: delayed.append(number))
    try:
        yield
    finally:
        _restore_handlers(before)
        for number in delayed:
            signal.raise_signal(number)


class Interrupts:
    """Count SIGINT and SIGTERM within a ``with`` block instead of ending at once.

    Only signals are counted that a Python function handles already: a signal that is ignored, as
    under ``nohup``, stays ignored.  Outside of the main thread, nothing is changed.

    Attributes
    ----------
    count : int
        Number of signals so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0.0
        self._raises = False
        self._before: _Handlers = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = _replace_handlers(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        _restore_handlers(self._before)
        self._before = {}

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise KeyboardInterrupt at a signal within the ``with`` block, after counting it."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def check(self) -> None:
        """Give up writing if a second signal came some time ago.

        Raises
        ------
        KeyboardInterrupt
            If so.
        """
        if self.count > 1 and monotonic() - self._last > _PATIENCE:
            raise KeyboardInterrupt

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count <= 2:
            self._last = monotonic()
        if self._raises:
            raise KeyboardInterrupt


def _replace_handlers(handler: _Handler) -> _Handlers:
    """Let a function handle the signals that a Python function handles; return those before."""
    before: _Handlers = {}
    for number in _SIGNALS:
        if callable(earlier := signal.getsignal(number)):
            before[number] = earlier
            signal.signal(number, handler)
    return before


def _restore_handlers(before: _Handlers) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
