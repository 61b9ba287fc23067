from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox, read_label_map
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.formats.tfrecord import FORMAT, read_tfrecord, write_tfrecord
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError, OutputError

pytestmark = pytest.mark.tensorflow

GALAXY = ObjectBox("galaxy", 1, 2.5, 30, 40)
STAR = ObjectBox("star", -3, 0, 70, 51, difficult=True, truncated=True, pose="Left")
NAMES = ("star", "galaxy")
WIDTH, HEIGHT = 64, 48


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    """Images a.png, b.jpg and c.fits of 64 x 48 pixels."""
    folder = tmp_path_factory.mktemp("images")
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    for name in ("a.png", "b.jpg"):
        assert cv2.imwrite(str(folder / name), pixels)
    fits.PrimaryHDU(pixels[..., 0].astype(np.float32)).writeto(folder / "c.fits")
    return ImageFolder(folder)


def write(
    folder: Path, pictures: ImageFolder | None, images: list[AnnotatedImage], **settings: Any
) -> list[Path]:
    write_tfrecord(folder, Collection(images), WriteOptions(NAMES, pictures, settings))
    return sorted(folder.glob("*.tfrecord"))


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in read_tfrecord(path, ReadOptions(**reading))]


def example(**changes: Any) -> bytes:
    """Serialised record of one galaxy; a change replaces a feature, None removes it."""
    import tensorflow as tf

    features = {
        "image/filename": [b"a.png"],
        "image/width": [WIDTH],
        "image/height": [HEIGHT],
        "image/object/bbox/xmin": [0.25],
        "image/object/bbox/xmax": [0.5],
        "image/object/bbox/ymin": [0.0],
        "image/object/bbox/ymax": [1.0],
        "image/object/class/text": [b"galaxy"],
        "image/object/class/label": [2],
    }
    for key, values in changes.items():
        features[f"image/{key}"] = values
    lists = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
    message = tf.train.Example()
    for name, values in features.items():
        if values is not None:
            getattr(message.features.feature[name], lists[type(values[0])]).value.extend(values)
    content = message.SerializeToString()
    assert isinstance(content, bytes)
    return content


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """Write records to a file."""
    import tensorflow as tf

    def make(*records: bytes) -> Path:
        with tf.io.TFRecordWriter(str(tmp_path / "a.record")) as writer:
            for content in records:
                writer.write(content)
        return tmp_path / "a.record"

    return make


def test_the_features_are_those_of_the_object_detection_api(
    tmp_path: Path, pictures: ImageFolder
) -> None:
    import tensorflow as tf

    [file] = write(tmp_path / "set", pictures, [AnnotatedImage("a", 64, 48, 3, (GALAXY, STAR))])
    assert file.name == "set-00000-of-00001.tfrecord"
    [content] = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    features = tf.train.Example.FromString(content).features.feature
    values = {
        key: list(getattr(feature, feature.WhichOneof("kind")).value)
        for key, feature in features.items()
    }
    encoded = (pictures.folder / "a.png").read_bytes()
    assert values.pop("image/encoded") == [encoded]
    assert values.pop("image/key/sha256") == [hashlib.sha256(encoded).hexdigest().encode()]
    np.testing.assert_allclose(values.pop("image/object/bbox/xmin"), [1 / 64, -3 / 64])
    np.testing.assert_allclose(values.pop("image/object/bbox/xmax"), [30 / 64, 70 / 64])
    np.testing.assert_allclose(values.pop("image/object/bbox/ymin"), [2.5 / 48, 0])
    np.testing.assert_allclose(values.pop("image/object/bbox/ymax"), [40 / 48, 51 / 48])
    assert values == {
        "image/format": [b"png"],
        "image/filename": [b"a"],
        "image/source_id": [b"1"],
        "image/width": [64],
        "image/height": [48],
        "image/object/class/text": [b"galaxy", b"star"],
        "image/object/class/label": [2, 1],
        "image/object/difficult": [0, 1],
        "image/object/is_crowd": [0, 1],
        "image/object/truncated": [0, 1],
        "image/object/view": [b"Unspecified", b"Left"],
        "image/object/area": [29 * 37.5, 73 * 51],
    }
    assert read_label_map(tmp_path / "set" / "label_map.pbtxt") == NAMES


