from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.files.names import SafeNames, distinct_names


@given(st.lists(st.text(min_size=1, max_size=300), max_size=20, unique=True))
def test_file_names_are_safe_and_unique(identifiers: list[str]) -> None:
    safe = SafeNames()
    names = [safe(identifier) for identifier in identifiers]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name
        assert not name.startswith(".")
        assert set(name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
        )
        assert len(name) <= 120


@pytest.mark.parametrize(
    "identifier", ["../../etc/passwd", "a/b", "..", "a b", "galaxie é", "c:\\x"]
)
def test_file_names_stay_in_their_folder(identifier: str) -> None:
    name = SafeNames()(identifier)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}


def test_names_that_differ_by_case_alone_are_told_apart() -> None:
    safe = SafeNames()
    assert safe("NGC") == "NGC"
    assert safe("ngc") != "ngc"


def test_names_that_are_taken_are_numbered() -> None:
    assert distinct_names(["cnn", "vgg", "cnn", "cnn"]) == ["cnn", "vgg", "cnn 2", "cnn 3"]
    assert distinct_names(["cnn", "cnn 2", "cnn"]) == ["cnn", "cnn 2", "cnn 3"]


def test_names_may_have_to_differ_by_more_than_their_letters() -> None:
    assert distinct_names(["Cnn", "cnn"]) == ["Cnn", "cnn"]
    assert distinct_names(["Cnn", "cnn"], key=str.lower) == ["Cnn", "cnn 2"]
