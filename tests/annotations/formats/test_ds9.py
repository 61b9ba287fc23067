from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.ds9 import FORMAT, read_ds9, write_ds9
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError, OutputError

GALAXY = ObjectBox("galaxy", 1, 2.5, 30, 40)


def read(folder: Path, text: str, **reading: object) -> tuple[ObjectBox, ...]:
    """Read a text as the regions of the image a."""
    (folder / "a.reg").write_text(text, encoding="utf-8", newline="")
    images = read_ds9(folder, ReadOptions(**reading))  # type: ignore[arg-type]
    [[file, image]] = list(images)
    assert file == folder / "a.reg"
    assert image.filename.startswith("a")
    return image.objects


def edges(folder: Path, text: str, **reading: object) -> list[float]:
    [box] = read(folder, text, **reading)
    return list(box.edges)


def sky(angle: float = 30.0, parity: int = -1) -> WCS:
    """TAN projection of 0.4 arcsec pixels around pixel (50, 60), its north turned from +y."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 2.0]
    wcs.wcs.crpix = [50.0, 60.0]
    turn = np.radians(angle)
    north = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = 0.4 / 3600 * np.diag([parity, 1]) @ north
    return wcs


def make_image(folder: Path, wcs: WCS | None = None, **keywords: float) -> ImageFolder:
    header = fits.Header() if wcs is None else wcs.to_header()
    header.update(keywords)
    pixels = np.random.default_rng(0).normal(size=(120, 100)).astype(np.float32)
    fits.PrimaryHDU(pixels, header).writeto(folder / "a.fits")
    return ImageFolder(folder)


def test_the_file_is_as_expected(tmp_path: Path) -> None:
    images = [
        AnnotatedImage(
            "m51.jpg",
            424,
            300,
            3,
            (GALAXY, ObjectBox("a {b}", 0, 0, 1, 1, difficult=True, truncated=True)),
        ),
        AnnotatedImage("empty.fits", 10, 20),
    ]
    write_ds9(tmp_path, Collection(images), WriteOptions(()))
    header = "# Region file format: DS9 version 4.1\nglobal color=green\nimage\n"
    assert (tmp_path / "m51.reg").read_text() == (
        header
        + "box(16,21.75,29,37.5,0) # text={galaxy}\n"
        + 'box(1,1,1,1,0) # text="a {b}" tag={difficult} tag={truncated}\n'
    )
    assert (tmp_path / "empty.reg").read_text() == header
    assert FORMAT.recognises(tmp_path)
    assert FORMAT.recognises(tmp_path / "m51.reg")


# Texts that DS9 can hold; half a character (a lone surrogate) cannot be written in UTF-8.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n'"), min_size=1)
numbers = st.floats(-1e5, 1e5)
objects = st.builds(
    ObjectBox,
    words.filter(
        lambda text: text.strip() and not ("{" in text + text.replace("}", "{") and '"' in text)
    ),
    numbers,
    numbers,
    numbers,
    numbers,
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=100)
@given(boxes=st.lists(objects, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[ObjectBox]
) -> None:
    folder = tmp_path_factory.mktemp("ds9")
    written = AnnotatedImage("a.png", 0, 0, objects=tuple(boxes))
    write_ds9(folder, Collection([written]), WriteOptions(()))
    [(_, image)] = read_ds9(folder, ReadOptions())
    assert image.filename == "a"
    np.testing.assert_allclose(image.boxes, written.boxes, rtol=0, atol=2e-9)
    for name in ("label", "difficult", "truncated"):
        assert [getattr(box, name) for box in image.objects] == [
            getattr(box, name) for box in boxes
        ]


def test_regions_reads_what_is_written(tmp_path: Path) -> None:
    regions = pytest.importorskip("regions")
    image = AnnotatedImage("a", 0, 0, 3, (GALAXY, ObjectBox("edge-on; warped", -2, 3, 5, 9)))
    write_ds9(tmp_path, Collection([image]), WriteOptions(()))
    found = regions.Regions.read(tmp_path / "a.reg", format="ds9")
    assert [region.meta["text"] for region in found] == ["galaxy", "edge-on; warped"]
    for region, box in zip(found, image.objects, strict=True):
        low = region.center.x - region.width / 2, region.center.y - region.height / 2
        # regions counts the centre of the first pixel as 0.
        np.testing.assert_allclose(np.add(low, 0.5), box.edges[:2])
        assert (region.width, region.height) == (box.width, box.height)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("box(10.5,20.5,4,6,0)", [8, 17, 12, 23]),
        ("box 10.5 20.5 4 6", [8, 17, 12, 23]),
        ("BOX(10.5i, 20.5i, 4i, 6i, 0d)", [8, 17, 12, 23]),
        ("box(10.5,20.5,4,6,90)", [7, 18, 13, 22]),
        (
            "box(10.5,20.5,4,4,0.78539816339744831r)",
            [10 - 8**0.5, 20 - 8**0.5, 10 + 8**0.5, 20 + 8**0.5],
        ),
        ("box(10.5,20.5,2,2,4,6,0)", [8, 17, 12, 23]),
        ("box(10.5,20.5,-4,6,0)", [12, 17, 8, 23]),
        ("circle(10.5,20.5,3)", [7, 17, 13, 23]),
        ("ellipse(10.5,20.5,3,5,0)", [7, 15, 13, 25]),
        ("ellipse(10.5,20.5,3,5,90)", [5, 17, 15, 23]),
        ("ellipse(10.5,20.5,4,4,33)", [6, 16, 14, 24]),
        ("ellipse(10.5,20.5,1,2,3,5,0)", [7, 15, 13, 25]),
        ("polygon(1,2,5.5,3,4,9)", [0.5, 1.5, 5, 8.5]),
        ("+circle(10.5,20.5,3) || # color=red", [7, 17, 13, 23]),
    ],
)
def test_shapes_on_pixels(tmp_path: Path, shape: str, expected: list[float]) -> None:
    for frame in ("image", "physical", "IMAGE"):
        found = edges(tmp_path, f"{frame}\r\n{shape}\r\n")
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_texts_tags_and_flags(tmp_path: Path) -> None:
    text = (
        "# circle(1,1,1)\nglobal color=green\nimage; circle(2,2,1) # text={a; b # c}"
        " color=#fff; circle(2,2,1) # tag={truncated} tag={spiral} tag={x}\n"
        "-circle(2,2,1) # text='it' font=\"helvetica 10\"\n"
        "circle(2,2,1)\n"
        'circle(2,2,1) # color=red text="say {x}; y" tag={difficult}\n'
    )
    found = read(tmp_path, text, settings={"class_name": "galaxy"})
    assert [(box.label, box.difficult, box.truncated) for box in found] == [
        ("a; b # c", False, False),
        ("spiral", False, True),
        ("it", True, False),
        ("galaxy", False, False),
        ("say {x}; y", True, False),
    ]
    assert read(tmp_path, "image\ncircle(2,2,1)")[0].label == "object"


def test_a_global_line_sets_the_text_and_tags_that_regions_lack(tmp_path: Path) -> None:
    text = (
        "global color=green text={ring} tag={truncated}\nimage\ncircle(2,2,1)\n"
        "circle(2,2,1) # text={arc}\ncircle(2,2,1) # tag={bar}\nglobal color=red\ncircle(2,2,1)\n"
    )
    found = [(box.label, box.truncated) for box in read(tmp_path, text)]
    assert found == [("ring", True), ("arc", True), ("ring", False), ("object", False)]


def test_labels_that_regions_writes_are_read(tmp_path: Path) -> None:
    regions = pytest.importorskip("regions")
    circle = regions.CirclePixelRegion(regions.PixCoord(1.5, 1.5), 1, meta={"text": "ring"})
    regions.Regions([circle, circle]).write(tmp_path / "a.reg", format="ds9")
    [[_, image]] = read_ds9(tmp_path, ReadOptions())
    assert image.objects == (ObjectBox("ring", 1, 1, 3, 3),) * 2


@pytest.mark.parametrize(
    "region",
    [
        "point(1,2)",
        "line(1,2,3,4)",
        "box(1,2,3)",
        "circle(1,2)",
        "circle(1,2,nan)",
        "circle(1,2,1e400)",
        'circle(1,2,3")',
        "circle(1:2:3,2,3)",
        "polygon(1,2,3,4)",
        "polygon(1,2,3,4,5,6,7)",
        "box(1,2,3,4,5')",
        "wcsa",
        "()",
        "{",
    ],
)
def test_a_region_that_cannot_be_understood_is_left_out(tmp_path: Path, region: str) -> None:
    errors: list[InputError] = []
    text = f"image\ncircle(2,2,1)\n{region}\n"
    assert len(read(tmp_path, text, on_error=errors.append)) == 1
    assert len(errors) == 1
    assert f"{tmp_path / 'a.reg'}, line 3" in str(errors[0])


def test_coordinates_without_a_system_are_physical(tmp_path: Path) -> None:
    [box] = read(tmp_path, "# Region file format: CIAO version 1.0\nrotbox(2,3,2,4,0)\n")
    assert box.edges == (0.5, 0.5, 2.5, 4.5)


def test_a_system_that_is_not_supported_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="system detector"):
        read(tmp_path, "image\ndetector\ncircle(2,2,1)")


def test_a_file_without_a_region_that_is_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text("image\npoint(1,2)\n")
    errors: list[InputError] = []
    assert list(read_ds9(tmp_path, ReadOptions(on_error=errors.append))) == []
    assert "point" in str(errors[0])
    assert "the image a is left out" in str(errors[1])


@pytest.mark.parametrize("angle", [0.0, 30.0, 200.0])
@pytest.mark.parametrize("parity", [-1, 1])
def test_regions_on_the_sky(tmp_path: Path, angle: float, parity: int) -> None:
    wcs = sky(angle, parity)
    images = make_image(tmp_path, wcs)
    ra, dec = (float(value) for value in wcs.pixel_to_world_values(69.5, 29.5))
    for shape, expected in (
        (f'circle({ra!r},{dec!r},4")', [60, 20, 80, 40]),
        (f"circle({ra!r}d,{dec!r},{4 / 60!r}')", [60, 20, 80, 40]),
        (f'ellipse({ra!r},{dec!r},4",4",77)', [60, 20, 80, 40]),
    ):
        # The axes of FK5 are 23 mas from those of ICRS.
        for frame, tolerance in (("icrs", 1e-4), ("fk5", 0.08), ("J2000", 0.08)):
            found = edges(tmp_path, f"{frame};{shape}", images=images)
            np.testing.assert_allclose(found, expected, atol=tolerance)
    [[_, image]] = read_ds9(tmp_path, ReadOptions(images=images))
    assert (image.filename, image.width, image.height) == ("a.fits", 100, 120)


@pytest.mark.parametrize("frame", ["fk5", "icrs", "galactic", "fk4"])
@pytest.mark.parametrize("angle", [0.0, 25.0, 110.0])
@pytest.mark.parametrize("parity", [-1, 1])
def test_shapes_are_turned_from_the_north_of_their_own_frame(
    tmp_path: Path, frame: str, angle: float, parity: int
) -> None:
    wcs = sky(30, parity)
    images = make_image(tmp_path, wcs)
    place = wcs.pixel_to_world(59.5, 49.5).transform_to(frame)
    centre = ",".join(
        repr(float(value)) for value in (place.spherical.lon.deg, place.spherical.lat.deg)
    )
    turn = np.radians(angle)
    # The first axis points west, the second north, both turned towards east.
    first = np.array([-np.cos(turn), np.sin(turn)]) * 6.25
    second = np.array([np.sin(turn), np.cos(turn)]) * 2.25
    around = np.linspace(0, 2 * np.pi, 3600)[:, None]
    outlines = {
        f'box({centre},12.5",4.5",{angle})': [
            sign * first + other * second for sign in (-1, 1) for other in (-1, 1)
        ],
        f'ellipse({centre},6.25",2.25",{angle})': np.cos(around) * first + np.sin(around) * second,
    }
    for shape, outline in outlines.items():
        east, north = np.array(outline).T
        on_sky = SkyCoord(east, north, unit="arcsec", frame=place.skyoffset_frame())
        pixels = np.stack(wcs.world_to_pixel(on_sky.transform_to("icrs")), axis=1) + 0.5
        expected = [*pixels.min(axis=0), *pixels.max(axis=0)]
        found = edges(tmp_path, f"{frame}\n{shape}", images=images)
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("longitude", "latitude", "epoch", "ra", "dec"),
    [
        (10, 5, 2018.5, 6.967599900, 8.453400870),
        (200, -30, 1995.25, 185.178739536, -35.235479054),
        (100, 60, None, 128.982273996, 82.066850126),
    ],
)
def test_ecliptic_coordinates_are_of_the_date_of_observation(
    tmp_path: Path, longitude: float, latitude: float, epoch: float | None, ra: float, dec: float
) -> None:
    """Right ascension and declination are those of AST 9.5, which DS9 uses."""
    wcs = sky()
    wcs.wcs.crval = ra, dec
    date = {} if epoch is None else {"MJD-OBS": float(Time(epoch, format="jyear").mjd)}
    images = make_image(tmp_path, wcs, **date)
    found = edges(tmp_path, f'ecliptic\ncircle({longitude},{latitude},2")', images=images)
    x, y = wcs.wcs.crpix - 0.5
    # AST has the obliquity of IAU 1980, which differs by 0.04 arcsec (0.1 pixel).
    np.testing.assert_allclose(found, [x - 5, y - 5, x + 5, y + 5], atol=0.11)


def test_turned_boxes_are_where_regions_has_them(tmp_path: Path) -> None:
    regions = pytest.importorskip("regions")
    wcs = sky()
    images = make_image(tmp_path, wcs)
    for text in ("image\nbox(40,50,30,10,25)", 'icrs\nbox(150,2,12",5",110)'):
        [region] = regions.Regions.parse(text, format="ds9")
        corners = (region if text.startswith("image") else region.to_pixel(wcs)).corners + 0.5
        expected = [*corners.min(axis=0), *corners.max(axis=0)]
        np.testing.assert_allclose(edges(tmp_path, text, images=images), expected, atol=1e-3)


def test_sexagesimal_coordinates(tmp_path: Path) -> None:
    wcs = sky(0)
    images = make_image(tmp_path, wcs)
    for first, second in (
        ("10:00:00", "+2:00:00.0"),
        ("10h00m00s", "2d0m0s"),
        ("150d0m0s", "02:00:00"),
        ("150", "2.0d"),
    ):
        found = edges(tmp_path, f"icrs\npolygon({first},{second},150,2,{first},2)", images=images)
        np.testing.assert_allclose(found, [49.5, 59.5, 49.5, 59.5], atol=1e-4)
    found = edges(tmp_path, 'icrs\ncircle(10:00:00,-0:00:00,1")', images=images)
    assert found[1] < -17000


def test_the_sky_needs_an_image_with_coordinates(tmp_path: Path) -> None:
    text = 'fk5\ncircle(150,2,4")'
    with pytest.raises(InputError, match="--images"):
        read(tmp_path, text)
    images = make_image(tmp_path)
    with pytest.raises(InputError, match="has no WCS"):
        read(tmp_path, text, images=images)


def test_a_place_that_is_not_on_the_image(tmp_path: Path) -> None:
    images = make_image(tmp_path, sky())
    errors: list[InputError] = []
    text = 'fk5\ncircle(330,-2,4")\ncircle(150,2,4")\ncircle(150,95,4")\ncircle(150,2,99)'
    found = read(tmp_path, text, images=images, on_error=errors.append)
    assert len(found) == 1
    assert ["line" in str(error) for error in errors] == [True] * 3


def test_physical_pixels_of_a_cut_image_are_refused(tmp_path: Path) -> None:
    images = make_image(tmp_path, LTV1=0.0, LTM1_1=1.0)
    assert edges(tmp_path, "physical\ncircle(2.5,2.5,1)", images=images) == [1, 1, 3, 3]
    (tmp_path / "a.fits").unlink()
    images = make_image(tmp_path, LTV1=-200.0)
    with pytest.raises(InputError, match="physical"):
        read(tmp_path, "physical\ncircle(2.5,2.5,1)", images=images)
    assert edges(tmp_path, "image\ncircle(2.5,2.5,1)", images=images) == [1, 1, 3, 3]


def test_files_made_to_take_forever_do_not(tmp_path: Path) -> None:
    for text in ("{" * 10**6, "text={" * 10**5, '="' * 10**5 + ";", "1:" * 10**5, "image;" * 10**5):
        read(tmp_path, f"image\ncircle(1,2,3) # {text}", on_error=lambda error: None)
        read(tmp_path, f"image\ncircle(1,2,3)\n{text}", on_error=lambda error: None)


@pytest.mark.parametrize("label", ["two\nlines", "{\"'", "half \ud800"])
def test_a_class_that_cannot_be_held_is_told(tmp_path: Path, label: str) -> None:
    image = AnnotatedImage("a", 0, 0, 3, (ObjectBox(label, 0, 0, 1, 1),))
    with pytest.raises(OutputError):
        write_ds9(tmp_path, Collection([image]), WriteOptions(()))


def test_other_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("image\n")
    (tmp_path / "b.reg").write_bytes(b"\xff")
    (tmp_path / "none").mkdir()
    for path in (tmp_path / "a.txt", tmp_path / "none", tmp_path / "gone"):
        assert not FORMAT.recognises(path)
    for path in (tmp_path / "b.reg", tmp_path / "none", tmp_path / "gone"):
        with pytest.raises(InputError):
            list(read_ds9(path, ReadOptions()))


def test_namesakes_are_refused(tmp_path: Path) -> None:
    images = Collection([AnnotatedImage("a.png", 0, 0), AnnotatedImage("a.fits", 0, 0)])
    with pytest.raises(OutputError, match="Two images"):
        write_ds9(tmp_path, images, WriteOptions(()))
