"""Write ``run.json`` of a run field by field, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files.atomic import atomic_path
from ..files.names import printable
from ..files.output_folder import RECORD_NAME
from .results import Results

__all__ = ["write_record"]


def write_record(results: Results, status: str) -> None:
    """Write the record of a run, with the records of its fields and its failures.

    Parameters
    ----------
    results : Results
        The results so far.
    status : str
        As in `RunRecord`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    content = results.record_without_fields(status).as_dict()
    lists = {
        "fields": map(asdict, results.fields()),
        "failures": map(asdict, results.failures()),
    }
    with atomic_path(results.folder / RECORD_NAME) as beside:
        _write_json(beside, content, lists)


def _write_json(
    path: Path, content: Mapping[str, Any], lists: Mapping[str, Iterator[dict[str, Any]]]
) -> None:
    """Write a JSON object some of whose values are lists that are too long for the memory."""
    with path.open("w", encoding="utf-8") as lines:
        before = "{\n"
        for name, value in content.items():
            lines.write(f"{before}  {json.dumps(name)}: ")
            before = ",\n"
            if name not in lists:
                lines.write(_indented(value, 2))
                continue
            start = "[\n"
            for item in lists[name]:
                lines.write(f"{start}    {_indented(item, 4)}")
                start = ",\n"
            lines.write("[]" if start == "[\n" else "\n  ]")
        lines.write("\n}\n")


def _indented(value: Any, spaces: int) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return printable(text).replace("\n", "\n" + " " * spaces)
