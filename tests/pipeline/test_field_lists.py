"""Lists of fields in text and tables, and patterns of names."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.table import Table
from click.testing import Result

from galpipe.errors import InputError
from galpipe.pipeline.field_lists import expand_pattern, read_field_list
from galpipe.pipeline.inputs import find_images, find_sources

from .conftest import picture, write_fits, write_picture


def text_list(folder: Path, content: bytes) -> Path:
    path = folder / "list.txt"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_list_of_lines_is_relative_to_its_folder(tmp_path: Path, encoding: str) -> None:
    lines = "# fields of the survey\r\na.fits\r\n\r\n  sub/é b.png \r\n/far/c.fits\r\n"
    lines += "r.fits, g.fits,/far/b.fits[SCI,2]\r\ns3://bucket/d.fits\r\n"
    assert [*read_field_list(text_list(tmp_path, lines.encode(encoding)))] == [
        f"{tmp_path}/a.fits",
        f"{tmp_path}/sub/é b.png",
        "/far/c.fits",
        f"{tmp_path}/r.fits,{tmp_path}/g.fits,/far/b.fits[SCI,2]",
        "s3://bucket/d.fits",
    ]


def test_names_may_be_of_any_bytes_and_hold_commas(tmp_path: Path) -> None:
    name = b"a,\xff,b.png"
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).touch()
    (entry,) = read_field_list(text_list(tmp_path, name))
    assert os.fsencode(entry) == bytes(tmp_path) + b"/" + name


def test_the_standard_input_is_relative_to_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.fits\nb/c.fits")))
    assert [*read_field_list("-")] == ["a.fits", "b/c.fits"]


@pytest.mark.parametrize(
    ("name", "column"),
    [("t.csv", "File"), ("t.ecsv", "path"), ("t.fits", "image"), ("t.vot", "url")],
)
def test_tables_of_every_format(tmp_path: Path, name: str, column: str) -> None:
    table = Table({"id": ["1", "2"], column: ["a.fits", "/far/b,c,d.fits"]})
    kinds = {"t.csv": "ascii.csv", "t.ecsv": "ascii.ecsv", "t.vot": "votable"}
    table.write(tmp_path / name, format=kinds.get(name, "fits"))
    assert [*read_field_list(tmp_path / name)] == [
        f"{tmp_path}/a.fits",
        f"/far/b,{tmp_path}/c,{tmp_path}/d.fits",
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"# nothing\n", "lists no field"),
        ("binary.txt", b"\x00\x01\x02\xff" * 40, "is no text"),
        ("other.csv", b"name,ra\nx,1\n", "no column named file, filename, path, image or url"),
        ("none.csv", b"id,file\n1,\n", "lists no file in its column file"),
        ("missing.txt", None, "there is no such file"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read_field_list(tmp_path / name)
    assert name in str(caught.value)


def test_patterns(tmp_path: Path) -> None:
    for name in ("a-r.fits", "sub/b-r.fits", "sub/b-g.fits", "sub/.hidden-r.fits", "what?.fits"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert expand_pattern(f"{tmp_path}/**/*-r.fits") == [
        f"{tmp_path}/a-r.fits",
        f"{tmp_path}/sub/b-r.fits",
    ]
    assert expand_pattern(f"{tmp_path}/sub/b-[gx].fit?") == [f"{tmp_path}/sub/b-g.fits"]
    assert expand_pattern(f"{tmp_path}/sub/*.fits[SCI,1]") == [
        f"{tmp_path}/sub/b-g.fits[SCI,1]",
        f"{tmp_path}/sub/b-r.fits[SCI,1]",
    ]
    for entry in (f"{tmp_path}/what?.fits", f"{tmp_path}/[x].fits", "s3://b/*.fits"):
        assert expand_pattern(entry) == [entry]
    with pytest.raises(InputError, match="no file matches"):
        expand_pattern(f"{tmp_path}/*.png")


def test_a_pattern_in_a_list_of_a_folder_with_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "[a]*"
    write_picture(folder / "one.png", picture(64, 64, {}))
    sources, failures = find_sources(read_field_list(text_list(folder, b"*.png\nno-*.png\n")))
    assert [source.identifier for source in sources] == ["one"]
    assert "no file matches" in failures[0].message


def test_images_to_classify_are_listed_in_the_same_tables(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "a.png", picture(64, 64, {}))
    (tmp_path / "list.csv").write_text("id;Filename\n1;a.png\n2;missing.png\n")
    sources, failures = find_images(tmp_path / "list.csv")
    assert [source.paths for source in sources] == [(image,)]
    assert "missing.png" in failures[0].message


def test_a_run_over_a_list_names_what_is_missing(
    tmp_path: Path, models: dict[str, Path], galpipe_cli: Callable[..., Result]
) -> None:
    write_fits(tmp_path / "in" / "sky.fits", {(16, 32): "red"})
    write_picture(tmp_path / "in" / "good.png", picture(128, 128, {(16, 32): "red"}))
    (tmp_path / "list.csv").write_text("file\nin/sky.fits\nin/gone.fits\nin/no-*.png\n")
    options = ["-o", tmp_path / "out", "--model", models["detector"], "--no-overlays"]
    done = galpipe_cli(
        "detect", tmp_path / "in" / "g*.png", "--fields-from", tmp_path / "list.csv", *options
    )
    assert done.exit_code == 1, done.output
    assert "in 2 fields" in done.stdout
    assert f"{tmp_path}/in/gone.fits does not exist" in done.stderr
    assert f"{tmp_path}/in/no-*.png: no file matches" in done.stderr
    done = galpipe_cli("detect", *options)
    assert done.exit_code == 2
    assert "--fields-from" in done.stderr
