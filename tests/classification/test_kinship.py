from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from galpipe.annotations import GALAXY10_DECALS
from galpipe.classification.training.sources import divide, gather
from galpipe.configs import ClassifierData, ClassifierTraining, CnnMember, Split
from galpipe.datasets.duplicate_groups import find_kin
from galpipe.datasets.galaxy10 import read_galaxy10
from galpipe.datasets.labels import LabelledImage, read_label_table

from .galaxy10_files import decals_columns, write_galaxy10


def test_kin_by_place_by_looks_and_by_name(tmp_path: Path) -> None:
    columns = decals_columns(8)
    columns["ra"][1] = columns["ra"][0] + 4.9 / 3600  # cos(dec) makes it less
    columns["ra"][3] = columns["ra"][2] + 5.1 / 3600
    columns["ra"][[4, 5]] = np.nan
    columns["images"][7] = columns["images"][6]
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns)
    items = read_galaxy10(path, "galaxy10_decals")
    copy = columns["images"][3][8:-8, 8:-8, ::-1]
    for name in ("copy.png", "a/name.png", "b/name.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(len(name)).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / name), copy if name == "copy.png" else noise)
        items.append(LabelledImage(tmp_path / name, (0,)))
    kin = find_kin(items)
    one, other = kin.galaxies[0], kin.galaxies[3]
    assert [kin.galaxies.index(galaxy) for galaxy in kin.galaxies] == [
        *(0, 0, 2, 3, 4, 5, 6, 6),
        *(3, 9, 9),
    ]
    assert one != other
    assert (kin.same_position, kin.alike) == (1, 3)
    assert "1 pairs within 5 arcsec and 3 pairs that look the same" in str(kin)
    assert "4 galaxies have several images, 8 in all" in str(kin)


def test_kin_by_identifier_and_by_positions_of_tables(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("587739505552785605", "a", "b", "c", "d"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 255, (64, 64, 3)))
    table = tmp_path / "labels.csv"
    table.write_text("filename,label,ra,dec\nb.png,0,180.0,60\nc.png,1,180.002,60\nd.png,1,,\n")
    items = [
        LabelledImage(tmp_path / "587739505552785605.png", (0,)),
        LabelledImage(tmp_path / "a.png", (1,), identifier="587739505552785605"),
        *read_label_table(table, tmp_path),
    ]
    kin = find_kin(items)
    assert [kin.galaxies.index(galaxy) for galaxy in kin.galaxies] == [0, 0, 2, 2, 4]
    assert (kin.same_position, kin.alike) == (1, 0)


def training(*data: ClassifierData) -> ClassifierTraining:
    return ClassifierTraining(
        data=data,
        members=(CnnMember(architecture="cnn", weight=1),),
        split=Split(test_fraction=0.3, validation_fraction=0.2),
    )


def test_no_galaxy_of_a_data_file_is_on_two_sides(tmp_path: Path) -> None:
    columns = decals_columns(40)
    columns["ans"][:] = 3
    for index in range(0, 40, 4):
        columns["ra"][index + 1] = columns["ra"][index]
        columns["images"][index + 3] = columns["images"][index + 2]
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns)
    config = training(ClassifierData(images=path, kind="galaxy10_decals"))
    division = divide([read_galaxy10(path, "galaxy10_decals")], config)
    side = {
        index: name
        for name in ("train", "validation", "test")
        for index in getattr(division, name)[0]
    }
    assert sorted(side) == list(range(40))
    assert set(side.values()) == {"train", "validation", "test"}
    for first in range(0, 40, 2):
        assert side[first] == side[first + 1]
    assert division.kinship.same_position == division.kinship.alike == 10


def test_a_data_file_and_a_folder_train_together(
    tmp_path: Path, labelled_folder: Callable[..., Path]
) -> None:
    columns = decals_columns(30)
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns, compression="gzip")
    folder = labelled_folder(4, first_seed=700)
    rows = [f"{file.name},0.1,0.9{',0' * 8}" for file in sorted(folder.glob("*.png"))]
    (folder / "soft.csv").write_text("\n".join([",".join(["file", *GALAXY10_DECALS]), *rows]))
    seen: list[tuple[int, int]] = []
    config = training(
        ClassifierData(images=path, kind="galaxy10_decals"),
        ClassifierData(
            images=folder, labels=folder / "soft.csv", kind="probabilities", role="extra"
        ),
    )
    sources = gather(config, lambda *done: seen.append(done))
    parts = (sources.train, sources.validation, sources.test)
    assert sum(map(len, parts)) == 30
    assert seen[-1] == (42, 42)
    np.testing.assert_allclose(sources.extra.labels.values[:, :2], [[0.1, 0.9]] * 12)
    assert sources.extra.labels.single_class.all()
    assert (sources.extra.labels.class_ids == 1).all()
    for part in parts:
        for image, file in zip(part.images, part.paths, strict=True):
            index = int(file.name[-5:])
            reduced = cv2.resize(
                columns["images"][index], image.shape[:2], interpolation=cv2.INTER_AREA
            )
            np.testing.assert_array_equal(image, reduced)
            assert part.labels.class_ids[part.paths.index(file)] == index % 10
