from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage
from galpipe.annotations.formats.csv_table import FORMAT, read_csv
from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.registry import detect_format, format_with_columns
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError

# Name of the program, table, and whether the program is named in the note.
TABLES = {
    "DeepForest": "image_path,xmin,ymin,xmax,ymax,label\na.png,10,20,40,60,galaxy\n",
    "VoTT": 'image,xmin,ymin,xmax,ymax,label\n"a.png",10,20,40,60,"galaxy"\n',
    "Open Images": (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n"
        "a,xclick,galaxy,1,0.1,0.4,0.25,0.75,0\n"
    ),
    "keras-retinanet": "a.png,10,20,40,60,galaxy\n",
    "makesense.ai": "galaxy,10,20,30,40,a.png,100,80\n",
    "makesense.ai with a header": (
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
        "galaxy,10,20,30,40,a.png,100,80\n"
    ),
    "makesense.ai with x and y": (
        "label_name,x,y,width,height,image_name,image_width,image_height\n"
        "galaxy,10,20,30,40,a.png,100,80\n"
    ),
    "Google AutoML": "TRAIN,a.png,galaxy,0.1,0.25,,,0.4,0.75,,\n",
    "Google AutoML with all corners": (
        "UNASSIGNED,a.png,galaxy,0.1,0.25,0.4,0.25,0.4,0.75,0.1,0.75\n"
    ),
    "another of edges": "img_name;x1;y1;x2;y2;Class\na.png;10;20,0;40;60;galaxy\n",
    "another of corners": "file\tleft\ttop\tw\th\ttype\na.png\t10\t20\t30\t40\tgalaxy\n",
    "another of centres": "image;x_center;y_center;width;height;label\na;25;40,0;30;40;galaxy\n",
}


def read(path: Path, **reading: object) -> list[AnnotatedImage]:
    return [image for _, image in read_csv(path, ReadOptions(**reading))]  # type: ignore[arg-type]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((80, 100), np.uint8))
    return tmp_path / "boxes.csv"


@pytest.mark.parametrize("program", TABLES)
def test_tables_of_other_programs_are_read(table: Path, program: str) -> None:
    table.write_text(TABLES[program])
    assert detect_format(table) is FORMAT
    notes: list[str] = []
    [image] = read(table, images=ImageFolder(table.parent), on_note=notes.append)
    assert image.filename.removesuffix(".png") == "a"
    assert (image.width, image.height) == (100, 80)
    assert image.labels == ("galaxy",)
    assert image.objects[0].edges == (10, 20, 40, 60)
    [note] = notes
    assert "image from" in note
    assert "class from" in note
    if not program.startswith("another"):
        assert program.split(" with ")[0] in note


def test_the_columns_of_the_tutorials_need_no_note(table: Path) -> None:
    text = "filename, width, height, class, xmin, ymin, xmax, ymax\n"
    table.write_text(f"{text}a.png, 100, 80, galaxy, 10, 20, 40, 60\n")
    notes: list[str] = []
    assert read(table, on_note=notes.append)[0].labels == ("galaxy",)
    assert notes == []


def test_semicolons_and_decimal_commas_keep_every_column(table: Path) -> None:
    table.write_text(
        "# by a program\nfilename;class;xmin;ymin;xmax;ymax;difficult\na.png;x;1,5;2;3;4;1\n",
        encoding="utf-16",
    )
    [image] = read(table)
    assert image.objects[0].edges == (1.5, 2, 3, 4)
    assert image.objects[0].difficult


def test_kaggle_writes_a_box_in_one_cell(table: Path) -> None:
    table.write_text(
        "image_id,width,height,bbox,source\n"
        'a,100,80,"[10.0, 20.0, 30.0, 40.0]",usask_1\n'
        'a,100,80,"[1.5, 2, 3]",usask_1\n'
        "b,100,80,,usask_1\n"
    )
    errors: list[InputError] = []
    notes: list[str] = []
    first, second = read(table, on_error=errors.append, on_note=notes.append)
    assert first.labels == ("object",)
    assert first.objects[0].edges == (10, 20, 40, 60)
    assert (second.filename, second.objects) == ("b", ())
    assert "line 3" in str(errors[0])
    assert "every object is 'object'" in notes[1]
    wheat = read(table, on_error=errors.append, settings={"class_name": "wheat"})
    assert wheat[0].labels == ("wheat",)


def test_rows_of_open_images_without_the_size_of_the_image_are_refused(table: Path) -> None:
    table.write_text(TABLES["Open Images"])
    with pytest.raises(InputError, match=r"fractions of the image, whose size.*--images"):
        read(table)


def test_fractions_are_told_from_pixels_by_their_values(table: Path) -> None:
    text = "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,100,80,x,"
    table.write_text(f"{text}0.1,0.25,0.4,0.75\n")
    notes: list[str] = []
    assert read(table, on_note=notes.append)[0].objects[0].edges == (10, 20, 40, 60)
    assert "fractions of the image" in notes[0]
    table.write_text(f"{text}0,0,1,1\n")
    assert read(table)[0].objects[0].edges == (0, 0, 1, 1)
    table.write_text(TABLES["Open Images"].replace("0.1,0.4,0.25,0.75", "0,1,0,1"))
    images = ImageFolder(table.parent)
    assert read(table, images=images)[0].objects[0].edges == (0, 0, 100, 80)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,x,y,width,height,class\na.png,1,2,3,4,x\n", r"x, y, width, height.*left=x"),
        ("filename,bbox,class\na.png,[],x\n", r"a column bbox, which may be"),
        ("filename,cell_type,kind,x1,y1,x2,y2\na.png,a,b,1,2,3,4\n", r"cell_type or kind.*label="),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(table: Path, text: str, message: str) -> None:
    table.write_text(text)
    assert detect_format(table) is FORMAT
    with pytest.raises(InputError, match=message):
        read(table)


@pytest.mark.parametrize(
    ("columns", "edges"),
    [
        ({"left": "x", "top": "y"}, (10, 20, 40, 60)),
        ({"x": "x", "y": "y"}, (-5, 0, 25, 40)),
        ({"xmin": "x", "ymin": "Y", "xmax": "width", "ymax": "height"}, (10, 20, 30, 40)),
    ],
)
def test_columns_are_named_by_the_user(
    table: Path, columns: dict[str, str], edges: tuple[float, ...]
) -> None:
    table.write_text("shot,x,y,width,height,kind,type\na.png,10,20,30,40,galaxy,1\n")
    columns |= {"image": "shot", "label": "kind"}
    assert format_with_columns(table, columns) is FORMAT
    [image] = read(table, settings={"columns": columns})
    assert (image.labels, image.objects[0].edges) == (("galaxy",), edges)
    with pytest.raises(InputError, match=r"no column 'gone'.*shot, x, y"):
        read(table, settings={"columns": columns | {"label": "gone"}})


def test_an_image_of_which_every_row_is_refused_is_left_out(table: Path) -> None:
    table.write_text("b.png,1,2,3,4,galaxy\na.png,1,2,3,x,galaxy\nc.png,,,,,\n")
    errors: list[InputError] = []
    assert [image.filename for image in read(table, on_error=errors.append)] == ["b.png", "c.png"]
    assert "line 2" in str(errors[0])
    assert "the image a.png is left out" in str(errors[1])
