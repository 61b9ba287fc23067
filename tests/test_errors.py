from __future__ import annotations

import json

import pytest

from galpipe.errors import MissingExtraError, require


def test_gives_a_module_that_is_installed() -> None:
    assert require("json", "train") is json


def test_says_which_extra_brings_a_missing_package() -> None:
    with pytest.raises(MissingExtraError, match=r"'telescope'.*pip install 'galpipe\[train\]'"):
        require("telescope.mirror", "train")


def test_a_missing_part_of_the_package_itself_is_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError):
        require("galpipe.telescope", "train")
