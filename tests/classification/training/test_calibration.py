from __future__ import annotations

import numpy as np
import pytest

from galpipe.classification.priors import adjust_to_priors
from galpipe.classification.training.calibration import fit_calibration
from galpipe.metrics.reliability import calibration_error, reliability_bins

UNIFORM = np.full(3, 1 / 3)


def galaxies(count: int, priors: np.ndarray = UNIFORM, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return exact posteriors of three classes, and true classes drawn by them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, count, p=priors)
    centres = 1.6 * np.eye(3)
    points = centres[truth] + rng.normal(size=(count, 3))
    likelihoods = np.exp(-0.5 * ((points[:, None] - centres) ** 2).sum(axis=2))
    joint = priors * likelihoods
    return joint / joint.sum(axis=1, keepdims=True), truth


def heated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    right = probabilities.argmax(axis=1) == truth
    return calibration_error(reliability_bins(probabilities.max(axis=1), right))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_wrong_temperature_is_found(temperature: float) -> None:
    probabilities, truth = galaxies(1500)
    found = fit_calibration(heated(probabilities, temperature), truth, UNIFORM)
    assert found.calibration.method == "temperature"
    assert found.calibration.temperature == pytest.approx(1 / temperature, rel=0.15)
    other, other_truth = galaxies(3000, seed=1)
    wrong = heated(other, temperature)
    assert error(wrong, other_truth) > 0.06
    assert error(found.calibration.calibrate(wrong), other_truth) < 0.03
    assert found.log_loss["temperature"] < found.log_loss["none"]


def test_classes_taken_for_each_other_need_the_dirichlet_calibration() -> None:
    probabilities, truth = galaxies(1500)
    mixed = probabilities @ np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    found = fit_calibration(mixed, truth, UNIFORM)
    assert found.calibration.method == "dirichlet"
    assert found.log_loss["dirichlet"] < found.log_loss["temperature"]
    other, other_truth = galaxies(3000, seed=1)
    mixed = other @ np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    calibrated = found.calibration.calibrate(mixed)
    assert error(calibrated, other_truth) < error(mixed, other_truth)
    assert (calibrated.argmax(1) == other_truth).mean() > (mixed.argmax(1) == other_truth).mean()


def test_the_assumed_frequencies_are_kept() -> None:
    # Right probabilities for equal frequencies, seen on galaxies of other frequencies.
    rare = np.array([0.85, 0.1, 0.05])
    probabilities, truth = galaxies(3000, rare)
    uniform = adjust_to_priors(probabilities, UNIFORM, rare)
    found = fit_calibration(uniform, truth, UNIFORM)
    other, other_truth = galaxies(3000, seed=1)
    assert error(found.calibration.calibrate(other), other_truth) < 0.03


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_few_correct_predictions_do_not_make_certain(count: int) -> None:
    probabilities = np.tile([[0.5, 0.3, 0.2]], (count, 1))
    found = fit_calibration(probabilities, np.zeros(count, np.int64), UNIFORM)
    assert found.images == count
    assert found.calibration.calibrate(probabilities).max() < 0.96


def test_probabilities_of_zero_and_a_single_class() -> None:
    certain = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    truth = np.array([0, 1, 2, 1, 1, 2])
    found = fit_calibration(certain, truth, UNIFORM)
    assert np.isfinite(found.calibration.calibrate(certain)).all()
    alone = fit_calibration(np.ones((4, 1)), np.zeros(4, np.int64), [1.0])
    np.testing.assert_allclose(alone.calibration.calibrate(np.ones((2, 1))), 1)


def test_the_record() -> None:
    found = fit_calibration(*galaxies(90), UNIFORM).to_json()
    assert found["images"] == 90
    assert set(found["log_loss"]) == {"none", "temperature", "dirichlet"}


def test_a_class_with_few_images_is_not_taken_for_impossible() -> None:
    probabilities, truth = galaxies(600)
    # Mixed as above, but hardly any validation image shows the third class.
    mixed = probabilities @ np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    seen = (truth < 2) | (np.cumsum(truth == 2) <= 5)
    found = fit_calibration(mixed[seen], truth[seen], UNIFORM)
    assert found.calibration.method == "temperature"
    assert "dirichlet" not in found.log_loss
