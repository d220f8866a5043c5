# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From loose reply objects to values."""

import re
from types import SimpleNamespace as Thing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.ingest import onvif_reading
from gateway.model.media import Codec

NAMES = re.findall(
    r"\w+",
    "token Name Configurations VideoSource VideoEncoder Encoding Types Resolution Width X Version "
    "RateControl UTCDateTime Date Time Polygon Point x y FromDHCP NTPManual Color ColorList",
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=6,
        ).map(lambda fields: Thing(**fields))
    ),
    max_leaves=30,
)
READERS = [
    onvif_reading.information,
    onvif_reading.services,
    onvif_reading.capabilities,
    onvif_reading.profiles1,
    onvif_reading.profiles2,
    onvif_reading.masks,
    onvif_reading.mask_limits,
    onvif_reading.utc_s,
    lambda value: onvif_reading.ntp(value, value, None),
]


@given(JUNK)
def test_any_object_gives_a_value(value):
    """Whatever a device leaves out or puts in the wrong place, reading raises nothing."""
    for read in READERS:
        read(value)


def encoder(**fields):
    return Thing(
        token="e",
        Encoding=fields.pop("Encoding", "H264"),
        Resolution=Thing(Width="704", Height=576),
        RateControl=None,
        **fields,
    )


def source():
    return Thing(token="c", Name="Cortile", SourceToken="s")


@pytest.mark.parametrize(
    ("written", "codec"),
    [("H264", Codec.H264), ("h.265", Codec.H265), ("HEVC", Codec.H265), ("JPEG", Codec.JPEG)],
)
def test_codecs_are_known_by_their_common_names(written, codec):
    """Devices spell codecs in their own ways."""
    parts = Thing(VideoSource=source(), VideoEncoder=encoder(Encoding=written), Metadata=None)
    (profile,) = onvif_reading.profiles2([Thing(token="p", Name="n", Configurations=parts)])
    assert profile.codec is codec
    assert profile.size_px == (704, 576)


def test_an_unknown_codec_is_named():
    """MPEG-4 cannot be read; the installer sees what it is."""
    old = Thing(
        token="p",
        Name="n",
        VideoSourceConfiguration=source(),
        VideoEncoderConfiguration=encoder(Encoding="MPEG4", MPEG4=Thing(GovLength=12)),
    )
    (profile,) = onvif_reading.profiles1([old])
    assert (profile.codec, profile.encoding, profile.gop) == (None, "MPEG4", 12)


def test_profiles_without_video_are_left_out():
    """Audio-only and empty profiles are no streams to offer."""
    assert onvif_reading.profiles2([Thing(token="p", Name="n", Configurations=None)]) == ()
    assert onvif_reading.profiles1([None]) == ()


def test_utc_needs_every_field():
    """A device that leaves a field out tells no time; a leap second is its last second."""
    day, hour = Thing(Year=2026, Month=9, Day=21), Thing(Hour=14, Minute=13, Second=20)
    told = Thing(UTCDateTime=Thing(Date=day, Time=hour))
    assert onvif_reading.utc_s(told) == 1_790_000_000
    hour.Second = 60
    assert onvif_reading.utc_s(told) == 1_790_000_039
    hour.Minute = None
    assert onvif_reading.utc_s(told) is None


def test_event_times_are_read_in_any_namespace():
    """Current and termination time come as UTC microseconds; garbage is None."""
    root = etree.fromstring(
        "<a xmlns:w='urn:w'><w:CurrentTime>2026-09-21T12:00:00Z</w:CurrentTime>"
        "<w:TerminationTime>soon</w:TerminationTime></a>"
    )
    assert onvif_reading.times(root) == (1_789_992_000_000_000, None)
