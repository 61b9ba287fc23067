"""The evidence for a class, by the Keras networks of the training of the classifier."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from galpipe.files.atomic import write_png
from galpipe.pipeline.run import run
from galpipe.web.settings import ServerSettings

from .conftest import Server, running

pytestmark = pytest.mark.tensorflow


def write_network(path: Path) -> None:
    """Write a network whose class of a colour is that of the mean of the picture."""
    inputs = keras.Input((16, 16, 3))
    convolution = keras.layers.Conv2D(3, 1, activation="relu")
    dense = keras.layers.Dense(4, activation="softmax")
    outputs = dense(keras.layers.GlobalAveragePooling2D()(convolution(inputs)))
    network = keras.Model(inputs, outputs)
    convolution.set_weights([np.eye(3, dtype=np.float32)[None, None], np.zeros(3, np.float32)])
    dense.set_weights([np.eye(3, 4, 1, dtype=np.float32), np.zeros(4, np.float32)])
    path.parent.mkdir(parents=True)
    network.save(path)


@pytest.fixture
def trained_run(tmp_path: Path, tiny_detector_bundle: Path, tiny_classifier_bundle: Path) -> Path:
    """Output folder of a run with a classifier whose training is there."""
    shutil.copytree(tiny_classifier_bundle, tmp_path / "training" / "bundle")
    for member in ("decided", "undecided"):
        write_network(tmp_path / "training" / member / "model.keras")
    pixels = np.zeros((96, 96, 3), np.uint8)
    pixels[40:56, 32:48] = 255, 150, 150
    field = write_png(tmp_path / "red.png", pixels)
    classifier = tmp_path / "training" / "bundle"
    run(field, tmp_path / "out", detector=tiny_detector_bundle, classifier=classifier)
    return tmp_path / "out"


def test_the_evidence_lies_on_the_galaxy(
    server: Server, settings: Callable[..., ServerSettings], trained_run: Path, tmp_path: Path
) -> None:
    (shipped,) = server.client.get("/api/runs").json()[:1]
    assert not server.client.get(f"/api/runs/{shipped['id']}").json()["explained"]
    with running(settings(outputs=(trained_run,))) as started:
        (opened,) = started.client.get("/api/runs").json()
        place = f"/api/runs/{opened['id']}"
        assert started.client.get(place).json()["explained"]
        found = started.client.get(f"{place}/fields/0").json()["objects_list"][0]
        address = f"{place}/fields/0/evidence/{found['source_id']}.png"
        # Starting TensorFlow takes its time on a busy machine.
        answer = started.client.get(address, params={"label": "red"}, timeout=600)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        # From violet to yellow: no blue where the evidence is strongest.
        warm = picture[..., 2].astype(int) - picture[..., 0]
        side = len(warm)
        middle = warm[side // 2 - 9 : side // 2 + 9, side // 2 - 9 : side // 2 + 9]
        assert middle.mean() > warm[:9, :9].mean() + 50
        assert started.client.get(address, params={"label": "purple"}).status_code == 404
        missing = f"{place}/fields/0/evidence/none.png"
        assert started.client.get(missing, params={"label": "red"}).status_code == 404
        # Without its networks it cannot be explained.
        shutil.rmtree(tmp_path / "training" / "decided")
        assert not started.client.get(place).json()["explained"]
