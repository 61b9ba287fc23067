from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import stats

from galpipe.classification.training.galaxy_zoo_cnn import build_galaxy_zoo_cnn
from galpipe.classification.training.vote_head import (
    DirichletTreeLoss,
    TreeLoss,
    VoteHead,
    squared_error,
)
from galpipe.configs import GalaxyZooCnnMember
from galpipe.datasets.votes.vote_trees import VOTE_TREES

pytestmark = pytest.mark.tensorflow

TREE = VOTE_TREES["galaxy_zoo_2"]


def network(kind: str, features: int = 5) -> keras.Model:
    inputs = keras.Input((features,))
    return keras.Model(inputs, VoteHead("galaxy_zoo_2", kind).append(inputs))  # type: ignore[arg-type]


def test_the_sums_hold_whatever_the_features() -> None:
    features = np.random.default_rng(0).normal(0, 20, (200, 5)).astype(np.float32)
    values = np.asarray(network("tree")(features))
    assert values.shape == (200, 37)
    assert np.abs(TREE.sums(values)).max() < 1e-6
    assert np.abs(TREE.sums(np.asarray(network("sigmoid")(features)))).max() > 0.1


def test_the_values_are_the_shares_along_the_way() -> None:
    model = network("tree")
    features = np.random.default_rng(1).normal(0, 1, (4, 5)).astype(np.float32)
    kernel, bias = model.get_layer("probabilities").get_weights()
    logits = features @ kernel + bias
    values = np.asarray(model(features))

    def share(question: str) -> np.ndarray:
        exponential = np.exp(logits[:, TREE.places[question]])
        return exponential / exponential.sum(axis=1, keepdims=True)

    disc, face_on = share("t01_smooth_or_features")[:, 1], share("t02_edgeon")[:, 1]
    spiral = disc * face_on * share("t04_spiral")[:, 0]
    expected = spiral[:, None] * share("t10_arms_winding")
    np.testing.assert_allclose(values[:, TREE.places["t10_arms_winding"]], expected, rtol=1e-5)
    odd = share("t06_odd")
    np.testing.assert_allclose(values[:, TREE.places["t06_odd"]], odd, rtol=1e-5)


def test_the_loss_is_that_of_multinomial_votes() -> None:
    answers = [2, 3]
    predicted = np.array([[0.75, 0.25, 0.15, 0.3, 0.3]], np.float32)
    # 8 of 10 volunteers went on to the second question.
    voted = np.array([[8, 2, 1, 3, 4]]) / 10
    targets = np.column_stack([voted, [0]]).astype(np.float32)
    shares = np.array([0.75, 0.25, 0.2, 0.4, 0.4])
    expected = -(voted[0] * np.log(shares)).sum()
    loss = TreeLoss(answers)
    assert float(loss(targets, predicted)) == pytest.approx(expected, rel=1e-5)
    copied = TreeLoss.from_config(loss.get_config())
    assert float(copied(targets, predicted)) == pytest.approx(expected, rel=1e-5)
    error = np.asarray(squared_error(targets, predicted))
    assert error == pytest.approx(((voted - predicted) ** 2).mean(axis=1), rel=1e-5)


@pytest.mark.parametrize(
    ("scale", "tolerance"), [(0.01, 2e-5), (1, 2e-5), (30, 2e-3), (5000, 5e-3)]
)
def test_the_loss_is_that_of_dirichlet_multinomial_votes(scale: float, tolerance: float) -> None:
    rng = np.random.default_rng(3)
    logits = np.log(scale * rng.uniform(0.2, 1, (6, 5))).astype(np.float32)
    volunteers = np.array([1, 5, 38, 60, 200, 1000])
    first = rng.binomial(volunteers, 0.7)
    # As many go on to the second question as gave the first answer of the first.
    second = np.stack([rng.multinomial(count, [0.5, 0.1, 0.4]) for count in first])
    counts = np.column_stack([first, volunteers - first, second])
    targets = np.column_stack([counts / volunteers[:, None], volunteers]).astype(np.float32)
    concentrations = np.exp(logits.astype(np.float64))
    distribution = stats.dirichlet_multinomial
    expected = -distribution.logpmf(counts[:, :2], concentrations[:, :2], volunteers)
    expected -= distribution.logpmf(second, concentrations[:, 2:], first)
    loss = DirichletTreeLoss([2, 3], reduction=None)
    np.testing.assert_allclose(
        np.asarray(loss(targets, logits)), expected, rtol=2e-5, atol=tolerance
    )
    copied = DirichletTreeLoss.from_config(loss.get_config())
    np.testing.assert_allclose(
        np.asarray(copied(targets, logits)), expected, rtol=2e-5, atol=tolerance
    )


