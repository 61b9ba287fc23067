"""Configuration of the training of a classifier: data, balance, augmentation, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AliasChoices, Field, model_validator

from .class_map import ClassChanges, Galaxy10Name, check_labelled_classes
from .members import (
    BackboneMember,
    ClassifierMember,
    CnnMember,
    EfficientNetLite0Member,
    GalaxyZooCnnMember,
    TrainedMember,
)
from .section import (
    ConfigPath,
    CropMargin,
    Fraction,
    NonNegativeFloat,
    PositiveInt,
    Section,
    Split,
    ZeroToOne,
)

__all__ = [
    "BALANCES",
    "AffineAugmentation",
    "Augmentation",
    "Balance",
    "ClassifierData",
    "ClassifierTraining",
    "SurveyAugmentation",
    "VoteTreeName",
]

VoteTreeName: TypeAlias = Literal["galaxy_zoo_2", "gz_decals_5", "gz_decals_1_2"]
"""Campaign of Galaxy Zoo whose decision tree is meant."""

_MEANT: Mapping[str, Galaxy10Name] = {
    "votes": "galaxy10_decals",
    "vote_probabilities": "galaxy10_decals",
    "vote_fractions": "galaxy10_decals",
    "galaxy10_decals": "galaxy10_decals",
    "galaxy10_sdss": "galaxy10_sdss",
}
"""Data set whose classes the labels of a kind mean."""

_PREDICT_VOTES = (CnnMember, GalaxyZooCnnMember, EfficientNetLite0Member, BackboneMember)

_MAX_SEARCHED = 8
"""Largest number of members whose weights can be searched: 19,448 combinations."""


class SurveyAugmentation(Section):
    """Random sky, survey, seeing and framing."""

    kind: Literal["survey"] = "survey"
    grey_sky: Fraction = 0.25
    """Fraction of the views with a grey sky, as in pictures of the Legacy Surveys."""
    greyest_sky: Fraction = 0.15
    """Brightest grey sky, as a fraction of white."""


class AffineAugmentation(Section):
    """Random resized crop, rotation, shift, shear, zoom and noise; by default none.

    Pixels outside the image repeat the nearest pixel.
    """

    kind: Literal["affine"]
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest rotation in degrees, in both directions."""
    shift_x: Fraction = 0.0
    """Largest shift to the left and right, as a fraction of the width."""
    shift_y: Fraction = 0.0
    """Largest shift up and down, as a fraction of the height."""
    shear: ZeroToOne = 0.0
    """Largest shift of x per pixel of y, in both directions."""
    zoom: ZeroToOne = 0.0
    """Width and height are each multiplied by 1 - zoom to 1 + zoom."""
    resized_crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Random resized crop: a part of the crop is stretched to the view.  It has this fraction of
    the area to all of it, sides in a ratio of 3/4 to 4/3, and a random place with the centre of the
    galaxy in it, so that no view shows sky alone."""
    symmetry: Literal["none", "mirror", "square"] = "none"
    """``mirror`` swaps left and right half of the time; ``square`` draws from all eight flips and
    quarter turns."""
    noise: NonNegativeFloat = 0.0
    """Largest standard deviation of the Gaussian noise of a view, relative to that of the pixels of
    the training images; that of each view is uniform between 0 and this."""


Augmentation = Annotated[SurveyAugmentation | AffineAugmentation, Field(discriminator="kind")]


class Balance(Section):
    """Compensation for rare classes by sampling, by weights in the loss, or by both."""

    evenness: Fraction = 0.5
    """Evenness of the classes among the drawn views: 0 as in the data, 1 all equally frequent.

    An image of a class of n images is drawn in proportion to n ** -evenness.  An image with several
    possible classes belongs to each in equal parts."""
    class_weights: bool = False
    """Weight each view in the loss by N / (C x N_c), with N_c views of its class among the N drawn
    and C classes."""
    frequencies: Literal["drawn", "data"] = "drawn"
    """Class frequencies that the predicted probabilities assume: those of the training, or those of
    the images of role ``train``.  The first finds more of the rare galaxies, the second makes fewer
    errors."""


BALANCES = {
    "rebalanced": Balance(evenness=1),
    "class_weights": Balance(evenness=0, class_weights=True),
    "partly_rebalanced": Balance(evenness=0.5, class_weights=True),
}
"""Settings that the comparison of balances trains, by name."""


class ClassifierData(Section):
    """Images and their labels."""

    images: ConfigPath
    """Folder of the images, a ZIP archive of them, or the data file of a Galaxy10 data set."""
    labels: ConfigPath | None = None
    """Table of the labels, for the first five kinds."""
    kind: Literal[
        "labels",
        "probabilities",
        "votes",
        "vote_probabilities",
        "vote_fractions",
        "folders",
        "galaxy10_decals",
        "galaxy10_sdss",
        "unlabelled",
    ] = "labels"
    """Kind of the labels:

    - ``labels``: a table ``filename,label``;
    - ``probabilities``: a table with ``filename`` and a column for each class, named after it or
      ``p0``, ``p1`` ... in the order of the classes;
    - ``votes``, ``vote_probabilities``: a table of Galaxy Zoo votes, which documented rules convert
      to sets of classes or to the probability of each class;
    - ``vote_fractions``: a table of Galaxy Zoo votes for networks that predict ``votes``;
    - ``folders``: a folder of images for each class, in ``images``;
    - ``galaxy10_decals``, ``galaxy10_sdss``: the HDF5 file of the data set, in ``images``;
    - ``unlabelled``: no labels, for a member with a ``teacher``."""
    where: Mapping[str, str | int] = {}
    """Rows of the table that are used, for ``labels`` and ``probabilities``: the text that a column
    must have, such as ``{survey: sloan}``; by default all."""
    annotations: ConfigPath | None = None
    """Boxes in any format, which place the crop; by default the galaxy is the isophote about the
    centre."""
    role: Literal["train", "extra", "validation", "test"] = "train"
    """``train``: split by galaxy into training, validation and test sets; ``extra``: training only,
    such as labels that only narrow the class down; ``validation``, ``test``: a given division, used
    for this alone."""
    held_out: ZeroToOne = Field(default=0.0, validation_alias=AliasChoices("held_out", "held_back"))
    """Fraction of the galaxies of a source of role ``extra`` that are measured on instead, by the
    sets of classes that its labels name."""

    @model_validator(mode="after")
    def _only_extra_sources_hold_out(self) -> ClassifierData:
        if self.held_out and self.role != "extra":
            raise ValueError(
                "held_out is for sources of role extra; 'split' divides those of role train"
            )
        return self

    @model_validator(mode="after")
    def _tables_where_they_are_read(self) -> ClassifierData:
        if self.kind == "unlabelled" and self.role != "extra":
            raise ValueError("images of kind 'unlabelled' can only be of role extra")
        if self.kind in ("folders", "galaxy10_decals", "galaxy10_sdss", "unlabelled"):
            if self.labels is not None:
                raise ValueError(f"sources of kind {self.kind!r} have no table; leave out 'labels'")
        elif self.labels is None:
            raise ValueError(f"labels of kind {self.kind!r} need their table in 'labels'")
        if self.where and self.kind not in ("labels", "probabilities"):
            raise ValueError(f"labels of kind {self.kind!r} have no rows for 'where'")
        if self.annotations is not None and self.kind.startswith("galaxy10"):
            raise ValueError(f"images of kind {self.kind!r} have no files for 'annotations'")
        return self

    @property
    def table(self) -> Path:
        """The table of the labels, for those kinds that have one."""
        if self.labels is None:
            raise AttributeError(f"labels of kind {self.kind!r} have no table")
        return self.labels


class ClassifierTraining(Section):
    """Data, members and schedule of the training of a classifier."""

    name: str = "classifier"
    """Name of the model."""
    class_names: tuple[str, ...] | Galaxy10Name | ClassChanges = "galaxy10_decals"
    """Classes in order, or the data set whose classes they are, or what is changed of the classes
    of the labels: ``smooth: [2, 3, 4]`` merges classes by index or name, ``Barred Spiral: null``
    leaves one out with its images."""
    votes: VoteTreeName | None = None
    """Campaign of Galaxy Zoo whose votes the networks predict: the fraction of all volunteers who
    give each answer of its decision tree.  The classes are derived from them by the rules for
    votes, and must be those of Galaxy10 DECaLS.  By default networks predict the classes."""
    vote_head: Literal["tree", "sigmoid", "majority"] = "tree"
    """Last layer of networks that predict votes: a softmax for each question, multiplied by the
    fraction of volunteers who reach it; a sigmoid for each answer; or, for ``majority``, a sigmoid
    for whether more than half of all volunteers give it."""
    vote_loss: Literal["multinomial", "dirichlet_multinomial"] = "multinomial"
    """Loss of ``vote_head: tree``: the likelihood of the votes if volunteers answer with the
    predicted fractions, or if these fractions scatter from galaxy to galaxy, which needs the number
    of volunteers."""
    labelled_classes: tuple[str, ...] | Galaxy10Name | None = None
    """Classes of the labels in order, or the data set whose classes they are, where ``class_names``
    changes them; by default those of the sources' data set, or those that ``class_names`` names."""
    data: Annotated[tuple[ClassifierData, ...], Field(min_length=1)]
    """Sources of labelled images."""
    members: Annotated[tuple[ClassifierMember, ...], Field(min_length=1)]
    """Networks whose predictions are averaged."""
    weights: Literal["given", "search"] = "given"
    """Weights of the members: their own, or the best on the validation images among all multiples
    of 0.1 that sum to 1."""
    split: Split = Split()
    """Split of the sources of role ``train``."""
    input_size: Annotated[int, Field(ge=32, le=1024)] = 69
    """Width and height of the network's input in pixels."""
    crop_margin: CropMargin = 1.5
    """Side of the square crop over the longer side of the galaxy's box, as in the run."""
    sky: Literal["kept", "removed"] = "kept"
    """Treatment of the sky of a crop, which surveys show from black to grey, by the trained
    classifier.  Training views have skies of every level."""
    views_per_epoch: PositiveInt = 2560
    """Number of augmented images in an epoch."""
    extra_share: Fraction = 0.5
    """Fraction of the views that show images of role ``extra``, if there are any."""
    balance: Balance = Balance()
    """Compensation for rare classes."""
    augmentation: Augmentation = SurveyAugmentation()
    """Random changes of the training images."""
    label_smoothing: ZeroToOne = 0.0
    """Fraction of each label that is spread over all classes."""
    mixup: NonNegativeFloat = 0.0
    """Both parameters of the beta distribution of the mixing ratio of two views and their labels; 0
    for no mixup."""
    test_time_augmentation: bool = False
    """True if the classifier predicts by default the mean over the eight flips and quarter turns of
    a crop.  Its calibration and its metrics then use this mean too."""
    seed: int = 0
    """Seed of the training."""

    @model_validator(mode="after")
    def _indices_mean_the_classes(self) -> ClassifierTraining:
        check_labelled_classes(self.labelled_classes, self.class_names)
        for data in self.data:
            meant = _MEANT.get(data.kind)
            if meant is not None and self.labels_of != meant:
                raise ValueError(
                    f"labels of kind {data.kind!r} need class_names: {meant}, or what is changed "
                    "of these"
                )
        return self

    @property
    def labels_of(self) -> tuple[str, ...] | Galaxy10Name | None:
        """Classes of the labels, or their data set; None if ``class_names`` names them."""
        if not isinstance(self.class_names, Mapping):
            return self.class_names
        if self.labelled_classes is not None:
            return self.labelled_classes
        return next((_MEANT[data.kind] for data in self.data if data.kind in _MEANT), None)

    @model_validator(mode="after")
    def _votes_are_learned_from_votes(self) -> ClassifierTraining:
        fractions = [data.kind == "vote_fractions" for data in self.data]
        if self.votes is None:
            if any(fractions):
                raise ValueError("labels of kind 'vote_fractions' need the campaign in 'votes'")
            return self
        if not all(fractions):
            raise ValueError("votes are learned from labels of kind 'vote_fractions' alone")
        for name, member in self.named_members.items():
            if not isinstance(member, _PREDICT_VOTES):
                raise ValueError(f"a member {name} cannot predict votes")
            if member.teacher is not None:
                raise ValueError(f"{name} has a teacher, so it cannot predict votes")
        if self.class_names != "galaxy10_decals":
            raise ValueError("the classes that follow from votes are galaxy10_decals")
        if self.balance != Balance(evenness=0):
            raise ValueError("votes have no classes to balance; set balance: {evenness: 0}")
        if self.label_smoothing or self.weights == "search":
            raise ValueError("label_smoothing and weights: search are for classes, not for votes")
        if self.vote_loss != "multinomial" and (self.vote_head != "tree" or self.mixup):
            raise ValueError(f"vote_loss: {self.vote_loss} needs vote_head: tree and no mixup")
        return self

    @model_validator(mode="after")
    def _teachers_are_other_members(self) -> ClassifierTraining:
        members = self.named_members
        for name, member in members.items():
            if (teacher := member.teacher) is None:
                continue
            if teacher not in members or teacher == name:
                raise ValueError(
                    f"the teacher {teacher!r} of {name} is not another member; the members are "
                    f"{', '.join(members)}"
                )
            if members[teacher].teacher is not None:
                raise ValueError(f"{teacher}, the teacher of {name}, has a teacher itself")
            if not isinstance(members[teacher], TrainedMember):
                raise ValueError(f"{teacher}, the teacher of {name}, is not trained here")
        return self

    @model_validator(mode="after")
    def _few_enough_to_search(self) -> ClassifierTraining:
        if self.weights == "search" and len(self.members) > _MAX_SEARCHED:
            raise ValueError(f"weights: search takes at most {_MAX_SEARCHED} members")
        return self

    @property
    def division(self) -> Split:
        """The split, with the fractions that are not set."""
        return self.split.for_roles([data.role for data in self.data])

    @property
    def named_members(self) -> dict[str, ClassifierMember]:
        """The members by name: the architecture, numbered where several have the same."""
        kinds = [member.architecture for member in self.members]
        names = [
            kind if kinds.count(kind) == 1 else f"{kind}_{kinds[: i + 1].count(kind)}"
            for i, kind in enumerate(kinds)
        ]
        return dict(zip(names, self.members, strict=True))
