"""Train one member of the ensemble from its settings."""

from __future__ import annotations

from pathlib import Path

import keras

from ..configs import ClassifierMember, ClassifierTraining, CnnMember, Vgg16Member
from .batches import Recipe, random_views
from .finetune import fine_tune
from .fit import Schedule, fit, validation_arrays
from .pretrain import pretrain_vgg16
from .sources import Sources
from .zoo import build_cnn, build_vgg16, freeze_below, load_convolutions

__all__ = ["train_member"]


def train_member(
    member: ClassifierMember, config: ClassifierTraining, sources: Sources, folder: Path
) -> keras.Model:
    """Return the trained network of a member; a finished one in ``folder`` is taken from there.

    Raises
    ------
    ConfigError
        If ImageNet's weights cannot be downloaded.
    InputError
        If a file of weights is missing or does not hold VGG16.
    """
    finished = folder / "model.keras"
    if finished.is_file():
        return keras.saving.load_model(finished, compile=False)
    keras.utils.set_random_seed(config.seed)
    recipe = Recipe(
        input_size=config.input_size,
        crop_margin=config.crop_margin,
        batch_size=member.batch_size,
        views=config.views_per_epoch,
        seed=config.seed,
    )
    schedule = Schedule(member.epochs, member.learning_rate, patience=member.patience)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(member, CnnMember):
        model = build_cnn(sources.train.allowed.shape[1], config.input_size)
        fit(
            model,
            random_views(sources, recipe),
            validation_arrays(sources.validation, recipe),
            schedule,
            folder / "cnn",
        )
    else:
        model = _start_vgg16(member, sources, recipe, folder)
        freeze_below(model, member.fine_tune_from)
        fine_tune(model, sources, recipe, schedule, folder / "vgg16")
    model.save(finished)
    return model


def _start_vgg16(
    member: Vgg16Member, sources: Sources, recipe: Recipe, folder: Path
) -> keras.Model:
    if member.initial_weights == "pretrain":
        return pretrain_vgg16(sources, recipe, member.pretrain_epochs, folder)
    num_classes = sources.train.allowed.shape[1]
    imagenet = member.initial_weights == "imagenet"
    model = build_vgg16(num_classes, recipe.input_size, imagenet=imagenet)
    if isinstance(member.initial_weights, Path):
        load_convolutions(model, member.initial_weights)
    return model
