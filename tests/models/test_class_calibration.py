from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from galpipe.models.class_calibration import (
    ClassCalibration,
    DirichletCalibration,
    TemperatureScaling,
)

probability = st.floats(0, 1, width=32)


def rows(values: list[float]) -> np.ndarray:
    row = np.array([[*values, 1.0]])
    return row / row.sum()


@given(st.lists(probability, min_size=2, max_size=5), st.floats(0.1, 10))
def test_a_temperature_keeps_the_order_of_the_classes(values: list[float], heat: float) -> None:
    given_row = rows(values)
    found = TemperatureScaling(temperature=heat).calibrate(given_row)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for i, j in np.ndindex(len(values), len(values)):
        if given_row[0, i] >= given_row[0, j]:
            assert found[0, i] >= found[0, j]


def test_a_low_temperature_decides_and_one_changes_nothing() -> None:
    given_row = np.array([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(TemperatureScaling(temperature=1).calibrate(given_row), given_row)
    found = TemperatureScaling(temperature=0.5).calibrate(given_row)
    np.testing.assert_allclose(found, [[0.49 / 0.54, 0.04 / 0.54, 0.01 / 0.54]])


def test_the_dirichlet_calibration_includes_temperature_scaling() -> None:
    given_rows = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    weights = tuple(map(tuple, (2 * np.eye(3)).tolist()))
    linear = DirichletCalibration(weights=weights, bias=(0, 0, 0))
    same = TemperatureScaling(temperature=0.5).calibrate(given_rows)
    np.testing.assert_allclose(linear.calibrate(given_rows), same)
    shifted = DirichletCalibration(weights=weights, bias=(0, 5, 0))
    assert shifted.calibrate(given_rows)[0].argmax() == 1


@pytest.mark.parametrize(
    "content",
    [
        {"method": "temperature", "temperature": 0},
        {"method": "temperature", "temperature": float("nan")},
        {"method": "isotonic"},
        {"method": "dirichlet", "weights": [[1, 0], [0, 1]], "bias": [0]},
        {"method": "dirichlet", "weights": [[1, 0], [0]], "bias": [0, 0]},
        {"method": "dirichlet", "weights": [[1, 0]], "bias": [0, 0]},
        {"method": "dirichlet", "weights": [[1, float("inf")], [0, 1]], "bias": [0, 0]},
    ],
)
def test_what_is_no_calibration_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ClassCalibration).validate_python(content)


def test_a_calibration_is_kept_in_json() -> None:
    adapter = TypeAdapter(ClassCalibration)
    for calibration in (
        TemperatureScaling(temperature=0.7),
        DirichletCalibration(weights=((1, 0.1), (0, 1)), bias=(0.5, 0)),
    ):
        assert adapter.validate_json(adapter.dump_json(calibration)) == calibration
