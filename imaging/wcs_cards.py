"""Select and repair the cards of the world coordinates in a FITS header."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from numbers import Real
from typing import Any

__all__ = [
    "celestial_keys",
    "drop_distortion_tables",
    "has_distortion_tables",
    "inherited_header",
    "number",
    "wcs_cards",
]

_NAMES = {
    "number": (
        r"(CRVAL|CRPIX|CDELT|CROTA)[12]|(CD|PC)[12]_[12]|PC00[12]00[12]|PV[12]_\d{1,2}"
        "|(LON|LAT)POLE"
    ),
    "type": "CTYPE[12]",
    "unit": "CUNIT[12]",
    "frame": "RADESYS|RADECSYS",
    "year": "EQUINOX|EPOCH",
}
_SHARED_NAMES = {  # of all descriptions
    "number": r"(A|B|AP|BP)_(ORDER|\d_\d)",
    "date": "MJD-OBS|DATE-OBS",
    "iraf": r"WAT[012]_\d{3}",
    "table": r"(CPDIS|DP|CPERR|D2IMDIS|D2IM|D2IMERR|CQDIS|DQ|CQERR)[12](\..*)?|AXISCORR|D2IMEXT",
}
_CELESTIAL = re.compile(r"\s*(RA|DEC|[GES]L(?:ON|AT))(?:-+(.*?))?\s*$", re.IGNORECASE)
_DEGREES = frozenset({"DEG", "DEGREE", "DEGREES"})
_UNITS = frozenset({"arcsec", "arcmin", "rad", "mas"})
_FRAMES = {"J2000": "FK5", "FK5J2000": "FK5", "B1950": "FK4", "ICRF": "ICRS"}
_KNOWN_FRAMES = frozenset({"ICRS", "FK5", "FK4", "FK4-NO-E", "GAPPT"})
_HIGHEST_SIP = 9
_OWN = re.compile(r"(CTYPE|CRVAL|CRPIX|CDELT)[12]$|(CD|PC)[12]_[12]$")
_INHERITED_FRAME = ("RADESYS", "RADECSYS", "EQUINOX", "EPOCH", "MJD-OBS", "DATE-OBS")
_COMPANION = re.compile(
    "(ERR|ERROR|VAR|VARIANCE|DQ|MASK|BPM|WHT|WEIGHT|IVAR|INVVAR|CON|CTX|SAMP|TIME|WCSDVARR|D2IMARR)$"
)
_TABLE = re.compile(r"(CPDIS|DP|D2IM|CQDIS|AXISCORR)")


def celestial_keys(header: Any) -> list[str]:
    """Return the keys of the WCS descriptions whose first two axes are celestial.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of an image.

    Returns
    -------
    list of str
        A blank for the main description, then the letters of the alternate ones.
    """
    return [
        key
        for key in [" ", *map(chr, range(ord("A"), ord("Z") + 1))]
        if any(_CELESTIAL.match(str(header.get(f"CTYPE{n}{key}".strip(), ""))) for n in (1, 2))
    ]


def number(header: Any, keyword: str, default: float | None = None) -> float:
    """Return a number of a header, which may be written as text.

    Parameters
    ----------
    header : mapping
        The header.
    keyword : str
        Name of the card.
    default : float, optional
        Value without such a card.

    Raises
    ------
    ValueError
        If there is no number.
    """
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, Real | str):
        raise ValueError(f"{keyword} has no number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{keyword} is {value!r}, not a number") from None


def inherited_header(
    header: Any, primary: Any | None, hdus: Sequence[Any] | None
) -> tuple[Any, tuple[str, ...]]:
    """Return the header of an extension with what it inherits of the primary header's WCS.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of an image.
    primary : astropy.io.fits.Header or None
        Primary header of its file.
    hdus : sequence of HDUs or None
        All HDUs of the file.

    Returns
    -------
    header : astropy.io.fits.Header
        `header` itself, or a copy with the inherited cards.
    notes : tuple of str
        What was assumed, or not used.
    """
    if primary is None or primary is header:
        return header, ()
    if header.get("INHERIT") is True:
        # A description of its own must not be mixed with another.
        own = bool(celestial_keys(header))
        return _joined(primary, header, _INHERITED_FRAME if own else None), ()
    if (
        not celestial_keys(primary)
        or int(primary.get("NAXIS", 0)) > 0
        or any(_OWN.match(card.keyword) for card in header.cards)
    ):
        return header, ()
    if sum(map(_is_main_image, hdus or ())) == 1:
        note = "its world coordinates are those of the primary header"
        return _joined(primary, header, None), (note,)
    return header, (
        "the WCS of the primary header was not used, as the file does not say that it is that of "
        "this image. If it is, write INHERIT = T to the header of the image",
    )


def _joined(primary: Any, header: Any, keywords: Collection[str] | None) -> Any:
    """Return the cards of an extension after those of the primary header that it lacks."""
    from astropy.io.fits import Header

    cards = [
        card
        for card in primary.cards
        if card.keyword not in header and (keywords is None or card.keyword in keywords)
    ]
    return Header([*cards, *header.cards])


def _is_main_image(hdu: Any) -> bool:
    header = hdu.header
    area = int(header.get("NAXIS1", 0)) * int(header.get("NAXIS2", 0))
    return bool(hdu.is_image and area > 1 and not _COMPANION.match(hdu.name.upper()))


def wcs_cards(header: Any, key: str, height: int, width: int) -> tuple[Any, list[str]]:
    """Return the cards of one WCS description of the first two axes, repaired.

    Nothing else of the header is kept, so that a third axis, or a card that astropy rejects, does
    not spoil the celestial axes.  Spellings outside the standard are corrected: lower case and
    missing hyphens of CTYPE, numbers written as text, ``degree``, RADESYS ``J2000``, SIP
    coefficients without ``-SIP`` in CTYPE, CD beside PC.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of the image.
    key : str
        A blank for the main description, or the letter of an alternate one.
    height, width : int
        Pixels, rows and columns.

    Returns
    -------
    cards : astropy.io.fits.Header
        Header of two axes.
    notes : list of str
        What was assumed.

    Raises
    ------
    ValueError
        If a value cannot be used; the message says which.
    """
    from astropy.io.fits import Header

    letter = key.strip()
    cards, notes = Header({"NAXIS": 2, "NAXIS1": width, "NAXIS2": height}), list[str]()
    cards[f"WCSAXES{letter}"] = 2
    kinds = [(name, re.compile(f"({names}){letter}$")) for name, names in _NAMES.items()]
    kinds += [(name, re.compile(f"({names})$")) for name, names in _SHARED_NAMES.items()]
    for card in header.cards:
        kind = next((name for name, pattern in kinds if pattern.match(card.keyword)), None)
        if kind in ("iraf", "table"):  # whose blanks and fields matter
            cards.append(card)
        elif kind is not None:
            value, note = _repaired(kind, card)
            if value is not None:
                cards[card.keyword] = value
            notes += note
    _settle_frame(cards, letter)
    _settle_matrix(cards, letter)
    _settle_sip(cards, letter)
    return cards, notes


def _repaired(kind: str, card: Any) -> tuple[Any, list[str]]:
    """Return the corrected value of a card, None to leave it out, and what was assumed."""
    try:
        value = card.value
    except Exception as error:  # a card outside the standard
        if kind == "date":
            return None, []
        raise ValueError(f"{card.keyword} cannot be read") from error
    text = str(value).strip()
    if kind == "number":
        return number({card.keyword: value}, card.keyword), []
    if kind == "type":
        celestial = _CELESTIAL.match(text)
        if celestial is None or celestial[2] is None:
            return text, []
        axis, projection = celestial.groups()
        return f"{axis.upper():-<4}-{projection.upper()}", []
    if kind == "unit":
        # The standard has degrees alone for celestial axes.
        return ("deg" if text.upper() in _DEGREES else text if text in _UNITS else None), []
    if kind == "date":
        return value, []
    if kind == "year":
        return _year(text), []
    frame = _FRAMES.get(text.upper(), text.upper())
    if frame in _KNOWN_FRAMES:
        return frame, []
    note = f"its RADESYS {text!r} is unknown; ICRS, or the frame of its equinox, was assumed"
    return None, [note] if text else []


def _year(text: str) -> float | None:
    year = re.fullmatch(r"[JB]?(\d{4}(\.\d*)?)", text.upper())
    return float(year.group(1)) if year else None


def _settle_frame(cards: Any, letter: str) -> None:
    old = f"EPOCH{letter}"
    if f"EQUINOX{letter}" in cards:
        cards.remove(old, ignore_missing=True)
    if str(cards.get(f"CTYPE1{letter}", ""))[:1] in "GS":
        # Galactic coordinates have no equinox; astropy would take RADESYS for their frame.
        for name in ("RADESYS", "RADECSYS", "EQUINOX", "EPOCH"):
            cards.remove(name + letter, ignore_missing=True)


def _settle_matrix(cards: Any, letter: str) -> None:
    elements = [f"{row}_{column}{letter}" for row in (1, 2) for column in (1, 2)]
    scaled = any(f"CDELT{axis}{letter}" in cards for axis in (1, 2))
    if any(f"CD{element}" in cards for element in elements) and not scaled:
        for element in elements:
            cards.remove(f"PC{element}", ignore_missing=True)


def _settle_sip(cards: Any, letter: str) -> None:
    for pair in (("A", "B"), ("AP", "BP")):
        names = [f"{side}_ORDER" for side in pair]
        if not any(name in cards for name in names):
            continue
        orders = [cards.get(name, 0) for name in names]
        if not all(0 <= order <= _HIGHEST_SIP for order in orders):
            raise ValueError(f"{names[0]} or {names[1]} is not from 0 to {_HIGHEST_SIP}")
        for name in names:
            cards[name] = int(max(orders))
    # A higher coefficient of PV than that of TAN is SCAMP's distortion, which astropy recognises.
    scamp = any(re.match(r"PV[12]_([5-9]|\d\d)", card.keyword) for card in cards.cards)
    if cards.get("A_ORDER", 0) > 1 and not scamp:
        for axis in (1, 2):
            name = f"CTYPE{axis}{letter}"
            cards[name] = re.sub("-TAN$", "-TAN-SIP", str(cards.get(name, "")))


def has_distortion_tables(cards: Any) -> bool:
    """Return whether a WCS has lookup-table distortions.

    Parameters
    ----------
    cards : astropy.io.fits.Header
        Cards of `wcs_cards`.
    """
    return any(_TABLE.match(card.keyword) for card in cards.cards)


def drop_distortion_tables(cards: Any) -> float:
    """Remove lookup-table distortions from cards.

    Parameters
    ----------
    cards : astropy.io.fits.Header
        Cards of `wcs_cards`; changed in place.

    Returns
    -------
    float
        Largest distortion of the tables in pixels (CPERR, D2IMERR); 0 if the header does not say.
    """
    errors = [
        float(card.value)
        for card in cards.cards
        if re.match(r"(CPERR|D2IMERR)[12]$", card.keyword) and isinstance(card.value, int | float)
    ]
    for keyword in [card.keyword for card in cards.cards if _TABLE.match(card.keyword)]:
        cards.remove(keyword, ignore_missing=True)
    return max(errors, default=0.0)
