"""Upload many fields to a server from many clients at once.

    python benchmarks/serve_load.py --uploads 200 --clients 20

Every field has a size of its own, so a result that belongs to another field is seen.  Nothing may
be lost or mixed up: a client that is answered 429 waits and sends again.  When half of the fields
are done, the process of a job is killed; its client is told so and sends the field again.  Prints
the uploads, the answers 429, the times from upload to result, and the memory of the server.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import httpx
import numpy as np

PORT = 8765


def field(number: int) -> tuple[bytes, int, int]:
    """Return a picture of one galaxy, and its size, which no other has."""
    width, height = 64 + number % 20, 64 + number // 20
    y, x = np.mgrid[:height, :width]
    light = np.hypot(x - width / 2, 1.6 * (y - height / 2))
    noise = 4 * np.random.default_rng(number).standard_normal(light.shape)
    pixels = np.clip(8 + noise + 170 * np.exp(-light / 7), 0, 255).astype(np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes(), width, height


def search(client: httpx.Client, number: int, answers: Counter[str]) -> float:
    """Search a field; return the time that it took, and count what else was answered."""
    content, width, height = field(number)
    start = time.monotonic()

    def insist(method: str, path: str, **body: object) -> httpx.Response:
        while True:
            answer = client.request(method, path, **body)  # type: ignore[arg-type]
            if answer.status_code != 429:
                return answer.raise_for_status()
            full = "queue" in answer.json()["detail"]
            answers["429, queue full" if full else "429, requests in a minute"] += 1
            time.sleep(1)

    name = f"field-{number}.png"
    upload = insist("PUT", "/uploads", params={"name": name}, content=content).json()["id"]
    job = insist("POST", "/jobs", json={"uploads": [upload]}).json()["id"]
    with client.stream("GET", f"/jobs/{job}/events", timeout=None) as events:
        last = [line for line in events.iter_lines() if line.startswith("data:")][-1]
    if "killed" in last:
        answers["failed, since it was killed"] += 1
        return search(client, number, answers)
    if '"done"' not in last:
        raise RuntimeError(f"{name}: {last}")
    found = client.get(f"/runs/{job}/fields/0").raise_for_status().json()
    if (found["files"], found["width"], found["height"]) != ([name], width, height):
        raise RuntimeError(f"{name} has the result of {found['files']}")
    return time.monotonic() - start


def resident(pid: int) -> float:
    """Return the memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def kill_a_job(server: int) -> None:
    """Kill the process of a job, as soon as there is one."""
    while True:
        # The processes of jobs are children of the fork server, a child of the server.
        tree = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, tree.splitlines())}
        for pid, parent in parents.items():
            if parents.get(parent) == server:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    return


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--queue", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--port", str(PORT), "--queue", str(options.queue), "--storage", folder]
        server = subprocess.Popen([sys.executable, "-m", "galpipe", "serve", *arguments])
        memory: dict[int, float] = {}
        answers: Counter[str] = Counter()
        done, lock = 0, threading.Lock()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{PORT}/api",
            timeout=120,
            limits=httpx.Limits(max_connections=None),
        ) as client:
            while True:
                with suppress(httpx.TransportError):
                    client.get("/health").raise_for_status()
                    break
                time.sleep(0.2)

            def one(number: int) -> float:
                nonlocal done
                seconds = search(client, number, answers)
                with lock:
                    done += 1
                    memory[done] = resident(server.pid)
                    middle = done == options.uploads // 2
                if middle:
                    kill_a_job(server.pid)
                return seconds

            with ThreadPoolExecutor(options.clients) as clients:
                times = np.array(list(clients.map(one, range(options.uploads))))
            print(f"{len(times)} of {options.uploads} uploads done, none mixed up")
            for answer, count in sorted(answers.items()):
                print(f"{answer}: {count}")
            print(f"seconds to a result: median {np.median(times):.1f}, most {times.max():.1f}")
            early = memory[max(1, options.uploads // 10)]
            print(
                f"memory: {early:.0f} MB after a tenth, {memory[options.uploads]:.0f} MB at the end"
            )
            print(f"alive: {client.get('/health').json()['status']}")
        server.terminate()
        print(f"ended by SIGTERM with {server.wait(30)}")


if __name__ == "__main__":
    main()
