"""The command group ``galpipe annotations``, a module for each command."""

from __future__ import annotations

import click

from ...lazy_group import LazyGroup

__all__ = ["command"]

_SUMMARIES: dict[str, str] = {
    "convert": "Convert annotations from one format to another.",
    "check": "Check annotations for issues.",
    "split": "Split annotated images by galaxy.",
    "stats": "Count annotations, measure their boxes, and propose anchors.",
    "propose": "Propose boxes of galaxies for a person to correct.",
    "view": "Draw annotated images with their boxes, many on a page.",
    "from-votes": "Convert Galaxy Zoo votes into labels.",
}


@click.group("annotations", cls=LazyGroup, package=__name__, summaries=_SUMMARIES)
def command() -> None:
    """Convert, check, split, count, propose and view box annotations; convert votes into labels."""
