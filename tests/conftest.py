"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from galpipe.annotations.classes import GALAXY10_DECALS
from galpipe.configs import Anchors
from galpipe.models import DetectorHead, InputScaling, Manifest, Member, read_bundle, write_bundle
from galpipe.models.class_calibration import TemperatureScaling
from galpipe.pipeline.cli import cli

from .browser import browser, page  # noqa: F401
from .object_store import object_store, object_store_server  # noqa: F401

# How long an example takes is the machine's affair, not the code's.
settings.register_profile("unhurried", settings.default, deadline=None)
# Fewer examples, for `make test-fast`.
settings.register_profile("fast", settings.default, deadline=None, max_examples=10)
settings.load_profile("unhurried")

# The tiny detector has one anchor of 16 pixels in each cell of 8; its score rises with the light.
TINY_ANCHORS = Anchors(
    min_level=3, max_level=3, num_scales=1, aspect_ratios=(1.0,), anchor_size=2.0
)
TINY_SIZE = 64
TINY_CLASSES = ("dark", "red", "green", "blue")


_NEEDS_TRAIN_EXTRA = re.compile(r"^pytestmark = (\[[^]]*)?pytest\.mark\.tensorflow", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the modules that need the train extra where it is not installed."""
    if collection_path.suffix != ".py" or find_spec("keras") is not None:
        return None
    return _NEEDS_TRAIN_EXTRA.search(collection_path.read_text()) is not None or None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the cases of parametrised tests that read or write TFRecord files."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if any(isinstance(value, str) and value == "tfrecord" for value in parameters.values()):
        item.add_marker(pytest.mark.tensorflow)


@pytest.fixture(scope="session")
def galpipe_data() -> Path:
    """Folder of real images and labels; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("GALPIPE_DATA")
    if not folder:
        pytest.skip("GALPIPE_DATA is not set")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.skip(f"GALPIPE_DATA names no folder: {path}")
    return path


@pytest.fixture(scope="session")
def tiny_detector_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of a detector that boxes what is brighter than half, 16 pixels at a time."""
    manifest = Manifest(
        name="tiny_detector",
        task="detector",
        class_names=("galaxy",),
        input_size=TINY_SIZE,
        members=(Member(name="tiny", file="model.tflite", scaling=_TO_UNIT),),
        head=DetectorHead(anchors=TINY_ANCHORS, score_threshold=0.5, iou_threshold=0.3),
    )
    content = _network("tiny_detector")
    folder = tmp_path_factory.mktemp("models") / "tiny_detector"
    return write_bundle(folder, manifest, {"model.tflite": content}, "# Tiny\n", {"mAP": 1.0})


@pytest.fixture(scope="session")
def star_galaxy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of a detector of two classes: what is brighter than half is a star if it is blue."""
    manifest = Manifest(
        name="star_galaxy",
        task="detector",
        class_names=("galaxy", "star"),
        input_size=TINY_SIZE,
        members=(Member(name="tiny", file="model.tflite", scaling=_TO_UNIT),),
        head=DetectorHead(anchors=TINY_ANCHORS, score_threshold=0.5, iou_threshold=0.3),
    )
    content = _network("star_galaxy")
    folder = tmp_path_factory.mktemp("models") / "star_galaxy"
    return write_bundle(folder, manifest, {"model.tflite": content}, "# Two\n", {"mAP": 1.0})


@pytest.fixture(scope="session")
def tiny_classifier_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of an ensemble that names the strongest colour; its second member is undecided."""
    manifest = Manifest(
        name="tiny_classifier",
        task="classifier",
        class_names=TINY_CLASSES,
        input_size=16,
        members=(
            Member(name="decided", file="a.tflite", scaling=_TO_UNIT, weight=0.6),
            Member(name="undecided", file="b.tflite", scaling=_TO_UNIT, weight=0.4),
        ),
    )
    files = {"a.tflite": _network("decided"), "b.tflite": _network("undecided")}
    folder = tmp_path_factory.mktemp("models") / "tiny_classifier"
    return write_bundle(folder, manifest, files, "# Tiny\n", {"accuracy": 1.0})


@pytest.fixture(scope="session")
def calibrated_bundle(
    tiny_classifier_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny ensemble with a temperature of 0.5, half of whose galaxies are assumed dark."""
    bundle = read_bundle(tiny_classifier_bundle)
    manifest = bundle.manifest.model_copy(
        update={
            "calibration": TemperatureScaling(temperature=0.5),
            "priors": (0.5, 0.25, 0.125, 0.125),
        }
    )
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    folder = tmp_path_factory.mktemp("models") / "calibrated"
    return write_bundle(folder, manifest, files, "# Calibrated\n", {})


@pytest.fixture(scope="session")
def feature_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of a classifier whose penultimate layer has the colours of the four quadrants."""
    manifest = Manifest(
        name="quadrants",
        task="classifier",
        class_names=TINY_CLASSES,
        input_size=16,
        members=(
            Member(name="quadrants", file="q.tflite", scaling=_TO_UNIT),
            Member(name="unused", file="u.tflite", scaling=_TO_UNIT, weight=0.0),
        ),
    )
    files = {"q.tflite": _network("quadrants"), "u.tflite": _network("undecided")}
    folder = tmp_path_factory.mktemp("models") / "quadrants"
    return write_bundle(folder, manifest, files, "# Quadrants\n", {})


@pytest.fixture(scope="session")
def votes_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle that predicts votes: red is smooth and round, blue an edge-on disc, green a star."""
    manifest = Manifest(
        name="votes",
        task="classifier",
        class_names=GALAXY10_DECALS,
        input_size=16,
        members=(Member(name="votes", file="votes.tflite", scaling=_TO_UNIT),),
        votes="galaxy_zoo_2",
    )
    folder = tmp_path_factory.mktemp("models") / "votes"
    return write_bundle(folder, manifest, {"votes.tflite": _network("votes")}, "# Votes\n", {})


@pytest.fixture
def small_ssd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train an SSD-MobileNetV2 of one layer a level: building and tracing all takes minutes."""
    mobilenet = pytest.importorskip(
        "official.vision.modeling.backbones.mobilenet", exc_type=ImportError
    )
    from galpipe.detection.training import ssd_mobilenet

    blocks = [
        ("convbn", 3, 2, 8, None, False),
        ("invertedbottleneck", 3, 2, 8, 1.0, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 1, 1, 16, None, False),
    ]
    monkeypatch.setitem(mobilenet.MNV2_BLOCK_SPECS, "block_specs", blocks)
    original = ssd_mobilenet.set_architecture

    def set_architecture(model_config: Any, architecture: str) -> None:
        original(model_config, architecture)
        model_config.override(
            {
                "decoder": {"fpn": {"num_filters": 16}},
                "head": {"num_convs": 1, "num_filters": 16},
            }
        )

    monkeypatch.setattr(ssd_mobilenet, "set_architecture", set_architecture)


@pytest.fixture
def galpipe_cli() -> Callable[..., Result]:
    """Run the command line within this process."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def models(tiny_detector_bundle: Path, tiny_classifier_bundle: Path) -> dict[str, Path]:
    return {"detector": tiny_detector_bundle, "classifier": tiny_classifier_bundle}


@pytest.fixture
def squares() -> Callable[..., np.ndarray]:
    """Make a dark picture with white squares of 16 pixels at the given corners (x, y)."""

    def make(width: int, height: int, *corners: tuple[int, int]) -> np.ndarray:
        picture = np.zeros((height, width, 3), np.uint8)
        for x, y in corners:
            picture[y : y + 16, x : x + 16] = 255
        return picture

    return make


_TO_UNIT = InputScaling(scale=1 / 255, offset=0.0)


def _network(name: str) -> bytes:
    """Return one of the networks that ``networks/make_networks.py`` makes."""
    return (Path(__file__).parent / "networks" / f"{name}.tflite").read_bytes()
