from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.csv_table import FORMAT, read_csv, write_csv
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError, OutputError

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
BOX = ObjectBox("galaxy", 1, 2.5, 30, 40)


def write(path: Path, images: list[AnnotatedImage]) -> Path:
    write_csv(path, Collection(images), WriteOptions(()))
    return path


def read(path: Path, text: str, **reading: object) -> list[AnnotatedImage]:
    path.write_text(text, encoding="utf-8", newline="")
    return [image for _, image in read_csv(path, ReadOptions(**reading))]  # type: ignore[arg-type]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "boxes.csv"


def test_the_file_is_as_expected(table: Path) -> None:
    images = [
        AnnotatedImage("=m51.jpg", 424, 300, 3, (BOX, ObjectBox('a "b", c', -0.1, 1e-7, 3, 5))),
        AnnotatedImage("empty.jpg", 10, 20),
    ]
    assert write(table, images).read_text() == (
        HEADER
        + "=m51.jpg,424,300,galaxy,1,2.5,30,40\n"
        + '=m51.jpg,424,300,"a ""b"", c",-0.1,1e-07,3,5\n'
    )
    images = [AnnotatedImage("a.jpg", 9, 9, 3, (BOX, ObjectBox("x", 0, 0, 1, 1, pose="Left")))]
    assert write(table, images).read_text() == (
        HEADER.replace("\n", ",difficult,truncated,pose\n")
        + "a.jpg,9,9,galaxy,1,2.5,30,40,0,0,Unspecified\n"
        + "a.jpg,9,9,x,0,0,1,1,0,0,Left\n"
    )


# Half a character (a lone surrogate) cannot be written in UTF-8.
# Blanks around a cell are dropped.
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text.strip() and text == text.strip(" \t")
)
# Boxes within the first pixel would be fractions of the image.
numbers = st.floats(-1e9, 1e9, exclude_min=True, exclude_max=True).filter(
    lambda number: not 0 < number < 1
)
poses = st.sampled_from(["Unspecified", "Left", "édge, on"])
objects = st.builds(
    ObjectBox, words, numbers, numbers, numbers, numbers, st.booleans(), st.booleans(), poses
)
pictures = st.builds(
    AnnotatedImage,
    words,
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    st.just(3),
    st.lists(objects, min_size=1, max_size=3).map(tuple),
)


@settings(max_examples=100)
@given(images=st.lists(pictures, max_size=4, unique_by=lambda image: image.filename))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, images: list[AnnotatedImage]
) -> None:
    table = write(tmp_path_factory.mktemp("csv") / "boxes.csv", images)
    assert FORMAT.recognises(table)
    assert [image for _, image in read_csv(table, ReadOptions())] == images
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [label for image in images for label in image.labels]


def test_pandas_reads_it_as_the_tutorials_do(table: Path) -> None:
    frame = pd.read_csv(write(table, [AnnotatedImage("a.jpg", 9, 9, 3, (BOX,))]))
    assert ",".join(frame.columns) + "\n" == HEADER
    assert frame.iloc[0].tolist() == ["a.jpg", 9, 9, "galaxy", 1, 2.5, 30, 40]


def test_columns_stand_in_any_order_and_rows_are_scattered(table: Path) -> None:
    text = (
        "\ufeffXMAX, ymax,xmin,ymin,Class,difficult,colour,Filename\r\n"
        "3,4,1,2,star,TRUE,red,b.png\r\n"
        "30,40.0,10,20,galaxy,,blue,a.png\r\n"
        "\r\n"
        "7,8,5,6,galaxy,no,green,b.png\r\n"
    )
    assert read(table, text) == [
        AnnotatedImage(
            "b.png",
            0,
            0,
            3,
            (ObjectBox("star", 1, 2, 3, 4, difficult=True), ObjectBox("galaxy", 5, 6, 7, 8)),
        ),
        AnnotatedImage("a.png", 0, 0, 3, (ObjectBox("galaxy", 10, 20, 30, 40),)),
    ]


def test_tables_of_retinanet_are_read(table: Path) -> None:
    text = "train/a.png,1,2.5,30,40,galaxy\nempty.png,,,,,\n"
    expected = [
        AnnotatedImage("train/a.png", 0, 0, 3, (BOX,)),
        AnnotatedImage("empty.png", 0, 0),
    ]
    assert read(table, text) == expected
    assert FORMAT.recognises(table)
    lines = text.splitlines(keepends=True)
    assert read(table, lines[1] + lines[0]) == expected[::-1]


def test_sizes_are_filled_in_from_the_images(table: Path) -> None:
    cv2.imwrite(str(table.with_name("a.png")), np.zeros((20, 30), np.uint8))
    images = ImageFolder(table.parent)
    text = "filename,class,xmin,ymin,xmax,ymax\na.png,galaxy,1,2,3,4\ngone.png,galaxy,1,2,3,4\n"
    sizes = [(image.width, image.height) for image in read(table, text, images=images)]
    assert sizes == [(30, 20), (0, 0)]
    with pytest.raises(InputError, match=r"\.\./b\.png"):
        read(table, text.replace("gone", "../b"), images=images)


@pytest.mark.parametrize(
    "row",
    [
        "a.png,9,9,galaxy,1,2,3",
        "a.png,9,9,galaxy,1,2,3,4,5",
        "a.png,9,9,galaxy,1,2,3,four",
        "a.png,9,9,galaxy,1,2,3,nan",
        "a.png,9,9,galaxy,1,2,3,1e9",
        "a.png,9,9,galaxy,1,2,3,",
        "a.png,9,9,,1,2,3,4",
        "a.png,9.5,9,galaxy,1,2,3,4",
        "a.png,-9,9,galaxy,1,2,3,4",
        f"a.png,{'9' * 400},9,galaxy,1,2,3,4",
        " ,9,9,galaxy,1,2,3,4",
    ],
)
def test_a_row_that_cannot_be_understood_is_left_out(table: Path, row: str) -> None:
    errors: list[InputError] = []
    good = "b.png,9,9,galaxy,1,2,3,4\n"
    images = read(table, f"{HEADER}{good}{row}\n{good}", on_error=errors.append)
    assert [(image.filename, len(image.objects)) for image in images] == [("b.png", 2)]
    assert f"{table}, line 3" in str(errors[0])
    assert all("the image a.png is left out" in str(error) for error in errors[1:])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "columns"),
        (b"name,x,y\n", "columns"),
        (b"a,b,c,d,e,f\n", "columns"),
        (HEADER.encode() + b"\xff", "UTF-8"),
        (HEADER.encode() + b'"a.png,1', "line 2"),
        (HEADER.encode() + b'"' + b"a" * 200_000, "field"),
        (HEADER.encode() + b"a" * 2_000_000, "longer than"),
    ],
)
def test_a_file_that_is_no_table_is_told(table: Path, content: bytes, reason: str) -> None:
    table.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        list(read_csv(table, ReadOptions()))


def test_other_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,x,y\n1,2,3\n")
    for path in (tmp_path, tmp_path / "none.csv", tmp_path / "a.csv"):
        assert not FORMAT.recognises(path)
        with pytest.raises(InputError):
            list(read_csv(path, ReadOptions()))


def test_half_a_character_is_not_written(table: Path) -> None:
    with pytest.raises(OutputError, match="not valid text"):
        write(table, [AnnotatedImage("\ud800.png", 9, 9, 3, (BOX,))])
    assert not table.exists()
