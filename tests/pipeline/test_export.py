"""Models as files of other programs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import Result

import galpipe
from galpipe.errors import BundleError, ConfigError, OutputError
from galpipe.models import read_bundle, write_bundle
from galpipe.models.class_calibration import DirichletCalibration
from galpipe.models.standalone import targets

pytestmark = pytest.mark.tensorflow

PAGE = Path(galpipe.__path__[0]) / "docs" / "standalone-models.md"
SIDE = 64
DETECTOR_FORMATS = ("saved_model", "onnx", "tflite", "keras")


@pytest.fixture(scope="module")
def tile() -> np.ndarray:
    """Three galaxies, one at the edge, and a star, of scores that differ."""
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    rgb[8:16, 40:48] = 255
    rgb[32:40, 0:8] = 170
    rgb[8:16, 8:16] = 190
    rgb[48:56, 40:48] = (140, 140, 255)
    return rgb


@pytest.fixture(scope="module")
def exported(
    star_galaxy_bundle: Path,
    tiny_classifier_bundle: Path,
    tile: np.ndarray,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Folder of the exported models that the page names, with pictures for its examples."""
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("exported")
    for target in DETECTOR_FORMATS:
        galpipe.export_model(star_galaxy_bundle, target, folder / f"detector_{target}")
    galpipe.export_model(tiny_classifier_bundle, "keras", folder / "classifier_keras")
    cv2.imwrite(str(folder / "tile.png"), tile[..., ::-1])
    cv2.imwrite(str(folder / "crop.png"), np.full((16, 16, 3), (255, 140, 140), np.uint8))
    return folder


def _examples() -> list[tuple[str, str]]:
    text = PAGE.read_text("utf-8")
    return re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", text, re.M | re.S)


def test_every_format_has_an_example() -> None:
    names = [name for name, _ in _examples()]
    assert names == ["TensorFlow", "Keras", "ONNX Runtime", "LiteRT"]
    assert len(names) == len(targets.TARGETS)
    assert all("galpipe" not in code for _, code in _examples())


