from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.formats.voc import FORMAT
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError, OutputError

IMAGES = [
    AnnotatedImage("empty.png", 10, 20, 1),
    AnnotatedImage(
        "spirals/m51.v2.jpg",
        424,
        300,
        3,
        (
            ObjectBox("galaxy", 0, 12, 30, 300, truncated=True),
            ObjectBox("a <b> & c", 1, 0.25, 20.5, 40, difficult=True, pose="Left"),
            ObjectBox("inverted", 9, 8, 3, 2, attributes=(("bar", "yes & no"), ("arms", "2"))),
        ),
    ),
]


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def write(path: Path, images: list[AnnotatedImage], **settings: Any) -> Path:
    assert FORMAT.write is not None
    FORMAT.write(path, Collection(images), WriteOptions((), settings=settings))
    return path


def picture(path: Path, width: int = 50, height: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


def xml(path: Path, *, name: str = "", size: str = "", bounds: str = "5 6 7 8") -> Path:
    edges = zip(("xmin", "ymin", "xmax", "ymax"), bounds.split(), strict=True)
    inside = "".join(f"<{tag}>{edge}</{tag}>" for tag, edge in edges)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation>{f'<filename>{name}</filename>' if name else ''}{size}<object>"
        f"<name>galaxy</name><bndbox>{inside}</bndbox></object></annotation>"
    )
    return path


def test_one_file_an_image_and_everything_is_kept(tmp_path: Path) -> None:
    folder = write(tmp_path / "boxes", IMAGES)
    assert sorted(path.name for path in folder.iterdir()) == ["empty.xml", "m51.v2.xml"]
    assert read(folder) == IMAGES


def test_attributes_stand_where_cvat_puts_them(tmp_path: Path) -> None:
    text = (write(tmp_path, IMAGES) / "m51.v2.xml").read_text()
    expected = """\t\t</bndbox>
\t\t<attributes>
\t\t\t<attribute>
\t\t\t\t<name>bar</name>
\t\t\t\t<value>yes &amp; no</value>
\t\t\t</attribute>
\t\t\t<attribute>
\t\t\t\t<name>arms</name>
\t\t\t\t<value>2</value>
\t\t\t</attribute>
\t\t</attributes>
\t</object>
</annotation>
"""
    assert text.endswith(expected)
    assert text.count("<attributes>") == 1


@pytest.mark.parametrize("place", ["", "Annotations"])
def test_folders_and_single_files_are_recognised(tmp_path: Path, place: str) -> None:
    xml(tmp_path / "data" / place / "a.xml", name="a.png")
    for path in (tmp_path / "data", tmp_path / "data" / place / "a.xml"):
        assert detect_format(path) is FORMAT
        assert [image.filename for image in read(path)] == ["a.png"]


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "table.xml").write_text("<?xml version='1.0'?><VOTABLE/>")
    assert not FORMAT.recognises(tmp_path / "table.xml")
    assert not FORMAT.recognises(tmp_path)
    assert not FORMAT.recognises(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("a.png", "other.xml", "a.png"),
        ("a", "other.xml", "a.png"),
        ("sub/c", "other.xml", "sub/c.png"),
        ("", "a.xml", "a.png"),
        # Renamed since, or written on another machine: the file of the same name is the one.
        ("old.jpg", "a.xml", "a.png"),
        ("C:\\somewhere\\old.jpg", "a.xml", "a.png"),
        ("/home/someone/old.jpg", "a.xml", "a.png"),
        ("../a.png", "a.xml", "a.png"),
        ("nowhere.jpg", "nothing.xml", "nowhere.jpg"),
    ],
)
def test_the_image_is_named_as_its_file_is(
    tmp_path: Path, name: str, file: str, expected: str
) -> None:
    images = tmp_path / "images"
    picture(images / "a.png")
    picture(images / "sub" / "c.png")
    folder = xml(tmp_path / "boxes" / file, name=name).parent
    [image] = read(folder, images=ImageFolder(images))
    assert image.filename == expected
    [image] = read(folder)
    assert image.filename == name or file.removesuffix(".xml")


def test_a_name_that_leads_out_of_the_images_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    (tmp_path / "images").mkdir()
    file = xml(tmp_path / "boxes" / "a.xml", name="../secret.png")
    errors: list[InputError] = []
    assert read(file, images=ImageFolder(tmp_path / "images"), on_error=errors.append) == []
    assert "does not name a file inside" in str(errors[0])


@pytest.mark.parametrize(
    "size",
    ["", "<size/>", "<size><width>0</width><height>0</height><depth>3</depth></size>"],
)
def test_a_missing_size_comes_from_the_image(tmp_path: Path, size: str) -> None:
    picture(tmp_path / "a.png", width=70, height=30)
    file = xml(tmp_path / "a.xml", size=size)
    [image] = read(file, images=ImageFolder(tmp_path))
    assert (image.width, image.height) == (70, 30)
    [image] = read(file)
    assert (image.width, image.height) == (0, 0)


