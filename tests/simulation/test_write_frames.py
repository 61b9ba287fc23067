from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from galpipe.annotations import AnnotatedImage, read_annotated_images, write_voc
from galpipe.errors import BundleError, InputError, OutputError
from galpipe.files.atomic import write_png
from galpipe.imaging import read_field, to_rgb
from galpipe.pipeline.commands.simulate import command
from galpipe.simulation import AnnotatedFolder, FrameSettings, held_out_names, simulate_frames
from galpipe.simulation.galaxy_light import cut_galaxies

Picture = tuple[np.ndarray, AnnotatedImage]


@pytest.fixture
def folders(
    tmp_path: Path, cutout: Picture, picture: Callable[..., np.ndarray]
) -> tuple[AnnotatedFolder, AnnotatedFolder]:
    rgb, annotated = cutout
    for name in ("a", "b"):
        write_png(tmp_path / "cutouts" / f"{name}.png", rgb)
        write_voc(tmp_path / "boxes" / f"{name}.xml", annotated)
    for number in range(2):
        write_png(tmp_path / "fields" / f"f{number}.png", picture(220, seed=number))
        write_voc(
            tmp_path / "field_boxes" / f"f{number}.xml", AnnotatedImage(f"f{number}.png", 220, 220)
        )
    return (
        AnnotatedFolder(tmp_path / "cutouts", tmp_path / "boxes"),
        AnnotatedFolder(tmp_path / "fields", tmp_path / "field_boxes"),
    )


def test_frames_are_written_with_their_truth(
    tmp_path: Path, folders: tuple[AnnotatedFolder, AnnotatedFolder]
) -> None:
    settings = FrameSettings(frames=3, galaxies=4, smallest=14, largest=60, seed=4)
    table = simulate_frames(tmp_path / "out", *folders, settings)
    again = simulate_frames(tmp_path / "again", *folders, settings)
    assert table.equals(again)
    assert list(table.field.unique()) == ["f0.png", "f1.png"]
    kept = pd.read_csv(tmp_path / "out" / "truth.csv")
    assert len(kept) == len(table) == 12
    pairs = read_annotated_images(tmp_path / "out" / "annotations", tmp_path / "out" / "images")
    assert [path.stem for path, _ in pairs] == ["frame_0001", "frame_0002", "frame_0003"]
    for path, annotated in pairs:
        rows = kept[kept.frame == path.stem]
        assert annotated.boxes == pytest.approx(
            rows[["xmin", "ymin", "xmax", "ymax"]].to_numpy(), abs=1
        )
        one = to_rgb(read_field(path))
        assert np.array_equal(one, to_rgb(read_field(tmp_path / "again" / "images" / path.name)))
    with pytest.raises(OutputError, match="--overwrite"):
        simulate_frames(tmp_path / "out", *folders, settings)
    simulate_frames(tmp_path / "out", *folders, FrameSettings(1, 1), overwrite=True)
    assert [file.name for file in (tmp_path / "out" / "images").iterdir()] == ["frame_0001.png"]


def test_only_held_out_images_are_used(
    tmp_path: Path, folders: tuple[AnnotatedFolder, AnnotatedFolder]
) -> None:
    names = tmp_path / "test.txt"
    names.write_text("b.png\nfolder/f1.png\n\n")
    arguments = [
        *("--cutouts", folders[0].images, "--annotations", folders[0].annotations),
        *("--fields", folders[1].images, "--field-annotations", folders[1].annotations),
        *("-o", tmp_path / "out", "--frames", 2, "--galaxies", 2, "--largest", 40),
    ]
    result = CliRunner().invoke(
        command, ["frames", *map(str, arguments), "--held-back-by", str(names)]
    )
    assert result.exit_code == 0, result.output
    assert "4 galaxies pasted onto 2 frames" in result.output
    kept = pd.read_csv(tmp_path / "out" / "truth.csv")
    assert set(kept.cutout) == {"b.png"}
    assert set(kept.field) == {"f1.png"}
    names.write_text("b.png\n")
    with pytest.raises(InputError, match="held out"):
        simulate_frames(tmp_path / "none", *folders, held_out_by=names)
    assert not (tmp_path / "none").exists()
    wrong = CliRunner().invoke(
        command, ["frames", *map(str, arguments), "--overwrite", "--smallest", "50"]
    )
    assert wrong.exit_code == 2


def test_a_bundle_lists_its_held_out_images(tmp_path: Path) -> None:
    names = held_out_names("ssd_mobilenet")
    assert "2986_240_1_DR9.jpg" in names
    assert len(names) == 144
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(BundleError, match="held-out"):
        held_out_names(tmp_path / "empty.txt")
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="list of file names"):
        held_out_names(tmp_path / "broken.txt")


def test_pictures_without_galaxies_are_refused(
    tmp_path: Path, folders: tuple[AnnotatedFolder, AnnotatedFolder]
) -> None:
    _, fields = folders
    with pytest.raises(InputError, match="is clear of"):
        simulate_frames(tmp_path / "out", fields, fields)
    with pytest.raises(ValueError, match="no size"):
        FrameSettings(smallest=50, largest=20)


def test_without_a_command_fields_are_drawn(tmp_path: Path) -> None:
    help_text = CliRunner().invoke(command, ["--help"]).output
    assert "fields" in help_text
    assert "frames" in help_text
    wrong = CliRunner().invoke(command, ["-o", str(tmp_path / "out"), "--width", "20"])
    assert wrong.exit_code == 2
    assert "64" in wrong.output


def test_real_cutouts(galpipe_data: Path) -> None:
    pairs = read_annotated_images(galpipe_data / "gz2/annotations", galpipe_data / "gz2/images")[
        :12
    ]
    found = [
        one
        for path, image in pairs
        for one in cut_galaxies(path.name, to_rgb(read_field(path)), image)
    ]
    assert len(found) >= 4
    for one in found:
        border = np.concatenate([one.light[0], one.light[-1], one.light[:, 0], one.light[:, -1]])
        assert np.abs(border).max() < 3
