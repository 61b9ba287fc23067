"""Compare the time of galpipe, globox and supervision for Pascal VOC to COCO and back.

    python benchmarks/annotations.py [--images 20000]

All libraries do the same work several times in one run; the fastest time counts.  The images are
links to one small JPEG, so that decoding takes no time, with five boxes each.  Each result is read
again and compared with the input.  Set `TMPDIR` to a RAM disk to exclude the disk from the times.
Needs `galpipe[dev]`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.convert import convert
from galpipe.annotations.formats.format import WriteOptions
from galpipe.annotations.formats.registry import format_named
from galpipe.annotations.source import AnnotationSource

ROUNDS = 3
SIDE = 64
BOXES = 5
CLASSES = ("spiral", "elliptical", "merger")

Direction = Callable[[Path, Path, Path], object]


def make(folder: Path, count: int) -> None:
    """Write images and their annotations to ``images`` and ``voc``."""
    images = folder / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    first = images / "000000.jpg"
    cv2.imwrite(str(first), rng.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8))
    collection = Collection()
    for number in range(count):
        name = f"{number:06}.jpg"
        if number:
            os.link(first, images / name)
        low = rng.integers(1, SIDE // 2, (BOXES, 2))
        high = low + rng.integers(4, SIDE // 2, (BOXES, 2))
        labels = rng.choice(CLASSES, BOXES)
        edges = np.hstack([low, high]).tolist()
        boxes = [ObjectBox(str(label), *edge) for label, edge in zip(labels, edges, strict=True)]
        collection.append(AnnotatedImage(name, SIDE, SIDE, 3, tuple(boxes)))
    write = format_named("voc").write
    assert write is not None
    write(folder / "voc", collection, WriteOptions(CLASSES))


def galpipe_to(form: str) -> Direction:
    def work(source: Path, images: Path, output: Path) -> None:
        convert(AnnotationSource(source, images=images), output, format_named(form))

    return work


def supervision_to_coco(source: Path, images: Path, output: Path) -> None:
    import supervision

    data = supervision.DetectionDataset.from_pascal_voc(str(images), str(source))
    data.as_coco(annotations_path=str(output))


def supervision_to_voc(source: Path, images: Path, output: Path) -> None:
    import supervision

    data = supervision.DetectionDataset.from_coco(str(images), str(source))
    data.as_pascal_voc(annotations_directory_path=str(output))


def globox_to_coco(source: Path, images: Path, output: Path) -> None:
    import globox

    globox.AnnotationSet.from_pascal_voc(source).save_coco(output, auto_ids=True)


def globox_to_voc(source: Path, images: Path, output: Path) -> None:
    import globox

    globox.AnnotationSet.from_coco(source).save_pascal_voc(output)


LIBRARIES: dict[str, tuple[Direction, Direction]] = {
    "galpipe": (galpipe_to("coco"), galpipe_to("voc")),
    "globox": (globox_to_coco, globox_to_voc),
    "supervision": (supervision_to_coco, supervision_to_voc),
}


def difference(path: Path, truth: Path, images: Path) -> str:
    """Return the difference of two data sets: in images, in objects, or in pixels of the edges."""
    found, expected = (
        {image.filename: image for _, image in AnnotationSource(place, images=images)}
        for place in (path, truth)
    )
    if found.keys() != expected.keys():
        return f"{len(found)} of {len(expected)} images"
    pairs = [(found[name], expected[name]) for name in found]
    if any(sorted(one.labels) != sorted(other.labels) for one, other in pairs):
        return "other objects"
    far = max(np.abs(one.boxes - other.boxes).max() for one, other in pairs)
    return f"edges up to {far:g} px off" if far else "the same"


def measure(folder: Path, seconds: dict[str, list[list[float]]], *, compare: bool) -> None:
    """Convert there and back once with every library."""
    images, voc = folder / "images", folder / "voc"
    for name, directions in LIBRARIES.items():
        coco, back = folder / f"{name}.json", folder / f"{name}-voc"
        for work, source, output, times in zip(
            directions, (voc, coco), (coco, back), seconds[name], strict=True
        ):
            start = perf_counter()
            work(source, images, output)
            times.append(perf_counter() - start)
            if compare:
                print(f"{name}, {output.name}: {difference(output, voc, images)}")
        coco.unlink()
        shutil.rmtree(back)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=20_000)
    count = parser.parse_args().images
    seconds: dict[str, list[list[float]]] = {name: [[], []] for name in LIBRARIES}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), count)
        for turn in range(ROUNDS):
            measure(Path(folder), seconds, compare=turn == 0)
    title = f"{count} images, {count * BOXES} boxes"
    print(f"{title:<30}{'VOC to COCO':>20}{'COCO to VOC':>20}")
    base = [min(times) for times in seconds["galpipe"]]
    for name, both in seconds.items():
        row = ""
        for times, least in zip(both, base, strict=True):
            row += f"{min(times):10.2f} s {min(times) / least:5.2f} x"
        print(f"{name:<30}{row}")


if __name__ == "__main__":
    main()
