from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import Result

from galpipe import __version__
from galpipe.configs import ClassifierTraining, load_config

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A training on nine pictures in folders of three colours."""
    for place, colour in enumerate(("red", "green", "blue")):
        (tmp_path / "pictures" / colour).mkdir(parents=True)
        for number in range(4):
            noise = np.random.default_rng(10 * number + place).integers(0, 60, (48, 48, 3))
            picture = noise + 150 * np.eye(3)[2 - place]
            name = tmp_path / "pictures" / colour / f"{colour}{number}.png"
            cv2.imwrite(str(name), picture.astype(np.uint8))
    member = {"architecture": "cnn", "filters": [32, 32], "dense": 32, "epochs": 1, "batch_size": 8}
    content = {
        "name": "colours",
        "class_names": ["red", "green", "blue"],
        "data": [{"images": str(tmp_path / "pictures"), "kind": "folders"}],
        "members": [member],
        "split": {"test_fraction": 0.25, "validation_fraction": 0.34},
        "input_size": 32,
        "views_per_epoch": 8,
    }
    path = tmp_path / "training.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_best_network_is_ready_to_be_trained(
    tmp_path: Path, config: Path, galpipe_cli: Callable[..., Result]
) -> None:
    search = tmp_path / "search"
    arguments = ["tune", "classifier", "--config", config, "-o", search, "--epochs", 1]
    result = galpipe_cli(*arguments, "--trials", 2)
    assert result.exit_code == 0, result.output
    assert "trial 2/2" in result.output
    report = (search / "report.md").read_text()
    assert report.count("\n| start |") == report.count("\n| best |") == 1
    assert report.count("\n| 1 |") == report.count("\n| 2 |") == 1
    assert "All trials" in (search / "report.html").read_text()
    names = {path.name for path in search.iterdir()}
    assert names == {
        "config.yaml",
        "training.json",
        "trials.json",
        "best.yaml",
        "report.md",
        "report.html",
        "metrics.json",
        "run.json",
    }
    record = json.loads((search / "run.json").read_text())
    assert (record["command"], record["version"]) == ("tune", __version__)
    assert record["versions"]["numpy"] == np.__version__
    assert f"Made by galpipe {__version__} on " in report

    again = galpipe_cli(*arguments, "--trials", 2)
    assert again.exit_code == 0, again.output
    assert "trial 2/2" not in again.output
    # All but the line on the origin.
    assert (search / "report.md").read_text().splitlines()[:-1] == report.splitlines()[:-1]

    best = load_config(search / "best.yaml", ClassifierTraining)
    assert (best.name, best.class_names) == ("colours_best", ("red", "green", "blue"))


def test_a_network_that_is_not_searched_is_refused(
    tmp_path: Path, config: Path, galpipe_cli: Callable[..., Result]
) -> None:
    content = yaml.safe_load(config.read_text())
    del content["members"][0]["filters"]
    config.write_text(yaml.safe_dump(content))
    result = galpipe_cli("tune", "classifier", "--config", config, "-o", tmp_path / "search")
    assert result.exit_code == 2
    assert "2 convolutions" in result.stderr
