"""Memory and time of a run over many fields, without the processing of the fields themselves.

    python benchmarks/many_fields.py 1000 100000

Each number of fields is run in a process of its own, with results of ten galaxies in place of the
search.
"""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import galpipe
from galpipe.pipeline import field_work
from galpipe.pipeline.detect import detect

GALAXIES = 10


def run_many(count: int) -> None:
    """Run over a number of empty files and print the resources used."""
    pixels = np.random.default_rng(0).normal(100, 3, (64, 64))
    one = galpipe.process_field(pixels, galpipe.FieldModels(classifier=None))
    kinds = {name: values.dtype for name, values in one.rows.items()}
    rows = {name: np.ones(GALAXIES).astype(kind) for name, kind in kinds.items()}
    object.__setattr__(one, "rows", rows)
    one.record.objects["galaxy"] = GALAXIES
    field_work.split_source = lambda source: [source]  # type: ignore[assignment]
    field_work.process_field = lambda *_: one  # type: ignore[assignment]
    field_work.write_pictures = lambda _, result: result.record  # type: ignore[assignment]
    folder = Path(tempfile.mkdtemp(prefix="galpipe-many-"))
    (folder / "in").mkdir()
    for number in range(count):
        (folder / "in" / f"{number:07d}.png").touch()
    start = time.process_time()
    result = detect(folder / "in", folder / "out")
    seconds = time.process_time() - start
    assert result.tally.fields == count
    assert result.tally.rows == GALAXIES * count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    status = Path("/proc/self/status").read_text()
    now = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    print(
        f"{count} fields, {result.tally.rows} rows: {seconds:.1f} s of CPU, "
        f"{now:.0f} MB at the end, {peak:.0f} MB at most"
    )
    shutil.rmtree(folder)


def main() -> None:
    for count in map(int, sys.argv[1:] or ["1000", "100000"]):
        process = multiprocessing.get_context("spawn").Process(target=run_many, args=(count,))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
