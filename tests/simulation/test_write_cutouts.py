from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from galpipe.annotations import GALAXY10_DECALS, AnnotatedImage, write_voc
from galpipe.datasets.label_tables import read_label_table
from galpipe.errors import InputError, OutputError
from galpipe.files.atomic import write_png
from galpipe.imaging import read_field, to_rgb
from galpipe.pipeline.commands.simulate import command
from galpipe.simulation import (
    AnnotatedFolder,
    CutoutSettings,
    draw_cutout,
    simulate_cutouts,
)
from galpipe.simulation.surveys import SURVEYS


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["cutouts", *map(str, arguments)])


def test_cutouts_are_written_with_labels_that_a_training_reads(tmp_path: Path) -> None:
    settings = CutoutSettings(count=20, side=48, seed=3)
    truth = simulate_cutouts(tmp_path / "one", settings)
    again = simulate_cutouts(tmp_path / "two", settings)

    assert truth.equals(again)
    assert truth.equals(pd.read_csv(tmp_path / "one" / "truth.csv"))
    assert truth.label.value_counts().to_dict() == dict.fromkeys(GALAXY10_DECALS, 2)
    assert set(truth.survey) == set(SURVEYS)
    labelled = read_label_table(tmp_path / "one" / "truth.csv", tmp_path / "one" / "images")
    for row, image in zip(truth.itertuples(), labelled, strict=True):
        assert image.path.name == row.filename
        assert GALAXY10_DECALS[image.allowed[0]] == row.label
        assert to_rgb(read_field(image.path)).shape == (48, 48, 3)
        assert image.path.read_bytes() == (tmp_path / "two/images" / row.filename).read_bytes()


def test_frequencies_set_the_numbers_of_the_classes() -> None:
    settings = CutoutSettings(count=30, frequencies=(2, 0, 0, 0, 0, 0, 1, 0, 0, 0))

    assert np.bincount(settings.draw_classes(), minlength=10).tolist() == [
        20,
        *[0] * 5,
        10,
        0,
        0,
        0,
    ]
    assert CutoutSettings(count=7).draw_classes().shape == (7,)
    for wrong in ((1.0,) * 9, (0.0,) * 10, (-1.0, *(1.0,) * 9), (float("nan"),) * 10):
        with pytest.raises(ValueError, match="frequencies"):
            CutoutSettings(frequencies=wrong)
    with pytest.raises(ValueError, match="surveys"):
        CutoutSettings(surveys=("hubble",))
    with pytest.raises(ValueError, match="at least"):
        CutoutSettings(side=8)


def test_a_galaxy_stands_out_in_the_middle_of_its_cutout() -> None:
    for name in SURVEYS:
        for class_id in (1, 5, 9):
            rgb = draw_cutout(class_id, name, 96, np.random.default_rng(class_id)).astype(float)
            border = np.concatenate([rgb[:8].ravel(), rgb[-8:].ravel()])
            assert rgb[32:64, 32:64].max() > np.median(border) + 30


def test_real_sky_surrounds_the_galaxies(
    tmp_path: Path, picture: Callable[..., np.ndarray]
) -> None:
    sky = picture(400)
    write_png(tmp_path / "fields" / "f.png", sky)
    write_voc(tmp_path / "boxes" / "f.xml", AnnotatedImage("f.png", 400, 400))
    given = ("--background", tmp_path / "fields")
    arguments = ("-o", tmp_path / "out", "--count", 4, "--survey", "sdss")
    result = run(*arguments, *given, "--background-annotations", tmp_path / "boxes")

    assert result.exit_code == 0, result.output
    for path in (tmp_path / "out" / "images").iterdir():
        rgb = to_rgb(read_field(path)).astype(float)
        assert rgb.shape == (160, 160, 3)
        corners = np.concatenate([rgb[:12, :12], rgb[-12:, -12:], rgb[:12, -12:], rgb[-12:, :12]])
        assert np.median(corners) == pytest.approx(np.median(sky), abs=4)
    assert run(*arguments, *given).exit_code == 2
    with pytest.raises(InputError):
        simulate_cutouts(
            tmp_path / "none", background=AnnotatedFolder(tmp_path / "no", tmp_path / "no")
        )
    assert not (tmp_path / "none").exists()


def test_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = ",".join(["1", *["0"] * 8, "1"])
    result = run("-o", out, "--count", 6, "--side", 40, "--frequencies", counts, "--survey", "kids")

    assert result.exit_code == 0, result.output
    assert "6 cutouts of 2 classes" in result.output
    assert set(pd.read_csv(out / "truth.csv").survey) == {"kids"}
    with pytest.raises(OutputError, match="--overwrite"):
        simulate_cutouts(out, CutoutSettings(count=1, side=40))
    simulate_cutouts(out, CutoutSettings(count=1, side=40), overwrite=True)
    assert [path.name for path in (out / "images").iterdir()] == ["cutout_00001.jpg"]
    for frequencies in ("1,2", "a,b", ",".join(["0"] * 10)):
        wrong = run("-o", tmp_path / "new", "--frequencies", frequencies)
        assert wrong.exit_code == 2
        assert "frequencies" in wrong.output
    assert "legacy_colour" in run("--help").output
    for name in SURVEYS:
        assert name in run("--help").output
