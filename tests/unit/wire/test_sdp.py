# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.sdp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import sdp
from gateway.wire.sdp import MetadataTrack, UnusableStreamError, choose, describe, parse, printable
from tests.goldens import pictures

SPS, PPS = pictures("x264-320x180.h264")[0][:2]


def text(*lines):
    return "\r\n".join(["v=0", "s=-", *lines, ""]).encode()


def test_what_is_described_is_understood():
    """The description of our own server leads to the same track and parameter sets."""
    body = describe((SPS, PPS), name="gate\r\na=x", payload_type=96, control="track0")
    track = choose(parse(body)).video
    assert (track.payload_type, track.codec, track.control) == (96, Codec.H264, "track0")
    assert track.parameter_sets == (SPS, PPS)
    assert b"\na=x" not in body


def test_the_first_usable_track_is_taken_among_others():
    """Audio and formats that we do not know are passed over."""
    description = parse(
        text(
            "a=control:rtsp://host/all",
            "m=audio 0 RTP/AVP 0",
            "a=control:audio",
            "m=video 0 RTP/AVP 33 98 97 26",
            "a=rtpmap:98 VP8/90000",
            "a=rtpmap:97 h264/90000/1",
            "a=fmtp:97 PACKETIZATION-MODE=1; Sprop-Parameter-Sets=Z0I,!!,, aM48gA",
            "a=Control: video",
            "m=application 0 RTP/AVP 107",
        )
    )
    track = choose(description).video
    assert description.control == "rtsp://host/all"
    assert (track.payload_type, track.control) == (97, "video")
    assert track.parameter_sets == (b"\x67\x42", b"\x68\xce\x3c\x80")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["m=audio 0 RTP/AVP 0"], r"SDP without video \(media: audio\)"),
        ([], r"SDP without video \(media: none\)"),
        (["m=video 0 RTP/AVP 33"], "codec MP2T is not supported; set the camera to H.264, H.265"),
        (["m=video 0 RTP/AVP 96", "a=rtpmap:96 VP9/90000"], "codec VP9 is not"),
        (["m=video 0 RTP/AVP 96"], "codec payload type 96 is not"),
        (["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/1000"], "H264 with a clock of 1000 Hz is not"),
        (
            [
                "m=video 0 RTP/AVP 96",
                "a=rtpmap:96 H265/90000",
                "a=fmtp:96 sprop-max-don-diff=2",
            ],
            r"H265 with units out of order \(sprop-max-don-diff=2\) is not",
        ),
    ],
)
def test_streams_without_usable_video_are_refused_by_name(lines, words):
    """The message names what the camera offers instead."""
    with pytest.raises(UnusableStreamError, match=words):
        choose(parse(text(*lines)))


