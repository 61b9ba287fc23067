"""Join the results of several runs with the same settings, such as those of a batch system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, InputError, OutputError
from ..files.atomic import atomic_path, is_temporary
from ..files.output_folder import RECORD_NAME, RUN_PICTURES
from ..files.remote import is_address
from .collect import plan_in
from .manifest import join_manifests
from .many_fields import open_run
from .parts import PARTS
from .plan import RunPlan, differences, read_plan, write_plan

__all__ = ["join_runs"]


def join_runs(
    folders: Sequence[str | Path], output: str | Path, *, overwrite: bool = False
) -> Path:
    """Make one result of the results of several runs over different fields.

    The folder is then that of one run over all fields, in the order of the folders: its catalogue
    is to be collected, and ``galpipe run`` goes on with it.  Parts and pictures are linked where
    the file system allows it, else copied.

    Parameters
    ----------
    folders : sequence of str or Path
        Output folders of the runs, finished or not.
    output : str or Path
        Folder of the whole: new, empty, an earlier whole of the same settings, or, with
        `overwrite`, any earlier result.
    overwrite : bool
        Replace an earlier result.

    Returns
    -------
    Path
        The folder of the whole.

    Raises
    ------
    ConfigError
        If a folder is in an object store.
    InputError
        If a folder holds no run, the runs differ in more than their fields, or fields of two have
        one name.
    OutputError
        If the folder of the whole holds other files, or cannot be written.
    """
    for place in (*folders, output):
        if is_address(place):
            raise ConfigError(
                f"{place}: results in object stores are not joined. Copy them to local folders, or "
                "process all fields with one command."
            )
    parts = [Path(folder) for folder in folders]
    plans = [plan_in(folder) for folder in parts]
    for folder, plan in zip(parts[1:], plans[1:], strict=True):
        if plan.fingerprint != plans[0].fingerprint:
            changes = "; ".join(differences(plans[0].fingerprint, plan.fingerprint))
            raise InputError(
                f"{folder}: cannot be joined with {parts[0]}, since it differs from it: {changes}. "
                "Join runs of the same settings."
            )
    whole = replace(
        plans[0],
        record=replace(plans[0].record, started=min(plan.record.started for plan in plans)),
    )
    with open_run(Path(output), overwrite=overwrite) as (joined, _):
        target = joined.path
        if os.path.realpath(target) in map(os.path.realpath, parts):
            raise OutputError(f"{target}: is one of the runs. Choose another output folder.")
        _refuse_another(target, whole)
        join_manifests(target, parts)
        write_plan(target, whole)
        joined.write_json(RECORD_NAME, whole.record.as_dict())
        for part in parts:
            for file in _files(part):
                _link(part / file, target / file)
        return target


def _refuse_another(folder: Path, plan: RunPlan) -> None:
    earlier = read_plan(folder)
    if earlier is not None and earlier.fingerprint != plan.fingerprint:
        changes = "; ".join(differences(earlier.fingerprint, plan.fingerprint))
        raise OutputError(
            f"{folder}: holds a result that differs from these: {changes}. Choose another output "
            "folder, or add --overwrite (in Python: overwrite=True) to replace it."
        )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the parts and pictures of a run, relative to its folder."""
    for path in (folder / PARTS).glob("*.jsonl"):
        # Those that are written while the whole is made are for the next time.
        if not is_temporary(path.name) and path.stem != "fields":
            yield path.relative_to(folder)
    for name in RUN_PICTURES:
        for parent, _, files in os.walk(folder / name):
            yield from (Path(parent, file).relative_to(folder) for file in files)
    if (folder / "config.yaml").is_file():
        yield Path("config.yaml")


def _link(file: Path, target: Path) -> None:
    if target.exists() and target.samefile(file):
        # Replacing a link by another one to the same file does nothing, and leaves both.
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError), atomic_path(target) as beside:
        os.link(file, beside)
        return
    with atomic_path(target) as beside:
        shutil.copyfile(file, beside)
