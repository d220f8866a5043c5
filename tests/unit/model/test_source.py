# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One source is known as one, however its address is written."""

import pytest

from gateway.model.source import address, addresses

NOTHING = ("", "", "")


def same(one, other):
    return bool(addresses(*one) & addresses(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://192.0.2.1/1", "rtsp://192.0.2.1:554/1/"),
        ("rtsp://Camera.Example/1?a=b", "rtsp://camera.example.:554/1?a=b"),
        ("rtsps://192.0.2.1/1", "rtsps://192.0.2.1:322/1"),
        ("http://192.0.2.1/mjpg", "http://192.0.2.1:80/mjpg"),
    ],
)
def test_spellings_of_one_address(one, other):
    """Default ports, capitals, a final dot or slash."""
    assert address(one) == address(other)


@pytest.mark.parametrize("other", ["rtsp://192.0.2.1/2", "rtsp://192.0.2.2/1", "rtsp://192.0.2.1:8554/1",
                                   "rtsp://192.0.2.1/1?channel=2"])  # fmt: skip
def test_what_differs_differs(other):
    """Path, host, port, query."""
    assert address("rtsp://192.0.2.1/1") != address(other)


def test_the_small_stream_of_one_may_be_the_large_of_another():
    """Any address in common is enough."""
    assert same(("rtsp://a/1", "rtsp://a/2", NOTHING, 0), ("rtsp://a/2", "", NOTHING, 0))
    assert not same(("rtsp://a/1", "", NOTHING, 0), ("rtsp://a/2", "", NOTHING, 0))


def test_a_channel_is_known_by_recorder_and_by_host():
    """Also where two entries of the recorder stand in the registry."""
    one = ("", "", ("nvr", "http://192.0.2.9/onvif", "scuola"), 3)
    assert same(one, ("", "", ("nvr", "", "altro"), 3))
    assert same(one, ("", "", ("nvr2", "http://192.0.2.9:8080/onvif", "scuola"), 3))
    assert not same(one, ("", "", ("nvr", "http://192.0.2.9/onvif", "scuola"), 4))


def test_another_name_of_the_host_is_the_same_on_one_device_of_one_site():
    """By which a DNS name that nobody resolved is no new camera."""
    here, there = ("dev", "", "piazza"), ("dev", "", "altrove")
    assert same(("rtsp://192.0.2.1/1", "", here, 0), ("rtsp://nome.example/1", "", here, 0))
    assert not same(("rtsp://192.0.2.1/1", "", here, 0), ("rtsp://nome.example/2", "", here, 0))
    assert not same(("rtsp://192.0.2.1/1", "", here, 0), ("rtsp://nome.example/1", "", there, 0))
    assert not same(("rtsp://192.0.2.1/1", "", NOTHING, 0), ("rtsp://nome/1", "", NOTHING, 0))
