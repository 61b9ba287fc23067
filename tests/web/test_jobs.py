from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from galpipe.pipeline.catalogue import Catalogue
from galpipe.web.settings import ServerSettings

from .conftest import CORNERS, Server, running


def one_band(level: float, band: str) -> bytes:
    """FITS file of a band: a flat sky with noise and a bright square."""
    pixels = np.random.default_rng(3).normal(100, 2, (96, 96)).astype(np.float32)
    pixels[40:56, 40:56] += level
    content = BytesIO()
    fits.PrimaryHDU(pixels, fits.Header({"FILTER": band})).writeto(content)
    return content.getvalue()


def test_an_upload_gives_the_result_of_a_run(
    server: Server, picture: Path, finished_run: Path, tmp_path: Path
) -> None:
    job = server.finish(server.start(picture.read_bytes(), "../../squares.png"))
    assert (job["status"], job["done"], job["total"]) == ("done", 1, 1)
    assert job["name"] == "squares.png"
    found = server.client.get(f"/api/runs/{job['run']}/fields/0").json()
    assert found["name"] == "squares"
    boxes = sorted(tuple(map(round, item["box"][:2])) for item in found["objects_list"])
    assert boxes == sorted(CORNERS)
    expected = Catalogue.read(finished_run / "catalogue.csv")
    for suffix in (".csv", ".fits", ".vot", ".ecsv"):
        path = tmp_path / f"catalogue{suffix}"
        path.write_bytes(server.client.get(f"/api/runs/{job['run']}/catalogue{suffix}").content)
        catalogue = Catalogue.read(path)
        for column in ("source_id", "x", "y", "score", "probability", "class_id"):
            np.testing.assert_array_equal(
                np.asarray(catalogue[column]), np.asarray(expected[column])
            )
    answer = server.client.get(f"/api/runs/{job['run']}/catalogue.csv")
    assert 'filename="squares.csv"' in answer.headers["content-disposition"]
    # It is no path, and no folder of the server is shown.
    assert str(server.state.jobs[job["id"]].folder) not in str(job) + str(found)


def test_a_mosaic_is_named_as_the_user_named_it(server: Server) -> None:
    pixels = np.random.default_rng(3).normal(100, 2, (96, 96)).astype(np.float32)
    pixels[40:56, 40:56] += 900
    ccds = [fits.ImageHDU(pixels, name=f"CCD{number}") for number in (1, 2)]
    content = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *ccds]).writeto(content)
    job = server.finish(server.start(content.getvalue(), "night 7.fits"))
    field = server.client.get(f"/api/runs/{job['run']}/fields/0").json()
    assert field["name"] == "night_7-CCD1"
    assert any(note.startswith("night_7 holds 2 fields") for note in field["notes"])
    assert all(row["source_id"].startswith("night_7-CCD1-") for row in field["objects_list"])


def test_the_picture_is_there_before_the_result(server: Server, picture: Path) -> None:
    job = server.start(picture.read_bytes())
    info = server.client.get(f"/api/jobs/{job}/picture").json()
    assert (info["width"], info["height"], info["origin"]) == (128, 112, "upper")
    tile = server.client.get(f"/api/jobs/{job}/picture_files/7/0_0.jpg")
    assert tile.headers["content-type"] == "image/jpeg"
    server.finish(job)


def test_three_bands_are_one_field(server: Server) -> None:
    ids = [
        server.upload(one_band(level, band), f"frame-{band}.fits").json()["id"]
        for band, level in zip("irg", (300, 200, 100), strict=True)
    ]
    started = server.client.post("/api/jobs", json={"uploads": ids})
    assert started.status_code == 202
    job = server.finish(started.json()["id"])
    found = server.client.get(f"/api/runs/{job['run']}/fields/0").json()
    assert found["files"] == ["frame-i.fits", "frame-r.fits", "frame-g.fits"]
    assert {"flux_i", "flux_r", "flux_g"} <= set(found["units"])
    info = server.client.get(f"/api/runs/{job['run']}/fields/0/picture").json()
    assert (info["origin"], info["linear"], info["sky"]) == ("lower", True, None)
    assert job["files"] == found["files"]
    preview = server.client.get(f"/api/jobs/{job['id']}/preview").json()
    assert (preview["width"], preview["height"]) == (info["width"], info["height"])


def test_a_damaged_file_fails_by_its_name(server: Server, picture: Path) -> None:
    job = server.finish(server.start(picture.read_bytes()[:200], "torn.png"))
    assert job["status"] == "failed"
    assert "torn.png" in job["message"]
    assert "/" not in job["message"].replace("torn.png", "")
    assert job["run"] is None


