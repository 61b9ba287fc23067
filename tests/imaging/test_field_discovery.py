from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from galpipe.errors import InputError
from galpipe.imaging import FieldSource, find_fields


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_in_depth_and_in_order(tmp_path: Path) -> None:
    names = ["b.jpg", "a.FITS", "deep/er/c.fits.bz2", "deep/d.tif", "notes.txt", ".hidden.png"]
    touch(*(tmp_path / name for name in names), tmp_path / ".cache/e.png")
    found = find_fields([tmp_path])
    assert [source.identifier for source in found] == ["a", "b", "d", "c"]
    assert found[3].paths == (tmp_path / "deep/er/c.fits.bz2",)


def test_files_keep_the_order_given_and_come_once(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    found = find_fields([tmp_path / "b.jpg", tmp_path, str(tmp_path / "." / "b.jpg")])
    assert [source.identifier for source in found] == ["b", "a"]


def test_bands(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{band}.fits" for band in "rgb")
    touch(*paths)
    assert [*find_fields([",".join(map(str, paths))])] == [FieldSource("r_g_b", paths)]
    long = ",".join(f"{letter * 120}.fits" for letter in "rgb")
    with pytest.raises(InputError, match="does not exist"):
        find_fields([long])
    odd = tmp_path / "m31,north.jpg"
    touch(odd)
    assert find_fields([str(odd)])[0] == FieldSource("m31_north", (odd,))


def test_many_fields_of_one_name_are_numbered(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}/1/frame.fits" for number in range(100)]
    touch(*paths, tmp_path / "1_frame_fits-3.png")
    names = [source.identifier for source in find_fields([tmp_path])]
    assert names[:4] == ["1_frame_fits-3", "1_frame_fits", "1_frame_fits-2", "1_frame_fits-4"]
    assert len(set(names)) == 101
    assert names[-1] == "1_frame_fits-101"


def test_what_is_missing_is_reported_and_the_rest_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "bare/notes.txt")
    reported: dict[str, str] = {}
    given = [tmp_path / "gone.png", tmp_path / "bare", tmp_path / "a.png"]
    found = find_fields(given, lambda item, error: reported.update({str(item): str(error)}))
    assert [source.identifier for source in found] == ["a"]
    assert [*reported] == [str(path) for path in given[:2]]
    assert "does not exist" in reported[str(given[0])]
    assert "holds no image" in reported[str(given[1])]


def test_found_fields_are_a_sequence_of_sources(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("x/a.fits", "y/a.fits", "y/b.fits")]
    touch(*paths)
    found = find_fields([tmp_path / "x", f"{paths[1]}[SCI]", paths[2]])
    expected = [
        FieldSource("a", (paths[0],)),
        FieldSource("a-SCI", (paths[1],), ("SCI",)),
        FieldSource("b", (paths[2],)),
    ]
    assert [*found] == found[:] == expected
    assert found[-1] == expected[2]
    assert [*found.with_bands(["r"])] == [replace(source, bands=("r",)) for source in expected]
    assert [*find_fields(paths)][1] == FieldSource("y_a", (paths[1],))


def test_identifiers_are_unique_safe_file_names(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("x/a.jpg", "y/a.jpg", "y/A.fits", "y/sp ace.png")]
    touch(*paths)
    names = [source.identifier for source in find_fields(paths)]
    assert names == ["x_a", "y_a_jpg", "y_A_fits", "sp_ace"]
    assert len({name.casefold() for name in names}) == len(names)


def test_names_of_any_script_are_kept(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("銀河.fits", "тест.fits.gz", "Zu\u0308.png", "aux.jpg")]
    touch(*paths)
    names = [source.identifier for source in find_fields(paths)]
    assert names == ["銀河", "тест", "Z\u00fc", "_aux"]


def test_same_folder_names_get_a_number(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("1/x/a.jpg", "2/x/a.jpg", "3/x/a.jpg")]
    touch(*paths)
    names = [source.identifier for source in find_fields(paths)]
    assert names == ["x_a_jpg", "x_a_jpg-2", "x_a_jpg-3"]


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.fits does not exist"):
        find_fields([tmp_path / "gone.fits"])
    touch(tmp_path / "r.fits", tmp_path / "g.fits")
    with pytest.raises(InputError, match=r"b\.fits does not exist"):
        find_fields([f"{tmp_path}/r.fits,{tmp_path}/g.fits,{tmp_path}/b.fits"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="bare holds no image"):
        find_fields([tmp_path / "bare"])


def test_links_that_lead_nowhere_or_back(tmp_path: Path) -> None:
    touch(tmp_path / "in/a.png", tmp_path / "elsewhere/b.png")
    (tmp_path / "in/self.fits").symlink_to("self.fits")
    (tmp_path / "in/back").symlink_to(".")
    (tmp_path / "in/far").symlink_to(tmp_path / "elsewhere")
    reported: dict[str, str] = {}
    found = find_fields(
        [tmp_path / "in"], lambda path, error: reported.update({path.name: str(error)})
    )
    # A file is found, and refused when it is read.
    assert [source.identifier for source in found] == ["a", "self"]
    assert set(reported) == {"back", "far"}
    assert all("link to a folder" in message for message in reported.values())
    with pytest.raises(InputError, match="link to a folder"):
        find_fields([tmp_path / "in"])
    with pytest.raises(InputError, match=r"self\.fits"):
        find_fields([tmp_path / "in/self.fits"])


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "in/a.png", tmp_path / "in/closed/b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    # Rights do not bind the superuser, who may run the tests.
    monkeypatch.setattr(os, "scandir", refuse)
    reported: list[str] = []
    found = find_fields([tmp_path / "in"], lambda path, error: reported.append(str(error)))
    assert [source.identifier for source in found] == ["a"]
    assert len(reported) == 1
    assert "closed" in reported[0]
    assert "Permission denied" in reported[0]
    assert not find_fields([tmp_path / "in/closed"], lambda path, error: reported.append(""))
