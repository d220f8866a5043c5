# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Offers as browsers and others write them, and the answers they get."""

from dataclasses import replace

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.media import Codec
from gateway.wire import sdp_offer
from gateway.wire.rtp import PLAYOUT_DELAY
from gateway.wire.sdp_offer import AnswerTerms, OfferError

DIGEST = ":".join(["AB"] * 32)
TRANSPORT = [
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    f"a=fingerprint:sha-256 {DIGEST}",
    "a=setup:actpass",
]
H264 = [
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:102 H264/90000",
    "a=rtcp-fb:102 goog-remb",
    "a=rtcp-fb:102 ccm fir",
    "a=rtcp-fb:102 nack",
    "a=rtcp-fb:102 nack pli",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:103 rtx/90000",
    "a=fmtp:103 apt=102",
    "a=rtpmap:104 H264/90000",
    "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f",
    "a=rtpmap:106 H264/90000",
    "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
    "a=rtpmap:107 rtx/90000",
    "a=fmtp:107 apt=106",
    "a=rtcp-fb:106 nack",
]
TERMS = AnswerTerms(
    "our1",
    "our-password-22-characters",
    ("sha-256", DIGEST),
    ((7, 8),),
    "cname",
    ("192.0.2.1", "2001:db8::1"),
    8555,
)


def video(*attributes, head="m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 104 106 107", mid="1"):
    return [head, f"a=mid:{mid}", "a=recvonly", "a=rtcp-mux", *attributes]


def audio(mid="0"):
    return ["m=audio 9 UDP/TLS/RTP/SAVPF 111", f"a=mid:{mid}", *TRANSPORT, "a=recvonly"]


def offer(*sections, session=()):
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", *session]
    return "\r\n".join(lines + [line for section in sections for line in section]) + "\r\n"


def only_format(read):
    """The format of an offer with one slot and one codec."""
    (slot,) = read.slots
    (chosen,) = slot.formats
    return chosen


USUAL = offer(audio(), video(*TRANSPORT, *H264), session=["a=group:BUNDLE 0 1"])


def test_high_profile_is_taken():
    """Of payloads with packetization-mode=1 the highest profile is taken, with its own RTX."""
    chosen = only_format(sdp_offer.read(USUAL))
    assert (chosen.payload_type, chosen.rtx_payload_type) == (106, 107)
    assert chosen.feedback == ("nack",)


def test_profile_of_the_camera_is_preferred():
    """If the camera's profile is known and offered, that payload type is taken."""
    chosen = only_format(sdp_offer.read(USUAL, profile_idc=0x42))
    assert (chosen.payload_type, chosen.rtx_payload_type) == (102, 103)
    assert chosen.feedback == ("nack", "nack pli", "ccm fir")


def test_answer_rejects_audio_and_bundles_video():
    """The answer has both m-lines in order; audio has port 0 and is not in the group."""
    answer = sdp_offer.answer(sdp_offer.read(USUAL), TERMS)
    parsed = SessionDescription.parse(answer)
    assert [(one.kind, one.port) for one in parsed.media] == [("audio", 0), ("video", 8555)]
    assert [one.rtp.muxId for one in parsed.media] == ["0", "1"]
    assert "a=group:BUNDLE 1\r\n" in answer
    picture = parsed.media[1]
    assert (picture.direction, picture.ice.iceLite) == ("sendonly", True)
    assert [one.ip for one in picture.ice_candidates] == ["192.0.2.1", "2001:db8::1"]
    assert picture.dtls.role == "server"
    assert [one.payloadType for one in picture.rtp.codecs] == [106, 107]
    assert picture.rtp.codecs[0].parameters["profile-level-id"] == "64001f"


def test_picture_ssrc_comes_first():
    """Chromium takes the first a=ssrc as the picture, so it must not be the one of RTX."""
    answer = sdp_offer.answer(sdp_offer.read(USUAL), TERMS)
    assert answer.index("a=ssrc:7 ") < answer.index("a=ssrc:8 ")
    assert "a=ssrc-group:FID 7 8" in answer


def test_no_rtx_without_nack():
    """RTX is only agreed with NACK, for nobody else would ask for a repeat."""
    text = offer(video(*TRANSPORT, *H264[:2], *H264[6:9]))
    assert only_format(sdp_offer.read(text)).rtx_payload_type is None
    assert "rtx" not in sdp_offer.answer(sdp_offer.read(text), TERMS)


def test_gstreamer_without_format_parameters():
    """GStreamer's whepsrc offers H264 without parameters, and no bundle; it is answered in kind."""
    head = "m=video 9 UDP/TLS/RTP/SAVPF 101"
    text = offer(video(*TRANSPORT, "a=rtpmap:101 H264/90000", head=head, mid="video0"))
    read = sdp_offer.read(text)
    assert (only_format(read).payload_type, read.bundled) == (101, False)
    answer = sdp_offer.answer(read, TERMS)
    assert "BUNDLE" not in answer
    assert "a=fmtp:101" not in answer
    assert "a=mid:video0" in answer


