"""Process many inputs one by one; failed ones are recorded and skipped."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, InputError, OutputError
from ..files.file_types import check_regular
from ..imaging import FieldSource, find_fields, split_source
from ..progress import Progress, count_of, open_progress
from .catalogue import Catalogue
from .field_processing import FieldModels, FieldSettings, process_field
from .provenance import Failure
from .sinks import CatalogueSink, log_failure

__all__ = ["find_images", "find_sources", "process_fields"]

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


def process_fields(
    sources: Sequence[FieldSource],
    models: FieldModels,
    settings: FieldSettings,
    sink: CatalogueSink,
    *,
    progress: bool | Progress,
) -> Catalogue:
    """Process fields and add the results to a sink, which writes them also if interrupted.

    A file that holds several fields, such as the CCDs of a mosaic camera, is opened when its turn
    comes, and each of them is processed.

    Parameters
    ----------
    sources : sequence of FieldSource
        The fields.
    models, settings : FieldModels, FieldSettings
        As in `process_field`.
    sink : CatalogueSink
        Receives results and failures.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    Catalogue
        One row per object of all fields.

    Raises
    ------
    OutputError
        If a result cannot be written.
    """
    with sink, open_progress(progress)("fields", len(sources)) as task:
        total = len(sources)
        names = {source.identifier.casefold() for source in sources}
        for source in sources:
            task.update(description=source.identifier)
            try:
                parts = split_source(source)
            except Exception as error:
                sink.fail(Failure.of(source.identifier, error))
                task.update(advance=1)
                continue
            total += len(parts) - 1
            task.update(total=total)
            for part in parts:
                if part is not source:
                    part = _unique(part, names)
                    task.update(description=part.identifier)
                try:
                    sink.add(process_field(part, models, settings))
                except OutputError:
                    # Writing the next result would fail too.
                    raise
                except Exception as error:
                    sink.fail(Failure.of(part.identifier, error))
                failed = len(sink.record.failures)
                task.update(advance=1, status=count_of(sink.galaxies, "galaxies", failed))
    return sink.catalogue()


def _unique(source: FieldSource, names: set[str]) -> FieldSource:
    """Return a field of a file with an identifier that no other field has."""
    number, name = 2, source.identifier
    while name.casefold() in names:
        name = f"{source.identifier}-{number}"
        number += 1
    names.add(name.casefold())
    return replace(source, identifier=name)


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
