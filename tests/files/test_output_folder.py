from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Literal

import pytest

from galpipe.errors import OutputError
from galpipe.files.output_folder import OutputFolder, claim_folder, refuse_existing


def write(path: Path, text: str = "mine") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def is_ours(status: Literal["unfinished", "complete"]) -> Any:
    return lambda folder: status if (folder / "ours.txt").is_file() else None


def test_a_new_or_empty_folder_is_claimed(tmp_path: Path) -> None:
    for _ in range(2):
        assert claim_folder(tmp_path / "a" / "b", is_ours("complete")) == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_ours_is_refused(tmp_path: Path, overwrite: bool) -> None:
    write(tmp_path / "thesis.txt")
    with pytest.raises(OutputError, match=r"did not make \(thesis\.txt\)"):
        claim_folder(tmp_path, is_ours("complete"), overwrite=overwrite, ours=["*.txt"])
    assert (tmp_path / "thesis.txt").is_file()


def test_what_a_kill_left_is_removed_and_no_other_hidden_file(tmp_path: Path) -> None:
    ours = ["maps/*.png"]
    for name in (".galpipe-0123abcd.run.json", "maps/.galpipe-0123abcd.a.png"):
        write(tmp_path / "out" / name, "{")
    assert OutputFolder(tmp_path / "out", ours=ours).path == tmp_path / "out"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]
    others = [".notes.20240101.txt", "maps/.20240101.notes.txt"]
    for name in others:
        write(tmp_path / "mine" / name)
    with pytest.raises(OutputError, match="did not make"):
        OutputFolder(tmp_path / "mine", ours=ours)
    assert all((tmp_path / "mine" / name).is_file() for name in others)


def test_a_complete_result_is_replaced_on_request_alone(tmp_path: Path) -> None:
    for name in ("ours.txt", "maps/a.png", "maps/deep/b.png", "notes.md"):
        write(tmp_path / "out" / name)
    ours = ["ours.txt", "maps/**/*.png"]
    with pytest.raises(OutputError, match="--overwrite"):
        claim_folder(tmp_path / "out", is_ours("complete"), ours=ours)
    assert len(list((tmp_path / "out").rglob("*.*"))) == 4
    claim_folder(tmp_path / "out", is_ours("complete"), overwrite=True, ours=ours)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.md"]


def test_an_unfinished_result_is_continued(tmp_path: Path) -> None:
    write(tmp_path / "ours.txt")
    claim_folder(tmp_path, is_ours("unfinished"))
    assert (tmp_path / "ours.txt").is_file()


def test_the_record_tells_the_status(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    OutputFolder(tmp_path)
    folder.write_json("run.json", {"made_by": "galpipe", "status": "complete"})
    with pytest.raises(OutputError, match="earlier result"):
        OutputFolder(tmp_path)
    with pytest.raises(OutputError, match="did not make"):
        OutputFolder(tmp_path, record="other.json")


def test_files_and_folders_that_exist(tmp_path: Path) -> None:
    file, folder = write(tmp_path / "full" / "a.json"), tmp_path / "empty"
    folder.mkdir()
    refuse_existing([tmp_path / "new.json"], overwrite=False)
    refuse_existing([tmp_path / "new", folder], overwrite=False, folders=True)
    refuse_existing([file], overwrite=True)
    refuse_existing([file.parent], overwrite=True, folders=True)
    for path, folders, message in (
        (file, False, "exists already"),
        (file.parent, True, "is not empty"),
        (folder, False, "name a file"),
        (file, True, "name a folder"),
    ):
        with pytest.raises(OutputError, match=message):
            refuse_existing([path], overwrite=False, folders=folders)


def test_litter_that_cannot_be_removed_is_an_error_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / ".galpipe-0123abcd.run.json")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    for resume in (False, True):
        with pytest.raises(OutputError, match=f"{tmp_path}: cannot be used.*Permission denied"):
            OutputFolder(tmp_path, overwrite=False, resume=resume)
