"""Measure the speed of the detection of a field beside that of programs that measure sources.

    python benchmarks/run.py FIELD... [--before TREE]

Every program processes the same fields in a process of its own, on one core, and is measured in CPU
time, so that other work on the machine matters little.
``--before`` names a checkout of another version of galpipe, measured in the same way.  SEP and
photutils subtract the sky and detect sources of three times the noise on the mean of the colours;
they are given the pixels, while galpipe reads the file.  Ratios can be compared between machines,
seconds cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

THRESHOLD = 3.0
MESH = 64


def use_galpipe() -> Callable[[Path], int]:
    """Return a function that detects the galaxies of a field, without drawing."""
    from galpipe import FieldModels, FieldSettings, process_field

    # Earlier versions had one setting for overlay and crops.
    earlier = "pictures" in FieldSettings.__dataclass_fields__
    without = {"pictures": False} if earlier else {"overlay": False, "crops": None}
    models, settings = FieldModels(classifier=None), FieldSettings(**without)
    return lambda path: process_field(path, models, settings).record.galaxies


def use_sep() -> Callable[[Any], int]:
    """Return a function that counts the sources of a plane with SEP."""
    import sep

    def count(plane: Any) -> int:
        background = sep.Background(plane, bw=MESH, bh=MESH)
        return len(sep.extract(plane - background, THRESHOLD, err=background.globalrms))

    return count


def use_photutils() -> Callable[[Any], int]:
    """Return a function that counts the sources of a plane with photutils."""
    from photutils.background import Background2D
    from photutils.segmentation import detect_sources

    def count(plane: Any) -> int:
        sky = Background2D(plane, MESH)
        found = detect_sources(plane - sky.background, THRESHOLD * sky.background_rms, n_pixels=5)
        return 0 if found is None else found.n_labels

    return count


PROGRAMS = {"galpipe": use_galpipe, "SEP": use_sep, "photutils": use_photutils}


def measure(program: str, paths: list[Path]) -> dict[str, float]:
    """Process fields with a program, and return what it found and spent, as plain numbers."""
    planes: list[Any] = list(paths)
    if program != "galpipe":
        import numpy as np

        from galpipe import read_field

        pixels = [read_field(path).pixels for path in paths]
        planes = [np.ascontiguousarray(field.mean(axis=2), np.float32) for field in pixels]
    start = process_time()
    process = PROGRAMS[program]()
    found = process(planes[0])
    first = process_time() - start
    start = process_time()
    found = sum(process(plane) for plane in planes)
    spent = process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": first, "spent": spent, "peak": peak, "found": found}


def measured(program: str, paths: list[Path], folder: Path) -> dict[str, float]:
    """Measure a program in a process that imports galpipe from a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--measure", program, *map(str, paths)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the speed of the detection of fields.")
    parser.add_argument("fields", nargs="+", type=Path)
    parser.add_argument("--before", type=Path, help="checkout of another version of galpipe")
    parser.add_argument("--measure", choices=PROGRAMS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if asked.measure:
        print(json.dumps(measure(asked.measure, asked.fields)))
        return
    import galpipe

    paths = [path.resolve() for path in asked.fields]
    megapixels = sum(field.width * field.height / 1e6 for field in map(galpipe.read_field, paths))
    trees = {"galpipe": Path(galpipe.__path__[0])}
    if asked.before is not None:
        trees["galpipe, before"] = asked.before.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name, tree in trees.items():
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "galpipe").symlink_to(tree, target_is_directory=True)
        results = {
            name: measured("galpipe", paths, Path(folder) / name) for name in reversed(trees)
        }
        for program in ("SEP", "photutils"):
            if find_spec({"SEP": "sep"}.get(program, program)) is not None:
                results[program] = measured(program, paths, Path(folder) / "galpipe")
    speed = {name: megapixels / result["spent"] for name, result in results.items()}
    print(f"{len(paths)} fields, {megapixels:.1f} megapixels\n")
    print(
        "| | megapixels per CPU second | SEP is faster by | first field, CPU s | peak, MB | found |"
    )
    print("|---|---|---|---|---|---|")
    for name, result in results.items():
        print(
            f"| {name} | {speed[name]:.2f} | {speed['SEP'] / speed[name]:.1f} | "
            f"{result['first']:.2f} | {result['peak']:.0f} | {result['found']:.0f} |"
        )


if __name__ == "__main__":
    main()
