from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.errors import InputError
from galpipe.imaging.draw import PALETTE
from galpipe.pipeline.catalogue import Catalogue
from galpipe.pipeline.run import run
from galpipe.web.settings import ServerSettings

from .conftest import CORNERS, Server, running


@pytest.fixture(scope="module")
def place(server: Server) -> str:
    """Address of the only field of the opened run."""
    return f"/api/runs/{server.client.get('/api/runs').json()[0]['id']}"


def test_the_server_describes_itself(server: Server) -> None:
    info = server.client.get("/api/info").json()
    assert info["examples"][0]["id"] == "demonstration"
    assert [item["name"] for item in info["classes"]] == ["dark", "red", "green", "blue"]
    assert info["classes"][1]["colour"] == "#{:02x}{:02x}{:02x}".format(*PALETTE[1])
    paths = server.client.get("/api/openapi.json").json()["paths"]
    described = {
        f"{method} {path}": operation["responses"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert len(described) > 20
    for name, responses in described.items():
        content = responses.get("200", responses.get("201", responses.get("202", {})))
        assert content.get("content") or "204" in responses, name
        for media in content.get("content", {}).values():
            assert media != {"schema": {}}, name


def test_a_run_is_shown_as_its_catalogue_states_it(
    server: Server, place: str, finished_run: Path
) -> None:
    run = server.client.get(place).json()
    assert (run["galaxies"], run["status"], run["temporary"]) == (len(CORNERS), "complete", False)
    assert run["field_list"][0]["name"] == "squares"
    field = server.client.get(f"{place}/fields/0").json()
    catalogue = Catalogue.read(finished_run / "catalogue.csv")
    for shown, row in zip(field["objects_list"], catalogue.table, strict=True):
        assert shown["source_id"] == row["source_id"]
        assert shown["x"] == row["x"].value
        assert shown["label"] == row["class_name"]
        assert shown["probability"] == row["probability"]
        assert max(shown["probabilities"]) == row["probability"]
        assert shown["ra"] is None
        assert shown["crop"]
    assert (field["previous"], field["next"]) == (None, None)
    assert server.client.get(f"{place}/fields/1").status_code == 404
    assert server.client.get(f"{place}/fields/-1").status_code == 404


def test_pictures_of_a_field(server: Server, place: str, picture: Path) -> None:
    info = server.client.get(f"{place}/fields/0/picture").json()
    assert (info["width"], info["height"]) == (128, 112)
    xml = server.client.get(f"{place}/fields/0/picture.dzi")
    assert 'Width="128"' in xml.text
    tile = server.client.get(f"{place}/fields/0/picture_files/7/0_0.jpg").content
    pixels = cv2.imdecode(np.frombuffer(tile, np.uint8), cv2.IMREAD_GRAYSCALE)
    for x, y in CORNERS:
        assert pixels[y + 2 : y + 14, x + 2 : x + 14].min() > 240
    assert pixels[:20].max() < 15
    white = f"{place}/fields/0/picture_files/7/0_0.jpg?white=1000&softening=1"
    dim = cv2.imdecode(
        np.frombuffer(server.client.get(white).content, np.uint8), cv2.IMREAD_GRAYSCALE
    )
    assert 30 < dim.max() < 120
    for wrong in ("white=0", "white=nan", "softening=-1", "black=x", "gamma=2"):
        path = f"{place}/fields/0/picture_files/7/0_0.jpg?{wrong}"
        assert server.client.get(path).status_code == 422, wrong
    for missing in ("99/0_0.jpg", "7/1_0.jpg", "7/-1_0.jpg"):
        path = f"{place}/fields/0/picture_files/{missing}"
        assert server.client.get(path).status_code == 404, missing
    assert server.client.get(f"{place}/fields/0/overlay.png").content[:4] == b"\x89PNG"


def test_members_vote_as_in_the_run(server: Server, place: str) -> None:
    shown = server.client.get(f"{place}/fields/0").json()["objects_list"][0]
    crop = server.client.get(f"{place}/fields/0/crops/{shown['source_id']}.png")
    assert crop.content[:4] == b"\x89PNG"
    votes = server.client.get(f"{place}/fields/0/votes/{shown['source_id']}").json()
    assert votes["probabilities"] == shown["probabilities"]
    assert [(vote["name"], vote["weight"]) for vote in votes["members"]] == [
        ("decided", 0.6),
        ("undecided", 0.4),
    ]
    mean = np.average([vote["probabilities"] for vote in votes["members"]], 0, weights=[0.6, 0.4])
    np.testing.assert_allclose(mean, votes["probabilities"], atol=2e-4)
    assert server.client.get(f"{place}/fields/0/votes/none").status_code == 404


def test_a_cutout_is_classified(server: Server) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[20:44, 20:44, 2] = 255
    answer = server.client.post("/api/classify", content=cv2.imencode(".png", red)[1].tobytes())
    found = answer.json()
    assert (found["label"], found["classes"][1]) == ("red", "red")
    assert found["probabilities"][1] == max(found["probabilities"])
    assert len(found["members"]) == 2
    plain = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    found = server.client.post("/api/classify", content=plain).json()
    assert (found["label"], found["probabilities"]) == ("", None)
    assert server.client.post("/api/classify", content=b"no picture").status_code == 415
    torn = server.client.post("/api/classify", content=plain[:60])
    assert (torn.status_code, "cutout" in torn.json()["detail"]) == (422, True)


def test_formats_that_cannot_be(server: Server, place: str) -> None:
    assert server.client.get(f"{place}/catalogue.doc").status_code == 404
    regions = server.client.get(f"{place}/fields/0/catalogue.reg")
    assert regions.text.count("box(") == len(CORNERS)
    assert 'filename="squares.reg"' in regions.headers["content-disposition"]


def test_the_field_of_a_run_is_found_from_any_folder(
    settings: Callable[..., ServerSettings],
    picture: Path,
    tiny_detector_bundle: Path,
    tiny_classifier_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    night = tmp_path / "night"
    for name, source in {
        "in/squares.png": picture,
        "models/detector": tiny_detector_bundle,
        "models/classifier": tiny_classifier_bundle,
    }.items():
        (night / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, night / name)
    monkeypatch.chdir(night)
    models = {"detector": "models/detector", "classifier": "models/classifier"}
    run("in/*.png", "out", **models)
    monkeypatch.chdir("/")
    shown = []
    for place in (night, tmp_path / "moved"):
        if not place.exists():
            night.rename(place)
        with running(settings(outputs=(place / "out",))) as server:
            (opened,) = server.client.get("/api/runs").json()
            field = f"/api/runs/{opened['id']}/fields/0"
            detail = server.client.get(field).json()
            assert detail["files"] == ["squares.png"]
            votes = f"{field}/votes/{detail['objects_list'][0]['source_id']}"
            shown.append(
                (
                    server.client.get(f"{field}/picture_files/7/0_0.jpg").content,
                    server.client.get(votes).json(),
                )
            )
    assert shown[0] == shown[1]
    assert shown[0][0][:2] == b"\xff\xd8"
    assert len(shown[0][1]["members"]) == 2
    (place / "in" / "squares.png").unlink()
    with running(settings(outputs=(place / "out",))) as server:
        problem = server.client.get(f"{field}/picture").json()["detail"]
        assert problem.startswith("squares.png is not there any more")
        assert "move it and the output folder together" in problem
        assert server.client.get(votes).json() == shown[0][1]


def test_a_folder_without_a_run_is_refused(
    settings: Callable[..., ServerSettings], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds no result"), running(settings(outputs=(tmp_path,))):
        pass


def test_the_command_line(galpipe_cli: Callable[..., Any], tmp_path: Path) -> None:
    shown = galpipe_cli("serve", "--help")
    assert shown.exit_code == 0
    assert "--token" in shown.output
    refused = galpipe_cli("serve", "--host", "0.0.0.0")
    assert (refused.exit_code, "--token" in refused.output) == (2, True)
    missing = galpipe_cli("serve", tmp_path, "--port", "0")
    assert (missing.exit_code, "holds no result" in missing.output) == (1, True)
