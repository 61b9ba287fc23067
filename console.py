"""Terminal output: consoles, log messages, progress bars, and suppression of library output."""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["STDERR", "STDOUT", "terminal_progress", "tidy_terminal", "without_controls"]


# Bars on the terminal; the last one takes the lines of those within it.
_SHOWN: list[Progress] = []

# Loggers of other libraries that print on their own.
_CHATTY = ("absl", "tensorflow")

_SPEED_PERIOD = 600.0  # seconds
_LONGEST_STATUS = 24

_LONGEST = 500_000  # characters of a text, more than a list of thousands of failures has


def without_controls(text: str) -> str:
    r"""Return a text with its control characters spelt out, such as ``\x1b`` for escape.

    Names of files and classes can contain sequences that change the title, the colours or the
    contents of a terminal, or the direction of writing.  Line feeds and tabs are kept.

    Parameters
    ----------
    text : str
        Any text.

    Examples
    --------
    >>> print(without_controls("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    if text.isprintable():
        return text
    return "".join(_spelt_out(character) for character in text)


def _spelt_out(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\n\t" or category not in ("Cc", "Cf", "Zl", "Zp"):
        return character
    return character.encode("unicode_escape").decode("ascii")


class _SafeConsole(Console):
    """A console that prints no control character of a text; those of styles and bars remain.

    Texts of absurd length, such as a name of 10 MB, are cut.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable.

        Parameters
        ----------
        renderable : renderable
            What is printed.
        options : ConsoleOptions, optional
            Options of the printing.
        """
        if isinstance(renderable, str | Text) and len(renderable) > _LONGEST:
            renderable = renderable[:_LONGEST] + "…"
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=without_controls(segment.text))


STDERR = _SafeConsole(stderr=True, highlight=False)
STDOUT = _SafeConsole(highlight=False)


@contextmanager
def tidy_terminal(*, debug: bool) -> Iterator[None]:
    """Show only the messages of galpipe within the ``with`` block.

    Parameters
    ----------
    debug : bool
        Also show the messages of other libraries.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal may lack the characters of a name.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
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
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
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
    """Print messages above the progress bar; leave failures to the summary at the end."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "failure", False):
            return
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        STDERR.print(Text(self.format(record), style=style), soft_wrap=True)


@contextmanager
def terminal_progress(
    description: str, total: int | None = None, *, in_bytes: bool = False
) -> Iterator[_BarTask]:
    """Show a progress bar on standard error, if that is a terminal.

    A bar within another one is a line below it, which is removed at its end.

    Parameters
    ----------
    description : str
        Title of the work.
    total : int, optional
        Total units of work, if known.
    in_bytes : bool
        Whether the units are bytes.
    """
    if _SHOWN:
        outer = _SHOWN[-1]
        number = outer.add_task(_short(description), total=total, status="", detail="")
        try:
            yield _BarTask(outer, number)
        finally:
            outer.remove_task(number)
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    measures = [DownloadColumn(), TransferSpeedColumn()] if in_bytes else [MofNCompleteColumn()]

    class Bars(Progress):
        """Bars, and below them what is too long for their lines."""

        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["detail"]:
                    detail = f"  {task.fields['detail']}"
                    yield Text(detail, style="dim", no_wrap=True, overflow="ellipsis")

    bar = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *measures,
        TextColumn("{task.fields[status]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=STDERR,
        disable=not STDERR.is_terminal,
        # The steps of a training are interrupted by measurements.
        speed_estimate_period=_SPEED_PERIOD,
    )
    # Rich 13 ends even a disabled bar with an empty line.
    with bar if STDERR.is_terminal else nullcontext():
        _SHOWN.append(bar)
        try:
            number = bar.add_task(_short(description), total=total, status="", detail="")
            yield _BarTask(bar, number)
        finally:
            _SHOWN.remove(bar)


class _BarTask:
    """One line of a rich progress bar."""

    def __init__(self, bar: Progress, number: TaskID) -> None:
        self._bar = bar
        self._number = number
        self._started = False

    def update(
        self,
        *,
        advance: int = 0,
        completed: int | None = None,
        total: int | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> None:
        fields: dict[str, Any] = {}
        if status is not None:
            fits = len(status) <= _LONGEST_STATUS
            fields = {"status": status if fits else "", "detail": "" if fits else status}
        if completed is not None and not self._started:
            self._bar.reset(self._number, completed=completed)
        self._started = self._started or completed is not None or advance > 0
        self._bar.update(
            self._number,
            advance=advance if completed is None else None,
            completed=completed,
            total=total,
            description=None if description is None else _short(description),
            **fields,
        )


def _short(text: str) -> str:
    return text if len(text) <= 32 else f"{text[:31]}…"


@contextmanager
def _quiet_natives() -> Iterator[None]:
    """Discard the output of native libraries to standard error.

    LiteRT logs its delegate, libjpeg and libtiff log damaged files, which are reported by galpipe,
    and TensorFlow logs the processor.
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
