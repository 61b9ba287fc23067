from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from galpipe.detection.external.packed_labels import packed_labels
from galpipe.errors import BundleError

NETWORK = b"\x1c\x00\x00\x00TFL3" + bytes(1000)
PATH = Path("detector.tflite")


def _packed(files: dict[str, str], comment: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.comment = comment
    return NETWORK + stream.getvalue()


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"labels.txt": "spiral\nelliptical\n\n"}, ("spiral", "elliptical")),
        ({"labelmap.txt": "???\nspiral\r\n???\nelliptical"}, ("spiral", "class 2", "elliptical")),
        ({"anchors.txt": "1 2", "dir/label_map.txt": "spiral"}, ("spiral",)),
        ({"classes.txt": "spiral"}, ("spiral",)),
        ({"a.txt": "spiral", "b.txt": "elliptical"}, None),
        ({"notes.md": "spiral"}, None),
        ({"labels.txt": "\n"}, None),
    ],
)
def test_labels_at_the_end_of_a_network_are_read(
    files: dict[str, str], names: tuple[str, ...] | None
) -> None:
    assert packed_labels(_packed(files), PATH) == names
    assert packed_labels(_packed(files, b"comment"), PATH) == names


def test_a_network_alone_has_no_labels() -> None:
    assert packed_labels(NETWORK, PATH) is None
    assert packed_labels(b"", PATH) is None
    assert packed_labels(NETWORK + b"PK\x05\x06", PATH) is None


def test_what_is_too_large_is_not_unpacked() -> None:
    with pytest.raises(BundleError, match="too large for labels"):
        packed_labels(_packed({"labels.txt": "a\n" * 3_000_000}), PATH)
    with pytest.raises(BundleError, match="has 101 files packed"):
        packed_labels(_packed({f"{number}.txt": "" for number in range(101)}), PATH)


def test_damage_is_named() -> None:
    whole = _packed({"labels.txt": "spiral\nelliptical\n" * 20})
    place = whole.index(b"labels.txt") + len("labels.txt") + 2
    with pytest.raises(BundleError, match=r"detector\.tflite: the labels packed with it cannot"):
        packed_labels(whole[:place] + b"\xff\xff" + whole[place + 2 :], PATH)
    with pytest.raises(BundleError, match="have the class 'spiral' twice"):
        packed_labels(_packed({"labels.txt": "spiral\nspiral\n"}), PATH)
