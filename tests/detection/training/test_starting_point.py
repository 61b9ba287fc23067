"""A training starts from an earlier detector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.detector import Detector
from galpipe.detection.export.litert_export import export_litert, flat_heads
from galpipe.detection.training import starting_point
from galpipe.detection.training.architectures import (
    INPUT_SCALING,
    build_model,
    head_outputs,
    scale_images,
)
from galpipe.detection.training.starting_point import BEST_FOLDER, PARTS, load_start
from galpipe.errors import InputError
from galpipe.models import (
    Bundle,
    DetectorHead,
    Manifest,
    Member,
    find_bundle,
    read_bundle,
    write_bundle,
)
from galpipe.models.litert import LiteRTNetwork

pytestmark = pytest.mark.tensorflow

pytest.importorskip("official", exc_type=ImportError)


# Three levels of the pyramid are the backbone's, one is pooled.
EFFICIENTDET: dict[str, Any] = {
    "architecture": "efficientdet_d0",
    "input_size": 64,
    "anchors": {"min_level": 3, "max_level": 6},
}


def _config(**changes: Any) -> DetectorTraining:
    settings: dict[str, Any] = {"data": [], "backbone_weights": "none"}
    return DetectorTraining.model_validate(settings | changes)


@pytest.fixture(scope="module", autouse=True)
def _small_efficientdet() -> Iterator[None]:
    """Build EfficientDets of one block a stage, two in one, and of two narrow pyramids."""
    from official.vision.modeling.backbones import efficientnet

    from galpipe.detection.training import efficientdet

    blocks = [
        (kind, 2 if stage == 4 else 1, *rest)
        for stage, (kind, _, *rest) in enumerate(efficientnet.EN_B0_BLOCK_SPECS)
    ]
    scale = efficientdet._Scale("b0", channels=16, pyramids=2, head_layers=2)
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(efficientnet, "EN_B0_BLOCK_SPECS", blocks)
        smaller.setitem(efficientdet._SCALES, "efficientdet_d0", scale)
        yield


@pytest.fixture(scope="module")
def model() -> Any:
    return build_model(_config())[1]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 320, 320, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def efficientdet() -> Any:
    """Make a model whose every weight matters."""
    _, model = build_model(_config(**EFFICIENTDET))
    _randomize(model)
    return model


@pytest.fixture(scope="module")
def exported(efficientdet: Any) -> bytes:
    return export_litert(efficientdet, 64, 9)


def _randomize(model: Any, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "kernel" in weight.name:
            inputs = np.prod(weight.shape[:2] if "depthwise" in weight.name else weight.shape[:3])
            weight.assign(rng.normal(0, np.sqrt(2 / inputs), weight.shape))
        elif "gamma" in weight.name or "variance" in weight.name:
            weight.assign(rng.uniform(0.6, 1.4, weight.shape))
        elif "fusion" in weight.name:
            weight.assign(rng.uniform(-0.3, 1.5, weight.shape))
        else:
            weight.assign(rng.normal(0, 0.3, weight.shape))


def _write_bundle(folder: Path, content: bytes, **changes: Any) -> Path:
    config = _config(**EFFICIENTDET | changes)
    manifest = Manifest(
        name=folder.name,
        task="detector",
        class_names=config.class_names,
        input_size=config.input_size,
        members=(Member(name=config.architecture, file="model.tflite", scaling=INPUT_SCALING),),
        head=DetectorHead(anchors=config.anchors, score_threshold=0.5, iou_threshold=0.3),
    )
    return write_bundle(folder, manifest, {"model.tflite": content}, "# Mine\n", {"mAP": 1.0})


def _outputs(model: Any, images: np.ndarray, training: bool = False) -> np.ndarray:
    levels = head_outputs(model, scale_images(images), training=training)
    return np.concatenate([level.numpy().ravel() for part in levels for level in part.values()])


def _blank(model: Any) -> None:
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape, np.float32))


def test_the_shipped_detector_is_one(model: Any, images: np.ndarray) -> None:
    load_start(model, _config(start_from="ssd_mobilenet"), iter([images]))
    bundle = find_bundle("ssd_mobilenet")
    network = Detector(bundle)._network
    # A network that takes windows of any size takes one at a time.
    runs = [network.run(image[np.newaxis]) for image in images]
    logits, codes = (np.concatenate(parts) for parts in zip(*runs, strict=True))
    ours_logits, ours_codes = head_outputs(model, scale_images(images), training=False)
    for ours, theirs, size in ((ours_logits, logits, 2), (ours_codes, codes, 4)):
        flat = np.concatenate([x.numpy().reshape(2, -1, size) for x in ours.values()], axis=1)
        np.testing.assert_allclose(flat[:, :, -theirs.shape[2] :], theirs, atol=1e-2)
    # Statistics were measured on these very images: training starts from the same function.
    apart = np.abs(_outputs(model, images, training=True) - _outputs(model, images))
    assert apart.max() < 0.1


def test_an_efficientdet_starts_from_its_bundle(
    efficientdet: Any, exported: bytes, images: np.ndarray, tmp_path: Path
) -> None:
    folder = _write_bundle(tmp_path / "mine", exported)
    tiles = np.stack([images[0, :64, :64], images[1, :64, :64] // 8])
    _blank(efficientdet)
    load_start(efficientdet, _config(start_from=str(folder), **EFFICIENTDET), iter([tiles]))
    computed = flat_heads(efficientdet, scale_images(tiles), 9)
    expected = LiteRTNetwork(exported, INPUT_SCALING).run(tiles)
    for ours, theirs in zip(computed, expected, strict=True):
        assert np.abs(theirs[0] - theirs[1]).max() > 1
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-2)


@pytest.fixture
def trained(
    efficientdet: Any, exported: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bundle:
    """Write a bundle into the folder of its training, which holds a checkpoint."""
    import tensorflow as tf

    _randomize(efficientdet)
    parts = {name: getattr(efficientdet, name) for name in PARTS}
    checkpoint = tf.train.Checkpoint(**parts)
    tf.train.CheckpointManager(checkpoint, str(tmp_path / BEST_FOLDER), max_to_keep=1).save()
    monkeypatch.setattr(starting_point, "build_model", lambda _: (None, efficientdet))
    return read_bundle(_write_bundle(tmp_path / "mine", exported))


def test_a_bundle_in_its_training_folder_has_the_weights_of_the_checkpoint(
    efficientdet: Any, trained: Bundle
) -> None:
    expected = [weight.numpy() for weight in efficientdet.weights]
    _blank(efficientdet)
    model, has_statistics = starting_point._bundle_model(trained, _config())
    assert has_statistics
    for weight, value in zip(model.weights, expected, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_a_checkpoint_of_another_training_is_not_taken(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = [0.0, 3.0]
    monkeypatch.setattr(starting_point, "_difference", lambda *_: differences.pop())
    read: list[bytes] = []
    monkeypatch.setattr(starting_point, "unfold_weights", lambda content, _: read.append(content))
    _, has_statistics = starting_point._bundle_model(trained, _config())
    assert not has_statistics
    assert read == [trained.read("model.tflite")]


def test_a_file_of_another_layout_is_refused(
    efficientdet: Any,
    model: Any,
    tiny_detector_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = "ssd_mobilenet, efficientdet_d0, efficientdet_d1, efficientdet_d2"
    cure = "start from the folder in which it was trained"
    start = _config(start_from=str(tiny_detector_bundle))
    with pytest.raises(InputError, match=f"tiny_detector: .* of {known}, not of 'tiny'; {cure}"):
        load_start(model, start, iter([]))
    for architecture, built in (("efficientdet_d0", efficientdet), ("ssd_mobilenet", model)):
        content = read_bundle(tiny_detector_bundle).read("model.tflite")
        folder = _write_bundle(tmp_path / architecture, content, architecture=architecture)
        monkeypatch.setattr(starting_point, "build_model", lambda _, built=built: (None, built))
        message = f"{architecture}: .*model.tflite. cannot be restored .*; {cure}"
        with pytest.raises(InputError, match=message):
            load_start(model, _config(start_from=str(folder)), iter([]))


def test_parts_of_a_checkpoint_are_taken(model: Any, images: np.ndarray, tmp_path: Path) -> None:
    import tensorflow as tf

    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 0.2, weight.shape))
    expected = _outputs(model, images)
    # As TF-Vision writes one.
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, **model.checkpoint_items), str(tmp_path / "best"), 1
    )
    checkpoint = manager.save()
    for start in (checkpoint, tmp_path / "best", tmp_path):
        _blank(model)
        load_start(model, _config(start_from=str(start)), iter([]))
        np.testing.assert_array_equal(_outputs(model, images), expected)
    _blank(model)
    parts = _config(start_from=str(tmp_path), start_parts=["backbone", "decoder"])
    load_start(model, parts, iter([]))
    assert np.concatenate([w.numpy().ravel() for w in model.backbone.weights]).all()
    assert np.concatenate([w.numpy().ravel() for w in model.decoder.weights]).all()
    assert not np.concatenate([w.numpy().ravel() for w in model.head.weights]).any()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("nowhere", "no shipped model .ssd_mobilenet|galaxy10_cnn"),
        ("empty", "holds no checkpoint"),
        ("broken/ckpt-1", "is not a checkpoint with backbone, decoder, head"),
        ("galaxy10_cnn", "start from a detector"),
    ],
)
def test_what_is_no_starting_point_is_explained(
    model: Any, tmp_path: Path, start: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ckpt-1.index").write_bytes(b"no checkpoint")
    place = start if start == "galaxy10_cnn" else str(tmp_path / start)
    with pytest.raises(InputError, match=message):
        load_start(model, _config(start_from=place), iter([]))


def test_a_head_for_other_classes_does_not_fit(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(backbone=model.backbone, decoder=model.decoder, head=model.decoder)
    monkeypatch.setattr(starting_point, "_bundle_model", lambda *_: (other, True))
    with pytest.raises(InputError, match="leave 'head' out of start_parts"):
        load_start(model, _config(start_from="ssd_mobilenet"), iter([]))
