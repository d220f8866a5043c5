# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Tables for the registry from what was discovered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.snippet import Discovered, device_id, host_of, snippet
from gateway.ingest.nvr import Channel
from gateway.model.identifiers import ID_FORM
from gateway.model.media import Codec
from gateway.model.registry import Camera, Device, DeviceKind
from gateway.registry.seed import parse_seed

URL = "http://192.0.2.20/onvif/device_service"
CHANNELS = tuple(
    Channel(n, f"Canale {n}", f"rtsp://192.0.2.20:554/ch/{n}", "", Codec.H264, (1920, 1080))
    for n in (1, 2)
)


def found(name="DS-7608", hardware="NVR 8", channels=(), **more):
    return Discovered("192.0.2.20", name, hardware, "scale", URL, (), channels=channels, **more)


def test_a_recorder_with_its_channels_is_a_seed_that_can_be_applied():
    """Ids, URLs and kind are there; the installer adds the site and the area."""
    text = snippet([found(channels=CHANNELS)], site="centro", credential="file:/etc/varco/nvr")
    entities = parse_seed(text, "snippet").entities.values()
    (device,) = [one for one in entities if isinstance(one, Device)]
    cameras = [one for one in entities if isinstance(one, Camera)]
    assert (device.kind, device.url, device.credential) == (
        DeviceKind.RECORDER, URL, "file:/etc/varco/nvr",
    )  # fmt: skip
    assert [(one.device, one.channel, one.url) for one in cameras] == [
        (device.id, 1, "rtsp://192.0.2.20:554/ch/1"),
        (device.id, 2, "rtsp://192.0.2.20:554/ch/2"),
    ]


def test_without_a_password_the_device_stands_alone_with_the_next_command():
    """The credential is a commented reference, never a password."""
    text = snippet([found()], site="centro", credential="")
    (device,) = parse_seed(text, "snippet").entities.values()
    assert device.credential == ""
    assert f'# credential = "credential:{device.id}"' in text
    assert "varco discover 192.0.2.20 --snippet --login" in text


def test_a_channel_that_cannot_be_pulled_is_told_in_a_comment():
    """Nobody wonders where the fifth camera is."""
    dark = Channel(5, "Cinque", "", "", None, (0, 0), "nessun\nflusso")
    text = snippet([found(channels=(*CHANNELS, dark))], site="centro", credential="")
    assert "# canale 5: nessun flusso" in text
    assert len(parse_seed(text, "snippet").entities) == 3


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (found(), DeviceKind.RECORDER),
        (found(hardware="IPC"), DeviceKind.CAMERA),
        (found(hardware="IPC", channels=CHANNELS), DeviceKind.RECORDER),
        (found(hardware="IPC", channels=CHANNELS[:1]), DeviceKind.CAMERA),
    ],
)
def test_recorders_are_told_by_channels_or_by_name(one, kind):
    """What was counted beats what was announced only upwards."""
    assert one.kind is kind


def test_ids_are_readable_and_never_twice():
    """Name and address; a second one of both gets a number."""
    assert device_id(found(), set()) == "ds-7608-192-0-2-20"
    assert device_id(found(), {"ds-7608-192-0-2-20"}) == "ds-7608-192-0-2-20-2"


words = st.text(max_size=120)


@given(words, words, words, words)
def test_whatever_a_device_says_of_itself_the_text_stays_a_seed(name, hardware, location, address):
    """Quotes, line breaks and control characters cannot become keys or tables."""
    one = Discovered(address, name, hardware, location, URL, (name,))
    entities = parse_seed(snippet([one, one], site="centro", credential=""), "snippet").entities
    assert len(entities) == 2
    assert all(ID_FORM.match(entity.id) for entity in entities.values())


@pytest.mark.parametrize(("url", "host"), [(URL, "192.0.2.20"), ("", ""), ("http://[", "")])
def test_hosts_of_anything(url, host):
    """An XAddr is a claim."""
    assert host_of(url) == host
