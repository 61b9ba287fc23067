from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from galpipe.classification.classifier import load_classifier
from galpipe.errors import BundleError
from galpipe.imaging import read_field
from galpipe.models import InputScaling, Manifest, Member, read_bundle, write_bundle

# As the bundle records them.
PRIORS = (0.5, 0.25, 0.125, 0.125)


def colours(*values: tuple[int, int, int], size: int = 16) -> np.ndarray:
    return np.stack([np.full((size, size, 3), value, np.uint8) for value in values])


def test_probabilities_are_the_weighted_mean_of_the_members(tiny_classifier_bundle: Path) -> None:
    classifier = load_classifier(tiny_classifier_bundle)
    crops = colours((255, 0, 0), (0, 0, 255), (0, 0, 0))
    members = classifier.predict_members(crops)
    assert classifier.member_names == ("decided", "undecided")
    np.testing.assert_allclose(members[1], 0.25, atol=1e-6)
    probabilities = classifier.predict(crops)
    np.testing.assert_allclose(probabilities, 0.6 * members[0] + 0.4 * members[1], atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    names = [classifier.class_names[index] for index in probabilities.argmax(axis=1)]
    assert names == ["red", "blue", "dark"]


def test_the_sky_is_removed_where_the_manifest_says_so(
    tiny_classifier_bundle: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(tiny_classifier_bundle)
    manifest = bundle.manifest.model_copy(update={"sky": "removed"})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    folder = write_bundle(tmp_path / "removed", manifest, files, "", {})
    black, grey = colours((0, 0, 0)), colours((90, 100, 110))
    for crops in (black, grey):
        crops[:, 4:12, 4:12, 0] += 140
    plain, removing = load_classifier(tiny_classifier_bundle), load_classifier(folder)
    np.testing.assert_array_equal(removing.predict(grey), removing.predict(black))
    np.testing.assert_array_equal(removing.predict(black), plain.predict(black))
    assert not np.array_equal(plain.predict(grey), plain.predict(black))


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
def test_any_number_of_crops(tiny_classifier_bundle: Path, count: int) -> None:
    classifier = load_classifier(tiny_classifier_bundle)
    crops = np.zeros((count, 16, 16, 3), np.uint8)
    crops[::2, ..., 1] = 255
    probabilities = classifier.predict(crops)
    assert probabilities.shape == (count, 4)
    assert probabilities.argmax(axis=1).tolist() == [2 if i % 2 == 0 else 0 for i in range(count)]


@pytest.mark.parametrize("size", [5, 16, 100])
def test_crops_of_another_size_are_resized(tiny_classifier_bundle: Path, size: int) -> None:
    probabilities = load_classifier(tiny_classifier_bundle).predict(colours((0, 255, 0), size=size))
    assert probabilities[0].argmax() == 2


def test_a_network_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    manifest = Manifest(
        name="broken",
        task="classifier",
        class_names=("a", "b"),
        input_size=8,
        members=(Member(name="one", file="one.tflite", scaling=InputScaling(scale=1, offset=0)),),
    )
    folder = write_bundle(tmp_path / "broken", manifest, {"one.tflite": b"no network"}, "", {})
    with pytest.raises(BundleError, match=r"'one\.tflite' cannot be run"):
        load_classifier(folder)


def test_threads_may_share_a_classifier(tiny_classifier_bundle: Path) -> None:
    classifier = load_classifier(tiny_classifier_bundle)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 255, (n % 5 + 1, 16, 16, 3)).astype(np.uint8) for n in range(40)]
    expected = [classifier.predict(crops) for crops in batches]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(classifier.predict, batches), expected, strict=True):
            np.testing.assert_array_equal(found, alone)


def test_crops_of_several_sizes_and_boxes_of_a_field(tiny_classifier_bundle: Path) -> None:
    classifier = load_classifier(tiny_classifier_bundle)
    crops = [colours((255, 0, 0), size=9)[0], colours((0, 0, 255), size=40)[0]]
    assert classifier.predict(crops).argmax(axis=1).tolist() == [1, 3]
    field = np.zeros((60, 100, 3), np.uint8)
    field[20:30, 20:30], field[20:30, 70:80] = (255, 0, 0), (0, 0, 255)
    boxes = np.array([[20, 20, 30, 30], [70, 20, 80, 30]])
    for source in (field, read_field(field)):
        assert classifier.classify(source, boxes).argmax(axis=1).tolist() == [1, 3]
    assert classifier.classify(field, np.zeros((0, 4))).shape == (0, 4)
    assert classifier.classify(field, boxes, 8.0).argmax(axis=1).tolist() == [0, 0]