def test_bundle_only_section_shares_the_transport():
    """A bundle-only video section takes credentials and fingerprint of its bundle."""
    head = "m=video 0 UDP/TLS/RTP/SAVPF 96 102 103 104 106 107"
    text = offer(audio(), video("a=bundle-only", *H264, head=head), session=["a=group:BUNDLE 0 1"])
    read = sdp_offer.read(text)
    assert (read.slots[0].section, read.ufrag, read.bundled) == (1, "abcd", True)


def test_transport_of_another_section_is_not_borrowed():
    """Without a bundle the video section needs credentials of its own."""
    with pytest.raises(OfferError, match="ICE credentials"):
        sdp_offer.read(offer(audio(), video(*H264)))
    elsewhere = offer(audio(), video(*H264), session=["a=group:BUNDLE 0"])
    with pytest.raises(OfferError, match="ICE credentials"):
        sdp_offer.read(elsewhere)


def test_session_level_transport():
    """Credentials may stand once for the whole session, as Firefox's fingerprint does."""
    read = sdp_offer.read(offer(video(*H264), session=TRANSPORT))
    assert read.fingerprints == (("sha-256", DIGEST),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not SDP"),
        ("v=0\r\n", "0 m-lines"),
        (offer(["m=video"]), "m-line"),
        (offer(audio()), "no video to receive"),
        (offer(video(*TRANSPORT, "a=rtpmap:96 VP8/90000")), "offered: VP8$"),
        (offer(video(*TRANSPORT, *H264[9:11])), "offered: H264$"),
        (offer(["m=video 9 RTP/AVP 96", *H264]), "no video to receive"),
        (USUAL.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (USUAL.replace("setup:actpass", "setup:passive"), "passive"),
        (USUAL.replace("a=ice-pwd:0123456789012345678901\r\n", ""), "ICE credentials"),
        (USUAL.replace("sha-256", "md5"), "fingerprint"),
        (USUAL.replace("a=mid:1", "a=mid:a b"), "mid"),
        (USUAL + "x" * 200_000, "characters"),
        (offer(*[audio()] * 40), "40 m-lines"),
        (offer(video("a=sendonly", *TRANSPORT, *H264)), "no video to receive"),
        (offer(audio(), ["nonsense"]), "not SDP"),
    ],
)
def test_unusable_offers_say_why(text, problem):
    """Each unusable offer is refused with what it lacked."""
    with pytest.raises(OfferError, match=problem):
        sdp_offer.read(text)


@given(st.text(max_size=300))
def test_any_text(text):
    """Any text is an offer or an OfferError."""
    read_or_refuse(text)


@given(st.data())
def test_damaged_offers(data):
    """So is any offer with lines lost, doubled or changed; what is read can be answered."""
    lines = USUAL.split("\r\n")
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["lose", "double", "edit", "insert"]))
        if change == "lose" and len(lines) > 1:
            del lines[at]
        elif change == "double":
            lines.insert(at, lines[at])
        elif change == "insert":
            lines.insert(at, data.draw(st.text(max_size=30)))
        else:
            cut = data.draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:cut] + data.draw(st.text(max_size=8)) + lines[at][cut + 1 :]
    read_or_refuse("\r\n".join(lines))


def read_or_refuse(text):
    try:
        read = sdp_offer.read(text)
    except OfferError:
        return
    answer = sdp_offer.answer(read, TERMS)
    assert answer.count("\nm=") == len(read.sections)
    assert all(line[1:2] == "=" for line in answer.split("\r\n")[:-1])
    assert "\n" not in answer.replace("\r\n", "")


H265 = [
    "a=rtpmap:49 H265/90000",
    "a=rtcp-fb:49 nack",
    "a=fmtp:49 level-id=180;profile-id=2;tier-flag=0;tx-mode=SRST",
    "a=rtpmap:51 H265/90000",
    "a=rtcp-fb:51 nack",
    "a=fmtp:51 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
    "a=rtpmap:52 rtx/90000",
    "a=fmtp:52 apt=51",
]
BOTH = "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 104 106 107 49 51 52"


def wall(count, *, head=BOTH, group=None):
    """An offer as a wall makes it: the same transport for `count` pictures."""
    mids = [str(number) for number in range(count)]
    sections = [video(*TRANSPORT, *H264, *H265, head=head, mid=mid) for mid in mids]
    return offer(
        *sections, session=[f"a=group:BUNDLE {' '.join(mids if group is None else group)}"]
    )


def test_an_empty_group():
    """A group without a word groups nothing; what follows counts."""
    text = offer(video(*TRANSPORT, *H264), session=["a=group:", "a=group:BUNDLE 1"])
    assert sdp_offer.read(text).bundled


