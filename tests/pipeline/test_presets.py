"""``galpipe presets``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from galpipe.configs import ClassifierTraining, load_config, presets
from galpipe.pipeline.commands.presets import preset_description


def test_presets_are_listed_with_what_they_are(galpipe_cli: Callable[..., Result]) -> None:
    result = galpipe_cli("presets")
    assert result.exit_code == 0, result.output
    # The table wraps lines.
    for name in ("cnn.yaml", "published/pca_logistic.yaml"):
        assert name in result.output
    text = " ".join(result.output.replace("│", " ").split())
    assert "decision tree" in text
    assert "galpipe train" not in text


def test_a_printed_preset_is_a_configuration(
    galpipe_cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    result = galpipe_cli("presets", "published/votes_tree.yaml")
    assert result.exit_code == 0, result.output
    assert result.output == presets()["published/votes_tree.yaml"].read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(result.output)
    assert load_config(tmp_path / "mine.yaml", ClassifierTraining).votes == "galaxy_zoo_2"


def test_an_unknown_preset_is_an_error_that_names_the_nearest(
    galpipe_cli: Callable[..., Result],
) -> None:
    result = galpipe_cli("presets", "votes_trees")
    assert result.exit_code == 2
    assert "published/votes_tree.yaml" in result.output


@pytest.mark.parametrize("name", presets())
def test_a_description_is_made_of_whole_sentences(name: str) -> None:
    description = preset_description(presets()[name])
    assert description.endswith(".")
    assert "galpipe train" not in description
