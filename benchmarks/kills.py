"""Kill a run at random moments and continue it; its files must be those of an undisturbed run.

    python benchmarks/kills.py --count 100

Every kill is SIGKILL, SIGTERM, SIGINT or SIGINT twice of the command, or SIGKILL of its process
group or of a worker alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

FORMATS = ("ecsv", "csv", "fits", "votable", "ds9")
KILLS = ("kill", "kill group", "kill worker", "terminate", "interrupt", "interrupt twice")


def write_fields(folder: Path, count: int) -> None:
    """Write pictures of one galaxy each, and a file that is no picture."""
    folder.mkdir()
    y, x = np.mgrid[:128, :128] - 64.0
    for number in range(count):
        rng = np.random.default_rng(number)
        light = 8 + 4 * rng.standard_normal(x.shape) + 170 * np.exp(-np.hypot(x, 1.6 * y) / 9)
        cv2.imwrite(str(folder / f"f{number:03d}.png"), np.clip(light, 0, 255).astype(np.uint8))
    (folder / "f999.png").write_bytes(b"no picture")


def contents(out: Path) -> dict[str, bytes]:
    """Return all files whose content must not depend on the kills."""
    files = [*out.glob("catalogue.*"), *out.glob("regions/*"), *out.glob("*s/**/*.png")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def workers(parent: int) -> list[int]:
    """Return the processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def kill(process: subprocess.Popen[bytes], how: str, rng: random.Random) -> None:
    """End a command in one of the ways."""
    if how == "kill worker":
        if children := workers(process.pid):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(children), signal.SIGKILL)
        return
    if how == "kill group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        number = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}.get(how, signal.SIGINT)
        process.send_signal(number)
    if how == "interrupt twice":
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="number of kills")
    parser.add_argument("--fields", type=int, default=30, help="number of fields of a run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds until a kill, at most")
    parser.add_argument("models", nargs="*", help="options of galpipe run")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="galpipe-kills-"))
    write_fields(folder / "in", options.fields)
    start = [sys.executable, "-m", "galpipe", "run", str(folder / "in"), *options.models]
    start += [word for name in FORMATS for word in ("--format", name)]
    subprocess.run([*start, "-o", folder / "whole"], capture_output=True, check=False)
    expected = contents(folder / "whole")
    assert len(expected) > options.fields
    kills = runs = 0
    out = folder / "out"
    while kills < options.count:
        shutil.rmtree(out, ignore_errors=True)
        runs += 1
        while True:
            engine = rng.choice([[], ["--engine", "processes", "--workers", "2"]])
            process = subprocess.Popen(
                [*start, *engine, "-o", out],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            if kills < options.count:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(rng.uniform(0, options.longest))
            how = rng.choice(KILLS)
            if kills < options.count and process.poll() is None:
                kill(process, how, rng)
                kills += 1
            _, said = process.communicate(timeout=300)
            if process.returncode == 1 and b"KeyboardInterrupt" not in said:
                break
            # Python itself exits with 1 if it is interrupted while it starts.
            if process.returncode not in (-signal.SIGKILL, -signal.SIGTERM, 130, -signal.SIGINT, 1):
                sys.exit(f"exit code {process.returncode} after {how!r}: {said.decode()}")
        different = sorted(
            name for name, content in expected.items() if contents(out).get(name) != content
        )
        if different or contents(out).keys() != expected.keys():
            sys.exit(f"{out} differs after {how!r} in {different[:5]}: {said.decode()}")
    shutil.rmtree(folder)
    print(f"{kills} kills in {runs} runs: the results are those of an undisturbed run")


if __name__ == "__main__":
    main()
