"""Results of a run, read from its parts in the order of its fields, one field at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from astropy.table import QTable

from .catalogue import Catalogue
from .columns import TEXT_COLUMNS
from .histograms import Histograms
from .manifest import FieldTask, read_manifest
from .object_classes import class_numbers
from .overlaps import OverlapGroups, resolve_overlaps
from .parts import read_parts
from .photometry_columns import join_bands
from .plan import RunPlan
from .provenance import Failure, FieldRecord, RunRecord, StageClock
from .result_lines import FieldRows, read_line
from .table_layout import text_width, with_text_widths

__all__ = ["Results", "Tally"]

# Rows of a table in memory.
_ROWS = 1000


@dataclass
class Tally:
    """Counts of the results of a run.

    Attributes
    ----------
    fields, failed, unfinished : int
        Number of processed fields, of inputs that failed, and of sources not yet processed.
    galaxies : int
        Number of galaxies.
    objects : Counter of str
        Number of objects of each class of the detector.
    seconds : dict of str to float
        Time spent in each step, over all fields.
    bands : dict of str to str
        Bands of all fields, with the units of their pixels.
    histograms : Histograms
        Numbers of objects by class, size and probability.
    widths : dict of str to int
        Size of the longest text in each column of text, in bytes of UTF-8.
    distinct : int or None
        Number of objects, each counted once although several fields show it; None if overlaps are
        not resolved.
    """

    fields: int = 0
    failed: int = 0
    unfinished: int = 0
    galaxies: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    bands: dict[str, str] = field(default_factory=dict)
    histograms: Histograms = field(default_factory=Histograms)
    widths: dict[str, int] = field(default_factory=dict)
    distinct: int | None = None

    @property
    def rows(self) -> int:
        """Number of rows of the catalogue."""
        return self.objects.total()


class Results:
    """Results of a run in an output folder, so far.

    Parameters
    ----------
    folder : Path
        The output folder.
    plan : RunPlan
        Plan of the run.
    pause : callable, optional
        Called between fields while results are read; may raise an exception to end that.
    """

    def __init__(
        self, folder: Path, plan: RunPlan, pause: Callable[[], None] = lambda: None
    ) -> None:
        self.folder, self.plan = folder, plan
        self.index = read_parts(folder, plan.checksum)
        self._pause = pause

    def __iter__(self) -> Iterator[FieldRows | Failure]:
        """Yield the results in the order of the catalogue, inputs without a field first."""
        if not self.plan.overlaps:
            yield from self._read()
            return
        first = 0
        for result in self._read():
            if isinstance(result, FieldRows) and result.rows:
                last = first + len(result.rows["x"])
                rows = result.rows | self._groups.columns(first, last)
                result, first = replace(result, rows=rows), last
            yield result

    @cached_property
    def _groups(self) -> OverlapGroups:
        return resolve_overlaps(found for found in self._read() if isinstance(found, FieldRows))

    def _read(self) -> Iterator[FieldRows | Failure]:
        for task in read_manifest(self.folder):
            self._pause()
            if isinstance(task, Failure):
                yield task
                continue
            yield from self.of_task(task)

    def of_task(self, task: FieldTask) -> Iterator[FieldRows | Failure]:
        """Yield the results of the fields of a task, with the places of its files.

        Parameters
        ----------
        task : FieldTask
            The task, as `read_manifest` yields it.
        """
        for content in self.index.results(task.key):
            result = read_line(content)
            if isinstance(result, FieldRows):
                record = replace(result.record, files=task.source.places)
                result = replace(result, record=record)
            yield result

    def fields(self) -> Iterator[FieldRecord]:
        """Yield the records of the processed fields."""
        return (result.record for result in self if isinstance(result, FieldRows))

    def failures(self) -> Iterator[Failure]:
        """Yield the failures."""
        return (result for result in self if isinstance(result, Failure))

    @cached_property
    def tally(self) -> Tally:
        """The counts."""
        tally = Tally()
        clock = StageClock(tally.seconds)
        for result in self:
            if isinstance(result, Failure):
                tally.failed += 1
                continue
            tally.fields += 1
            tally.galaxies += result.record.galaxies
            tally.objects.update(result.record.objects)
            tally.bands = _joined(tally.bands, result.bands)
            if result.rows:
                tally.histograms.add(result.rows, class_numbers(result.rows, self.plan))
            for step, seconds in result.record.seconds.items():
                clock.add(step, seconds)
            for name in TEXT_COLUMNS:
                width = text_width(result.rows.get(name, ()))
                tally.widths[name] = max(tally.widths.get(name, 1), width)
        tally.bands = join_bands([tally.bands])
        tally.unfinished = sum(
            not isinstance(task, Failure) and task.key not in self.index
            for task in read_manifest(self.folder)
        )
        if self.plan.overlaps:
            tally.distinct = len(self._groups)
        return tally

    def catalogues(self) -> Iterator[Catalogue]:
        """Yield the catalogue in pieces of whole fields, all with the same columns."""
        piece: list[FieldRows] = []
        held = 0
        for result in self:
            if isinstance(result, FieldRows) and result.rows:
                piece.append(result)
                held += len(result.rows["x"])
                if held >= _ROWS:
                    yield self.catalogue_of(piece)
                    piece, held = [], 0
        if piece:
            yield self.catalogue_of(piece)

    def catalogue_of(self, fields: list[FieldRows]) -> Catalogue:
        """Return the catalogue of some fields, with the columns of the whole catalogue.

        Parameters
        ----------
        fields : list of FieldRows
            The fields.
        """
        plan = self.plan
        return Catalogue.concatenate(
            [found.rows for found in fields if found.rows],
            plan.class_names,
            plan.record.provenance(),
            plan.detected_classes,
            [self.tally.bands],
            votes=plan.votes,
            overlaps=plan.overlaps,
        )

    def catalogue(self) -> Catalogue:
        """Return the whole catalogue, in memory."""
        return self.catalogue_of([result for result in self if isinstance(result, FieldRows)])

    def head(self, rows: int) -> Catalogue:
        """Return the first rows of the catalogue.

        Parameters
        ----------
        rows : int
            Number of rows, less than a piece has.
        """
        first = next(self.catalogues(), None)
        return self.catalogue_of([]) if first is None else first[:rows]

    def layout(self) -> QTable:
        """Return the table without rows, its columns of text as wide as those of the whole."""
        return with_text_widths(self.catalogue_of([]).table, self.tally.widths)

    def record_without_fields(self, status: str) -> RunRecord:
        """Return the record of the run without fields and failures.

        Parameters
        ----------
        status : str
            As in `RunRecord`.
        """
        return replace(self.plan.record, status=status, seconds=self.tally.seconds)

    def record(self, status: str) -> RunRecord:
        """Return the record of the run, in memory, with its fields and failures.

        Parameters
        ----------
        status : str
            As in `RunRecord`.
        """
        fields, failures = list(self.fields()), list(self.failures())
        return replace(self.record_without_fields(status), fields=fields, failures=failures)


def _joined(bands: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """Return the bands of both, none as long as no field has bands."""
    return join_bands([bands, others]) if bands or others else {}
