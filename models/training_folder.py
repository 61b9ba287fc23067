"""Train models in folders named after their settings, and use finished trainings again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from ..configs import dump_config
from ..errors import BundleError, require
from ..files.atomic import atomic_path
from ..progress import Progress, silent
from .bundle import read_bundle
from .training_record import has_other_data

__all__ = ["Trainer", "check_earlier", "check_training", "open_trainer", "train_once"]

logger = logging.getLogger("galpipe")

_PACKAGES = {"detector": "detection", "classifier": "classification"}
_FINISHED = "finished.json"


class Trainer(Protocol):
    """A function that trains a model."""

    def __call__(
        self,
        config: Any,
        output: Path,
        progress: Progress = silent,
        /,
        *,
        extend: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Train in the folder `output` and return the path of the bundle.

        Parameters
        ----------
        config : BaseModel
            Settings of the training.
        output : Path
            Folder of the training.
        progress : Progress
            Shows the progress.
        extend : bool
            Train further than the finished training in the folder.
        overwrite : bool
            Remove an earlier training in the folder.
        """


def check_training(stage: str, config: BaseModel) -> None:
    """Check paths, labels and class names of a training, which takes seconds.

    Call it before `open_trainer`, which imports TensorFlow.

    Parameters
    ----------
    stage : {"detector", "classifier"}
        The stage.
    config : BaseModel
        Settings of the training.

    Raises
    ------
    ConfigError
        If a path is missing, or a class of the boxes is not configured.
    InputError
        If labels, annotations or initial weights cannot be read.
    """
    import_module(f"galpipe.{_PACKAGES[stage]}.training.check").check_training(config)


def check_earlier(
    stage: str, configs: Sequence[BaseModel], folder: Path, *, overwrite: bool = False
) -> list[bool]:
    """Return which earlier trainings by `train_once` have other data and must be replaced.

    Parameters
    ----------
    stage : {"detector", "classifier"}
        The stage.
    configs : sequence of BaseModel
        Settings of trainings with the same data.
    folder : Path
        Parent folder of the training folders.
    overwrite : bool
        Whether a training with other data may be replaced.

    Raises
    ------
    InputError
        If the data cannot be read.
    OutputError
        If there is one that may not be replaced; the message says what changed.
    """
    places = [_place(config, folder) for config in configs]
    if not any(place.is_dir() for place in places):
        return [False for _ in places]
    check = import_module(f"galpipe.{_PACKAGES[stage]}.training.check")
    data = check.identify_training(configs[0])
    return [has_other_data(place, data, overwrite=overwrite) for place in places]


def open_trainer(stage: str) -> Trainer:
    """Return the function that trains a stage.

    Parameters
    ----------
    stage : {"detector", "classifier"}
        The stage.

    Raises
    ------
    MissingExtraError
        If the packages of training are not installed.
    """
    if stage == "detector":
        # TF-Vision is imported late in the training, so check for it first.
        require("official", "train")
    train: Trainer = getattr(
        require(f"galpipe.{_PACKAGES[stage]}.training.train", "train"), f"train_{stage}"
    )
    return train


def train_once(
    train: Trainer,
    config: BaseModel,
    folder: Path,
    progress: Progress = silent,
    *,
    replace: bool = False,
) -> Path:
    """Train in a folder named after the settings, unless a finished training exists there.

    Check the data of an earlier training before, by `check_earlier`.

    Parameters
    ----------
    train : Trainer
        The training function.
    config : BaseModel
        Its settings.
    folder : Path
        Parent folder of the training folders.
    progress : Progress
        Shows the progress of the training.
    replace : bool
        Replace an earlier training in the folder.

    Returns
    -------
    Path
        The bundle.
    """
    place = _place(config, folder)
    mark = place / _FINISHED
    if mark.is_file() and not replace:
        bundle: Path = place / json.loads(mark.read_text(encoding="utf-8"))["bundle"]
        try:
            read_bundle(bundle).verify()
        except BundleError as error:
            logger.warning("%s Training it again.", error)
        else:
            logger.info("%s: was trained before, used again", bundle)
            return bundle
    bundle = train(config, place, progress, overwrite=replace)
    with atomic_path(mark) as temporary:
        temporary.write_text(json.dumps({"bundle": str(bundle.relative_to(place))}) + "\n")
    return bundle


def _place(config: BaseModel, folder: Path) -> Path:
    """Return the folder of a training."""
    digest = hashlib.sha256(dump_config(config).encode()).hexdigest()[:8]
    return folder / f"{getattr(config, 'name', 'model')}-{digest}"
