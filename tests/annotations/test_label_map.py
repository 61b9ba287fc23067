from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.annotations import read_label_map, write_label_map
from galpipe.annotations.label_map import _message_class
from galpipe.errors import InputError, OutputError

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


def save(folder: Path, text: str, suffix: str = ".pbtxt") -> Path:
    path = folder / f"map{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_is_as_expected(tmp_path: Path) -> None:
    path = write_label_map(tmp_path / "map.pbtxt", ["galaxy", "it's a \\star\n"])
    assert path.read_text() == (
        "item {\n  id: 1\n  name: 'galaxy'\n}\n"
        "item {\n  id: 2\n  name: 'it\\047s a \\134star\\012'\n}\n"
    )
    assert read_label_map(path) == ("galaxy", "it's a \\star\n")


def test_a_name_a_line(tmp_path: Path) -> None:
    path = write_label_map(tmp_path / "map.txt", ["galaxy", "étoile"])
    assert path.read_text(encoding="utf-8") == "galaxy\nétoile\n"
    assert read_label_map(path) == ("galaxy", "étoile")


@pytest.mark.parametrize(
    "text",
    [
        "item { id: 1 name: 'a' } item { id: 2 name: 'b' }",
        'item{id:1,name:"a"}item{id:2;name:"b"}',
        "# a map\nitem: <\n  name: 'a' # the first\n  id: 1\n>\nitem: { name: 'b' id: 2 }",
        "item { id: 2 name: 'b' } item { name: 'a' id: 1 }",
        "item { id: 0 name: 'background' } item { id: 1 name: 'a' } item { id: 2 name: 'b' }",
        "item { id: 1 display_name: 'a' } item { id: 2 name: 'b' display_name: 'Bee' }",
        "item { id: 1 name: 'a' keypoints { id: 7 label: 'eye' } } item { id: 2 name: \"b\" }",
        "item { id: 1 name: 'a' frequency: RARE } item { id: 2 name: '' display_name: 'b' }",
        "item { id: 1 name: '\\x61' } item { id: 2 name: '\\142' }",
        "item { id: 1 name: \"\\u0061\" } item { id: 2 name: '\\U00000062' }",
        "\ufeffitem { id: 1 name: 'a' }\r\nitem { id: 2\r\n name: '' 'b' }\r\n",
    ],
)
def test_all_ways_to_write_it(tmp_path: Path, text: str) -> None:
    assert read_label_map(save(tmp_path, text)) == ("a", "b")


def test_codes_give_way_to_names(tmp_path: Path) -> None:
    text = "item { name: '/m/01g317' id: 1 display_name: 'person' } item { name: '/m/x' id: 2 }"
    assert read_label_map(save(tmp_path, text)) == ("person", "/m/x")


def test_gaps_are_filled_where_that_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path, "item { id: 4 name: 'd' } item { id: 1 name: 'a' }")
    assert read_label_map(path, fill_gaps=True) == ("a", "class 2", "class 3", "d")
    with pytest.raises(InputError, match="no item has the id 2"):
        read_label_map(path)
    with pytest.raises(InputError, match="no item has the id 1"):
        read_label_map(save(tmp_path, "item { id: 999999999 name: 'a' }"), fill_gaps=True)