def test_a_classifier_is_pickled_as_its_path(tiny_classifier_bundle: Path) -> None:
    classifier = load_classifier(tiny_classifier_bundle)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(
        again.predict(colours((255, 0, 0))), classifier.predict(colours((255, 0, 0)))
    )


def test_the_mean_of_the_members_is_calibrated(
    tiny_classifier_bundle: Path, calibrated_bundle: Path
) -> None:
    plain, calibrated = load_classifier(tiny_classifier_bundle), load_classifier(calibrated_bundle)
    assert plain.priors is None
    crops = colours((200, 30, 0), (0, 0, 90))
    np.testing.assert_allclose(
        calibrated.predict_members(crops), plain.predict_members(crops), rtol=1e-5
    )
    squares = plain.predict(crops) ** 2
    expected = squares / squares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated.predict(crops), expected, rtol=1e-4)


def test_probabilities_are_re_weighted_for_a_prior(calibrated_bundle: Path) -> None:
    plain = load_classifier(calibrated_bundle)
    uniform = load_classifier(calibrated_bundle, prior="uniform")
    crops = colours((200, 30, 0), (0, 0, 90))
    expected = plain.predict(crops) / np.array(PRIORS)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(uniform.predict(crops), expected, rtol=1e-4)
    np.testing.assert_allclose(uniform.priors, 0.25)
    np.testing.assert_allclose(plain.priors, PRIORS)
    same = dict(zip(plain.class_names, PRIORS, strict=True))
    again = uniform.with_options(prior=same).predict(crops)
    np.testing.assert_allclose(again, plain.predict(crops), rtol=1e-4)
    record = uniform.as_dict()
    assert record["priors"] == dict.fromkeys(plain.class_names, 0.25)
    assert record["test_time_augmentation"] is False


def test_a_prior_needs_the_frequencies_of_the_training(tiny_classifier_bundle: Path) -> None:
    with pytest.raises(BundleError, match="does not record the class frequencies"):
        load_classifier(tiny_classifier_bundle, prior="uniform")


def test_test_time_augmentation_does_not_depend_on_the_orientation(calibrated_bundle: Path) -> None:
    classifier = load_classifier(calibrated_bundle, test_time_augmentation=True)
    crop = np.random.default_rng(1).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    views = [np.rot90(flipped, turns) for flipped in (crop, crop[::-1]) for turns in range(4)]
    turned = classifier.predict_members(views)
    np.testing.assert_allclose(turned, np.repeat(turned[:, :1], 8, axis=1), atol=1e-5)
    mean = load_classifier(calibrated_bundle).predict_members(views).mean(axis=1)
    np.testing.assert_allclose(turned[:, 0], mean, atol=1e-5)
    assert classifier.predict(np.zeros((0, 16, 16, 3), np.uint8)).shape == (0, 4)


def test_a_bundle_says_how_it_was_calibrated(calibrated_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(calibrated_bundle)
    manifest = bundle.manifest.model_copy(update={"test_time_augmentation": True})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    turned = load_classifier(write_bundle(tmp_path / "turned", manifest, files, "# Turned\n", {}))
    crop = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
    asked = load_classifier(calibrated_bundle, test_time_augmentation=True)
    np.testing.assert_allclose(turned.predict(crop), asked.predict(crop), atol=1e-6)
    single = turned.with_options(test_time_augmentation=False)
    plain = load_classifier(calibrated_bundle)
    np.testing.assert_allclose(single.predict(crop), plain.predict(crop), atol=1e-6)


def test_options_are_pickled(calibrated_bundle: Path) -> None:
    classifier = load_classifier(calibrated_bundle, prior="uniform", test_time_augmentation=True)
    again = pickle.loads(pickle.dumps(classifier))
    assert again.as_dict() == classifier.as_dict()
    crops = colours((255, 0, 0))
    np.testing.assert_allclose(again.predict(crops), classifier.predict(crops), atol=1e-6)
