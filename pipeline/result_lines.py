"""Results of a field as lines of a part: rows, bands and record, or the failure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field_processing import FieldResult
from .provenance import Failure, FieldRecord

__all__ = ["FieldRows", "failure_line", "field_line", "field_of", "read_line"]


@dataclass(frozen=True, eq=False)
class FieldRows:
    """Results of a field, without pictures.

    Attributes
    ----------
    record : FieldRecord
        The record.
    rows : dict of str to ndarray, shape (N,)
        Columns of the catalogue; empty if nothing was found.
    bands : dict of str to str
        Names of the bands, with the units of their pixels.
    """

    record: FieldRecord
    rows: dict[str, NDArray[Any]]
    bands: dict[str, str]


def field_line(result: FieldResult, record: FieldRecord) -> dict[str, Any]:
    """Return the results of a field in types supported by JSON, without loss.

    Parameters
    ----------
    result : FieldResult
        Result of `process_field`.
    record : FieldRecord
        Record of the field after its pictures were written.
    """
    found = len(result.rows["x"])
    rows = {name: values.tolist() for name, values in result.rows.items()} if found else {}
    return {"record": asdict(record), "rows": rows, "bands": result.bands}


def failure_line(failure: Failure) -> dict[str, Any]:
    """Return the failure of a field in types supported by JSON.

    Parameters
    ----------
    failure : Failure
        The failure.
    """
    return {"failure": asdict(failure)}


def field_of(content: dict[str, Any]) -> str:
    """Return the identifier of the field of a line.

    Parameters
    ----------
    content : dict
        As `field_line` and `failure_line` return it.
    """
    name = content["failure"]["input"] if "failure" in content else content["record"]["field"]
    return str(name)


def read_line(content: dict[str, Any]) -> FieldRows | Failure:
    """Return the results of a field, or its failure.

    Parameters
    ----------
    content : dict
        As `field_line` and `failure_line` return it.
    """
    if "failure" in content:
        return Failure(**content["failure"])
    record = content["record"]
    for name in ("files", "notes", "images"):
        record[name] = tuple(record[name])
    record["corners"] = tuple(map(tuple, record["corners"]))
    rows = {name: np.array(values) for name, values in content["rows"].items()}
    return FieldRows(FieldRecord(**record), rows, content["bands"])
