# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from importlib import resources

import pytest

from gateway.ingest.makes import FILE, find_make, parse_makes, read_makes
from gateway.ingest.source import StreamSource
from gateway.model.errors import ConfigError
from gateway.model.media import StreamKind

ONE = """
[[make]]
id = "acme"
name = "Acme"
main = "/live/{channel}"
source = "Acme manual"
"""


def test_every_make_gives_urls_that_can_be_opened():
    """Both streams of channels 1 and 16; a make says by which document."""
    makes = read_makes()
    assert {"hikvision", "dahua", "uniview", "axis", "hanwha", "reolink", "tvt", "bosch"} <= set(
        makes
    )
    for make in makes.values():
        assert make.source
        for channel in (1, 16):
            for kind in StreamKind:
                url = make.url(kind, "192.0.2.1", channel)
                if url:
                    StreamSource("c", url)
        assert make.has_channels == (make.path(StreamKind.MAIN, 1) != make.path(StreamKind.MAIN, 2))


@pytest.mark.parametrize(
    ("make", "main", "sub"),
    [
        ("hikvision", "/Streaming/Channels/1601", "/Streaming/Channels/1602"),
        (
            "dahua",
            "/cam/realmonitor?channel=16&subtype=0",
            "/cam/realmonitor?channel=16&subtype=1",
        ),
        ("uniview", "/unicast/c16/s0/live", "/unicast/c16/s1/live"),
        ("hanwha-nvr", "/LiveChannel/15/media.smp", ""),
        ("reolink", "/h264Preview_16_main", "/h264Preview_16_sub"),
        ("tvt", "/chID=16&streamType=main", "/chID=16&streamType=substream"),
        ("bosch", "/?line=16&inst=1", "/?line=16&inst=2"),
    ],
)
def test_the_paths_are_those_of_the_vendors_documents(make, main, sub):
    """Channel 16, so that numbering from 0 or with two digits shows."""
    known = read_makes()[make]
    assert known.path(StreamKind.MAIN, 16) == main
    assert known.path(StreamKind.SUB, 16) == sub


def test_an_address_of_ipv6_and_another_port_are_written_properly():
    """Brackets, and the port that the device was given."""
    make = read_makes()["reolink"]
    assert make.url(StreamKind.SUB, "2001:db8::1", 3, 8554) == (
        "rtsp://[2001:db8::1]:8554/h264Preview_03_sub"
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("/live/{channel}", "/live/{chanel}"), "main"),
        (("/live/{channel}", "/live/{channel.x}"), "main"),
        (("/live/{channel}", "/live/{channel}}"), "main"),
        (("/live/{channel}", "rtsp://host/live"), "main"),
        (("/live/{channel}", ""), "main"),
        (("/live/{channel}", "/live here"), "main"),
        (("name", "nmae"), "nmae"),
        (("[[make]]", ONE + "\n[[make]]"), "id"),
        (('source = "Acme manual"', 'source = ""'), "source"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_line_and_key(change, key):
    """A typo of a placeholder, a path that is none, a key that nobody knows."""
    with pytest.raises(ConfigError) as caught:
        parse_makes(ONE.replace(*change, 1), "makes.toml")
    assert "makes.toml:" in caught.value.where
    assert any(key in one.key for one in caught.value.problems)


def test_an_unknown_make_is_answered_with_those_that_are_known():
    """Somebody wrote `hikvison`."""
    with pytest.raises(ConfigError, match="hikvision"):
        find_make(read_makes(), "hikvison", "device nvr")


def test_the_file_is_package_data():
    """It is read from the package, wherever that is installed."""
    assert resources.files("gateway.ingest").joinpath(FILE).is_file()
