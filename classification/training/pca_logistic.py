"""Member ``pca_logistic``: principal components and logistic regression, as layers of a network."""

from __future__ import annotations

import csv
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ...configs import ClassifierTraining, PcaLogisticMember
from ...datasets.labels import Labels
from ...errors import ConfigError, require
from ...files.atomic import atomic_path
from ...imaging import remove_sky
from ...metrics.scree import plot_scree
from .balance import correct_priors, drawn_shares
from .batches import as_input
from .dataset import Cutouts
from .hog import hog_features
from .keras_reader import read_keras_network
from .member_kind import MemberKind, TrainingJob, softmax_output

__all__ = ["PCA_LOGISTIC", "SCREE_NAME", "fit_pca_logistic"]

SCREE_NAME = "scree.png"

_MOST_SHOWN = 100
_BATCH = 64
_ITERATIONS = 2000


def fit_pca_logistic(
    member: PcaLogisticMember, config: ClassifierTraining, train: Cutouts
) -> tuple[keras.Model, NDArray[np.float64]]:
    """Fit the components and the regression, and express both as a network.

    The images are cropped as in a run, without augmentation.  The components are scaled to equal
    variance.  Images weigh as often as the balance draws them; an image with probabilities counts
    for each class by its probability, and one with a set of classes for the components alone.

    Parameters
    ----------
    member : PcaLogisticMember
        Settings of the member.
    config : ClassifierTraining
        Settings of the training.
    train : Cutouts
        N training images.

    Returns
    -------
    model : keras.Model
        Maps RGB in 0..1 to class probabilities.
    shares : ndarray of float64
        Fraction of the variance of each of the first 100 components, or of all if fewer.

    Raises
    ------
    ConfigError
        If there are fewer components than asked for, or images of one class alone.
    """
    decomposition = require("sklearn.decomposition", "train")
    inputs, outputs = _features(member, config.input_size)
    crops = train.crops(config.input_size, config.crop_margin)
    if config.sky == "removed":
        crops = remove_sky(crops)
    extractor = keras.Model(inputs, outputs)
    batches = (crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH))
    features = np.concatenate(
        [
            keras.ops.convert_to_numpy(extractor(as_input(batch), training=False))
            for batch in batches
        ]
    )
    most = min(features.shape)
    if member.components > most:
        raise ConfigError(
            f"pca_logistic: {len(features)} images with {features.shape[1]} features have {most} "
            f"components, not {member.components}; set components to at most that"
        )
    pca = decomposition.PCA(
        min(max(_MOST_SHOWN, member.components), most),
        svd_solver="randomized",
        random_state=config.seed,
    ).fit(features)
    scale = np.sqrt(np.maximum(pca.explained_variance_[: member.components], 1e-12))
    kernel = (pca.components_[: member.components] / scale[:, None]).T
    offset = -pca.mean_ @ kernel
    weights, bias = _regression(
        features @ kernel + offset, train.labels, drawn_shares(train.labels, config.balance), member
    )
    components = layers.Dense(member.components, name="components")
    model = keras.Model(
        inputs, softmax_output(components(outputs), train.labels.num_classes), name="pca_logistic"
    )
    components.set_weights([kernel, offset])
    model.get_layer("probabilities").set_weights([weights, bias])
    return model, np.asarray(pca.explained_variance_ratio_[:_MOST_SHOWN], np.float64)


def _features(member: PcaLogisticMember, size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of the network and the features, shape (N, F)."""
    inputs = keras.Input((size, size, 3), name="image")
    if member.features == "pixels":
        return inputs, layers.Flatten(name="pixels")(inputs)
    if member.features == "hog":
        return inputs, hog_features(inputs)
    network = _penultimate(member.features)
    side = network.inputs[0].shape[1]
    x = layers.Resizing(side, side, name="resize")(inputs) if side not in (None, size) else inputs
    return inputs, network(x)


def _penultimate(path: Path | str) -> keras.Model:
    """Return the part of a network before its last dense layer, not trainable."""
    network = read_keras_network(Path(path))
    dense = [layer for layer in network.layers if isinstance(layer, layers.Dense)]
    if len(network.inputs) != 1 or network.inputs[0].shape[-1] != 3 or not dense:
        raise ConfigError(f"{path}: is not a network that takes RGB and ends in a dense layer")
    features = dense[-1].input
    if len(features.shape) > 2:
        raise ConfigError(f"{path}: the input of its last dense layer is not one row of features")
    part = keras.Model(network.inputs, features, name="features")
    part.trainable = False
    return part


def _regression(
    scores: NDArray[np.float32],
    labels: Labels,
    shares: NDArray[np.float64],
    member: PcaLogisticMember,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit a multinomial regression, and return the weights, shape (K, C), and the bias, (C,)."""
    linear_model = require("sklearn.linear_model", "train")
    rows, classes = np.nonzero(np.where(labels.is_set[:, None], 0, labels.values))
    present = np.unique(classes)
    if len(present) < 2:
        raise ConfigError("pca_logistic: the training images have labels of fewer than two classes")
    weight = labels.values[rows, classes] * shares[rows]
    regression = linear_model.LogisticRegression(C=1 / member.penalty, max_iter=_ITERATIONS)
    regression.fit(scores[rows], classes, sample_weight=weight * len(labels))
    found, offset = regression.coef_, regression.intercept_
    if len(present) == 2:
        # One row for two classes: its logit is the difference of theirs.
        found, offset = np.concatenate([-found, found]) / 2, np.concatenate([-offset, offset]) / 2
    # Classes without images are as improbable as float32 can express.
    weights = np.zeros((scores.shape[1], labels.num_classes), np.float32)
    bias = np.full(labels.num_classes, -80, np.float32)
    weights[:, present], bias[present] = found.T, offset
    return weights, bias


def _train(member: PcaLogisticMember, job: TrainingJob) -> keras.Model:
    train = job.sources.train
    model, shares = fit_pca_logistic(member, job.config, train)
    if job.config.balance.frequencies == "data":
        correct_priors(model, train.labels, drawn_shares(train.labels, job.config.balance))
    job.folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(job.folder / SCREE_NAME) as temporary:
        temporary.write_bytes(plot_scree(shares.tolist(), member.components))
    with (
        atomic_path(job.folder / "scree.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as lines,
    ):
        writer = csv.writer(lines)
        writer.writerow(["component", "variance_fraction", "sum"])
        rows = zip(shares.tolist(), np.cumsum(shares).tolist(), strict=True)
        writer.writerows(
            [number, f"{share:.6g}", f"{total:.6g}"]
            for number, (share, total) in enumerate(rows, 1)
        )
    return model


def _check(member: PcaLogisticMember, config: ClassifierTraining) -> object:
    return _features(member, config.input_size)


def _describe(member: PcaLogisticMember) -> str:
    known = {"pixels": "the pixels", "hog": "histograms of oriented gradients"}
    features = known.get(str(member.features), f"the features of {Path(member.features).name}")
    return (
        f"{member.components} principal components of {features}, scaled to equal variance, and "
        f"logistic regression with an L2 penalty of {member.penalty:g}, without augmentation"
    )


PCA_LOGISTIC = MemberKind(PcaLogisticMember, _train, _describe, check=_check, picture=SCREE_NAME)
