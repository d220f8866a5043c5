# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Addresses that devices hand out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.onvif_addresses import (
    HTTP,
    RTSP,
    admit,
    device_url,
    printable,
    without_credentials,
)
from gateway.model.errors import PeerError

OWN = "http://10.0.0.5:8080/onvif/device_service"


@pytest.mark.parametrize(
    ("address", "schemes", "expected"),
    [
        ("http://10.0.0.5/onvif/media", HTTP, "http://10.0.0.5/onvif/media"),
        ("http://10.0.0.5:80/a?b=1", HTTP, "http://10.0.0.5/a?b=1"),
        ("http://vs.example:81/a", HTTP, "http://vs.example:81/a"),
        ("http://VS.example.:81/a", HTTP, "http://vs.example:81/a"),
        ("http://192.168.1.9/onvif/media", HTTP, "http://10.0.0.5:8080/onvif/media"),
        ("https://192.168.1.9:443/m", HTTP, "http://10.0.0.5:8080/m"),
        ("http://cam.other.example/m", HTTP, "http://10.0.0.5:8080/m"),
        ("rtsp://192.168.1.9:5540/ch1?x=1", RTSP, "rtsp://10.0.0.5:5540/ch1?x=1"),
        ("rtsp://u:p@10.0.0.5:554/ch1", RTSP, "rtsp://10.0.0.5/ch1"),
        (" http://10.0.0.5/x ", HTTP, "http://10.0.0.5/x"),
        ("http://[::ffff:10.0.0.5]/x", HTTP, "http://10.0.0.5/x"),
        ("http://2130706433/x", HTTP, "http://10.0.0.5:8080/x"),
    ],
)
def test_only_configured_hosts_come_out(address, schemes, expected):
    """An address comes out on the configured host or on an allowed one, without credentials."""
    assert admit(address, OWN, ("vs.example",), schemes).url == expected


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/x",
        "http://127.9.9.9/x",
        "http://localhost/x",
        "http://a.localhost/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://169.254.169.254/latest",
        "http://[fe80::1%25eth0]/x",
        "http://[fd00:ec2::254]/x",
        "http://100.100.100.200/x",
        "http://0.0.0.0/x",
        "http://239.255.255.250/x",
        "http://255.255.255.255/x",
        "file:///etc/passwd",
        "gopher://10.0.0.5/x",
        "rtsp://10.0.0.5/x",
        "",
        "http://",
        "http://10.0.0.5:99999/x",
        "http://[::1/x",
        "http://10.0.0.5/a b",
        "http://10.0.0.5\\@evil/x",
        "http://10.0.0.5/" + "a" * 5000,
    ],
)
def test_what_points_elsewhere_is_refused(address):
    """Our own machine, link-local, metadata, other schemes and broken addresses are refused."""
    with pytest.raises(PeerError):
        admit(address, OWN, (), HTTP)


def test_a_loopback_host_that_was_configured_is_allowed():
    """What a person configured is followed, whatever it is."""
    own = "http://127.0.0.1:8080/x"
    assert admit("http://127.0.0.1:9/y", own, (), HTTP).url == "http://127.0.0.1:9/y"


def test_tls_is_never_left():
    """A device asked over TLS cannot lead us to clear HTTP, on its own host or another."""
    own = "https://10.0.0.5:8443/x"
    for address in ("http://10.0.0.5/m", "http://192.168.1.9:80/m"):
        admitted = admit(address, own, (), HTTP)
        assert admitted.url == "https://10.0.0.5:8443/m"
        assert admitted.note


def test_what_was_put_right_is_said():
    """Rewriting and dropped credentials are noted, without the credentials."""
    assert "192.168.1.9" in admit("http://192.168.1.9/x", OWN, (), HTTP).note
    note = admit("rtsp://u:geheim@10.0.0.5/x", OWN, (), RTSP).note
    assert "credentials" in note
    assert "geheim" not in note


@given(st.text(max_size=200))
def test_any_text_gives_an_own_host_or_an_error(address):
    """For any text the host that comes out is the configured one or an allowed one."""
    for text in (address, "http://" + address, "http://10.0.0.5" + address):
        try:
            url = admit(text, OWN, (), HTTP).url
        except PeerError:
            continue
        rest = url.removeprefix("https://").removeprefix("http://")
        assert rest.startswith("10.0.0.5")
        assert rest[8:9] in {"", "/", ":", "?"}


def test_the_device_service_is_found_behind_a_bare_host():
    """An installer writes only the host; the path of the specification is filled in."""
    assert device_url("http://cam") == "http://cam/onvif/device_service"
    assert device_url("https://[::1]:8443/") == "https://[::1]:8443/onvif/device_service"
    assert device_url("http://u:p@cam:80/x") == "http://cam:80/x"


def test_messages_show_no_credentials_and_no_control_characters():
    """What goes into a message is printable, short and without user, password and query."""
    shown = without_credentials("http://u:p@cam/x?token=1")
    assert shown == "http://cam/x"
    assert printable("a\x1b[31m\nb" + "c" * 999, 10) == "a [31m bcc"
    assert without_credentials("http://[") == "an address that is none"


@pytest.mark.parametrize(
    "address",
    [
        "http://admin:geheim@10.0.0.5/x",
        "rtsp://admin:geheim@10.0.0.5:99999/x",
        "rtsp://admin:geheim@[::1/x",
        "rtmp://admin:geheim@10.0.0.5/x?password=geheim",
        "rtsp://10.0.0.5/a b?password=geheim",
    ],
)
def test_a_refused_address_is_named_without_the_password_inside_it(address):
    """Devices write our own credentials into their URIs; errors reach logs, pages and reports."""
    with pytest.raises(PeerError) as told:
        admit(address, OWN, (), RTSP)
    assert "geheim" not in str(told.value)
