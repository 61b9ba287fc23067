"""Match a catalogue with another one on the sky."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations.formats.table_names import DEGREES, NAMES
from ..errors import ConfigError, InputError
from ..files.atomic import atomic_path
from ..files.columns import Columns
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..files.safe_readers import read_json
from ..files.spreadsheet import to_cell
from ..files.tables import read_columns
from ..files.versions import record_of_versions
from ..imaging.background import MAD_TO_SIGMA
from ..imaging.footprints import unit_vectors

__all__ = ["MATCHED_TABLE", "MatchResult", "match"]

MATCHED_TABLE = "matched.ecsv"
"""Name of the table of matched sources in the output folder."""

_METRICS = "metrics.json"
_OURS = (MATCHED_TABLE, "matched.csv", _METRICS)
_ARCSEC = 3600.0


@dataclass(frozen=True)
class MatchResult:
    """Result of a match.

    Attributes
    ----------
    metrics : dict
        Numbers of rows; ``completeness``: the matched share of the other catalogue; ``purity``: the
        matched share of the catalogue; median offsets, catalogue minus other, and their scatter
        (1.4826 times the median absolute deviation), arcsec. None where there is no row.
    notes : tuple of str
        Remarks for the user.
    table : astropy.table.Table
        A row for each match: the columns of the catalogue, ``separation`` in arcsec, and the
        columns of the other catalogue with the prefix ``other_``.
    output : Path or None
        Output folder.
    """

    metrics: dict[str, Any]
    notes: tuple[str, ...]
    table: Any
    output: Path | None


def match(
    catalogue: str | Path,
    other: str | Path,
    *,
    radius: float = 2.0,
    ra: str | None = None,
    dec: str | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
) -> MatchResult:
    """Match a catalogue with another one by positions on the sky.

    Two sources match if each is the nearest of its catalogue to the other, within the radius.  Of
    the other catalogue only the sources within the fields of the run are counted, whose corners are
    in the ``run.json`` beside the catalogue.

    Parameters
    ----------
    catalogue : str or Path
        Catalogue of galpipe, or another table with sky coordinates.
    other : str or Path
        Reference catalogue: FITS, VOTable, ECSV, CSV, Parquet or SExtractor's text, with positions
        in degrees (ICRS or J2000) in columns such as ``ra`` and ``dec``, ``RAJ2000`` and
        ``DEJ2000``.
    radius : float
        Largest separation, arcsec.
    ra, dec : str, optional
        Names of the columns of `other`.
    output : str or Path, optional
        Folder for ``matched.ecsv``, ``matched.csv`` and ``metrics.json``.
    overwrite : bool
        Replace an earlier result.

    Returns
    -------
    MatchResult

    Raises
    ------
    InputError
        If a table cannot be read, or has no sky coordinates.
    ConfigError
        If the radius is not positive.
    OutputError
        If the output folder holds other data.
    """
    if not 0 < radius < math.inf:
        raise ConfigError(f"The radius is {radius:g} arcsec; give a positive number")
    ours, theirs = read_columns(catalogue), read_columns(other)
    first, second = _positions(ours), _positions(theirs, ra, dec)
    footprints = _footprints(Path(catalogue), first)
    inside = _inside(second, footprints) if footprints else np.isfinite(second[:, 0])
    folder = None
    if output is not None:
        folder = OutputFolder(output, overwrite=overwrite, record=_METRICS, ours=_OURS)
    rows, columns, closest = _mutual(first, second, inside, radius)
    offsets = _offsets(first[rows], second[columns])
    table = _matched(ours.take(rows), theirs.take(columns), offsets)
    counts = {
        "sources": int(np.isfinite(first[:, 0]).sum()),
        "other_sources": int(inside.sum()),
        "matched": len(rows),
    }
    metrics = {
        "catalogue": str(catalogue),
        "other": str(other),
        "radius_arcsec": radius,
        **counts,
        "completeness": _share(counts["matched"], counts["other_sources"]),
        "purity": _share(counts["matched"], counts["sources"]),
        **_statistics(offsets),
    }
    notes = [
        *_missing(ours.path, first),
        *_missing(theirs.path, second),
        *_footprint_note(bool(footprints), second, inside),
    ]
    if not len(rows) and math.isfinite(closest):
        notes.append(f"no two sources are within {radius:g} arcsec; the closest: {closest:.1f}")
    if folder is not None:
        with atomic_path(folder.path / MATCHED_TABLE) as beside:
            table.write(beside, format="ascii.ecsv")
        with atomic_path(folder.path / "matched.csv") as beside:
            plain = table.copy()
            for name in plain.colnames:
                if plain[name].dtype.kind == "U":
                    plain[name] = [to_cell(cell) for cell in plain[name]]
            plain.write(beside, format="ascii.csv")
        record = {"made_by": "galpipe", "status": "complete", **record_of_versions()}
        record |= {**metrics, "notes": notes}
        folder.write_json(_METRICS, record)
    return MatchResult(metrics, tuple(notes), table, None if folder is None else folder.path)


def _positions(table: Columns, ra: str | None = None, dec: str | None = None) -> NDArray[Any]:
    """Return unit vectors (N, 3) of the positions of a table; NaN where they are missing."""
    angles = []
    for role, chosen in (("ra", ra), ("dec", dec)):
        name = table.find(NAMES[role] if chosen is None else [chosen])
        if name is None:
            wanted = f"no column {chosen!r}" if chosen else "no sky coordinates"
            raise InputError(
                f"{table.path} has {wanted}. Name the columns of right ascension and declination "
                f"with --ra and --dec; it has {', '.join(table.names[:12])}."
            )
        unit = table.unit(name).lower() or "deg"
        if unit not in DEGREES:
            raise InputError(f"{table.path}: the unit {unit[:40]!r} of {name} is no angle.")
        angles.append(table.numbers(name, required=False) * DEGREES[unit])
    if not len(table):
        return np.zeros((0, 3))
    known = np.isfinite(angles[0]) & (np.abs(angles[1]) <= 90)
    if not known.any():
        raise InputError(
            f"{table.path} has no sky coordinates in any row. A catalogue has them if its fields "
            "have a WCS; another table needs decimal degrees."
        )
    return unit_vectors(*(np.where(known, angle, np.nan) for angle in angles))


def _footprints(catalogue: Path, sources: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the corners (4, 3) of the fields of a run; none if a source is in an unknown field.

    Fields without a WCS have no corners, and no source with a position.
    """
    record = catalogue.parent / RECORD_NAME
    if not record.is_file():
        return []
    content = read_json(record)
    fields = content.get("fields", []) if isinstance(content, Mapping) else []
    try:
        corners = [np.array(field["corners"], dtype=np.float64) for field in fields]
    except (KeyError, TypeError, ValueError):
        return []
    known = [corner for corner in corners if corner.shape == (4, 2)]
    footprints = [unit_vectors(corner[:, 0], corner[:, 1]) for corner in known]
    placed = sources[np.isfinite(sources[:, 0])]
    if len(known) < len(corners) and not _inside(placed, footprints).all():
        return []
    return footprints


