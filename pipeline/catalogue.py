"""Catalogue: one row per object, with unit, description and UCD of each column."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.units import Unit
from numpy.typing import ArrayLike, NDArray

from ..configs import VoteTreeName
from ..errors import InputError, OutputError
from ..files.atomic import atomic_path
from ..files.file_types import check_regular
from ..files.output_folder import refuse_existing
from .catalogue_formats import format_of
from .columns import FIRST_COLUMNS, catalogue_columns
from .photometry_columns import bands_among, join_bands
from .table_layout import without_rows

__all__ = ["Catalogue"]

_MISSING: dict[str, str | float | int] = {"text": "", "real": np.nan, "integer": 0, "truth": False}


class Catalogue:
    """Catalogue of the galaxies and other detected objects of one or more fields.

    Parameters
    ----------
    columns : mapping of str to array_like, shape (N,)
        Values, without units, of all columns of `galpipe.pipeline.columns.catalogue_columns`.
    class_names : sequence of str, optional
        Classes of the classifier; None for a catalogue of detections alone.
    meta : mapping, optional
        Provenance, in types supported by JSON.
    detected_classes : sequence of str, optional
        Classes of a detector of several; None for a catalogue without ``detected_class``.
    bands : mapping of str to str, optional
        Names of the bands, with the units of their pixels; None for a catalogue without photometry.
    votes : str, optional
        Campaign whose votes the classifier predicts; None if it predicts classes.
    overlaps : bool
        Objects seen in several fields are grouped.

    Attributes
    ----------
    table : astropy.table.QTable
        The rows; columns with a unit are quantities.
    class_names : tuple of str or None
        Classes, in the order of ``class_id``.
    detected_classes : tuple of str or None
        Classes of a detector of several.
    bands : dict of str to str or None
        Names of the bands, with the units of their pixels.
    votes : str or None
        Campaign whose votes the classifier predicts.
    overlaps : bool
        Objects seen in several fields are grouped.

    Raises
    ------
    ValueError
        If a column is missing, or the columns have different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> import galpipe
    >>> field = np.random.default_rng(0).normal(100, 3, (64, 64))
    >>> detect_only = galpipe.FieldModels(classifier=None)
    >>> catalogue = galpipe.process_field(field, detect_only).catalogue
    >>> bright = catalogue[catalogue["score"] > 0.8]
    >>> len(bright)
    0
    >>> bright.write("bright.fits")                                    # doctest: +SKIP
    >>> Catalogue.read("result/catalogue.ecsv")                        # doctest: +SKIP
    """

    def __init__(
        self,
        columns: Mapping[str, ArrayLike],
        class_names: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
        detected_classes: Sequence[str] | None = None,
        bands: Mapping[str, str] | None = None,
        *,
        votes: VoteTreeName | None = None,
        overlaps: bool = False,
    ) -> None:
        self.class_names = None if class_names is None else tuple(class_names)
        self.detected_classes = None if detected_classes is None else tuple(detected_classes)
        self.bands = None if bands is None else dict(bands)
        self.votes = votes
        self.overlaps = overlaps
        self._columns = catalogue_columns(
            self.class_names, self.detected_classes, self.bands, votes=votes, overlaps=overlaps
        )
        missing = [column.name for column in self._columns if column.name not in columns]
        if missing:
            raise ValueError(f"the catalogue lacks the columns {', '.join(missing)}")
        self.table = QTable()
        for column in self._columns:
            values = column.values(columns[column.name])
            self.table[column.name] = values if column.unit is None else values * Unit(column.unit)
            self.table[column.name].info.description = column.description
            self.table[column.name].info.meta = {"ucd": column.ucd}
        self.table.meta = dict(meta or {})
        if self.class_names is not None:
            self.table.meta["class_names"] = list(self.class_names)
        if self.detected_classes is not None:
            self.table.meta["detected_classes"] = list(self.detected_classes)
        if self.votes is not None:
            self.table.meta["votes"] = self.votes
        if self.bands is not None:
            self.table.meta["bands"] = self.bands

    @classmethod
    def concatenate(
        cls,
        parts: Sequence[Mapping[str, ArrayLike]],
        class_names: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
        detected_classes: Sequence[str] | None = None,
        bands: Sequence[Mapping[str, str]] | None = None,
        *,
        votes: VoteTreeName | None = None,
        overlaps: bool = False,
    ) -> Catalogue:
        """Concatenate the columns of many fields into one catalogue.

        Fields may have different bands: the catalogue has the columns of all, with NaN where a
        field lacks a band.

        Parameters
        ----------
        parts : sequence of mappings of str to array_like
            Columns of each field.
        class_names, meta, detected_classes : optional
            As in the class.
        bands : sequence of mappings of str to str, optional
            Bands of each field, with the units of their pixels.
        votes, overlaps : optional
            As in the class.
        """
        joined_bands = None if bands is None else join_bands(bands)
        required = {
            column.name
            for column in catalogue_columns(
                class_names, detected_classes, votes=votes, overlaps=overlaps
            )
        }
        joined = {
            column.name: _joined(parts, column.name, required=column.name in required)
            for column in catalogue_columns(
                class_names, detected_classes, joined_bands, votes=votes, overlaps=overlaps
            )
        }
        return cls(
            joined,
            class_names,
            meta,
            detected_classes,
            joined_bands,
            votes=votes,
            overlaps=overlaps,
        )

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, key: Any) -> Any:
        """Return columns by name, or the catalogue of some rows by slice, indices or mask."""
        if isinstance(key, str) or (
            isinstance(key, list | tuple) and key and all(isinstance(name, str) for name in key)
        ):
            return self.table[key]
        rows = np.arange(len(self))[[key] if isinstance(key, int) else key]
        return Catalogue(
            {name: np.asarray(self.table[name])[rows] for name in self.table.colnames},
            self.class_names,
            self.table.meta,
            self.detected_classes,
            self.bands,
            votes=self.votes,
            overlaps=self.overlaps,
        )

    def __repr__(self) -> str:
        kind = "galaxies" if self.detected_classes is None else "objects"
        return f"<Catalogue of {len(self)} {kind}>\n{self.table}"

    def _repr_html_(self) -> str:
        return str(self.table._repr_html_())

    def of_field(self, field: str) -> Catalogue:
        """Return the catalogue of one field.

        Parameters
        ----------
        field : str
            Identifier of the field.
        """
        catalogue: Catalogue = self[np.asarray(self.table["field"]) == field]
        return catalogue

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the catalogue atomically, in the format of the suffix.

        ========================  ================================================================
        ``.ecsv``                 CSV with units, UCDs and descriptions in comments
        ``.csv``                  values only
        ``.fits``                 binary table; units, UCDs and descriptions in the header
        ``.vot``, ``.xml``        VOTable of the IVOA
        ``.parquet``              VOParquet: units, UCDs and descriptions as a VOTable in the
                                  metadata; needs ``galpipe[parquet]``
        ``.reg``                  boxes for DS9, in the 1-based image pixels of one field
        ========================  ================================================================

        Parameters
        ----------
        path : str or Path
            File to write.
        overwrite : bool
            Replace an existing file.

        Returns
        -------
        Path
            The path written.

        Raises
        ------
        OutputError
            If the suffix is unknown, the file exists or cannot be written, or regions of several
            fields would be written.
        MissingExtraError
            If the format needs a package that is not installed.
        """
        goal = Path(path)
        form = format_of(goal)
        form.require()
        refuse_existing([goal], overwrite=overwrite)
        with atomic_path(goal) as beside, form.open(without_rows(self.table), beside) as add:
            add(self.table)
        return goal

    @classmethod
    def read(cls, path: str | Path) -> Catalogue:
        """Read a catalogue in any format of `write` except DS9 regions.

        Columns that a catalogue of an earlier version lacks are filled with missing values.

        Parameters
        ----------
        path : str or Path
            File to read.

        Raises
        ------
        InputError
            If the file is missing, unreadable or not a catalogue of galpipe.
        MissingExtraError
            If the format needs a package that is not installed.
        """
        source = Path(path)
        try:
            form = format_of(source)
        except OutputError as error:
            raise InputError(str(error)) from error
        form.require()
        check_regular(source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = form.read(source)
            columns = {name: _plain(table[name]) for name in table.colnames}
            return cls._of_file(columns, dict(table.meta))
        except InputError:
            raise
        except Exception as error:
            # Readers of damaged files may raise anything.
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise InputError(f"{source}: cannot be read as a catalogue: {reason}") from error

    @classmethod
    def _of_file(cls, columns: dict[str, NDArray[Any]], meta: dict[str, Any]) -> Catalogue:
        absent = [name for name in FIRST_COLUMNS if name not in columns]
        if absent:
            raise ValueError(f"it lacks the columns {', '.join(absent)}")
        bands = bands_among(columns, meta.get("bands", {}))
        slugs = [match[1] for name in columns if (match := re.fullmatch("prob_(.+)", name))]
        class_names = meta.get("class_names", slugs if "class_id" in columns else None)
        detected = meta.get("detected_classes")
        if detected is None and "detected_class" in columns:
            detected = sorted(set(columns["detected_class"].tolist()))
        overlaps = "group_id" in columns
        votes = meta.get("votes")
        for column in catalogue_columns(
            class_names, detected, bands, votes=votes, overlaps=overlaps
        ):
            if column.name not in columns:
                columns[column.name] = np.full(len(columns["score"]), _MISSING[column.kind])
        return cls(columns, class_names, meta, detected, bands, votes=votes, overlaps=overlaps)


def _plain(column: Any) -> NDArray[Any]:
    """Return the values of a column without unit, missing ones filled with NaN or ""."""
    values = column.value if hasattr(column, "unit") and hasattr(column, "to") else column
    missing: dict[str, float | str] = {"f": np.nan, "U": ""}
    kind = column.dtype.kind
    return np.asarray(np.ma.filled(values, missing[kind]) if kind in missing else values)


def _joined(parts: Sequence[Mapping[str, ArrayLike]], name: str, *, required: bool) -> NDArray[Any]:
    """Return a column of all parts; NaN in parts without a column that is not required."""
    columns = [
        np.asarray(part[name] if required or name in part else np.full(np.size(part["x"]), np.nan))
        for part in parts
    ]
    return np.concatenate(columns) if columns else np.zeros(0)
