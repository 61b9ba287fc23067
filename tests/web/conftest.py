"""A server on the loopback, with tiny models, and a client of its API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from galpipe.files.atomic import write_png  # noqa: E402
from galpipe.pipeline.run import run  # noqa: E402
from galpipe.web.serve import serve_in_thread  # noqa: E402
from galpipe.web.settings import ServerSettings  # noqa: E402
from galpipe.web.state import ServerState  # noqa: E402

CORNERS = (20, 28), (68, 28), (36, 68)


@dataclass
class Server:
    """A running server."""

    state: ServerState
    address: str
    client: Any

    def upload(self, content: bytes, name: str = "field.png") -> Any:
        return self.client.put("/api/uploads", params={"name": name}, content=content)

    def start(self, content: bytes, name: str = "field.png") -> str:
        number = self.upload(content, name).json()["id"]
        return str(self.client.post("/api/jobs", json={"uploads": [number]}).json()["id"])

    def finish(self, job: str, seconds: float = 120) -> dict[str, Any]:
        """Wait for the end of a job, with its events."""
        found: dict[str, Any] = {}
        with self.client.stream("GET", f"/api/jobs/{job}/events", timeout=seconds) as events:
            for line in events.iter_lines():
                if line.startswith("data: "):
                    found = json.loads(line.removeprefix("data: "))
        return found


@contextmanager
def running(settings: ServerSettings) -> Iterator[Server]:
    with (
        serve_in_thread(replace(settings, port=0)) as started,
        httpx.Client(base_url=started.address, timeout=60) as client,
    ):
        yield Server(started.state, started.address, client)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dark picture with three white squares of 16 pixels, at `CORNERS`."""
    pixels = np.zeros((112, 128, 3), np.uint8)
    for x, y in CORNERS:
        pixels[y : y + 16, x : x + 16] = 255
    return write_png(tmp_path_factory.mktemp("fields") / "squares.png", pixels)


@pytest.fixture(scope="session")
def finished_run(
    picture: Path,
    tiny_detector_bundle: Path,
    tiny_classifier_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Output folder of a run over the picture."""
    folder = tmp_path_factory.mktemp("runs") / "squares"
    run([picture], folder, detector=tiny_detector_bundle, classifier=tiny_classifier_bundle)
    return folder


@pytest.fixture(scope="session")
def settings(
    tiny_detector_bundle: Path, tiny_classifier_bundle: Path
) -> Callable[..., ServerSettings]:
    def make(**changes: Any) -> ServerSettings:
        models = {
            "detector": str(tiny_detector_bundle),
            "classifier": str(tiny_classifier_bundle),
        }
        return ServerSettings(**(models | {"max_upload": 2**20} | changes))

    return make


@pytest.fixture(scope="session")
def server(settings: Callable[..., ServerSettings], finished_run: Path) -> Iterator[Server]:
    with running(settings(outputs=(finished_run,))) as started:
        yield started
