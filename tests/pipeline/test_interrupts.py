from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from galpipe.pipeline import interrupts as module
from galpipe.pipeline.interrupts import Interrupts, signals_delayed


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """Handle SIGINT as a terminal would; a process in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_signals_are_counted_and_the_handlers_restored() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        interrupt()
        interrupts.check()
        assert interrupts.count == 1
        with pytest.raises(KeyboardInterrupt), interrupts.raised():
            interrupt()
        assert interrupts.count == 2
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_writing_is_given_up_some_time_after_a_second_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Interrupts() as interrupts:
        interrupt()
        interrupt()
        interrupts.check()
        monkeypatch.setattr(module, "_PATIENCE", -1.0)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            interrupt()
            assert interrupts.count == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_delayed_signal_comes_afterwards() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with signals_delayed():
            interrupt()
            done.append(1)
        done.append(2)
    assert done == [1]


def test_other_threads_leave_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def run() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
