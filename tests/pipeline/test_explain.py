from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from astropy.io import fits
from click.testing import Result
from keras import layers

from galpipe.classification.classifier import load_classifier
from galpipe.classification.explain import activation_maximization, open_explained
from galpipe.classification.predict import read_central_crops
from galpipe.configs import InputScaling
from galpipe.imaging import FieldSource
from galpipe.models import Manifest, Member, write_bundle
from galpipe.pipeline.explain import ImageCrop

pytestmark = pytest.mark.tensorflow

Cli = Callable[..., Result]

SIDE = 16


def _network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(3, 3, activation="relu", padding="same", name="first")(inputs)
    x = layers.Conv2D(5, 3, activation="relu", padding="same", name=f"last_{seed}")(
        layers.MaxPooling2D()(x)
    )
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(layers.Flatten()(x)))


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, tiny_classifier_bundle: Path) -> Path:
    """What a training leaves: two networks, and a bundle."""
    folder = tmp_path_factory.mktemp("training")
    for seed in (1, 2):
        (folder / f"net{seed}").mkdir()
        _network(seed).save(folder / f"net{seed}" / "model.keras")
    scaling = InputScaling(scale=1 / 255, offset=0)
    manifest = Manifest(
        name="ensemble",
        task="classifier",
        class_names=load_classifier(tiny_classifier_bundle).class_names,
        input_size=SIDE,
        members=tuple(Member(name=f"net{n}", file=f"{n}.tflite", scaling=scaling) for n in (1, 2)),
    )
    write_bundle(folder / "bundle", manifest, {"1.tflite": b"", "2.tflite": b""}, "", {})
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in (("one", (0, 0, 255)), ("two", (0, 255, 0))):
        picture = np.zeros((64, 64, 3), np.uint8)
        cv2.circle(picture, (32, 32), 12, colour, -1)
        assert cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


