from __future__ import annotations

import os
from pathlib import Path

import pytest

from galpipe.configs import RunConfig, load_config
from galpipe.errors import GalpipeError, InputError
from galpipe.files.file_types import check_regular
from galpipe.files.safe_readers import read_bytes
from galpipe.files.tables import column_names
from galpipe.imaging import read_field, read_picture_size
from galpipe.models.bundle import read_bundle


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe.fits"
    os.mkfifo(path)
    return path


def test_the_size_of_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to("a")
    assert check_regular(tmp_path / "a") == check_regular(tmp_path / "b") == 5


@pytest.mark.parametrize("read", [check_regular, read_field, read_picture_size, column_names])
def test_pipes_and_devices_are_refused_at_once(pipe: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(InputError, match=r"Cannot read .*pipe\.fits: it is a pipe"):
        read(pipe)
    device = pipe.with_name("zero.fits")
    device.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="it is a device"):
        read(device)
    with pytest.raises(InputError, match="it is a folder"):
        read(pipe.parent)
    with pytest.raises(InputError, match="no such file"):
        read(pipe.with_name("gone"))


def test_settings_and_models_may_not_be_pipes(pipe: Path) -> None:
    with pytest.raises(InputError, match="it is a pipe"):
        read_bytes(pipe, 100)
    with pytest.raises(GalpipeError):
        load_config(pipe, RunConfig)
    with pytest.raises(GalpipeError, match="pipe"):
        read_bundle(pipe)
