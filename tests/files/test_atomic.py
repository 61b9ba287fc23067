from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from galpipe.errors import OutputError
from galpipe.files.atomic import atomic_folder, atomic_path, write_png
from galpipe.imaging import read_field


def test_picture_round_trip(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = write_png(tmp_path / "new" / "folder" / "a.png", rgb)
    assert_array_equal(read_field(path).pixels, rgb)
    assert [item.name for item in path.parent.iterdir()] == ["a.png"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    goal.write_text("old")
    with pytest.raises(KeyError), atomic_path(goal) as beside:  # noqa: PT012
        assert beside.suffix == ".txt"
        assert beside.parent == tmp_path
        beside.write_text("half")
        raise KeyError
    assert goal.read_text() == "old"
    assert list(tmp_path.iterdir()) == [goal]


def test_errors_name_the_path_that_was_asked_for(tmp_path: Path) -> None:
    goal = tmp_path / "boxes.reg"
    with pytest.raises(OutputError, match="boxes") as caught, atomic_path(goal) as beside:
        raise OutputError(f"{beside}: of several fields")
    assert str(caught.value) == f"{goal}: of several fields"


def test_names_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    goal = tmp_path / f"{'銀' * 83}.txt"
    with atomic_path(goal) as beside:
        beside.write_text("long")
    assert goal.read_text() == "long"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"Cannot write .*file.a\.png"):
        write_png(tmp_path / "file" / "a.png", np.zeros((8, 8, 3), np.uint8))


def test_a_goal_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match=r"Cannot write .*a\.png"):
        write_png(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    assert [item.name for item in tmp_path.iterdir()] == ["a.png"]


def test_grey_pictures_are_written_too(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    write_png(tmp_path / "a.png", grey)
    assert_array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED), grey)


@pytest.mark.parametrize("fails", [False, True])
def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path, fails: bool) -> None:
    target = tmp_path / "new" / "model"
    with atomic_folder(target, replace=False) as temporary:
        (temporary / "first").write_text("1")
    with suppress(ZeroDivisionError), atomic_folder(target, replace=True) as temporary:
        (temporary / "second").write_text(str(1 / (not fails)))
    assert [path.name for path in target.iterdir()] == ["first" if fails else "second"]
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").touch()
    with (
        pytest.raises(OSError, match="not empty"),
        atomic_folder(tmp_path / "model", replace=False),
    ):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "file"]
