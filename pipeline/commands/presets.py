"""``galpipe presets``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples

__all__ = ["command", "preset_description"]


@click.command(
    "presets",
    epilog=examples(
        "galpipe presets",
        "galpipe presets published/votes_tree.yaml > mine.yaml",
        "GALPIPE_DATA=data galpipe train classifier --config published/votes_tree.yaml -o votes",
    ),
)
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the shipped and published trainings, or print one.

    NAME is a preset, which --config of 'galpipe train', 'tune' and 'cross-validate' takes like a
    file.  Those in published/ are published experiments.  A preset reads its data from the folder
    that the environment variable GALPIPE_DATA names; for your own data, print it into a file and
    change 'data'.
    """
    from rich.table import Table

    from ...configs import preset, presets
    from ...console import STDOUT

    if name is not None:
        click.echo(preset(name).read_text(encoding="utf-8"), nl=False)
        return
    table = Table("preset", "description", show_lines=False)
    for title, file in presets().items():
        table.add_row(title, preset_description(file))
    STDOUT.print(table)


def preset_description(file: Path) -> str:
    """Return the comment at the beginning of a preset, without its commands.

    Parameters
    ----------
    file : Path
        The preset.
    """
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# "))
    sentences = " ".join(line for line in lines if not line.startswith(" "))
    return " ".join(sentences.split())
