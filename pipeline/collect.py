"""Collect the parts of a run: catalogue, annotations and record, field by field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from weakref import finalize

from ..errors import InputError
from ..files.atomic import atomic_path
from ..files.lock import is_locked, locked_folder
from ..files.remote import is_address
from .annotation_output import write_detected
from .catalogue import Catalogue
from .catalogue_formats import CATALOGUE_FORMATS
from .coverage import require_coverage, write_coverage
from .field_work import file_name
from .parts import PARTS
from .plan import RunPlan, read_plan
from .provenance import Failure, RunRecord
from .record_file import write_record
from .result_lines import FieldRows
from .results import Results, Tally
from .run_report import write_run_report
from .run_store import RunStore, open_store_run

__all__ = ["RunResult", "collect", "collect_parts", "plan_in"]

_LOCK = ".collect.lock"
_PATIENCE = 600.0  # seconds for another process to write the catalogue


@dataclass(frozen=True, eq=False)
class RunResult:
    """Result of a run, which is in the output folder and read from there when it is used.

    Attributes
    ----------
    output : Path
        The output folder: the catalogue in each format (``catalogue.ecsv``, ``catalogue.csv``),
        ``report.html``, ``overlays/``, ``pictures/``, ``crops/``, ``run.json``,
        ``config.yaml``.
    results : Results
        The results, field by field.
    status : str
        As in `RunRecord`.
    address : str
        Address of the output folder if it is in an object store; `output` is then a copy of its
        tables, which is removed with this result.
    """

    output: Path
    results: Results
    status: str
    address: str = ""

    @cached_property
    def catalogue(self) -> Catalogue:
        """One row per object: galaxies, and objects of the other classes of the detector."""
        return self.results.catalogue()

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """Inputs that could not be processed; empty if there are none."""
        return tuple(self.results.failures())

    @cached_property
    def record(self) -> RunRecord:
        """Contents of ``run.json``."""
        return self.results.record(self.status)

    @property
    def tally(self) -> Tally:
        """Numbers of fields, objects and failures."""
        return self.results.tally


def collect(
    output: str | Path, *, resolve_overlaps: bool = False, coverage: bool = False
) -> RunResult:
    """Write the catalogue of a run from what is done of it.

    A run does this at its end; it is needed while the run goes on, or after it was killed.

    Parameters
    ----------
    output : str or Path
        Output folder of the run, or its address.
    resolve_overlaps : bool
        Group the objects that are seen in several fields, also if the run does not.
    coverage : bool
        Write the coverage of the sky, also if the run does not.

    Returns
    -------
    RunResult
        Catalogue and record.

    Raises
    ------
    InputError
        If the folder holds no run.
    OutputError
        If the catalogue cannot be written.
    MissingExtraError
        If the coverage is asked for and mocpy is not installed.

    Examples
    --------
    >>> from galpipe.pipeline.collect import collect
    >>> len(collect("result").catalogue)                              # doctest: +SKIP
    25
    """
    if isinstance(output, str) and is_address(output):
        with open_store_run(output, overwrite=False) as (opened, store):
            plan = _with(plan_in(opened.path), resolve_overlaps, coverage)
            return collect_parts(opened.path, plan, "interrupted", store=store)
    folder = Path(output)
    plan = _with(plan_in(folder), resolve_overlaps, coverage)
    running = is_locked(folder)
    return collect_parts(folder, plan, "running" if running else "interrupted")


def _with(plan: RunPlan, resolve_overlaps: bool, coverage: bool) -> RunPlan:
    """Return a plan with what is asked for besides."""
    plan = replace(
        plan,
        overlaps=plan.overlaps or resolve_overlaps,
        coverage=plan.coverage or coverage,
    )
    if plan.coverage:
        require_coverage()
    return plan


def plan_in(folder: Path) -> RunPlan:
    """Return the plan of a run.

    Parameters
    ----------
    folder : Path
        Output folder of the run.

    Raises
    ------
    InputError
        If the folder holds no run.
    """
    plan = read_plan(folder)
    if plan is None:
        raise InputError(
            f"{folder}: holds no result of 'galpipe run' or 'galpipe detect' with its parts. Give "
            "the folder that was their option -o."
        )
    return plan


def collect_parts(
    folder: Path,
    plan: RunPlan,
    status: str,
    pause: Callable[[], None] = lambda: None,
    store: RunStore | None = None,
) -> RunResult:
    """Write the catalogue of a run from its parts, in all formats of its plan.

    Parameters
    ----------
    folder : Path
        Output folder.
    plan : RunPlan
        The plan.
    status : str
        Status of the run if fields are missing.
    pause : callable
        Called between fields; may raise an exception to end.
    store : RunStore, optional
        Where the results are published.

    Raises
    ------
    OutputError
        If a file cannot be written, or another process writes the catalogue for ten minutes.
    """
    if store is not None:
        store.fetch_parts()
    # A run that ends waits here for one who looks at it, so that its catalogue is the last.
    with locked_folder(folder / PARTS, _LOCK, wait=_PATIENCE, pause=pause):
        results = Results(folder, plan, pause)
        if status != "failed" and not results.tally.unfinished:
            status = "complete"
        _write_tables(results)
        _write_regions(results)
        write_coverage(results)
        if plan.annotations:
            write_detected(results)
        write_run_report(results, status)
        write_record(results, status)
    if store is None:
        return RunResult(folder, results, status)
    store.publish_rest()
    result = RunResult(folder, results, status, store.remote.url)
    finalize(results, rmtree, folder, ignore_errors=True)
    return result


def _write_tables(results: Results) -> None:
    layout = results.layout()
    with ExitStack() as files:
        writers = []
        for name, form in CATALOGUE_FORMATS.items():
            path = results.folder / f"catalogue{form.suffixes[0]}"
            if name not in results.plan.formats:
                # Of an earlier start with other formats, and now out of date.
                path.unlink(missing_ok=True)
            elif name != "ds9":
                beside = files.enter_context(atomic_path(path))
                writers.append(files.enter_context(form.open(layout, beside)))
        for piece in results.catalogues() if writers else ():
            for add in writers:
                add(piece.table)


def _write_regions(results: Results) -> None:
    if "ds9" not in results.plan.formats:
        for path in results.folder.glob("regions/*.reg"):
            path.unlink()
        return
    for result in results:
        if isinstance(result, FieldRows):
            path = results.folder / "regions" / f"{file_name(result.record.field)}.reg"
            results.catalogue_of([result]).write(path, overwrite=True)
