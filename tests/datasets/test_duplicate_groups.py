from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.datasets.duplicate_groups import find_duplicate_groups, group_galaxies
from galpipe.datasets.galaxy10 import read_galaxy10
from galpipe.datasets.label_tables import read_label_table
from galpipe.datasets.labels import LabelledImage

from .galaxy10_files import decals_columns, write_galaxy10

pytestmark = pytest.mark.tensorflow  # h5py is in the train extra


def test_groups_by_position_pixels_and_name(tmp_path: Path) -> None:
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
    groups = find_duplicate_groups(items)
    one, other = groups.galaxies[0], groups.galaxies[3]
    assert [groups.galaxies.index(galaxy) for galaxy in groups.galaxies] == [
        *(0, 0, 2, 3, 4, 5, 6, 6),
        *(3, 9, 9),
    ]
    assert one != other
    assert (groups.same_position, groups.near_duplicates) == (1, 3)
    assert "1 pairs within 5 arcsec and 3 pairs of near-duplicates" in str(groups)
    assert "4 galaxies have several images, 8 in all" in str(groups)


def test_groups_by_identifier_and_position_of_tables(tmp_path: Path) -> None:
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
    groups = find_duplicate_groups(items)
    assert [groups.galaxies.index(galaxy) for galaxy in groups.galaxies] == [0, 0, 2, 2, 4]
    assert (groups.same_position, groups.near_duplicates) == (1, 0)


def test_groups_by_identifier_and_pixels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (3, 12, 12), dtype=np.uint8)
    paths = []
    for name, picture in (("b", 0), ("a", 0), ("c", 1), ("d", 2)):
        paths.append(tmp_path / f"{name}.png")
        big = cv2.resize(pictures[picture], (120, 120), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(paths[-1]), big)
    assert group_galaxies(paths) == ["a", "a", "c", "d"]
    assert group_galaxies(paths, near_duplicates=False) == ["b", "a", "c", "d"]
    assert group_galaxies(paths, ["x", "y", "y", "z"]) == ["x", "x", "x", "z"]
    with pytest.raises(ValueError, match="4 images but 1"):
        group_galaxies(paths, ["x"])
