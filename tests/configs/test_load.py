from __future__ import annotations

from pathlib import Path

import pytest

import galpipe.configs
from galpipe.configs import (
    ClassifierTraining,
    CnnDesign,
    DetectorTraining,
    RunConfig,
    dump_config,
    load_config,
)
from galpipe.errors import ConfigError

PRESETS = {
    "baselines.yaml": ClassifierTraining,
    "cnn.yaml": ClassifierTraining,
    "ensemble.yaml": ClassifierTraining,
    "efficientdet_d0.yaml": DetectorTraining,
    "efficientdet_d1.yaml": DetectorTraining,
    "efficientdet_d2.yaml": DetectorTraining,
    "efficientnet_lite0.yaml": ClassifierTraining,
    "efficientnet_lite0_start.yaml": ClassifierTraining,
    "ssd_mobilenet.yaml": DetectorTraining,
    "ssd_mobilenet_640.yaml": DetectorTraining,
    "efficientdet_d0_folds.yaml": DetectorTraining,
    "efficientdet_d0_start.yaml": DetectorTraining,
    "ssd_mobilenet_folds.yaml": DetectorTraining,
    "ssd_mobilenet_start.yaml": DetectorTraining,
    "vgg16_start.yaml": ClassifierTraining,
    "votes.yaml": ClassifierTraining,
    "votes_dirichlet.yaml": ClassifierTraining,
    "votes_ensemble.yaml": ClassifierTraining,
    "votes_sigmoid.yaml": ClassifierTraining,
    **{
        f"published/{name}.yaml": ClassifierTraining
        for name in (
            "simple",
            "bigger",
            "bigger_dropout",
            "bigger_l1l2",
            "bigger_dropout_l1l2",
            "bigger_batch_norm",
            "bigger_batch_norm_dropout",
            "balance",
            "bayesian",
            "vgg16_frozen",
            "vgg16_block5",
            "ensemble",
            "pca_logistic",
            "simple_cnn",
            "resnet50",
            "inception_v3",
            "xception",
            "efficientnet_lite0",
            "votes",
            "votes_tree",
            "votes_feed_forward",
            "votes_argmax_logistic",
            "votes_argmax_cnn",
            "votes_argmax_xception",
        )
    },
}


def test_every_preset_is_valid_and_none_is_untested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    folder = Path(galpipe.configs.__file__).parent
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*.yaml")}
    assert files == set(PRESETS)
    for name, schema in PRESETS.items():
        load_config(folder / name, schema)


def test_a_preset_is_found_by_name_from_any_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    monkeypatch.chdir(tmp_path)
    config = load_config("configs/ssd_mobilenet.yaml", DetectorTraining)
    assert config.data[0].images == Path("data/gz2/images")
    for name in ("configs/published/simple.yaml", "published/simple.yaml", "published/simple"):
        assert load_config(name, ClassifierTraining).name == "simple"


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("mine/cnn.yaml", r"cnn\.yaml"),
        ("simple.yaml", r"published/simple\.yaml"),
        ("configs/published/votes_argmax_logistics", r"published/votes_argmax_logistic\.yaml"),
    ],
)
def test_a_mistyped_path_means_no_preset_but_the_nearest_is_named(path: str, near: str) -> None:
    with pytest.raises(ConfigError, match=rf"no such file.*did you mean.*{near}.*galpipe presets"):
        load_config(path, ClassifierTraining)