def test_h265_is_described_and_understood():
    """VPS, SPS and PPS each have their own sprop."""
    sets = (b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps")
    body = describe(sets, name="x", payload_type=97, control="t", codec=Codec.H265)
    track = choose(parse(body)).video
    assert (track.payload_type, track.codec, track.parameter_sets) == (97, Codec.H265, sets)
    assert b"sprop-vps=QAF2cHM=" in body


def test_jpeg_needs_no_format():
    """The static payload type needs nothing, a dynamic one its name."""
    body = describe((), name="x", payload_type=26, control="t", codec=Codec.JPEG)
    assert b"fmtp" not in body
    for lines in (body, text("m=video 0 RTP/AVP 26"), text("m=video 0 RTP/AVP 26 0")):
        assert choose(parse(lines)).video.codec is Codec.JPEG
    dynamic = text("m=video 0 RTP/AVP 97", "a=rtpmap:97 MJPEG/90000", "a=x-dimensions:2592,1944")
    track = choose(parse(dynamic)).video
    assert (track.payload_type, track.codec, track.size_px) == (97, Codec.JPEG, (2592, 1944))


@pytest.mark.parametrize(
    ("lines", "size_px"),
    [
        (["a=x-dimensions: 2592, 1944"], (2592, 1944)),
        (["a=framesize:26 2592-1944"], (2592, 1944)),
        (["a=framesize:97 2592-1944"], (0, 0)),
        (["a=framesize:97 1-1", "a=framesize:26 2560-1440"], (2560, 1440)),
        (["a=x-dimensions:large"], (0, 0)),
    ],
)
def test_the_size_of_large_pictures_is_read(lines, size_px):
    """Of this payload type, in the two ways that are seen."""
    assert choose(parse(text("m=video 0 RTP/AVP 26", *lines))).video.size_px == size_px


@pytest.mark.parametrize(
    ("lines", "codec", "sets"),
    [
        (["a=rtpmap:96H264/90000"], Codec.H264, 0),
        (["a=rtpmap: 96  h264/90000"], Codec.H264, 0),
        (["a=rtpmap:96 H264/90000/1"], Codec.H264, 0),
        (["a=rtpmap 96 H264/90000"], Codec.H264, 0),
        (["a=rtpmap:96 H264"], Codec.H264, 0),
        (["a=rtpmap:96 H.264/90000"], Codec.H264, 0),
        (["a=rtpmap:96 HEVC/90000"], Codec.H265, 0),
        (["a=rtpmap:96 h265/90000"], Codec.H265, 0),
        (["a=fmtp:96 sprop-parameter-sets=Z0I=,aM48gA=="], Codec.H264, 2),
        (["a=fmtp:96 sprop-vps=QAE=; sprop-sps=QgE=;sprop-pps=RAE="], Codec.H265, 3),
        (["a=rtpmap:96 H264/90000", "a=fmtp:96 sprop-parameter-sets=Z0I=,"], Codec.H264, 1),
        (["a=rtpmap:96 H264/90000", "a=fmtp:96 sprop-parameter-sets="], Codec.H264, 0),
        (["a=rtpmap:96 H264/90000", "a=fmtp:96 sprop-parameter-sets=AAAAAWdC"], Codec.H264, 1),
        (
            ["a=rtpmap:96 H264/90000", "a=fmtp:96 x=1", "a=fmtp:96 sprop-parameter-sets=Z0I="],
            Codec.H264,
            1,
        ),
        (["a=rtpmap:96 H265/90000", "a=fmtp:96 sprop-max-don-diff=0"], Codec.H265, 0),
        (["a=rtp\0map:96 H264/90000\0"], Codec.H264, 0),
        (["  a=rtpmap:96 H264/90000  "], Codec.H264, 0),
    ],
)
def test_what_firmwares_write_is_understood(lines, codec, sets):
    """Forgotten spaces, names and numbers; sets with commas too many or start codes."""
    track = choose(parse(text("m=video 0 RTP/AVP 96", *lines))).video
    assert (track.codec, len(track.parameter_sets)) == (codec, sets)


def test_a_section_that_cannot_be_used_is_passed_over():
    """Several m=video, the first with a codec that nobody speaks."""
    body = text(
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 SVAC/90000",
        "a=control:one",
        "m=video 0 RTP/AVP 97",
        "a=rtpmap:97 H265/90000",
        "a=control:two",
    )
    assert choose(parse(body)).video.control == "two"


@pytest.mark.parametrize("gzip", [False, True])
def test_metadata_is_described_and_found(gzip):
    """Beside the video, plain or gzip; a recorder's other application tracks are passed over."""
    metadata = MetadataTrack(107, "track1", gzip=gzip)
    body = describe((SPS, PPS), name="x", payload_type=96, control="track0", metadata=metadata)
    tracks = choose(parse(body + b"m=application 0 RTP/AVP 108\r\na=rtpmap:108 other/90000\r\n"))
    assert (tracks.metadata, tracks.problem) == (metadata, "")
    assert tracks.video.control == "track0"


def test_metadata_of_other_forms_is_refused_in_words():
    """EXI is no XML text; the video plays all the same. XML beside it is taken."""
    video = ("m=video 0 RTP/AVP 26", "a=control:v", "m=application 0 RTP/AVP 107 108")
    exi = "a=rtpmap:107 vnd.onvif.metadata.exi.onvif/90000"
    tracks = choose(parse(text(*video, exi)))
    assert tracks.metadata is None
    assert "metadata comes as EXI" in tracks.problem
    both = choose(parse(text(*video, exi, "a=rtpmap:108 VND.ONVIF.METADATA/90000")))
    assert (both.metadata, both.problem) == (MetadataTrack(108, ""), "")


def test_audio_is_never_chosen():
    """Not even where there is nothing else."""
    with pytest.raises(UnusableStreamError):
        choose(parse(text("m=audio 0 RTP/AVP 96", "a=rtpmap:96 H264/90000")))


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"\0" * 100, b"v=0\n" + bytes(70_000)])
def test_what_is_no_description_is_refused(body):
    """Nothing, a web page, zeros and a body beyond the bound."""
    with pytest.raises(WireError, match="SDP"):
        parse(body)


def test_unix_and_old_mac_line_ends_are_taken():
    """Firmwares end lines as they like."""
    for end in (b"\n", b"\r"):
        body = text("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000").replace(b"\r\n", end)
        assert choose(parse(body)).video.payload_type == 96


def test_media_beyond_the_bound_are_left_out():
    """A description with a thousand tracks costs no more than thirty-two."""
    assert len(parse(text(*["m=audio 0 RTP/AVP 0"] * 1000)).media) == sdp.MOST_MEDIA


LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["m=video 0 RTP/AVP 96 26", "m=", "a=rtpmap:96 H264/90000", "a=control:"]),
        st.builds("a=fmtp:96 sprop-parameter-sets={}".format, st.text(max_size=20)),
        st.builds("a=fmtp:96 sprop-vps={};sprop-sps=QgE".format, st.text(max_size=20)),
        st.builds("a=framesize:{} {}-{}".format, st.integers(), st.integers(), st.integers()),
        st.sampled_from(["m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000"]),
        st.builds("a=rtpmap:{} H264/{}".format, st.integers(), st.integers()),
    ),
    max_size=12,
)


@given(LINES)
def test_any_lines_give_a_track_or_a_peer_error(lines):
    """No description escapes the error tree; parameter sets are what they claim to be."""
    try:
        track = choose(parse("\n".join(["v=0", *lines]).encode(errors="replace"))).video
    except (UnusableStreamError, WireError):
        return
    known = (7, 8) if track.codec is Codec.H264 else (64, 66, 68)
    assert all(
        nal[0] & (31 if track.codec is Codec.H264 else 126) in known for nal in track.parameter_sets
    )


@given(st.text(max_size=200))
def test_texts_of_peers_fit_one_log_line(words):
    """No control characters, no line ends, no more than eighty letters."""
    shown = printable(words)
    assert len(shown) <= 80
    assert shown.isprintable()
