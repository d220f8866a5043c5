# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The relay's cheap viewers: what the kernel lets through, what they ask for again."""

import pytest

from benchmarks.lab import relay_viewers as viewers
from gateway.wire import rtcp

RTX = 100
SDP = """v=0
m=video 9 UDP/TLS/RTP/SAVPF 97 98 99 100
a=rtpmap:97 VP8/90000
a=rtpmap:98 rtx/90000
a=fmtp:98 apt=97
a=rtpmap:99 H264/90000
a=fmtp:99 packetization-mode=1
a=rtpmap:100 rtx/90000
a=fmtp:100 apt=99
"""


def run(program, datagram):
    """Say whether classic BPF lets a datagram through."""
    packet, at, value = bytes(8) + datagram, 0, 0
    while True:
        code, yes, no, operand = program[at]
        match code:
            case 0x06:
                return operand > 0
            case 0x30:
                value = packet[operand]
            case 0x28:
                value = int.from_bytes(packet[operand : operand + 2], "big")
            case 0x54:
                value &= operand
            case 0x94:
                value %= operand
        at += 1
        if code & 0x07 == 0x05:
            at += yes if (value >= operand if code == 0x35 else value == operand) else no


def rtp(sequence, kind=99, *, marker=False, payload=b"", first=0x80):
    head = bytes((first, kind | (0x80 if marker else 0))) + sequence.to_bytes(2, "big")
    return head + (7).to_bytes(4, "big") + (55).to_bytes(4, "big") + payload


def test_the_kernel_takes_one_packet_of_a_hundred_and_all_that_is_no_media():
    """STUN, DTLS, RTCP and repeats come through, whatever their marker."""
    program = viewers.filter_of(17, RTX)
    taken = [n for n in range(1000) if run(program, rtp(n, marker=n % 2 == 0))]
    assert taken == list(range(17, 1000, 100))
    assert run(program, b"\0\1" + bytes(18))
    assert run(program, b"\x16\xfe" + bytes(18))
    assert run(program, rtp(3, RTX))
    assert run(program, rtp(3, RTX, marker=True))
    for kind in (200, 205, 206):
        assert run(program, bytes((0x80, kind, 0, 3)) + bytes(12))
    assert not run(viewers.filter_of(17, None), rtp(3, RTX))
    assert all(yes + at + 1 < len(program) for at, (_, yes, _, _) in enumerate(program[:-2]))


def feedback():
    sent = []
    return viewers.Feedback(sent.append, 17, RTX), sent


def test_a_sampled_packet_is_lost_once_and_asked_for():
    """Its repeat, under the same number or in RTX, is the answer; another one is none."""
    made, sent = feedback()
    assert made.loses(rtp(117), 1.0)
    (_, nack) = rtcp.parse(sent.pop())
    assert (nack.media, nack.sequences) == (55, (117,))
    assert not made.loses(rtp(117), 1.1)
    made.media_came(rtp(117))
    made.media_came(rtp(117))
    assert (made.given.asked, made.given.repeats, made.given.in_rtx) == (1, 1, 0)
    assert made.loses(rtp(217), 2.0)
    assert not made.loses(rtp(5, RTX), 2.1)
    extension = b"\xbe\xde\0\1abcd"
    made.media_came(rtp(5, RTX, payload=extension + (217).to_bytes(2, "big"), first=0x90))
    made.media_came(rtp(6, RTX, payload=(218).to_bytes(2, "big")))
    assert (made.given.asked, made.given.repeats, made.given.in_rtx) == (2, 2, 1)


def test_reports_tie_to_the_servers_last_report():
    """Highest sequence with its rounds, and the delay since the last sender report."""
    made, sent = feedback()
    made.report(1.0)
    assert not sent  # nothing came yet
    for sequence in (65_417, 17):
        made.loses(rtp(sequence), 1.0)
    made.control_came(rtcp.serialise([rtcp.RtcpSenderReport(55, 5 << 32 | 7 << 16, 0)]), 2.0)
    made.control_came(b"nonsense", 2.0)
    sent.clear()
    made.report(2.5)
    (report,) = rtcp.parse(sent[0])
    (block,) = report.reports
    assert (block.ssrc, block.highest_sequence) == (55, 1 << 16 | 17)
    assert (block.last_sr, block.delay_since_sr) == (5 << 16 | 7, 32_768)
    assert made.given.reports == 1


@pytest.mark.parametrize(
    ("sdp", "found"),
    [(SDP, 100), (SDP.replace("apt=99", "apt=97"), None), ("v=0\n", None),
     (SDP.replace("H264", "VP9"), None)],
)  # fmt: skip
def test_the_repeats_of_h264_are_found_in_a_description(sdp, found):
    """Not those of another codec."""
    assert viewers.repeat_type_of(sdp) == found


def test_counters_subtract():
    """What came in a window is the difference of two moments."""
    assert viewers.Given(9, 5, 4).since(viewers.Given(3, 2, 1)) == viewers.Given(6, 3, 3)
