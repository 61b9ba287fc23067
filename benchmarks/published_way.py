"""Measure the whole processing of fields beside the usual way of the TensorFlow Model Garden.

    python benchmarks/published_way.py FIELD...

The usual way runs the SavedModel of a detector, with suppression inside, on one tile of 320 pixels
after another, and ``predict`` of a Keras network on one crop after another.  Here it has the same
detector as the shipped one, tiles that overlap by half as galpipe's did before windows, and VGG16
alone instead of the ensemble; for its crops it is given as many galaxies as galpipe finds.  Both
read the picture, in a process of its own on one core, and are measured in CPU time without the
start.  Needs ``galpipe[train]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import cv2
import numpy as np

SIDE = 320
STEP = 160


def use_galpipe() -> Callable[[Path, int], int]:
    """Return a function that does all that a run does for a field, but for writing files."""
    from galpipe import FieldModels, process_field

    models = FieldModels()
    return lambda path, _: process_field(path, models).record.galaxies


def use_published_way() -> Callable[[Path, int], int]:
    """Return a function that searches tiles with a SavedModel, and classifies single crops."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf
    from official.core import export_base
    from official.core.config_definitions import ExperimentConfig
    from official.vision.serving import detection

    import galpipe
    from galpipe.classification.training.vgg16 import build_vgg16
    from galpipe.configs import DetectorTraining, load_config
    from galpipe.detection.training.architectures import build_model
    from galpipe.detection.training.litert_weights import unfold_weights
    from galpipe.models import find_bundle

    os.environ.setdefault("GALPIPE_DATA", ".")
    preset = Path(galpipe.__path__[0], "configs", "ssd_mobilenet.yaml")
    task, model = build_model(load_config(preset, DetectorTraining))
    bundle = find_bundle("ssd_mobilenet")
    unfold_weights(bundle.read("model.tflite"), model)
    module = detection.DetectionModule(
        params=ExperimentConfig(task=task.task_config),
        batch_size=1,
        input_image_size=[SIDE, SIDE],
        model=model,
    )
    with tempfile.TemporaryDirectory() as folder:
        names = {"image_tensor": "serving_default"}
        export_base.export(module, names, folder, timestamped=False)
        detect = tf.saved_model.load(folder).signatures["serving_default"]
    vgg16: keras.Model = build_vgg16(10)

    def process(path: Path, galaxies: int) -> int:
        rgb = tf.io.decode_image(path.read_bytes(), channels=3).numpy()
        tiles = 0
        for top in _starts(rgb.shape[0]):
            for left in _starts(rgb.shape[1]):
                tile = rgb[top : top + SIDE, left : left + SIDE]
                detect(tf.constant(tile[np.newaxis]))
                tiles += 1
        crop = rgb[np.newaxis, :69, :69].astype(np.float32) / 255
        for _ in range(galaxies):
            vgg16.predict(crop, verbose=0)
        return tiles

    return process


def _starts(length: int) -> list[int]:
    return [*range(0, length - SIDE, STEP), length - SIDE]


WAYS = {"galpipe": use_galpipe, "published way": use_published_way}


def measure(way: str, paths: list[Path], galaxies: list[int]) -> dict[str, object]:
    """Process fields, and return the results and the CPU seconds of each."""
    process = WAYS[way]()
    with tempfile.TemporaryDirectory() as folder:
        # The start: models are opened, graphs traced.
        small = Path(folder, "small.png")
        cv2.imwrite(str(small), cv2.imread(str(paths[0]))[:SIDE, :SIDE])
        process(small, 1)
    seconds, results = [], []
    for path, count in zip(paths, galaxies, strict=True):
        start = process_time()
        results.append(process(path, count))
        seconds.append(process_time() - start)
    return {"seconds": seconds, "results": results}


def measured(way: str, paths: list[Path], galaxies: list[int]) -> tuple[list[float], list[int]]:
    """Measure in a process of its own."""
    asked = json.dumps([way, [str(path) for path in paths], galaxies])
    command = [sys.executable, __file__, "--measure", asked]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return result["seconds"], result["results"]


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if sys.argv[1:2] == ["--measure"]:
        way, names, galaxies = json.loads(sys.argv[2])
        print(json.dumps(measure(way, [Path(name) for name in names], galaxies)))
        return
    paths = [Path(name).resolve() for name in sys.argv[1:]]
    if not paths:
        sys.exit(__doc__)
    ours, found = measured("galpipe", paths, [0] * len(paths))
    theirs, tiles = measured("published way", paths, found)
    print("| field | galaxies | tiles | published way, CPU s | galpipe, CPU s | ratio |")
    print("|---|---|---|---|---|---|")
    for row in zip(paths, found, tiles, theirs, ours, strict=True):
        path, galaxies, count, usual, own = row
        seconds = f"{usual:.1f} | {own:.2f} | {usual / own:.1f}"
        print(f"| {path.stem} | {galaxies} | {count} | {seconds} |")


if __name__ == "__main__":
    main()
