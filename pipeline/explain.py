"""Why a classifier says what it says: images of single galaxies in, pictures out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..classification import class_slug
from ..classification.explain import ExplainedClassifier, open_explained
from ..configs import InputScaling
from ..errors import ConfigError, GalpipeError, InputError, OutputError
from ..files.output_folder import RECORD_NAME, OutputFolder
from ..imaging import FieldSource
from ..models.identity import describe_model
from ..progress import Progress, count_of, open_progress
from .batch import find_sources, note_failure
from .classify import expand_lists
from .explanations import ExplainedImage, Explanations
from .provenance import Failure, RunRecord, StageClock

__all__ = ["ExplainResult", "Subject", "explain"]

logger = logging.getLogger("galpipe")

Subject = Literal["gradcam", "activations", "filters"]

_OURS = ("gradcam/*.png", "activations/*/*.png", "filters/*.png")


@dataclass(frozen=True, eq=False)
class ExplainResult:
    """What was written.

    Attributes
    ----------
    output : Path
        The folder.
    pictures : tuple of Path
        The pictures in it.
    failures : tuple of Failure
        Images that could not be explained.
    record : RunRecord
        What ``run.json`` says.
    """

    output: Path
    pictures: tuple[Path, ...]
    failures: tuple[Failure, ...]
    record: RunRecord


def explain(
    images: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: str | Path,
    what: Sequence[Subject] = ("gradcam",),
    class_name: str | None = None,
    layers: Sequence[str] = (),
    channels: int = 16,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    scaling: InputScaling | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ExplainResult:
    """Draw what the networks of a classifier see in images of single galaxies.

    The images are cropped exactly as :func:`~.classify.classify` does.

    Parameters
    ----------
    images : path or iterable of paths
        As `classify` takes them.
    output : path
        Folder to write: ``gradcam/IMAGE.png``, ``activations/IMAGE/MEMBER_LAYER.png`` and
        ``filters/MEMBER_LAYER.png``.
    model : path
        Folder of a training, or a ``.keras`` or ``.h5`` file; see
        :func:`~galpipe.classification.explain.open_explained`.
    what : sequence of {"gradcam", "activations", "filters"}
        What is drawn.
    class_name : str, optional
        The class whose heat maps are drawn; by default the most probable one of each image.
    layers : sequence of str
        Layers of any member; a member that has none of them, or where none is given, shows the last
        layer of each size, and its heat maps are those of the last one.  Of several the deepest
        gives the heat maps.
    channels : int
        Most channels of a layer that are shown: for an image those with the highest activation in
        it, of the filters those with the highest one in all images.
    seed : int
        Of the noise that filter patterns start from.
    class_names, scaling
        Of a file that is no part of a training; see `open_explained`.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Raises
    ------
    InputError
        If no input leads to an image at all, or a network cannot be explained.
    ConfigError
        If there is no such class or layer.
    BundleError, OutputError
        If the model is no finished training, or the output folder is refused or cannot be written.
    """
    given = [images] if isinstance(images, str | Path) else list(images)
    expanded, failures = expand_lists(given)
    if failures and not expanded:
        raise InputError("\n".join(failure.message for failure in failures))
    sources, missing = find_sources(expanded)
    classifier = open_explained(model, class_names, scaling)
    class_id = None if class_name is None else _class_id(classifier, class_name)
    shown = _choose_layers(classifier, layers)
    folder = OutputFolder(output, overwrite=overwrite, ours=_OURS)
    record = RunRecord("explain", failures=[*failures, *missing])
    record.models = {"classifier": describe_model(classifier.identity)}
    record.config = {
        "what": list(what),
        "class_name": class_name,
        "layers": {name: list(chosen) for name, chosen in shown.items()},
        "channels": channels,
        "seed": seed,
    }
    clock = StageClock()
    explanations = Explanations(classifier, shown, folder.path, channels, seed)
    sheets = len(shown) if "filters" in what else 0
    record.status = "interrupted"
    try:
        with open_progress(progress)("images", len(sources) + sheets) as task:
            done = 0
            for source in sources:
                task.update(description=source.identifier)
                with clock("images"):
                    done += _explain_image(explanations, source, classifier, what, class_id, record)
                task.update(advance=1, status=count_of(done, "images", len(record.failures)))
            for member in classifier.members if sheets and done else ():
                task.update(description=f"filters of {member.name}")
                with clock("filters"):
                    explanations.filters(member)
                task.update(advance=1, status=count_of(done, "images", len(record.failures)))
        record.status = "complete"
    finally:
        record.seconds = clock.seconds
        folder.write_json(RECORD_NAME, record.as_dict())
    return ExplainResult(folder.path, tuple(explanations.written), tuple(record.failures), record)


def _explain_image(
    explanations: Explanations,
    source: FieldSource,
    classifier: ExplainedClassifier,
    what: Sequence[Subject],
    class_id: int | None,
    record: RunRecord,
) -> bool:
    """Draw what is asked for of one image; a failure is noted and the rest goes on."""
    try:
        image = ExplainedImage(source, classifier)
        if "gradcam" in what:
            explanations.heat(image, class_id)
        if "activations" in what or "filters" in what:
            explanations.activations(image, draw="activations" in what)
    except OutputError:
        raise
    except GalpipeError as error:
        failure = Failure(source.identifier, str(error))
    except Exception as error:
        logger.debug("%s failed", source.identifier, exc_info=True)
        message = f"{source.identifier}: {type(error).__name__}: {error}"
        failure = Failure(source.identifier, message, expected=False)
    else:
        return True
    note_failure(record, failure)
    return False


def _class_id(classifier: ExplainedClassifier, name: str) -> int:
    slugs = [class_slug(known) for known in classifier.class_names]
    if class_slug(name) not in slugs:
        raise ConfigError(
            f"'{name}' is no class of {classifier.identity.name}; its classes are "
            f"{', '.join(classifier.class_names)}"
        )
    return slugs.index(class_slug(name))


def _choose_layers(
    classifier: ExplainedClassifier, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return the layers of each member that are shown, in the order of the network."""
    chosen: dict[str, tuple[str, ...]] = {}
    known: set[str] = set()
    for member in classifier.members:
        network = member.network
        found = {name: network.layer(name) for name in names}
        known |= {name for name, full in found.items() if full is not None}
        full_names = set(found.values())
        own = tuple(layer for layer in network.shapes if layer in full_names)
        chosen[member.name] = own or network.stages
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = "\n".join(
            f"  {member.name}: {', '.join(member.network.shapes)}" for member in classifier.members
        )
        raise ConfigError(
            f"{classifier.identity.path}: no member has a layer '{unknown[0]}' that gives "
            f"pictures. There are\n{listed}"
        )
    return chosen
