from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.datasets.image_checksums import image_checksums
from galpipe.datasets.near_duplicates import sketch
from galpipe.errors import InputError
from galpipe.evaluation.training_overlap import find_overlap, select_held_out
from galpipe.files.atomic import write_png
from galpipe.models import Bundle, read_bundle, write_bundle
from galpipe.models.manifest import DataSource, DataSplit, TrainingData
from galpipe.models.training_images import TRAINING_IMAGES_NAME, RecordedImage, format_images

PARTS = ("train", "train", "validation", "test")


def cutout(seed: int) -> np.ndarray:
    """A disc of knots on a dark sky."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    picture = rng.normal(8, 1, (96, 96))
    for px, py, light in rng.uniform((20, 20, 40), (76, 76, 200), (25, 3)):
        picture += light * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Five images; the training below knows all but the last."""
    folder = tmp_path / "images"
    return [write_png(folder / f"{seed}.png", cutout(seed)) for seed in range(5)]


def recorded(tiny: Path, folder: Path, images: list[Path]) -> Path:
    """Copy a bundle, with a record of the first images as those of its training."""
    bundle = read_bundle(tiny)
    files = {name: bundle.read(name) for name in bundle.manifest.files}
    files[TRAINING_IMAGES_NAME] = format_images(
        RecordedImage(part, f"other {path.name}", checksum, sketch(cv2.imread(str(path))))
        for part, path, checksum in zip(PARTS, images[:4], image_checksums(images[:4]), strict=True)
    )
    return write_bundle(folder, bundle.manifest, files, "", {})


@pytest.fixture
def bundle(tiny_detector_bundle: Path, tmp_path: Path, images: list[Path]) -> Bundle:
    return read_bundle(recorded(tiny_detector_bundle, tmp_path / "model", images))


def test_images_are_recognised_by_content_whatever_their_names(
    bundle: Bundle, images: list[Path]
) -> None:
    moved = [path.rename(path.with_name(f"new {path.name}")) for path in images]
    overlap = find_overlap("mine", bundle, moved)
    assert overlap.compared_by == "checksum"
    assert overlap.trained_on == tuple(moved[:2])
    assert overlap.validated_on == (moved[2],)
    assert overlap.held_out == (moved[3],)
    assert overlap.near_duplicates == ()
    (note,) = overlap.notes
    assert "mine was trained on 2 and was validated on 1 of these 5 images" in note
    assert "--held-out evaluates only the 1" in note
    assert overlap.to_json()["trained_on"] == ["new 0.png", "new 1.png"]
    assert select_held_out({"mine": bundle}, moved) == [moved[3]]


def test_changed_copies_are_near_duplicates(
    bundle: Bundle, images: list[Path], tmp_path: Path
) -> None:
    dark = write_png(tmp_path / "dark.png", (cutout(0) * 0.7).astype(np.uint8))
    small = write_png(tmp_path / "small.png", cv2.resize(cutout(1), (69, 69)))
    saved = tmp_path / "saved.jpg"
    cv2.imwrite(str(saved), cutout(0), [cv2.IMWRITE_JPEG_QUALITY, 40])
    other = [write_png(tmp_path / f"{seed}.png", cutout(seed)) for seed in range(20, 40)]
    plain = write_png(tmp_path / "plain.png", np.full((50, 60, 3), 9, np.uint8))
    overlap = find_overlap("mine", bundle, [dark, small, saved, plain, *other])
    assert overlap.near_duplicates == (dark, small, saved)
    assert "was trained on images that look like 3 of these 24 images" in overlap.notes[0]
    with pytest.raises(InputError, match="none of the images was held out"):
        select_held_out({"mine": bundle}, other)


def test_new_images_need_no_note(bundle: Bundle, images: list[Path]) -> None:
    assert find_overlap("mine", bundle, images[4:]).notes == []
    assert find_overlap("mine", bundle, images[3:4]).notes == []


def test_earlier_bundles_are_compared_by_name(
    tiny_detector_bundle: Path, images: list[Path]
) -> None:
    bundle = read_bundle(tiny_detector_bundle)
    assert find_overlap("mine", bundle, images).compared_by is None
    with pytest.raises(InputError, match="no record of the images held out"):
        select_held_out({"mine": bundle}, images)
    split = DataSplit(train=("0.png",), validation=("1.png",), test=("2.png",))
    data = TrainingData(sources=(DataSource(split=split),))
    known = replace(bundle, manifest=bundle.manifest.model_copy(update={"data": data}))
    overlap = find_overlap("mine", known, images)
    assert overlap.compared_by == "name"
    assert (overlap.trained_on, overlap.held_out) == ((images[0],), (images[2],))
    assert select_held_out({"mine": known}, images) == [images[2]]


def test_models_of_other_programs_have_no_record(images: list[Path]) -> None:
    assert find_overlap("theirs", None, images).compared_by is None
    with pytest.raises(InputError, match="another program"):
        select_held_out({"theirs": None}, images)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("quick_plots")
@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_training_images_are_named_in_terminal_report_and_json(
    kind: str,
    images: list[Path],
    tiny_detector_bundle: Path,
    tiny_classifier_bundle: Path,
    tmp_path: Path,
    galpipe_cli: Callable[..., Result],
) -> None:
    tiny = {"detector": tiny_detector_bundle, "classifier": tiny_classifier_bundle}[kind]
    model = recorded(tiny, tmp_path / "model", images)
    table = tmp_path / "labels.csv"
    if kind == "detector":
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        rows += [f"{path.name},96,96,galaxy,20,20,76,76" for path in images]
        truth = "--annotations"
    else:
        rows = ["filename,label", *(f"{path.name},red" for path in images)]
        truth = "--labels"
    table.write_text("\n".join(rows) + "\n")
    arguments = ("evaluate", kind, "--model", model, "--images", tmp_path / "images", truth, table)
    result = galpipe_cli(*arguments, "-o", tmp_path / "all")
    assert result.exit_code == 0, result.output
    said = "was trained on 2 and was validated on 1 of these 5 images"
    assert said in " ".join(result.output.split())
    for name in ("report.md", "report.html", "metrics.json"):
        assert said in (tmp_path / "all" / name).read_text()
    data = json.loads((tmp_path / "all" / "metrics.json").read_text())["data"]
    assert data["seen_in_training"][0]["trained_on"] == ["0.png", "1.png"]

    result = galpipe_cli(*arguments, "--held-out", "-o", tmp_path / "held")
    assert result.exit_code == 0, result.output
    assert "trained on" not in result.output
    data = json.loads((tmp_path / "held" / "metrics.json").read_text())["data"]
    assert data["seen_in_training"][0]["images"] == data["seen_in_training"][0]["held_out"] == 1
    assert data["which"] == "held out by the training of every model"
