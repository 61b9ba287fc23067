"""Kill trainings at random moments and start them again.

    python benchmarks/training_kills.py [classifier|detector|tune] --count 20

Every second kill waits for a file that is being written.  A start may not fail, and what was saved
may not be lost, except for the last epoch, checkpoint or trial.  A finished training begins anew in
another folder.  Each start is a fork of one process that has imported the packages: TensorFlow
starts no thread before its first operation.  The exit code is 1 if a start failed or lost more.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.configs import ClassifierTraining, ClassifierTuning, DetectorTraining
from galpipe.files.atomic import is_temporary
from galpipe.models import read_bundle

CLASSES = ("red", "green", "blue")
# Imported when they are needed, in every start.
LATE = (
    "ai_edge_litert.interpreter",
    "matplotlib.pyplot",
    "tensorboard.plugins.scalar.summary_v2",
    "tensorflow.lite.python.lite",
    "tf_keras",
)


@dataclass(frozen=True)
class Kind:
    """Training of a kind.

    Attributes
    ----------
    train : callable
        Trains in a folder, and returns the result's path.
    saved : callable
        Returns the number of epochs, steps or trials saved in a folder.
    step : int
        Largest number that a kill may lose.
    """

    train: Callable[[Path], Path]
    saved: Callable[[Path], int]
    step: int


def make_images(folder: Path) -> Path:
    """Draw coloured blobs with labels and boxes."""
    rng = np.random.default_rng(0)
    rows = ["filename,label"]
    (folder / "boxes").mkdir(parents=True)
    y, x = np.mgrid[:64, :64] - 31.5
    for number in range(24):
        colour = number % 3
        image = rng.normal(8, 3, (64, 64, 3))
        image[..., 2 - colour] += 180 * np.exp(-(x**2 + y**2) / 100)
        cv2.imwrite(str(folder / f"{number}.png"), image.clip(0, 255).astype(np.uint8))
        rows.append(f"{number}.png,{CLASSES[colour]}")
        box = ObjectBox("galaxy", 12, 12, 52, 52)
        annotated = AnnotatedImage(f"{number}.png", 64, 64, objects=(box,))
        write_voc(folder / "boxes" / f"{number}.xml", annotated)
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def classifier(images: Path) -> Kind:
    from galpipe.classification.training.train import train_classifier

    member = {"architecture": "cnn", "filters": [4, 4], "dense": 256, "epochs": 6}
    config = _classifier_config(images, member | {"learning_rate_schedule": "plateau"})
    return Kind(lambda folder: train_classifier(config, folder), _saved_epochs, 1)


def tune(images: Path) -> Kind:
    from galpipe.classification.training.tune import tune_classifier

    member = {"architecture": "cnn", "filters": [32, 32], "dense": 32}
    config = ClassifierTuning(training=_classifier_config(images, member), epochs=2)

    def train(folder: Path) -> Path:
        tune_classifier(config, folder, trials=3)
        return folder / "best.yaml"

    return Kind(train, _saved_trials, 0)


def detector(images: Path) -> Kind:
    import official.vision.tasks.retinanet  # noqa: F401  once for all starts
    from official.vision.modeling.backbones import mobilenet

    from galpipe.detection.training import ssd_mobilenet
    from galpipe.detection.training.train import train_detector

    mobilenet.MNV2_BLOCK_SPECS["block_specs"] = [
        ("convbn", 3, 2, 8, None, False),
        ("convbn", 3, 2, 8, None, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 3, 2, 16, None, True),
        ("convbn", 1, 1, 16, None, False),
    ]
    original = ssd_mobilenet.set_architecture
    small = {"decoder": {"fpn": {"num_filters": 16}}, "head": {"num_convs": 1, "num_filters": 16}}

    def set_architecture(model_config: Any, architecture: str) -> None:
        original(model_config, architecture)
        model_config.override(small)

    ssd_mobilenet.set_architecture = set_architecture
    config = DetectorTraining.model_validate(
        {
            "data": [{"images": str(images), "annotations": str(images / "boxes")}],
            "backbone_weights": "none",
            "input_size": 64,
            "anchors": {"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
            "steps": 40,
            "batch_size": 2,
            "warmup_steps": 5,
            "checkpoint_every": 2,
            "validate_every": 10,
            "scale_range": [0.5, 1.5],
        }
    )
    return Kind(lambda folder: train_detector(config, folder), _saved_steps, 2)


def _classifier_config(images: Path, member: dict[str, Any]) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {
            "class_names": CLASSES,
            "data": [{"images": str(images), "labels": str(images / "labels.csv")}],
            "members": [member],
            "input_size": 32,
            "views_per_epoch": 32,
        }
    )


def _saved_epochs(folder: Path) -> int:
    return max((_number(path) for path in folder.rglob("epoch-*.weights.h5")), default=0)


def _saved_steps(folder: Path) -> int:
    return max((_number(path) for path in folder.glob("checkpoints/ckpt-*.index")), default=0)


def _saved_trials(folder: Path) -> int:
    record = folder / "trials.json"
    return len(yaml.safe_load(record.read_text())) if record.is_file() else 0


def _number(path: Path) -> int:
    return int(path.name.partition("-")[2].partition(".")[0])


def start(train: Callable[[Path], Path], folder: Path, log: Path) -> int:
    """Train in a fork of this process, and return its process id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with log.open("w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        result = train(folder)
        if result.is_dir():
            read_bundle(result).verify()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(process: int, seconds: float, folder: Path | None) -> int | None:
    """Return the exit code if a process ends in time, or before a file in a folder is written."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if folder is not None and _is_written(folder):
            return None
        time.sleep(0.001 if folder is not None else 0.02)
    return None


def _is_written(folder: Path) -> bool:
    # Folders that are written come and go while they are listed.
    with suppress(FileNotFoundError):
        return any(
            is_temporary(path.name) or "_temp" in path.name or path.name.startswith(".bundle")
            for pattern in ("*", "*/*", "*/*/*")
            for path in folder.glob(pattern)
        )
    return True


def torture(kind: Kind, count: int, folder: Path, seed: int) -> list[str]:
    """Kill starts of a training, and return what went wrong."""
    rng = random.Random(seed)
    log = folder / "log.txt"
    faults: list[str] = []
    began, used = time.monotonic(), cpu_seconds()
    if wait(start(kind.train, folder / "whole", log), 3600, None):
        return [f"undisturbed: {log.read_text()[-2000:]}"]
    whole = time.monotonic() - began
    print(f"{cpu_seconds() - used:.1f} s of CPU for an undisturbed training", flush=True)
    used = cpu_seconds()
    rounds = 0
    place, killed = folder / "0", 0
    while killed < count:
        before = kind.saved(place)
        process = start(kind.train, place, log)
        writing = rng.random() < 0.5
        code = wait(process, rng.uniform(0, whole), None)
        if code is None and writing:
            code = wait(process, whole, place)
        if code is None:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            killed += 1
        elif code:
            faults.append(f"start {killed}: {log.read_text()[-2000:]}")
        if kind.saved(place) < before - kind.step:
            faults.append(f"start {killed}: {before} were saved, now {kind.saved(place)}")
        if code is not None:
            rounds += 1
            place = folder / str(rounds)
    if wait(start(kind.train, place, log), 3600, None):
        faults.append(f"last start: {log.read_text()[-2000:]}")
    print(
        f"{killed} kills, {rounds + 1} trainings finished, {len(faults)} faults, "
        f"{(cpu_seconds() - used) / killed:.1f} s of CPU a kill"
    )
    return faults


def cpu_seconds() -> float:
    """Return the time of processors used by the starts that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def main() -> int:
    parser = argparse.ArgumentParser()
    kinds = {"classifier": classifier, "detector": detector, "tune": tune}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    for name in LATE:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        kind = kinds[arguments.kind](make_images(Path(folder, "images")))
        faults = torture(kind, arguments.count, Path(folder), arguments.seed)
    print("\n".join(faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
