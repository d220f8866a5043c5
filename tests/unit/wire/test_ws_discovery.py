# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.ws_discovery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.model.errors import WireError
from gateway.wire.ws_discovery import (
    MOST_CHARS,
    MOST_MATCHES,
    Match,
    MessageKind,
    ProbeType,
    parse,
    probe,
    same_message,
)
from tests.goldens import golden

SCOPES = (
    "onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/Profile/T "
    "onvif://www.onvif.org/name/Piazza%20Duomo onvif://www.onvif.org/hardware/DS-2CD "
    "onvif://www.onvif.org/location/country/italy onvif://www.onvif.org/location/city/milano "
    "ldap:///ou=engineering"
)


def match(urn="urn:uuid:1", scopes=SCOPES, xaddrs="http://192.0.2.7/onvif/device_service"):
    return (
        f"<d:ProbeMatch><a:EndpointReference><a:Address>{urn}</a:Address></a:EndpointReference>"
        f"<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>{scopes}</d:Scopes>"
        f"<d:XAddrs>{xaddrs}</d:XAddrs><d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch>"
    )


def reply(*matches, kind="ProbeMatches", relates_to="urn:uuid:9"):
    relates = f"<a:RelatesTo>{relates_to}</a:RelatesTo>" if relates_to else ""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
        f"<s:Header>{relates}</s:Header><s:Body><d:{kind}>{''.join(matches)}</d:{kind}></s:Body>"
        "</s:Envelope>"
    ).encode()


@pytest.mark.parametrize("wanted", list(ProbeType))
def test_a_probe_is_what_the_standard_asks_for(wanted):
    """Action, id, anonymous reply, and the type with its namespace."""
    root = etree.fromstring(probe("urn:uuid:7", wanted))
    text = {etree.QName(one).localname: one.text for one in root.iter()}
    assert text["Action"] == "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
    assert text["MessageID"] == "urn:uuid:7"
    types = next(root.iter("{*}Types"))
    prefix, name = types.text.split(":")
    assert (name, types.nsmap[prefix]) == wanted.value


def test_a_match_is_read():
    """Identity, addresses, types, and what ONVIF's scopes say."""
    announcement = parse(reply(match()))
    assert (announcement.kind, announcement.relates_to) == (
        MessageKind.PROBE_MATCHES,
        "urn:uuid:9",
    )
    assert announcement.matches == (
        Match(
            "urn:uuid:1",
            ("http://192.0.2.7/onvif/device_service",),
            ("NetworkVideoTransmitter", "Device"),
            "Piazza Duomo",
            "DS-2CD",
            "country italy, city milano",
            ("Streaming", "T"),
        ),
    )


def test_a_match_without_its_envelope_of_matches_is_read():
    """Some cameras leave ProbeMatches out; each ProbeMatch in the body counts."""
    announcement = parse(golden("quirk-probe-match-bare.xml"))
    assert (announcement.kind, announcement.relates_to) == (
        MessageKind.PROBE_MATCHES,
        "urn:uuid:9",
    )
    (found,) = announcement.matches
    assert (found.urn, found.name) == ("urn:uuid:1", "Gate")
    assert found.xaddrs == ("http://192.0.2.7:8080/onvif/device_service",)
    whole = reply(match()).replace(b"<d:ProbeMatches>", b"").replace(b"</d:ProbeMatches>", b"")
    assert parse(whole).matches == parse(reply(match())).matches
    flood = whole.replace(b"</s:Body>", b"<d:ProbeMatch/>" * MOST_MATCHES + b"</s:Body>")
    with pytest.raises(WireError, match="65 devices"):
        parse(flood)


