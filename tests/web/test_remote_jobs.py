"""Results, corrections and models in an object object_store."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galpipe.errors import OutputError
from galpipe.pipeline.sharing import push_model
from galpipe.web import remote_jobs
from galpipe.web.settings import ServerSettings

from ..object_store import ObjectStore
from .conftest import CORNERS, Server, running

STORAGE = "s3://bucket/kept"
JOBS = "bucket/kept/jobs/"


def search(server: Server, picture: Path, name: str = "sky.png") -> str:
    job = server.finish(server.start(picture.read_bytes(), name))
    assert job["status"] == "done", job
    return str(job["run"])


def look(server: Server, run: str) -> dict[str, Any]:
    """Everything that a page shows of a result."""
    place = f"/api/runs/{run}/fields/0"
    detail = server.client.get(place).json()
    source = detail["objects_list"][0]["source_id"]
    return {
        "detail": detail,
        "corrections": server.client.get(f"{place}/corrections").json(),
        "crop": server.client.get(f"{place}/crops/{source}.png").content,
        "tile": server.client.get(f"{place}/picture_files/7/0_0.jpg").content,
        "votes": server.client.get(f"{place}/votes/{source}").json(),
        "table": server.client.get(f"/api/runs/{run}/catalogue.csv").content,
    }


def test_another_server_opens_results_and_corrections(
    object_store: ObjectStore,
    settings: Callable[..., ServerSettings],
    picture: Path,
    tiny_classifier_bundle: Path,
) -> None:
    push_model(tiny_classifier_bundle, "s3://bucket/models/mine")
    kept = settings(storage=STORAGE, classifier="s3://bucket/models/mine")
    with running(kept) as server:
        run = search(server, picture)
        place = f"/api/runs/{run}/fields/0"
        shown = server.client.get(place).json()["objects_list"][0]
        change = {"kind": "class", "source_id": shown["source_id"], "label": "green"}
        answer = server.client.post(f"{place}/corrections", json=change).json()
        assert answer["folder"] == f"{STORAGE}/jobs/{run}/result/corrections"
        server.client.post(f"{place}/corrections", json={**change, "kind": "odd"})
        server.client.delete(f"{place}/corrections/last")
        before = look(server, run)
        assert len(before["votes"]["members"]) == 2
    names = object_store.names(f"{JOBS}{run}/")
    assert {"job.json", "input/0", "result/catalogue.ecsv"} <= names
    assert "result/corrections/edits.json" in names
    # The record comes last: a job that is put in part is none.
    assert [name for name in object_store.puts if JOBS in name and "corrections" not in name][
        -1
    ] == (f"{JOBS}{run}/job.json")
    (listed,) = _manifest(object_store, run)[1:]
    assert json.loads(listed)["source"]["paths"] == ["../input/0"]
    with running(kept) as server:
        (listed,) = server.client.get("/api/runs").json()
        assert (listed["id"], listed["name"], listed["galaxies"]) == (run, "sky.png", len(CORNERS))
        folder = server.state.jobs[run].folder
        assert [path.name for path in folder.iterdir()] == ["job.json"]
        assert look(server, run) == before
        assert server.client.delete(f"/api/jobs/{run}").status_code == 204
        assert not folder.exists()
    assert not object_store.names(f"{JOBS}{run}/")


def _manifest(object_store: ObjectStore, run: str) -> list[str]:
    return object_store.objects[f"{JOBS}{run}/result/parts/fields.jsonl"].decode().splitlines()


def test_a_failure_of_the_store_loses_nothing(
    object_store: ObjectStore,
    settings: Callable[..., ServerSettings],
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with caplog.at_level(logging.WARNING, "galpipe"), running(settings(storage=STORAGE)) as server:
        object_store.refuses = True
        run = search(server, picture)
        _wait(lambda: server.client.get("/api/runs").json()[0]["problem"])
        (listed,) = server.client.get("/api/runs").json()
        assert "Cannot access s3://bucket/kept/jobs" in listed["problem"]
        assert len(look(server, run)["detail"]["objects_list"]) == len(CORNERS)
    assert not object_store.names(JOBS)
    (saved,) = tmp_path.glob("galpipe-storage-*")
    assert f"galpipe serve --storage {saved}" in caplog.text
    with pytest.raises(OutputError, match=r"Cannot access s3://bucket/kept/jobs.*credentials"):
        running(settings(storage=STORAGE)).__enter__()
    with running(settings(storage=saved)) as server:
        assert len(look(server, run)["detail"]["objects_list"]) == len(CORNERS)


def test_a_store_that_answers_again_gets_what_waits(
    object_store: ObjectStore,
    settings: Callable[..., ServerSettings],
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_jobs, "_AGAIN", 0.05)
    with running(settings(storage=STORAGE)) as server:
        object_store.refuses = True
        run = search(server, picture)
        _wait(lambda: server.client.get("/api/runs").json()[0]["problem"])
        object_store.refuses = False
        _wait(lambda: not server.client.get("/api/runs").json()[0]["problem"])
        assert "job.json" in object_store.names(f"{JOBS}{run}/")


def test_local_copies_are_bounded(
    object_store: ObjectStore,
    settings: Callable[..., ServerSettings],
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_jobs, "_LARGEST", 1)
    with running(settings(storage=STORAGE)) as server:
        first, second = search(server, picture, "a.png"), search(server, picture, "b.png")
        folders = {run: server.state.jobs[run].folder for run in (first, second)}
        _wait(lambda: not folders[first].exists())
        assert look(server, first)["detail"]["name"] == "a"
        _wait(lambda: not folders[second].exists())
        assert look(server, second)["detail"]["name"] == "b"


def test_names_in_a_store_that_lead_elsewhere_open_nothing(
    object_store: ObjectStore, settings: Callable[..., ServerSettings], picture: Path
) -> None:
    with running(settings(storage=STORAGE)) as server:
        one, other = search(server, picture), search(server, picture)
        before = look(server, one)
    name = f"{JOBS}{one}/result/parts/fields.jsonl"
    head, listed = _manifest(object_store, one)
    line = json.loads(listed)
    line["source"] |= {"paths": ["/etc/passwd"], "urls": ["s3://bucket/secret.png"]}
    object_store.objects[name] = f"{head}\n{json.dumps(line)}\n".encode()
    object_store.objects[f"{JOBS}{other}/../../outside"] = b"x"
    with running(settings(storage=STORAGE)) as server:
        assert look(server, one) == before
        answer = server.client.get(f"/api/runs/{other}")
        assert (answer.status_code, "leads out" in answer.json()["detail"]) == (503, True)
        assert not (server.state.jobs[other].folder.parents[1] / "outside").exists()


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
