from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.wcs import WCS

import galpipe
from galpipe.configs import RunConfig
from galpipe.errors import ConfigError
from galpipe.imaging import Stretch, read_field, to_rgb
from galpipe.models import read_bundle, write_bundle
from galpipe.pipeline import Catalogue, Flag


def test_a_picture_gives_a_catalogue(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], contents: Callable[..., set[str]]
) -> None:
    result = galpipe.run(good_picture, tmp_path / "out", **models)
    assert not result.failures
    table = result.catalogue.table
    assert set(table["class_name"]) == {"red", "blue"}
    by_class = {row["class_name"]: row for row in table}
    red = by_class["red"]
    assert red["field"] == "good"
    assert abs(red["x"].value - 24) <= 4
    assert abs(red["y"].value - 40) <= 4
    assert np.isnan(red["ra"].value)
    assert red["prob_red"] == red["probability"] > red["prob_green"]
    start = f"good-{result.record.fields[0].sha256[:8]}"
    assert list(table["source_id"]) == [f"{start}-{n + 1:04d}" for n in range(len(table))]
    assert list(table["score"]) == sorted(table["score"], reverse=True)
    expected = {"catalogue.ecsv", "catalogue.csv", "config.yaml", "run.json", "report.html"}
    expected |= {"overlays/good.png", "pictures/good.jpg"}
    expected |= {f"crops/good/{name}.png" for name in table["source_id"]}
    assert contents(result.output) == expected