def _inside(points: NDArray[Any], footprints: list[NDArray[Any]]) -> NDArray[np.bool_]:
    """Return which points lie in a field, whose edges are great circles."""
    inside = np.zeros(len(points), bool)
    for corners in footprints:
        normals = np.cross(corners, np.roll(corners, -1, axis=0))
        normals *= np.sign(normals @ corners.sum(axis=0))[:, np.newaxis]
        inside |= (points @ normals.T >= 0).all(axis=1) & (points @ corners.sum(axis=0) > 0)
    return inside


def _mutual(
    first: NDArray[Any], second: NDArray[Any], inside: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], float]:
    """Return the matched rows of each catalogue, and the smallest separation in arcsec."""
    from scipy.spatial import cKDTree

    rows, columns = np.flatnonzero(np.isfinite(first[:, 0])), np.flatnonzero(inside)
    none = np.zeros(0, np.intp)
    if not len(rows) or not len(columns):
        return none, none, math.inf
    ours, theirs = cKDTree(first[rows]), cKDTree(second[columns])
    chords, nearest = (np.asarray(found) for found in theirs.query(first[rows]))
    back = np.asarray(ours.query(second[columns])[1])
    angles = np.rad2deg(2 * np.arcsin(np.minimum(chords / 2, 1))) * _ARCSEC
    mutual = (back[nearest] == np.arange(len(rows))) & (angles <= radius)
    return rows[mutual], columns[nearest[mutual]], float(angles.min())


