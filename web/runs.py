"""Results of runs, in their output folders: fields and objects, as the catalogue states them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from ..classification.class_names import class_slug
from ..imaging import FieldSource, Stretch
from ..imaging.draw import class_colour
from ..pipeline.catalogue import Catalogue
from ..pipeline.collect import plan_in
from ..pipeline.columns import Flag
from ..pipeline.field_work import crop_files
from ..pipeline.manifest import read_manifest
from ..pipeline.object_classes import ObjectClass, object_classes
from ..pipeline.parts import PARTS
from ..pipeline.photometry_columns import photometry_columns
from ..pipeline.plan import RunPlan
from ..pipeline.provenance import Failure, FieldRecord
from ..pipeline.result_lines import FieldRows, read_line
from ..pipeline.results import Results
from .job_state import UploadedField
from .schemas import ClassInfo, GalaxyObject

__all__ = ["FieldPlace", "OpenRun", "class_infos"]


@dataclass(frozen=True)
class FieldPlace:
    """Place of the results of a field, and what lists show of it.

    Attributes
    ----------
    number : int
        Number of the field in the run, from 0.
    key : int
        Key of its task.
    place : int
        Number of the field in its task.
    record : FieldRecord
        The record.
    source : FieldSource
        The files of the field, to read it from.
    """

    number: int
    key: int
    place: int
    record: FieldRecord
    source: FieldSource


class OpenRun:
    """Run in an output folder, finished or in progress.

    Parameters
    ----------
    identifier : str
        Identifier in addresses.
    folder : Path
        The output folder.
    name : str
        Name for users.
    temporary : bool
        Whether the server removes it.
    upload : UploadedField, optional
        Files of its field, for the result of a job in the folder of the job; by default those that
        the run lists, under their own names.
    address : str
        Address of the output folder in an object store, of which `folder` is a local copy.

    Raises
    ------
    InputError
        If the folder holds no run.
    """

    def __init__(
        self,
        identifier: str,
        folder: Path,
        name: str,
        *,
        temporary: bool = False,
        upload: UploadedField | None = None,
        address: str = "",
    ) -> None:
        self.id, self.folder, self.name = identifier, folder, name
        self.temporary, self.place = temporary, address or str(folder)
        self._upload = upload
        self._names = {} if upload is None else upload.names_in(folder.parent)
        self._lock = threading.Lock()
        self._stamp: object = None
        self.refresh()

    def refresh(self) -> None:
        """Read the list of fields again, if results were added."""
        with self._lock:
            plan = plan_in(self.folder)
            stamp = (self.folder / PARTS).stat().st_mtime_ns
            if stamp == self._stamp:
                return
            self.plan: RunPlan = plan
            self.results = Results(self.folder, plan)
            self.fields, self.failures = self._list_fields()
            self._stamp = stamp

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of the classifier; of a run without, those of the detector."""
        if self.plan.class_names is not None:
            return self.plan.class_names
        return tuple(self.plan.record.models["detector"]["class_names"])

    @property
    def other_classes(self) -> tuple[ObjectClass, ...]:
        """Classes of the detector that are not classified further."""
        if self.plan.class_names is None or self.plan.detected_classes is None:
            return ()
        of_detector = object_classes(self.plan)[len(self.plan.class_names) :]
        galaxies = self.plan.record.galaxy_classes
        return tuple(item for item in of_detector if item.name not in galaxies)

    @property
    def status(self) -> str:
        """``complete`` or ``unfinished``."""
        return "unfinished" if self.results.tally.unfinished else "complete"

    def field(self, number: int) -> FieldPlace:
        """Return a field.

        Parameters
        ----------
        number : int
            Number of the field.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        if not 0 <= number < len(self.fields):
            raise KeyError(number)
        return self.fields[number]

    def rows(self, number: int) -> FieldRows:
        """Return the results of a field.

        Parameters
        ----------
        number : int
            Number of the field.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        field = self.field(number)
        line = list(self.results.index.results(field.key))[field.place]
        found = read_line(line)
        if not isinstance(found, FieldRows):
            raise KeyError(number)
        return replace(found, record=field.record)

    def stretch(self) -> Stretch:
        """Return the stretch of the run."""
        return Stretch.model_validate(self.plan.fingerprint["settings"].get("stretch") or {})

    def file_names(self, record: FieldRecord) -> list[str]:
        """Return the names of the files of a field for users.

        Parameters
        ----------
        record : FieldRecord
            Record of the field.
        """
        return [self._name(path) for path in record.files]

    def names_of(self, source: FieldSource) -> dict[str, str]:
        """Return names for messages, which need not show their folders, of the files of a field.

        Parameters
        ----------
        source : FieldSource
            The files.
        """
        return {str(path): self._name(path) for path in source.paths}

    def objects(self, found: FieldRows) -> list[GalaxyObject]:
        """Return the objects of a field, with the numbers of the catalogue.

        Parameters
        ----------
        found : FieldRows
            Results of the field.
        """
        if not found.rows:
            return []
        catalogue = self.results.catalogue_of([found])
        columns = {
            name: np.asarray(catalogue.table[name]).tolist() for name in catalogue.table.colnames
        }
        measured = self._measured(catalogue, found)
        there = {source for source, path in self.crop_paths(found).items() if path.is_file()}
        return [
            _object(
                {name: values[row] for name, values in columns.items()},
                self.plan.class_names,
                measured,
                crop=columns["source_id"][row] in there,
            )
            for row in range(len(catalogue))
        ]

    def units(self, found: FieldRows) -> dict[str, str]:
        """Return the units of the photometry of a field by column.

        Parameters
        ----------
        found : FieldRows
            Results of the field.
        """
        columns = photometry_columns(found.bands) if found.bands else ()
        return {column.name: column.unit or "" for column in columns}

    def crop_paths(self, found: FieldRows) -> dict[str, Path]:
        """Return the files of the crops by source, which may be missing.

        Parameters
        ----------
        found : FieldRows
            Results of the field.
        """
        rows = found.rows
        sources = rows["source_id"].tolist() if rows else []
        classified = rows["class_id"] >= 0 if "class_id" in rows else [False] * len(sources)
        files = crop_files(found.record.field, sources, classified)
        return {
            source: self.folder / file for source, file in zip(sources, files, strict=True) if file
        }

    def _list_fields(self) -> tuple[list[FieldPlace], list[Failure]]:
        fields: list[FieldPlace] = []
        failures: list[Failure] = []
        for task in read_manifest(self.folder):
            if isinstance(task, Failure):
                failures.append(task)
                continue
            if self._upload is not None:
                # A result from an object store may name any file of this machine, or any address.
                paths = self._upload.source(self.folder.parent).paths
                source = replace(task.source, paths=paths, urls=(), versions=())
                task = replace(task, source=source)
            for place, found in enumerate(self.results.of_task(task)):
                if isinstance(found, Failure):
                    failures.append(found)
                    continue
                record = found.record
                images = record.images or task.source.images
                source = replace(task.source, identifier=record.field, images=images)
                fields.append(FieldPlace(len(fields), task.key, place, record, source))
        return fields, failures

    def _name(self, path: str | Path) -> str:
        return self._names.get(str(path), Path(path).name)

    def _measured(self, catalogue: Catalogue, found: FieldRows) -> tuple[str, ...]:
        return tuple(name for name in self.units(found) if name in catalogue.table.colnames)