def test_sky_coordinates_agree_with_astropy(
    tmp_path: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    table = galpipe.run([good_fits], tmp_path / "out", **models).catalogue.table
    assert len(table) >= 2
    wcs = WCS(fits.getheader(good_fits)).celestial
    # The 1-based FITS pixel is the edge coordinate plus a half, as the column says.
    ra, dec = wcs.all_pix2world(table["x"].value + 0.5, table["y"].value + 0.5, 1)
    np.testing.assert_allclose(table["ra"].value, ra, atol=1e-7, rtol=0)
    np.testing.assert_allclose(table["dec"].value, dec, atol=1e-7, rtol=0)
    assert all(name.startswith(("GP J2050", "GP J2051")) for name in table["source_id"])


def test_the_overlay_of_a_fits_stands_as_on_the_sky(
    tmp_path: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    result = galpipe.run(good_fits, tmp_path / "out", **models)
    overlay = cv2.imread(str(result.output / "overlays" / "sky.png"))[..., ::-1]
    scale = overlay.shape[1] / 128
    # The red square's rows 32 to 48 counted from the bottom are rows 80 to 96 from the top.
    red = overlay[int(88 * scale), int(24 * scale)].astype(int)
    assert red[0] > red[2] + 40
    row = next(row for row in result.catalogue.table if row["class_name"] == "red")
    crop = cv2.imread(str(result.output / "crops" / "sky" / f"{_file(row['source_id'])}.png"))
    assert crop.shape[0] == crop.shape[1]


def test_the_record_says_what_was_done(
    tmp_path: Path, good_picture: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    result = galpipe.run([good_picture, good_fits], tmp_path / "out", **models)
    record = json.loads((result.output / "run.json").read_text())
    assert record["made_by"] == "galpipe"
    assert record["version"] == galpipe.__version__
    assert record["status"] == "complete"
    assert record["failures"] == []
    assert [done["field"] for done in record["fields"]] == ["good", "sky"]
    first = record["fields"][0]
    assert first["sha256"] == read_field(good_picture).checksum
    assert (first["width"], first["height"]) == (128, 128)
    assert first["galaxies"] == len(result.catalogue.of_field("good"))
    steps = {"read", "prepare", "detect", "photometry", "crops", "classify", "overlay", "write"}
    assert set(first["seconds"]) == set(record["seconds"]) == steps
    for stage in ("detector", "classifier"):
        assert all(len(digest) == 64 for digest in record["models"][stage]["sha256"].values())
    assert record["score_threshold"] == 0.5
    assert record["config"]["classifier"]["crop_margin"] == 1.5
    assert record["versions"]["numpy"] == np.__version__
    assert result.catalogue.table.meta["models"]["detector"]["name"] == "tiny_detector"


def test_the_resolved_configuration_can_be_run_again(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    first = galpipe.run(good_picture, tmp_path / "a", **models, score_threshold=0.25)
    resolved = yaml.safe_load((first.output / "config.yaml").read_text())
    assert resolved["detector"]["score_threshold"] == 0.25
    second = galpipe.run(good_picture, tmp_path / "b", config=first.output / "config.yaml")
    for name in ("catalogue.ecsv", "catalogue.csv"):
        assert (first.output / name).read_bytes() == (second.output / name).read_bytes()


def test_the_score_threshold_decides(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    few = galpipe.run(good_picture, tmp_path / "few", **models, score_threshold=0.99)
    many = galpipe.run(good_picture, tmp_path / "many", **models, score_threshold=0.05)
    assert len(few.catalogue) < len(many.catalogue)
    assert min(many.catalogue["score"]) >= 0.05
    assert few.record.score_threshold == 0.99


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_out_of_range(tmp_path: Path, good_picture: Path, threshold: float) -> None:
    with pytest.raises(ConfigError, match="score_threshold"):
        galpipe.run(good_picture, tmp_path / "out", score_threshold=threshold)
    assert not (tmp_path / "out").exists()


def test_models_may_be_objects(tmp_path: Path, good_picture: Path, models: dict[str, Path]) -> None:
    loaded: dict[str, Any] = {
        "detector": galpipe.load_detector(models["detector"]),
        "classifier": galpipe.load_classifier(models["classifier"]),
    }
    named = galpipe.run(good_picture, tmp_path / "a", **models)
    given = galpipe.run(good_picture, tmp_path / "b", **loaded)
    assert (named.output / "catalogue.ecsv").read_text() == (
        given.output / "catalogue.ecsv"
    ).read_text()


def test_a_field_without_galaxies(
    tmp_path: Path, squares: Callable[..., np.ndarray], models: dict[str, Path]
) -> None:
    path = tmp_path / "dark.png"
    cv2.imwrite(str(path), squares(100, 80))
    result = galpipe.run(path, tmp_path / "out", **models)
    assert len(result.catalogue) == 0
    assert len(Catalogue.read(result.output / "catalogue.ecsv")) == 0
    assert (result.output / "overlays" / "dark.png").is_file()
    assert result.catalogue.class_names == ("dark", "red", "green", "blue")


def test_flags(tmp_path: Path, models: dict[str, Path]) -> None:
    rgb = np.zeros((128, 128, 4), np.uint8)
    rgb[..., 3] = 255
    rgb[0:16, 0:16, :3] = 255
    rgb[64:80, 64:80, :3] = 255
    rgb[70, 70, 3] = 0
    path = tmp_path / "flags.png"
    cv2.imwrite(str(path), rgb)
    table = galpipe.run(path, tmp_path / "out", **models).catalogue.table
    corner = table[(table["x"].value < 20) & (table["y"].value < 20)]
    middle = table[(table["x"].value > 55) & (table["x"].value < 90)]
    assert len(corner)
    assert len(middle)
    for row in corner:
        touches = row["xmin"].value < 1 or row["ymin"].value < 1
        assert bool(row["flags"] & Flag.FIELD_EDGE) == touches
    assert any(flags & Flag.FIELD_EDGE for flags in corner["flags"])
    assert not any(flags & Flag.BAD_PIXELS for flags in corner["flags"])
    for row in middle:
        holds = all(row[f"{axis}min"].value < 71 < row[f"{axis}max"].value + 1 for axis in "xy")
        assert bool(row["flags"] & Flag.BAD_PIXELS) == holds
    assert not any(flags & Flag.FIELD_EDGE for flags in middle["flags"])


def test_galaxies_of_the_downscaled_pass_are_flagged(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    # 32 pixels fill a box of 16 on the copy of half the size alone.
    rgb = np.zeros((128, 128, 3), np.uint8)
    rgb[48:80, 48:80] = 255
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), rgb)
    table = galpipe.run(path, tmp_path / "out", **models).catalogue.table
    widths = (table["xmax"] - table["xmin"]).value
    assert (widths > 20).any()
    for width, flags in zip(widths, table["flags"], strict=True):
        assert bool(flags & Flag.DOWNSCALED) == (width > 20)


def test_nothing_is_printed(
    tmp_path: Path,
    good_picture: Path,
    models: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    galpipe.run(good_picture, tmp_path / "out", config=RunConfig(), **models)
    assert capsys.readouterr() == ("", "")


def _file(source_id: str) -> str:
    return source_id.replace(" ", "_")


def test_a_stretch_that_is_set_is_used_even_if_it_is_the_default(
    tmp_path: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    own = Stretch(linear=20.0)
    bundle = read_bundle(models["detector"])
    manifest = bundle.manifest.model_copy(update={"stretch": own})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    models = models | {"detector": write_bundle(tmp_path / "own", manifest, files, "", {})}
    (tmp_path / "set.yaml").write_text("stretch: {linear: 50.0}\n")
    for config, used in ((None, own), (tmp_path / "set.yaml", Stretch())):
        result = galpipe.run(good_fits, tmp_path / "out", config=config, overwrite=True, **models)
        assert result.record.config["stretch"] == used.model_dump(mode="json")
        written = yaml.safe_load((result.output / "config.yaml").read_text())
        assert written["stretch"]["linear"] == used.linear
        rgb = to_rgb(read_field(good_fits), used)
        found = galpipe.load_detector(models["detector"]).detect(rgb)
        np.testing.assert_array_equal(result.catalogue["xmin"].value, found.boxes[:, 0].round(2))


def test_a_prior_is_recorded_and_resolved(
    tmp_path: Path, good_picture: Path, models: dict[str, Path], calibrated_bundle: Path
) -> None:
    prior = tmp_path / "prior.csv"
    prior.write_text("class,frequency\ndark,1\nred,3\ngreen,4\nblue,2\n")
    chosen = models | {"classifier": calibrated_bundle}
    plain = galpipe.run(good_picture, tmp_path / "plain", **chosen)
    result = galpipe.run(
        good_picture, tmp_path / "out", **chosen, prior=prior, test_time_augmentation=True
    )
    frequencies = {"dark": 0.1, "red": 0.3, "green": 0.4, "blue": 0.2}
    before, after = plain.catalogue.table, result.catalogue.table
    ratio = (after["prob_red"] / after["prob_blue"]) / (before["prob_red"] / before["prob_blue"])
    np.testing.assert_allclose(ratio, (0.3 / 0.2) / (0.25 / 0.125), rtol=0.01)
    record = json.loads((result.output / "run.json").read_text())
    assert record["models"]["classifier"]["priors"] == pytest.approx(frequencies)
    assert result.catalogue.table.meta != before.meta
    # The configuration that was written does not need the file.
    prior.unlink()
    settings = yaml.safe_load((result.output / "config.yaml").read_text())["classifier"]
    assert settings["prior"] == pytest.approx(frequencies)
    assert settings["test_time_augmentation"] is True
    again = galpipe.run(good_picture, tmp_path / "again", config=result.output / "config.yaml")
    np.testing.assert_allclose(again.catalogue.table["prob_red"], after["prob_red"], rtol=1e-5)
