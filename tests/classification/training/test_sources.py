from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.classification.training import dataset as dataset_module
from galpipe.classification.training import sources as sources_module
from galpipe.classification.training.dataset import class_map, read_labels
from galpipe.classification.training.source_split import split_sources
from galpipe.classification.training.sources import (
    Sources,
    gather,
    identify_data,
    read_labelled,
)
from galpipe.configs import ClassifierData, ClassifierTraining, CnnMember, Split
from galpipe.datasets.galaxy10 import read_galaxy10
from galpipe.errors import ConfigError
from galpipe.progress import Progress, silent

from ...datasets.galaxy10_files import decals_columns, sdss_columns, write_galaxy10

pytestmark = pytest.mark.tensorflow

CLASSES = ("red", "green", "blue")


class ShownProgress:
    """A display of progress that counts."""

    done = 0
    total: int | None = None

    @contextmanager
    def __call__(
        self, description: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[ShownProgress]:
        self.total = total
        yield self

    def update(self, *, advance: int = 0, **changes: object) -> None:
        self.done += advance


def training(*data: ClassifierData, **settings: object) -> ClassifierTraining:
    return ClassifierTraining(
        data=data,
        members=(CnnMember(architecture="cnn", weight=1),),
        **{
            "class_names": CLASSES,
            "split": Split(test_fraction=0.25, validation_fraction=0.25),
            **settings,
        },
    )


def source(folder: Path, role: str = "train") -> ClassifierData:
    return ClassifierData(images=folder, labels=folder / "labels.csv", role=role)


def load(config: ClassifierTraining, progress: Progress = silent) -> Sources:
    return gather(config, read_labelled(config), progress)


def stems(cutouts) -> set[str]:  # type: ignore[no-untyped-def]
    return {path.stem for path in cutouts.paths}


def test_every_image_is_on_one_side_and_classes_share_alike(
    labelled_folder: Callable[..., Path],
) -> None:
    sources = load(training(source(labelled_folder(8))))
    parts = [stems(sources.train), stems(sources.validation), stems(sources.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 24
    assert [len(part) for part in parts] == [14, 4, 6]
    for colour in CLASSES:
        assert sum(stem.startswith(colour) for stem in parts[2]) == 2


def test_copies_of_held_back_galaxies_are_not_trained_on(
    labelled_folder: Callable[..., Path],
) -> None:
    main, external = labelled_folder(8), labelled_folder(2, first_seed=500)
    extra = labelled_folder(2, first_seed=900)
    rows = []
    for number, path in enumerate([*sorted(main.glob("*.png")), *sorted(external.glob("*.png"))]):
        shutil.copy(path, extra / f"copy{number}_{path.name}")
        rows.append(f"copy{number}_{path.name},red|green")
    with (extra / "labels.csv").open("a") as table:
        table.write("\n".join(rows) + "\n")
    sources = load(training(source(main), source(extra, "extra"), source(external, "test")))
    held = stems(sources.validation) | stems(sources.test) | stems(sources.external[external.name])
    copied = {stem.split("_", 1)[1] for stem in stems(sources.extra) if stem.startswith("copy")}
    assert copied == stems(sources.train)
    assert not copied & held
    assert len(sources.external[external.name]) == 6


def test_labels_boxes_and_checksums_are_read_once(
    labelled_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = labelled_folder(8)
    calls: list[str] = []
    for name in ("read_labels", "read_boxes"):
        original = getattr(sources_module, name)
        monkeypatch.setattr(
            sources_module, name, lambda *a, n=name, f=original: calls.append(n) or f(*a)
        )
    checksums = dataset_module.image_checksums
    monkeypatch.setattr(
        dataset_module,
        "image_checksums",
        lambda paths: calls.append("checksums") or checksums(paths),
    )
    config = training(source(folder))
    read = read_labelled(config)
    identity = identify_data(config, read)
    sources = gather(config, read)
    assert sources.checksums == {folder / name[2:]: one for name, (one, _) in identity.items()}
    red = folder / "red_0.png"
    assert identity["1/red_0.png"] == (hashlib.sha256(red.read_bytes()).hexdigest(), "red")
    assert sources.boxes == {}
    assert calls == ["read_labels", "read_boxes", "checksums"]


def test_progress_reaches_the_total(labelled_folder: Callable[..., Path]) -> None:
    shown = ShownProgress()
    load(training(source(labelled_folder(4))), shown)
    assert (shown.done, shown.total) == (12, 12)


def test_nothing_to_test_on_is_an_error(labelled_folder: Callable[..., Path]) -> None:
    config = training(source(labelled_folder(4)), split=Split(test_fraction=0))
    with pytest.raises(ConfigError, match="no image remains for test"):
        load(config)


def test_every_image_of_the_main_sources_is_held_back_in_one_fold(
    labelled_folder: Callable[..., Path],
) -> None:
    main, extra = source(labelled_folder(7)), source(labelled_folder(2, first_seed=900), "extra")
    held: list[str] = []
    for fold in range(3):
        split = Split(validation_fraction=0.2, folds=3, fold=fold)
        sources = load(training(main, extra, split=split))
        parts = [stems(sources.train), stems(sources.validation), stems(sources.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 21
        assert all(sum(s.startswith(colour) for s in parts[2]) in {2, 3} for colour in CLASSES)
        assert len(sources.extra) == 6
        held += parts[2]
    assert len(held) == len(set(held)) == 21


def test_more_folds_than_galaxies_are_refused(labelled_folder: Callable[..., Path]) -> None:
    config = training(source(labelled_folder(1)), split=Split(folds=4, fold=0))
    with pytest.raises(ConfigError, match="fewer folds"):
        load(config)


def test_what_an_extra_source_holds_back_is_the_same_in_every_fold(
    labelled_folder: Callable[..., Path],
) -> None:
    main = source(labelled_folder(6))
    extra = source(labelled_folder(8, first_seed=900), "extra").model_copy(
        update={"held_out": 0.25}
    )
    held = []
    for fold in range(2):
        split = Split(validation_fraction=0.2, folds=2, fold=fold)
        sources = load(training(main, extra, split=split))
        kept = stems(sources.external[extra.images.name])
        assert len(kept) == 6
        assert len(sources.extra) == 18
        assert not kept & stems(sources.extra)
        held.append(kept)
    assert held[0] == held[1]


def test_only_an_extra_source_has_a_share_of_its_own() -> None:
    with pytest.raises(ValueError, match="held_out is for sources of role extra"):
        ClassifierData(images=Path("a"), labels=Path("b"), held_out=0.2)


def data_file_training(*data: ClassifierData) -> ClassifierTraining:
    split = Split(test_fraction=0.3, validation_fraction=0.2)
    return training(*data, class_names="galaxy10_decals", split=split)


def test_no_galaxy_of_a_data_file_is_on_two_sides(tmp_path: Path) -> None:
    columns = decals_columns(40)
    columns["ans"][:] = 3
    for index in range(0, 40, 4):
        columns["ra"][index + 1] = columns["ra"][index]
        columns["images"][index + 3] = columns["images"][index + 2]
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns)
    config = data_file_training(ClassifierData(images=path, kind="galaxy10_decals"))
    division = split_sources([read_galaxy10(path, "galaxy10_decals")], config)
    side = {
        index: name
        for name in ("train", "validation", "test")
        for index in getattr(division, name)[0]
    }
    assert sorted(side) == list(range(40))
    assert set(side.values()) == {"train", "validation", "test"}
    for first in range(0, 40, 2):
        assert side[first] == side[first + 1]
    assert division.duplicates.same_position == division.duplicates.near_duplicates == 10


def test_a_data_file_and_a_folder_train_together(
    tmp_path: Path, labelled_folder: Callable[..., Path]
) -> None:
    columns = decals_columns(30)
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", columns, compression="gzip")
    folder = labelled_folder(4, first_seed=700)
    rows = [f"{file.name},0.1,0.9{',0' * 8}" for file in sorted(folder.glob("*.png"))]
    (folder / "soft.csv").write_text("\n".join([",".join(["file", *GALAXY10_DECALS]), *rows]))
    shown = ShownProgress()
    config = data_file_training(
        ClassifierData(images=path, kind="galaxy10_decals"),
        ClassifierData(
            images=folder, labels=folder / "soft.csv", kind="probabilities", role="extra"
        ),
    )
    sources = load(config, shown)
    parts = (sources.train, sources.validation, sources.test)
    assert sum(map(len, parts)) == 30
    assert (shown.done, shown.total) == (42, 42)
    np.testing.assert_allclose(sources.extra.labels.values[:, :2], [[0.1, 0.9]] * 12)
    assert sources.extra.labels.single_class.all()
    assert (sources.extra.labels.class_ids == 1).all()
    for part in parts:
        for image, file in zip(part.images, part.paths, strict=True):
            index = int(file.name[-5:])
            reduced = cv2.resize(
                columns["images"][index], image.shape[:2], interpolation=cv2.INTER_AREA
            )
            np.testing.assert_array_equal(image, reduced)
            assert part.labels.class_ids[part.paths.index(file)] == index % 10


def test_given_parts_are_what_is_validated_and_tested_on(
    labelled_folder: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    main, validation = labelled_folder(4), labelled_folder(1, first_seed=500)
    test = labelled_folder(2, first_seed=900)
    twin = sorted(main.glob("*.png"))[0]
    shutil.copy(twin, sorted(test.glob("*.png"))[0])
    given = (source(main), source(validation, "validation"), source(test, "test"))
    sources = load(training(*given, split=Split()))
    parts = (sources.train, sources.validation, sources.test)
    assert [len(part) for part in parts] == [12, 3, 6]
    assert not sources.external
    # The copy of a training image is said, and stays where it is given.
    (note,) = sources.notes
    assert "1 of 6 images of role test show galaxies that are also on images of role train" in note
    assert note in caplog.text
    mixed = load(training(*given, split=Split(test_fraction=0.25)))
    assert [len(part) for part in (mixed.train, mixed.validation, mixed.test)] == [8, 3, 3]
    assert twin.stem not in stems(mixed.train)
    assert len(mixed.external[test.name]) == 6
    assert "1 of 12 images of role train" in mixed.notes[0]


def test_nine_classes_of_a_published_data_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_galaxy10(tmp_path / "Galaxy10.h5", sdss_columns(40))
    names = {"Disk Edge-on Boxy Bulge": None}
    file = ClassifierData(images=path, kind="galaxy10_sdss")
    with caplog.at_level("INFO", "galpipe"):
        sources = load(training(file, class_names=names))
    parts = (sources.train, sources.validation, sources.test)
    assert sum(map(len, parts)) == 36
    assert "4 of 40 images are of classes that are left out: Disk Edge-on Boxy" in caplog.text
    for part in parts:
        assert part.labels.num_classes == 9
        for image, index in zip(part.paths, part.labels.class_ids.tolist(), strict=True):
            label = int(image.name[-5:]) % 10
            assert index == label - (label > 5)


def test_merged_classes_of_a_table(labelled_folder: Callable[..., Path]) -> None:
    folder = labelled_folder(8)
    table = folder / "labels.csv"
    # The table may name merged classes by their own name, or as a set of what they are merged from.
    table.write_text(table.read_text().replace(",green", ",warm").replace(",red", ",red|green"))
    names = {"warm": [0, 1]}
    sources = load(training(source(folder), class_names=names, labelled_classes=CLASSES))
    labels = [part.labels for part in (sources.train, sources.validation, sources.test)]
    assert sum(int((one.class_ids[~one.is_set] == 0).sum()) for one in labels) == 16
    assert all(one.num_classes == 2 and not one.is_set.any() for one in labels)


def test_probabilities_are_read_in_merged_or_in_labelled_classes(
    labelled_folder: Callable[..., Path],
) -> None:
    folder = labelled_folder(1)
    table = folder / "soft.csv"
    data = ClassifierData(images=folder, labels=table, kind="probabilities")
    classes = class_map(training(data, class_names={"warm": [0, 1]}, labelled_classes=CLASSES))
    name = sorted(path.name for path in folder.glob("*.png"))[0]
    for content in ("filename,warm,blue\n{},0.75,0.25\n", "filename,p0,p1,p2\n{},0.5,0.25,0.25\n"):
        table.write_text(content.format(name))
        (image,) = read_labels(data, classes)
        assert image.probabilities == (0.75, 0.25)