@pytest.mark.parametrize(("name", "code"), _examples(), ids=[name for name, _ in _examples()])
def test_examples_without_galpipe_agree_with_it(
    name: str,
    code: str,
    exported: Path,
    tile: np.ndarray,
    star_galaxy_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(exported)
    result: dict[str, Any] = {}
    exec(code, result)
    if name == "Keras":
        assert result["best"] == "blue"
        return
    detector = galpipe.load_detector(star_galaxy_bundle)
    (expected,) = detector.detect_tiles(tile[np.newaxis], detector.lowest_score)
    assert len(expected) == 4
    np.testing.assert_allclose(result["scores"], expected.scores, atol=1e-5)
    np.testing.assert_allclose(result["boxes"][:, [1, 0, 3, 2]], expected.boxes, atol=1e-3)


@pytest.mark.parametrize("place", ["detector_saved_model", "detector_tflite/model.tflite"])
def test_galpipe_opens_what_it_exported(
    place: str, exported: Path, tile: np.ndarray, star_galaxy_bundle: Path
) -> None:
    expected = galpipe.load_detector(star_galaxy_bundle).detect(tile)
    opened = galpipe.load_detector(exported / place)
    found = opened.detect(tile)
    assert opened.class_names == ("galaxy", "star")
    assert sorted(found.class_ids) == sorted(expected.class_ids)
    assert {0, 1} == set(found.class_ids)


def test_a_keras_detector_returns_all_boxes(exported: Path, tile: np.ndarray) -> None:
    run = targets.TARGETS["keras"].open(exported / "detector_keras" / "model.keras")
    found = run(np.stack([tile, tile]))
    assert found["raw_detection_boxes"].shape == (2, SIDE, 4)
    assert found["raw_detection_scores"].shape == (2, SIDE, 2)
    described = json.loads((exported / "detector_keras" / "description.json").read_text())
    assert set(described["outputs"]) == set(found)
    assert any("not suppressed" in note for note in described["notes"])


def test_the_description_states_what_a_user_must_know(exported: Path) -> None:
    described = json.loads((exported / "detector_onnx" / "description.json").read_text())
    assert described["class_names"] == ["galaxy", "star"]
    assert described["input"]["shape"] == ["N", SIDE, SIDE, 3]
    assert described["input"]["stretch"]["kind"] == "auto"
    assert described["score_threshold"] == 0.5
    assert "the first being 1" in described["outputs"]["detection_classes"]
    assert described["file"] == "model.onnx"
    classifier = json.loads((exported / "classifier_keras" / "description.json").read_text())
    assert classifier["input"]["crop_margin"] == 1.5
    labels = (exported / "classifier_keras" / "labels.txt").read_text()
    assert labels == "dark\nred\ngreen\nblue\n"


@pytest.mark.parametrize("target", ["keras", "tflite"])
def test_a_classifier_with_all_options_gives_the_same_probabilities(
    target: str, tiny_classifier_bundle: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(tiny_classifier_bundle)
    rng = np.random.default_rng(0)
    manifest = bundle.manifest.model_copy(
        update={
            "sky": "removed",
            "test_time_augmentation": True,
            "calibration": DirichletCalibration(
                weights=tuple(map(tuple, rng.normal(0, 1, (4, 4)).tolist())),
                bias=tuple(rng.normal(0, 1, 4).tolist()),
            ),
        }
    )
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    path = write_bundle(tmp_path / "all", manifest, files, "# All\n", {})
    exported = galpipe.export_model(path, target, tmp_path / "out")
    crops = rng.integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    found = targets.TARGETS[target].open(exported.file)(crops)["probabilities"]
    expected = galpipe.load_classifier(path).predict(crops)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert "100 % have the same" in exported.agreement


def test_a_model_with_other_results_is_discarded(
    tiny_classifier_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = targets.TARGETS["keras"]

    def wrong(path: Path) -> Callable[[np.ndarray], targets.Arrays]:
        run = opened.open(path)
        return lambda images: {name: value[:, ::-1] for name, value in run(images).items()}

    changed = targets.Target(opened.file, opened.write, wrong)
    monkeypatch.setitem(targets.TARGETS, "keras", changed)
    with pytest.raises(BundleError, match=r"gives other results .* discarded"):
        galpipe.export_model(tiny_classifier_bundle, "keras", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_said(
    tiny_detector_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="formats are saved_model, keras, onnx, tflite"):
        galpipe.export_model(tiny_detector_bundle, "torch", tmp_path / "out")
    with pytest.raises(OutputError, match="exists"):
        galpipe.export_model(tiny_detector_bundle, "keras", tmp_path)
    from galpipe.models.standalone import keras_network

    monkeypatch.delitem(keras_network._CONVERTERS, "AVERAGE_POOL_2D")
    with pytest.raises(BundleError, match="the operation AVERAGE_POOL_2D, for which Keras"):
        galpipe.export_model(tiny_detector_bundle, "keras", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_states_the_agreement(
    galpipe_cli: Callable[..., Result], tiny_detector_bundle: Path, tmp_path: Path
) -> None:
    zipped = shutil.make_archive(str(tmp_path / "tiny"), "zip", tiny_detector_bundle)
    result = galpipe_cli("models", "export", zipped, "--to", "keras", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert re.search(r"on 12 tiles with \d+ boxes: edges differ by at most", result.output)
    assert "Boxes are not suppressed" in result.output
    assert (tmp_path / "out" / "model.keras").is_file()
    again = galpipe_cli("models", "export", zipped, "--to", "keras", "-o", tmp_path / "out")
    assert again.exit_code != 0
    assert "exists; choose another folder" in again.output


def test_the_command_knows_all_formats() -> None:
    from galpipe.pipeline.commands.models import export

    (choice,) = [option for option in export.params if option.name == "target"]
    assert tuple(choice.type.choices) == tuple(targets.TARGETS)  # type: ignore[attr-defined]