def test_an_item_0_that_is_no_background_is_a_class(tmp_path: Path) -> None:
    text = "item { id: 1 name: 'star' } item { id: 0 name: 'galaxy' }"
    assert read_label_map(save(tmp_path, text)) == ("galaxy", "star")
    with pytest.raises(InputError, match=r"no item has the id 1.*from 0"):
        read_label_map(save(tmp_path, text.replace("id: 1", "id: 2")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no class"),
        ("item { id: 0 name: 'background' }", "holds no class"),
        ("item { id: 2 name: 'a' }", "no item has the id 1, though there are 1"),
        ("item { id: 1 name: 'a' } item { id: 3 name: 'c' }", "no item has the id 2"),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "two items have the id 1"),
        ("item { id: 1 name: 'a' } item { id: 2 name: 'a' }", "the class 'a' twice"),
        ("item { id: 1 }", "item 1 has no name"),
        ("item { name: 'a' }", "an item has no id"),
        ("item { id: -1 name: 'a' }", "out of bounds"),
        ("item { id: 1.5 name: 'a' }", "Couldn't parse integer"),
        ("item { id: 1 name: 'a'", "is not a usable label map"),
        ("item { id: 1 name: 'a }", "Couldn't parse string|is not a usable label map"),
        ("item {\n id: 1\n name: [1]\n}", "3:8"),
        ("item { id: 1 name: }", "Expected string"),
        ("item { id 1 }", "1:11"),
        ("item", "is not a usable label map"),
        ("item: 5", "is not a usable label map"),
        ("class { id: 1 name: 'a' }", "holds no class"),
        ("} item { id: 1 name: 'a' }", "1:1"),
        ("item { id: 1 name: '\\q' }", "escape"),
        ("item { id: 1 name: '\\xff' }", "Couldn't parse string|utf-8"),
        ("item { id: 1 name: '\\ud800' }", "Couldn't parse string|utf-8"),
        ("item { id: 1 name: '\\U00110000' }", "is not a usable label map"),
        ("item { id: 1 name: '\\Uffffffff' }", "is not a usable label map"),
    ],
)
def test_a_bad_map_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = save(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        read_label_map(path)
    assert str(path) in str(caught.value)


def test_bad_text_maps(tmp_path: Path) -> None:
    for text in ("", "\n", "a\n\nb\n", "a\na\n"):
        with pytest.raises(InputError, match=r"map\.txt"):
            read_label_map(save(tmp_path, text, ".txt"))
    for name in ("a\nb", " a", ""):
        with pytest.raises(OutputError, match="is not one line"):
            write_label_map(tmp_path / "map.txt", [name])


def test_other_files_are_no_label_maps(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in \.pbtxt or \.txt"):
        read_label_map(save(tmp_path, "item {}", ".json"))
    with pytest.raises(InputError, match="no such file"):
        read_label_map(tmp_path / "absent.pbtxt")
    path = save(tmp_path, "")
    with path.open("wb") as file:
        file.truncate(5 * 2**20)
    with pytest.raises(InputError, match="larger than 4 MiB"):
        read_label_map(path)


def test_endless_depth_is_refused(tmp_path: Path) -> None:
    text = "item { id: 1 name: 'a' " + "x { " * 100_000 + "} " * 100_000 + "}"
    with pytest.raises(InputError, match="recursion"):
        read_label_map(save(tmp_path, text))


_NAME = st.text(st.characters(codec="utf-8"), min_size=1)


@ONE_FOLDER
@given(st.lists(_NAME, min_size=1, max_size=5, unique=True))
def test_any_name_is_kept(tmp_path: Path, names: list[str]) -> None:
    path = write_label_map(tmp_path / "map.pbtxt", names)
    assert read_label_map(path) == tuple(names)


@ONE_FOLDER
@given(st.lists(st.sampled_from(["item", "{", "}", "<", ":", "id", "1", "'a'", '"', "\\", "#\n"])))
def test_any_text_gives_names_or_our_error(tmp_path: Path, parts: list[str]) -> None:
    path = save(tmp_path, " ".join(parts))
    with suppress(InputError):
        assert read_label_map(path)


@settings(ONE_FOLDER, max_examples=50)
@given(st.lists(_NAME, min_size=1, max_size=3, unique=True))
def test_protocol_buffers_read_and_write_the_same(tmp_path: Path, names: list[str]) -> None:
    from google.protobuf import text_format

    kind = _message_class()
    path = write_label_map(tmp_path / "map.pbtxt", names)
    read = text_format.Parse(path.read_bytes().decode(), kind())
    assert [(item.id, item.name) for item in read.item] == list(enumerate(names, 1))
    for as_utf8 in (False, True):
        path.write_bytes(text_format.MessageToString(read, as_utf8=as_utf8).encode())
        assert read_label_map(path) == tuple(names)
