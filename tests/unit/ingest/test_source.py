# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.source."""

from pathlib import Path

import pytest

from gateway.ingest.source import StreamSource
from gateway.model.errors import ConfigError, PeerError


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:secret@h/x",
        "http://secret@h/x",
        "ftp://h/secret",
        "rtsp:///secret",
        "rtsp://h:99999/secret",
        "rtsp://h/se cret",
        "rtsp://h/secret\r\nX: y",
        "file://host/secret",
        "file:///a/../secret",
        "file:secret",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_a_configuration_error(url):
    """The message names camera and key, and does not repeat what may be a secret."""
    with pytest.raises(ConfigError, match="camera gate: url") as caught:
        StreamSource("gate", url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "peer"),
    [
        ("rtsp://cam/a?password=x", "rtsp://cam:554"),
        ("rtsps://[fe80::1]/a", "rtsps://[fe80::1]:322"),
        ("https://cam:8443/video", "https://cam:8443"),
        ("file:///srv/clips/a%20b.mp4", "file a b.mp4"),
    ],
)
def test_the_peer_is_what_may_be_shown(url, peer):
    """Scheme, host and port, never path or query; of a file its name."""
    assert StreamSource("gate", url).peer == peer


def test_a_file_is_found_under_its_decoded_path():
    """Percent signs in the URL are undone."""
    assert StreamSource("gate", "file:///srv/a%20b.mp4").path == Path("/srv/a b.mp4")


def test_the_password_is_never_printed():
    """Neither repr nor str of a source shows it."""
    source = StreamSource("gate", "rtsp://h/x", user="u", password="hunter2")
    assert "hunter2" not in f"{source!r}{source}"


async def nowhere():
    raise PeerError("no line stands")


@pytest.mark.parametrize(
    ("url", "dial"),
    [
        ("line://piazza/gate", None),
        ("rtsp://192.0.2.1/x", nowhere),
        ("line://piazza", nowhere),
        ("line:///gate", nowhere),
        ("line://piazza:8554/gate", nowhere),
    ],
)
def test_a_line_needs_an_edge_a_camera_and_a_way_there(url, dial):
    """And nothing else can be dialled that way."""
    with pytest.raises(ConfigError, match="camera gate: url"):
        StreamSource("gate", url, dial=dial)


def test_a_line_is_shown_by_its_edge():
    """No address is told, there is none; two sources of the same dial are the same."""
    source = StreamSource("gate", "line://piazza/gate", dial=nowhere)
    assert (source.scheme, source.host, source.peer) == ("line", "piazza", "line piazza")
    assert source == StreamSource("gate", "line://piazza/gate", dial=nowhere)
    assert hash(source) == hash(StreamSource("gate", "line://piazza/gate", dial=nowhere))
