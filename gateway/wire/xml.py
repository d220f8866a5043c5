# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""XML from cameras: no document type, no entities, no network, bounded."""

from lxml import etree

from gateway.model.errors import WireError
from gateway.wire.sdp import printable

MOST_BYTES = 1 << 20
"""A GetProfiles answer of a 64-channel recorder stays below 400 KiB."""
MOST_TAGS = 1 << 16
"""Of them all, begin and end; that answer has about 20 000. Small tags cost far more than text."""
MOST_DEPTH = 64
"""ONVIF's deepest document (Media2 profiles with analytics) has about 16 levels."""


def parse(
    data: bytes, most_bytes: int = MOST_BYTES, *, most_tags: int = MOST_TAGS
) -> etree._Element:
    """Return the root element of `data`; WireError for anything that is not plain, small XML."""
    if len(data) > most_bytes:
        raise WireError(f"XML of {len(data)} bytes (at most {most_bytes})")
    tags = data.count(b"<")
    if tags > most_tags:
        raise WireError(f"XML of {tags} tags (at most {most_tags})")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise WireError(f"not well-formed XML: {printable(str(error), 200)}") from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise WireError("XML with a document type declaration (DOCTYPE) is refused")
    if _depth(root) > MOST_DEPTH:
        raise WireError(f"XML nested deeper than {MOST_DEPTH} elements")
    return root


def _depth(root: etree._Element) -> int:
    depth = most = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        most = max(most, depth)
    return most
