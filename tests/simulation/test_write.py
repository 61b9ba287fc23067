from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from galpipe.annotations import read_annotated_images, read_voc
from galpipe.errors import ConfigError, OutputError
from galpipe.imaging import read_field, to_rgb
from galpipe.pipeline.commands.simulate import command
from galpipe.simulation import simulate, simulate_field
from galpipe.simulation.write import write_fits

SMALL = {"width": 160, "height": 128, "galaxies": 3, "stars": 10, "seed": 5}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "out"
    simulate(folder, fields=2, **SMALL)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_all_files_are_written(rendered: Path) -> None:
    names = [f"simulated_{number:04d}" for number in (1, 2)]

    assert sorted(digests(rendered)) == sorted(
        [f"annotations/{name}.xml" for name in names]
        + [f"fits/{name}.fits" for name in names]
        + [f"images/{name}.png" for name in names]
        + ["truth.csv"]
    )


def test_the_same_seed_gives_the_same_bytes(rendered: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", fields=2, **SMALL)

    assert digests(tmp_path / "again") == digests(rendered)


def test_the_fits_file_reads_back(rendered: Path) -> None:
    made = simulate_field(**SMALL)

    field = read_field(rendered / "fits" / "simulated_0001.fits")

    assert np.array_equal(field.pixels, made.field.pixels)
    assert field.pixel_scale == pytest.approx(0.396, rel=1e-3)
    assert field.origin == "lower"
    assert field.notes == ()
    assert np.array(field.sky(30, 70)) == pytest.approx(np.array(made.field.sky(30, 70)), abs=1e-8)


def test_the_header_says_what_it_is(rendered: Path) -> None:
    from astropy.io import fits

    header = fits.getheader(rendered / "fits" / "simulated_0002.fits")

    assert [header[f"BAND{plane}"] for plane in (1, 2, 3)] == ["i", "r", "g"]
    assert header["BUNIT"] == "nanomaggy"
    assert (header["SIMSEED"], header["SIMINDEX"]) == (5, 1)
    assert header["CTYPE1"] == "RA---TAN"
    assert "no real data" in header["ORIGIN"]


def test_picture_boxes_and_table_agree_with_the_pixels(rendered: Path) -> None:
    table = pd.read_csv(rendered / "truth.csv")
    for name, rows in table.groupby("field"):
        field = read_field(rendered / "fits" / f"{name}.fits")
        annotated = read_voc(rendered / "annotations" / f"{name}.xml")
        picture = cv2.imread(str(rendered / "images" / f"{name}.png"))

        assert np.array_equal(picture[..., ::-1], to_rgb(field))
        assert (annotated.width, annotated.height) == (field.width, field.height)
        assert annotated.filename == f"{name}.png"
        edges = rows[["xmin", "ymin", "xmax", "ymax"]].to_numpy()
        assert annotated.boxes == pytest.approx(edges)
        assert annotated.difficult.tolist() == rows["difficult"].astype(bool).tolist()
        ra, dec = field.sky(rows["x"].to_numpy(), rows["y"].to_numpy())
        assert ra == pytest.approx(rows["ra"].to_numpy(), abs=1e-6)
        assert dec == pytest.approx(rows["dec"].to_numpy(), abs=1e-6)


def test_packed_files_read_back_within_the_noise(tmp_path: Path) -> None:
    made = simulate_field(**SMALL)

    file = write_fits(tmp_path / "packed.fits.fz", made, compress=True)
    plain = write_fits(tmp_path / "plain.fits", made)

    field = read_field(file)
    off = field.pixels - made.field.pixels
    noise = np.median(np.abs(made.field.pixels), axis=(0, 1)) * 1.4826
    assert (off.std(axis=(0, 1)) < 0.3 * noise).all()
    assert file.stat().st_size < 0.25 * plain.stat().st_size
    assert np.array(field.sky(30, 70)) == pytest.approx(np.array(made.field.sky(30, 70)), abs=1e-8)
    again = write_fits(tmp_path / "again.fits.fz", made, compress=True)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("form", ["coco", "yolo", "ds9"])
def test_boxes_are_written_in_any_format(tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    tiny = {"width": 128, "height": 128, "galaxies": 2, "stars": 0}
    truth = simulate(out, fields=2, annotation_format=form, **tiny)
    path = out / "annotations" / "coco.json" if form == "coco" else out / "annotations"
    pairs = read_annotated_images(path, out / "images")
    assert [path.name for path, _ in pairs] == ["simulated_0001.png", "simulated_0002.png"]
    assert sum(len(image.objects) for _, image in pairs) == len(truth)
    simulate(out, overwrite=True, **tiny)
    files = [file for file in (out / "annotations").rglob("*") if file.is_file()]
    assert [file.name for file in files] == ["simulated_0001.xml"]


def test_a_format_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="via cannot be written"):
        simulate(tmp_path / "out", annotation_format="via")
    assert not (tmp_path / "out").exists()


def test_an_earlier_simulation_is_kept_or_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    tiny = {"width": 64, "height": 64, "galaxies": 1, "stars": 0}
    simulate(out, fields=2, **tiny)
    (out / "notes.txt").write_text("mine")

    with pytest.raises(OutputError, match="--overwrite"):
        simulate(out, **tiny)
    simulate(out, overwrite=True, **tiny)

    assert not (out / "fits" / "simulated_0002.fits").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("sea")

    with pytest.raises(OutputError, match="did not make"):
        simulate(tmp_path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["holiday.jpg"]


def test_command_line(tmp_path: Path) -> None:
    out = tmp_path / "mock"
    arguments = ["-o", str(out), "--width", "96", "--height", "80", "--galaxies", "2"]

    result = CliRunner().invoke(command, [*arguments, "--stars", "3", "--seed", "9", "--compress"])

    assert result.exit_code == 0, result.output
    assert "in 1 field" in result.output
    field = read_field(out / "fits" / "simulated_0001.fits.fz")
    assert (field.width, field.height) == (96, 80)
    made = simulate_field(9, width=96, height=80, galaxies=2, stars=3)
    assert len(pd.read_csv(out / "truth.csv")) == len(made.galaxies)


@pytest.mark.parametrize("wrong", [["--fields", "0"], ["--width", "20"], ["--seed", "-1"]])
def test_wrong_numbers_are_wrong_usage(tmp_path: Path, wrong: list[str]) -> None:
    result = CliRunner().invoke(command, ["-o", str(tmp_path / "out"), *wrong])

    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
