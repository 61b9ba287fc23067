"""Runs that go wrong: bad inputs, surprises, interruptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import galpipe
from galpipe.errors import BundleError, ConfigError, InputError, OutputError
from galpipe.imaging import read_field
from galpipe.pipeline import Catalogue

BreakReading = Callable[[str, BaseException], None]


@pytest.fixture
def break_reading(monkeypatch: pytest.MonkeyPatch) -> BreakReading:
    """Let reading a field, chosen by its identifier, end in an error that nobody expects."""
    from galpipe.imaging import open_field

    def arrange(identifier: str, error: BaseException) -> None:
        def read(source: Any, **settings: Any) -> Any:
            if source.identifier == identifier:
                raise error
            return read_field(source, **settings)

        monkeypatch.setattr(open_field, "read_field", read)

    return arrange


def test_bad_inputs_are_named_and_the_good_one_is_done(
    tmp_path: Path,
    bad_inputs: dict[str, Path],
    good_picture: Path,
    nonsense_wcs: Path,
    models: dict[str, Path],
) -> None:
    inputs = [*bad_inputs.values(), good_picture, nonsense_wcs]
    result = galpipe.run(inputs, tmp_path / "out", **models)
    assert [done.field for done in result.record.fields] == ["good", "nonsense_wcs"]
    assert len(result.failures) == len(bad_inputs)
    for name, path in bad_inputs.items():
        (failure,) = [failure for failure in result.failures if str(path) in failure.message]
        assert failure.expected, name
    assert any("WCS" in note for note in result.record.fields[1].notes)
    assert np.isnan(result.catalogue.of_field("nonsense_wcs")["ra"]).all()
    record = json.loads((result.output / "run.json").read_text())
    assert len(record["failures"]) == len(bad_inputs)


def test_bad_inputs_alone(tmp_path: Path, models: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="missing"):
        galpipe.run(["missing.fits"], tmp_path / "out", **models)
    with pytest.raises(InputError, match="No field"):
        galpipe.run([], tmp_path / "out", **models)
    assert not (tmp_path / "out").exists()


def test_models_and_configurations_that_do_not_exist(tmp_path: Path, good_picture: Path) -> None:
    with pytest.raises(BundleError, match="nosuch"):
        galpipe.run(good_picture, tmp_path / "a", detector="nosuch")
    with pytest.raises(ConfigError, match=r"nosuch\.yaml"):
        galpipe.run(good_picture, tmp_path / "b", config="nosuch.yaml")


def test_an_unforeseen_error_in_one_field_stops_no_other(
    tmp_path: Path,
    good_picture: Path,
    good_fits: Path,
    models: dict[str, Path],
    break_reading: BreakReading,
) -> None:
    break_reading("good", ZeroDivisionError("surprise"))
    result = galpipe.run([good_picture, good_fits], tmp_path / "out", **models)
    (failure,) = result.failures
    assert failure.input == "good"
    assert "surprise" in failure.message
    assert not failure.expected
    assert [done.field for done in result.record.fields] == ["sky"]


def test_an_interrupted_run_keeps_what_was_done(
    tmp_path: Path,
    good_picture: Path,
    good_fits: Path,
    models: dict[str, Path],
    break_reading: BreakReading,
) -> None:
    break_reading("sky", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        galpipe.run([good_picture, good_fits], tmp_path / "out", **models)
    kept = Catalogue.read(tmp_path / "out" / "catalogue.ecsv")
    assert set(kept["field"]) == {"good"}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "interrupted"


def test_a_result_that_cannot_be_written_ends_the_run(
    tmp_path: Path,
    good_picture: Path,
    good_fits: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from galpipe.pipeline import field_work

    def full(path: Path, picture: Any) -> Path:
        if "sky" in str(path):
            raise OutputError(f"Cannot write {path}: no space left")
        return path

    monkeypatch.setattr(field_work, "write_png", full)
    with pytest.raises(OutputError, match="no space"):
        galpipe.run([good_picture, good_fits], tmp_path / "out", **models)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "failed"
    assert [done["field"] for done in record["fields"]] == ["good"]
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.ecsv"))
