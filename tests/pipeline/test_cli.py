from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

import galpipe
from galpipe.pipeline import Catalogue
from galpipe.pipeline.cli import COMMANDS, cli

Cli = Callable[..., Result]


@pytest.fixture
def model_options(models: dict[str, Path]) -> list[str]:
    return ["--detector", str(models["detector"]), "--classifier", str(models["classifier"])]


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    return subprocess.run(
        [sys.executable, "-m", "galpipe.pipeline.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_run_for_real(tmp_path: Path, good_picture: Path, model_options: list[str]) -> None:
    done = process("run", good_picture, "-o", tmp_path / "out", *model_options)
    assert done.returncode == 0, done.stderr
    # No word of LiteRT's delegate, of astropy or of Python's warnings.
    assert done.stderr == ""
    assert re.search(r"good-[0-9a-f]{8}-0001", done.stdout)
    assert str(tmp_path / "out" / "overlays") in done.stdout
    assert (tmp_path / "out" / "catalogue.ecsv").is_file()


def test_bad_inputs_for_real(
    tmp_path: Path, bad_inputs: dict[str, Path], good_picture: Path, model_options: list[str]
) -> None:
    inputs = [*bad_inputs.values(), good_picture]
    done = process("run", *inputs, "-o", tmp_path / "out", *model_options)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"{len(bad_inputs)} inputs failed" in done.stderr
    for path in bad_inputs.values():
        assert done.stderr.count(path.name) == 1
    assert re.search(r"good-[0-9a-f]{8}-0001", done.stdout)


def test_a_terminated_run_keeps_what_was_done(
    tmp_path: Path, good_picture: Path, model_options: list[str]
) -> None:
    for number in range(300):
        good_picture.with_name(f"copy{number}.png").write_bytes(good_picture.read_bytes())
    out = tmp_path / "out"
    command = [sys.executable, "-m", "galpipe.pipeline.cli", "run", str(good_picture.parent)]
    with subprocess.Popen(
        [*command, "-o", str(out), *model_options], stderr=subprocess.PIPE, text=True
    ) as running:
        # The second overlay is there: the first field is done.
        while running.poll() is None and len(list(out.glob("overlays/[!.]*.png"))) < 2:
            time.sleep(0.02)
        running.terminate()
        _, shown = running.communicate(timeout=120)
    assert running.returncode == 130, shown
    assert "Interrupted" in shown
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert 0 < len(record["fields"]) < 301
    assert set(Catalogue.read(out / "catalogue.ecsv")["field"]) == {
        done["field"] for done in record["fields"]
    }


def test_a_run_imports_no_tensorflow(
    tmp_path: Path, good_picture: Path, model_options: list[str]
) -> None:
    code = (
        "import sys; from galpipe.pipeline.cli import cli\n"
        "assert not cli(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'sklearn', 'matplotlib', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    arguments = ["run", str(good_picture), "-o", str(tmp_path / "out"), *model_options]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from galpipe.pipeline.cli import cli\n"
        "assert not cli(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'numpy', 'astropy', 'cv2', 'pandas', 'scipy', 'pydantic', 'ai_edge_litert'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "galpipe" in done.stdout


def test_every_command_says_what_it_does(galpipe_cli: Cli) -> None:
    shown = galpipe_cli("--help").output
    for name, summary in COMMANDS.items():
        assert f"  {name} " in shown
        assert summary in shown
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.name == name
        assert command.help
        _check_help(command, f"galpipe {name}")


def _check_help(command: click.Command, path: str) -> None:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None
            assert part.name == name
            _check_help(part, f"{path} {name}")
        return
    assert command.epilog, path
    assert path in command.epilog
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"


def test_version(galpipe_cli: Cli) -> None:
    assert galpipe.__version__ in galpipe_cli("--version").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rum"], "Did you mean 'run'?"),
        (["run"], "FIELDS"),
        (["run", "a.fits"], "--output"),
        (["run", "a.fits", "-o", "x", "--score-threshold", "2"], "score-threshold"),
        (["run", "a.fits", "-o", "x", "--nonsense"], "--nonsense"),
        (["detect", "a.fits", "-o", "x", "--format", "doc"], "voc"),
        (["train", "detector", "-o", "x"], "--config"),
    ],
)
def test_wrong_usage(galpipe_cli: Cli, arguments: list[str], says: str) -> None:
    result = galpipe_cli(*arguments)
    assert result.exit_code == 2
    assert says in result.output
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--detector", "nosuch"], "nosuch"),
        (["--config", "nosuch.yaml"], "nosuch.yaml"),
    ],
)
def test_what_does_not_exist(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, options: list[str], says: str
) -> None:
    result = galpipe_cli("run", good_picture, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_a_missing_field_alone(galpipe_cli: Cli, tmp_path: Path) -> None:
    result = galpipe_cli("run", tmp_path / "missing.fits", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "missing.fits" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_finished_run_says_so(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, model_options: list[str]
) -> None:
    arguments = ["run", good_picture, "-o", tmp_path / "out", *model_options]
    assert galpipe_cli(*arguments).exit_code == 0
    before = (tmp_path / "out" / "catalogue.ecsv").read_bytes()
    again = galpipe_cli(*arguments)
    assert again.exit_code == 0
    assert "Everything is done already" in again.stderr
    assert (tmp_path / "out" / "catalogue.ecsv").read_bytes() == before
    other = galpipe_cli(*arguments, "--score-threshold", "0.25")
    assert other.exit_code == 2
    assert "--overwrite" in other.stderr
    assert galpipe_cli(*arguments, "--score-threshold", "0.25", "--overwrite").exit_code == 0


def test_debug_shows_the_traceback(galpipe_cli: Cli, tmp_path: Path) -> None:
    result = galpipe_cli("--debug", "run", tmp_path / "missing.fits", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert isinstance(result.exception, galpipe.errors.InputError)


def test_a_fault_of_ours_is_called_so(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from galpipe.pipeline import run as module

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(module, "find_sources", broken)
    result = galpipe_cli("run", good_picture, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "bug in galpipe" in result.stderr
    assert "surprise" in result.stderr


def test_interruption(
    galpipe_cli: Cli,
    tmp_path: Path,
    good_picture: Path,
    model_options: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from galpipe.pipeline.engines.processes import ProcessEngine

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProcessEngine, "_feed", interrupted)
    result = galpipe_cli("run", good_picture, "-o", tmp_path / "out", *model_options)
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "interrupted"
    assert len(Catalogue.read(tmp_path / "out" / "catalogue.ecsv")) == 0


def test_a_command_that_used_ray_ends_at_once() -> None:
    """Else its threads may crash while the interpreter ends."""
    program = """
import atexit, sys, types
class Late:
    def __del__(self): sys.__stderr__.write("finalized")
sys.modules["ray"] = types.ModuleType("ray")
sys.ray_user = Late()
atexit.register(print, "cleaned up")
from galpipe.pipeline.cli import main
sys.argv = ["galpipe", *sys.argv[1:]]
main()
"""
    for option, code in (("--version", 0), ("--no-such-option", 2)):
        command = [sys.executable, "-c", program, option]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert "cleaned up" in done.stdout
        assert "finalized" not in done.stderr
    assert "No such option" in done.stderr


def test_an_interruption_before_a_command_is_none_of_an_input(
    galpipe_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "make_context", interrupted)
    assert galpipe_cli("run").exit_code == 130


def test_notes_are_shown(
    galpipe_cli: Cli, tmp_path: Path, nonsense_wcs: Path, model_options: list[str]
) -> None:
    result = galpipe_cli("run", nonsense_wcs, "-o", tmp_path / "out", *model_options)
    assert result.exit_code == 0, result.output
    assert "nonsense_wcs" in result.stderr
    assert "WCS" in result.stderr


def test_the_process_is_left_as_it_was(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, model_options: list[str]
) -> None:
    logger = logging.getLogger("galpipe")
    before = (logger.level, logger.handlers[:], logger.propagate, warnings.filters[:])
    galpipe_cli("run", good_picture, "-o", tmp_path / "out", *model_options)
    assert (logger.level, logger.handlers[:], logger.propagate, warnings.filters[:]) == before


def test_models(galpipe_cli: Cli, models: dict[str, Path], tmp_path: Path) -> None:
    assert galpipe_cli("models", "list").exit_code == 0
    shown = galpipe_cli("models", "show", models["detector"])
    assert shown.exit_code == 0
    assert "tiny_detector" in shown.output
    assert "mAP" in shown.output
    assert galpipe_cli("models", "verify", *models.values()).exit_code == 0


def test_an_altered_model_is_found(
    galpipe_cli: Cli, models: dict[str, Path], tmp_path: Path
) -> None:
    import shutil

    copy = shutil.copytree(models["detector"], tmp_path / "copy")
    (copy / "model.tflite").write_bytes(b"altered")
    result = galpipe_cli("models", "verify", copy, models["classifier"])
    assert result.exit_code == 1
    assert "altered" in result.stderr
    assert "complete and unaltered" in result.stdout


def test_one_broken_field_alone(
    galpipe_cli: Cli, tmp_path: Path, bad_inputs: dict[str, Path], model_options: list[str]
) -> None:
    broken = bad_inputs["truncated"]
    result = galpipe_cli("run", broken, "-o", tmp_path / "out", *model_options)
    assert result.exit_code == 1
    assert "0 galaxies in 0 fields" in result.stdout
    assert f"1 input failed:\n  {broken}" in result.stderr


def test_classify(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    arguments = ["classify", good_picture, "-o", tmp_path / "out", "--model", models["classifier"]]
    result = galpipe_cli(*arguments)
    assert result.exit_code == 0, result.output
    assert "predictions.csv" in result.stdout
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    result = galpipe_cli(*arguments, broken, "--overwrite")
    assert result.exit_code == 1
    assert "broken.png is empty" in result.stderr


def test_detect(
    galpipe_cli: Cli, tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    result = galpipe_cli(
        "detect", good_picture, "-o", out, "--model", models["detector"], "--format", "coco"
    )
    assert result.exit_code == 0, result.output
    assert "score" in result.stdout
    assert "class" not in result.stdout
    assert str(out / "annotations") in result.stdout.replace("\n", "")
    assert (out / "annotations" / "coco.json").is_file()
