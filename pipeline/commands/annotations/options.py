"""Options and output shared by the commands on annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ....errors import InputError

__all__ = [
    "class_list",
    "classes_option",
    "format_settings",
    "name_failures",
    "number_of",
    "print_notes",
    "source_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def source_options(command: Command) -> Command:
    """Add the argument IN and the options to read it.

    Parameters
    ----------
    command : callable
        Receives ``source`` (path), ``from_format`` (str or None) and ``images`` (path or None), the
        arguments of `galpipe.annotations.AnnotationSource`.
    """
    for decorate in (
        click.option(
            "--images",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Folder of the images; by default searched near the annotations.",
        ),
        click.option(
            "--from",
            "from_format",
            metavar="FORMAT",
            help="Format of IN; by default it is detected.",
        ),
        click.argument("source", metavar="IN", type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command


def classes_option(command: Command) -> Command:
    """Add the option ``--classes``.

    Parameters
    ----------
    command : callable
        Receives ``classes`` (path or None); see `class_list`.
    """
    return click.option(
        "--classes",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Label map (.pbtxt, .txt): the classes in order of their ids. By default the order in "
        "IN, or else sorted.",
    )(command)


def class_list(classes: Path | None) -> tuple[str, ...] | None:
    """Return the classes of a label map; None without one.

    Parameters
    ----------
    classes : Path or None
        The option ``--classes``.
    """
    from ....annotations.label_map import read_label_map

    return None if classes is None else read_label_map(classes)


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
        "--voc-one-based",
        is_flag=True,
        help="Read and write Pascal VOC with pixels counted from 1.",
    ),
    click.option("--class-name", metavar="NAME", help="Class of objects without one."),
    click.option(
        "--ellipse-scale",
        metavar="K",
        type=click.FloatRange(0, min_open=True),
        help="Take boxes from SExtractor's ellipses, scaled by K; by default from its limits.",
    ),
    click.option(
        "--column",
        "columns",
        metavar="NAME=COLUMN",
        multiple=True,
        callback=_columns,
        help="Column of a table with image, label, xmin, left, x, ra, width, size, ...; by default "
        "found by the usual names. For VIA: label=ATTRIBUTE.",
    ),
    click.option(
        "--origin",
        metavar="0|1",
        type=click.IntRange(0, 1),
        help="Coordinate of the centre of the first pixel in a table; by default 0.",
    ),
    click.option(
        "--size-unit",
        metavar="UNIT",
        help="Unit of sizes on the sky in a table that states none: arcsec, arcmin or deg.",
    ),
    click.option(
        "--ground-truth",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="COCO file that names the images and classes of a list of COCO results.",
    ),
)
_NAMES = (
    "voc_one_based",
    "class_name",
    "ellipse_scale",
    "columns",
    "origin",
    "size_unit",
    "ground_truth",
)


def format_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options specific to formats.

    Parameters
    ----------
    command : callable
        Receives the options given as the dict ``settings``.
    """

    @wraps(command)
    def wrapper(*args: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        settings = {name: value for name, value in given.items() if value not in (None, False, {})}
        return command(*args, settings=settings, **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def print_notes(notes: Sequence[str]) -> None:
    """Print what the reader of annotations decided.

    Parameters
    ----------
    notes : sequence of str
        The notes.
    """
    from rich.text import Text

    from ....console import STDERR

    for note in notes:
        STDERR.print(Text(note, style="yellow"), soft_wrap=True)


def name_failures(failures: Sequence[InputError]) -> None:
    """Print the entries that were left out; exit with code 1 if there are any.

    Parameters
    ----------
    failures : sequence of InputError
        One for each entry.
    """
    from rich.text import Text

    from ....console import STDERR

    if not failures:
        return
    STDERR.print(Text(f"{number_of(len(failures), 'entry')} left out:", style="red"))
    for failure in failures:
        STDERR.print(Text(f"  {failure}"), soft_wrap=True)
    click.get_current_context().exit(1)


def number_of(count: int, noun: str) -> str:
    """Return a count with its noun in the singular or plural.

    Parameters
    ----------
    count : int
        The count.
    noun : str
        The noun in the singular.

    Examples
    --------
    >>> number_of(1200, "box")
    '1,200 boxes'
    """
    if noun.endswith("y"):
        plural = f"{noun[:-1]}ies"
    else:
        plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