def class_infos(names: tuple[str, ...]) -> list[ClassInfo]:
    """Return classes with their colours in pictures.

    Parameters
    ----------
    names : tuple of str
        The classes, the first of all.
    """
    return [ClassInfo(name=name, colour=class_colour(number)) for number, name in enumerate(names)]


def _object(
    row: dict[str, Any],
    class_names: tuple[str, ...] | None,
    measured: tuple[str, ...],
    *,
    crop: bool,
) -> GalaxyObject:
    classified = class_names is not None and row["class_id"] >= 0
    probabilities = None
    if classified:
        probabilities = [row[f"prob_{class_slug(name)}"] for name in class_names or ()]
    flags = Flag(row["flags"])
    return GalaxyObject(
        source_id=row["source_id"],
        x=row["x"],
        y=row["y"],
        ra=_number(row["ra"]),
        dec=_number(row["dec"]),
        box=(row["xmin"], row["ymin"], row["xmax"], row["ymax"]),
        score=row["score"],
        label=row["class_name"] if classified else row.get("detected_class", "galaxy"),
        probability=_number(row["probability"]) if classified else None,
        probabilities=probabilities,
        flags=[str(flag.name).lower() for flag in Flag if flag in flags],
        crop=crop,
        measured={name: _number(row[name]) for name in measured},
    )


def _number(value: Any) -> float | None:
    return float(value) if isfinite(value) else None
