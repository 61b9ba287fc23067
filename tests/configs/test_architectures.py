from __future__ import annotations

import pytest
from pydantic import ValidationError

from galpipe.configs import ARCHITECTURES, DetectorTraining


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_can_be_configured(name: str) -> None:
    config = DetectorTraining.model_validate({"architecture": name, "data": []})
    assert config.architecture == name


def test_an_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="must be one of ssd_mobilenet, efficientdet_d0"):
        DetectorTraining.model_validate({"architecture": "yolo", "data": []})
