"""From the settings of a member of the ensemble to its network: trained, or from a file."""

from __future__ import annotations

from pathlib import Path

import keras

from ...configs import ClassifierMember, ClassifierTraining, CnnMember, KerasFileMember, Vgg16Member
from .architectures import build_cnn, build_vgg16, freeze_below, start_from_file
from .balance import drawn_shares
from .batches import Recipe, random_views
from .dataset import class_names
from .finetune import fine_tune
from .fit import fit, validation_arrays
from .keras_file import build_keras_file
from .precision import computing_in, in_float32
from .pretrain import pretrain_vgg16
from .prior_correction import restore_frequencies
from .schedule import Schedule
from .sources import Sources

__all__ = ["check_members", "train_member"]


def check_members(config: ClassifierTraining) -> None:
    """Build the members that are files, so that a fault shows before hours of training.

    Raises
    ------
    ConfigError, InputError
        If a file is not as needed.
    """
    for member in config.members:
        if isinstance(member, KerasFileMember):
            build_keras_file(member, class_names(config), config.input_size)


def train_member(
    member: ClassifierMember, config: ClassifierTraining, sources: Sources, folder: Path
) -> keras.Model:
    """Return the trained network of a member; a finished one in ``folder`` is taken from there.

    Raises
    ------
    ConfigError
        If ImageNet's weights cannot be downloaded, or a network does not fit what is said of it.
    InputError
        If a file is missing or does not hold what it should.
    """
    finished = folder / "model.keras"
    if finished.is_file():
        return keras.saving.load_model(finished, compile=False)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(member, KerasFileMember):
        model = build_keras_file(member, class_names(config), config.input_size)
    else:
        with computing_in(member.precision):
            model = in_float32(_train(member, config, sources, folder))
        if config.balance.frequencies == "data":
            labels = sources.train.labels
            restore_frequencies(model, labels, drawn_shares(labels, config.balance))
    model.save(finished)
    return model


def _train(
    member: CnnMember | Vgg16Member, config: ClassifierTraining, sources: Sources, folder: Path
) -> keras.Model:
    keras.utils.set_random_seed(config.seed)
    recipe = Recipe(
        input_size=config.input_size,
        crop_margin=config.crop_margin,
        batch_size=member.batch_size,
        views=config.views_per_epoch,
        seed=config.seed,
        balance=config.balance,
        augmentation=config.augmentation,
        mixup=config.mixup,
    )
    schedule = Schedule(
        epochs=member.epochs,
        learning_rate=member.learning_rate,
        patience=member.patience,
        optimizer=member.optimizer,
        rate=member.learning_rate_schedule,
        plateau_patience=member.plateau_patience,
        plateau_factor=member.plateau_factor,
        label_smoothing=config.label_smoothing,
    )
    if isinstance(member, CnnMember):
        model = build_cnn(sources.train.labels.num_classes, config.input_size, member)
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
        stock = member.stock_epochs
        fine_tune(model, sources, recipe, schedule, folder / "vgg16", stock)
    return model


def _start_vgg16(
    member: Vgg16Member, sources: Sources, recipe: Recipe, folder: Path
) -> keras.Model:
    if member.initial_weights == "pretrain":
        return pretrain_vgg16(sources, recipe, member.pretrain_epochs, folder)
    num_classes = sources.train.labels.num_classes
    imagenet = member.initial_weights == "imagenet"
    model = build_vgg16(num_classes, recipe.input_size, imagenet=imagenet)
    if isinstance(member.initial_weights, Path):
        start_from_file(model, member.initial_weights)
    return model