def test_slots_of_a_wall():
    """Each video m-line of one transport is a slot, up to the number that is wanted."""
    read = sdp_offer.read(wall(20), most_slots=sdp_offer.MOST_SLOTS)
    assert [slot.mid for slot in read.slots] == [str(number) for number in range(16)]
    sources = tuple((10 * n + 1, 10 * n + 2) for n in range(16))
    answer = sdp_offer.answer(read, replace(TERMS, sources=sources))
    parsed = SessionDescription.parse(answer)
    assert [one.port for one in parsed.media] == [8555] * 16 + [0] * 4
    assert [one.ssrc[0].ssrc for one in parsed.media[:16]] == [first for first, _ in sources]
    assert f"a=group:BUNDLE {' '.join(map(str, range(16)))}\r\n" in answer
    assert answer.count("a=candidate:") == 2 * answer.count("a=sendonly")  # aiortc needs it so
    assert len({line for line in answer.split("\r\n") if line.startswith("a=msid:")}) == 16


def test_a_single_picture_takes_the_first_m_line():
    """WHEP of one camera: the first video m-line is the slot, others are refused."""
    read = sdp_offer.read(wall(3))
    assert [slot.section for slot in read.slots] == [0]
    assert [
        line.port for line in SessionDescription.parse(sdp_offer.answer(read, TERMS)).media
    ] == [
        8555,
        0,
        0,
    ]


def test_slots_share_one_transport():
    """An m-line outside the first one's bundle has a transport of its own: it is refused."""
    read = sdp_offer.read(wall(3, group=["0", "2"]), most_slots=16)
    assert [slot.mid for slot in read.slots] == ["0", "2"]
    assert len(sdp_offer.read(wall(3, group=[]), most_slots=16).slots) == 1


def test_both_codecs_of_a_slot():
    """H.264 and H.265 are answered side by side, each with its own repeats; Main profile first."""
    (slot,) = sdp_offer.read(wall(1)).slots
    assert [(one.codec, one.payload_type, one.rtx_payload_type) for one in slot.formats] == [
        (Codec.H264, 106, 107),
        (Codec.H265, 51, 52),
    ]
    answer = sdp_offer.answer(sdp_offer.read(wall(1)), TERMS)
    assert "m=video 8555 UDP/TLS/RTP/SAVPF 106 107 51 52\r\n" in answer
    assert "a=fmtp:51 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST\r\n" in answer


def test_a_peer_with_h265_alone():
    """Who takes H.265 only has a slot without H.264: the caller decides what it can show."""
    head = "m=video 9 UDP/TLS/RTP/SAVPF 49 51 52"
    (slot,) = sdp_offer.read(wall(1, head=head)).slots
    assert (slot.format(Codec.H264), slot.format(Codec.H265).payload_type) == (None, 51)
    several = wall(1, head=head).replace("tx-mode=SRST", "tx-mode=MRST")
    with pytest.raises(OfferError, match="offered: H265"):
        sdp_offer.read(several)


def test_two_slots_of_one_name():
    """Slots are named by their mid, so a mid that comes twice is refused."""
    with pytest.raises(OfferError, match="same mid"):
        sdp_offer.read(wall(2).replace("a=mid:1", "a=mid:0"), most_slots=16)


def test_passive_tcp_candidates():
    """Where the port takes TCP too, each address is a passive candidate, after all of UDP."""
    answer = sdp_offer.answer(sdp_offer.read(USUAL), replace(TERMS, tcp=True))
    found = [line.split(" ") for line in answer.split("\r\n") if line.startswith("a=candidate:")]
    assert [one[2] for one in found] == ["udp", "udp", "tcp", "tcp"]
    assert [one[8:] for one in found] == [[], [], ["tcptype", "passive"], ["tcptype", "passive"]]
    priorities = [int(one[3]) for one in found]
    assert priorities == sorted(set(priorities), reverse=True)
    assert {one[5] for one in found} == {"8555"}


def test_more_formats_than_there_are():
    """An m-line with thousands of formats costs no time: it is refused."""
    with pytest.raises(OfferError, match="formats"):
        sdp_offer.read(
            offer(video(*TRANSPORT, *H264, head="m=video 9 UDP/TLS/RTP/SAVPF" + " 96" * 200))
        )


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("a=extmap:5 {}", 5),
        ("a=extmap:5/recvonly {}", 5),
        ("a=extmap:5/sendonly {}", 0),
        ("a=extmap:15 {}", 0),
        ("a=extmap:5 {}x", 0),
        ("a=extmap:5555 {}", 0),
    ],
)
def test_holding_pictures_back_is_agreed_if_offered(line, number):
    """The extension is answered under the number offered, if one octet can carry that."""
    read = sdp_offer.read(offer(video(*TRANSPORT, *H264, line.format(PLAYOUT_DELAY))))
    assert read.slots[0].playout_delay == number
    said = f"a=extmap:5 {PLAYOUT_DELAY}\r\n" in sdp_offer.answer(read, TERMS)
    assert said == bool(number)