def test_hello_and_bye_are_read():
    """They describe one device in the element itself and answer nothing."""
    inside = match().removeprefix("<d:ProbeMatch>").removesuffix("</d:ProbeMatch>")
    for kind in (MessageKind.HELLO, MessageKind.BYE):
        announcement = parse(reply(inside, kind=kind.value, relates_to=""))
        assert (announcement.kind, announcement.relates_to) == (kind, "")
        assert announcement.matches[0].urn == "urn:uuid:1"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("http://192.0.2.7/a https://[2001:db8::7]:8443/b", 2),
        ("http://192.0.2.7/a\n\thttp://192.0.2.7/a", 1),
        ("file:///etc/passwd rtsp://192.0.2.7/ ftp://x javascript:alert(1)", 0),
        ("http://admin:admin@192.0.2.7/", 0),
        ("http:/// http://[::1 http://192.0.2.7:99999/ http://192.0.2.7:0/ 192.0.2.7", 0),
        ("http://192.0.2.7/" + "a" * MOST_CHARS, 0),
        ("http://192.0.2.7/\u0430", 0),
        ("", 0),
        (" ".join(f"http://192.0.2.7/{n}" for n in range(200)), 64),
    ],
)
def test_only_sober_addresses_are_kept(written, kept):
    """HTTP with a host, without credentials, bounded in length and number."""
    assert len(parse(reply(match(xaddrs=written))).matches[0].xaddrs) == kept


def test_names_are_undone_and_printable():
    """Percent signs are undone, control characters are gone, nonsense is harmless."""
    scopes = (
        "onvif://www.onvif.org/name/%1b%5b31mNegozio%20%C3%A8%0a%00 "
        "ONVIF://WWW.ONVIF.ORG/Hardware/%ff%zz onvif://www.onvif.org/name/second"
    )
    (found,) = parse(reply(match(scopes=scopes))).matches
    assert found.name == "[31mNegozio è"
    assert found.name.isprintable()
    assert found.hardware == "\ufffd%zz"


@pytest.mark.parametrize("draft", ["http://schemas.xmlsoap.org/ws/2004/10/discovery", "urn:x"])
def test_other_namespaces_are_understood(draft):
    """Devices speak several drafts; names are enough."""
    data = reply(match()).replace(
        b"http://schemas.xmlsoap.org/ws/2005/04/discovery", draft.encode()
    )
    assert parse(data).matches[0].urn == "urn:uuid:1"


def test_a_match_without_anything_is_read():
    """Nothing but the element: empty, not an error."""
    assert parse(reply("<d:ProbeMatch/>")).matches == (Match(""),)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not well-formed"),
        (b"HTTP/1.1 200 OK\r\n", "not well-formed"),
        (reply(match())[:-20], "not well-formed"),
        (b"<a/>", "not a SOAP envelope but <a>"),
        (b"<Envelope/>", "SOAP without Body"),
        (b"<Envelope><Body/></Envelope>", "no announcement but nothing"),
        (b"<Envelope><Body><Fault/></Body></Envelope>", "no announcement but Fault"),
        (b"<!DOCTYPE x>" + reply(match()), "DOCTYPE"),
        (reply(*["<d:ProbeMatch/>"] * (MOST_MATCHES + 1)), "65 devices in one message"),
        (b"<a>" + b" " * 70_000 + b"</a>", "70007 bytes"),
    ],
)
def test_what_cannot_be_read_is_named(data, words):
    """WireError says what is wrong with the answer."""
    with pytest.raises(WireError, match=words):
        parse(data)


def test_message_ids_are_compared_as_devices_write_them():
    """Without `urn:`, in capitals, in braces; but never empty ones."""
    assert same_message("uuid:AB-1", "urn:uuid:ab-1")
    assert same_message(" ab-1\n", "urn:uuid:{ab-1}")
    assert not same_message("urn:uuid:1", "urn:uuid:2")
    assert not same_message("", "urn:uuid:")


@given(st.data())
def test_any_datagram_gives_an_announcement_or_a_wire_error(data):
    """Damaged answers: bounded, printable text or WireError."""
    whole = reply(match(), match("urn:uuid:2"))
    cut = data.draw(st.integers(0, len(whole)))
    patch = data.draw(st.binary(max_size=20) | st.text(max_size=10).map(str.encode))
    try:
        announcement = parse(whole[:cut] + patch + whole[cut + len(patch) :])
    except WireError:
        return
    for one in announcement.matches:
        texts = [one.urn, one.name, one.hardware, one.location, *one.xaddrs, *one.types]
        assert all(text.isprintable() and len(text) <= MOST_CHARS for text in texts)
