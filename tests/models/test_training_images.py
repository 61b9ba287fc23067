from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.errors import BundleError
from galpipe.models import read_bundle, write_bundle
from galpipe.models.training_images import (
    TRAINING_IMAGES_NAME,
    RecordedImage,
    format_images,
    read_images,
)


def with_record(tiny: Path, folder: Path, content: bytes) -> Path:
    bundle = read_bundle(tiny)
    files = {name: bundle.read(name) for name in bundle.manifest.files}
    return write_bundle(folder, bundle.manifest, files | {TRAINING_IMAGES_NAME: content}, "", {})


def test_what_is_recorded_is_read(tiny_classifier_bundle: Path, tmp_path: Path) -> None:
    images = [
        RecordedImage("test", 'odd, "name"\n.png', "ab", bytes(range(64))),
        RecordedImage("train", "銀河.png", "cd", b""),
    ]
    place = with_record(tiny_classifier_bundle, tmp_path / "new", format_images(images))
    assert read_images(read_bundle(place)) == images
    assert read_images(read_bundle(tiny_classifier_bundle)) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"other\n",
        b"\xff\xfe",
        b"part,name,sha256,sketch\ntrain,a\n",
        b"part,name,sha256,sketch\ntrain,a,b,*\n",
        b"part,name,sha256,sketch\nelsewhere,a,b,\n",
    ],
)
def test_a_damaged_record_is_named(
    tiny_classifier_bundle: Path, tmp_path: Path, content: bytes
) -> None:
    place = with_record(tiny_classifier_bundle, tmp_path / "new", content)
    with pytest.raises(BundleError, match=TRAINING_IMAGES_NAME):
        read_images(read_bundle(place))
