from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from galpipe.classification.training import tune as module
from galpipe.classification.training.tune import propose, random_trials, tune_classifier
from galpipe.configs import (
    CNN_SEARCH,
    FEED_FORWARD_SEARCH,
    ClassifierTraining,
    ClassifierTuning,
    CnnMember,
    GalaxyZooCnnMember,
    SearchedMember,
    load_config,
)
from galpipe.errors import ConfigError, InputError, OutputError

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

SEARCHED = CNN_SEARCH.values
Measured = list[SearchedMember]


def loss(design: SearchedMember) -> float:
    """A made-up loss: filters of 96 and 64, kernels of 5 and 3, dense 112, dropout 0.5 are best."""
    best = dict(zip(SEARCHED, (96, 5, 64, 3, 112, 0.5), strict=True))
    return sum(
        abs(value - best[name]) / (max(SEARCHED[name]) - min(SEARCHED[name]))
        for name, value in CNN_SEARCH.values_of(design).items()
    )


@pytest.fixture
def config(tmp_path: Path) -> ClassifierTuning:
    member = {"architecture": "cnn", "filters": [64, 48], "kernel_sizes": [3], "learning_rate": 0.1}
    training = ClassifierTraining.model_validate(
        {
            "name": "small",
            "data": [{"images": str(tmp_path / "galaxies"), "kind": "folders"}],
            "members": [member | {"batch_norm": False, "epochs": 77}],
        }
    )
    return ClassifierTuning(training=training, epochs=3)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Put the made-up loss in the place of a training; its fourth call is interrupted."""
    members: Measured = []

    def measure(member: SearchedMember, folder: Path) -> tuple[float, float, int]:
        members.append(member)
        folder.mkdir(exist_ok=True)
        (folder / "model.keras").write_bytes(bytes(10**6))
        if len(members) == 4:
            raise KeyboardInterrupt
        return loss(member), 0.5, 1000

    monkeypatch.setattr(module, "gather", lambda training, read, progress: None)
    monkeypatch.setattr(module, "read_labelled", lambda training: [])
    monkeypatch.setattr(module, "identify_data", lambda training, read: {})
    monkeypatch.setattr(module, "_measurement", lambda config, sources, progress: measure)
    return members


def test_the_search_is_over_the_published_networks() -> None:
    assert [(min(values), max(values), len(values)) for values in SEARCHED.values()] == [
        (32, 128, 7), (3, 5, 2), (32, 64, 3), (3, 5, 2), (32, 128, 7), (0.3, 0.7, 3)
    ]  # fmt: skip
    member = CnnMember(architecture="cnn", filters=(64, 48), kernel_sizes=(3,), batch_norm=False)
    values = CNN_SEARCH.values_of(member)
    assert list(values.values()) == [64, 3, 48, 3, 64, 0.5]
    other = CNN_SEARCH.member(member, values | {"first_kernel": 5, "dropout": 0.7})
    assert (other.filters, other.kernel_sizes, other.dropout) == ((64, 48), (5, 3), 0.7)
    assert isinstance(other, CnnMember)
    assert not other.batch_norm


def test_a_feed_forward_network_is_searched_by_units_and_learning_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    training = load_config("published/votes_feed_forward.yaml", ClassifierTraining)
    config = ClassifierTuning(training=training)
    assert config.space is FEED_FORWARD_SEARCH
    values = config.space.values_of(config.start)
    assert values == {"first_units": 256, "second_units": 128, "learning_rate": 0.001}
    other = config.space.member(config.start, values | {"second_units": 512, "learning_rate": 0.01})
    assert isinstance(other, GalaxyZooCnnMember)
    assert (other.dense, other.learning_rate, other.filters) == ((256, 512), 0.01, ())
    deeper = {**config.start.model_dump(), "dense": (32, 32, 32)}
    content = training.model_dump() | {"members": [deeper]}
    with pytest.raises(ConfigError, match=r"2 dense layers and no convolution.*'dense' 3"):
        _ = ClassifierTuning(training=ClassifierTraining.model_validate(content)).space


def test_the_best_network_is_found_and_none_is_tried_twice() -> None:
    start = CnnMember(architecture="cnn", filters=(32, 32), dense=32, dropout=0.3)
    tried = [CNN_SEARCH.values_of(start)]
    losses = [loss(start)]
    while len(tried) < 24:
        values = propose(CNN_SEARCH, tried, losses, seed=0)
        assert values is not None
        tried.append(values)
        losses.append(loss(CNN_SEARCH.member(start, values)))
    assert len({tuple(values.values()) for values in tried}) == 24
    assert min(losses) < 0.2 < min(losses[: random_trials(CNN_SEARCH)])
    assert propose(CNN_SEARCH, tried[:20], losses[:20], seed=0) == tried[20]


def test_a_search_of_everything_ends() -> None:
    everything = [
        dict(zip(SEARCHED, values, strict=True)) for values in product(*SEARCHED.values())
    ]
    assert propose(CNN_SEARCH, everything, [1.0] * len(everything), seed=0) is None


def test_an_interrupted_search_goes_on_without_repeating(
    tmp_path: Path, config: ClassifierTuning, measured: Measured
) -> None:
    output = tmp_path / "search"
    with pytest.raises(KeyboardInterrupt):
        tune_classifier(config, output, trials=5)
    # Of the trials only the one that was interrupted has weights on the disk.
    assert [path.name for path in output.glob("trial-*")] == ["trial-4"]
    search = tune_classifier(config, output, trials=5)
    designs = [tuple(CNN_SEARCH.values_of(member).values()) for member in measured]
    assert len(designs) == 6
    assert designs[3] == designs[4]
    assert len(set(designs)) == len(search.trials) == 5
    assert designs[0] == (64, 3, 48, 3, 64, 0.5)
    assert all((m.epochs, m.learning_rate, m.batch_norm) == (3, 0.1, False) for m in measured)
    assert sum(file.stat().st_size for file in output.rglob("*") if file.is_file()) < 20_000

    more = tune_classifier(config, output, trials=7)
    assert more.trials[:5] == search.trials
    assert len(measured) == 8
    assert tune_classifier(config, output, trials=2) == more
    assert len(measured) == 8


def test_the_search_takes_the_same_way_when_it_was_interrupted(
    tmp_path: Path, config: ClassifierTuning, measured: Measured
) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune_classifier(config, tmp_path / "one", trials=6)
    halted = tune_classifier(config, tmp_path / "one", trials=6)
    straight = tune_classifier(config, tmp_path / "other", trials=6)
    assert [t.values for t in halted.trials] == [t.values for t in straight.trials]


def test_the_best_network_is_left_as_a_training(
    tmp_path: Path, config: ClassifierTuning, measured: Measured
) -> None:
    measured += [config.start] * 4
    search = tune_classifier(config, tmp_path / "search", trials=4)
    assert search.best.loss == min(trial.loss for trial in search.trials)
    training = load_config(tmp_path / "search" / "best.yaml", ClassifierTraining)
    (member,) = training.members
    assert isinstance(member, CnnMember)
    assert CNN_SEARCH.values_of(member) == search.best.values
    assert (member.epochs, member.batch_norm, training.name) == (77, False, "small_best")
    assert training.data == config.training.data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": [16, 32, 64]}, "2 convolutions"),
        ({"filters": [16, 64]}, "first filters is 16; the search starts from one of 32, 48"),
        ({"dropout": 0}, "dropout is 0; the search starts from one of 0.3, 0.5, 0.7"),
    ],
)
def test_the_search_starts_within_its_ranges(
    tmp_path: Path, config: ClassifierTuning, change: dict[str, object], message: str
) -> None:
    (member,) = config.training.members
    content = config.training.model_dump() | {"members": [member.model_dump() | change]}
    outside = ClassifierTuning(training=ClassifierTraining.model_validate(content))
    with pytest.raises(ConfigError, match=message):
        tune_classifier(outside, tmp_path / "search")
    twice = config.training.model_copy(update={"members": (member, member)})
    with pytest.raises(ConfigError, match="one member"):
        tune_classifier(ClassifierTuning(training=twice), tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_another_search_is_refused_and_a_damaged_one_named(
    tmp_path: Path, config: ClassifierTuning, measured: Measured
) -> None:
    output = tmp_path / "search"
    tune_classifier(config, output, trials=1)
    with pytest.raises(OutputError, match="other settings"):
        tune_classifier(config.model_copy(update={"epochs": 4}), output, trials=1)
    (output / "trials.json").write_text('[{"values": 3}]')
    with pytest.raises(InputError, match=r"trials\.json.*new search"):
        tune_classifier(config, output, trials=1)


def test_a_real_trial_measures_the_validation_images(
    tmp_path: Path, labelled_folder: Callable[..., Path]
) -> None:
    folder = labelled_folder(6)
    member = {"architecture": "cnn", "filters": [32, 32], "dense": 32, "batch_size": 8}
    content = {
        "class_names": ["red", "green", "blue"],
        "data": [{"images": str(folder), "labels": str(folder / "labels.csv")}],
        "members": [member | {"learning_rate": 0.01}],
        "split": {"test_fraction": 0.2, "validation_fraction": 0.3},
        "input_size": 32,
        "views_per_epoch": 64,
    }
    training = ClassifierTraining.model_validate(content)
    search = tune_classifier(ClassifierTuning(training=training, epochs=4), tmp_path / "out", 1)
    (trial,) = search.trials
    # 3 x 3 kernels of 32 and 32 filters, 8 x 8 cells into dense 32, three classes; four norms'
    # scales and shifts.
    weights = (9 * 3 + 1) * 32 + (9 * 32 + 1) * 32 + (8 * 8 * 32 + 1) * 32 + 33 * 3
    assert trial.parameters == weights + 2 * 3 * 32
    assert trial.loss < 1.1
    assert trial.accuracy > 0.5
    assert not list((tmp_path / "out").rglob("*.keras"))
