from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.measure import measure
from galpipe.classification.training.sources import Sources
from galpipe.configs import ClassifierData, ClassifierTraining, CnnMember

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow

pytest.importorskip("sklearn")
CLASSES = ("red", "green", "blue")


class Colours:
    """A classifier that says how red, green and blue a crop is at its centre."""

    class_names = CLASSES
    member_names = ("eye",)
    input_size = 32

    def predict_members(self, crops: np.ndarray) -> list[np.ndarray]:
        middle = crops[:, 16, 16].astype(np.float32) + 1e-3
        return [middle / middle.sum(axis=1, keepdims=True)]

    def combine(self, members: list[np.ndarray]) -> np.ndarray:
        return members[0]


def cutouts(paths: list[Path], allowed: list[list[float]]) -> Cutouts:
    images = np.zeros((len(paths), CACHE_SIZE, CACHE_SIZE, 3), np.uint8)
    boxes = np.tile([40.0, 40.0, 152.0, 152.0], (len(paths), 1))
    return Cutouts(tuple(paths), images, labels_of(allowed), boxes)


@pytest.fixture(scope="module")
def by_colour(
    tmp_path_factory: pytest.TempPathFactory, labelled_folder: object
) -> dict[str, list[Path]]:
    folder = labelled_folder(2)  # type: ignore[operator]
    return {name: sorted(folder.glob(f"{name}_*.png")) for name in CLASSES}


def measured(extra: Cutouts, certain: Cutouts) -> dict[str, object]:
    data = ClassifierData(images=Path("main"), labels=Path("labels.csv"))
    config = ClassifierTraining(
        class_names=CLASSES, data=(data,), members=(CnnMember(architecture="cnn"),)
    )
    sources = Sources(certain, certain, certain, extra, {"extra": extra})
    return {m.images.title: m for m in measure(Colours(), sources, config)}  # type: ignore[arg-type]


def test_sets_of_classes_are_measured_by_their_summed_probabilities(
    by_colour: dict[str, list[Path]],
) -> None:
    certain = cutouts(by_colour["red"], [[1, 0, 0]] * 2)
    paths = by_colour["red"] + by_colour["green"] + by_colour["blue"]
    # The second blue galaxy is said to be red or green: one mistake in six.
    labels = [[1, 1, 0]] * 4 + [[0, 0, 1], [1, 1, 0]]
    result = measured(cutouts(paths, labels), certain)
    of_sets = result["extra, whole cutouts, by the sets of classes that the labels name"]
    metrics = of_sets.by_classifier["eye"]  # type: ignore[attr-defined]
    assert metrics.accuracy == pytest.approx(5 / 6)
    assert {one.name for one in metrics.classes} == {"red or green", "blue"}
    assert len(of_sets.files) == 6  # type: ignore[attr-defined]


def test_sets_that_share_a_class_are_not_measured(by_colour: dict[str, list[Path]]) -> None:
    certain = cutouts(by_colour["red"], [[1, 0, 0]] * 2)
    overlapping = cutouts(by_colour["green"], [[1, 1, 0], [0, 1, 1]])
    assert not any(name.startswith("extra") for name in measured(overlapping, certain))
