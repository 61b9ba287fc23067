"""Find the fields and images among the inputs of a command."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, InputError
from ..files.file_types import check_regular
from ..imaging import FieldSource, find_fields
from .provenance import Failure
from .sinks import log_failure

__all__ = ["find_images", "find_sources"]

# Columns of image names in a list of images; the first one present is used.
_FILE_COLUMNS = ("file", "filename", "path", "image")


def find_sources(
    inputs: Iterable[str | Path] | str | Path, bands: Sequence[str] = ()
) -> tuple[list[FieldSource], list[Failure]]:
    """Find the fields among the inputs.

    Parameters
    ----------
    inputs : str, Path or iterable of them
        As in `galpipe.imaging.find_fields`.
    bands : sequence of str
        Bands of each field, as in `galpipe.read_field`.

    Returns
    -------
    sources : list of FieldSource
        The fields.
    failures : list of Failure
        The inputs without a field.

    Raises
    ------
    InputError
        If there is no field at all; the message lists all inputs.
    ConfigError
        If there is another number of bands than one or three.
    """
    if len(bands) not in (0, 1, 3):
        raise ConfigError(
            f"'{','.join(bands)}' names {len(bands)} bands. Give one, or three in red, green, blue "
            "order, as in --bands i,r,g"
        )
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if not given:
        raise InputError("No field given; name at least one image file or folder of images.")
    failures: list[Failure] = []

    def report(item: str | Path, error: InputError) -> None:
        failures.append(Failure(str(item), str(error)))

    try:
        found = find_fields(given, report)
    except InputError:
        # Check inputs one by one, then find the valid ones together for unique identifiers.
        valid = []
        failures.clear()
        for item in given:
            try:
                find_fields([item], report)
            except InputError as error:
                report(item, error)
            else:
                valid.append(item)
        found = find_fields(valid, lambda item, error: None)
    if not found:
        raise InputError("\n".join(failure.message for failure in failures))
    for failure in failures:
        log_failure(failure)
    return _with_bands(found, bands), failures


def _with_bands(sources: list[FieldSource], bands: Sequence[str]) -> list[FieldSource]:
    return [replace(source, bands=tuple(bands)) for source in sources]


def find_images(
    inputs: Iterable[str | Path] | str | Path,
) -> tuple[list[FieldSource], list[Failure]]:
    """Find the images among the inputs, including those listed in CSV files.

    Parameters
    ----------
    inputs : str, Path or iterable of them
        Image files, folders of images, or CSV files that list images in a column ``file``, relative
        to the folder of the CSV file.

    Returns
    -------
    sources : list of FieldSource
        The images.
    failures : list of Failure
        The inputs without an image.

    Raises
    ------
    InputError
        If there is no image at all; the message lists all inputs.
    """
    images: list[str | Path] = []
    failures: list[Failure] = []
    for item in [inputs] if isinstance(inputs, str | Path) else inputs:
        if Path(item).suffix.lower() != ".csv" or Path(item).is_dir():
            images.append(item)
            continue
        try:
            images += _listed(Path(item))
        except InputError as error:
            failures.append(Failure(str(item), str(error)))
    if failures and not images:
        raise InputError("\n".join(failure.message for failure in failures))
    sources, missing = find_sources(images)
    return sources, [*failures, *missing]


def _listed(table: Path) -> list[Path]:
    check_regular(table)
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a list of images: {error}") from error
    names = list(rows[0]) if rows else []
    column = next((name for name in _FILE_COLUMNS if name in names), None)
    if column is None:
        raise InputError(
            f"{table}: has no rows under a column named {', '.join(_FILE_COLUMNS[:-1])} or "
            f"{_FILE_COLUMNS[-1]}; the first line must name the columns"
        )
    return [table.parent / row[column] for row in rows if row[column]]
