"""``galpipe send``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples

__all__ = ["command"]


@click.command(
    "send",
    epilog=examples(
        "galpipe send result/catalogue.ecsv", "galpipe send result/catalogue.ecsv --to aladin"
    ),
)
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--to", "program", metavar="NAME", help="Program, or part of its name; by default all."
)
def command(catalogue: Path, program: str | None) -> None:
    """Send a catalogue to running programs: TOPCAT, Aladin, DS9.

    CATALOGUE is a catalogue of galpipe in any format except DS9 regions.  Programs are reached by
    SAMP, whose hub TOPCAT or Aladin starts.
    """
    from ..send import send

    deliveries = send(catalogue, program=program)
    for delivery in deliveries:
        if delivery.problem:
            click.echo(f"{delivery.program}: {delivery.problem}", err=True)
        else:
            click.echo(f"sent to {delivery.program}")
    if all(delivery.problem for delivery in deliveries):
        click.get_current_context().exit(1)