def test_tf_vision_reads_what_is_written(tmp_path: Path, pictures: ImageFolder) -> None:
    import tensorflow as tf

    decoders = pytest.importorskip("official.vision.dataloaders.tf_example_decoder")
    decoder = decoders.TfExampleDecoder()
    images = [
        AnnotatedImage("a.png", 64, 48, 3, (GALAXY, STAR)),
        AnnotatedImage("b.jpg", 64, 48),
        AnnotatedImage("c.fits", 0, 0, 3, (GALAXY,)),
    ]
    [file] = write(tmp_path, pictures, images)
    decoded = [decoder.decode(record) for record in tf.data.TFRecordDataset(str(file))]
    assert [one["source_id"].numpy() for one in decoded] == [b"1", b"2", b"3"]
    for one, image in zip(decoded, images, strict=True):
        assert one["image"].shape == (HEIGHT, WIDTH, 3)
        assert (one["width"], one["height"]) == (WIDTH, HEIGHT)
        boxes = one["groundtruth_boxes"].numpy()[:, [1, 0, 3, 2]]
        np.testing.assert_allclose(boxes * [64, 48, 64, 48], image.boxes, atol=1e-4)
        assert one["groundtruth_classes"].numpy().tolist() == [
            NAMES.index(label) + 1 for label in image.labels
        ]
        assert one["groundtruth_is_crowd"].numpy().tolist() == image.difficult.tolist()
    truth = cv2.imread(str(pictures.folder / "a.png"))[..., ::-1]
    np.testing.assert_array_equal(decoded[0]["image"].numpy(), truth)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
edges = st.floats(-1000, 1000, width=32)
objects = st.builds(
    ObjectBox,
    st.sampled_from(NAMES),
    edges,
    edges,
    edges,
    edges,
    st.booleans(),
    st.booleans(),
    words,
)


@settings(max_examples=8)
@given(
    boxes=st.lists(st.lists(objects, max_size=3).map(tuple), min_size=1, max_size=3),
    shards=st.integers(1, 4),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    pictures: ImageFolder,
    boxes: list[tuple[ObjectBox, ...]],
    shards: int,
) -> None:
    folder = tmp_path_factory.mktemp("records")
    images = [
        AnnotatedImage(name, WIDTH, HEIGHT, objects=found)
        for name, found in zip(("a.png", "b.jpg", "c"), boxes, strict=False)
    ]
    assert len(write(folder, pictures, images, shards=shards)) == shards
    back = read(folder)
    assert [image.filename for image in back] == [image.filename for image in images]
    for image, written in zip(back, images, strict=True):
        assert (image.width, image.height) == (WIDTH, HEIGHT)
        np.testing.assert_allclose(image.boxes, written.boxes, rtol=0, atol=1e-3)
        for one, other in zip(image.objects, written.objects, strict=True):
            for name in ("label", "difficult", "truncated", "pose"):
                assert getattr(one, name) == getattr(other, name)


@given(
    corners=st.lists(st.integers(0, 8000), min_size=4, max_size=4), width=st.integers(4000, 8000)
)
def test_whole_pixels_come_back_whole(corners: list[int], width: int) -> None:
    shares = np.float32(np.array(corners) / width)
    assert [round(float(share) * width, 3) for share in shares] == corners


def test_shards_of_an_earlier_time_are_removed(tmp_path: Path, pictures: ImageFolder) -> None:
    images = [AnnotatedImage(name, 64, 48) for name in ("a.png", "b.jpg")]
    other = tmp_path / "other-00000-of-00009.tfrecord"
    other.touch()
    write(tmp_path, pictures, images, shards=2)
    files = write(tmp_path, pictures, images, shards=1)
    assert sorted(files) == sorted([other, tmp_path / f"{tmp_path.name}-00000-of-00001.tfrecord"])
    assert [image.filename for image in read(tmp_path)] == ["a.png", "b.jpg"]


@pytest.mark.parametrize("shards", [-1, 2.5, "many", 100_000])
def test_the_number_of_shards_must_make_sense(
    tmp_path: Path, pictures: ImageFolder, shards: object
) -> None:
    with pytest.raises(InputError, match="shards"):
        write(tmp_path, pictures, [], shards=shards)


def test_images_must_be_there_whole_and_of_the_size_that_was_annotated(
    tmp_path: Path, pictures: ImageFolder
) -> None:
    with pytest.raises(InputError, match="--images"):
        write(tmp_path, None, [])
    with pytest.raises(InputError, match="no image 'gone'"):
        write(tmp_path, pictures, [AnnotatedImage("gone", 64, 48)])
    with pytest.raises(InputError, match="64 x 48 pixels"):
        write(tmp_path, pictures, [AnnotatedImage("a", 640, 480)])
    with pytest.raises(InputError, match="none of the classes"):
        write(tmp_path, pictures, [AnnotatedImage("a", 64, 48, 3, (ObjectBox("x", 0, 0, 1, 1),))])
    half = ObjectBox("star", 0, 0, 1, 1, pose="\ud800")
    with pytest.raises(OutputError, match="not valid text"):
        write(tmp_path, pictures, [AnnotatedImage("a", 64, 48, 3, (half,))])
    (tmp_path / "images").mkdir()
    content = (pictures.folder / "a.png").read_bytes()
    (tmp_path / "images" / "a.png").write_bytes(content[:-20])
    with pytest.raises(InputError, match="truncated"):
        write(tmp_path, ImageFolder(tmp_path / "images"), [AnnotatedImage("a", 64, 48)])
    assert not list(tmp_path.glob("*.tfrecord"))


