"""Measure how long a person waits for the first picture of an upload, and for its galaxies.

    python benchmarks/serve_latency.py frame-r.fits frame-i.fits,frame-r.fits,frame-g.fits

For each field: the time from the start of the upload until the first picture, of three bands that
of the first one, is described and its tile of the whole field is there, the time until the job is
done, and that of ``galpipe run`` on the same files as a command.  The server has been used once
before, as one that a person keeps open.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

PORT = 8766


def upload(api: httpx.Client, files: list[Path]) -> str:
    """Upload the files of a field and start its job."""
    ids = []
    for path in files:
        sent = api.put("/uploads", params={"name": path.name}, content=path.read_bytes())
        ids.append(sent.raise_for_status().json()["id"])
    return str(api.post("/jobs", json={"uploads": ids}).raise_for_status().json()["id"])


def wait(api: httpx.Client, job: str) -> None:
    """Wait until a job is done."""
    with api.stream("GET", f"/jobs/{job}/events", timeout=None) as events:
        last = [line for line in events.iter_lines() if line.startswith("data:")][-1]
    if '"done"' not in last:
        raise RuntimeError(last)


def measure(api: httpx.Client, files: list[Path], repeats: int) -> tuple[float, float]:
    """Return the shortest times to the first picture and to the result."""
    pictures, results = [], []
    for _ in range(repeats):
        start = time.monotonic()
        job = upload(api, files)
        kinds = ["preview", "picture"] if len(files) > 1 else ["picture"]
        for kind in kinds:
            info = api.get(f"/jobs/{job}/{kind}").raise_for_status().json()
            level = max(info["width"], info["height"]).bit_length() - 3
            api.get(f"/jobs/{job}/{kind}_files/{level}/0_0.jpg").raise_for_status()
            if kind == kinds[0]:
                pictures.append(time.monotonic() - start)
        wait(api, job)
        results.append(time.monotonic() - start)
        api.delete(f"/jobs/{job}")
    return min(pictures), min(results)


def run(files: list[Path], repeats: int) -> float:
    """Return the shortest time of ``galpipe run``."""
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "galpipe", "run", ",".join(map(str, files))]
            start = time.monotonic()
            subprocess.run(
                [*command, "-o", str(Path(folder) / "out")], check=True, capture_output=True
            )
            times.append(time.monotonic() - start)
    return min(times)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("fields", nargs="+", help="a file, or three separated by commas")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    server = subprocess.Popen([sys.executable, "-m", "galpipe", "serve", "--port", str(PORT)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{PORT}/api", timeout=120) as api:
            while True:
                with suppress(httpx.TransportError):
                    api.get("/health").raise_for_status()
                    break
                time.sleep(0.2)
            wait(api, api.post("/jobs", json={"example": "demonstration"}).json()["id"])
            for field in options.fields:
                files = [Path(name) for name in field.split(",")]
                picture, result = measure(api, files, options.repeats)
                command = run(files, options.repeats)
                print(
                    f"{files[0].name}, {len(files)} files: first picture {picture:.2f} s, result "
                    f"{result:.2f} s, galpipe run {command:.2f} s ({result / command:.2f})",
                    flush=True,
                )
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
