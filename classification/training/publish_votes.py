"""Measure a bundle that predicts votes, and write its card and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...configs import ClassifierTraining
from ...datasets.votes.vote_trees import VoteTree
from ...metrics.records import ENSEMBLE, EvaluationSet
from ...metrics.vote_metrics import VoteMetrics, evaluate_votes, vote_table
from ...models import read_bundle
from ...progress import Progress, silent, track
from ..classifier import Classifier
from ..crops import read_crops
from ..votes import predict_votes
from .card import describe_member
from .export import LiteRTAgreement
from .measure import measured_parts
from .measured_bundle import learning_curves_of, write_measured_bundle
from .sources import Sources

__all__ = ["MeasuredVotes", "measure_vote_bundle", "measure_votes"]

_TEMPLATE = Path(__file__).parent / "templates" / "vote_model_card.md"


@dataclass(frozen=True)
class MeasuredVotes:
    """Metrics of predicted votes on one set of images.

    Attributes
    ----------
    images : EvaluationSet
        The images and their cropping.
    by_classifier : dict of str to VoteMetrics
        Metrics of the only network, or of all together under `ENSEMBLE`.
    files : tuple of str
        Names of the images.
    """

    images: EvaluationSet
    by_classifier: dict[str, VoteMetrics]
    files: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as plain values."""
        return {
            "images": self.images.title,
            "set": self.images.model_dump(),
            "metrics": {name: metrics.to_json() for name, metrics in self.by_classifier.items()},
            "files": list(self.files),
        }


def measure_vote_bundle(
    folder: Path,
    config: ClassifierTraining,
    sources: Sources,
    agreement: Mapping[str, LiteRTAgreement],
    earlier: Sequence[Mapping[str, Any]] = (),
    progress: Progress = silent,
) -> Path:
    """Measure a bundle that predicts votes, and add its card and metrics.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : ClassifierTraining
        Configuration of its training.
    sources : Sources
        Images of the training.
    agreement : mapping of str to LiteRTAgreement
        Agreement of the LiteRT file of each member with its network.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued.
    progress : Progress
        Receives the steps.

    Returns
    -------
    Path
        The bundle.
    """
    bundle = read_bundle(folder)
    classifier = Classifier(bundle)
    measured = measure_votes(classifier, sources, config, progress)
    metrics = {"vote_measurements": [one.to_json() for one in measured]}
    curves = learning_curves_of(bundle)
    card = _card(config, sources, measured, classifier.votes, agreement, curves)
    return write_measured_bundle(bundle, bundle.manifest, card, metrics, agreement, earlier)


def measure_votes(
    classifier: Classifier,
    sources: Sources,
    config: ClassifierTraining,
    progress: Progress = silent,
) -> list[MeasuredVotes]:
    """Measure predicted votes on validation, test and external images, as `measure` does classes.

    Parameters
    ----------
    classifier : Classifier
        A classifier that predicts votes.
    sources : Sources
        Images of the training.
    config : ClassifierTraining
        Configuration of the training.
    progress : Progress
        Receives the number of sets of images.
    """
    tree = classifier.votes
    assert tree is not None
    name = ENSEMBLE if len(classifier.member_names) > 1 else classifier.member_names[0]
    measured = []
    for images, cutouts in track(measured_parts(sources), "measurement", progress):
        boxes = sources.boxes if images.crops == "boxes" else {}
        crops = read_crops(cutouts.paths, classifier.input_size, config.crop_margin, boxes)
        votes, _ = predict_votes(classifier, crops)
        metrics = evaluate_votes(
            cutouts.labels.values, votes, tree.places, tree.columns, tree.sums(votes)
        )
        files = tuple(path.name for path in cutouts.paths)
        measured.append(MeasuredVotes(images, {name: metrics}, files))
    return measured


def _card(
    config: ClassifierTraining,
    sources: Sources,
    measured: Sequence[MeasuredVotes],
    tree: VoteTree | None,
    agreement: Mapping[str, LiteRTAgreement],
    curves: str | None,
) -> str:
    from jinja2 import Environment, StrictUndefined

    assert tree is not None
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    tested = {one.images.title: next(iter(one.by_classifier.values())) for one in measured}
    details = {
        one.images.title: next(iter(one.by_classifier.values())).question_table().to_markdown()
        for one in measured
        if one.images.part != "validation"
    }
    return template.render(
        config=config,
        sources=sources,
        tree=tree,
        networks={name: describe_member(one) for name, one in config.named_members.items()},
        comparison=vote_table(tested).to_markdown(),
        details=details,
        curves=curves,
        agreement=agreement,
    )