def test_records_without_texts_are_named_by_the_label_map(record: Callable[..., Path]) -> None:
    numbered = example(**{"object/class/text": None})
    path = record(numbered)
    with pytest.raises(InputError, match="--classes"):
        read(path)
    assert read(path, class_names=NAMES)[0].labels == ("galaxy",)
    path.with_name("label_map.pbtxt").write_text(
        "item { id: 1 name: 'x' } item { id: 2 name: 'y' }"
    )
    assert FORMAT.read_classes is not None
    for place in (path, path.parent):
        assert FORMAT.read_classes(place) == ("x", "y")
        assert read(place, class_names=NAMES)[0].labels == ("y",)


def test_what_other_writers_leave_out(record: Callable[..., Path], pictures: ImageFolder) -> None:
    encoded = (pictures.folder / "b.jpg").read_bytes()
    without = {f"object/bbox/{edge}": None for edge in ("xmin", "ymin", "xmax", "ymax")}
    without |= {"object/class/text": None, "object/class/label": None}
    path = record(
        example(width=None, height=None, encoded=[encoded]),
        example(filename=None, source_id=[b"17"], **{"object/is_crowd": [1]}),
        example(**without),
    )
    sized, named, empty = read(path)
    assert sized == AnnotatedImage("a.png", 64, 48, 3, (ObjectBox("galaxy", 16, 0, 32, 48),))
    assert named.filename == "17"
    assert named.difficult.tolist() == [True]
    assert empty.objects == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": None},
        {"filename": [7]},
        {"filename": [b"\xff"]},
        {"width": None},
        {"width": [b"64"]},
        {"width": [2**62]},
        {"width": [-1]},
        {"width": None, "encoded": [b"\x89PNG\r\n\x1a\n"]},
        {"object/bbox/xmin": None},
        {"object/bbox/xmin": [0.1, 0.2]},
        {"object/bbox/xmin": [1]},
        {"object/bbox/xmin": [float("nan")]},
        {"object/bbox/xmin": [1e30]},
        {"object/bbox/xmin": [9e8]},
        {"object/class/text": [b"a", b"b"]},
        {"object/class/text": [b"\xff"]},
        {"object/class/text": None, "object/class/label": [3]},
        {"object/class/text": None, "object/class/label": [0]},
        {"object/class/text": None, "object/class/label": None},
        {"object/difficult": [0, 1]},
        {"object/view": [3]},
    ],
)
def test_a_record_that_cannot_be_understood_is_left_out(
    record: Callable[..., Path], changes: dict[str, Any]
) -> None:
    path = record(example(), example(**changes), b"\xff\xff\xff", example())
    errors: list[InputError] = []
    assert len(read(path, class_names=NAMES, on_error=errors.append)) == 2
    assert [f"record {number}" in str(error) for number, error in enumerate(errors, 2)] == [
        True
    ] * 2


def test_damaged_files_are_told(record: Callable[..., Path]) -> None:
    path = record(example(), example())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[40] ^= 1
    for content in (
        whole[:-1],
        whole[:-30],
        whole[:7],
        b"\x1f\x8b" + whole,
        bytes(flipped),
        struct.pack("<QI", 2**63, 0) + whole,
        struct.pack("<QI", 2**40, 0) + whole,
        struct.pack("<QI", 3, 0) + bytes(7),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.record"):
            read(path)
    path.write_bytes(b"")
    assert read(path) == []


@settings(max_examples=5)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 150), st.binary(max_size=50)), min_size=50, max_size=200
    )
)
def test_no_record_raises_anything_but_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    import tensorflow as tf

    path = tmp_path_factory.getbasetemp() / "any.tfrecord"
    whole = example()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for place, content in changes:
            writer.write(whole[:place] + content + whole[place + len(content) :])
    errors: list[InputError] = []
    assert len(read(path, on_error=errors.append)) + len(errors) == len(changes)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.tfrecord", True),
        ("a.record", True),
        ("a-00000-of-00010.tfrecord", True),
        ("a.tfrecord-00000-of-00010", True),
        ("shard-00000-of-00001", True),
        ("a.records.txt", False),
        ("a.png", False),
    ],
)
def test_files_are_known_by_their_names(
    tmp_path: Path, record: Callable[..., Path], name: str, known: bool
) -> None:
    record(example()).rename(tmp_path / name)
    assert FORMAT.recognises(tmp_path / name) == known
    assert FORMAT.recognises(tmp_path) == known
    if known:
        assert [image.filename for image in read(tmp_path)] == ["a.png"]
    else:
        with pytest.raises(InputError, match="holds no"):
            read(tmp_path)
    assert not FORMAT.recognises(tmp_path / "none")
    with pytest.raises(InputError):
        read(tmp_path / "none")
