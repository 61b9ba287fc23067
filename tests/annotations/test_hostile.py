"""What strangers put into files to read, fill, stop or run the machine of whoever opens them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.convert import convert
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.formats.registry import FORMATS
from galpipe.annotations.images import ImageFolder
from galpipe.annotations.label_map import read_label_map
from galpipe.annotations.source import AnnotationSource
from galpipe.errors import GalpipeError, InputError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, links and alarms of POSIX")

WRITTEN = [name for name, form in FORMATS.items() if form.write is not None]

# The size of the one image that lies outside the folder of images.
OUTSIDE = (37, 23)
HOSTILE_NAMES = (
    "../outside.png",
    "../outside",
    "images/../../outside.png",
    "..\\outside.png",
    "{root}/outside.png",
    "C:\\outside.png",
    "\\\\host\\share\\outside.png",
    "outside.png\x00.png",
    "link.png",
    "link",
    "folder/outside.png",
)

LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10 if n else 'ha' * 10}'>" for n in range(12))
DOCUMENT_TYPES = {
    "billion laughs": (f"<!DOCTYPE r [{LAUGHS}]>", "&a11;"),
    "quadratic": (f"<!DOCTYPE r [<!ENTITY a '{'x' * 50_000}'>]>", "&a;" * 20_000),
    "file": ("<!DOCTYPE r [<!ENTITY a SYSTEM 'file://{secret}'>]>", "&a;"),
    "network": ("<!DOCTYPE r [<!ENTITY a SYSTEM 'http://{host}/'>]>", "&a;"),
    "parameter": ("<!DOCTYPE r [<!ENTITY % a SYSTEM 'http://{host}/'> %a;]>", "x"),
    "external subset": ("<!DOCTYPE r SYSTEM 'http://{host}/a.dtd'>", "x"),
    "include": ("", "<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='{secret}'/>"),
}
XML = {
    "voc": (
        "a.xml",
        "{head}<annotation><filename>a.png</filename><object><name>{text}</name><bndbox>"
        "<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>",
    ),
    "cvat": (
        "a.xml",
        "{head}<annotations><version>1.1</version><image name='a.png'><box label='ring' xtl='1' "
        "ytl='1' xbr='9' ybr='9'><attribute name='note'>{text}</attribute></box></image>"
        "</annotations>",
    ),
    "table": (
        "a.vot",
        "<?xml version='1.0'?>{head}<VOTABLE><RESOURCE><TABLE><FIELD name='x' datatype='float'/>"
        "<FIELD name='y' datatype='float'/><FIELD name='size' datatype='float'/>"
        "<FIELD name='class' datatype='char'/><DATA><TABLEDATA><TR><TD>5</TD><TD>5</TD><TD>4</TD>"
        "<TD>{text}</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>",
    ),
}
SECRET = "open sesame"


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail, and not hang, if it takes longer."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no end within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(name: str, path: Path, images: Path | None = None) -> tuple[list[AnnotatedImage], str]:
    """Return what a reader gives, and all that it complains of."""
    failures: list[InputError] = []
    folder = None if images is None else ImageFolder(images)
    found = []
    with within(20):
        try:
            reading = ReadOptions(folder, ("ring",), failures.append)
            found = [image for _, image in FORMATS[name].read(path, reading)]
        except InputError as error:
            failures.append(error)
    return found, "\n".join(map(str, failures))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with an image, one beside it, and links that lead there."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((20, 20, 3), np.uint8))
    width, height = OUTSIDE
    cv2.imwrite(str(tmp_path / "outside.png"), np.zeros((height, width, 3), np.uint8))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "folder").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize("kind", DOCUMENT_TYPES)
@pytest.mark.parametrize("name", XML)
def test_xml_expands_nothing_and_fetches_nothing(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "secret").write_text(SECRET)
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        fill = {"secret": str(tmp_path / "secret"), "host": "{}:{}".format(*listener.getsockname())}
        head, text = (part.format_map(fill) for part in DOCUMENT_TYPES[kind])
        file, layout = XML[name]
        (tmp_path / file).write_text(layout.format(head=head, text=text))
        found, complaints = read(name, tmp_path / file)
        with pytest.raises(BlockingIOError):
            listener.accept()
    shown = complaints + repr(found)
    assert SECRET not in shown
    assert len(shown) < 2000
    if head:
        assert found == []
        assert complaints


@pytest.mark.parametrize("nest", ["[", '{"a":'])
@pytest.mark.parametrize("name", ["via", "coco", "createml", "labelme", "vott", "labelstudio"])
def test_json_is_not_nested_without_end(tmp_path: Path, name: str, nest: str) -> None:
    deep = nest * 200_000
    starts = {
        "via": '{"a": {"regions": ',
        "coco": '{"images": ',
        "createml": '[{"image": ',
        "labelme": '{"shapes": [',
        "vott": '{"assets": {"a": ',
        "labelstudio": '[{"annotations": [{"result": [',
    }
    (tmp_path / "a.json").write_text(starts[name] + deep)
    found, complaints = read(name, tmp_path / "a.json")
    assert found == []
    assert "deep" in complaints
    with within(20):
        assert FORMATS[name].recognises(tmp_path / "a.json") in (True, False)


YAML = {
    "call": "!!python/object/apply:os.system ['touch {mark}']",
    "new": "!!python/object/new:os.system ['touch {mark}']",
    "module": "!!python/module:antigravity ''",
    "deep": "[" * 10_000,
    "aliases": "[&a0 [x], "
    + ", ".join(f"&a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))
    + "]",
    "itself": "&a [*a]",
}


@pytest.mark.parametrize("kind", YAML)
def test_yaml_makes_no_objects(tmp_path: Path, images: Path, kind: str) -> None:
    mark = tmp_path / "mark"
    value = YAML[kind].format_map({"mark": mark})
    labels = tmp_path / "set" / "labels"
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "set" / "data.yaml").write_text(f"names: {value}\n")
    header = f"%ECSV 1.0\n---\ndatatype:\n- {{name: x, datatype: float64}}\nmeta: {value}\n"
    ecsv = tmp_path / "a.ecsv"
    ecsv.write_text("".join(f"# {line}\n" for line in header.splitlines()) + "x\n1\n")
    for name, path in (("yolo", tmp_path / "set"), ("table", ecsv)):
        found, complaints = read(name, path, images)
        assert complaints
        assert len(complaints) < 2000
        assert not any(image.objects for image in found)
    assert not mark.exists()


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
@pytest.mark.parametrize(
    "name",
    ["coco", "createml", "csv", "via", "voc", "table", "labelme", "vott", "labelstudio", "cvat"],
)
def test_names_never_lead_out_of_the_images(
    tmp_path: Path, images: Path, name: str, hostile: str
) -> None:
    hostile = hostile.format(root=tmp_path)
    if "\x00" in hostile and name in ("voc", "csv", "table", "cvat"):
        pytest.skip("the format cannot hold that name")
    path = tmp_path / "labels"
    box = ObjectBox("ring", 1, 1, 5, 5)
    if name == "via":
        shape = {"name": "rect", "x": 1, "y": 1, "width": 4, "height": 4}
        region = {"shape_attributes": shape, "region_attributes": {"class": "ring"}}
        path.write_text(json.dumps({"a": {"filename": hostile, "size": 1, "regions": [region]}}))
    elif name == "table":
        path = tmp_path / "a.csv"
        path.write_text(f"image,x,y,size,class\n{hostile},5,5,4,ring\n")
    elif name == "labelme":
        path = tmp_path / "elsewhere.json"
        shape = {"label": "ring", "points": [[1, 1], [5, 5]], "shape_type": "rectangle"}
        path.write_text(json.dumps({"imagePath": hostile, "shapes": [shape]}))
    elif name == "vott":
        points = [{"x": 1, "y": 1}, {"x": 5, "y": 5}]
        asset = {"asset": {"name": hostile}, "regions": [{"tags": ["ring"], "points": points}]}
        path.write_text(json.dumps({"assets": {"a": asset}}))
    elif name == "labelstudio":
        task = {"data": {"image": hostile}, "annotations": [{"result": []}]}
        path.write_text(json.dumps([task]))
    elif name in ("voc", "cvat"):
        path = tmp_path / "elsewhere.xml"
        text = XML[name][1].format(head="", text="ring")
        path.write_text(text.replace("a.png", hostile))
    else:
        write: Any = FORMATS[name].write
        path = tmp_path / f"labels{FORMATS[name].suffix}"
        write(
            path, Collection([AnnotatedImage(hostile, 20, 20, 3, (box,))]), WriteOptions(("ring",))
        )
        if name == "csv":
            path.write_text(path.read_text().replace(",20,20,", ",0,0,"))
        elif name == "coco":
            path.write_text(path.read_text().replace('": 20', '": 0'))
    found, complaints = read(name, path, images)
    assert found or complaints
    assert not any((image.width, image.height) == OUTSIDE for image in found)


@pytest.mark.parametrize("name", ["yolo", "ds9", "voc", "sextractor", "table", "dota", "labelme"])
def test_stems_never_lead_out_of_the_images(tmp_path: Path, images: Path, name: str) -> None:
    """The image is named by the annotation file, and is a link to what lies elsewhere."""
    contents = {
        "yolo": ("link.txt", "0 0.5 0.5 0.2 0.2\n"),
        "ds9": ("link.reg", "image\nbox(5,5,4,4,0) # text={ring}\n"),
        "voc": ("link.xml", XML["voc"][1].format(head="", text="ring").replace("a.png", "b")),
        "sextractor": ("link.cat", "# 1 X_IMAGE\n# 2 Y_IMAGE\n# 3 A_IMAGE\n# 4 B_IMAGE\n"
                       "# 5 THETA_IMAGE\n5 5 2 2 0\n"),
        "table": ("link.csv", "x,y,size\n5,5,4\n"),
        "dota": ("link.txt", "1 1 5 1 5 5 1 5 ring 0\n"),
        "labelme": ("link.json", '{"shapes": [], "imagePath": ""}'),
    }  # fmt: skip
    folder = tmp_path / "labels"
    folder.mkdir()
    file, content = contents[name]
    (folder / file).write_text(content)
    found, complaints = read(name, folder, images)
    assert found or complaints
    assert not any((image.width, image.height) == OUTSIDE for image in found)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_or_taken_outside(
    tmp_path: Path, images: Path, name: str, hostile: str
) -> None:
    source = tmp_path / "in.json"
    image = AnnotatedImage(
        hostile.format(root=tmp_path), 20, 20, 3, (ObjectBox("ring", 1, 1, 5, 5),)
    )
    write: Any = FORMATS["coco"].write
    write(source, Collection([image]), WriteOptions(("ring",)))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    output = tmp_path / "out" / f"labels{FORMATS[name].suffix}"
    try:
        with within(60):
            convert(AnnotationSource(source, images=images), output, FORMATS[name])
    except GalpipeError:
        pass
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(tmp_path / "out") for path in made)
    picture = (tmp_path / "outside.png").read_bytes()
    assert not any(picture in path.read_bytes() for path in made)


@pytest.mark.parametrize("special", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_pipe_a_device_or_a_folder_is_no_file(
    tmp_path: Path, images: Path, name: str, special: str
) -> None:
    suffix = FORMATS[name].suffix
    folder = tmp_path / "labels"
    folder.mkdir()
    for file in (f"a{suffix or '.xml'}", "a.txt", "a.reg", "data.yaml", "classes.txt", "a.cat"):
        path = folder / file
        if special == "pipe":
            os.mkfifo(path)
        elif special == "device":
            path.symlink_to("/dev/zero")
        else:
            path.mkdir()
    (images / "a.png").unlink()
    os.mkfifo(images / "a.png")
    for path in (folder / f"a{suffix or '.xml'}", folder):
        with within(20):
            assert FORMATS[name].recognises(path) is False
            found, complaints = read(name, path, images)
        assert complaints
        assert found == []
        with within(20), pytest.raises(InputError):
            read_label_map(path)


@pytest.mark.parametrize("name", FORMATS)
def test_an_endless_file_is_refused_unread(tmp_path: Path, images: Path, name: str) -> None:
    files = {
        "yolo": "a.txt",
        "dota": "a.txt",
        "voc": "a.xml",
        "ds9": "a.reg",
        "sextractor": "a.cat",
        "labelme": "a.json",
        "vott": "a-asset.json",
        "cvat": "a.xml",
    }
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "classes.txt").write_text("ring\n")
    file = folder / files.get(name, f"a{FORMATS[name].suffix or '.json'}")
    with file.open("wb") as hollow:
        hollow.truncate(5 * 2**30)
    with within(20):
        FORMATS[name].recognises(file)
        FORMATS[name].recognises(folder)
        found, complaints = read(name, folder if name in files else file, images)
    assert complaints
    assert found == []
