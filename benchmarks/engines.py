"""Wall and CPU time of the engines over the same fields, without their start.

    python benchmarks/engines.py FIELD... --copies 8 --engines serial processes:1 processes:2 ray:2

Runs `galpipe detect` over copies of the fields with each engine and its number of workers, and
takes the time from the part at which each worker has had its first field to the last one.  `serial`
has a thread on each core, all others have one in each worker.  Where the cores are busy with other
work, wall times say little: see the load, and compare the CPU times.  The workers of Ray are not
children of the command, so their CPU time is not known.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(engine: str, workers: int, fields: Path, out: Path) -> tuple[float, float, float]:
    """Run an engine; return fields per second after the start, and wall and CPU seconds of all."""
    several = ["--workers", str(workers)] if engine != "serial" else []
    command = [sys.executable, "-m", "galpipe", "detect", fields, "-o", out, "--no-overlays"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run([*command, "--engine", engine, *several], check=True, capture_output=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    parts = []
    for path in out.glob("parts/*.jsonl"):
        with path.open(encoding="ascii") as lines:
            head = json.loads(next(lines))
        if "units" in head:
            parts.append((path.stat().st_mtime, len(head["units"])))
    parts.sort()
    first = workers - 1
    done, seconds = sum(count for _, count in parts[first + 1 :]), parts[-1][0] - parts[first][0]
    rate = done / seconds if seconds else float("nan")
    return rate, wall, float("nan") if engine == "ray" else cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fields", nargs="+", type=Path)
    parser.add_argument("--copies", type=int, default=8)
    kinds = ["serial", "processes:1", "processes:2", "ray:2"]
    parser.add_argument("--engines", nargs="+", default=kinds, help="NAME or NAME:WORKERS")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="galpipe-engines-"))
    (folder / "in").mkdir()
    for number in range(options.copies):
        for field in options.fields:
            shutil.copy(field, folder / "in" / f"{number:03d}-{field.name}")
    total = options.copies * len(options.fields)
    print(f"{total} fields, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print("engine       fields/s after the start  wall s  CPU s")
    for kind in options.engines:
        engine, _, workers = kind.partition(":")
        rate, wall, cpu = run(engine, int(workers or 1), folder / "in", folder / kind)
        print(f"{kind:12} {rate:24.3f}  {wall:6.1f}  {cpu:5.1f}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