def test_a_path_like_no_preset_leads_to_their_list() -> None:
    with pytest.raises(ConfigError, match=r"qqq\.yaml: no such file.* name\. 'galpipe presets'"):
        load_config("qqq.yaml", ClassifierTraining)


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_or_empty_gives_the_cure(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("GALPIPE_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("GALPIPE_DATA", value)
    with pytest.raises(ConfigError, match=r"is not set; .*export GALPIPE_DATA=FOLDER"):
        load_config("published/simple", ClassifierTraining)


def test_a_kernel_size_is_for_all_convolutions_or_for_each() -> None:
    assert CnnDesign(filters=(8, 16), kernel_sizes=(5,)).kernel_sizes == (5,)
    with pytest.raises(ValueError, match="2 values for 3 filters"):
        CnnDesign(filters=(8, 16, 32), kernel_sizes=(5, 3))


def test_the_weights_of_too_many_members_are_not_searched(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    members = ", ".join(["{architecture: cnn}"] * 9)
    file.write_text(f"weights: search\ndata: [{{images: a, labels: b}}]\nmembers: [{members}]\n")
    with pytest.raises(ConfigError, match="at most 8 members"):
        load_config(file, ClassifierTraining)


def test_the_resolved_config_reads_back_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GALPIPE_DATA", "data")
    for name, schema in PRESETS.items():
        config = load_config(name, schema)
        file = tmp_path / Path(name).name
        file.write_text(dump_config(config))
        assert load_config(file, schema) == config


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("")
    assert load_config(file, RunConfig) == RunConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detector: {modle: x}", r"detector\.modle"),
        ("detector: {score_threshold: 2}", r"detector\.score_threshold"),
        ("- a list", "must be a mapping of keys to values"),
        ("detector: [", "cannot be read as YAML"),
        ("detector: {model: '${NOT_SET_ANYWHERE}'}", "NOT_SET_ANYWHERE"),
        ("!!python/object/apply:os.getcwd []", "cannot be read as YAML"),
        ("classifier: {crop_margin: 1000000}", r"classifier\.crop_margin"),
        ("classifier: {crop_margin: .inf}", r"classifier\.crop_margin"),
        ("detector: {train: {input_size: 1000000}}", r"detector\.train\.input_size"),
        ("detector: {train: {steps: 10000000000}}", r"detector\.train\.steps"),
        ("a: &a [*a]", "nested too deeply"),
        ("[" * 5000, "nested too deeply"),
        (f"a: {'[' * 70}{']' * 70}", "nested too deeply"),
        (
            "a0: &a0 [1, 1]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)),
            "too large",
        ),
        (
            "a0: &a0 {k: 1}\n"
            + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            "too large",
        ),
    ],
)
def test_a_fault_names_the_file_and_the_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(file, RunConfig)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("view_per_epoch: 3", "view_per_epoch: is no key here; did you mean views_per_epoch?"),
        ("views-per-epoch: 3", "did you mean views_per_epoch?"),
        ("quux: 3", "quux: is no key here; the keys are name, class_names,"),
        ("members: [{architecture: cnn, epoch: 3}]", "members.0.cnn.epoch: is no key here;"),
        (
            "members: [{architecture: vgg}]",
            "members.0: must be one of cnn, simple_cnn, pca_logistic, vgg16, efficientnet",
        ),
        ("weights: serch", "weights: must be one of given, search; did you mean search?"),
    ],
)
def test_an_unknown_key_or_value_names_the_nearest(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path, ClassifierTraining)
    assert message in str(error.value)
    assert "at least 1 item" not in str(error.value)


def test_a_missing_file_lists_the_presets(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ssd_mobilenet\.yaml"):
        load_config(tmp_path / "ssd_mobilenet.yaml", DetectorTraining)


def test_the_input_must_fit_the_pyramid(tmp_path: Path) -> None:
    file = tmp_path / "detector.yaml"
    file.write_text("data: [{images: a, annotations: b}]\ninput_size: 300\n")
    with pytest.raises(ConfigError, match=r"multiple of 2\*\*max_level = 64"):
        load_config(file, DetectorTraining)


def test_variables_are_expanded_in_paths_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    file = tmp_path / "c.yaml"
    file.write_text(
        "name: '${SECRET}'\ndata: [{images: '${SECRET}/i', labels: '${SECRET}.csv'}]\n"
        "members: [{architecture: cnn}]\n"
    )
    config = load_config(file, ClassifierTraining)
    assert config.name == "${SECRET}"
    assert config.data[0].images == Path("hunter2/i")
    assert config.data[0].labels == Path("hunter2.csv")
    file.write_text("detector: {model: '${SECRET}'}\nclassifier: {classes: ['${SECRET}']}")
    run = load_config(file, RunConfig)
    assert (run.detector.model, run.classifier.classes) == ("hunter2", ("${SECRET}",))
    # A setting in Python is taken as it is.
    assert (
        RunConfig.model_validate({"detector": {"model": "${SECRET}"}}).detector.model == "${SECRET}"
    )


def test_aliases_of_a_bounded_size_are_allowed(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("detector: &d {score_threshold: 0.5}\nclassifier: {<<: *d}")
    with pytest.raises(ConfigError, match=r"classifier\.score_threshold"):
        load_config(file, RunConfig)
    file.write_text("detector: {score_threshold: &s 0.5}\nzeropoint: *s")
    assert load_config(file, RunConfig).zeropoint == 0.5
