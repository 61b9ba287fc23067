"""Train a tiny network on the backend of KERAS_BACKEND; `test_backends.py` runs this.

Usage: train_on_backend.py FOLDER; writes model.keras, views.npy and probabilities.npy there.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from galpipe.classification.training.batches import Batch, RandomViews, Recipe, random_views
from galpipe.classification.training.cnn import build_cnn
from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts
from galpipe.classification.training.finetune import fine_tune
from galpipe.classification.training.fit import Schedule, fit, validation_arrays
from galpipe.classification.training.sources import Sources
from galpipe.configs import AffineAugmentation, Balance, CnnDesign
from galpipe.datasets.labels import Labels

RECIPE = Recipe(
    input_size=32,
    crop_margin=1.5,
    batch_size=8,
    views=16,
    seed=0,
    balance=Balance(class_weights=True),
    mixup=0.3,
)
SCHEDULE = Schedule(
    epochs=2,
    learning_rate=0.01,
    patience=2,
    optimizer="rmsprop",
    rate="plateau",
    label_smoothing=0.1,
)


def cutouts() -> Cutouts:
    images = np.zeros((6, CACHE_SIZE, CACHE_SIZE, 3), np.uint8)
    images[np.arange(6), ..., np.arange(6) % 3] = 200
    allowed = np.eye(3, dtype=np.float32)[np.arange(6) % 3]
    allowed[0], allowed[1] = [1, 1, 0], [0, 0.7, 0.2]
    boxes = np.tile([48.0, 48, 144, 144], (6, 1))
    labels = Labels(allowed, np.arange(6) == 0)
    return Cutouts(tuple(Path(f"{i}.png") for i in range(6)), images, labels, boxes)


def stop_in_second_epoch(views: RandomViews) -> RandomViews:
    class Stopping(type(views)):  # type: ignore[misc]
        def __getitem__(self, index: int) -> Batch:
            if self.epoch == 1:
                raise InterruptedError
            return super().__getitem__(index)

    views.__class__ = Stopping
    return views


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_cnn(3, 32, CnnDesign(filters=(4, 4), dense=4))


def main(folder: Path) -> None:
    sources = Sources(*[cutouts()] * 3, cutouts().select([]), {})
    validation = validation_arrays(sources.validation, RECIPE)
    views = stop_in_second_epoch(random_views(sources, RECIPE))
    try:
        fit(network(), views, validation, SCHEDULE, folder / "cnn")
    except Exception as error:
        print("stopped by", type(error).__name__)
    model = network()
    fit(model, random_views(sources, RECIPE), validation, SCHEDULE, folder / "cnn")
    for layer in model.layers[:4]:
        layer.trainable = False
    cosine = Schedule(epochs=1, learning_rate=0.01)
    few = replace(
        RECIPE, augmentation=AffineAugmentation(kind="affine", symmetry="mirror"), mixup=0
    )
    fine_tune(model, sources, few, cosine, folder / "upper")
    model.save(folder / "model.keras")
    np.save(folder / "views.npy", validation[0])
    np.save(folder / "probabilities.npy", model.predict(validation[0], verbose=0))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    main(Path(sys.argv[1]))