def _offsets(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the offsets to the east and to the north, first minus second, arcsec, (N, 2)."""
    zero = np.zeros(len(second))
    east = np.stack([-second[:, 1], second[:, 0], zero], axis=1)
    east /= np.maximum(np.linalg.norm(east, axis=1, keepdims=True), 1e-300)
    north = np.cross(second, east)
    step = first - second
    offsets = np.stack([(step * east).sum(axis=1), (step * north).sum(axis=1)], axis=1)
    arcseconds: NDArray[Any] = np.rad2deg(offsets) * _ARCSEC
    return arcseconds


def _statistics(offsets: NDArray[Any]) -> dict[str, float | None]:
    names = ("delta_ra_cos_dec", "delta_dec")
    if not len(offsets):
        return {f"{kind}_{name}_arcsec": None for name in names for kind in ("median", "scatter")}
    middle = np.median(offsets, axis=0)
    scatter = MAD_TO_SIGMA * np.median(np.abs(offsets - middle), axis=0)
    return {
        f"{kind}_{name}_arcsec": round(float(values[axis]), 4)
        for axis, name in enumerate(names)
        for kind, values in (("median", middle), ("scatter", scatter))
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _missing(path: Path, points: NDArray[Any]) -> list[str]:
    missing = int(np.isnan(points[:, 0]).sum()) if len(points) else 0
    return [f"{missing} rows of {path.name} have no sky coordinates"] if missing else []


def _footprint_note(known: bool, points: NDArray[Any], inside: NDArray[np.bool_]) -> list[str]:
    if not known:
        return [
            "the fields of the catalogue are unknown (no run.json with their corners beside it), "
            "so completeness holds only if the other catalogue covers the same sky"
        ]
    outside = int(np.isfinite(points[:, 0]).sum() - inside.sum())
    return [f"{outside} sources of the other catalogue are outside the fields"] if outside else []


def _matched(ours: Columns, theirs: Columns, offsets: NDArray[Any]) -> Any:
    from astropy.table import Column, Table

    table = Table()
    for columns, prefix in ((ours, ""), (theirs, "other_")):
        for name in columns.names:
            table[prefix + name] = Column(_values(columns, name), unit=_unit(columns.unit(name)))
        if columns is ours:
            separation = np.hypot(*offsets.T).round(4)
            table["separation"] = Column(
                separation, unit="arcsec", description="distance from the source of the other one"
            )
    return table


def _unit(text: str) -> str | None:
    from astropy.units import Unit

    try:
        return str(Unit(text)) if text else None
    except (ValueError, TypeError):
        return None


def _values(columns: Columns, name: str) -> NDArray[Any]:
    """Return a column as integers, numbers or text, without loss: identifiers may be long."""
    texts = columns.texts(name)
    try:
        whole = [int(text) for text in texts]
        if [str(number) for number in whole] == texts and texts:
            return np.array(whole, dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    if columns.is_text(name) or not any(texts):
        return np.array(texts, dtype=str) if texts else np.zeros(0, "U1")
    return columns.numbers(name)