def test_an_unreadable_image_leaves_the_size_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    [image] = read(xml(tmp_path / "a.xml"), images=ImageFolder(tmp_path))
    assert (image.filename, image.width, image.height) == ("a.png", 0, 0)


def test_a_bad_file_is_left_out_and_told(tmp_path: Path) -> None:
    for name in ("a", "c"):
        xml(tmp_path / f"{name}.xml")
    (tmp_path / "b.xml").write_text("<annotation>")
    errors: list[InputError] = []
    assert [image.filename for image in read(tmp_path, on_error=errors.append)] == ["a", "c"]
    [error] = errors
    assert str(tmp_path / "b.xml") in str(error)
    with pytest.raises(InputError, match=r"b\.xml"):
        read(tmp_path)


def test_a_folder_without_annotations_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.xml"):
        read(tmp_path)


@pytest.mark.parametrize("bounds", ["9 9 3 3", "4 4 4 4", "-5 -5 9999 9999"])
def test_bad_boxes_come_as_they_stand(tmp_path: Path, bounds: str) -> None:
    [image] = read(xml(tmp_path / "a.xml", bounds=bounds))
    assert image.objects[0].edges == tuple(map(float, bounds.split()))


def test_pixels_that_count_from_one(tmp_path: Path) -> None:
    """A strict VOC box of the first two columns and all ten rows is 1 1 2 10."""
    file = xml(tmp_path / "a.xml", bounds="1 1 2 10")
    [image] = read(file, settings={"voc_one_based": True})
    assert image.objects[0].edges == (0, 0, 2, 10)
    [image] = read(xml(tmp_path / "a.xml", bounds="2 5 2.5 10"), settings={"voc_one_based": True})
    assert image.objects[0].edges == (1, 4, 2.5, 10)
    text = (write(tmp_path / "out", [image], voc_one_based=True) / "a.xml").read_text()
    assert "<xmin>2</xmin>" in text
    assert "<ymin>5</ymin>" in text
    assert "<xmax>2.5</xmax>" in text


_EDGE = st.one_of(
    st.integers(-50, 5000).map(float),
    st.floats(-1e8, 1e8),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 1e-9, 5e-324, 0.1]),
)


@given(st.lists(_EDGE, min_size=4, max_size=4), st.booleans())
def test_edges_are_kept_to_the_last_digit(edges: list[float], one_based: bool) -> None:
    image = AnnotatedImage("a.png", 9, 9, 3, (ObjectBox("galaxy", *edges),))
    with TemporaryDirectory() as name:
        folder = write(Path(name), [image], voc_one_based=one_based)
        assert read(folder, settings={"voc_one_based": one_based}) == [image]


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    images = [AnnotatedImage("a/m51.png", 1, 1), AnnotatedImage("a/m51.jpg", 1, 1)]
    with pytest.raises(OutputError, match=r"a/m51\.png and a/m51\.jpg"):
        write(tmp_path / "out", images)
    assert not (tmp_path / "out").exists()


def test_labelimg_reads_what_we_write(tmp_path: Path) -> None:
    pytest.importorskip("libs")
    from libs.pascal_voc_io import PascalVocReader

    folder = write(tmp_path, IMAGES)
    shapes = PascalVocReader(str(folder / "m51.v2.xml")).get_shapes()
    assert [
        (label, points[0], points[2], difficult) for label, points, *_, difficult in shapes
    ] == [
        ("galaxy", (1, 12), (30, 300), False),
        ("a <b> & c", (1, 0), (20, 40), True),
        ("inverted", (9, 8), (3, 2), False),
    ]


def test_we_read_what_labelimg_writes(tmp_path: Path) -> None:
    pytest.importorskip("libs")
    from libs.pascal_voc_io import PascalVocWriter

    writer = PascalVocWriter("images", "m51.jpg", (300, 424, 1), local_img_path="/images/m51.jpg")
    writer.verified = True
    # The window gives the writer a lower edge of 0 as 1.
    writer.add_bnd_box(1, 12, 30, 299, "galaxy", 0)
    writer.add_bnd_box(2, 3, 20, 40, "étoile & co", 1)
    writer.save(str(tmp_path / "m51.xml"))
    assert read(tmp_path) == [
        AnnotatedImage(
            "m51.jpg",
            424,
            300,
            1,
            (
                ObjectBox("galaxy", 0, 12, 30, 299, truncated=True),
                ObjectBox("étoile & co", 2, 3, 20, 40, difficult=True),
            ),
        )
    ]


