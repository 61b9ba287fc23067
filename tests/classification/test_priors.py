from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations.classes import GALAXY10_DECALS, GALAXY10_SDSS
from galpipe.classification.priors import (
    SURVEY_FREQUENCIES,
    adjust_to_priors,
    prior_ratio,
    resolve_prior,
)
from galpipe.errors import ConfigError, InputError

CLASSES = ("Smooth Galaxies", "Barred Spiral", "Edge-on")
positive = st.floats(0.01, 1)
three = st.lists(positive, min_size=3, max_size=3).map(lambda v: np.array(v) / sum(v))


@given(three, three, three)
def test_re_weighting_there_and_back_changes_nothing(
    probabilities: np.ndarray, old: np.ndarray, new: np.ndarray
) -> None:
    there = adjust_to_priors(probabilities[None], new, old)
    np.testing.assert_allclose(there.sum(axis=1), 1)
    np.testing.assert_allclose(adjust_to_priors(there, old, new)[0], probabilities)
    np.testing.assert_allclose(adjust_to_priors(probabilities[None], old, old)[0], probabilities)


def test_re_weighting_is_the_rule_of_bayes() -> None:
    # Two classes of normal densities at 0 and 1: the posterior at 0.2 under either frequencies.
    likelihoods = np.exp(-0.5 * (0.2 - np.array([0.0, 1.0])) ** 2)

    def posterior(priors: np.ndarray) -> np.ndarray:
        joint = priors * likelihoods
        return (joint / joint.sum())[None]

    old, new = np.array([0.5, 0.5]), np.array([0.05, 0.95])
    np.testing.assert_allclose(adjust_to_priors(posterior(old), new, old), posterior(new))


def test_frequencies_of_zero() -> None:
    np.testing.assert_array_equal(prior_ratio([0.5, 0.5, 0], [1, 0, 0]), [0.5, 1, 1])
    only = adjust_to_priors(np.array([[1.0, 0.0]]), [0, 1], [0.5, 0.5])
    assert np.isfinite(only).all()


def test_uniform_and_survey() -> None:
    np.testing.assert_allclose(resolve_prior("uniform", CLASSES), 1 / 3)
    survey = resolve_prior("survey", GALAXY10_DECALS[::-1])
    assert survey.sum() == pytest.approx(1)
    assert survey[-1] == pytest.approx(SURVEY_FREQUENCIES["Disturbed Galaxies"])
    assert tuple(SURVEY_FREQUENCIES) == GALAXY10_DECALS
    with pytest.raises(ConfigError, match="give a file of class frequencies"):
        resolve_prior("survey", GALAXY10_SDSS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "Smooth Galaxies: 60\nbarred spiral: 30\n2: 10\n"),
        ("a.yml", "{smooth_galaxies: 0.6, Barred Spiral: 0.3, Edge-on: 0.1}"),
        ("a.csv", "class,frequency\nEdge-on,0.1\nSmooth Galaxies,0.6\n1,0.3\n"),
        ("a.csv", "frequency;class_name\n1;Edge-on\n6;Smooth Galaxies\n3;Barred Spiral\n"),
        (
            "catalogue.csv",
            "x,class_name\n" + 5 * "1,Smooth Galaxies\n" + 2 * "1,Barred Spiral\n" + "7,\n",
        ),
    ],
)
def test_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    np.testing.assert_allclose(resolve_prior(tmp_path / name, CLASSES), [0.6, 0.3, 0.1])
    np.testing.assert_allclose(resolve_prior(str(tmp_path / name), CLASSES), [0.6, 0.3, 0.1])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "Smooth Galaxies: 1\n", "gives no frequency of Barred Spiral, Edge-on"),
        ("a.yaml", "{0: 1, 1: 1, 2: -1}", "of 'Edge-on' is -1"),
        ("a.yaml", "{0: 1, 1: 1, 2: .nan}", "of 'Edge-on' is nan"),
        ("a.yaml", "{0: 1, 1: 1, 2: many}", "of 'Edge-on' is 'many'"),
        ("a.yaml", "{0: 1, 1: 1, 2: [1]}", "give a number"),
        ("a.yaml", "{0: 0, 1: 0, 2: 0}", "all frequencies are 0"),
        ("a.yaml", "{0: 1, 1: 1, edge on: 1, 2: 1}", "names 'Edge-on' twice"),
        ("a.yaml", "{0: 1, 1: 1, 2: 1, Rings: 1}", "'Rings' is not a class of the model"),
        ("a.yaml", "- 1\n- 2\n", "a line 'class: frequency' for each class"),
        ("a.csv", "x,y\n1,2\n", "no column class_name, class or label"),
        ("a.csv", "class_name\nRings\n", "'Rings' is not a class"),
        ("a.csv", "class_name,x\n,1\n", "names no class"),
        ("a.csv", "class,frequency\n0,1\n1,\n2,1\n", "of 'Barred Spiral' is ''"),
    ],
)
def test_files_that_give_no_prior(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        resolve_prior(tmp_path / name, CLASSES)
    assert name in str(caught.value)


def test_a_mistyped_prior() -> None:
    with pytest.raises(ConfigError, match="uniforn: no such file; a prior is 'uniform'"):
        resolve_prior("uniforn", CLASSES)


def test_frequencies_by_name() -> None:
    given_names = {"Edge-on": 1, "Smooth Galaxies": 6, "Barred Spiral": 3}
    np.testing.assert_allclose(resolve_prior(given_names, CLASSES), [0.6, 0.3, 0.1])
