"""A run over many fields: start or continue it, process what is not done, collect the catalogue."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from ..errors import OutputError
from ..files.lock import locked_folder
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.remote import is_address
from ..imaging import FieldSource
from ..progress import Progress, count_of, open_progress
from .collect import RunResult, collect_parts
from .engines import Engine
from .field_processing import FieldModels, FieldSettings
from .field_work import FieldWork, PartReport
from .interrupts import Interrupts
from .manifest import FieldTask, read_manifest, write_manifest
from .parts import PartIndex, read_parts
from .plan import RunPlan, differences, fingerprint, read_plan, write_plan
from .provenance import Failure, RunRecord
from .run_store import RunStore, open_store_run

__all__ = ["open_run", "plan_of", "process_fields", "start_run"]

logger = logging.getLogger("galpipe")


@contextmanager
def open_run(
    output: str | Path, *, overwrite: bool
) -> Iterator[tuple[OutputFolder, RunStore | None]]:
    """Open the output folder of a run within the ``with`` block; a local one is locked.

    Parameters
    ----------
    output : str or Path
        The folder; created if missing.  Of an address in an object store, a local folder of work is
        opened.
    overwrite : bool
        Replace an earlier result; without it, one with a plan is kept, to be continued.

    Yields
    ------
    folder : OutputFolder
        The folder.
    store : RunStore or None
        Where its results are published; None for a local folder.

    Raises
    ------
    OutputError
        If another process writes to the folder, it holds other files, or cannot be written.
    """
    if isinstance(output, str) and is_address(output):
        with open_store_run(output, overwrite=overwrite) as opened:
            yield opened
        return
    with locked_folder(output):
        earlier = None if overwrite else read_plan(Path(output))
        yield OutputFolder(output, overwrite=overwrite, resume=earlier is not None), None


def plan_of(
    record: RunRecord,
    settings: FieldSettings,
    bands: Sequence[str],
    class_names: Sequence[str] | None,
    detected_classes: Sequence[str] | None,
    formats: Sequence[str],
    annotations: Sequence[str] = (),
    *,
    overlaps: bool = False,
    coverage: bool = False,
) -> RunPlan:
    """Return the plan of a run.

    Parameters
    ----------
    record : RunRecord
        The record, with the models.
    settings : FieldSettings
        Settings of each field.
    bands : sequence of str
        Bands of each field.
    class_names, detected_classes : sequence of str or None
        Classes of the classifier, and of a detector of several.
    formats, annotations : sequence of str
        Formats of the catalogue and of the annotations.
    overlaps : bool
        Group the objects that are seen in several fields.
    coverage : bool
        Write the coverage of the sky.
    """
    stretch = settings.stretch
    content: dict[str, Any] = {
        "score_threshold": record.score_threshold,
        "galaxy_classes": settings.galaxy_classes,
        "stretch": None if stretch is None else stretch.model_dump(mode="json"),
        "crop_margin": settings.crop_margin,
        "zeropoint": settings.zeropoint,
        "overlays": settings.overlay,
        "crops": settings.crops or "none",
        "bands": list(bands) or None,
    }
    return RunPlan(
        fingerprint(record.command, record.provenance()["models"], content),
        record,
        None if class_names is None else tuple(class_names),
        None if detected_classes is None else tuple(detected_classes),
        tuple(formats),
        tuple(annotations),
        overlaps,
        coverage,
    )


def start_run(
    folder: OutputFolder, plan: RunPlan, sources: Sequence[FieldSource], failures: list[Failure]
) -> RunPlan:
    """Write plan and list of fields, unless the folder holds a run that differs.

    Parameters
    ----------
    folder : OutputFolder
        The output folder.
    plan : RunPlan
        The plan.
    sources : sequence of FieldSource
        The fields.
    failures : list of Failure
        Inputs without a field.

    Returns
    -------
    RunPlan
        The plan, with the time of the first start.

    Raises
    ------
    OutputError
        If the results there have another fingerprint, or are of fields that are not among these.
    """
    earlier = read_plan(folder.path)
    if earlier is not None and earlier.fingerprint != plan.fingerprint:
        changes = "; ".join(differences(earlier.fingerprint, plan.fingerprint))
        raise OutputError(
            f"{folder.path}: holds a run that cannot be continued, since it differs from this one: "
            f"{changes}. Choose another output folder, or add --overwrite (in Python: "
            "overwrite=True) to replace it."
        )
    write_manifest(folder.path, sources, failures)
    if earlier is None:
        record = replace(plan.record, status="running")
        write_plan(folder.path, plan)
        folder.write_json(RECORD_NAME, record.as_dict())
        return plan
    plan = replace(plan, record=replace(plan.record, started=earlier.record.started))
    write_plan(folder.path, plan)
    return plan


def process_fields(
    folder: Path,
    plan: RunPlan,
    models: FieldModels,
    settings: FieldSettings,
    engine: Engine,
    progress: bool | Progress,
    store: RunStore | None = None,
) -> RunResult:
    """Process the fields of a run that are not done, and collect the catalogue.

    The catalogue is written also if the run is interrupted or fails.

    Parameters
    ----------
    folder : Path
        Output folder.
    plan : RunPlan
        The plan; the fields are listed in the folder.
    models, settings : FieldModels, FieldSettings
        As in `process_field`.
    engine : Engine
        Processes the fields.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.
    store : RunStore, optional
        Where the results are published.

    Raises
    ------
    KeyboardInterrupt
        If the run is interrupted, after the catalogue is written.
    OutputError
        If a result cannot be written.
    """
    done = read_parts(folder, plan.checksum)
    total = sum(isinstance(task, FieldTask) for task in read_manifest(folder))
    left = sum(1 for _ in _unfinished(folder, done))
    if total - left:
        logger.info("%s", _continued(total, left))
    tasks = _unfinished(folder, done)
    # Kept by the tasks as long as these are needed.
    del done
    work = FieldWork(models, settings, folder, plan.checksum, store)
    if store is not None:
        store.publish_plan()
    status = "failed"
    with Interrupts() as interrupts:
        try:
            if left:
                with closing(engine.run(work, tasks, interrupts)) as reports:
                    _follow(reports, total, left, open_progress(progress))
            status = "interrupted"
        except KeyboardInterrupt:
            status = "interrupted"
            interrupts.count = max(interrupts.count, 1)
        finally:
            result = collect_parts(folder, plan, status, interrupts.check, store)
    if interrupts.count and result.status != "complete":
        raise KeyboardInterrupt
    return result


def _unfinished(folder: Path, done: PartIndex) -> Iterator[FieldTask]:
    return (
        task
        for task in read_manifest(folder)
        if isinstance(task, FieldTask) and task.key not in done
    )


def _follow(reports: Iterator[PartReport], total: int, left: int, progress: Progress) -> None:
    """Show the progress of the reports, with the fields per second."""
    galaxies = failed = fields = 0
    start = monotonic()
    with progress("fields", total) as task:
        task.update(advance=total - left)
        for report in reports:
            galaxies, failed = galaxies + report.galaxies, failed + report.failed
            fields += report.fields
            total += report.fields - report.tasks
            speed = fields / max(monotonic() - start, 1e-3)
            status = f"{count_of(galaxies, 'galaxies', failed)}, {speed:.2g} fields/s"
            task.update(total=total, advance=report.fields, status=status)


def _continued(total: int, left: int) -> str:
    if not left:
        return "Everything is done already; the catalogue is written again"
    return f"{total - left} of {total} inputs are done already; going on with the others"
