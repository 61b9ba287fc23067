"""The options that only one format of annotations needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

__all__ = ["format_settings"]


def _columns(
    context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    chosen = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise click.BadParameter(f"'{pair}' is not NAME=COLUMN, such as x=XWIN_IMAGE.")
        chosen[name] = column
    return chosen


_OPTIONS = (
    click.option(
        "--voc-one-based", is_flag=True, help="Pascal VOC counts pixels from 1, strictly."
    ),
    click.option("--class-name", metavar="NAME", help="Class of objects that IN gives none."),
    click.option(
        "--ellipse-scale",
        metavar="K",
        type=click.FloatRange(0, min_open=True),
        help="Boxes of SExtractor's ellipses, scaled by K; by default of its own limits.",
    ),
    click.option(
        "--column",
        "columns",
        metavar="NAME=COLUMN",
        multiple=True,
        callback=_columns,
        help="Column of a table that gives image, label, x, y, ra, dec, width, height, size, ...; "
        "by default found by the usual names.",
    ),
    click.option(
        "--origin",
        metavar="0|1",
        type=click.IntRange(0, 1),
        help="What a table calls the centre of the first pixel; by default 0.",
    ),
)
_NAMES = ("voc_one_based", "class_name", "ellipse_scale", "columns", "origin")


def format_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command those options; it receives what was set of them as the dict ``settings``."""

    @wraps(command)
    def gathering(*args: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        settings = {name: value for name, value in given.items() if value not in (None, False, {})}
        return command(*args, settings=settings, **options)

    for option in reversed(_OPTIONS):
        gathering = option(gathering)
    return gathering
