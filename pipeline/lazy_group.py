"""Command group whose commands are imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Command group whose commands are modules of one package, unless they say otherwise.

    Parameters
    ----------
    *args
        Passed to `click.Group`.
    package : str
        Name of the package; the command ``from-votes`` is the object ``command`` of its module
        ``from_votes``.
    summaries : mapping of str to str
        Summary of each command by name, for the help of the group, which therefore need not import
        all commands.
    places : mapping of str to str, optional
        Modules of the commands that are in other packages, by name.
    **kwargs
        Passed to `click.Group`.
    """

    def __init__(
        self,
        *args: Any,
        package: str,
        summaries: Mapping[str, str],
        places: Mapping[str, str] = MappingProxyType({}),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        self.summaries = summaries
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the help.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        """
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        cmd_name : str
            Name of the command.
        """
        if cmd_name not in self.summaries:
            return None
        place = self.places.get(cmd_name, f"{self.package}.{cmd_name.replace('-', '_')}")
        module = import_module(place)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        formatter : click.HelpFormatter
            Receives the list.
        """
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the called command, or suggest one with a similar name.

        Parameters
        ----------
        ctx : click.Context
            Context of the call.
        args : list of str
            Arguments, the name of the command first.
        """
        import difflib

        if args and args[0] not in self.summaries and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.summaries, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)
