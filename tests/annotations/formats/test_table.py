from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.wcs import WCS

from galpipe.annotations import AnnotatedImage
from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.formats.table import FORMAT
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError
from galpipe.files.atomic import write_png
from galpipe.pipeline.catalogue import Catalogue
from galpipe.pipeline.columns import catalogue_columns


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def read(path: Path, images: Path | None = None, **settings: object) -> list[AnnotatedImage]:
    folder = None if images is None else ImageFolder(images)
    return [image for _, image in FORMAT.read(path, ReadOptions(folder, settings=settings))]


def write_image(path: Path, ra: float = 150.0, width: int = 120, height: int = 100) -> WCS:
    """FITS image with 0.5 arcsec a pixel, turned by 30 degrees, `ra`, +40 at its middle."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, 40.0]
    wcs.wcs.crpix = [(width + 1) / 2, (height + 1) / 2]
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    wcs.wcs.cd = 0.5 / 3600 * np.array([[-cos, sin], [sin, cos]])
    noise = np.random.default_rng(0).normal(0, 1, (height, width)).astype(np.float32)
    fits.PrimaryHDU(noise, wcs.to_header()).writeto(path)
    return wcs


def ecsv(table: Table, path: Path) -> None:
    table.write(path, format="ascii.ecsv")


def ecsv_commas(table: Table, path: Path) -> None:
    table.write(path, format="ascii.ecsv", delimiter=",")


def votable(table: Table, path: Path) -> None:
    table.write(path, format="votable")


def fits_table(table: Table, path: Path) -> None:
    table.write(path, format="fits")


def test_places_count_from_the_centre_of_the_first_pixel(tmp_path: Path) -> None:
    path = write(tmp_path / "m51.csv", "id,x,y,size\n7,10,20,6\n")
    assert FORMAT.recognises(path)
    [image] = read(path)
    assert (image.filename, image.labels) == ("m51", ("object",))
    assert image.objects[0].edges == (7.5, 17.5, 13.5, 23.5)
    [image] = read(path, origin=1)
    assert image.objects[0].edges == (6.5, 16.5, 12.5, 22.5)


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("X_IMAGE Y_IMAGE radius\n11 21 3\n", (7.5, 17.5, 13.5, 23.5)),
        ("xcentroid;ycentroid;width;height\n10;20;6;2\n", (7.5, 19.5, 13.5, 21.5)),
        ("#Table1\nxcenter\tycenter\tdiameter\n10\t20\t6\n", (7.5, 17.5, 13.5, 23.5)),
        ("# x y size\n10 20 6\n", (7.5, 17.5, 13.5, 23.5)),
        ("xmin,ymin,xmax,ymax\n1,2,3,4\n", (1, 2, 3, 4)),
        ("label,bbox_xmin,bbox_xmax,bbox_ymin,bbox_ymax\n3,1,5,2,9\n", (1, 2, 6, 10)),
    ],
)
def test_columns_are_found_by_their_usual_names(
    tmp_path: Path, text: str, edges: tuple[float, ...]
) -> None:
    path = write(tmp_path / "m51.csv", text)
    assert FORMAT.recognises(path)
    [image] = read(path)
    assert [box.edges for box in image.objects] == [edges]
    assert image.labels == ("object",)


def test_columns_are_named_by_the_user(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "AX,AY,REACH,kind\n10,20,3,E\n")
    assert not FORMAT.recognises(path)
    names = {"x": "AX", "y": "ay", "radius": "REACH", "label": "kind"}
    [image] = read(path, columns=names)
    assert (image.labels, image.objects[0].edges) == (("E",), (7.5, 17.5, 13.5, 23.5))
    with pytest.raises(InputError, match="no column 'nothing'"):
        read(path, columns={"x": "nothing"})
    with pytest.raises(InputError, match="known are image, label"):
        read(path, columns={"place": "AX"})
    with pytest.raises(InputError, match="columns is"):
        read(path, columns=["AX"])
    with pytest.raises(InputError, match="origin"):
        read(path, columns=names, origin=2)


def test_a_column_names_the_image(tmp_path: Path) -> None:
    rows = "b,galaxy,1,1,2\na,star,5,5,2\nb,star,3,3,2\n../../c,galaxy,3,3,2\n,star,3,3,2\n"
    path = write(tmp_path / "all.csv", "filename,class,x,y,size\n" + rows)
    write_image(tmp_path / "a.fits")
    write_image(tmp_path / "b.fits")
    errors: list[InputError] = []
    found = list(FORMAT.read(path, ReadOptions(ImageFolder(tmp_path), on_error=errors.append)))
    assert [(image.filename, image.labels, image.width) for _, image in found] == [
        ("a.fits", ("star",), 120),
        ("b.fits", ("galaxy", "star"), 120),
    ]
    assert len(errors) == 2
    assert "names no image" in str(errors[0])
    assert "'../../c'" in str(errors[1])


@pytest.mark.parametrize(
    ("header", "unit"), [("diam", "arcmin"), ("diam_arcmin", None), ("diameter [arcmin]", None)]
)
def test_a_size_on_the_sky_needs_its_unit(tmp_path: Path, header: str, unit: str | None) -> None:
    write_image(tmp_path / "a.fits")
    path = write(tmp_path / "a.csv", f"ra,dec,{header}\n150,40,0.1\n")
    [image] = read(path, tmp_path, size_unit=unit)
    np.testing.assert_allclose(image.boxes, [(54, 44, 66, 56)], atol=1e-3)
    if unit:
        with pytest.raises(InputError, match=r"diam has no unit.*--size-unit arcsec"):
            read(path, tmp_path)
        with pytest.raises(InputError, match="unit of sizes is 'parsec'"):
            read(path, tmp_path, size_unit="parsec")


def test_what_may_be_a_corner_or_the_centre_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y,w,h\n10,20,6,2\n")
    with pytest.raises(InputError, match=r"columns x, y, w, h.*--column left=x"):
        read(path)
    assert read(path, columns={"x": "x", "y": "y"})[0].objects[0].edges == (7.5, 19.5, 13.5, 21.5)
    corner = {"left": "x", "top": "y"}
    assert read(path, columns=corner)[0].objects[0].edges == (10, 20, 16, 22)


def test_the_size_of_the_image_is_not_that_of_its_objects(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits")
    path = write(tmp_path / "a.csv", "x,y,width,height,radius\n10,20,120,100,3\n")
    assert read(path, tmp_path)[0].objects[0].edges == (7.5, 17.5, 13.5, 23.5)
    path = write(tmp_path / "a.csv", "xcen,ycen,width,height\n10,20,120,100\n30,40,120,100\n")
    with pytest.raises(InputError, match=r"width and height are the size of a\.fits"):
        read(path, tmp_path)


def test_fractions_of_an_unknown_image_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "xmin,ymin,xmax,ymax\n0.1,0.2,0.3,0.4\n")
    with pytest.raises(InputError, match=r"between 0 and 1.*--column image"):
        read(path)


def test_other_columns_of_images_and_classes_are_found_and_told(tmp_path: Path) -> None:
    rows = "a.png,E,1,1,2,x1\nb.png,S,5,5,2,x2\nb.png,E,5,5,2,x3\na.png,S,5,5,2,x4\n"
    path = write(tmp_path / "t.csv", "shot,objectType,x,y,size,name\n" + rows)
    notes: list[str] = []
    images = [image for _, image in FORMAT.read(path, ReadOptions(on_note=notes.append))]
    assert [(image.filename, image.labels) for image in images] == [
        ("a.png", ("E", "S")),
        ("b.png", ("S", "E")),
    ]
    [note] = notes
    assert "image from shot; class from objectType; centre from x, y, size from size" in note
    path = write(tmp_path / "t.csv", path.read_text().replace("size,name", "size,type"))
    assert read(path)[0].labels == ("E", "S")
    path = write(tmp_path / "u.csv", "type,kind,x,y,size\n" + "E,S,1,1,2\n" * 4)
    with pytest.raises(InputError, match=r"type or kind.*--column label=COLUMN"):
        read(path)
    path = write(tmp_path / "v.csv", "a,b,x,y,size\na.png,b.png,1,1,2\n")
    with pytest.raises(InputError, match="a and b both look like names of images"):
        read(path)


def test_numbers_are_classes_unless_they_count(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "class,x,y,size\n1,1,1,2\n1,5,5,2\n0,9,9,2\n")
    assert read(path)[0].labels == ("1", "1", "0")


def test_decimal_commas_and_utf_16_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("class;x;y;size\nE;10,5;20;6\n", encoding="utf-16")
    assert FORMAT.recognises(path)
    [image] = read(path)
    assert (image.labels, image.objects[0].edges) == (("E",), (8, 17.5, 14, 23.5))


def test_an_image_of_which_every_row_is_refused_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "image,x,y,size\na,1,1,2\nb,1,1,\n")
    errors: list[InputError] = []
    found = list(FORMAT.read(path, ReadOptions(on_error=errors.append)))
    assert [image.filename for _, image in found] == ["a"]
    assert "the image b is left out" in str(errors[-1])


@pytest.mark.parametrize(
    ("writer", "suffix"),
    [
        (ecsv, ".ecsv"),
        (ecsv_commas, ".ecsv"),
        (votable, ".vot"),
        (fits_table, ".fits"),
    ],
)
def test_units_are_respected(
    tmp_path: Path, writer: Callable[[Table, Path], None], suffix: str
) -> None:
    wcs = write_image(tmp_path / "sky.fits")
    # Three galaxies, at the FITS pixels (41, 31), (100, 90) and far outside.
    ra, dec = wcs.all_pix2world([40, 99, 5000], [30, 89, 30], 0)
    table = QTable(
        {
            "RA": np.radians(ra) * u.rad,
            "DEC": dec * u.deg,
            "diameter": np.array([8, 10, 8]) * 0.5 / 60 * u.arcmin,
            "class": ["spiral", "smooth", "smooth"],
        }
    )
    (tmp_path / "tables").mkdir()
    path = tmp_path / "tables" / f"sky{suffix}"
    writer(table, path)
    assert FORMAT.recognises(path)
    [image] = read(path, tmp_path)
    assert (image.filename, image.width, image.height) == ("sky.fits", 120, 100)
    assert image.labels == ("spiral", "smooth")
    expected = [(36.5, 26.5, 44.5, 34.5), (94.5, 84.5, 104.5, 94.5)]
    np.testing.assert_allclose(image.boxes, expected, atol=1e-3)


def test_a_sky_table_is_laid_on_every_image(tmp_path: Path) -> None:
    wcs = {name: write_image(tmp_path / f"{name}.fits", ra) for name, ra in (("a", 150), ("b", 20))}
    write_image(tmp_path / "empty.fits", 300)
    lines = ["ra,dec,petroR90_r\n"]
    for x, name in ((60, "b"), (30, "a"), (90, "a")):
        ra, dec = wcs[name].all_pix2world(x - 0.5, 49.5, 0)
        lines.append(f"{ra:.8f},{dec:.8f},2\n")
    lines.append("15,-40,\n")
    path = write(tmp_path / "sdss.csv", "".join(lines))
    errors: list[InputError] = []
    found = list(FORMAT.read(path, ReadOptions(ImageFolder(tmp_path), on_error=errors.append)))
    assert [image.filename for _, image in found] == ["a.fits", "b.fits"]
    # A radius of 2 arcsec is 4 pixels of 0.5.
    expected = [(26, 46, 34, 54), (86, 46, 94, 54)]
    np.testing.assert_allclose(found[0][1].boxes, expected, atol=1e-3)
    assert len(errors) == 1
    assert "row 4" in str(errors[0])


def test_a_sky_table_names_its_images(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits")
    text = "field,ra,dec,size\na,150,40,5\nb,150,40,5\na,330,-40,5\n"
    path = write(tmp_path / "all.csv", text)
    errors: list[InputError] = []
    options = ReadOptions(
        ImageFolder(tmp_path), on_error=errors.append, settings={"size_unit": "arcsec"}
    )
    [(_, image)] = FORMAT.read(path, options)
    np.testing.assert_allclose(image.boxes, [(55, 45, 65, 55)], atol=1e-3)
    assert ["row 3" in str(errors[0]), "no image 'b'" in str(errors[1])] == [True, True]


def test_pictures_have_no_sky(tmp_path: Path, squares: Callable[..., np.ndarray]) -> None:
    write_png(tmp_path / "a.png", squares(64, 64))
    path = write(tmp_path / "a.csv", "ra,dec,size\n150,40,5\n")
    with pytest.raises(InputError, match="no WCS"):
        read(path, tmp_path)
    with pytest.raises(InputError, match="--images"):
        read(path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match="no FITS image"):
        read(path, tmp_path)


def test_sizes_in_arcseconds_need_a_place_on_the_sky(tmp_path: Path) -> None:
    path = tmp_path / "a.ecsv"
    ecsv(QTable({"x": [1.0], "y": [2.0], "size": [3.0] * u.arcsec}), path)
    with pytest.raises(InputError, match="size is in arcsec"):
        read(path)
    ecsv(QTable({"ra": [1.0], "dec": [2.0] * u.Jy, "size": [3.0]}), tmp_path / "b.ecsv")
    write_image(tmp_path / "b.fits")
    with pytest.raises(InputError, match="unit 'jy' of dec"):
        read(tmp_path / "b.ecsv", tmp_path)


def catalogue() -> Catalogue:
    values = {
        "text": np.array(["a", "b"]),
        "real": np.array([1.25, 2.5]),
        "integer": np.array([0, 1]),
    }
    names = ("smooth", "spiral")
    columns = {column.name: values[column.kind] for column in catalogue_columns(names)}
    columns |= {"field": ["m51", "NGC é"], "class_name": ["spiral", "smooth"]}
    edges = {"xmin": [10.25, 1], "ymin": [20.5, 2], "xmax": [30.75, 3], "ymax": [40, 4]}
    return Catalogue(columns | edges | {"ra": [np.nan, 1.0]}, names, {"made_by": "galpipe"})


@pytest.mark.parametrize("suffix", [".ecsv", ".csv", ".fits", ".vot"])
def test_our_own_catalogue_is_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = catalogue().write(tmp_path / f"catalogue{suffix}")
    assert detect_format(path).name == "table"
    other, image = read(path)
    assert (other.filename, image.filename) == ("NGC é", "m51")
    [box] = image.objects
    assert (box.label, box.edges) == ("spiral", (10.25, 20.5, 30.75, 40))
    assert box.attributes == (("source_id", "a"), ("score", "1.25"), ("probability", "1.25"))


def test_a_table_of_other_things_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "galaxy,magnitude\nM51,8.4\n")
    empty = tmp_path / "none"
    empty.mkdir()
    assert not FORMAT.recognises(path)
    with pytest.raises(InputError, match="galaxy, magnitude"):
        read(path)
    with pytest.raises(InputError, match="no table"):
        read(empty)
