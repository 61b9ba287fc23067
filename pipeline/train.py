"""Train a detector or a classifier from a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models import Bundle, read_bundle
from ..models.training_folder import check_training, open_trainer
from ..progress import Progress, open_progress

if TYPE_CHECKING:
    from ..configs import ClassifierTraining, DetectorTraining

__all__ = ["train_classifier", "train_detector"]


def train_detector(
    config: DetectorTraining | str | Path | Mapping[str, Any],
    output: str | Path,
    *,
    extend: bool = False,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> Bundle:
    """Train a detector on images with boxes, evaluate it, and write its bundle.

    An interrupted training in `output` is continued by the same call.

    Parameters
    ----------
    config : DetectorTraining, str, Path or mapping
        Data, model and schedule: an object, a YAML file, the name of a preset such as
        ``configs/ssd_mobilenet.yaml``, or the content of such a file.
    output : str or Path
        Folder of the training.
    extend : bool
        Train the finished training in `output` further, with more steps or patience.
    overwrite : bool
        Remove an earlier training in `output` and train anew.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    Bundle
        The model; its ``metrics()`` are those on the held-out images.

    Raises
    ------
    ConfigError
        If the configuration is invalid, or names missing files or classes.
    InputError
        If images, annotations or initial weights cannot be read.
    OutputError
        If `output` contains other files or another training, or cannot be written.
    MissingExtraError
        If the training packages are not installed.

    Examples
    --------
    >>> import galpipe
    >>> data = [{"images": "images", "annotations": "boxes.csv"}]
    >>> config = {"data": data, "start_from": "ssd_mobilenet", "steps": 2000}
    >>> bundle = galpipe.train_detector(config, "training")  # doctest: +SKIP
    >>> galpipe.load_detector(bundle).detect("field.fits")  # doctest: +SKIP
    """
    from ..configs import DetectorTraining

    return _train("detector", DetectorTraining, config, output, extend, overwrite, progress)


def train_classifier(
    config: ClassifierTraining | str | Path | Mapping[str, Any],
    output: str | Path,
    *,
    extend: bool = False,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> Bundle:
    """Train a classifier on labelled images, evaluate it, and write its bundle.

    An interrupted training in `output` is continued by the same call.

    Parameters
    ----------
    config : ClassifierTraining, str, Path or mapping
        Data, members and schedule: an object, a YAML file, the name of a preset such as
        ``configs/cnn.yaml``, or the content of such a file.
    output : str or Path
        Folder of the training.
    extend : bool
        Train the finished training in `output` further, with more epochs or patience.
    overwrite : bool
        Remove an earlier training in `output` and train anew.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    Bundle
        The model; its ``metrics()`` are those on the held-out images.

    Raises
    ------
    ConfigError
        If the configuration is invalid, or names missing files or classes.
    InputError
        If images, labels or initial weights cannot be read.
    OutputError
        If `output` contains other files or another training, or cannot be written.
    MissingExtraError
        If the training packages are not installed.

    Examples
    --------
    >>> import galpipe
    >>> data = [{"images": "cutouts", "labels": "labels.csv"}]
    >>> config = {"data": data, "members": [{"architecture": "cnn"}]}
    >>> bundle = galpipe.train_classifier(config, "training")  # doctest: +SKIP
    >>> galpipe.load_classifier(bundle).predict(crops)  # doctest: +SKIP
    """
    from ..configs import ClassifierTraining

    return _train("classifier", ClassifierTraining, config, output, extend, overwrite, progress)


def _train(
    stage: str,
    schema: Any,
    config: Any,
    output: str | Path,
    extend: bool,
    overwrite: bool,
    progress: bool | Progress,
) -> Bundle:
    from ..configs import load_config

    settings = load_config(config, schema)
    check_training(stage, settings)
    train = open_trainer(stage)
    display = open_progress(progress)
    return read_bundle(train(settings, Path(output), display, extend=extend, overwrite=overwrite))
