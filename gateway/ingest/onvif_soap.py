# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SOAP replies of devices: safe XML, SOAP 1.2, faults as errors."""

import re
from dataclasses import dataclass

from lxml import etree

from gateway.ingest.onvif_addresses import printable
from gateway.ingest.onvif_model import OnvifFaultError
from gateway.model.errors import PeerError, WireError
from gateway.wire import xml

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
MOST_SUBCODES = 4
_SHOWN = 200
_WEB_PAGE = re.compile(rb"\s*(<\?xml[^>]*>\s*)?<(!doctype\s+)?html", re.IGNORECASE)
_REFUSALS = frozenset({"NotAuthorized", "FailedAuthentication", "FailedCheck", "InvalidSecurity"})
_REFUSAL_WORDS = re.compile(r"not\s+auth|unauthori[sz]ed|authentication fail", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A reply that is not a fault."""

    root: etree._Element
    note: str = ""
    """What was odd about it."""


def read(body: bytes) -> Envelope:
    """Return the envelope in `body`; OnvifFaultError for a fault, else PeerError.

    XML that is not well-formed is mended once, as browsers do, because cheap cameras write `&`
    into their URIs; a document type is refused either way.
    """
    if _WEB_PAGE.match(body):
        raise PeerError("answers with a web page, not with SOAP: another port, or no ONVIF here")
    note = ""
    try:
        root = xml.parse(body)
    except WireError as error:
        plain = WireError(printable(str(error), _SHOWN))
        root, note = _mended(body, plain), "sends XML that is not well-formed; it was mended"
    name = etree.QName(root)
    if name.localname == "Envelope" and name.namespace == SOAP_11:
        raise PeerError("speaks SOAP 1.1; ONVIF is SOAP 1.2")
    if name.localname != "Envelope" or name.namespace != ENVELOPE:
        raise PeerError(f"answers with the element {printable(name.localname, 40)}, not with SOAP")
    fault = root.find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault")
    if fault is not None:
        raise _fault(fault)
    return Envelope(root, note)


def _mended(body: bytes, error: WireError) -> etree._Element:
    """Return the root of almost well-formed XML; the first error if there is nothing to mend."""
    if len(body) > xml.MOST_BYTES or b"<!DOCTYPE" in body or not body.lstrip()[:1] == b"<":
        raise error
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
        if root is None or root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
            raise error
        return xml.parse(etree.tostring(root))
    except (etree.XMLSyntaxError, ValueError, WireError):
        raise error from None


def _fault(fault: etree._Element) -> OnvifFaultError:
    code = fault.find(f"{{{ENVELOPE}}}Code")
    found = [] if code is None else code.iter(f"{{{ENVELOPE}}}Value")
    values = [printable((value.text or "").rpartition(":")[2], 40) for value in found]
    subcodes = tuple(values[1 : 1 + MOST_SUBCODES])
    reason = fault.findtext(f"{{{ENVELOPE}}}Reason/{{{ENVELOPE}}}Text") or ""
    words = printable(reason, _SHOWN) or "no reason given"
    shown = f" ({'/'.join(subcodes)})" if subcodes else ""
    return OnvifFaultError(f"{words}{shown}", subcodes)


def is_refusal(fault: OnvifFaultError) -> bool:
    """Return whether a fault means that our credentials, or their absence, were refused."""
    return bool(_REFUSALS & set(fault.subcodes)) or bool(_REFUSAL_WORDS.search(str(fault)))
