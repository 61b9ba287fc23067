from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from galpipe.classification.classifier import load_classifier
from galpipe.classification.training.dataset import Cutouts, load_cutouts
from galpipe.classification.training.export import compare, to_litert
from galpipe.classification.training.hog import hog_features
from galpipe.classification.training.member_kind import TrainingJob
from galpipe.classification.training.members import member_kind
from galpipe.classification.training.pca_logistic import fit_pca_logistic
from galpipe.classification.training.sources import Sources
from galpipe.classification.training.train import train_classifier
from galpipe.configs import ClassifierData, ClassifierTraining, PcaLogisticMember
from galpipe.datasets.label_tables import read_label_table
from galpipe.errors import ConfigError
from galpipe.models import read_bundle

pytestmark = pytest.mark.tensorflow

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def train(labelled_folder: Callable[..., Path]) -> Cutouts:
    folder = labelled_folder(8)
    return load_cutouts(read_label_table(folder / "labels.csv", folder, COLOURS), 3, {})


def _config(member: PcaLogisticMember, **settings: object) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {
            "class_names": COLOURS,
            "data": (ClassifierData(images=Path("a"), labels=Path("b")),),
            "members": (member,),
            "input_size": 32,
            **settings,
        }
    )


def _member(**settings: object) -> PcaLogisticMember:
    return PcaLogisticMember.model_validate(
        {"architecture": "pca_logistic", "components": 5, **settings}
    )


def test_the_network_equals_scikit_learn(train: Cutouts) -> None:
    member = _member(penalty=0.5)
    model, shares = fit_pca_logistic(member, _config(member), train)
    crops = train.crops(32, 1.5)
    pixels = crops.reshape(len(crops), -1) / 255
    expected = make_pipeline(
        PCA(5, whiten=True, svd_solver="full"), LogisticRegression(C=2, max_iter=2000)
    ).fit(pixels, train.labels.class_ids)
    given = np.asarray(model(crops.astype(np.float32) / 255, training=False))
    np.testing.assert_allclose(given, expected.predict_proba(pixels), atol=2e-3)
    assert (given.argmax(axis=1) == train.labels.class_ids).all()
    assert len(shares) == 24
    full = PCA(24).fit(pixels).explained_variance_ratio_
    np.testing.assert_allclose(shares[:5], full[:5], rtol=1e-3)
    agreement = compare(model, to_litert(model, "float32"), crops)
    assert agreement.largest_difference < 1e-4


def test_features_of_a_trained_network_are_decomposed(train: Cutouts, tmp_path: Path) -> None:
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D(name="colour")(inputs)
    path = tmp_path / "trained.keras"
    keras.Model(inputs, layers.Dense(4, activation="softmax")(x)).save(path)
    member = _member(features=path, components=3)
    model, shares = fit_pca_logistic(member, _config(member), train)
    assert len(shares) == 3
    crops = train.crops(32, 1.5).astype(np.float32) / 255
    chosen = np.asarray(model(crops, training=False)).argmax(axis=1)
    assert (chosen == train.labels.class_ids).all()
    check = member_kind(member).check
    assert check is not None
    check(member, _config(member))
    with pytest.raises(ConfigError, match="have 3 components, not 4; set components"):
        fit_pca_logistic(_member(features=path, components=4), _config(member), train)


def test_a_class_without_images_is_never_predicted(train: Cutouts) -> None:
    two = train.select(train.labels.class_ids != 1)
    member = _member()
    model, _ = fit_pca_logistic(member, _config(member), two)
    given = np.asarray(model(two.crops(32, 1.5).astype(np.float32) / 255, training=False))
    assert given[:, 1].max() < 1e-20
    assert (given.argmax(axis=1) == two.labels.class_ids).all()
    with pytest.raises(ConfigError, match="fewer than two classes"):
        fit_pca_logistic(member, _config(member), train.select(train.labels.class_ids == 1))


def test_the_scree_plot_is_written_beside_the_network(train: Cutouts, tmp_path: Path) -> None:
    member = _member()
    nothing = train.select([])
    sources = Sources(train, nothing, nothing, nothing, {})
    config = _config(member, balance={"evenness": 0, "frequencies": "data"})
    kind = member_kind(member)
    kind.train(member, TrainingJob(config, sources, tmp_path / "pca_logistic"))
    assert (tmp_path / "pca_logistic" / str(kind.picture)).read_bytes()[:4] == b"\x89PNG"
    table = np.genfromtxt(tmp_path / "pca_logistic" / "scree.csv", delimiter=",", names=True)
    assert len(table) == 24
    assert table["sum"][-1] == pytest.approx(1, abs=1e-3)
    assert "5 principal components of the pixels" in kind.describe(member)


@pytest.mark.training
def test_the_card_of_a_training_shows_the_scree_plot(
    labelled_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = labelled_folder(6)
    data = [ClassifierData(images=folder, labels=folder / "labels.csv")]
    bundle = read_bundle(train_classifier(_config(_member(), data=data), tmp_path / "out"))
    assert bundle.read("pca_logistic_scree.png")[:4] == b"\x89PNG"
    card = bundle.read("MODEL_CARD.md").decode()
    assert "](pca_logistic_scree.png)" in card
    assert "without augmentation" in card
    assert "Views are" not in card
    assert "a loss over" not in card
    classifier = load_classifier(bundle)
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[:, 8:24, 8:24, 0] = 210
    assert classifier.class_names[classifier.predict(red)[0].argmax()] == "red"


def _hog(image: np.ndarray) -> np.ndarray:
    inputs = keras.Input((*image.shape[:2], 3))
    model = keras.Model(inputs, hog_features(inputs))
    return np.asarray(model(image[None].astype(np.float32)))[0].reshape(-1, 4, 9)


@pytest.mark.parametrize(
    ("degrees", "bins"), [(10, {0: 1.0}), (90, {4: 1.0}), (130, {6: 1.0}), (0, {0: 0.5, 8: 0.5})]
)
def test_gradients_fall_into_their_orientations(degrees: float, bins: dict[int, float]) -> None:
    y, x = np.mgrid[:34, :34] / 100
    angle = np.radians(degrees)
    ramp = np.repeat((x * np.cos(angle) + y * np.sin(angle) + 0.4)[..., None], 3, axis=2)
    features = _hog(ramp)
    assert features.shape == (9, 4, 9)
    shares = features[0, 0] / features[0, 0].sum()
    expected = np.zeros(9)
    expected[list(bins)] = list(bins.values())
    np.testing.assert_allclose(shares, expected, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(features.reshape(9, -1), axis=1), 1, atol=1e-3)
    # Contrast and brightness make no difference.
    np.testing.assert_allclose(_hog(0.5 * ramp + 0.1), features, atol=1e-3)
