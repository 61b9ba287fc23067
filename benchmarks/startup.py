"""Measure the start-up time of commands, as multiples of that of the interpreter.

    python benchmarks/startup.py

Each line is the fastest of several processes: the interpreter alone, ``galpipe --help``, and
``galpipe run`` on one rendered cutout of 424 pixels with the shipped models.  Ratios can be
compared between machines, seconds cannot.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

PROCESSES = 7
SIDE = 424


def write_cutout(path: Path) -> None:
    """Write a round galaxy of exponential profile on a noisy sky."""
    across, down = np.meshgrid(np.arange(SIDE) - SIDE / 2, np.arange(SIDE) - SIDE / 2)
    light = 200 * np.exp(-np.hypot(across, down) / 40)
    noise = np.random.default_rng(0).normal(8, 3, (SIDE, SIDE, 3))
    cv2.imwrite(str(path), np.clip(light[..., None] + noise, 0, 255).astype(np.uint8))


def fastest(*arguments: str) -> float:
    """Return the seconds of the fastest of several processes of this interpreter."""
    times = []
    for _ in range(PROCESSES):
        start = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    galpipe = ("-m", "galpipe.pipeline.cli")
    with tempfile.TemporaryDirectory() as folder:
        cutout = Path(folder) / "cutout.png"
        write_cutout(cutout)
        output = str(Path(folder) / "out")
        cases = {
            "python -c pass": ("-c", "pass"),
            "galpipe --help": (*galpipe, "--help"),
            "galpipe run CUTOUT": (*galpipe, "run", str(cutout), "-o", output, "--overwrite"),
        }
        seconds = {name: fastest(*arguments) for name, arguments in cases.items()}
    base = seconds["python -c pass"]
    for name, spent in seconds.items():
        print(f"{name:<20} {spent:7.3f} s {spent / base:7.1f} x")


if __name__ == "__main__":
    main()
