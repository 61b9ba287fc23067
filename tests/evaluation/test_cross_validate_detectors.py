"""Folds of detectors: with a made-up trainer, and once with a real one of two steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.configs import Anchors, DetectorTraining, dump_config
from galpipe.errors import OutputError
from galpipe.evaluation import cross_validate_detectors as module
from galpipe.evaluation import folds
from galpipe.evaluation.cross_validate_detectors import cross_validate_detectors
from galpipe.files.atomic import write_png
from galpipe.models import DetectorHead, InputScaling, Manifest, Member, write_bundle

pytestmark = pytest.mark.tensorflow

Trained = list[tuple[str, int]]

# mAP@0.5 of each fold.
REACHED = {"good": (0.98, 0.97, 0.99), "poor": (0.88, 0.86, 0.89)}


def _config(name: str, **changes: Any) -> DetectorTraining:
    data = [{"images": "images", "annotations": "boxes"}]
    return DetectorTraining.model_validate({"name": name, "data": data} | changes)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Put a trainer in place that writes a bundle at once; returns what it was asked to train."""
    asked: Trained = []

    def train(config: DetectorTraining, place: Path, *_: object, **__: object) -> Path:
        fold, seed = config.split.fold, config.split.seed
        assert fold is not None
        assert config.split.folds == 3
        name = config.name.partition("-fold")[0]
        asked.append((name, fold))
        if len(asked) == 3:
            raise KeyboardInterrupt
        split = {"train": ["b.png", "c.png"], "validation": [], "test": [f"{seed}-{fold}.png"]}
        manifest = Manifest(
            name=config.name,
            task="detector",
            class_names=config.class_map.class_names,
            input_size=64,
            members=(Member(name="m", file="m.tflite", scaling=InputScaling(scale=1, offset=0)),),
            head=DetectorHead(anchors=Anchors(), score_threshold=0.5),
            training=config.model_dump(mode="json"),
            data={"sources": [{"kind": "cutouts", "split": split}]},
        )
        figures = {
            "map50": REACHED[name][fold],
            "ap": 0.7,
            "ar1": 0.4,
            "ar1_ceiling": 0.5,
            "ar1_single": None if fold else 0.8,
            "recall_at_90_precision": 0.9,
        }
        if len(config.class_map.class_names) > 1:
            figures = {**figures, "class_agnostic": figures | {"map50": figures["map50"] - 0.5}}
        metrics = {"score_threshold": 0.5, "held_back": {"cutouts": figures}}
        return write_bundle(place / config.name, manifest, {"m.tflite": b"network"}, "", metrics)

    monkeypatch.setattr(module, "open_trainer", lambda stage: train)
    monkeypatch.setattr(folds, "check_training", lambda stage, config: None)
    monkeypatch.setattr(
        folds, "check_earlier", lambda stage, configs, *_, **__: [False] * len(configs)
    )
    return asked


def test_an_interrupted_one_goes_on_and_compares(tmp_path: Path, trained: Trained) -> None:
    configs = [_config("good"), _config("poor")]
    with pytest.raises(KeyboardInterrupt):
        cross_validate_detectors(configs, tmp_path / "out", folds=3)
    result = cross_validate_detectors(configs, tmp_path / "out", folds=3)
    # The first two folds were finished; the third was interrupted, and is begun again.
    assert trained == [*(("good", k) for k in (0, 1, 2, 2)), *(("poor", k) for k in range(3))]

    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert content == json.loads(json.dumps(result.to_json()))
    summary = content["detectors"][0]["summary"]["cutouts"]
    assert summary["map50"] == pytest.approx({"mean": 0.98, "deviation": 0.01})
    assert summary["ar1_of_ceiling"] == pytest.approx({"mean": 0.8, "deviation": 0})
    assert summary["ar1_single"] == {"mean": 0.8, "deviation": 0}
    first = result.comparisons[0]
    assert first.measure == "mAP@0.5 on cutouts"
    assert first.difference == pytest.approx(np.mean([0.1, 0.11, 0.1]))
    # All measures but that of images of one galaxy, of which not every fold has one.
    assert [c.measure.removesuffix(" on cutouts") for c in result.comparisons] == [
        "mAP@0.5",
        "AP@[.5:.95]",
        "AR@1",
        "AR@1 of its ceiling",
        "recall at 90 % precision",
    ]
    # One image tested on to two trained on.
    assert result.detectors[0].test_share() == pytest.approx(1 / 3)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| measure | good | poor |" in report
    assert "| mAP@0.5 | 0.980 ± 0.010 | 0.877 ± 0.015 |" in report
    assert first.sentence.partition(" of ")[2][:30] in report
    assert "±" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_detectors_of_other_classes_are_compared_by_their_boxes(
    tmp_path: Path, trained: Trained
) -> None:
    trained += [("", 0)] * 3  # Nothing is interrupted.
    configs = [_config("good"), _config("poor", class_names=["spiral", "smooth"])]
    first, *_ = cross_validate_detectors(configs, tmp_path / "out", folds=3).comparisons
    assert first.measure == "class-agnostic mAP@0.5 on cutouts"
    assert first.difference == pytest.approx(0.5 + np.mean([0.1, 0.11, 0.1]))


