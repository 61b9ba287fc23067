"""Kill a run at random moments and continue it; its files must be those of an undisturbed run.

    python benchmarks/kills.py --count 1000
    python benchmarks/kills.py --count 5 --engine ray

Every kill is SIGKILL, SIGTERM, SIGINT or SIGINT twice of the command, or SIGKILL of its process
group or of a worker alone.  No process of a command may be left 90 seconds after its end: Ray's
agents notice within a minute that all others have ended.

Most of the time of a command is spent on imports.  So nine of ten commands are copies of this
process, which has imported what a run needs and opened no model; the tenth is started as a user
does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

FORMATS = ("ecsv", "csv", "fits", "votable", "ds9")
KILLS = ("kill", "kill group", "kill worker", "terminate", "interrupt", "interrupt twice")
COPIES = 0.9  # of the commands
# Python and click exit with 1, too, if they are interrupted before the command line begins.
BEFORE_THE_START = ("KeyboardInterrupt", "Aborted!")
# Ray gives up after half a minute, on a machine that is busy with other work.
NO_CLUSTER = "No Ray cluster on this machine: The current node timed out during startup"
PATIENCE = 300.0  # seconds for a command to end
GRACE = 90.0  # seconds after its end for its processes to end
MARK = "GALPIPE_KILLS"  # variable in the environment of all processes of a command

# As the command line does, so that this process has a single thread and its copies are safe.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# Run the command within one process, and tell what it has imported.
UNDISTURBED = """
import importlib, json, sys
from galpipe.pipeline.cli import cli
from galpipe.pipeline.engines.inline import InlineEngine
importlib.import_module("galpipe.pipeline.run").open_engine = lambda *_: InlineEngine()
cli(sys.argv[1:], standalone_mode=False)
json.dump(list(sys.modules), sys.stdout)
"""


def write_fields(folder: Path, count: int) -> None:
    """Write pictures of one galaxy each, and a file that is no picture."""
    import cv2
    import numpy as np

    folder.mkdir()
    y, x = np.mgrid[:128, :128] - 64.0
    for number in range(count):
        rng = np.random.default_rng(number)
        light = 8 + 4 * rng.standard_normal(x.shape) + 170 * np.exp(-np.hypot(x, 1.6 * y) / 9)
        cv2.imwrite(str(folder / f"f{number:03d}.png"), np.clip(light, 0, 255).astype(np.uint8))
    (folder / "f999.png").write_bytes(b"no picture")


def run_undisturbed(arguments: list[str]) -> None:
    """Run without a kill, and import all modules that the run has imported at its end."""
    command = [sys.executable, "-c", UNDISTURBED, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for name in json.loads(done.stdout.splitlines()[-1]):
        # Names that packages have made up for their own modules cannot be imported.
        with suppress(ImportError):
            import_module(name)
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit("an import has started a thread, so that copies of this process are not safe")


def start(arguments: list[str], said: Path, *, copy: bool) -> int:
    """Start `galpipe` as a copy of this process or anew; return the process."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.environ[MARK] = f"{os.getpid()}"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    # A job in the background ignores SIGINT, and so would this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not copy:
        os.execv(sys.executable, [sys.executable, "-m", "galpipe", *arguments])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from galpipe.pipeline.cli import main as galpipe

    sys.argv = ["galpipe", *arguments]
    galpipe()
    raise SystemExit


def wait(process: int, seconds: float) -> int | None:
    """Return the exit code of a process, or None if it goes on for longer."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.005)


def workers(parent: int, *, actors: bool) -> list[int]:
    """Return the processes that a process started, or the actors of its Ray cluster."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            process = int(folder.name)
            parents[process] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[process] = (folder / "cmdline").read_bytes()
    if not actors:
        return [process for process, its in parents.items() if its == parent]
    found = {parent}
    while more := {process for process, its in parents.items() if its in found} - found:
        found |= more
    # Not the agents of Ray, without which a machine leaves its cluster.
    ours = (b"ray::RayWorker", b"ray::Mailbox")
    return [process for process in found if names.get(process, b"").startswith(ours)]


