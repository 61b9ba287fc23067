"""Command line: ``galpipe COMMAND``; commands are imported on first use."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from .._version import __version__
from ..errors import GalpipeError, InputError
from .lazy_group import LazyGroup

__all__ = ["cli", "main"]

# Summary of each command for `galpipe --help`.
COMMANDS = {
    "run": "Find and classify every galaxy of the fields.",
    "detect": "Find every galaxy of the fields: the first stage alone.",
    "classify": "Classify images of single galaxies: the second stage alone.",
    "embed": "Compute the features of galaxies, for clusters and rankings.",
    "cluster": "Divide galaxies into clusters, by their features.",
    "similar": "Find galaxies that look like another one.",
    "anomalies": "Rank galaxies by how unusual they look.",
    "collect": "Write the catalogue of an unfinished run.",
    "match": "Compare a catalogue with a reference catalogue.",
    "serve": "Show fields and results in a browser, and correct them.",
    "send": "Send a catalogue to TOPCAT, Aladin or DS9.",
    "annotations": "Convert, check, split and view boxes; turn votes into labels.",
    "data": "Download data sets, and look at the data of a training.",
    "presets": "List the shipped and published trainings, or print one.",
    "train": "Train a detector or a classifier on your own labels.",
    "tune": "Search for the best small network on your own labels.",
    "evaluate": "Evaluate detectors, classifiers or predicted votes.",
    "cross-validate": "Train and evaluate on folds of the data; compare trainings.",
    "explain": "Explain a classifier on images of single galaxies.",
    "models": "List, show and verify models.",
    "simulate": "Render survey fields with known galaxies.",
}

# The web server is a package above this one, since it runs the pipeline.
_PLACES = {"serve": f"{__name__.partition('.')[0]}.web.command"}

# 128 + SIGINT, the exit code of interrupted commands in shells.
_INTERRUPTED = 130

_NO_HOME = "/nonexistent"  # as in the passwd files of Debian

_STREAM_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF)


class _Commands(LazyGroup):
    """Top level of the command line: converts errors to messages and exit codes."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments; an interrupt has its own exit code.

        Parameters
        ----------
        *args, **extra : Any
            As of `click.Command.make_context`.
        """
        with _interrupt_code():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and convert errors to messages and exit codes.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        """
        with _interrupt_code():
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
        from rich.text import Text

        from ..console import STDERR, tidy_terminal, without_controls

        debug = bool(ctx.params.get("debug"))
        try:
            with tidy_terminal(debug=debug):
                try:
                    return super().invoke(ctx)
                finally:
                    sys.stdout.flush()
        except GalpipeError as error:
            if debug:
                raise
            STDERR.print(Text(f"Error: {error}", style="red"), soft_wrap=True)
            ctx.exit(1 if isinstance(error, InputError) else 2)
        except click.ClickException as error:
            vars(error)["message"] = without_controls(error.message)
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if debug:
                raise
            text = _cause(error) or (
                f"{type(error).__name__}: {error}\nThis is a bug in galpipe; "
                "`galpipe --debug ...` shows where it happened."
            )
            text = f"Error: {text}"
            STDERR.print(Text(text, style="red"), soft_wrap=True)
            ctx.exit(1)


@click.group(
    cls=_Commands,
    package=f"{__package__}.commands",
    summaries=COMMANDS,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  galpipe run frames/ -o result\n"
    "  galpipe presets\n"
    "  GALPIPE_DATA=data galpipe train classifier --config published/votes_tree -o votes\n"
    "  galpipe embed cutouts/ -o features.parquet\n"
    "  galpipe cluster features.parquet -o clusters\n\n"
    "Exit codes: 0 all done; 1 some inputs failed, the rest is complete; 2 wrong usage.",
)
@click.version_option(__version__, "--version", prog_name="galpipe")
@click.option("--debug", is_flag=True, help="Show tracebacks and the messages of all libraries.")
def cli(debug: bool) -> None:  # numpydoc ignore=PR01
    """Find every galaxy in survey fields and classify it."""


def main() -> None:
    """Run the command line."""
    _open_standard_streams()
    if os.path.expanduser("~") == "~":
        # A user without entry in the passwd file and without HOME: astropy refuses to load.
        os.environ["HOME"] = _NO_HOME
    # Batch systems end jobs with SIGTERM; treat it as Ctrl-C, so that results are written.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cli(prog_name="galpipe")
    except SystemExit as end:
        if "ray" in sys.modules:
            _end_at_once(end.code)
        raise


@contextmanager
def _interrupt_code() -> Iterator[None]:
    """Exit with the code of interrupted commands: that of click says that an input failed."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "Interrupted; the results so far are in the output folder. The same command goes on.",
            err=True,
        )
        raise click.exceptions.Exit(_INTERRUPTED) from None


def _end_at_once(code: int | str | None) -> NoReturn:
    """End this process after the work of `atexit`, without the end of the interpreter.

    Threads of Ray go on after it was shut down, and have crashed meanwhile.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _cause(error: Exception) -> str:
    """Return what is wrong with the surroundings, if they cause an error; else an empty text."""
    if isinstance(error, MemoryError):
        return "There is too little memory. Give more, or give smaller fields."
    if isinstance(error, OSError) and error.filename is None and error.errno in _STREAM_ERRORS:
        # What is left in the buffer would fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return f"Cannot write to the terminal or pipe: {error.strerror}. What was written stays."
    return ""


def _open_standard_streams() -> None:
    """Open the null device for standard streams that the caller has closed.

    Otherwise the first files that are opened take their place, and receive messages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest descriptor that is free.
            if os.open(os.devnull, os.O_RDWR) != number:
                return
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