def test_a_report_is_kept_unless_asked_and_its_folds_always(
    tmp_path: Path, trained: Trained
) -> None:
    trained.extend([("skipped", 0)] * 3)
    cross_validate_detectors([_config("good")], tmp_path / "out", folds=3)
    with pytest.raises(OutputError, match="--overwrite"):
        cross_validate_detectors([_config("good")], tmp_path / "out", folds=3)
    before = len(trained)
    result = cross_validate_detectors([_config("good")], tmp_path / "out", folds=3, overwrite=True)
    assert len(trained) == before
    assert result.comparisons == ()
    assert "better" not in (tmp_path / "out" / "report.md").read_text()


def test_other_folds_are_not_compared(tmp_path: Path, trained: Trained) -> None:
    trained.extend([("skipped", 0)] * 3)
    configs = [_config("good"), _config("poor", split={"seed": 1})]
    result = cross_validate_detectors(configs, tmp_path / "out", folds=3)
    assert result.comparisons == ()
    assert "cannot be compared" in (tmp_path / "out" / "report.md").read_text()


def test_two_trainings_of_one_name_are_told_apart(tmp_path: Path, trained: Trained) -> None:
    trained.extend([("skipped", 0)] * 3)
    configs = [_config("good"), _config("good", steps=7)]
    result = cross_validate_detectors(configs, tmp_path / "out", folds=3)
    assert [one.name for one in result.detectors] == ["good", "good 2"]
    assert all(comparison.difference == 0 for comparison in result.comparisons)


def test_the_command_line(
    tmp_path: Path, trained: Trained, galpipe_cli: Callable[..., Result]
) -> None:
    trained.extend([("skipped", 0)] * 3)
    path = tmp_path / "good.yaml"
    path.write_text(dump_config(_config("good")))
    result = galpipe_cli(
        "cross-validate", "detector", "--config", path, "--folds", 3, "-o", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert "0.980 ± 0.010" in result.stdout
    assert "report.html" in result.stdout


@pytest.mark.training
@pytest.mark.usefixtures("small_ssd")
def test_real_detectors_are_trained_on_all_folds_but_one(
    tmp_path: Path, squares: Callable[..., np.ndarray]
) -> None:
    pytest.importorskip("official", exc_type=ImportError)
    rng = np.random.default_rng(0)
    for number in range(8):
        x, y = rng.integers(8, 40, 2).tolist()
        noise = rng.integers(0, 60, (64, 64, 3))
        picture = np.clip(squares(64, 64, (x, y)).astype(int) + noise, 0, 255).astype(np.uint8)
        write_png(tmp_path / "images" / f"{number}.png", picture)
        box = ObjectBox("galaxy", x, y, x + 16, y + 16)
        write_voc(
            tmp_path / "boxes" / f"{number}.xml",
            AnnotatedImage(f"{number}.png", 64, 64, 3, (box,)),
        )
    config = _config(
        "tiny",
        data=[{"images": tmp_path / "images", "annotations": tmp_path / "boxes"}],
        backbone_weights="none",
        input_size=64,
        anchors={"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
        steps=2,
        batch_size=2,
        warmup_steps=1,
    )
    (detector,) = cross_validate_detectors([config], tmp_path / "out", folds=2).detectors
    held = [name for fold in detector.held_out() for (names,) in [fold] for name in names]
    assert sorted(held) == [f"{number}.png" for number in range(8)]
    assert detector.kinds == ("cutouts",)
    assert len(detector.values("cutouts", "map50")) == 2
