"""What the commands that read annotations share: their argument and options, and their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ....errors import InputError

__all__ = ["name_failures", "source_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def source_options(command: Command) -> Command:
    """Give a command the argument IN and the options that say how it is read.

    The command receives ``source`` (path), ``from_format`` (str or None) and ``images`` (path or
    None), as `galpipe.annotations.source.AnnotationSource` takes them.
    """
    for decorate in (
        click.option(
            "--images",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Folder of the images; by default the one beside the annotations.",
        ),
        click.option(
            "--from",
            "from_format",
            metavar="FORMAT",
            help="Format of IN; by default it is recognised.",
        ),
        click.argument("source", metavar="IN", type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command


def name_failures(failures: Sequence[InputError]) -> None:
    """Name what was left out, and leave with exit code 1 if it was anything."""
    from rich.text import Text

    from ....console import STDERR

    if not failures:
        return
    count = len(failures)
    STDERR.print(Text(f"{count} {'entry' if count == 1 else 'entries'} left out:", style="red"))
    for failure in failures:
        STDERR.print(Text(f"  {failure}"), soft_wrap=True)
    click.get_current_context().exit(1)
