from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from galpipe.datasets import galaxy10
from galpipe.datasets.galaxy10 import GALAXY10_SETS, Galaxy10File, read_galaxy10
from galpipe.errors import InputError

from .galaxy10_files import decals_columns, sdss_columns, write_galaxy10

pytestmark = pytest.mark.tensorflow  # h5py is in the train extra

DECALS = GALAXY10_SETS["galaxy10_decals"]


def everything(path: Path) -> tuple[Any, ...]:
    """Read all that can be read of a file."""
    items = read_galaxy10(path, "galaxy10_decals")
    with Galaxy10File(path) as file:
        return items, [file.image(index) for index in range(len(file))]


def test_decals_labels_positions_and_images(tmp_path: Path) -> None:
    columns = decals_columns(12)
    columns["ra"][3] = np.nan
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns)
    items = read_galaxy10(path, "galaxy10_decals")
    assert [item.class_id for item in items] == columns["ans"].tolist()
    assert items[4].path == path / "Galaxy10_DECals-00004"
    assert items[4].position == (columns["ra"][4], columns["dec"][4])
    assert items[3].position is None
    assert len({item.path.stem for item in items}) == 12
    with Galaxy10File(path) as file:
        assert file.known is DECALS
        np.testing.assert_array_equal(file.image(7), columns["images"][7])


def test_sdss_has_no_positions(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "Galaxy10.h5", sdss_columns(5))
    items = read_galaxy10(path, "galaxy10_sdss")
    assert [item.position for item in items] == [None] * 5


def test_a_dot_in_the_name_keeps_the_galaxies_apart(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "my.own.h5", sdss_columns(3))
    assert len({item.path.stem for item in read_galaxy10(path, "galaxy10_sdss")}) == 3


def test_the_two_data_sets_are_never_taken_for_each_other(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "a.h5", sdss_columns(3))
    with pytest.raises(InputError, match="is Galaxy10 SDSS, not Galaxy10 DECaLS"):
        read_galaxy10(path, "galaxy10_decals")


def test_other_counts_than_the_published_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = decals_columns(20)
    path = write_galaxy10(tmp_path / "a.h5", columns)
    with caplog.at_level(logging.WARNING, "galpipe"):
        read_galaxy10(path, "galaxy10_decals")
        read_galaxy10(path, "galaxy10_decals")
    assert caplog.text.count("Disturbed Galaxies 2 (published: 1081)") == 1
    caplog.clear()
    counts = tuple(np.bincount(columns["ans"], minlength=10).tolist())
    known = replace(DECALS, class_counts=counts)
    monkeypatch.setattr(galaxy10, "GALAXY10_SETS", {"galaxy10_decals": known})
    with caplog.at_level(logging.WARNING, "galpipe"):
        read_galaxy10(path, "galaxy10_decals")
    assert caplog.text == ""


