from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.annotations import (
    AnnotatedImage,
    ObjectBox,
    read_annotated_images,
    read_voc,
    write_voc,
)
from galpipe.errors import InputError, OutputError

# Each example writes over the last one's file, so one folder serves them all.
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)

GOLDEN = """<annotation>
\t<folder>boxes</folder>
\t<filename>m51.jpg</filename>
\t<path>m51.jpg</path>
\t<source>
\t\t<database>Unknown</database>
\t</source>
\t<size>
\t\t<width>424</width>
\t\t<height>300</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>galaxy</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>1</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>1</xmin>
\t\t\t<ymin>12</ymin>
\t\t\t<xmax>30</xmax>
\t\t\t<ymax>300</ymax>
\t\t</bndbox>
\t</object>
\t<object>
\t\t<name>a &lt;b&gt; &amp; c</name>
\t\t<pose>Left</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>1</difficult>
\t\t<bndbox>
\t\t\t<xmin>1.0</xmin>
\t\t\t<ymin>0.25</ymin>
\t\t\t<xmax>20.5</xmax>
\t\t\t<ymax>40</ymax>
\t\t</bndbox>
\t</object>
</annotation>
"""

ANNOTATED = AnnotatedImage(
    "m51.jpg",
    424,
    300,
    3,
    (
        ObjectBox("galaxy", 0, 12, 30, 300, truncated=True),
        ObjectBox("a <b> & c", 1, 0.25, 20.5, 40, difficult=True, pose="Left"),
    ),
)


def voc(path: Path, objects: str = "", extra: str = "") -> Path:
    path.write_text(
        f"{extra}<annotation><filename>a.jpg</filename><size><width>50</width>"
        f"<height>40</height><depth>3</depth></size>{objects}</annotation>"
    )
    return path


def box(xmin: object, ymin: object, xmax: object, ymax: object, more: str = "") -> str:
    return (
        f"<object><name>galaxy</name>{more}<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
        f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
    )


def test_the_written_file_is_labelimgs(tmp_path: Path) -> None:
    path = write_voc(tmp_path / "boxes" / "m51.xml", ANNOTATED)
    assert path.read_text() == GOLDEN
    assert read_voc(path) == ANNOTATED


def test_the_border_is_written_as_one_and_read_as_zero(tmp_path: Path) -> None:
    read = read_voc(voc(tmp_path / "a.xml", box(1, 1, 50, 40)))
    assert read.objects[0].edges == (0, 0, 50, 40)
    exact = read_voc(voc(tmp_path / "a.xml", box("1.0", 2, 1.5, 3)))
    assert exact.objects[0].edges == (1, 2, 1.5, 3)
    # The clamp is for lower edges: an upper one is what it says.
    thin = read_voc(voc(tmp_path / "a.xml", box(0, 0, 1, 1)))
    assert thin.objects[0].edges == (0, 0, 1, 1)


def test_tags_in_any_order_and_spellings_of_flags(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        "<annotation><object><bndbox><ymax> 9 </ymax><xmax>8</xmax><ymin>3</ymin><xmin>2</xmin>"
        "</bndbox><difficult>True</difficult><truncated>no</truncated><name> galaxy </name>"
        "</object><!-- by hand --><size><depth>1</depth><height>40.0</height><width>50</width>"
        "</size></annotation>"
    )
    assert read_voc(path) == AnnotatedImage(
        "a", 50, 40, 1, (ObjectBox("galaxy", 2, 3, 8, 9, difficult=True),)
    )


edge = st.one_of(
    st.integers(0, 5000).map(float),
    st.floats(0, 5000, allow_nan=False, width=64),
    st.sampled_from([0.0, 1.0, 0.5, 1e-9]),
)
extent = st.one_of(st.integers(1, 500).map(float), st.floats(1e-3, 500, allow_nan=False))
text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)


@st.composite
def objects(draw: st.DrawFn) -> ObjectBox:
    xmin, ymin = draw(edge), draw(edge)
    return ObjectBox(
        draw(text),
        xmin,
        ymin,
        xmin + draw(extent),
        ymin + draw(extent),
        difficult=draw(st.booleans()),
        truncated=draw(st.booleans()),
        pose=draw(text),
    )


