"""One tiny training, from labelled images to a bundle, interrupted on its way and measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.export.publish import measure_bundle
from galpipe.detection.load import load_detector
from galpipe.detection.training.dataset import read_sources
from galpipe.detection.training.train import train_detector
from galpipe.detection.training.trainer import Losses, Trainer
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.models import read_bundle
from galpipe.models.training_history import read_history

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.training,
    pytest.mark.usefixtures("small_ssd"),
]

pytest.importorskip("official", exc_type=ImportError)

Labelled = Callable[..., TrainingImage]
Save = Callable[..., tuple[Path, Path]]
Make = Callable[..., DetectorTraining]

STEPS = 60


@pytest.fixture
def tiny(labelled: Labelled, save_source: Save) -> Make:
    """Make the settings of a training of seconds: cutouts and frames, 64 pixels, two levels.

    The frames show a star beside each galaxy.
    """
    rng = np.random.default_rng(0)
    cutouts = [
        labelled(f"c{i}", 96, 96, (*rng.uniform(38, 58, 2), rng.uniform(20, 30)), seed=i)
        for i in range(10)
    ]
    frames = [
        replace(
            labelled(
                f"f{i}",
                200,
                150,
                (*rng.uniform((30, 30), (90, 120)), 12.0),
                (*rng.uniform((110, 30), (170, 120)), 15.0),
                seed=50 + i,
            ),
            class_ids=np.array([1, 0]),
        )
        for i in range(4)
    ]
    folders = {
        kind: save_source(kind, images, "galaxy", "star")
        for kind, images in (("cutouts", cutouts), ("fields", frames))
    }

    def make(**changes: Any) -> DetectorTraining:
        data = [
            {"images": images, "annotations": annotations, "kind": kind, "pixel_scale": 0.4}
            for kind, (images, annotations) in folders.items()
        ]
        settings: dict[str, Any] = {
            "name": "tiny",
            "class_names": ["galaxy", "star"],
            "data": data,
            "backbone_weights": "none",
            "input_size": 64,
            "anchors": {"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
            "steps": STEPS,
            "batch_size": 2,
            "warmup_steps": 10,
            "checkpoint_every": 20,
            "validate_every": 30,
            "scale_range": [0.5, 1.5],
            "split": {"test_fraction": 0.25, "validation_fraction": 0.2},
        }
        return DetectorTraining.model_validate(settings | changes)

    return make


def test_an_interrupted_training_goes_on_and_ends_in_a_measured_bundle(
    tiny: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = tiny()
    steps: list[int] = []
    losses: list[float] = []
    one_step = Trainer.train

    def counted(self: Trainer, batch: Any) -> Losses:
        steps.append(self.step)
        if len(steps) == 24:
            raise KeyboardInterrupt
        found = one_step(self, batch)
        losses.append(found.total)
        return found

    monkeypatch.setattr(Trainer, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        train_detector(config, tmp_path / "out")
    assert not (tmp_path / "out" / "tiny").exists()
    # A copy that a crash of the machine cut short is named, and the checkpoint before it used.
    for index in (tmp_path / "out" / "checkpoints").glob("ckpt-20.*"):
        name = index.name.replace("20", "22")
        index.with_name(name).write_bytes(index.read_bytes()[: index.stat().st_size // 2])
    bundle = train_detector(config, tmp_path / "out")
    assert "ckpt-22: is damaged" in caplog.text
    # Stopped in step 23, it goes on from the checkpoint of step 20.
    assert steps == [*range(24), *range(20, STEPS)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])

    measured = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert [entry["step"] for entry in measured] == [30, STEPS]
    assert set(measured[0]["map50"]) == {"cutouts", "fields"}
    assert all(0 < entry["loss"] < 100 for entry in measured)
    # The mean of the losses since the row before, here of the steps of the second start.
    history = read_history(tmp_path / "out")
    assert history["step"] == [20, 30, 40, STEPS]
    assert history["loss"][-1] == pytest.approx(np.mean(losses[-20:]), rel=1e-5)
    assert history["validation_loss"][1] == pytest.approx(measured[0]["loss"], rel=1e-4)
    assert np.isnan(history["ap_fields"]).tolist() == [True, False, True, False]
    speed = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert speed["images_per_second"] > 0
    assert 0 <= speed["input_wait"] <= 1
    assert speed["best"] == max(measured, key=lambda entry: entry["score"])
    assert (tmp_path / "out" / "best" / "checkpoint").is_file()
    assert any((tmp_path / "out" / "tensorboard").iterdir())

    read_bundle(bundle).verify()
    detector = load_detector(bundle)
    assert detector.class_names == ("galaxy", "star")
    assert detector.input_size == 64
    assert detector.bundle.manifest.pixel_scale_range == pytest.approx((0.267, 0.8))
    metrics = json.loads((bundle / "metrics.json").read_text())
    assert metrics["litert_parity"]["tiles"] == 200
    assert metrics["litert_parity"]["score_difference"] < 0.01
    for kind, images in (("cutouts", 2), ("fields", 1)):
        assert metrics["held_back"][kind]["images"] == images
        assert 0 <= metrics["held_back"][kind]["map50"] <= 1
    assert [
        (one["name"], one["objects"]) for one in metrics["held_back"]["fields"]["by_class"]
    ] == [("galaxy", 1), ("star", 1)]
    manifest = read_bundle(bundle).manifest
    parts = manifest.data.sources[0].split.model_dump()
    assert len(parts["test"]) == metrics["held_back"]["cutouts"]["images"]
    assert not set(parts["test"]) & {*parts["train"], *parts["validation"]}
    # A bundle is given away: it must not tell where its maker keeps things.
    assert str(tmp_path) not in (bundle / "galpipe-model.json").read_text()
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "mAP@0.5" in card
    assert "2 held out" in card
    assert "On 200 tiles" in card
    assert (bundle / "reliability.png").is_file()
    assert (bundle / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert "](learning_curves.png)" in card

    _calibrating_again_changes_nothing(bundle, config)


def _calibrating_again_changes_nothing(bundle: Path, config: DetectorTraining) -> None:
    before = {file.name: file.read_bytes() for file in bundle.iterdir()}
    measure_bundle(bundle, config, read_sources(config))
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == before
