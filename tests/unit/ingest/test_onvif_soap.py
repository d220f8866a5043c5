# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SOAP replies: envelopes, faults, and what is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import onvif_soap
from gateway.ingest.onvif_model import OnvifFaultError
from gateway.model.errors import PeerError
from tests.goldens import golden

SOAP = onvif_soap.ENVELOPE


def envelope(body):
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def test_an_ampersand_that_was_forgotten_is_mended_and_noted():
    """Cheap cameras write & into their URIs; they are understood, and it is said."""
    read = onvif_soap.read(envelope("<Uri>rtsp://cam/x?a=1&b=2</Uri>"))
    assert read.root.findtext(".//Uri").startswith("rtsp://cam/x?a=1")
    assert "mended" in read.note
    assert onvif_soap.read(envelope("<a/>")).note == ""


def test_faults_carry_subcodes_and_reason():
    """Nested subcodes come out in order, the reason printable and short."""
    fault = (
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:InvalidArgVal"
        "</s:Value><s:Subcode><s:Value>ter:NoProfile</s:Value></s:Subcode></s:Subcode></s:Code>"
        "<s:Reason><s:Text>Profile&#10;unknown</s:Text></s:Reason></s:Fault>"
    )
    with pytest.raises(
        OnvifFaultError, match=r"Profile unknown \(InvalidArgVal/NoProfile\)"
    ) as told:
        onvif_soap.read(envelope(fault))
    assert told.value.subcodes == ("InvalidArgVal", "NoProfile")
    assert not onvif_soap.is_refusal(told.value)


@pytest.mark.parametrize(
    ("text", "subcodes"),
    [
        ("x", ("NotAuthorized",)),
        ("x", ("FailedAuthentication",)),
        ("Sender not Authorized", ()),
        ("The action requested requires authorization and the sender is not authorized", ()),
        ("Unauthorised", ()),
    ],
)
def test_refusals_are_known_by_subcode_or_by_words(text, subcodes):
    """Devices without proper subcodes say in words that the credentials are wrong."""
    assert onvif_soap.is_refusal(OnvifFaultError(text, subcodes))


def test_the_broken_fault_of_a_mock_server_is_an_error():
    """XML with typographic quotes and undeclared prefixes is refused with a reason."""
    with pytest.raises(PeerError):
        onvif_soap.read(golden("onvif/mockup-broken-fault.xml"))


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e "x">]>' + envelope("&e;"),
        b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://evil/x.dtd"><x/>',
        b'<!doctype x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + envelope("&e;&broken"),
    ],
)
def test_a_document_type_is_refused_even_when_mending(body):
    """No entity is ever expanded, and no file is ever read."""
    with pytest.raises(PeerError):
        onvif_soap.read(body)


@given(st.binary(max_size=300))
def test_any_bytes_give_an_envelope_or_an_error(data):
    """No bytes, alone or inside an envelope, raise anything but PeerError."""
    for body in (data, b"<" + data, envelope("").replace(b"</s:Body>", data + b"</s:Body>")):
        try:
            text = onvif_soap.read(body).note
        except PeerError as error:
            text = str(error)
        assert text.isprintable()
