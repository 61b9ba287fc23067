from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from galpipe.errors import BundleError
from galpipe.evaluation.classifier_folds import external_metrics, external_metrics_table
from galpipe.models import Bundle, read_bundle, write_bundle

pytestmark = pytest.mark.tensorflow

WHOLE = "test, whole cutouts"


def figures(images: int, accuracy: float, macro_f1: float | None) -> dict[str, Any]:
    return {"images": images, "accuracy": accuracy, "macro_f1": macro_f1, "top2_accuracy": 1.0}


def bundle(folder: Path, tiny: Path, measurements: Any) -> Bundle:
    """Copy the tiny ensemble, with a record of what its training measured."""
    read = read_bundle(tiny)
    files = {member.file: read.read(member.file) for member in read.manifest.members}
    metrics = {"measurements": measurements}
    return read_bundle(write_bundle(folder, read.manifest, files, "# Tiny\n", metrics))


def test_means_and_deviations_over_the_folds(tmp_path: Path, tiny_classifier_bundle: Path) -> None:
    folds = []
    for fold, (images, accuracy) in enumerate([(77, 0.8), (88, 0.9)]):
        member = figures(images, accuracy - 0.5, None)
        both = {"decided": member, "ensemble": figures(images, accuracy, 0.5)}
        measured = [
            {"images": "validation, cropped about the box", "metrics": both},
            {"images": "test, cropped about the box", "metrics": both},
            {"images": WHOLE, "metrics": both, "files": ["a.png"]},
        ]
        if fold:
            alone = {"decided": figures(40, 0.25, 0.2)}
            measured.append({"images": "elsewhere, whole cutouts", "metrics": alone})
        folds.append(bundle(tmp_path / str(fold), tiny_classifier_bundle, measured))
    measured = external_metrics("mine", folds)
    assert external_metrics_table(measured, 2).rows == [
        [WHOLE, "mine", "77–88", "0.850 ± 0.071", "0.500 ± 0.000"],
        [WHOLE, "mine: decided", "77–88", "0.350 ± 0.071", "–"],
        ["elsewhere, whole cutouts", "mine", "40 (1 of 2 folds)", "0.250 ± 0.000", "0.200 ± 0.000"],
    ]
    content = measured[0].to_json()
    assert content["summary"]["accuracy"]["mean"] == pytest.approx(0.85)
    assert [fold["images"] for fold in content["folds"]] == [77, 88]


def test_a_record_that_cannot_be_read_is_named(
    tmp_path: Path, tiny_classifier_bundle: Path
) -> None:
    for number, measurements in enumerate(([{"images": WHOLE}], 3, ["text"])):
        broken = bundle(tmp_path / str(number), tiny_classifier_bundle, measurements)
        with pytest.raises(BundleError, match="train it again"):
            external_metrics("mine", [broken])
