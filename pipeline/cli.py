"""The command line: ``galpipe COMMAND``; each command is imported when it is used."""

from __future__ import annotations

import signal
from importlib import import_module
from types import FrameType
from typing import Any

import click

from .._version import __version__
from ..errors import GalpipeError, InputError

__all__ = ["cli", "main"]

# Name of each command and what `galpipe --help` says of it.  The text stands here, and not only in
# the command's module, because importing every command to show a list would take longer than
# showing it.  A test holds the two together.
COMMANDS = {
    "run": "Find and classify every galaxy of the fields.",
    "detect": "Find every galaxy of the fields: the first stage alone.",
    "classify": "Classify images of single galaxies: the second stage alone.",
    "train": "Train a detector or a classifier on your own labels.",
    "evaluate": "Measure a detector or a classifier on labelled images.",
    "models": "List, show and verify models.",
    "simulate": "Render survey fields with known galaxies.",
}

# 128 + SIGINT, as a shell reports a command that was interrupted.
_INTERRUPTED = 130


class _Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".commands.{cmd_name}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the user can mend becomes a message and an exit code."""
        from .console import tidy_terminal

        debug = bool(ctx.params.get("debug"))
        try:
            with tidy_terminal(debug=debug):
                return super().invoke(ctx)
        except GalpipeError as error:
            if debug:
                raise
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(1 if isinstance(error, InputError) else 2)
        except KeyboardInterrupt:
            click.echo(
                "Interrupted; what was done until then stays in the output folder.", err=True
            )
            ctx.exit(_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if debug:
                raise
            click.secho(
                f"Error: {type(error).__name__}: {error}\nThis is a fault of galpipe; "
                "`galpipe --debug ...` shows where it happened.",
                fg="red",
                err=True,
            )
            ctx.exit(1)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  galpipe run frames/ -o result\n\n"
    "Exit codes: 0 all done; 1 some inputs failed, the rest is complete; 2 wrong usage.",
)
@click.version_option(__version__, "--version", prog_name="galpipe")
@click.option("--debug", is_flag=True, help="Show tracebacks and the messages of all libraries.")
def cli(debug: bool) -> None:
    """Find every galaxy in survey fields and say what kind each one is."""


def main() -> None:
    """Run the command line of this process."""
    # Batch systems end a job with SIGTERM: what was done is then written, as after Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    cli(prog_name="galpipe")


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
