"""A classifier is used and measured on crops like those that it was trained with."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits

import galpipe
from galpipe.classification.crops import central_crop
from galpipe.classification.explain.classifier import open_explained
from galpipe.classification.training.train import train_classifier
from galpipe.configs import (
    ClassifierData,
    ClassifierStage,
    ClassifierTraining,
    CnnMember,
    RunConfig,
)
from galpipe.evaluation.evaluate_classifiers import evaluate_classifiers
from galpipe.imaging import Stretch, cut_crop, read_field, remove_sky, to_rgb
from galpipe.imaging.field_discovery import field_source
from galpipe.models import read_bundle, write_bundle
from galpipe.models.litert import LiteRTNetwork
from galpipe.pipeline.classify import classify
from galpipe.pipeline.explain import ImageCrop

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

SIZE = 32


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy pictures of 96 pixels with a bright square of 16 at the centre, and their labels."""
    folder = tmp_path_factory.mktemp("squares")
    rows = ["filename,label"]
    for number in range(12):
        rng = np.random.default_rng(number)
        # Coarse and fine enough that no two count as one galaxy.
        sky = rng.integers(0, 40, (12, 12, 3)).astype(np.uint8)
        picture = cv2.resize(sky, (96, 96), interpolation=cv2.INTER_NEAREST)
        picture[40:56, 40:56] = (255, 180, 180) if number % 2 else (180, 180, 255)
        cv2.imwrite(str(folder / f"{number}.png"), picture[..., ::-1])
        rows.append(f"{number}.png,{('blue', 'red')[number % 2]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training of a small network on crops of twice the galaxy."""
    config = ClassifierTraining(
        class_names=("red", "blue"),
        data=(ClassifierData(images=images, labels=images / "labels.csv"),),
        members=(CnnMember(architecture="cnn", filters=(4, 4), dense=4, epochs=1, batch_size=8),),
        input_size=SIZE,
        crop_margin=2.0,
        views_per_epoch=8,
    )
    output = tmp_path_factory.mktemp("trained")
    train_classifier(config, output)
    return output


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Crops that reach the network of a classifier."""
    crops: list[np.ndarray] = []
    run = LiteRTNetwork.run

    def record(network: LiteRTNetwork, images: np.ndarray) -> list[np.ndarray]:
        if images.shape[1] == SIZE:
            crops.extend(images.copy())
        return run(network, images)

    monkeypatch.setattr(LiteRTNetwork, "run", record)
    return crops


def read_rgb(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1].copy()


def about_the_centre(images: Path, numbers: list[int], margin: float = 2.0) -> list[np.ndarray]:
    return [central_crop(read_rgb(images / f"{n}.png"), SIZE, margin) for n in numbers]


def test_the_margin_is_in_the_manifest(trained: Path) -> None:
    assert read_bundle(trained / "bundle").manifest.crop_margin == 2.0
    assert galpipe.load_classifier(trained / "bundle").crop_margin == 2.0


def test_classify_and_evaluate_crop_as_the_training(
    trained: Path, images: Path, tmp_path: Path, fed: list[np.ndarray]
) -> None:
    classify([images / "3.png", images / "4.png"], tmp_path / "out", model=trained / "bundle")
    np.testing.assert_array_equal(fed, about_the_centre(images, [3, 4]))
    assert not np.array_equal(fed, about_the_centre(images, [3, 4], margin=1.5))
    fed.clear()
    evaluate_classifiers([trained / "bundle"], images, images / "labels.csv")
    np.testing.assert_array_equal(fed, about_the_centre(images, list(range(12))))


def test_explain_crops_as_the_training(trained: Path, images: Path) -> None:
    crop = ImageCrop(field_source(images / "3.png"), open_explained(trained))
    np.testing.assert_array_equal([crop.rgb], about_the_centre(images, [3]))


@pytest.mark.parametrize("margin", [None, 1.25])
def test_run_crops_as_the_training_unless_a_margin_is_set(
    trained: Path,
    images: Path,
    tiny_detector_bundle: Path,
    tmp_path: Path,
    fed: list[np.ndarray],
    margin: float | None,
) -> None:
    result = galpipe.run(
        images / "3.png",
        tmp_path / "out",
        config=RunConfig(classifier=ClassifierStage(crop_margin=margin)),
        detector=tiny_detector_bundle,
        classifier=trained / "bundle",
    )
    used = margin or 2.0
    assert result.record.config["classifier"]["crop_margin"] == used
    edges = [result.catalogue[name].value for name in ("xmin", "ymin", "xmax", "ymax")]
    boxes = np.stack(edges, axis=1)
    assert len(boxes) > 0
    rgb = read_rgb(images / "3.png")
    np.testing.assert_array_equal(fed, [cut_crop(rgb, box, used, SIZE) for box in boxes])
    np.testing.assert_allclose(
        galpipe.load_classifier(trained / "bundle").classify(rgb, boxes, margin)[:, 0],
        result.catalogue["prob_red"],
        atol=1e-4,
    )


def test_older_bundles_have_the_margin_of_their_training(trained: Path, tmp_path: Path) -> None:
    bundle = read_bundle(trained / "bundle")
    content = bundle.manifest.model_dump(exclude={"crop_margin"})
    older = type(bundle.manifest).model_validate(content)
    assert older.crop_margin == 2.0
    unknown = type(bundle.manifest).model_validate(content | {"training": {}})
    assert unknown.crop_margin is None
    files = {member.file: bundle.read(member.file) for member in bundle.manifest.members}
    folder = write_bundle(tmp_path / "unknown", unknown, files, "", {})
    assert galpipe.load_classifier(folder).crop_margin == 1.5


def test_sky_and_stretch_of_the_bundle_are_those_of_every_use(
    trained: Path,
    images: Path,
    tiny_detector_bundle: Path,
    tmp_path: Path,
    fed: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The sky is removed; FITS are stretched as the bundle says, in a run as its detector says."""
    bundle = read_bundle(trained / "bundle")
    changes = {"sky": "removed", "stretch": Stretch(linear=20.0)}
    files = {name: bundle.read(name) for name in bundle.manifest.files}
    changed = bundle.manifest.model_copy(update=changes)
    folder = tmp_path / "training"
    shutil.copytree(trained, folder)
    write_bundle(folder / "bundle", changed, files, "", {})
    # Light that falls to the sky, in three bands.
    y, x = np.mgrid[:96, :96] - 47.5
    light = 1000 * np.exp(-(x**2 + y**2) / 100) + np.random.default_rng(0).normal(50, 2, (96, 96))
    fits.PrimaryHDU(np.stack([light] * 3).astype(np.float32)).writeto(tmp_path / "a.fits")
    rgb = to_rgb(read_field(tmp_path / "a.fits"), changed.stretch)
    crop = central_crop(rgb, SIZE, 2.0)
    expected = remove_sky(crop[np.newaxis])
    assert not np.array_equal(crop, expected[0])
    assert not np.array_equal(rgb, to_rgb(read_field(tmp_path / "a.fits")))
    classify([tmp_path / "a.fits"], tmp_path / "classified", model=folder / "bundle")
    np.testing.assert_array_equal(fed, expected)
    fed.clear()
    (tmp_path / "labels.csv").write_text("filename,label\na.fits,red\n")
    evaluate_classifiers([folder / "bundle"], tmp_path, tmp_path / "labels.csv")
    np.testing.assert_array_equal(fed, expected)
    shown = ImageCrop(field_source(tmp_path / "a.fits"), open_explained(folder))
    np.testing.assert_array_equal([shown.rgb], expected)
    fed.clear()
    result = galpipe.run(
        images / "3.png",
        tmp_path / "run",
        detector=tiny_detector_bundle,
        classifier=folder / "bundle",
    )
    edges = [result.catalogue[name].value for name in ("xmin", "ymin", "xmax", "ymax")]
    picture = read_rgb(images / "3.png")
    crops = [cut_crop(picture, box, 2.0, SIZE) for box in np.stack(edges, axis=1)]
    np.testing.assert_array_equal(fed, remove_sky(np.stack(crops)))
    assert "another stretch" in caplog.text
