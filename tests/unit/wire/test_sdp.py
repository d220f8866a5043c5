# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.sdp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import sdp
from gateway.wire.sdp import UnusableStreamError, choose_video, describe, parse, printable
from tests.goldens import pictures

SPS, PPS = pictures("x264-320x180.h264")[0][:2]


def text(*lines):
    return "\r\n".join(["v=0", "s=-", *lines, ""]).encode()


def test_what_is_described_is_understood():
    """The description of our own server leads to the same track and parameter sets."""
    body = describe((SPS, PPS), name="gate\r\na=x", payload_type=96, control="track0")
    track = choose_video(parse(body))
    assert (track.payload_type, track.codec, track.control) == (96, Codec.H264, "track0")
    assert track.parameter_sets == (SPS, PPS)
    assert b"\na=x" not in body


def test_the_first_h264_track_is_taken_among_others():
    """Audio, metadata and formats that we do not know are passed over."""
    description = parse(
        text(
            "a=control:rtsp://host/all",
            "m=audio 0 RTP/AVP 0",
            "a=control:audio",
            "m=video 0 RTP/AVP 26 98 97",
            "a=rtpmap:98 H265/90000",
            "a=rtpmap:97 h264/90000/1",
            "a=fmtp:97 PACKETIZATION-MODE=1; Sprop-Parameter-Sets=Z0I,!!,, aM48gA",
            "a=Control: video",
            "m=application 0 RTP/AVP 107",
        )
    )
    track = choose_video(description)
    assert description.control == "rtsp://host/all"
    assert (track.payload_type, track.control) == (97, "video")
    assert track.parameter_sets == (b"\x67\x42", b"\x68\xce\x3c\x80")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["m=audio 0 RTP/AVP 0"], r"SDP without video \(media: audio\)"),
        ([], r"SDP without video \(media: none\)"),
        (["m=video 0 RTP/AVP 26"], "video codec JPEG is not supported; set the camera to H.264"),
        (["m=video 0 RTP/AVP 96", "a=rtpmap:96 H265/90000"], "codec H265 is not"),
        (["m=video 0 RTP/AVP 96"], "codec payload type 96 is not"),
        (["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/1000"], "codec H264 is not"),
    ],
)
def test_streams_without_h264_are_refused_by_name(lines, words):
    """The message names what the camera offers instead."""
    with pytest.raises(UnusableStreamError, match=words):
        choose_video(parse(text(*lines)))


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"\0" * 100, b"v=0\n" + bytes(70_000)])
def test_what_is_no_description_is_refused(body):
    """Nothing, a web page, zeros and a body beyond the bound."""
    with pytest.raises(WireError, match="SDP"):
        parse(body)


def test_unix_and_old_mac_line_ends_are_taken():
    """Firmwares end lines as they like."""
    for end in (b"\n", b"\r"):
        body = text("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000").replace(b"\r\n", end)
        assert choose_video(parse(body)).payload_type == 96


def test_media_beyond_the_bound_are_left_out():
    """A description with a thousand tracks costs no more than thirty-two."""
    assert len(parse(text(*["m=audio 0 RTP/AVP 0"] * 1000)).media) == sdp.MOST_MEDIA


LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["m=video 0 RTP/AVP 96 26", "m=", "a=rtpmap:96 H264/90000", "a=control:"]),
        st.builds("a=fmtp:96 sprop-parameter-sets={}".format, st.text(max_size=20)),
        st.builds("a=rtpmap:{} H264/{}".format, st.integers(), st.integers()),
    ),
    max_size=12,
)


@given(LINES)
def test_any_lines_give_a_track_or_a_peer_error(lines):
    """No description escapes the error tree; parameter sets are what they claim to be."""
    try:
        track = choose_video(parse("\n".join(["v=0", *lines]).encode(errors="replace")))
    except (UnusableStreamError, WireError):
        return
    assert all(nal[0] & 31 in (7, 8) for nal in track.parameter_sets)


@given(st.text(max_size=200))
def test_texts_of_peers_fit_one_log_line(words):
    """No control characters, no line ends, no more than eighty letters."""
    shown = printable(words)
    assert len(shown) <= 80
    assert shown.isprintable()
