from __future__ import annotations

import json
from pathlib import Path

import pytest

from galpipe.errors import BundleError
from galpipe.models import find_bundle, read_bundle, shipped_models
from galpipe.models.manifest import MANIFEST_NAME, DataSource, DataSplit, Manifest, TrainingData


@pytest.mark.parametrize("name", shipped_models())
def test_the_data_of_shipped_models_is_read_whole(name: str) -> None:
    bundle = find_bundle(name)
    # Detectors of earlier versions record the kind of images as their role.
    text = (bundle.path / MANIFEST_NAME).read_text().replace('"role"', '"kind"')
    written = json.loads(text)["data"]
    assert bundle.manifest.data.model_dump(mode="json") == written
    assert len(bundle.manifest.data.held_out) > 100


def test_a_classifier_has_the_crop_margin_of_its_training() -> None:
    assert find_bundle("galaxy10_ensemble").manifest.crop_margin == 1.5
    assert find_bundle("ssd_mobilenet").manifest.crop_margin is None


def test_held_out_images_are_those_of_all_sources() -> None:
    splits = [DataSplit(train=("a",), test=("b", "c")), DataSplit(test=("d",))]
    data = TrainingData(sources=tuple(DataSource(split=split) for split in splits))
    assert data.held_out == {"b", "c", "d"}
    assert TrainingData(validation=("a",), test=("b",)).held_out == {"b"}
    assert TrainingData().model_dump() == {}


def _manifest(data: object) -> dict[str, object]:
    member = {"name": "m", "file": "m.tflite", "scaling": {"scale": 1, "offset": 0}}
    content = {"name": "x", "task": "classifier", "class_names": ["a"], "input_size": 8}
    return {**content, "members": [member], "data": data}


def test_keys_of_later_versions_are_ignored() -> None:
    manifest = Manifest.model_validate(_manifest({"test": ["a.png"], "photometry": {"band": "r"}}))
    assert manifest.data == TrainingData(test=("a.png",))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"sources": 3}, "data.sources"),
        ({"sources": [{"split": {"test": [1]}}]}, "data.sources.0.split.test.0"),
        ({"images": {"train": -1}}, "data.images.train"),
        ([], "data"),
    ],
)
def test_other_data_is_refused_by_its_place(tmp_path: Path, data: object, place: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(_manifest(data)))
    with pytest.raises(BundleError, match=f"is not valid: {place}: "):
        read_bundle(tmp_path)
