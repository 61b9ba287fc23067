"""Measure the speed of the detection of a field beside that of programs that measure sources.

    python benchmarks/run.py FIELD... [--before TREE] [--detector BUNDLE]

Every program runs in a process of its own, and all of them process each field one after another, on
one core, three times.  The least CPU time of each field counts, so that other work on the machine
matters little.
``--before`` names a checkout of another version of galpipe, ``--detector`` a detector other than
the default, measured in the same way.  SEP and photutils subtract the sky and detect sources of
three times the noise on the mean of the colours; they are given the pixels, while galpipe and SAHI
read the file.  SAHI, if it is installed, searches slices with the same detector as galpipe.  Ratios
can be compared between machines, seconds cannot.
"""

from __future__ import annotations

import argparse
import json
import math
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

ROUNDS = 3
THRESHOLD = 3.0
MESH = 64


def use_galpipe(detector: Path | None) -> Callable[[Path], int]:
    """Return a function that detects the galaxies of a field, without drawing."""
    from galpipe import FieldModels, FieldSettings, process_field

    # Earlier versions had one setting for overlay and crops.
    earlier = "pictures" in FieldSettings.__dataclass_fields__
    without = {"pictures": False} if earlier else {"overlay": False, "crops": None}
    chosen = {} if detector is None else {"detector": detector}
    models, settings = FieldModels(classifier=None, **chosen), FieldSettings(**without)
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


def use_sahi() -> Callable[[Path], int]:
    """Return a function that counts the galaxies of a field with SAHI."""
    from sahi_slices import GalpipeModel, count_galaxies

    model = GalpipeModel()
    return lambda path: count_galaxies(path, model)


OTHERS = {"SAHI": use_sahi, "SEP": use_sep, "photutils": use_photutils}
READERS = {"galpipe", "SAHI"}


def serve(program: str, paths: list[Path], detector: Path | None) -> None:
    """Process the fields whose numbers are read, and print what was found and spent."""
    planes: list[Any] = list(paths)
    if program not in READERS:
        import numpy as np

        from galpipe import read_field

        pixels = [read_field(path).pixels for path in paths]
        planes = [np.ascontiguousarray(field.mean(axis=2), np.float32) for field in pixels]
    start = process_time()
    process = use_galpipe(detector) if program == "galpipe" else OTHERS[program]()
    process(planes[0])
    print(process_time() - start, flush=True)
    for line in sys.stdin:
        start = process_time()
        found = process(planes[int(line)])
        spent = process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([found, spent, peak]), flush=True)


class Program:
    """A program in a process of its own that imports galpipe from a folder."""

    def __init__(
        self, program: str, paths: list[Path], folder: Path, detector: Path | None = None
    ) -> None:
        modules = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": modules, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--serve", program, *map(str, paths)]
        if detector is not None:
            command += ["--detector", str(detector)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = float(self._answer())
        self.peak = 0.0
        self._found = [0] * len(paths)
        self._spent = [math.inf] * len(paths)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("a program ended early, see above")
        return answer

    def process(self, number: int) -> None:
        """Process a field, and keep the least time of it."""
        assert self._process.stdin is not None
        print(number, file=self._process.stdin, flush=True)
        self._found[number], spent, self.peak = json.loads(self._answer())
        self._spent[number] = min(self._spent[number], spent)

    @property
    def found(self) -> int:
        return sum(self._found)

    @property
    def spent(self) -> float:
        return sum(self._spent)

    def end(self) -> None:
        self._process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the speed of the detection of fields.")
    parser.add_argument("fields", nargs="+", type=Path)
    parser.add_argument("--before", type=Path, help="checkout of another version of galpipe")
    parser.add_argument("--detector", type=Path, help="a detector to measure besides the default")
    parser.add_argument("--serve", choices=["galpipe", *OTHERS], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if asked.serve:
        serve(asked.serve, asked.fields, asked.detector)
        return
    import galpipe

    paths = [path.resolve() for path in asked.fields]
    megapixels = sum(field.width * field.height / 1e6 for field in map(galpipe.read_field, paths))
    trees = {"galpipe": Path(galpipe.__path__[0])}
    if asked.before is not None:
        trees = {"galpipe, before": asked.before.resolve()} | trees
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: Path(temporary) / name for name in trees}
        for name, tree in trees.items():
            folders[name].mkdir()
            (folders[name] / "galpipe").symlink_to(tree, target_is_directory=True)
        programs = {name: Program("galpipe", paths, folder) for name, folder in folders.items()}
        own = folders["galpipe"]
        if asked.detector is not None:
            detector = asked.detector.resolve()
            programs[f"galpipe, {asked.detector.name}"] = Program("galpipe", paths, own, detector)
        for name in OTHERS:
            if find_spec(name.lower()) is not None:
                programs[name] = Program(name, paths, own)
        for _ in range(ROUNDS):
            for number in range(len(paths)):
                for program in programs.values():
                    program.process(number)
        for program in programs.values():
            program.end()
    speed = {name: megapixels / program.spent for name, program in programs.items()}
    print(f"{len(paths)} fields, {megapixels:.1f} megapixels\n")
    print(
        "| | megapixels per CPU second | SEP is faster by | first field, CPU s | peak, MB | found "
        "| found per CPU second |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, program in programs.items():
        print(
            f"| {name} | {speed[name]:.2f} | {speed['SEP'] / speed[name]:.1f} | "
            f"{program.first:.2f} | {program.peak:.0f} | {program.found} | "
            f"{program.found / program.spent:.0f} |"
        )


if __name__ == "__main__":
    main()
