"""Configuration of a run: the models of both stages and the stretch of the fields."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from ..default_models import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR
from ..imaging import Stretch
from .classifier_training import ClassifierTraining
from .detector_training import DetectorTraining
from .section import ConfigPath, CropMargin, Fraction, ModelPath, Section

__all__ = ["ClassifierStage", "DetectorStage", "RunConfig"]

Frequency = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Frequency of a class, also as a number of galaxies."""


class DetectorStage(Section):
    """First stage: a detector, or the training of one."""

    model: ModelPath = DEFAULT_DETECTOR
    """Name of a shipped model, or path of one."""
    train: DetectorTraining | None = None
    """Training of a detector to use instead of ``model``."""
    score_threshold: Fraction | None = None
    """Lowest score of a detection; by default that of the model."""


class ClassifierStage(Section):
    """Second stage: a classifier, or the training of one."""

    model: ModelPath = DEFAULT_CLASSIFIER
    """Name of a shipped model, or path of one."""
    train: ClassifierTraining | None = None
    """Training of a classifier to use instead of ``model``."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Classes of the detector whose objects are classified; by default those that are galaxies by
    their names (`galpipe.detection.base.galaxy_classes`)."""
    crop_margin: CropMargin | None = None
    """Side of the square crop over the longer side of the box; by default that of the training of
    the classifier."""
    prior: Literal["uniform", "survey"] | dict[str, Frequency] | ConfigPath | None = None
    """Class frequencies of the galaxies, for which probabilities are re-weighted: equal, those of
    a survey, by class, or a file of them; by default those of the training."""
    test_time_augmentation: bool | None = None
    """Predict the mean over the eight flips and quarter turns of a crop; by default as the
    classifier was calibrated."""


class RunConfig(Section):
    """Configuration of ``galpipe run``."""

    detector: DetectorStage = DetectorStage()
    """First stage."""
    classifier: ClassifierStage = ClassifierStage()
    """Second stage."""
    stretch: Stretch | None = None
    """Stretch of the fields to colour; by default that of the training of the detector."""
    zeropoint: FiniteFloat | dict[str, FiniteFloat] | None = None
    """Magnitude of one unit of flux, of all bands or by the name of the band; by default that of
    the file."""
