"""Find the fields and images among the inputs of a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..datasets.image_reader import find_in_data_file, is_data_file
from ..errors import ConfigError, InputError
from ..imaging import FieldSource, FoundFields, find_fields
from .field_lists import expand_pattern, listed_paths
from .provenance import Failure
from .remote_fields import look_up_addresses
from .sinks import log_failure

__all__ = ["find_images", "find_in_data_files", "find_sources"]

_NOTHING_GIVEN = "No field given; name at least one image file or folder of images."


def find_sources(
    inputs: Iterable[str | Path | FieldSource] | str | Path, bands: Sequence[str] = ()
) -> tuple[FoundFields, list[Failure]]:
    """Find the fields among the inputs.

    Parameters
    ----------
    inputs : str, Path, FieldSource or iterable of them
        As in `galpipe.imaging.find_fields`, patterns as in `expand_pattern`, and addresses as in
        `look_up_addresses`.
    bands : sequence of str
        Bands of each field, as in `galpipe.read_field`.

    Returns
    -------
    sources : FoundFields
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
    failures: list[Failure] = []

    def report(item: str | Path | FieldSource, error: InputError) -> None:
        failures.append(Failure(str(item), str(error)))

    def expanded() -> Iterator[str | Path | FieldSource]:
        for item in look_up_addresses(named, report):
            try:
                yield from [item] if isinstance(item, FieldSource) else expand_pattern(item)
            except InputError as error:
                report(item, error)

    named = [inputs] if isinstance(inputs, str | Path) else inputs
    found = find_fields(expanded(), report)
    if not found:
        raise InputError("\n".join(failure.message for failure in failures) or _NOTHING_GIVEN)
    for failure in failures:
        log_failure(failure)
    return found.with_bands(bands), failures


def find_images(
    inputs: Iterable[str | Path] | str | Path,
) -> tuple[FoundFields, list[Failure]]:
    """Find the images among the inputs, including those listed in CSV files.

    Parameters
    ----------
    inputs : str, Path or iterable of them
        Image files, folders of images, patterns of these, or CSV files that list images as in
        `listed_paths`.

    Returns
    -------
    sources : FoundFields
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
            images += listed_paths(Path(item))
        except InputError as error:
            failures.append(Failure(str(item), str(error)))
    if failures and not images:
        raise InputError("\n".join(failure.message for failure in failures))
    sources, missing = find_sources(images)
    return sources, [*failures, *missing]


def find_in_data_files(
    inputs: Iterable[str | Path] | str | Path,
) -> tuple[list[Path], list[str | Path], list[Failure]]:
    """Find the images in the data files and ZIP archives among the inputs.

    Parameters
    ----------
    inputs : str, Path or iterable of them
        Files of Galaxy10, ZIP archives of images, and any others.

    Returns
    -------
    images : list of Path
        The images, as `~galpipe.datasets.image_reader.ImageReader` reads them.
    others : list of str or Path
        The inputs that are no such files.
    failures : list of Failure
        Data files and archives without an image.
    """
    images: list[Path] = []
    others: list[str | Path] = []
    failures: list[Failure] = []
    for item in [inputs] if isinstance(inputs, str | Path) else inputs:
        if not is_data_file(Path(item)):
            others.append(item)
            continue
        try:
            images += find_in_data_file(Path(item))
        except InputError as error:
            failures.append(Failure.of(str(item), error))
    return images, others, failures
