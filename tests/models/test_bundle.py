from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from galpipe.errors import BundleError, OutputError
from galpipe.models import (
    DetectorHead,
    InputScaling,
    Manifest,
    Member,
    find_bundle,
    read_bundle,
    write_bundle,
)
from galpipe.models.bundle import METRICS_NAME
from galpipe.models.manifest import MANIFEST_NAME

MANIFEST = Manifest(
    name="mine",
    task="classifier",
    class_names=("a", "b"),
    input_size=8,
    members=(Member(name="one", file="one.tflite", scaling=InputScaling(scale=1, offset=0)),),
)
FILES = {"one.tflite": b"network"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "mine", MANIFEST, FILES, "# Card\n", {"accuracy": 0.5})


def test_round_trip_through_a_folder(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert bundle.manifest.class_names == ("a", "b")
    assert bundle.read("one.tflite") == b"network"
    assert bundle.metrics() == {"accuracy": 0.5}
    assert set(bundle.manifest.files) == {"one.tflite", "MODEL_CARD.md", METRICS_NAME}
    bundle.verify()


def test_a_zip_of_the_folder_is_the_same_bundle(folder: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "mine"), "zip", folder))
    bundle = read_bundle(archive)
    bundle.verify()
    assert bundle.manifest == read_bundle(folder).manifest


@pytest.mark.parametrize("name", ["one.tflite", "MODEL_CARD.md", METRICS_NAME])
def test_an_altered_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"other")
    with pytest.raises(BundleError, match=f"'{name}' differs from the checksum"):
        read_bundle(folder).verify()


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "one.tflite").unlink()
    with pytest.raises(BundleError, match=r"no file 'one\.tflite'"):
        read_bundle(folder).read("one.tflite")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "a\\b", "C:x"])
def test_a_name_that_leads_elsewhere_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    document = json.loads((folder / MANIFEST_NAME).read_text())
    document["files"][name] = "0" * 64
    (folder / MANIFEST_NAME).write_text(json.dumps(document))
    with pytest.raises(BundleError, match="not a plain file name"):
        read_bundle(folder).read(name)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"network")
    (folder / "one.tflite").unlink()
    (folder / "one.tflite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"no file 'one\.tflite'"):
        read_bundle(folder).read("one.tflite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 9}, "format_version"),
        ({"task": "detector"}, "a detector has a 'head'"),
        ({"surprise": 1}, "surprise"),
        ({"class_names": []}, "class_names"),
    ],
)
def test_an_invalid_manifest_says_where(folder: Path, change: dict, message: str) -> None:
    document = json.loads((folder / MANIFEST_NAME).read_text()) | change
    (folder / MANIFEST_NAME).write_text(json.dumps(document))
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "model.zip"
    text.write_text("not an archive")
    with pytest.raises(BundleError, match="neither a folder nor"):
        read_bundle(text)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(BundleError, match="not a complete model bundle"):
        read_bundle(tmp_path / "empty.zip")
    with pytest.raises(BundleError, match="neither a model bundle on disk nor the name"):
        find_bundle(tmp_path / "nowhere")


def test_writing_replaces_a_bundle_but_nothing_else(folder: Path, tmp_path: Path) -> None:
    write_bundle(folder, MANIFEST, {"one.tflite": b"better"}, "# Card\n", {})
    assert read_bundle(folder).read("one.tflite") == b"better"
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("mine")
    with pytest.raises(OutputError, match="not a model bundle"):
        write_bundle(other, MANIFEST, FILES, "", {})
    assert (other / "chapter.tex").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "thesis"]


def test_refinement_of_an_earlier_version_is_read() -> None:
    content = {"anchors": {}, "score_threshold": 0.5, "second_look": "second_look.json"}
    head = DetectorHead.model_validate(content)
    assert head.refinement == "second_look.json"
    assert DetectorHead.model_validate_json(head.model_dump_json()) == head
    assert "second_look" not in head.model_dump()


def test_the_folder_of_a_training_stands_for_its_bundle(folder: Path, tmp_path: Path) -> None:
    training = tmp_path / "training"
    training.mkdir()
    (training / "config.yaml").touch()
    with pytest.raises(BundleError, match="training that is not finished"):
        find_bundle(training)
    folder.rename(training / "mine")
    assert find_bundle(training).path == training / "mine"


def test_a_mistyped_name_gives_the_nearest() -> None:
    with pytest.raises(BundleError, match=r"did you mean ssd_mobilenet\?"):
        find_bundle("ssd_mobilnet")