def test_what_is_no_field_is_refused(server: Server) -> None:
    text = server.upload(b"x,y\n1,2\n" * 20, "table.csv")
    assert (text.status_code, "text file" in text.json()["detail"]) == (415, True)
    assert server.upload(b"", "empty.fits").status_code == 415
    large = server.upload(b"\x89PNG\r\n\x1a\n" + bytes(2**20), "large.png")
    assert (large.status_code, "1 MB" in large.json()["detail"]) == (413, True)


def test_an_upload_without_a_length_is_counted(server: Server) -> None:
    def pieces() -> object:
        yield b"\x89PNG\r\n\x1a\n"
        for _ in range(20):
            yield bytes(2**16)

    answer = server.client.put("/api/uploads", params={"name": "a"}, content=pieces())
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"uploads": ["a", "b"]},
        {"uploads": ["a"], "example": "demonstration"},
        {"uploads": ["a"], "path": "/etc/passwd"},
    ],
)
def test_a_job_needs_one_field(server: Server, request_body: dict[str, object]) -> None:
    answer = server.client.post("/api/jobs", json=request_body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_things_that_are_not_there(server: Server) -> None:
    assert server.client.post("/api/jobs", json={"uploads": ["no"]}).status_code == 404
    assert server.client.post("/api/jobs", json={"example": "../x"}).status_code == 404
    for path in ("jobs/no", "jobs/no/events", "jobs/no/picture", "runs/no", "runs/no/fields/0"):
        assert server.client.get(f"/api/{path}").status_code == 404, path


def test_the_queue_is_bounded_and_jobs_are_cancelled_and_killed(
    settings: Callable[..., ServerSettings], picture: Path
) -> None:
    content = picture.read_bytes()
    with running(settings(max_queue=1)) as server:
        # The worker thread is held up by a process that is stopped.
        first = server.start(content)
        _stop(server, first)
        waiting = server.start(content)
        number = server.upload(content).json()["id"]
        full = server.client.post("/api/jobs", json={"uploads": [number]})
        assert full.status_code == 429
        assert full.headers["retry-after"]
        assert server.client.get(f"/api/jobs/{waiting}").json()["status"] == "queued"

        assert server.client.delete(f"/api/jobs/{waiting}").status_code == 204
        assert server.finish(waiting)["status"] == "cancelled"
        # The upload is not lost.
        again = server.client.post("/api/jobs", json={"uploads": [number]})
        assert again.status_code == 202

        os.kill(server.state.jobs[first].pid, signal.SIGKILL)
        killed = server.finish(first)
        assert (killed["status"], "killed" in killed["message"]) == ("failed", True)
        assert server.finish(again.json()["id"])["status"] == "done"

        assert server.client.delete(f"/api/jobs/{again.json()['id']}").status_code == 204
        assert server.client.get(f"/api/jobs/{again.json()['id']}").status_code == 404


def _stop(server: Server, job: str) -> None:
    """Stop the process of a job as soon as it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if pid := server.state.jobs[job].pid:
            os.kill(pid, signal.SIGSTOP)
            return
        time.sleep(0.005)
    raise AssertionError("the job has no process")


def test_a_field_that_takes_too_long_or_too_much_fails(
    settings: Callable[..., ServerSettings], picture: Path
) -> None:
    with running(settings(job_timeout=0.01)) as server:
        job = server.finish(server.start(picture.read_bytes()))
        assert (job["status"], "longer than" in job["message"]) == ("failed", True)


def test_results_are_kept_in_a_storage(
    settings: Callable[..., ServerSettings], picture: Path, tmp_path: Path
) -> None:
    with running(settings(storage=tmp_path / "kept")) as server:
        job = server.finish(server.start(picture.read_bytes(), "kept.png"))
        assert not server.client.get(f"/api/runs/{job['run']}").json()["temporary"]
    with running(settings(storage=tmp_path / "kept")) as server:
        run = server.client.get(f"/api/runs/{job['run']}").json()
        assert (run["name"], run["galaxies"]) == ("kept.png", len(CORNERS))


def test_temporary_files_go_with_the_server_and_with_age(
    settings: Callable[..., ServerSettings], picture: Path
) -> None:
    with running(settings()) as server:
        job = server.finish(server.start(picture.read_bytes()))
        upload = server.upload(picture.read_bytes()).json()["id"]
        folder = server.state.jobs[job["id"]].folder
        server.state.uploads.remove_old(-1)
        server.state.jobs.remove_old(-1)
        assert not folder.exists()
        assert server.client.post("/api/jobs", json={"uploads": [upload]}).status_code == 404
        root = folder.parents[1]
        assert root.is_dir()
    assert not root.exists()