@pytest.mark.parametrize("layout", [{}, {"chunks": (4, 64, 64, 1), "compression": "gzip"}])
def test_images_are_read_block_by_block_in_any_order(
    tmp_path: Path, layout: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = decals_columns(11)
    path = write_galaxy10(tmp_path / "a.h5", columns, **layout)
    monkeypatch.setattr(galaxy10, "MAX_BLOCK_BYTES", 3 * columns["images"][0].nbytes)
    with Galaxy10File(path) as file:
        for index in (0, 1, 10, 5, 0, 9):
            np.testing.assert_array_equal(file.image(index), columns["images"][index])
            assert sum(block.nbytes for block in file._blocks.values()) <= 6 * 256 * 256 * 3
        with pytest.raises(InputError, match="has no image 11"):
            file.image(11)


def _external_link(file: h5py.File, path: Path) -> None:
    del file["ans"]
    file["ans"] = h5py.ExternalLink(str(path.with_name("other.h5")), "ans")


def _soft_link(file: h5py.File, path: Path) -> None:
    file.move("ans", "elsewhere")
    file["ans"] = h5py.SoftLink("/elsewhere")


def _virtual(file: h5py.File, path: Path) -> None:
    del file["ans"]
    layout = h5py.VirtualLayout((12,), "u1")
    layout[:] = h5py.VirtualSource(str(path.with_name("other.h5")), "ans", (12,))
    file.create_virtual_dataset("ans", layout)


def _external_storage(file: h5py.File, path: Path) -> None:
    del file["ans"]
    secret = str(path.with_name("secret"))
    file.create_dataset("ans", (12,), "u1", external=[(secret, 0, h5py.h5f.UNLIMITED)])


def _replace(name: str, **settings: Any) -> Callable[[h5py.File, Path], None]:
    def change(file: h5py.File, path: Path) -> None:
        del file[name]
        if settings:
            file.create_dataset(name, **settings)

    return change


def _group(file: h5py.File, path: Path) -> None:
    del file["images"]
    file.create_group("images")


IMAGES = (12, 256, 256, 3)
HOSTILE: dict[str, tuple[Callable[[h5py.File, Path], None], str]] = {
    "external link": (_external_link, "'ans' is a link"),
    "soft link": (_soft_link, "'ans' is a link"),
    "virtual": (_virtual, "stored in other files"),
    "external storage": (_external_storage, "stored in other files"),
    "group": (_group, "'images' is not a data set"),
    "no images": (_replace("images"), "lacks 'images'"),
    "no labels": (_replace("ans"), "lacks 'ans'"),
    "no positions": (_replace("dec"), "lacks 'dec'"),
    "huge": (
        _replace("images", shape=(2**40, 256, 256, 3), dtype="u1", chunks=(1, 256, 256, 3)),
        "holds 1099511627776 images",
    ),
    "huge chunk": (
        _replace("images", shape=(9000, 256, 256, 3), dtype="u1", chunks=(9000, 256, 256, 3)),
        "too large to unpack",
    ),
    "empty": (_replace("images", shape=(0, 256, 256, 3), dtype="u1"), "holds 0 images"),
    "null": (_replace("images", data=h5py.Empty("u1")), "Cannot read"),
    "scalar": (_replace("images", data=3), "not uint8 of"),
    "floats": (_replace("images", shape=IMAGES, dtype="f4"), "float32 of the shape"),
    "text labels": (_replace("ans", data=["a"] * 12), "needs a number"),
    "labels of two axes": (_replace("ans", data=np.zeros((12, 1), int)), "needs a number"),
    "too few labels": (_replace("ans", data=np.zeros(11, int)), "needs a number"),
    "labels beyond": (_replace("ans", data=np.full(12, 10)), "labels from 10 to 10"),
    "labels below": (_replace("ans", data=np.full(12, -1)), "labels from -1 to -1"),
    "huge labels": (_replace("ans", data=np.full(12, 2**64 - 1, "u8")), "labels from -1"),
    "off the sky": (_replace("dec", data=np.full(12, 1e300)), "not all degrees"),
    "references": (_replace("ans", shape=(12,), dtype=h5py.ref_dtype), "needs a number"),
    "compound": (_replace("images", shape=IMAGES, dtype=[("r", "u1")]), "not uint8 of"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, kind: str) -> None:
    change, message = HOSTILE[kind]
    write_galaxy10(tmp_path / "other.h5", decals_columns(12))
    (tmp_path / "secret").write_bytes(bytes(12))
    path = write_galaxy10(tmp_path / "a.h5", decals_columns(12))
    with h5py.File(path, "r+") as file:
        change(file, path)
    with pytest.raises(InputError, match=message):
        everything(path)


def test_files_that_are_no_hdf5_are_refused(tmp_path: Path) -> None:
    good = write_galaxy10(tmp_path / "good.h5", decals_columns(12), compression="gzip")
    content = good.read_bytes()
    random = np.random.default_rng(0)
    for number, bad in enumerate([b"", b"words", content[:5000], content[: len(content) // 2]]):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(bad)
        with pytest.raises(InputError, match="Cannot read"):
            everything(path)
    for path in (tmp_path, tmp_path / "missing.h5"):
        with pytest.raises(InputError, match="not a file"):
            everything(path)
    for number in range(60):
        changed = bytearray(content)
        for place in random.integers(0, min(len(content), 20_000), 20):
            changed[place] = random.integers(256)
        path = tmp_path / f"mutant{number}.h5"
        path.write_bytes(changed)
        with suppress(InputError):
            everything(path)
