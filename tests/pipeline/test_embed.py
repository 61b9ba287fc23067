from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

import galpipe
from galpipe.classification.crops import central_crop
from galpipe.errors import InputError, OutputError
from galpipe.exploration.embedding_file import EmbeddingFile
from galpipe.exploration.features import FeatureModel, open_features
from galpipe.exploration.pictures import read_crop
from galpipe.models import read_bundle, write_bundle
from galpipe.pipeline import embed as module
from galpipe.pipeline.embed import embed
from galpipe.pipeline.run_crops import is_catalogue, pictures_of_run

from ..datasets.galaxy10_files import decals_columns, write_galaxy10

pytest.importorskip("pyarrow")


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    """Six cutouts of two surveys, two of them of one name."""
    for number in range(6):
        picture = np.full((48, 48, 3), 40 * number, np.uint8)
        picture[20:28, 18:30] += 30
        folder = tmp_path / "cutouts" / ("deep/images" if number % 2 else "wide")
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"g{number // 2}.png"), picture)
    return tmp_path / "cutouts"


def test_cutouts(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    result = embed(cutouts, tmp_path / "e.parquet", model=feature_bundle)
    assert (result.galaxies, result.added, result.failures) == (6, 6, ())
    file = EmbeddingFile(result.output)
    assert len(set(file.ids)) == 6
    assert [picture.survey for picture in file.pictures] == ["deep"] * 3 + ["wide"] * 3
    assert all(Path(picture.file).is_absolute() for picture in file.pictures)
    # A crop of the width of 12 times 1.5, a little more than a third of which is bright.
    np.testing.assert_allclose(file.sizes, 12)
    np.testing.assert_allclose(file.brightness, 30 * 8 * 12 / 18**2, rtol=0.05)
    (features,) = file.batches()
    order = [1, 3, 5, 0, 2, 4]
    expected = (40 * np.array(order) + 30 * 8 * 12 / 18**2) / 255
    np.testing.assert_allclose(features.mean(axis=1), expected, atol=0.01)


def test_an_embedding_is_extended(
    tmp_path: Path, cutouts: Path, feature_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "e.parquet"
    monkeypatch.setattr(module, "_CHUNK", 2)
    calls = []
    original = FeatureModel.__call__

    def interrupted(model: FeatureModel, crops: np.ndarray) -> np.ndarray:
        calls.append(len(crops))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(model, crops)

    monkeypatch.setattr(FeatureModel, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed(cutouts, output, model=feature_bundle)
    assert len(EmbeddingFile(output)) == 4
    again = embed(cutouts, output, model=feature_bundle)
    assert (again.galaxies, again.added) == (6, 2)
    whole = embed(cutouts, tmp_path / "whole.parquet", model=feature_bundle)
    first, second = EmbeddingFile(output), EmbeddingFile(whole.output)
    assert first.pictures == second.pictures
    for ours, theirs in zip(first.batches(), second.batches(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert embed(cutouts, output, model=feature_bundle).added == 0


def test_a_data_file(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    pytest.importorskip("h5py")
    data = write_galaxy10(tmp_path / "Galaxy10_DECals.h5", decals_columns(3))
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no data")
    result = embed([cutouts / "wide", data, broken], tmp_path / "e.parquet", model=feature_bundle)
    assert (result.galaxies, [one.input for one in result.failures]) == (6, [str(broken)])
    file = EmbeddingFile(result.output)
    assert file.ids[:3] == [f"Galaxy10_DECals-0000{number}" for number in range(3)]
    assert [picture.survey for picture in file.pictures[:3]] == ["Galaxy10_DECals"] * 3
    model = open_features(feature_bundle)
    image = decals_columns(3)["images"][1]
    shown = read_crop(file.pictures[1], model.crop).rgb
    np.testing.assert_array_equal(shown, central_crop(image, model.crop.size, model.crop.margin))
    assert embed(data, result.output, model=feature_bundle).added == 0


def test_an_archive(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in sorted((cutouts / "wide").iterdir()):
            archive.write(path, f"images/{path.name}")
    result = embed(tmp_path / "images.zip", tmp_path / "e.parquet", model=feature_bundle)
    file, folder = (
        EmbeddingFile(result.output),
        EmbeddingFile(embed(cutouts / "wide", tmp_path / "f.parquet", model=feature_bundle).output),
    )
    assert file.ids == folder.ids == ["g0", "g1", "g2"]
    assert {picture.survey for picture in file.pictures} == {"images"}
    for ours, theirs in zip(file.batches(), folder.batches(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("content", [{}, {"readme.txt": "no image"}])
def test_an_archive_without_images_is_named(tmp_path: Path, content: dict[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    with pytest.raises(InputError, match=r"images\.zip holds no image"):
        embed(tmp_path / "images.zip", tmp_path / "e.parquet")
    assert not (tmp_path / "e.parquet").exists()


def test_the_output_is_named_as_what_it_is(tmp_path: Path, cutouts: Path) -> None:
    with pytest.raises(OutputError, match=r"e\.csv: .* a name in \.parquet"):
        embed(cutouts, tmp_path / "e.csv")


def test_identifiers_stay_unique(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    output = tmp_path / "e.parquet"
    embed(cutouts / "wide", output, model=feature_bundle)
    embed(cutouts / "deep", output, model=feature_bundle)
    assert EmbeddingFile(output).ids == ["g0", "g1", "g2", "deep_g0", "deep_g1", "deep_g2"]


def test_what_has_no_features_is_named(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    flat, broken = cutouts / "flat.png", cutouts / "broken.png"
    cv2.imwrite(str(flat), np.full((40, 40, 3), 77, np.uint8))
    broken.write_bytes(b"no picture")
    result = embed(cutouts, tmp_path / "e.parquet", model=feature_bundle)
    assert result.galaxies == 6
    assert sorted(Path(failure.input).name for failure in result.failures) == [
        "broken.png",
        "flat.png",
    ]
    assert all(failure.expected for failure in result.failures)
    with pytest.raises(InputError, match="does not exist"):
        embed(cutouts / "nosuch", tmp_path / "f.parquet", model=feature_bundle)


def test_other_files_are_not_replaced(tmp_path: Path, cutouts: Path, feature_bundle: Path) -> None:
    output = tmp_path / "e.parquet"
    output.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="no embedding"):
            embed(cutouts, output, model=feature_bundle, overwrite=overwrite)
    assert output.read_text() == "mine"
    output.unlink()
    embed(cutouts, output, model=feature_bundle)
    bundle = read_bundle(feature_bundle)
    manifest = bundle.manifest.model_copy(update={"crop_margin": 2.0})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    other = write_bundle(tmp_path / "other", manifest, files, "", {})
    with pytest.raises(OutputError, match="of another model"):
        embed(cutouts, output, model=other)
    embed(cutouts, output, model=other, overwrite=True)
    assert EmbeddingFile(output).fingerprint == open_features(other).fingerprint


@pytest.mark.parametrize("suffix", ["png", "fits"])
def test_the_crops_of_a_run_give_the_features_of_its_crops(
    tmp_path: Path,
    squares: Callable[..., np.ndarray],
    models: dict[str, Path],
    feature_bundle: Path,
    suffix: str,
) -> None:
    from astropy.io import fits

    field = tmp_path / f"field.{suffix}"
    picture = squares(96, 64, (24, 16), (64, 40))
    picture[16:20, 24:40] //= 2
    if suffix == "png":
        cv2.imwrite(str(field), picture)
    else:
        rng = np.random.default_rng(0)
        fits.writeto(field, picture[..., 0] * 100.0 + rng.normal(0, 30, picture.shape[:2]))
    detector = models["detector"]
    out = galpipe.run(field, tmp_path / "out", detector=detector, classifier=feature_bundle).output
    catalogue = out / "catalogue.ecsv"
    assert is_catalogue(catalogue)
    assert is_catalogue(out / "catalogue.csv")
    assert not is_catalogue(field)
    result = embed(catalogue, tmp_path / "e.parquet", model=feature_bundle)
    file = EmbeddingFile(result.output)
    done = galpipe.process_field(field, galpipe.FieldModels(detector, feature_bundle))
    assert file.ids == list(done.crops)
    assert len(file.ids) > 1
    expected = open_features(feature_bundle)(list(done.crops.values()))
    np.testing.assert_allclose(next(file.batches()), expected, atol=1e-3)
    (survey,) = {picture.survey for picture in file.pictures}
    assert survey == "field"
    sides = np.maximum(done.rows["xmax"] - done.rows["xmin"], done.rows["ymax"] - done.rows["ymin"])
    np.testing.assert_allclose(file.sizes, sides, atol=0.01)
    # A crop that was removed is a failure, the others are done.
    Path(file.pictures[0].file).unlink()
    rest = embed(catalogue, tmp_path / "f.parquet", model=feature_bundle)
    assert [failure.input for failure in rest.failures] == [file.pictures[0].file]
    assert EmbeddingFile(rest.output).ids == file.ids[1:]


def test_a_catalogue_without_crops(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("source_id,field,xmin,ymin,xmax,ymax\na,b,1,2,3,4\n")
    with pytest.raises(InputError, match="there are no crops"):
        pictures_of_run(catalogue)


def test_from_the_command_line(
    tmp_path: Path, cutouts: Path, feature_bundle: Path, galpipe_cli: Callable[..., Result]
) -> None:
    output = tmp_path / "e.parquet"
    shown = galpipe_cli("embed", cutouts, "-o", output, "--model", feature_bundle)
    assert shown.exit_code == 0, shown.output
    assert "6 galaxies, 6 of them new" in shown.output
    assert str(output) in shown.output.replace("\n", "")
    (cutouts / "broken.png").write_bytes(b"no picture")
    shown = galpipe_cli("embed", cutouts, "-o", output, "--model", feature_bundle)
    assert shown.exit_code == 1
    assert "broken.png" in shown.output