@ONE_FOLDER
@given(st.lists(objects(), max_size=4), st.integers(1, 9999), st.integers(1, 9999))
def test_writing_and_reading_keeps_everything(
    tmp_path: Path, boxes: list[ObjectBox], width: int, height: int
) -> None:
    annotated = AnnotatedImage("galaxy.png", width, height, 3, tuple(boxes))
    assert read_voc(write_voc(tmp_path / "a.xml", annotated)) == annotated


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not well-formed"),
        ("<annotation>", "not well-formed"),
        ("\x00\x01\x02", "not well-formed"),
        ("<html/>", "not a Pascal VOC"),
        ("<annotation><object/></annotation>", "without a <name>"),
        ("<annotation><object><name>a</name></object></annotation>", "without a <bndbox>"),
        (f"<annotation>{box('', 1, 2, 3)}</annotation>", "<xmin></xmin>: '' is not a number"),
        (f"<annotation>{box('nan', 1, 2, 3)}</annotation>", "not a pixel number"),
        (f"<annotation>{box('1e999', 1, 2, 3)}</annotation>", "not a pixel number"),
        (f"<annotation>{box('two', 1, 2, 3)}</annotation>", "'two' is not a number"),
        (f"<annotation>{box(9, 1, 2, 3)}</annotation>", "inverted"),
        (f"<annotation>{box(2, 2, 2, 3)}</annotation>", "empty"),
        (
            f"<annotation>{box(1, 1, 2, 3, '<difficult>maybe</difficult>')}</annotation>",
            "write 0 or 1",
        ),
        ("<annotation><size><width>-5</width></size></annotation>", "number of pixels"),
        ("<annotation><size><width>5.5</width></size></annotation>", "number of pixels"),
        ("<a>" * 1000 + "</a>" * 1000, "not well-formed"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_voc(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.xml"):
        read_voc(tmp_path / "absent.xml")


_POWERS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 12))
LAUGHS = f"<!DOCTYPE annotation [<!ENTITY l0 'ha'>{_POWERS}]>"


@pytest.mark.parametrize(
    "doctype",
    [
        LAUGHS,
        "<!DOCTYPE annotation SYSTEM 'http://localhost:9/evil.dtd'>",
        "<!DOCTYPE annotation [<!ENTITY l11 SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE annotation [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
        "<!DOCTYPE annotation>",
    ],
)
@pytest.mark.parametrize("label", ["galaxy", "&l11;"])
def test_entities_and_document_types_are_refused(tmp_path: Path, doctype: str, label: str) -> None:
    path = voc(tmp_path / "evil.xml", f"<object><name>{label}</name></object>", doctype)
    with pytest.raises(InputError, match=r"evil\.xml"):
        read_voc(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.xml"
    with path.open("wb") as file:
        file.truncate(40 * 2**20)
    with pytest.raises(InputError, match="larger than"):
        read_voc(path)


@settings(ONE_FOLDER, max_examples=100)
@given(st.integers(0, len(GOLDEN) - 1), st.integers(0, 60), st.binary(max_size=12))
def test_a_mutated_file_gives_boxes_or_our_error(
    tmp_path: Path, start: int, length: int, insert: bytes
) -> None:
    content = GOLDEN.encode()
    path = tmp_path / "mutated.xml"
    path.write_bytes(content[:start] + insert + content[start + length :])
    try:
        read = read_voc(path)
    except InputError:
        return
    assert (read.boxes[:, 2:] > read.boxes[:, :2]).all()


def test_characters_that_xml_cannot_hold_are_an_output_error(tmp_path: Path) -> None:
    bad = AnnotatedImage("a.png", 1, 1, 3, (ObjectBox("\x00", 0, 0, 1, 1),))
    with pytest.raises(OutputError, match=r"a\.xml"):
        write_voc(tmp_path / "a.xml", bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("annotations", "images", "count"),
    [("gz2/annotations", "gz2/images", 688), ("fields/annotations", "fields/jpeg", 34)],
)
def test_real_annotations_survive_the_round_trip(
    galpipe_data: Path, tmp_path: Path, annotations: str, images: str, count: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = read_annotated_images(galpipe_data / annotations, galpipe_data / images)
    assert len(pairs) == count
    for path, annotated in pairs:
        original = galpipe_data / annotations / f"{path.stem}.xml"
        copy = write_voc(tmp_path / "boxes" / original.name, annotated)
        assert read_voc(copy) == annotated
        # From <size> on, the files are the same to the letter.
        assert _from_size(copy) == _from_size(original)


def _from_size(path: Path) -> str:
    return path.read_text().partition("<size>")[2].rstrip()
