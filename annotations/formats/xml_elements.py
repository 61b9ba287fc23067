"""Read untrusted XML: nothing is expanded or fetched."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from ...errors import InputError
from ...files.safe_readers import read_bytes

__all__ = ["read_root"]

_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


def read_root(path: Path, limit: int) -> etree._Element:
    """Return the root element of an XML file, without comments and processing instructions.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        Largest size in bytes.

    Raises
    ------
    InputError
        If it cannot be read, is larger, is not well-formed or declares a document type.
    """
    content = read_bytes(path, limit)
    try:
        root = etree.fromstring(content, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}). Save it again.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InputError(f"{path} declares a document type, which is refused. Remove <!DOCTYPE>.")
    return root