def kill(process: int, engine: str, how: str, rng: random.Random) -> None:
    """End a command, or a worker of it, in one of the ways."""
    if how == "kill worker":
        if children := workers(process, actors=engine == "ray"):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(children), signal.SIGKILL)
        return
    if how == "kill group":
        # A command is the leader of its group a moment after its start.
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        return
    number = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}.get(how, signal.SIGINT)
    os.kill(process, number)
    if how == "interrupt twice":
        time.sleep(rng.uniform(0, 0.2))
        os.kill(process, signal.SIGINT)


def check_that_none_is_left(ended: dict[int, float], *, wait_for_all: bool = False) -> None:
    """Exit if processes of commands are there although these ended long ago.

    `ended` has the process of each command and when it ended.
    """
    while True:
        found: dict[int, list[str]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "environ").read_bytes().split(b"\0")
                marks = [word for word in words if word.startswith(MARK.encode())]
                name = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                for mark in marks:
                    found.setdefault(int(mark.partition(b"=")[2]), []).append(name)
        left = {process: ended[process] for process in found if process in ended}
        for process, end in left.items():
            if time.monotonic() - end > GRACE:
                sys.exit(f"processes are left: {found[process]}")
        if not wait_for_all or not left:
            return
        time.sleep(1)


def contents(out: Path) -> dict[str, bytes]:
    """Return all files whose content must not depend on the kills."""
    files = [*out.glob("catalogue.*"), *out.glob("regions/*"), *out.glob("*s/**/*.png")]
    files += out.glob("pictures/*")
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
    if (out / "report.html").is_file():
        # Date and command are those of this run; all figures come after them.
        found["report.html"] = (out / "report.html").read_bytes().partition(b'id="run"')[2]
    return found


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="number of kills")
    parser.add_argument("--fields", type=int, default=30, help="number of fields of a run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds until a kill, at most")
    parser.add_argument(
        "--engine",
        choices=("serial", "processes", "ray"),
        action="append",
        help="engine of the runs; may be repeated; by default serial and processes",
    )
    parser.add_argument("models", nargs="*", help="options of galpipe run")
    options = parser.parse_args()
    engines = options.engine or ["serial", "processes"]
    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="galpipe-kills-"))
    write_fields(folder / "in", options.fields)
    arguments = ["run", str(folder / "in"), *options.models]
    arguments += [word for name in FORMATS for word in ("--format", name)]
    out, said = folder / "out", folder / "said.txt"
    run_undisturbed([*arguments, "-o", str(folder / "whole")])
    expected = contents(folder / "whole")
    assert len(expected) > options.fields
    begin = cpu_seconds()
    kills = runs = anew = 0
    ended: dict[int, float] = {}
    while kills < options.count:
        shutil.rmtree(out, ignore_errors=True)
        runs += 1
        while True:
            engine = rng.choice(engines)
            several = [] if engine == "serial" else ["--workers", "2"]
            copy = rng.random() < COPIES
            anew += not copy
            command = [*arguments, "--engine", engine, *several, "-o", str(out)]
            process = start(command, said, copy=copy)
            code, how = None, rng.choice(KILLS)
            if kills < options.count:
                code = wait(process, rng.uniform(0, options.longest))
                if code is None:
                    kill(process, engine, how, rng)
                    kills += 1
            if code is None and (code := wait(process, PATIENCE)) is None:
                sys.exit(f"{out}: the command goes on {PATIENCE:.0f} s after {how!r}")
            ended[process] = time.monotonic()
            check_that_none_is_left(ended)
            message = said.read_text()
            if code == 1 and not any(word in message for word in BEFORE_THE_START):
                break
            if code == 2 and NO_CLUSTER in message:
                continue
            if code not in (-signal.SIGKILL, -signal.SIGTERM, 130, -signal.SIGINT, 1):
                sys.exit(f"exit code {code} after {how!r}: {message}")
        found = contents(out)
        different = sorted(name for name in expected if found.get(name) != expected[name])
        if different or found.keys() != expected.keys():
            sys.exit(f"{out} differs after {how!r} in {different[:5]}: {message}")
        print(f"{kills} kills, {runs} runs", file=sys.stderr, flush=True)
    check_that_none_is_left(ended, wait_for_all=True)
    shutil.rmtree(folder)
    print(f"{kills} kills in {runs} runs: the results are those of an undisturbed run")
    print(f"{anew} commands started anew; {(cpu_seconds() - begin) / kills:.2f} CPU s a kill")


if __name__ == "__main__":
    main()
