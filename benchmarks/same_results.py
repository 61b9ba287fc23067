"""Compare two output folders of `galpipe run` or `galpipe evaluate`, value for value.

    python benchmarks/same_results.py BEFORE AFTER

Catalogues must agree in every column but `source_id`, metrics in every number.  Run the same
command with the two versions of the code first.  The exit code is 1 if anything differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

IDENTIFIERS = ["source_id"]


def catalogue_differences(before: Path, after: Path) -> list[str]:
    """Return the columns of two catalogues that differ."""
    one, other = (pd.read_csv(folder / "catalogue.csv") for folder in (before, after))
    if len(one) != len(other):
        return [f"{len(one)} and {len(other)} rows"]
    columns = [name for name in one.columns if name not in IDENTIFIERS]
    missing = [f"no column {name}" for name in columns if name not in other.columns]
    return missing or [name for name in columns if not one[name].equals(other[name])]


def metric_differences(before: Path, after: Path) -> list[str]:
    """Return the places in two files of metrics whose numbers differ."""
    one, other = (
        dict(_numbers(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))))
        for folder in (before, after)
    )
    return sorted(
        place for place in one.keys() | other.keys() if one.get(place) != other.get(place)
    )


def _numbers(content: Any, place: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _numbers(value, f"{place}/{name}")
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _numbers(value, f"{place}/{number}")
    elif isinstance(content, int | float):
        yield place, float(content)


def main(before: Path, after: Path) -> int:
    """Print the differences and return the exit code."""
    compare = catalogue_differences if (before / "catalogue.csv").is_file() else metric_differences
    differences = compare(before, after)
    print("\n".join(differences) or "the same")
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
