"""Many fields, one after the other: failures are kept aside, results are written as they come."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from numpy.typing import NDArray

from ..errors import GalpipeError, InputError, OutputError
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..imaging import FieldSource, find_fields
from ..progress import Progress, count_of, open_progress
from .catalogue import Catalogue
from .field_processing import Stages
from .provenance import Failure, RunRecord

__all__ = ["find_sources", "note_failure", "search_fields", "write_results"]

logger = logging.getLogger("galpipe")

# Results are written again at most this often (seconds), and so seldom that writing takes at most
# this share of the time: a long run loses little when its machine is switched off.
_WRITE_EVERY = 60.0
_WRITE_SHARE = 0.05


def find_sources(
    inputs: Iterable[str | Path] | str | Path,
) -> tuple[list[FieldSource], list[Failure]]:
    """Find the fields among the inputs, and the inputs that lead to none.

    Raises
    ------
    InputError
        If no input leads to a field; the message names every one.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if not given:
        raise InputError("No field was given; name at least one image file or folder of images.")
    try:
        return find_fields(given), []
    except InputError:
        # Found one by one to tell the good inputs, then together to give each field its own name.
        good, failures = [], []
        for one in given:
            try:
                find_fields([one])
            except InputError as error:
                failures.append(Failure(str(one), str(error)))
            else:
                good.append(one)
    if not good:
        raise InputError("\n".join(failure.message for failure in failures))
    for failure in failures:
        _report(failure)
    return find_fields(good), failures


def search_fields(
    sources: Sequence[FieldSource],
    stages: Stages,
    folder: OutputFolder,
    record: RunRecord,
    *,
    progress: bool | Progress,
) -> Catalogue:
    """Work on every field; write catalogue and record, also when interrupted.

    A field that fails is named in the record and the rest goes on.

    Raises
    ------
    OutputError
        If a result cannot be written: the rest would fail in the same way.
    """
    classes = stages.class_names, stages.detected_classes
    parts: list[dict[str, NDArray[Any]]] = []
    record.status = "running"
    found = 0
    catalogue = write_results(folder, record, parts, *classes)
    last, pause = monotonic(), _WRITE_EVERY
    try:
        with open_progress(progress)("fields", len(sources)) as task:
            for source in sources:
                task.update(description=source.identifier)
                try:
                    result = stages(source)
                except OutputError:
                    raise
                except GalpipeError as error:
                    note_failure(record, Failure(source.identifier, str(error)))
                except Exception as error:
                    logger.debug("%s failed", source.identifier, exc_info=True)
                    message = f"{source.identifier}: {type(error).__name__}: {error}"
                    note_failure(record, Failure(source.identifier, message, expected=False))
                else:
                    parts.append(result.rows)
                    record.add(result.record)
                    found += result.record.galaxies
                    for note in result.record.notes:
                        logger.warning("%s: %s", source.identifier, note)
                task.update(advance=1, status=count_of(found, "galaxies", len(record.failures)))
                if monotonic() - last > pause:
                    start = monotonic()
                    write_results(folder, record, parts, *classes)
                    last = monotonic()
                    pause = max(_WRITE_EVERY, (last - start) / _WRITE_SHARE)
        record.status = "complete"
    except KeyboardInterrupt:
        record.status = "interrupted"
        raise
    except BaseException:
        record.status = "failed"
        raise
    finally:
        catalogue = write_results(folder, record, parts, *classes)
    return catalogue


def write_results(
    folder: OutputFolder,
    record: RunRecord,
    parts: Sequence[dict[str, NDArray[Any]]],
    class_names: Sequence[str] | None,
    detected_classes: Sequence[str] | None,
) -> Catalogue:
    """Write the catalogue and the record as they stand."""
    catalogue = Catalogue.concatenate(parts, class_names, record.provenance(), detected_classes)
    catalogue.write(folder.path / "catalogue.ecsv", overwrite=True)
    catalogue.write(folder.path / "catalogue.csv", overwrite=True)
    folder.write_json(RECORD_NAME, record.as_dict())
    return catalogue


def note_failure(record: RunRecord, failure: Failure) -> None:
    """Keep a failure in the record and say it to whoever listens."""
    record.failures.append(failure)
    _report(failure)


def _report(failure: Failure) -> None:
    # Marked, for a listener that names the failures at the end and not as they come.
    logger.warning("%s", failure.message, extra={"failure": True})
