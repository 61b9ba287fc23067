from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from galpipe.classification.explain import open_explained
from galpipe.configs import InputScaling
from galpipe.errors import BundleError, ConfigError, GalpipeError, InputError
from galpipe.models import Manifest, Member, write_bundle

from .networks import SIDE, UNIT, colour_network, deep_network, red_and_green

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training leaves: two networks, and a bundle whose LiteRT files nobody opens."""
    folder = tmp_path_factory.mktemp("training")
    for name, network in (("colours", colour_network()), ("deep", deep_network(classes=2))):
        (folder / name).mkdir()
        network.save(folder / name / "model.keras")
    _write_bundle(folder, "colours", "deep")
    return folder


def _write_bundle(folder: Path, *names: str, size: int = SIDE) -> None:
    manifest = Manifest(
        name="ensemble",
        task="classifier",
        class_names=("red", "green"),
        input_size=size,
        members=tuple(
            Member(name=name, file=f"{place}.tflite", scaling=UNIT, weight=weight)
            for place, (name, weight) in enumerate(zip(names, (3, 1), strict=False))
        ),
    )
    files = {member.file: b"" for member in manifest.members}
    write_bundle(folder / "bundle", manifest, files, "", {})


def test_a_training_is_the_ensemble_of_its_members(training: Path) -> None:
    classifier = open_explained(training)
    assert classifier.class_names == ("red", "green")
    assert classifier.input_size == SIDE
    assert [(m.name, m.weight) for m in classifier.members] == [("colours", 0.75), ("deep", 0.25)]
    assert set(classifier.identity.sha256) == {"colours/model.keras", "deep/model.keras"}
    given = classifier.predict_members(red_and_green())
    assert given.shape == (2, 2, 2)
    np.testing.assert_allclose(
        classifier.combine(given), 0.75 * given[0] + 0.25 * given[1], atol=1e-6
    )
    maps = np.array([[[0, 1.0]], [[1, 1]]], np.float32)
    np.testing.assert_allclose(classifier.combine(maps), [[0.25, 1]])


def test_a_member_of_a_training_alone(training: Path) -> None:
    classifier = open_explained(training / "deep" / "model.keras")
    assert classifier.class_names == ("red", "green")
    assert [(m.name, m.weight) for m in classifier.members] == [("deep", 1)]


def test_a_file_of_anybody(training: Path, tmp_path: Path) -> None:
    file = shutil.copyfile(training / "colours" / "model.keras", tmp_path / "theirs.keras")
    classifier = open_explained(file)
    assert classifier.class_names == ("class 1", "class 2")
    assert [m.name for m in classifier.members] == ["theirs"]
    own = open_explained(file, ("yes", "no"), InputScaling(scale=2 / 255, offset=-1))
    assert own.class_names == ("yes", "no")
    np.testing.assert_allclose(
        own.predict_members(red_and_green()),
        classifier.predict_members(red_and_green() * 2 - 1),
        atol=1e-6,
    )


def test_what_cannot_be_opened_is_named(training: Path, tmp_path: Path) -> None:
    file = shutil.copyfile(training / "colours" / "model.keras", tmp_path / "theirs.keras")
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"no network")
    cases: list[tuple[Path, dict[str, object], type[GalpipeError], str]] = [
        (file, {"class_names": ("one",)}, InputError, r"theirs\.keras: has 2 outputs, but 1"),
        (broken, {}, InputError, r"broken\.keras"),
        (tmp_path / "nosuch.h5", {}, InputError, "no such file"),
        (training, {"class_names": ("a", "b")}, ConfigError, "is a training"),
        (training / "bundle", {}, BundleError, "no gradients"),
        (tmp_path, {}, BundleError, "not a finished training"),
    ]
    for path, options, error, message in cases:
        with pytest.raises(error, match=message):
            open_explained(path, **options)  # type: ignore[arg-type]


def test_a_bundle_that_does_not_fit_its_networks_is_refused(training: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(training, tmp_path / "training")
    _write_bundle(folder, "colours")
    with pytest.raises(BundleError, match=r"not among the members.*colours"):
        open_explained(folder / "deep" / "model.keras")
    _write_bundle(folder, "colours", "missing")
    with pytest.raises(InputError, match=r"missing.model\.keras"):
        open_explained(folder)
    _write_bundle(folder, "colours", size=SIDE + 1)
    with pytest.raises(InputError, match="was not made from this network"):
        open_explained(folder)
    _write_bundle(folder, "../training/colours")
    with pytest.raises(BundleError, match="not a plain name"):
        open_explained(folder)