def test_extreme_logits_and_no_votes_have_a_finite_loss() -> None:
    logits = np.array([[1e4, -1e4, 0, 0, 0], [0, 0, 90, -90, 0]], np.float32)
    targets = np.array([[0, 1, 0, 0, 0, 40], [0, 0, 0, 0, 0, 0]], np.float32)
    loss = DirichletTreeLoss([2, 3], reduction=None)
    disagree, nobody = np.asarray(loss(targets, logits))
    assert 100 < disagree < 1e4
    assert nobody == 0


def test_the_dirichlet_head_trains_the_logits_of_the_same_network() -> None:
    rng = np.random.default_rng(4)
    inputs = keras.Input((3,))
    head = VoteHead("galaxy_zoo_2", "tree", dirichlet=True)
    model = keras.Model(inputs, head.append(inputs))
    trained = head.trained(model)
    assert trained.output.name != model.output.name
    features = rng.normal(size=(64, 3)).astype(np.float32)
    voted = np.zeros((64, 37), np.float32)
    # Round galaxies, of which nothing is odd; the feature decides whether they are smooth.
    smooth = (features[:, 0] > 0).astype(np.float32)
    voted[:, TREE.places["t01_smooth_or_features"]] = np.stack([smooth, 1 - smooth, 0 * smooth], 1)
    voted[:, TREE.places["t06_odd"]] = [0, 1]
    targets = np.column_stack([voted, np.full(64, 40)]).astype(np.float32)
    trained.compile(keras.optimizers.Adam(0.1), head.loss, metrics=[head.metric])
    history = trained.fit(features, targets, epochs=25, verbose=0).history
    votes = np.asarray(model(features))
    error = float(np.mean(squared_error(targets, votes)))
    assert history["squared_error"][-1] == pytest.approx(error, rel=0.2)
    first = votes[:, TREE.places["t01_smooth_or_features"]]
    assert ((first[:, 0] > 0.5) == (smooth > 0)).mean() > 0.9
    np.testing.assert_allclose(votes[:, TREE.places["t06_odd"]], [[0, 1]] * 64, atol=0.05)
    assert np.abs(TREE.sums(votes)).max() < 1e-6


def test_the_sigmoids_have_the_binary_cross_entropy() -> None:
    predicted = np.full((1, 37), 0.25, np.float32)
    targets = np.zeros((1, 38), np.float32)
    targets[0, 0] = 0.5
    loss = VoteHead("galaxy_zoo_2", "sigmoid").loss
    both = -0.5 * np.log(0.25) - 0.5 * np.log(0.75)
    assert float(loss(targets, predicted)) == pytest.approx((both - 36 * np.log(0.75)) / 37)


def test_the_majority_is_a_target_of_zeros_and_ones() -> None:
    predicted = np.full((1, 37), 0.25, np.float32)
    targets = np.zeros((1, 38), np.float32)
    targets[0, :2] = 0.6, 0.5
    loss = VoteHead("galaxy_zoo_2", "majority").loss
    expected = (-np.log(0.25) - 36 * np.log(0.75)) / 37
    assert float(loss(targets, predicted)) == pytest.approx(expected)
    copied = type(loss).from_config(loss.get_config())
    assert float(copied(targets, predicted)) == pytest.approx(expected)


def test_a_network_without_convolutions_has_dense_layers_alone() -> None:
    member = GalaxyZooCnnMember(
        architecture="galaxy_zoo_cnn", filters=(), kernel_sizes=(), pooled=(), dense=(8,)
    )
    model = build_galaxy_zoo_cnn(VoteHead("galaxy_zoo_2", "majority"), 16, member)
    dense = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert dense == [8, 37]
    # Those of the grey pixels, of the dense layer and of the sigmoids.
    assert model.count_params() == 3 + (256 * 8 + 8) + (8 * 37 + 37)


def test_the_published_network_is_grey_with_four_convolutions_and_two_dropouts(
    tmp_path: Path,
) -> None:
    member = GalaxyZooCnnMember(architecture="galaxy_zoo_cnn", filters=(2, 3, 4, 4), dense=(8, 8))
    model = build_galaxy_zoo_cnn(VoteHead("galaxy_zoo_2", "tree"), 32, member)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert [kinds.count(kind) for kind in ("Conv2D", "MaxPooling2D", "Dropout")] == [5, 3, 2]
    images = np.random.default_rng(0).uniform(0, 1, (3, 32, 32, 3)).astype(np.float32)
    values = np.asarray(model(images))
    grey = np.repeat(images @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, axis=3)
    np.testing.assert_allclose(np.asarray(model(grey)), values, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(np.asarray(loaded(images)), values, atol=1e-6)
