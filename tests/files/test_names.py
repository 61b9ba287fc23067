from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.files.names import SafeNames, distinct_names, printable, safe_name, shortened


@given(st.lists(st.text(min_size=1, max_size=300), max_size=20, unique=True))
def test_file_names_are_safe_and_unique(identifiers: list[str]) -> None:
    safe = SafeNames()
    names = [safe(identifier) for identifier in identifiers]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name
        assert not name.startswith((".", "-"))
        assert not name.endswith(".")
        assert not set(name) & set(' /\\<>:"|?*\0')
        assert not any(unicodedata.category(letter)[0] in "CZ" for letter in name)
        assert unicodedata.is_normalized("NFC", name)
        assert len(name.encode()) <= 201


@pytest.mark.parametrize(
    "identifier", ["../../etc/passwd", "a/b", "..", "a b", "galaxie é", "c:\\x"]
)
def test_file_names_stay_in_their_folder(identifier: str) -> None:
    name = SafeNames()(identifier)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("銀河", "銀河"),
        ("тест-1.5", "тест-1.5"),
        ("Gala\u0301xia", "Gal\u00e1xia"),
        ("مجرة", "مجرة"),
        ("आकाशगंगा", "आकाशगंगा"),
        ("🌌 2", "🌌_2"),
        ("NGC 6976", "NGC_6976"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u200bb\ufeff", "ab"),
        ("a\x07b\x85c\u2028d", "a_b_c_d"),
        ('<a>:"b"|c?*', "_a___b__c__"),
        ("..hidden..", "hidden"),
        ("con", "_con"),
        ("NUL.tar", "_NUL.tar"),
        ("lpt¹", "_lpt¹"),
        ("console", "console"),
        (os.fsdecode(b"b\xff"), "b_"),
        ("\u200b", "_"),
    ],
)
def test_characters_of_any_script_are_kept(text: str, expected: str) -> None:
    assert safe_name(text) == expected
    assert SafeNames()(text) == expected


def test_long_names_are_cut_between_characters() -> None:
    assert safe_name("銀" * 90) == "銀" * 66
    assert shortened("aéé", 4) == "aé"
    safe = SafeNames()
    names = [safe("銀" * 90 + end) for end in "abc"]
    assert len(set(names)) == 3
    assert max(len(name.encode()) for name in names) <= 200


def test_composed_and_decomposed_names_are_the_same() -> None:
    safe = SafeNames()
    assert safe("\u00e9") != safe("e\u0301")


def test_bytes_that_are_not_utf8_can_be_written() -> None:
    assert printable(os.fsdecode(b"/a/b\xff.fits")) == "/a/b\ufffd.fits"
    assert printable("銀河") == "銀河"


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
