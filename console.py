"""What the terminal sees: one console a stream, the package's messages, no noise of others."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

__all__ = ["STDERR", "STDOUT", "tidy_terminal"]

STDERR = Console(stderr=True, highlight=False)
STDOUT = Console(highlight=False)


@contextmanager
def tidy_terminal(*, debug: bool) -> Iterator[None]:
    """Show the package's own messages, and with `debug` everything, while the block lasts."""
    logger = logging.getLogger("galpipe")
    handler = _TerminalHandler(logging.DEBUG if debug else logging.INFO)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    try:
        if debug:
            yield
            return
        with warnings.catch_warnings(), _quiet_natives():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
                warnings.filterwarnings("default", module=r"galpipe\.")
                warnings.showwarning = _as_message
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _as_message(message: Warning | str, *_: object, **__: object) -> None:
    logging.getLogger("galpipe").warning("%s", message)


class _TerminalHandler(logging.Handler):
    """Prints messages above the progress bar; failures are left for the summary at the end."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "failure", False):
            return
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        STDERR.print(Text(self.format(record), style=style), soft_wrap=True)


@contextmanager
def _quiet_natives() -> Iterator[None]:
    """Let nothing through that libraries in C write to standard error past Python.

    LiteRT says which delegate it made, libjpeg and libtiff complain of files that are then reported
    by name, TensorFlow describes the processor.
    """
    stream = sys.stderr
    try:
        ours = stream.fileno() == 2
    except (OSError, ValueError, AttributeError):
        ours = False
    stream.flush()
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    if ours:
        sys.stderr = os.fdopen(
            os.dup(kept), "w", buffering=1, encoding=stream.encoding, errors="backslashreplace"
        )
    try:
        yield
    finally:
        if ours:
            sys.stderr.close()
            sys.stderr = stream
        os.dup2(kept, 2)
        os.close(kept)
