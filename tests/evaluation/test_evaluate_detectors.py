from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.errors import InputError, OutputError
from galpipe.evaluation.evaluate_detectors import evaluate_detectors
from galpipe.files.atomic import write_png
from galpipe.models import read_bundle, write_bundle

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def frames(tmp_path: Path, squares: Callable[..., np.ndarray]) -> Path:
    """A picture with two squares where the tiny detector's anchors lie, and one with one."""
    folder = tmp_path / "frames"
    write_png(folder / "two & <b>.png", squares(128, 128, (12, 28), (76, 60)))
    write_png(folder / "dark.png", squares(128, 128, (44, 44)))
    return folder


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Annotations of the frames; a square more is asked for, and that of `dark` is not."""
    folder = tmp_path / "boxes"
    boxes = [ObjectBox("galaxy", x, y, x + 16, y + 16) for x, y in ((12, 28), (76, 60), (100, 8))]
    write_voc(folder / "two.xml", AnnotatedImage("two & <b>.png", 0, 0, 3, tuple(boxes)))
    write_voc(folder / "dark.xml", AnnotatedImage("dark.png", 128, 128))
    return folder


def test_a_detector_is_measured(
    tmp_path: Path, frames: Path, annotated: Path, models: dict[str, Path]
) -> None:
    (one,) = evaluate_detectors([models["detector"]], frames, annotated, tmp_path / "out")
    metrics = one.metrics
    assert (metrics.images, metrics.galaxies) == (2, 3)
    assert metrics.recall50 == pytest.approx(2 / 3)
    assert metrics.ar1_ceiling == pytest.approx(1 / 3)
    # The sizes are those of the images, whatever the annotations say.
    assert metrics.megapixels == pytest.approx(2 * 128 * 128 / 1e6)
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert content["data"]["images"] == str(frames)
    (kept,) = content["detectors"]
    assert kept["metrics"] == metrics.to_json()
    assert kept["model"]["name"] == "tiny_detector"
    assert kept["at_threshold"]["recall"] == pytest.approx(2 / 3, abs=1e-4)
    (missed,) = kept["mistakes"]["missed"]
    assert (missed["image"], missed["box"], missed["score"]) == (
        "two & <b>.png",
        [100, 8, 116, 24],
        None,
    )
    false = kept["mistakes"]["false"]
    assert "dark.png" in {one["image"] for one in false}
    assert kept["confusion"]["counts"] == [[2, 1], [len(false), 0]]


def test_the_report_needs_no_other_file_and_trusts_no_name(
    tmp_path: Path, frames: Path, annotated: Path, models: dict[str, Path]
) -> None:
    evaluate_detectors([models["detector"]], frames, annotated, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 6
    assert "two &amp; &lt;b&gt;.png" in page
    assert "<b>" not in page
    assert 'src="pictures' not in page
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| score threshold | 0.50 |" in text
    for name in ("precision_recall", "recall_by_size", "reliability"):
        assert f"(pictures/{name}.png)" in text
    for file in (tmp_path / "out" / "pictures").iterdir():
        assert file.name in text
        assert cv2.imread(str(file)) is not None


def test_several_detectors_stand_side_by_side(
    tmp_path: Path, frames: Path, annotated: Path, models: dict[str, Path]
) -> None:
    model = models["detector"]
    evaluate_detectors([model, model], frames, annotated, tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert r"| measure | tiny\_detector | tiny\_detector 2 |" in text
    names = {file.name for file in (tmp_path / "out" / "pictures").iterdir()}
    assert {"tiny_detector_missed.png", "tiny_detector_2_missed.png"} < names


def test_nothing_found_and_nothing_missed(
    tmp_path: Path, models: dict[str, Path], squares: Callable[..., np.ndarray]
) -> None:
    write_png(tmp_path / "in" / "dark.png", squares(128, 128))
    write_voc(tmp_path / "boxes" / "dark.xml", AnnotatedImage("dark.png", 128, 128))
    out = tmp_path / "out"
    evaluate_detectors([models["detector"]], tmp_path / "in", tmp_path / "boxes", out)
    assert "None at the score threshold." in (out / "report.md").read_text()


def test_small_objects_and_coarse_passes_can_be_left_out(
    tmp_path: Path,
    frames: Path,
    annotated: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    result = galpipe_cli(
        "evaluate", "detector", "--model", models["detector"], "--images", frames,
        "--annotations", annotated, "-o", tmp_path / "out", "--smallest", 17, "--passes", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    (kept,) = content["detectors"]
    assert (kept["metrics"]["galaxies"], kept["metrics"]["difficult"]) == (0, 3)
    assert (content["data"]["smallest"], content["data"]["passes"]) == ("17", "1")


def test_the_command_line_prints_and_writes(
    tmp_path: Path,
    frames: Path,
    annotated: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
) -> None:
    result = galpipe_cli(
        "evaluate", "detector", "--model", models["detector"], "--images", frames,
        "--annotations", annotated, "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "AR@1" in result.stdout
    assert "report.html" in result.stdout


def test_results_are_kept_unless_asked(
    tmp_path: Path, frames: Path, annotated: Path, models: dict[str, Path]
) -> None:
    call = ([models["detector"]], frames, annotated, tmp_path / "out")
    evaluate_detectors(*call)
    with pytest.raises(OutputError, match="--overwrite"):
        evaluate_detectors(*call)
    evaluate_detectors(*call, overwrite=True)


@pytest.fixture
def spirals_and_stars(tmp_path: Path) -> Path:
    """Annotations of the frames in the classes of another data set."""
    folder = tmp_path / "spirals"
    boxes = [ObjectBox("spiral", 12, 28, 28, 44), ObjectBox("star", 76, 60, 92, 76)]
    write_voc(folder / "two.xml", AnnotatedImage("two & <b>.png", 0, 0, 3, tuple(boxes)))
    return folder


def test_classes_are_left_out_and_merged_as_in_the_training(
    tmp_path: Path, frames: Path, spirals_and_stars: Path, tiny_detector_bundle: Path
) -> None:
    bundle = read_bundle(tiny_detector_bundle)
    manifest = bundle.manifest.model_copy(update={"label_map": {"spiral": "galaxy", "star": None}})
    files = {"model.tflite": bundle.read("model.tflite")}
    merged = write_bundle(tmp_path / "merged", manifest, files, "", {})
    (one,) = evaluate_detectors([merged], frames, spirals_and_stars)
    assert (one.metrics.galaxies, one.metrics.difficult, one.metrics.map50) == (
        1,
        1,
        pytest.approx(1),
    )
    with pytest.raises(InputError, match="annotated with 'spiral'"):
        evaluate_detectors([tiny_detector_bundle], frames, spirals_and_stars)


@pytest.mark.usefixtures("quick_plots")
def test_detectors_of_other_classes_are_compared_by_their_boxes(
    tmp_path: Path,
    frames: Path,
    spirals_and_stars: Path,
    tiny_detector_bundle: Path,
    star_galaxy_bundle: Path,
    galpipe_cli: Callable[..., Result],
) -> None:
    result = galpipe_cli(
        "evaluate", "detector", "--model", tiny_detector_bundle, "--model", star_galaxy_bundle,
        "--images", frames, "--annotations", spirals_and_stars, "--class-agnostic",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert content["data"]["classes"] == "all as one"
    for one in content["detectors"]:
        assert (one["metrics"]["galaxies"], one["metrics"]["map50"]) == (2, pytest.approx(1))
        assert one["confusion"]["class_names"] == ["object"]