def test_all_that_can_be_drawn(
    galpipe_cli: Cli,
    training: Path,
    images: Path,
    tmp_path: Path,
    contents: Callable[[Path], set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activation_maximization, "STEPS", 2)
    output = tmp_path / "out"
    command: list[Any] = ["explain", images, "--model", training, "-o", output]
    asked = [f"--what={what}" for what in ("gradcam", "activations", "filters")]
    done = galpipe_cli(*command, *asked, "--channels", 2)
    assert done.exit_code == 0, done.output
    sheets = {"net1_first.png", "net1_last_1.png", "net2_first.png", "net2_last_2.png"}
    expected = {
        "run.json",
        "gradcam/one.png",
        "gradcam/two.png",
        *(f"activations/{image}/{sheet}" for image in ("one", "two") for sheet in sheets),
        *(f"filters/{sheet}" for sheet in sheets),
    }
    assert contents(output) == expected
    record = json.loads((output / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["config"]["layers"] == {
        "net1": ["first", "last_1"], "net2": ["first", "last_2"]
    }  # fmt: skip
    assert set(record["models"]["classifier"]["sha256"]) == {
        "net1/model.keras", "net2/model.keras"
    }  # fmt: skip
    before = (output / "filters" / "net2_last_2.png").read_bytes()

    refused = galpipe_cli(*command)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.output
    again = galpipe_cli(*command, "--what=filters", "--layer=last_2", "--channels=2", "--overwrite")
    assert again.exit_code == 0, again.output
    assert contents(output) == {
        "run.json",
        "filters/net1_first.png",
        "filters/net1_last_1.png",
        "filters/net2_last_2.png",
    }
    assert (output / "filters" / "net2_last_2.png").read_bytes() == before


def test_the_class_may_be_chosen(
    galpipe_cli: Cli, training: Path, images: Path, tmp_path: Path
) -> None:
    member = training / "net1" / "model.keras"
    sheets = set()
    for name in ("red", "BLUE"):
        output = tmp_path / name
        done = galpipe_cli("explain", images / "one.png", "--model", member, "-o", output,
                           "--class", name)  # fmt: skip
        assert done.exit_code == 0, done.output
        sheets.add((output / "gradcam" / "one.png").read_bytes())
    assert len(sheets) == 2


def test_what_a_file_holds_besides_is_named(
    galpipe_cli: Cli, training: Path, tmp_path: Path
) -> None:
    light = np.random.default_rng(0).normal(100, 3, (2, 64, 64)).astype(np.float32)
    ccds = [fits.ImageHDU(light[number], name=f"CCD{number + 1}") for number in range(2)]
    fits.HDUList([fits.PrimaryHDU(), *ccds]).writeto(tmp_path / "mosaic.fits")
    member, output = training / "net1" / "model.keras", tmp_path / "out"
    done = galpipe_cli("explain", tmp_path / "mosaic.fits", "--model", member, "-o", output)
    assert done.exit_code == 0, done.output
    assert "CCD2" in done.stderr
    (note,) = json.loads((output / "run.json").read_text())["notes"]
    assert note.startswith(f"{tmp_path}/mosaic.fits: ")


def test_an_image_that_cannot_be_read_is_named(
    galpipe_cli: Cli, training: Path, images: Path, tmp_path: Path
) -> None:
    (images / "broken.png").write_bytes(b"no picture")
    output = tmp_path / "out"
    done = galpipe_cli("explain", images, "--model", training, "-o", output,
                       "--what", "activations", "--layer", "last_1")  # fmt: skip
    assert done.exit_code == 1
    assert "broken.png" in done.output
    assert {path.name for path in (output / "activations").iterdir()} == {"one", "two"}


def test_a_file_of_anybody(galpipe_cli: Cli, images: Path, tmp_path: Path) -> None:
    file, classes = tmp_path / "theirs.keras", tmp_path / "classes.txt"
    _network(3).save(file)
    classes.write_text("a\nb\nc\nd\n")
    done = galpipe_cli("explain", images / "one.png", "--model", file, "--classes", classes,
                       "--scaling", 0.00784, -1, "-o", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["models"]["classifier"]["class_names"] == ["a", "b", "c", "d"]
    classes.write_text("a\nb\n")
    refused = galpipe_cli("explain", images, "--model", file, "--classes", classes,
                          "-o", tmp_path / "other")  # fmt: skip
    assert refused.exit_code == 1
    assert "has 4 outputs, but 2 classes" in refused.output
    assert not (tmp_path / "other").exists()


def test_wrong_names_are_answered_with_the_right_ones(
    galpipe_cli: Cli, training: Path, images: Path, tmp_path: Path
) -> None:
    command: list[Any] = ["explain", images, "--model", training, "-o", tmp_path / "out"]
    for option, answers in (
        (("--class", "violet"), ("dark, red, green, blue",)),
        (("--layer", "last_9"), ("last_9", "net1: first, max_pooling2d", "last_2")),
    ):
        done = galpipe_cli(*command, *option)
        assert done.exit_code == 2
        assert all(answer in done.output for answer in answers), done.output
    bundle = galpipe_cli("explain", images, "--model", training / "bundle", "-o", tmp_path / "out")
    assert bundle.exit_code == 2
    assert "no gradients" in bundle.output
    assert not (tmp_path / "out").exists()


def test_crops_are_those_of_classify(
    training: Path, images: Path, tiny_classifier_bundle: Path
) -> None:
    classifier = open_explained(training)
    path = images / "two.png"
    image = ImageCrop(FieldSource("two", (path,)), classifier)
    [crop], _ = read_central_crops([path], load_classifier(tiny_classifier_bundle))
    np.testing.assert_array_equal(image.rgb, crop)
    np.testing.assert_allclose(image.inputs[0] * 255, crop, atol=1e-4)
    np.testing.assert_array_equal(image.display(), crop)


def test_fits_images_are_shown_with_their_first_row_below(training: Path, tmp_path: Path) -> None:
    flux = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    flux[40:60, 22:42] += 200
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(flux).writeto(path)
    image = ImageCrop(FieldSource("image", (path,)), open_explained(training))
    np.testing.assert_array_equal(image.display(), image.rgb[::-1])
    np.testing.assert_array_equal(image.upright(image.inputs[0]), image.inputs[0, ::-1])
