"""Command line: ``galpipe COMMAND``; commands are imported on first use."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

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
    "match": "Compare a catalogue with a reference catalogue.",
    "send": "Send a catalogue to TOPCAT, Aladin or DS9.",
    "annotations": "Convert, check, split, count, propose and view boxes.",
    "data": "Download published data sets to train on.",
    "train": "Train a detector or a classifier on your own labels.",
    "tune": "Search for the best small network on your own labels.",
    "evaluate": "Evaluate a detector or a classifier on labelled images.",
    "cross-validate": "Train and evaluate on folds of the data; compare trainings.",
    "explain": "Explain a classifier on images of single galaxies.",
    "models": "List, show and verify models.",
    "simulate": "Render survey fields with known galaxies.",
}

# 128 + SIGINT, the exit code of interrupted commands in shells.
_INTERRUPTED = 130


class _Commands(LazyGroup):
    """Top level of the command line: converts errors to messages and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and convert errors to messages and exit codes.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        """
        from rich.text import Text

        from ..console import STDERR, tidy_terminal, without_controls

        debug = bool(ctx.params.get("debug"))
        try:
            with tidy_terminal(debug=debug):
                return super().invoke(ctx)
        except GalpipeError as error:
            if debug:
                raise
            STDERR.print(Text(f"Error: {error}", style="red"), soft_wrap=True)
            ctx.exit(1 if isinstance(error, InputError) else 2)
        except KeyboardInterrupt:
            click.echo("Interrupted; the results so far are in the output folder.", err=True)
            ctx.exit(_INTERRUPTED)
        except click.ClickException as error:
            vars(error)["message"] = without_controls(error.message)
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if debug:
                raise
            text = (
                f"Error: {type(error).__name__}: {error}\nThis is a bug in galpipe; "
                "`galpipe --debug ...` shows where it happened."
            )
            STDERR.print(Text(text, style="red"), soft_wrap=True)
            ctx.exit(1)


@click.group(
    cls=_Commands,
    package=f"{__package__}.commands",
    summaries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  galpipe run frames/ -o result\n\n"
    "Exit codes: 0 all done; 1 some inputs failed, the rest is complete; 2 wrong usage.",
)
@click.version_option(__version__, "--version", prog_name="galpipe")
@click.option("--debug", is_flag=True, help="Show tracebacks and the messages of all libraries.")
def cli(debug: bool) -> None:  # numpydoc ignore=PR01
    """Find every galaxy in survey fields and classify it."""


def main() -> None:
    """Run the command line."""
    # Batch systems end jobs with SIGTERM; treat it as Ctrl-C, so that results are written.
    signal.signal(signal.SIGTERM, _interrupt)
    cli(prog_name="galpipe")


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