def test_labelimg_saves_again_what_it_read_from_us(tmp_path: Path) -> None:
    pytest.importorskip("libs")
    from libs.pascal_voc_io import PascalVocReader, PascalVocWriter

    boxes = tuple(ObjectBox("galaxy", x, 0, x + 7, 9, difficult=x > 1) for x in (0, 2, 11))
    image = AnnotatedImage("a.png", 50, 40, 3, boxes)
    write(tmp_path, [image])
    shapes = PascalVocReader(str(tmp_path / "a.xml")).get_shapes()
    writer = PascalVocWriter("images", "a.png", (40, 50, 3))
    for label, points, *_, difficult in shapes:
        writer.add_bnd_box(*points[0], *points[2], label, difficult)
    writer.save(str(tmp_path / "a.xml"))
    [again] = read(tmp_path)
    assert [box.edges for box in again.objects] == [box.edges for box in boxes]
    assert [box.difficult for box in again.objects] == [box.difficult for box in boxes]


def test_supervision_counts_from_one(tmp_path: Path) -> None:
    """It reads and writes strict Pascal VOC."""
    supervision = pytest.importorskip("supervision")

    picture(tmp_path / "images" / "a.png")
    boxes = (ObjectBox("spiral", 10, 12, 30, 33), ObjectBox("elliptical", 2, 3, 20, 40))
    image = AnnotatedImage("a.png", 50, 40, 3, boxes)
    folder = write(tmp_path / "boxes", [image], voc_one_based=True)
    data = supervision.DetectionDataset.from_pascal_voc(str(tmp_path / "images"), str(folder))
    [(_, _, found)] = list(data)
    assert [data.classes[index] for index in found.class_id] == ["spiral", "elliptical"]
    np.testing.assert_array_equal(found.xyxy, image.boxes)
    data.as_pascal_voc(annotations_directory_path=str(tmp_path / "again"))
    [again] = read(tmp_path / "again", settings={"voc_one_based": True})
    np.testing.assert_array_equal(again.boxes, image.boxes)


@pytest.mark.parametrize(
    ("annotations", "count"), [("gz2/annotations", 688), ("fields/annotations", 34)]
)
def test_real_annotations_survive_the_way_through_coco(
    galpipe_data: Path,
    tmp_path: Path,
    annotations: str,
    count: int,
) -> None:
    from galpipe.annotations.formats.coco import FORMAT as COCO

    folder = galpipe_data / annotations
    assert detect_format(folder) is FORMAT
    images = read(folder)
    assert len(images) == count
    collection = Collection(images)
    assert COCO.write is not None
    COCO.write(tmp_path / "boxes.json", collection, WriteOptions(collection.labels))
    through = [image for _, image in COCO.read(tmp_path / "boxes.json", ReadOptions())]
    assert through == images
    assert read(write(tmp_path / "boxes", through)) == images


ODD = {
    "polygon": "<object><name>galaxy</name><polygon><x1>5</x1><y1>5</y1></polygon></object>",
    "robndbox": "<object><name>galaxy</name><robndbox><cx>5</cx></robndbox></object>",
    "<name>": "<object><bndbox/></object>",
    "not a number": "<object><name>a</name><bndbox><xmin>x</xmin></bndbox></object>",
}


@pytest.mark.parametrize("reason", ODD)
def test_one_odd_object_costs_one_object(tmp_path: Path, reason: str) -> None:
    path = xml(tmp_path / "a.xml")
    path.write_text(path.read_text().replace("<object>", f"{ODD[reason]}<object>", 1))
    errors: list[InputError] = []
    [image] = read(tmp_path, on_error=errors.append)
    assert [box.edges for box in image.objects] == [(5, 6, 7, 8)]
    [error] = errors
    assert f"{path}: object 1" in str(error)
    assert reason in str(error)


def test_an_image_of_which_every_object_is_refused_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation><object/><object/></annotation>")
    xml(tmp_path / "b.xml")
    errors: list[InputError] = []
    assert [image.filename for image in read(tmp_path, on_error=errors.append)] == ["b"]
    assert "the image a is left out, as all its 2 objects" in str(errors[-1])


def test_the_class_of_objects_without_a_name_can_be_given(tmp_path: Path) -> None:
    path = xml(tmp_path / "a.xml")
    path.write_text(path.read_text().replace("<name>galaxy</name>", ""))
    assert read(tmp_path, settings={"class_name": "ring"})[0].labels == ("ring",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_and_long_comments_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = xml(tmp_path / "a.xml")
    text = f'<?xml version="1.0" encoding="UTF-16"?><!--{"x" * 20_000}-->{path.read_text()}'
    path.write_bytes(text.encode(encoding))
    assert detect_format(tmp_path) is FORMAT
    assert read(tmp_path)[0].labels == ("galaxy",)
