from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import Result

import galpipe
from galpipe.errors import BundleError, ConfigError, InputError, MissingExtraError, OutputError
from galpipe.files import remote
from galpipe.models import find_bundle
from galpipe.models.manifest import MANIFEST_NAME
from galpipe.pipeline.hub_card import hub_card
from galpipe.pipeline.sharing import pull_model, push_model


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Stand-in for an object store, at ``memory://``."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    monkeypatch.setattr(remote, "SCHEMES", ("memory",))
    yield memory
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-in for the Hub: a folder with a folder for each version of each repository."""
    client = pytest.importorskip("huggingface_hub")
    root = tmp_path / "hub"

    def version(repository: str, revision: str | None) -> Path:
        return root / repository / (revision or max(p.name for p in (root / repository).iterdir()))

    class Api:
        def create_repo(self, repository: str, *, repo_type: str, exist_ok: bool) -> None:
            assert (repo_type, exist_ok) == ("model", True)
            (root / repository).mkdir(parents=True, exist_ok=True)

        def upload_folder(self, *, repo_id: str, folder_path: str, **_: Any) -> None:
            number = len(list((root / repo_id).iterdir())) + 1
            shutil.copytree(folder_path, root / repo_id / f"v{number}")

        def model_info(self, repository: str, *, revision: str | None, files_metadata: bool) -> Any:
            assert files_metadata
            folder = version(repository, revision)
            files = [
                SimpleNamespace(rfilename=path.name, size=path.stat().st_size)
                for path in folder.iterdir()
            ]
            return SimpleNamespace(sha=folder.name, siblings=files)

    def download(repository: str, name: str, *, revision: str, cache_dir: Path) -> str:
        return str(shutil.copy(version(repository, revision) / name, cache_dir / name))

    monkeypatch.setattr(client, "HfApi", Api)
    monkeypatch.setattr(client, "hf_hub_download", download)
    return root


def same(one: Path, other: Path) -> bool:
    return find_bundle(one).manifest == find_bundle(other).manifest


def test_a_model_goes_through_a_folder(tiny_classifier_bundle: Path, tmp_path: Path) -> None:
    assert push_model(tiny_classifier_bundle, tmp_path / "shared") == str(tmp_path / "shared")
    with pytest.raises(OutputError, match="exists"):
        push_model(tiny_classifier_bundle, tmp_path / "shared")
    push_model(tiny_classifier_bundle, tmp_path / "shared", overwrite=True)
    zipped = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "shared")
    pulled = pull_model(zipped, tmp_path / "mine")
    assert same(pulled.path, tiny_classifier_bundle)
    assert galpipe.load_classifier(tmp_path / "mine").class_names[0] == "dark"
    with pytest.raises(OutputError, match="exists"):
        pull_model(zipped, tmp_path / "mine")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(OutputError, match="exists"):
        push_model(tiny_classifier_bundle, other, overwrite=True)


def test_a_model_goes_through_an_object_store(
    store: Any, tiny_detector_bundle: Path, tmp_path: Path
) -> None:
    address = "memory://bucket/models/tiny"
    push_model(tiny_detector_bundle, f"{address}/")
    with pytest.raises(OutputError, match="holds a model"):
        push_model(tiny_detector_bundle, address)
    push_model(tiny_detector_bundle, address, overwrite=True)
    assert same(pull_model(address, tmp_path / "mine").path, tiny_detector_bundle)
    with pytest.raises(InputError, match="no such file"):
        pull_model("memory://bucket/none", tmp_path / "none")
    with pytest.raises(ConfigError, match="nothing can be written there"):
        push_model(tiny_detector_bundle, "https://example.org/tiny")


def test_a_model_goes_through_the_hub(
    hub: Path, tmp_path: Path, galpipe_cli: Callable[..., Result]
) -> None:
    address = "hf://someone/galaxies"
    for _ in range(2):
        done = galpipe_cli("models", "push", "galaxy10_cnn", address, "--license", "cc-by-4.0")
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (hub / "someone/galaxies").iterdir()) == ["v1", "v2"]
    done = galpipe_cli("models", "pull", f"{address}@v1", "-o", tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert same(tmp_path / "mine", find_bundle("galaxy10_cnn").path)
    assert not (tmp_path / "mine" / "README.md").exists()
    with pytest.raises(InputError, match=r"give hf://USER/NAME"):
        pull_model("hf://galaxies", tmp_path / "other")
    with pytest.raises(InputError, match=r"hf://no/such: .*hf auth login"):
        pull_model("hf://no/such", tmp_path / "other")


@pytest.mark.parametrize(
    ("model", "tag", "metric"),
    [
        ("galaxy10_cnn", "image-classification", "accuracy"),
        ("ssd_mobilenet", "object-detection", "map"),
    ],
)
def test_the_card_has_the_metadata_of_the_hub(model: str, tag: str, metric: str) -> None:
    pytest.importorskip("huggingface_hub")
    bundle = find_bundle(model)
    card = hub_card(bundle, f"hf://me/{model}", "cc-by-4.0")
    _, front, text = card.split("---\n", 2)
    data = yaml.safe_load(front)
    assert (data["license"], data["library_name"]) == ("cc-by-4.0", "galpipe")
    assert data["pipeline_tag"] == tag
    assert "astronomy" in data["tags"]
    (entry,) = data["model-index"]
    assert entry["name"] == model
    values = [found for result in entry["results"] for found in result["metrics"]]
    assert metric in {found["type"] for found in values}
    assert all(0 < found["value"] <= 1 for found in values)
    assert f"# {model}" in text
    assert f"galpipe models pull hf://me/{model} -o {model}" in text


def test_an_altered_file_is_not_kept(
    store: Any, tiny_detector_bundle: Path, tmp_path: Path
) -> None:
    push_model(tiny_detector_bundle, "memory://bucket/tiny")
    store.pipe("/bucket/tiny/model.tflite", b"another network")
    with pytest.raises(BundleError, match="differs from the checksum"):
        pull_model("memory://bucket/tiny", tmp_path / "mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/b", "..\\x", "C:x"])
def test_names_that_lead_elsewhere_are_not_even_asked_for(
    store: Any, tiny_detector_bundle: Path, tmp_path: Path, name: str
) -> None:
    push_model(tiny_detector_bundle, "memory://bucket/tiny")
    manifest = json.loads(store.cat("/bucket/tiny/" + MANIFEST_NAME))
    manifest["files"] = {name: "0" * 64}
    store.pipe("/bucket/tiny/" + MANIFEST_NAME, json.dumps(manifest).encode())
    with pytest.raises(BundleError, match="not a plain file name"):
        pull_model("memory://bucket/tiny", tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_a_missing_client_is_named(
    tiny_detector_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[hub\]"):
        pull_model("hf://someone/galaxies", tmp_path / "mine")
