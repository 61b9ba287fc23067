from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotationSource, read_annotated_images
from galpipe.datasets.label_tables import read_label_table
from galpipe.web.settings import ServerSettings

from .conftest import CORNERS, Server, running

CLASSES = ("dark", "red", "green", "blue")


@pytest.fixture(scope="module")
def folder(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("corrected") / "run"))


@pytest.fixture(scope="module")
def corrected(settings: Callable[..., ServerSettings], folder: Path) -> Iterator[Server]:
    with running(settings(outputs=(folder,))) as started:
        yield started


@pytest.fixture
def place(corrected: Server) -> Iterator[str]:
    """Address of the field, whose corrections are taken back afterwards."""
    run = corrected.client.get("/api/runs").json()[0]["id"]
    address = f"/api/runs/{run}/fields/0"
    yield address
    while corrected.client.delete(f"{address}/corrections/last").status_code == 200:
        pass


def edit(server: Server, place: str, **change: Any) -> dict[str, Any]:
    answer = server.client.post(f"{place}/corrections", json=change)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def sources(server: Server, place: str) -> list[str]:
    objects = server.client.get(place).json()["objects_list"]
    return [item["source_id"] for item in sorted(objects, key=lambda item: item["box"])]


def test_corrections_are_kept_and_undone(corrected: Server, place: str) -> None:
    first, second, _ = sources(corrected, place)
    edit(corrected, place, kind="class", source_id=first, label="red")
    edit(corrected, place, kind="odd", source_id=first)
    edit(corrected, place, kind="box", source_id=second, box=[10, 20, 30.5, 40])
    edit(corrected, place, kind="delete", source_id=second)
    state = edit(corrected, place, kind="add", box=[1, 2, 9, 12], label="green")
    assert state == corrected.client.get(f"{place}/corrections").json()
    assert state["edits"] == 5
    one, two, three = state["objects"]
    assert (one["label"], one["odd"], one["box"], one["deleted"]) == ("red", True, None, False)
    assert (two["box"], two["deleted"]) == ([10, 20, 30.5, 40], True)
    assert (three["added"], three["label"], three["box"]) == (True, "green", [1, 2, 9, 12])
    for left in (4, 3, 2, 1, 0):
        state = corrected.client.delete(f"{place}/corrections/last").json()
        assert state["edits"] == left
    assert state["objects"] == []
    assert corrected.client.delete(f"{place}/corrections/last").status_code == 404


def test_a_training_reads_them_as_they_are(
    corrected: Server, place: str, folder: Path, picture: Path
) -> None:
    first, second, third = sources(corrected, place)
    edit(corrected, place, kind="class", source_id=first, label="red")
    edit(corrected, place, kind="odd", source_id=third)
    edit(corrected, place, kind="delete", source_id=second)
    edit(corrected, place, kind="add", box=[100, 90, 120, 108], label="blue")
    saved = folder / "corrections"
    expected = sorted([*(corner for corner in CORNERS if corner != sorted(CORNERS)[1]), (100, 90)])
    for boxes in (saved / "voc", saved / "coco.json"):
        ((image, annotated),) = read_annotated_images(boxes, saved / "images")
        corners = sorted((round(box.xmin), round(box.ymin)) for box in annotated.objects)
        assert corners == expected
        assert set(annotated.labels) == {"galaxy"}
        chosen = {dict(box.attributes).get("morphology", "") for box in annotated.objects}
        assert chosen == {"red", "blue", ""}
        assert [box.attributes for box in annotated.objects].count((("odd", "1"),)) == 1
        np.testing.assert_array_equal(cv2.imread(str(image)), cv2.imread(str(picture)))
    labels = read_label_table(saved / "labels.csv", saved / "crops", CLASSES)
    assert sorted(label.class_id for label in labels) == [1, 3]
    crop = cv2.imread(str(labels[0].path))
    assert crop.shape == (24, 24, 3)
    assert crop[8:16, 8:16].min() == 255

    while corrected.client.delete(f"{place}/corrections/last").status_code == 200:
        pass
    assert not list((saved / "voc").glob("*"))
    assert list(AnnotationSource(saved / "coco.json", "coco")) == []
    assert (saved / "labels.csv").read_text().splitlines() == ["filename,label,odd"]


def test_nothing_else_is_changed(corrected: Server, place: str, folder: Path) -> None:
    def content() -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "corrections" not in path.relative_to(folder).parts
        }

    before = content()
    edit(corrected, place, kind="class", source_id=sources(corrected, place)[0], label="red")
    assert content() == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "class", "source_id": "none", "label": "red"}, 404),
        ({"kind": "class", "source_id": "{}", "label": "purple"}, 422),
        ({"kind": "box", "source_id": "{}", "box": [0, 0, 500, 10]}, 422),
        ({"kind": "box", "source_id": "{}", "box": [5, 5, 5, 9]}, 422),
        ({"kind": "box", "source_id": "{}"}, 422),
        ({"kind": "add", "box": [-3, 0, 5, 9]}, 422),
        ({"kind": "rotate", "source_id": "{}"}, 422),
        ({"kind": "odd"}, 422),
    ],
)
def test_changes_that_cannot_be(
    corrected: Server, place: str, change: dict[str, Any], status: int
) -> None:
    if change.get("source_id") == "{}":
        change = change | {"source_id": sources(corrected, place)[0]}
    answer = corrected.client.post(f"{place}/corrections", json=change)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert corrected.client.get(f"{place}/corrections").json()["edits"] == 0


def test_a_damaged_file_is_named(corrected: Server, place: str, folder: Path) -> None:
    edit(corrected, place, kind="odd", source_id=sources(corrected, place)[0])
    path = folder / "corrections" / "edits.json"
    kept = path.read_text()
    for damage in ('{"fields": 3}', "[" * 100_000, kept[:-20]):
        path.write_text(damage)
        answer = corrected.client.get(f"{place}/corrections")
        assert (answer.status_code, "edits.json" in answer.json()["detail"]) == (422, True)
    path.write_text(kept)


def test_corrections_are_downloaded_as_a_training_reads_them(
    corrected: Server, place: str, folder: Path, tmp_path: Path
) -> None:
    run = place.rpartition("/fields/")[0]
    edit(corrected, place, kind="class", source_id=sources(corrected, place)[0], label="red")
    answer = corrected.client.get(f"{run}/corrections.zip")
    assert 'filename="run-corrections.zip"' in answer.headers["content-disposition"]
    with ZipFile(BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    found = tmp_path / "corrections"
    assert {path.name for path in found.iterdir()} == {
        path.name for path in (folder / "corrections").iterdir() if not path.name.startswith(".")
    }
    ((_, annotated),) = read_annotated_images(found / "voc", found / "images")
    assert len(annotated.objects) == len(CORNERS)


def test_a_run_without_corrections_has_none_to_download(server: Server) -> None:
    run = server.client.get("/api/runs").json()[0]["id"]
    assert server.client.get(f"/api/runs/{run}/corrections.zip").status_code == 404
