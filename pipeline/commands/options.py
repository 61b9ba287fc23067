"""Arguments and options shared by commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import Any

import click

__all__ = [
    "bands_option",
    "count_option",
    "coverage_option",
    "embedding_argument",
    "engine_options",
    "examples",
    "fields_argument",
    "fields_arguments",
    "formats_option",
    "output_option",
    "overlays_option",
    "overwrite_option",
    "overwrite_training_option",
    "paths_or_addresses",
    "prior_option",
    "required_output",
    "resolve_overlaps_option",
    "run_output_option",
    "seed_option",
    "test_time_augmentation_option",
    "threshold_option",
    "zeropoint_option",
]

count_option = click.option(
    "--count",
    type=click.IntRange(1, 1000),
    default=48,
    show_default=True,
    help="Number of galaxies on the contact sheet.",
)

embedding_argument = click.argument("embedding", type=click.Path(path_type=Path))

seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of all that is random.",
)

fields_argument = click.argument("fields", nargs=-1, required=True)

_fields_from_option = click.option(
    "--fields-from",
    metavar="FILE|-",
    help="File that lists further fields: a path on each line, or a table (CSV, ECSV, FITS, "
    "VOTable, Parquet) with a column file, filename, path, image or url; - for lines from the "
    "standard input.  Relative paths are those of the folder of the list.",
)


def fields_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument ``FIELDS`` and the option ``--fields-from``; the command gets all fields.

    Parameters
    ----------
    command : callable
        Function of the command, with a parameter ``fields``, an iterable to be used once.
    """

    @wraps(command)
    def call(fields: tuple[str, ...], fields_from: str | None, **options: Any) -> Any:
        if fields_from is None:
            if not fields:
                raise click.UsageError("Missing argument 'FIELDS...', or --fields-from.")
            return command(fields=fields, **options)
        from ..field_lists import read_field_list

        return command(fields=chain(fields, read_field_list(fields_from)), **options)

    return click.argument("fields", nargs=-1)(_fields_from_option(call))


def required_output(
    description: str, metavar: str = "OUT"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Create the required option ``-o``.

    Parameters
    ----------
    description : str
        Help text.
    metavar : str
        Placeholder in the help.
    """
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar=metavar,
        type=click.Path(path_type=Path),
        help=description,
    )


output_option = required_output("Folder to write; new, or empty.")


def paths_or_addresses(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Return the paths of an option or argument; addresses in object stores stay as they are.

    Parameters
    ----------
    context, parameter : click.Context and Parameter
        As click calls it.
    value : str, tuple of str or None
        The value.
    """
    if isinstance(value, tuple):
        return tuple(paths_or_addresses(context, parameter, one) for one in value)
    return value if value is None or "://" in value else Path(value)


run_output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    callback=paths_or_addresses,
    help="Folder to write; new, or empty.  Also one in an object store, s3://bucket/folder.",
)


def _comma_separated(
    context: click.Context, option: click.Parameter, text: str | None
) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


bands_option = click.option(
    "--bands",
    metavar="R,G,B",
    callback=_comma_separated,
    help="Bands of FITS files that hold several: one, or red,green,blue, by filter, name of the "
    "HDU, or number; by default three are chosen by wavelength.",
)


def _read_zero_points(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | dict[str, float] | None:
    if value is None:
        return None
    # Loaded late: it imports numpy.
    from ...photometry.bands import parse_zero_points

    return parse_zero_points(value)


zeropoint_option = click.option(
    "--zeropoint",
    metavar="MAG",
    callback=_read_zero_points,
    help="Magnitude of one unit of flux, of all bands (22.5) or by band (r=22.5,g=22.4); by "
    "default that of the files.",
)

prior_option = click.option(
    "--prior",
    metavar="uniform|survey|FILE",
    help="Re-weight probabilities for the class frequencies of your galaxies: equal ones, those of "
    "a magnitude-limited survey, or a YAML file 'class: frequency', a table of classes and "
    "frequencies, or a catalogue; by default those of the training.",
)

test_time_augmentation_option = click.option(
    "--test-time-augmentation/--no-test-time-augmentation",
    default=None,
    help="Classify the mean over the eight flips and quarter turns of each crop, which takes eight "
    "times as long; by default as the model was calibrated.",
)

overlays_option = click.option(
    "--overlays/--no-overlays",
    default=True,
    help="Write pictures of each field, with and without all boxes.",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace an earlier result in OUT, finished or not."
)


resolve_overlaps_option = click.option(
    "--resolve-overlaps",
    is_flag=True,
    help="Group the objects that several overlapping fields show, by their place and size on the "
    "sky: adds the columns group_id, n_detections and primary; no row is left out.",
)


coverage_option = click.option(
    "--coverage",
    is_flag=True,
    help="Also write coverage.moc.fits, the area of all fields as a coverage map (MOC) for Aladin "
    "and TOPCAT; needs galpipe[sky].",
)


def _load_with_one_thread(context: click.Context, parameter: click.Parameter, value: str) -> str:
    # While this process has one thread, worker processes are safe copies of it, and need not load
    # the libraries again.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return value


_engine_option = click.option(
    "--engine",
    type=click.Choice(["serial", "processes", "ray"]),
    default="serial",
    # Before the options that load numpy.
    is_eager=True,
    callback=_load_with_one_thread,
    help="Process fields one after another (serial), or several at a time: on this machine "
    "(processes), or on a Ray cluster (ray).",
)
_workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of processes with --engine processes or ray; by default the number of cores.",
)
_field_timeout_option = click.option(
    "--field-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time after which a field is given up; by default 600, and 10 more for each megapixel of "
    "the field, several times what one core needs.",
)


_ray_address_option = click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="Running Ray cluster for --engine ray: auto, or host:port; by default one is started on "
    "this machine.",
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the engine, such as ``--engine`` and ``--workers``.

    Parameters
    ----------
    command : callable
        Function of the command.
    """
    for option in (_field_timeout_option, _ray_address_option, _workers_option, _engine_option):
        command = option(command)
    return command


overwrite_training_option = click.option(
    "--overwrite", is_flag=True, help="Remove an earlier training in OUT and train anew."
)


def formats_option(description: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Create the option ``--format``, which may be repeated.

    Parameters
    ----------
    description : str
        Help text.
    """
    return click.option("--format", "formats", multiple=True, metavar="FORMAT", help=description)


threshold_option = click.option(
    "--score-threshold",
    type=click.FloatRange(0, 1),
    help="Lowest detection score kept; by default that of the detector.",
)


def examples(*lines: str) -> str:
    """Format examples as the epilog of a help text, one per line.

    Parameters
    ----------
    *lines : str
        Command lines.
    """
    title = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])
