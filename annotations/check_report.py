"""What a check found, for programs to read."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

from ..errors import OutputError
from ..files.atomic import atomic_path
from .check import Check

__all__ = ["REPORT_SUFFIXES", "write_report"]

REPORT_SUFFIXES = (".json", ".csv")

_COLUMNS = ("record", "kind", "file", "image", "object", "message")


def write_report(path: str | Path, result: Check) -> Path:
    """Write every fault and every change, as JSON or CSV by the suffix.

    The CSV has the columns record (``fault`` or ``change``), kind, file, image, object and message.
    The JSON has these without the first under ``faults`` and ``changes``, and beside them ``path``,
    ``format``, ``images_folder``, the numbers of ``images`` and ``objects``, ``counts`` of each
    kind of fault, and ``mended``, the path of the mended copy.

    Raises
    ------
    OutputError
        If the suffix is neither, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in REPORT_SUFFIXES:
        raise OutputError(f"{path}: a report is written as {' or '.join(REPORT_SUFFIXES)}.")
    rows = [{"record": "fault", **asdict(fault)} for fault in result.faults]
    rows += [{"record": "change", **asdict(change)} for change in result.changes]
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        else:
            json.dump(_summary(result), file, indent=1)
            file.write("\n")
    return path


def _summary(result: Check) -> dict[str, object]:
    return {
        "path": str(result.path),
        "format": result.form.name,
        "images_folder": None if result.images_folder is None else str(result.images_folder),
        "images": result.images,
        "objects": result.objects,
        "counts": result.counts,
        "faults": [asdict(fault) for fault in result.faults],
        "mended": None if result.mended is None else str(result.mended),
        "changes": [asdict(change) for change in result.changes],
    }
