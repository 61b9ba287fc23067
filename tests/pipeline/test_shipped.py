"""The models that ship do what their cards say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import galpipe
from galpipe.annotations import read_annotated_images, read_voc
from galpipe.classification.classifier import Classifier, load_classifier
from galpipe.classification.crops import read_crops
from galpipe.configs import RunConfig
from galpipe.datasets.label_tables import read_label_table, read_vote_probabilities
from galpipe.detection.detector import Detector
from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field
from galpipe.imaging import iou, read_field, to_rgb
from galpipe.metrics.classifier_metrics import evaluate_probabilities
from galpipe.metrics.detector_metrics import evaluate_detections
from galpipe.models import find_bundle, shipped_models
from galpipe.pipeline import Catalogue
from galpipe.pipeline.columns import Flag
from galpipe.simulation import simulate_field

PACKAGE = Path(galpipe.__file__).parent
DEMONSTRATION = PACKAGE / "pipeline" / "demonstration" / "demonstration.fits.fz"


def test_the_defaults_ship_and_all_are_whole_and_small() -> None:
    names = shipped_models()
    defaults = RunConfig()
    assert {defaults.detector.model, defaults.classifier.model} <= set(names)
    assert load_detector().bundle.manifest.name == defaults.detector.model
    assert load_classifier().bundle.manifest.name == defaults.classifier.model
    for name in names:
        bundle = find_bundle(name)
        bundle.verify()
        bundle = find_bundle(name)
        model = Detector(bundle) if bundle.manifest.task == "detector" else Classifier(bundle)
        assert model.class_names
        assert bundle.metrics()
        card = bundle.read("MODEL_CARD.md").decode()
        assert "## Measured" in card or "## Metrics" in card
        assert "galpipe train" in card
    networks = (PACKAGE / "models" / "weights").rglob("*.tflite")
    assert sum(file.stat().st_size for file in networks) < 30e6


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return galpipe.run(DEMONSTRATION, tmp_path_factory.mktemp("run") / "out").catalogue


def test_the_demonstration_holds_galaxies_and_no_stars(
    catalogue: Catalogue,
) -> None:
    made = simulate_field(1134, width=1024, height=1024, galaxies=20)
    truth = made.annotated.boxes
    table = catalogue.table
    found = np.stack([table[name].value for name in ("xmin", "ymin", "xmax", "ymax")], axis=1)
    assert len(found) >= 12
    # A merging pair, one galaxy of the truth, is boxed as its two nuclei.
    assert (iou(found, truth).max(axis=1) > 0.4).mean() >= 0.85
    large = (truth[:, 2:] - truth[:, :2]).max(axis=1) >= 60
    assert (iou(found, truth).max(axis=0)[large] > 0.5).mean() >= 0.8


def test_the_catalogue_is_where_the_field_is(catalogue: Catalogue) -> None:
    field = read_field(DEMONSTRATION)
    table = catalogue.table
    ra, dec = field.sky(table["x"].value, table["y"].value)
    np.testing.assert_allclose(table["ra"].value, ra, atol=2e-7)
    np.testing.assert_allclose(table["dec"].value, dec, atol=2e-7)


@pytest.mark.parametrize("centre", [(200, 200), (260, 240)])
def test_a_galaxy_that_fills_the_field_is_boxed_whole(centre: tuple[int, int]) -> None:
    y, x = np.mgrid[:400, :400].astype(np.float32)
    x, y = x - centre[0], (y - centre[1]) / 0.8
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    arms = 1 + 0.6 * np.cos(2 * (angle - 2.5 * np.log(radius + 5))) * (1 - np.exp(-radius / 30))
    light = 400 * arms * np.exp(-radius / 120) + 6000 * np.exp(-((radius / 6) ** 0.7))
    noise = np.random.default_rng(1).normal(0, 3, x.shape)
    rows = galpipe.process_field(light + noise, galpipe.FieldModels(classifier=None)).rows
    sides = np.maximum(rows["xmax"] - rows["xmin"], rows["ymax"] - rows["ymin"])
    assert len(sides) == 1
    assert sides[0] > 320
    assert rows["flags"][0] & Flag.FIELD_EDGE


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("kind", "folder", "pictures", "least"),
    [("cutouts", "gz2", "images", 0.95), ("fields", "fields", "jpeg", 0.93)],
)
def test_the_detector_finds_the_images_held_back_from_its_training(
    galpipe_data: Path, kind: str, folder: str, pictures: str, least: float
) -> None:
    detector = load_detector()
    (source,) = [s for s in detector.bundle.manifest.data.sources if s.kind == kind]
    truth, found = [], []
    for name in source.split.test:
        annotation = galpipe_data / folder / "annotations" / f"{Path(name).stem}.xml"
        truth.append(read_voc(annotation))
        rgb = to_rgb(read_field(galpipe_data / folder / pictures / name))
        # Boxes of the lowest scores take most of the time and add nothing to the mAP.
        found.append(detect_field(rgb, detector, 0.05))
    metrics = evaluate_detections(truth, found, detector.class_names)
    recorded = detector.bundle.metrics()["held_back"][kind]
    assert metrics.map50 >= least
    assert metrics.map50 == pytest.approx(recorded["map50"], abs=0.01)
    assert metrics.ar1_ceiling == pytest.approx(recorded["ar1_ceiling"], abs=1e-4)


@pytest.mark.tensorflow
def test_the_ensemble_is_not_worse_than_its_members_on_the_images_held_back(
    galpipe_data: Path,
) -> None:
    classifier = load_classifier("galaxy10_ensemble")
    manifest = classifier.bundle.manifest
    held_back = set(manifest.data.test)
    folder = galpipe_data / "gz2"
    labelled = [
        (image.path, image.class_id)
        for image in read_vote_probabilities(folder / "votes.csv", folder / "images")
        if image.path.name in held_back and image.class_id is not None
    ]
    boxes = dict(read_annotated_images(folder / "annotations", folder / "images"))
    crops = read_crops(
        [path for path, _ in labelled],
        classifier.input_size,
        manifest.training["crop_margin"],
        boxes,
    )
    truth = np.array([class_id for _, class_id in labelled])
    members = classifier.predict_members(crops)
    probabilities = classifier.predict(crops)
    np.testing.assert_allclose(probabilities, 0.6 * members[0] + 0.4 * members[1], atol=1e-6)
    accuracy = evaluate_probabilities(truth, probabilities, classifier.class_names).accuracy
    alone = [
        evaluate_probabilities(truth, part, classifier.class_names).accuracy for part in members
    ]
    assert accuracy >= max(alone)
    (recorded,) = [
        entry["metrics"]
        for entry in classifier.bundle.metrics()["measurements"]
        if entry["images"] == "test, cropped about the box"
    ]
    assert accuracy == pytest.approx(recorded["ensemble"]["accuracy"], abs=0.01)


@pytest.mark.parametrize(("name", "least"), [("gz_examples", 0.65), ("galaxy10_decals", 0.72)])
def test_the_default_classifier_knows_galaxies_of_other_surveys(
    galpipe_data: Path, name: str, least: float
) -> None:
    classifier = load_classifier()
    folder = galpipe_data / name
    labelled = read_label_table(folder / "labels.csv", folder / "images")
    crops = read_crops(
        [image.path for image in labelled], classifier.input_size, classifier.crop_margin, {}
    )
    truth = np.array([image.class_id for image in labelled])
    probabilities = classifier.predict(crops)
    accuracy = evaluate_probabilities(truth, probabilities, classifier.class_names).accuracy
    assert accuracy >= least
    (recorded,) = [
        entry["metrics"]
        for entry in classifier.bundle.metrics()["measurements"]
        if entry["images"] == f"{name}, whole cutouts"
    ]
    assert accuracy == pytest.approx(recorded["efficientnet_lite0"]["accuracy"], abs=0.03)
