"""Galaxies cut out of annotated pictures and pasted onto frames, where their boxes are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from galpipe.annotations import AnnotatedImage, ObjectBox, read_annotated_images, write_voc
from galpipe.errors import BundleError, InputError, OutputError
from galpipe.files.atomic import write_png
from galpipe.imaging import read_field, to_rgb
from galpipe.imaging.background import extent, isophote, noise_level, smoothed_grey
from galpipe.pipeline.commands.simulate import command
from galpipe.simulation import AnnotatedFolder, held_out_names, simulate_frames
from galpipe.simulation.galaxy_light import BOX_LEVEL, GalaxyLight, cut_galaxies, seeing
from galpipe.simulation.pasting import PastedFrame, paste_galaxies

Picture = tuple[np.ndarray, AnnotatedImage]


def gaussian(shape: tuple[int, int], x: float, y: float, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / sigma**2)


def picture(side: int, *spots: tuple[float, float, float, float], seed: int = 0) -> np.ndarray:
    """Sky at 5 with a noise of 2 and round spots: x, y, sigma and height each."""
    light = np.random.default_rng(seed).normal(5, 2, (side, side, 3))
    for x, y, sigma, height in spots:
        light += height * gaussian((side, side), x, y, sigma)[:, :, None]
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def annotate(rgb: np.ndarray, x: float, y: float, name: str = "one.png") -> AnnotatedImage:
    """Box the isophote about a place, as the annotated data were."""
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    near = (np.abs(columns - x) < 80) & (np.abs(rows - y) < 80)
    edges = extent(isophote(np.where(near, grey - sky, np.float32(0)), BOX_LEVEL * noise))
    return AnnotatedImage(name, *rgb.shape[1::-1], objects=(ObjectBox("galaxy", *edges),))


@pytest.fixture(scope="module")
def cutout() -> Picture:
    """A galaxy of 15 pixels (sigma), and a star beyond its outskirts."""
    rgb = picture(240, (120, 110, 15, 120), (215, 30, 2, 200))
    return rgb, annotate(rgb, 120, 110)


@pytest.fixture(scope="module")
def galaxy(cutout: Picture) -> GalaxyLight:
    (found,) = cut_galaxies("one.png", *cutout)
    return found


def test_the_light_is_the_galaxy_without_sky_and_neighbour(galaxy: GalaxyLight) -> None:
    height, width = galaxy.light.shape[:2]
    grey = galaxy.light.mean(axis=2)
    y, x = np.unravel_index(int(smoothed_grey(galaxy.light).argmax()), grey.shape)
    truth = 120 * gaussian((height, width), x + 0.5, y + 0.5, 15)
    assert grey.sum() == pytest.approx(2 * np.pi * 15**2 * 120, rel=0.05)
    assert np.abs(grey - truth).max() < 10
    # Neither a seam nor the star.
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert np.abs(border).max() < 1
    assert grey[truth < 3].max() < 8


def test_faint_light_brings_no_noise(galaxy: GalaxyLight) -> None:
    grey = galaxy.light.mean(axis=2)
    faint = (grey > 0.5) & (grey < 3)
    rough = grey - smoothed_grey(galaxy.light)
    assert faint.sum() > 100
    # A third of the noise that was there: 2 counts in each of three colours.
    assert rough[faint].std() < 0.4


def test_what_touches_something_is_not_cut(cutout: Picture) -> None:
    rgb, annotated = cutout
    (box,) = annotated.objects
    touching = picture(240, (120, 110, 15, 120), (175, 110, 6, 200))
    assert cut_galaxies("x", touching, annotated) == []
    wrong = ObjectBox("galaxy", 10, 10, 120, 120)
    difficult = ObjectBox("galaxy", *box.edges, difficult=True)
    beside = ObjectBox("galaxy", box.xmin - 20, box.ymin, box.xmin + 5, box.ymax)
    for objects in ((), (wrong,), (difficult,), (box, beside)):
        image = AnnotatedImage("x", 240, 240, objects=objects)
        assert cut_galaxies("x", rgb, image) == []
    at_edge = picture(240, (30, 110, 15, 120))
    assert cut_galaxies("x", at_edge, annotate(at_edge, 30, 110)) == []


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_the_seeing_is_the_width_of_the_stars(sigma: float) -> None:
    places = [(40, 40), (40, 160), (160, 50), (170, 170), (100, 105)]
    rgb = picture(210, *((x, y, sigma, 120) for x, y in places))
    assert seeing(rgb) == pytest.approx(sigma, rel=0.15)
    assert seeing(picture(100)) is None


@pytest.fixture(scope="module")
def pasted(galaxy: GalaxyLight) -> tuple[np.ndarray, AnnotatedImage, PastedFrame]:
    rgb = picture(400, (60, 60, 5, 100), (300, 320, 1.5, 150), seed=1)
    known = annotate(rgb, 60, 60)
    doubtful = ObjectBox("galaxy", 295, 315, 306, 326, difficult=True)
    known = AnnotatedImage("f", 400, 400, objects=(*known.objects, doubtful))
    sides = [12, 20, 40, 80]
    return rgb, known, paste_galaxies(rgb, known, [galaxy], sides, np.random.default_rng(3))


def test_boxes_have_the_sides_asked_for_and_are_isophotes_of_what_is_seen(
    pasted: tuple[np.ndarray, AnnotatedImage, PastedFrame],
) -> None:
    rgb, known, made = pasted
    assert made.objects[:2] == known.objects
    boxes = [one.box for one in made.pasted]
    assert made.objects[2:] == tuple(boxes)
    sides = [max(box.width, box.height) for box in boxes]
    assert sides == pytest.approx([80, 40, 20, 12], rel=0.02, abs=1)
    assert [one.source for one in made.pasted] == ["one.png"] * 4
    _, noise = noise_level(smoothed_grey(rgb))
    added = smoothed_grey(made.rgb.astype(np.float32) - rgb)
    for box in boxes:
        x0, y0, x1, y1 = (int(edge) for edge in box.edges)
        mask = isophote(added[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4], BOX_LEVEL * noise)
        assert extent(mask) == pytest.approx((4, 4, 4 + x1 - x0, 4 + y1 - y0), abs=2.1)


def test_the_frame_keeps_its_sky_and_noise(
    pasted: tuple[np.ndarray, AnnotatedImage, PastedFrame],
) -> None:
    rgb, _, made = pasted
    lit = made.rgb != rgb
    assert 0.02 < lit.mean() < 0.6
    far = np.ones(rgb.shape[:2], bool)
    for one in made.pasted:
        x0, y0, x1, y1 = (int(edge) for edge in one.box.edges)
        far[max(y0 - 60, 0) : y1 + 60, max(x0 - 60, 0) : x1 + 60] = False
    assert np.array_equal(made.rgb[far], rgb[far])
    # On a galaxy there is at least as much noise as beside it.
    x0, y0, x1, y1 = (int(edge) for edge in made.pasted[0].box.edges)
    around = made.rgb.astype(np.float32).mean(axis=2) - smoothed_grey(made.rgb)
    before = rgb.astype(np.float32).mean(axis=2) - smoothed_grey(rgb)
    inside = slice(y0 + 20, y1 - 20), slice(x0 + 20, x1 - 20)
    assert around[inside].std() > 0.9 * before[inside].std()


def test_galaxies_do_not_hide_each_other_and_what_finds_no_place_is_left_out(
    galaxy: GalaxyLight,
) -> None:
    rgb = picture(200, seed=2)
    empty = AnnotatedImage("f", 200, 200)
    made = paste_galaxies(rgb, empty, [galaxy], [60] * 30 + [500], np.random.default_rng(0))
    assert 3 <= len(made.pasted) < 30
    for one in made.pasted:
        for other in made.pasted:
            if one is not other:
                width = min(one.box.xmax, other.box.xmax) - max(one.box.xmin, other.box.xmin)
                height = min(one.box.ymax, other.box.ymax) - max(one.box.ymin, other.box.ymin)
                smaller = min(box.width * box.height for box in (one.box, other.box))
                assert max(width, 0) * max(height, 0) <= 0.2 * smaller


def test_nothing_is_pasted_where_a_star_outshines_it(galaxy: GalaxyLight) -> None:
    glare = picture(240, (120, 120, 12, 3000))
    empty = AnnotatedImage("f", 240, 240)
    made = paste_galaxies(glare, empty, [galaxy], [16] * 40, np.random.default_rng(0))
    assert len(made.pasted) > 10
    for one in made.pasted:
        x, y = (one.box.xmin + one.box.xmax) / 2, (one.box.ymin + one.box.ymax) / 2
        assert np.hypot(x - 120, y - 120) > 35


@pytest.fixture
def folders(tmp_path: Path, cutout: Picture) -> tuple[AnnotatedFolder, AnnotatedFolder]:
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
    settings = {"frames": 3, "galaxies": 4, "smallest": 14, "largest": 60}
    table = simulate_frames(tmp_path / "out", *folders, **settings, seed=4)
    again = simulate_frames(tmp_path / "again", *folders, **settings, seed=4)
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
        simulate_frames(tmp_path / "out", *folders, **settings)
    simulate_frames(tmp_path / "out", *folders, frames=1, galaxies=1, overwrite=True)
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
    with pytest.raises(InputError, match="stands clear"):
        simulate_frames(tmp_path / "out", fields, fields)
    with pytest.raises(ValueError, match="no size"):
        simulate_frames(tmp_path / "out", *folders, smallest=50, largest=20)


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
