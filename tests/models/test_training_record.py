from __future__ import annotations

import json
from pathlib import Path

import pytest

from galpipe import __version__
from galpipe.configs import DetectorTraining, RunConfig, load_config
from galpipe.errors import OutputError
from galpipe.models.training_record import claim_training_folder, earlier_lengths

DATA = {"1/a.png": ("11", "spiral"), "1/b.png": ("22", "smooth"), "1/c.png": ("33", "smooth")}


def config(**changes: object) -> DetectorTraining:
    return DetectorTraining.model_validate({"data": [], "steps": 100, **changes})


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """Folder of a training with a checkpoint and a bundle, and a file of its owner."""
    folder = tmp_path / "out"
    claim_training_folder(folder, config(), DATA)
    for name in ("checkpoints/ckpt-100.index", "detector/galpipe-model.json", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    return folder


def test_a_folder_holds_one_training(started: Path) -> None:
    claim_training_folder(started, config(), DATA)
    assert load_config(started / "config.yaml", DetectorTraining) == config()
    record = json.loads((started / "training.json").read_text())
    assert record["version"] == __version__
    assert "python" in record["versions"]
    # Settings that a later version added have their defaults.
    (started / "config.yaml").write_text("{data: [], steps: 100}")
    claim_training_folder(started, config(), DATA)
    with pytest.raises(OutputError, match=r"other settings: seed was 0, is 1.*--overwrite"):
        claim_training_folder(started, config(seed=1), DATA)
    with pytest.raises(OutputError, match="another kind of training"):
        claim_training_folder(started, RunConfig(), DATA)


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not make"):
        claim_training_folder(tmp_path, config(), DATA, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failed_start_leaves_the_folder_free(tmp_path: Path) -> None:
    (tmp_path / ".galpipe-0123abcd.config.yaml").write_text("cut sho")
    claim_training_folder(tmp_path, config(), DATA)
    claim_training_folder(tmp_path, config(seed=1), {"1/other.png": ("44", "")})
    assert load_config(tmp_path / "config.yaml", DetectorTraining).seed == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.yaml", "training.json"]


@pytest.mark.parametrize(
    ("data", "change"),
    [
        (DATA | {"1/d.png": ("44", "spiral")}, r"1 images are new \(1/d.png\)"),
        ({"1/a.png": DATA["1/a.png"]}, r"2 images are gone \(1/b.png, 1/c.png\)"),
        (DATA | {"1/a.png": ("11", "smooth")}, r"1 images have other labels \(1/a.png\)"),
        (DATA | {"1/a.png": ("12", "spiral")}, r"1 images have another content \(1/a.png\)"),
        ({f"2/{n}": ("", "") for n in range(9)}, r"9 images are new \(2/0, 2/1, 2/2, ...\)"),
    ],
)
def test_changed_data_are_refused_with_what_changed(
    started: Path, data: dict[str, tuple[str, str]], change: str
) -> None:
    with pytest.raises(OutputError, match=f"other data: .*{change}.*--overwrite"):
        claim_training_folder(started, config(), data)
    claim_training_folder(started, config(), DATA)


def test_overwriting_removes_the_training_alone(started: Path) -> None:
    claim_training_folder(started, config(seed=1), {}, overwrite=True)
    kept = sorted(path.name for path in started.iterdir())
    assert kept == ["config.yaml", "notes.txt", "training.json"]


def test_a_training_is_continued_with_more_steps_when_asked(started: Path) -> None:
    with pytest.raises(OutputError, match=r"steps was 100, is 200.*--continue"):
        claim_training_folder(started, config(steps=200), DATA)
    for other in (config(steps=50), config(steps=200, seed=1)):
        with pytest.raises(OutputError, match="other settings") as refused:
            claim_training_folder(started, other, DATA, extend=True)
        assert "--continue" not in str(refused.value)
    assert claim_training_folder(started, config(steps=200), DATA, extend=True) == ["steps"]
    assert claim_training_folder(started, config(steps=200), DATA, extend=True) == []
    claim_training_folder(started, config(steps=300, patience=5), DATA, extend=True)
    assert earlier_lengths(started) == [{"steps": 100}, {"steps": 200, "patience": None}]
