from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from click.testing import Result

from galpipe.errors import InputError, OutputError
from galpipe.evaluation.evaluate_classifiers import evaluate_classifiers
from galpipe.models import InputScaling, Manifest, Member, read_bundle, write_bundle
from galpipe.models.manifest import TrainingData

pytestmark = pytest.mark.tensorflow

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    folder = tmp_path / "cutouts"
    folder.mkdir()
    for name, colour in BGR.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 48, 3), colour, np.uint8))
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("filename,label\nred.png,red\ngreen.png,green\nblue.png,red\n")
    return path


@pytest.fixture
def single(tmp_path: Path, tiny_classifier_bundle: Path) -> Path:
    """The deciding member of the tiny ensemble alone, under the name of the ensemble."""
    manifest = Manifest(
        name="tiny_classifier",
        task="classifier",
        class_names=("dark", "red", "green", "blue"),
        input_size=16,
        members=(
            Member(
                name="decided", file="a.tflite", scaling=InputScaling(scale=1 / 255, offset=0.0)
            ),
        ),
    )
    content = (tiny_classifier_bundle / "a.tflite").read_bytes()
    return write_bundle(tmp_path / "single", manifest, {"a.tflite": content}, "# Single\n", {})


def test_an_ensemble_and_its_members_are_measured(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    (measured,) = evaluate_classifiers([models["classifier"]], cutouts, labels, tmp_path / "out")
    assert measured.metrics.images == 3
    assert measured.metrics.accuracy == pytest.approx(2 / 3)
    # The undecided member takes the first class, which no image has.
    undecided = measured.by_classifier["tiny_classifier: undecided"]
    assert (undecided.accuracy, undecided.macro_auc) == (0, 0.5)
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert kept["metrics"]["accuracy"] == pytest.approx(2 / 3)
    assert kept["members"]["undecided"]["accuracy"] == 0
    assert kept["model"]["name"] == "tiny_classifier"
    assert kept["others"] == []
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| accuracy | 0.667 | 0.667 | 0.000 |" in report
    pictures = sorted(path.name for path in (tmp_path / "out" / "pictures").iterdir())
    assert len(pictures) == 10
    assert "tiny_classifier_misclassified.png" in pictures
    assert "Misclassified: tiny\\_classifier" in report
    assert all(f"](pictures/{name})" in report for name in pictures)
    assert (tmp_path / "out" / "report.html").read_text().count("data:image/png;base64,") == 10


@pytest.mark.usefixtures("quick_plots")
def test_models_of_one_name_stand_side_by_side(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path], single: Path
) -> None:
    both = evaluate_classifiers([models["classifier"], single], cutouts, labels, tmp_path / "out")
    assert [model.name for model in both] == ["tiny_classifier", "tiny_classifier 2"]
    assert both[0].by_classifier["tiny_classifier: decided"] == both[1].metrics
    (other,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["others"]
    assert (other["metrics"], other["members"]) == (both[1].metrics.to_json(), {})


@pytest.mark.usefixtures("quick_plots")
def test_the_command_line_prints_and_writes(
    tmp_path: Path,
    cutouts: Path,
    labels: Path,
    models: dict[str, Path],
    single: Path,
    galpipe_cli: Callable[..., Result],
) -> None:
    result = galpipe_cli(
        "evaluate", "classifier", "--model", models["classifier"], "--model", single,
        "--images", cutouts, "--labels", labels, "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "0.667" in result.stdout
    assert "Model and members" in result.stdout
    assert (tmp_path / "out" / "report.md").is_file()


@pytest.mark.usefixtures("quick_plots")
def test_results_are_kept_unless_asked(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    model = models["classifier"]
    evaluate_classifiers([model], cutouts, labels, tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        evaluate_classifiers([model], cutouts, labels, tmp_path / "out")
    evaluate_classifiers([model], cutouts, labels, tmp_path / "out", overwrite=True)


def test_labels_that_say_too_little(tmp_path: Path, cutouts: Path, models: dict[str, Path]) -> None:
    table = tmp_path / "open.csv"
    table.write_text("filename,label\nred.png,red|green\n")
    with pytest.raises(InputError, match="one class"):
        evaluate_classifiers([models["classifier"]], cutouts, table)
    with pytest.raises(InputError, match=r"missing\.csv"):
        evaluate_classifiers([models["classifier"]], cutouts, tmp_path / "missing.csv")


@pytest.mark.usefixtures("quick_plots")
def test_disjoint_sets_of_classes_are_measured_by_their_summed_probabilities(
    tmp_path: Path,
    cutouts: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    table = tmp_path / "sets.csv"
    table.write_text("filename,label\nred.png,dark|red\ngreen.png,green|blue\nblue.png,dark|red\n")
    result = galpipe_cli(
        "evaluate", "classifier", "--model", models["classifier"], "--images", cutouts,
        "--labels", table, "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    measured = {c["name"]: (c["images"], c["recall"]) for c in content["metrics"]["classes"]}
    assert measured == {"green or blue": (1, 1), "dark or red": (2, 0.5)}
    assert content["data"]["measured"] == "by the sets of classes that the labels name"
    report = (tmp_path / "out" / "report.md").read_text()
    assert "3 images, by the sets of classes" in report
    assert "| dark or red | 2 | 1.000 | 0.500 |" in report
    # Sets that share a class tell nothing; what names one class counts alone.
    table.write_text("filename,label\nred.png,red\ngreen.png,green|blue\nblue.png,red|blue\n")
    (plain,) = evaluate_classifiers([models["classifier"]], cutouts, table)
    assert (plain.metrics.images, plain.metrics.accuracy) == (1, 1)


def test_models_of_other_classes_are_not_measured_together(
    cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    with pytest.raises(InputError, match="other classes"):
        evaluate_classifiers([models["classifier"], "galaxy10_cnn"], cutouts, labels)


def held_out_model(folder: Path, tiny: Path, *names: str, **other_sources: list[str]) -> Path:
    """Copy the tiny ensemble, with a record of what its training held out."""
    bundle = read_bundle(tiny)
    manifest = bundle.manifest.model_copy(update={"data": TrainingData(test=names)})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    measured = [
        {"images": f"{source}, whole cutouts", "metrics": {}, "files": listed}
        for source, listed in other_sources.items()
    ]
    validated = {"images": "validation, cropped about the box", "metrics": {}}
    measured.append(validated | {"files": ["red.png", "green.png", "blue.png"]})
    return write_bundle(folder, manifest, files, "# Tiny\n", {"measurements": measured})


def test_folders_of_classes_are_told_from_the_files(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    for name, label in (("red", "red"), ("green", "green"), ("blue", "red")):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(cutouts / f"{name}.png", tmp_path / "classes" / label)
    (folders,) = evaluate_classifiers([models["classifier"]], tmp_path / "classes")
    (table,) = evaluate_classifiers([models["classifier"]], cutouts, labels)
    assert folders.by_classifier == table.by_classifier


def test_probabilities_are_told_from_their_columns(
    tmp_path: Path, cutouts: Path, models: dict[str, Path]
) -> None:
    table = tmp_path / "soft.csv"
    table.write_text("filename,dark,red,green,blue\nred,0,.9,.1,0\ngreen,0,0,.4,.4\nblue,0,0,0,1\n")
    (measured,) = evaluate_classifiers([models["classifier"]], cutouts, table)
    # The green one has no class of more than a half.
    assert (measured.metrics.images, measured.metrics.accuracy) == (2, 1)
    with pytest.raises(InputError, match="lacks the column 'label'"):
        evaluate_classifiers([models["classifier"]], cutouts, table, kind="labels")


@pytest.mark.usefixtures("quick_plots")
def test_a_galaxy10_file_is_measured_on(tmp_path: Path, galpipe_cli: Callable[..., Result]) -> None:
    decals, sdss = tmp_path / "decals.h5", tmp_path / "sdss.h5"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 256, 256, 3)).astype(np.uint8)
    for path, side in ((decals, 256), (sdss, 69)):
        with h5py.File(path, "w") as file:
            file["images"] = pixels[:, :side, :side]
            file["ans"] = (np.arange(12) % 10).astype(np.uint8)
            file["ra"], file["dec"] = np.arange(12.0), np.zeros(12)
    command = ["evaluate", "classifier", "--model", "galaxy10_cnn", "-o", tmp_path / "out"]
    refused = galpipe_cli(*command, "--images", sdss)
    assert refused.exit_code == 1
    assert "galaxy10_sdss" in refused.stderr
    twice = galpipe_cli(*command, "--images", decals, "--labels", "labels.csv")
    assert twice.exit_code == 2
    assert "leave out 'labels'" in twice.stderr
    result = galpipe_cli(*command, "--images", decals)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [c["images"] for c in content["metrics"]["classes"]] == [2, 2, *[1] * 8]
    (seen,) = content["data"].pop("seen_in_training")
    assert (seen["images"], seen["trained_on"]) == (12, [])
    assert content["data"] == {
        "images": str(decals),
        "labels": str(decals),
        "which": "all",
        "measured": "by class",
        "crops_about": ["the isophote at the centre"],
        "annotations": None,
        "detector": None,
        "notes": [],
    }


def test_only_images_held_out_by_every_training_are_measured_on(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    tiny = models["classifier"]
    one = held_out_model(tmp_path / "one", tiny, "red.png", "blue.png")
    other = held_out_model(tmp_path / "other", tiny, "blue.png", "elsewhere.png")
    (measured,) = evaluate_classifiers([one], cutouts, labels, held_out=True)
    assert (measured.metrics.images, measured.metrics.accuracy) == (2, 0.5)
    both = evaluate_classifiers([one, other], cutouts, labels, held_out=True)
    assert [model.metrics.images for model in both] == [1, 1]
    with pytest.raises(InputError, match="no record"):
        evaluate_classifiers([tiny], cutouts, labels, held_out=True)
    two = held_out_model(tmp_path / "two", tiny, "green.png")
    with pytest.raises(InputError, match="every model"):
        evaluate_classifiers([one, two], cutouts, labels, held_out=True)
    elsewhere = held_out_model(tmp_path / "elsewhere", tiny, "elsewhere.png")
    with pytest.raises(InputError, match="none of the images"):
        evaluate_classifiers([elsewhere], cutouts, labels, held_out=True)


@pytest.mark.parametrize("option", ["--held-out", "--held-back"])
def test_the_option_is_known_by_its_earlier_name_too(
    tmp_path: Path,
    cutouts: Path,
    labels: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
    option: str,
) -> None:
    model = held_out_model(tmp_path / "model", models["classifier"], "red.png", "blue.png")
    arguments = ("--model", model, "--images", cutouts, "--labels", labels, option)
    result = galpipe_cli("evaluate", "classifier", *arguments)
    assert result.exit_code == 0, result.output
    assert "2 images: accuracy 0.500" in result.stdout
    shown = galpipe_cli("evaluate", "classifier", "--help").stdout
    assert "--held-out" in shown
    assert "--held-back" not in shown


def test_held_out_names_are_compared_source_by_source(
    tmp_path: Path, cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    tiny = models["classifier"]
    # The main source has an image named as one of the extra source, which was trained on.
    model = held_out_model(tmp_path / "model", tiny, "green.png", extra=["red.png", "blue.png"])
    (measured,) = evaluate_classifiers([model], cutouts, labels, held_out=True)
    assert (measured.metrics.images, measured.metrics.accuracy) == (2, 0.5)
    earlier = held_out_model(tmp_path / "earlier", tiny, "elsewhere.png", extra=[])
    with pytest.raises(InputError, match=r"did not record the images of 'extra, whole cutouts'"):
        evaluate_classifiers([earlier], cutouts, labels, held_out=True)


def test_images_that_were_trained_on_are_warned_of(
    tmp_path: Path,
    cutouts: Path,
    labels: Path,
    models: dict[str, Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = held_out_model(tmp_path / "model", models["classifier"], "red.png", "blue.png")
    evaluate_classifiers([model], cutouts, labels)
    assert "held out 2 of the 3 images" in caplog.text


@pytest.mark.usefixtures("quick_plots")
def test_surveys_are_measured_one_by_one(
    tmp_path: Path, cutouts: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    table = tmp_path / "surveys.csv"
    table.write_text(
        "filename,label,survey\nred,red,SDSS\ngreen.png,green,SDSS\nblue.png,red,KiDS\n"
    )
    result = galpipe_cli(
        "evaluate", "classifier", "--model", models["classifier"], "--images", cutouts,
        "--labels", table, "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "By survey" in result.stdout
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())["surveys"]
    assert {name: survey["images"] for name, survey in kept.items()} == {"KiDS": 1, "SDSS": 2}
    assert (kept["SDSS"]["accuracy"], kept["KiDS"]["balanced_accuracy"]) == (1, 0)
    assert 0 < kept["SDSS"]["calibration_error"] < 1
    for name in ("report.md", "report.html"):
        assert "By survey" in (tmp_path / "out" / name).read_text()
    assert (
        "| KiDS | tiny\\_classifier | 1 | 0.000 | 0.000 |"
        in (tmp_path / "out" / "report.md").read_text()
    )


def test_a_table_without_surveys_has_no_metrics_of_them(
    cutouts: Path, labels: Path, models: dict[str, Path]
) -> None:
    (measured,) = evaluate_classifiers([models["classifier"]], cutouts, labels)
    assert measured.by_survey == {}


def test_a_prior_and_augmentation_change_what_is_measured(
    cutouts: Path, labels: Path, calibrated_bundle: Path
) -> None:
    (plain,) = evaluate_classifiers([calibrated_bundle], cutouts, labels)
    (changed,) = evaluate_classifiers(
        [calibrated_bundle], cutouts, labels, prior="uniform", test_time_augmentation=True
    )
    assert changed.metrics.calibration_error != plain.metrics.calibration_error
    members = [name for name in plain.by_classifier if name != plain.name]
    assert len(members) == 2
    for name in members:
        assert changed.by_classifier[name].accuracy == plain.by_classifier[name].accuracy
    assert changed.model["priors"] == dict.fromkeys(("dark", "red", "green", "blue"), 0.25)
    assert changed.model["test_time_augmentation"] is True


@pytest.mark.usefixtures("quick_plots")
def test_classes_are_left_out_and_merged_as_in_the_training(
    tmp_path: Path, cutouts: Path, labels: Path, single: Path
) -> None:
    bundle = read_bundle(single)
    names = {"dark": "dark", "scarlet": "red", "crimson": "red", "green": "green", "azure": "blue"}
    manifest = bundle.manifest.model_copy(update={"label_map": names | {"navy": None}})
    merged = write_bundle(
        tmp_path / "merged", manifest, {"a.tflite": bundle.read("a.tflite")}, "", {}
    )
    labels.write_text("filename,label\nred.png,scarlet|crimson\ngreen.png,green\nblue.png,navy\n")
    for model in ([merged], [merged, single]):
        measured = evaluate_classifiers(model, cutouts, labels)
        assert {(one.metrics.images, one.metrics.accuracy) for one in measured} == {(2, 1.0)}
    # The classes of the model are labels, too.
    labels.write_text("filename,label\nred.png,red\nblue.png,blue\n")
    (one,) = evaluate_classifiers([merged], cutouts, labels)
    assert (one.metrics.images, one.metrics.accuracy) == (2, 1.0)
    other = manifest.model_copy(update={"label_map": names | {"navy": "blue"}})
    other_path = write_bundle(tmp_path / "b", other, {"a.tflite": bundle.read("a.tflite")}, "", {})
    with pytest.raises(InputError, match="leaves out or merges other classes"):
        evaluate_classifiers([merged, other_path], cutouts, labels)
