# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a viewer sends, read back by libsrtp as a receiver would."""

from dataclasses import replace
from itertools import pairwise

import pylibsrtp
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.model.media import Codec
from gateway.model.time import Moment
from gateway.relay.video import hub as hubs
from gateway.relay.video.hub import CATCH_UP_EVERY_S, Hub
from gateway.relay.video.pace import BURST_BYTES, FAR_BYTES_S, Pace
from gateway.relay.video.port import Path
from gateway.relay.video.srtp import CM_SHA1_80, GCM_128, RtpStream, SrtpKeys, protector
from gateway.relay.video.viewer import (
    HISTORY_PACKETS,
    KEY_DEBOUNCE_S,
    REPEATS_AT_ONCE,
    REPEATS_PER_S,
    REPEATS_SHARE,
    USUAL_WAY_S,
    Flow,
    Viewer,
    ViewerTerms,
)
from gateway.wire import rtcp, rtp
from tests.fakes import EPOCH_US, unit

STREAM, REPEAT = RtpStream(1111, 96), RtpStream(2222, 97)


class Receiver:
    """Takes trains as the port would, and decrypts them; refuses when `full`."""

    def __init__(self, profile=GCM_128):
        master = bytes(range(profile.key_bytes + profile.salt_bytes))
        self.keys = SrtpKeys(profile, master, master)
        policy = pylibsrtp.Policy(
            key=master,
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
            srtp_profile=profile.libsrtp,
        )
        policy.window_size = 4096
        self.session = pylibsrtp.Session(policy)
        self.full_after = None
        self.lose = lambda packet: False
        self.packets = []
        self.lost = []
        self.raw = {}

    def send_train(self, path, buffers, pieces):
        for at in range(0, len(buffers), pieces):
            if self.full_after == 0:
                return False
            if self.full_after is not None:
                self.full_after -= 1
            data = b"".join(buffers[at : at + pieces])
            known = self.raw.setdefault(data[2:12], data)
            assert known == data, "an index was used for two contents"
            if self.lose(data):
                self.lost.append(rtp.parse(data).sequence)
            else:
                self.packets.append(rtp.parse(self.session.unprotect(data)))
        return True

    def pictures(self):
        """Return (timestamp, payloads) of each picture of the main stream."""
        groups = {}
        for one in self.packets:
            if one.ssrc == STREAM.ssrc:
                groups.setdefault(one.timestamp, []).append(one.payload)
        return list(groups.items())


def viewer(
    receiver, repeat=REPEAT, first_sequence=100, first_timestamp=5000, pace=None, playout_delay=0
):
    terms = ViewerTerms(STREAM, repeat, "cname", first_sequence, 7, first_timestamp, playout_delay)
    return Viewer(terms, Path(("192.0.2.1", 9)), receiver, protector(receiver.keys), pace)


def at(seconds):
    return Moment(seconds, EPOCH_US + round(1e6 * seconds))


def publish(hub, first, count, gop=10, size_bytes=3000):
    """Publish units; each key unit begins a GOP, and every payload tells its unit."""
    for index in range(first, first + count):
        key = index % gop == 0
        nal = (b"\x65" if key else b"\x41") + index.to_bytes(4, "big") * (size_bytes // 4)
        hub.publish(unit(index, key, nal, at(index / 30)), index / 30)


def drain(hub, now_s=1000.0):
    """Let every catch-up come to its end."""
    while hub.advance(now_s):
        now_s += CATCH_UP_EVERY_S


def number(payloads):
    """Return which unit a picture came from."""
    return int.from_bytes(payloads[-1][-4:], "big")


def test_new_viewer_catches_up_in_compressed_time():
    """A viewer that joins late gets the GOP a millisecond apart, then live at its own pace."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 6)
    hub.join(viewer(receiver), 1)
    drain(hub)
    publish(hub, 6, 3)
    pictures = receiver.pictures()
    assert [number(payloads) for _, payloads in pictures] == list(range(9))
    times = [time for time, _ in pictures]
    assert times == [5000 + 90 * n for n in range(6)] + [5450 + 3000 * n for n in (1, 2, 3)]


def test_long_gop_is_paced():
    """64 KiB go out at once, the rest at its pace; what comes meanwhile waits its turn."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 50, gop=1000, size_bytes=10_000)
    late = viewer(receiver)
    hub.join(late, 1)
    sent = sum(len(one.payload) for one in receiver.packets)
    assert BURST_BYTES <= sent <= BURST_BYTES + 11_000
    hub.advance(1 + CATCH_UP_EVERY_S)
    sent = sum(len(one.payload) for one in receiver.packets)
    assert sent <= BURST_BYTES + 11_000 + FAR_BYTES_S * CATCH_UP_EVERY_S
    publish(hub, 50, 1, gop=1000, size_bytes=10_000)
    drain(hub)
    assert late.flow is Flow.LIVE
    publish(hub, 51, 1, gop=1000)
    assert [number(payloads) for _, payloads in receiver.pictures()] == list(range(52))


def test_without_kept_units_a_viewer_waits_for_a_key_unit():
    """Nothing is sent until decoding can start."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 3)
    hub.forget()
    hub.join(viewer(receiver), 1)
    publish(hub, 3, 7)
    assert receiver.packets == []
    publish(hub, 10, 2)
    assert [number(payloads) for _, payloads in receiver.pictures()] == [10, 11]


def test_key_unit_ends_a_catch_up():
    """A key unit that arrives during the catch-up is shown at once, the old GOP is left."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 10, size_bytes=40_000)
    late = viewer(receiver)
    hub.join(late, 1)
    shown = len(receiver.pictures())
    publish(hub, 10, 2, size_bytes=40_000)
    drain(hub)
    numbers = [number(payloads) for _, payloads in receiver.pictures()]
    assert numbers == [*range(shown), 10, 11]
    assert late.flow is Flow.LIVE


def test_marker_ends_each_picture():
    """Only the last packet of a picture has the marker bit."""
    hub, receiver = Hub(), Receiver()
    hub.join(viewer(receiver), 0)
    publish(hub, 0, 3)
    ends = [one.marker for one in receiver.packets]
    assert ends == [False, False, True] * 3


def test_marker_of_a_picture_in_several_trains():
    """Parameter sets and a slice of several trains still end with one marker."""
    hub, receiver = Hub(), Receiver()
    hub.join(viewer(receiver), 0)
    nals = (b"\x67sps", b"\x68pps", b"\x65" + bytes(150_000))
    hub.publish(replace(unit(0, True), nals=nals), 0)
    ends = [one.marker for one in receiver.packets]
    assert len(ends) > 100
    assert ends == [False] * (len(ends) - 1) + [True]


def test_endless_gop_is_not_kept(monkeypatch):
    """Beyond its bound a GOP is dropped; then a new viewer waits for the next key unit."""
    monkeypatch.setattr(hubs, "KEPT_MOST_BYTES", 20_000)
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 8, gop=1000)
    hub.join(viewer(receiver), 1)
    publish(hub, 8, 2, gop=1000)
    assert receiver.packets == []
    publish(hub, 1000, 1, gop=1000)
    assert [number(payloads) for _, payloads in receiver.pictures()] == [1000]


@pytest.mark.parametrize("profile", [GCM_128, CM_SHA1_80], ids=["gcm", "cm"])
@pytest.mark.parametrize("repeat", [REPEAT, None], ids=["rtx", "same-ssrc"])
def test_lost_packets_are_repeated(profile, repeat):
    """A NACK brings each lost packet back: as RTX with its number in front, or as it was."""
    hub, receiver = Hub(), Receiver(profile)
    watching = viewer(receiver, repeat, first_sequence=32_760)
    hub.join(watching, 0)
    receiver.lose = lambda data: data[3] % 5 == 0
    publish(hub, 0, 40)
    receiver.lose = lambda data: False
    arrived = len(receiver.packets)
    lost = tuple(receiver.lost)
    assert len(lost) > 10
    before = watching.statistics().bytes
    watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, lost)], at(2))
    again = receiver.packets[arrived:]
    heads = len(again) * watching._protector.overhead_bytes
    assert watching.statistics().bytes == before + heads + sum(len(one.payload) for one in again)
    if repeat:
        assert {(one.ssrc, one.payload_type) for one in again} == {(2222, 97)}
        assert [one.sequence for one in again] == [7 + n for n in range(len(lost))]
        assert [int.from_bytes(one.payload[:2], "big") for one in again] == list(lost)
    else:
        assert {(one.ssrc, one.payload_type) for one in again} == {(1111, 96)}
        assert [one.sequence for one in again] == list(lost)
    assert watching.statistics().repeated == len(lost)


def test_history_covers_512_packets_and_is_bounded():
    """The last 512 packets can be had again, those long gone not, those to come neither."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, first_sequence=0)
    hub.join(watching, 0)
    publish(hub, 0, 1000)  # 3000 packets
    for asked, had in [(2999, 1), (3000 - 512, 1), (3000 - HISTORY_PACKETS - 10, 0), (3000, 0)]:
        before = watching.statistics().repeated
        watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (asked,))], at(50))
        assert watching.statistics().repeated - before == had, asked
    assert len(watching._history) <= HISTORY_PACKETS // 3 + 66


def test_repeats_are_bounded():
    """One peer is sent a burst of repeats, and then a share of what it is sent anyway."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, first_sequence=0)
    hub.join(watching, 0)
    publish(hub, 0, 200)
    for second in range(1, 40):
        watching.report(None, at(second))
        watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, tuple(range(300, 330)))], at(second))
    assert watching.statistics().repeated == REPEATS_AT_ONCE
    publish(hub, 200, 100)
    for second in range(50, 90):
        watching.report(None, at(second))
        watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, tuple(range(600, 630)))], at(second))
    assert watching.statistics().repeated == REPEATS_AT_ONCE + int(300 * REPEATS_SHARE)


def test_what_is_on_its_way_is_not_repeated_again():
    """A player that asks again before a repeat can have come gets no second one, later it does."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, first_sequence=0)
    hub.join(watching, 0)
    publish(hub, 0, 10)
    for ask_s, had in [(1.0, 2), (1.0 + USUAL_WAY_S / 2, 2), (1.1 + USUAL_WAY_S, 4)]:
        watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (3, 5, 5))], at(ask_s))
        assert watching.statistics().repeated == had


@pytest.mark.parametrize(
    "wish", [rtcp.RtcpPictureLoss(9, 1111), rtcp.RtcpFullIntra(9, ((1111, 1),))]
)
def test_wish_for_a_key_picture_is_debounced(wish):
    """A wish is met if the last key unit is half a second old, and not for another's SSRC."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver)
    hub.join(watching, 0)
    publish(hub, 0, 1)
    assert not watching.receive([wish], at(0.3))
    assert watching.receive([wish], at(KEY_DEBOUNCE_S + 0.01))
    other = rtcp.RtcpPictureLoss(9, 4711), rtcp.RtcpFullIntra(9, ((4711, 1),))
    assert not watching.receive(list(other), at(10))


def test_replay_fits_before_the_next_picture():
    """A replay in the middle of a GOP has growing timestamps that end before the next unit's."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver)
    hub.join(watching, 0)
    publish(hub, 0, 200, gop=1000, size_bytes=40)
    last = receiver.pictures()[-1][0]
    hub.rewind(watching, 7)
    drain(hub)
    publish(hub, 200, 2, gop=1000, size_bytes=40)
    pictures = receiver.pictures()
    assert [number(payloads) for _, payloads in pictures[200:]] == [*range(200), 200, 201]
    times = [time for time, _ in pictures]
    assert times == sorted(set(times))
    assert times[400:402] == [last + 3000, last + 6000]


def test_full_send_buffer_waits_for_a_key_unit():
    """When a picture does not fit, those after it are skipped; its rest can still be asked for."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, first_sequence=0)
    hub.join(watching, 0)
    publish(hub, 0, 3)
    receiver.full_after = 0
    publish(hub, 3, 1)
    receiver.full_after = None
    publish(hub, 4, 6)
    assert [number(payloads) for _, payloads in receiver.pictures()] == [0, 1, 2]
    assert watching.statistics().overflows == 1
    watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (9, 10, 11))], at(1))
    assert number([receiver.packets[-1].payload]) == 3
    publish(hub, 10, 2)
    assert [number(payloads) for _, payloads in receiver.pictures()][3:] == [10, 11]


def test_sender_report_ties_capture_time_to_rtp_time():
    """The report's RTP time is where the camera is at that very moment."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver)
    hub.join(watching, 0)
    publish(hub, 0, 31)
    report, description = watching.report(hub.newest(), at(1.5))
    last = receiver.pictures()[-1][0]
    assert report.timestamp == last + 45_000
    assert report.ntp == rtcp.ntp_from_utc_us(EPOCH_US + 1_500_000)
    assert (report.packets, report.octets) == (93, sum(len(p.payload) for p in receiver.packets))
    assert description.names == ((1111, "cname"),)
    assert watching.goodbye(at(2))[-1] == rtcp.RtcpBye((1111, 2222))


def test_round_trip_from_receiver_report():
    """Round trip time and loss are taken from the peer's report (RFC 3550 §6.4.1)."""
    watching = viewer(Receiver())
    sent = watching.report(None, at(10))[0].ntp >> 16 & 0xFFFFFFFF
    block = rtcp.ReceptionReport(1111, 64, 3, 5, 900, sent, round(0.2 * 65536))
    later = replace(at(10.25), utc_us=EPOCH_US)  # somebody set the clock meanwhile
    watching.receive([rtcp.RtcpReceiverReport(9, (block,))], later)
    assert watching.statistics().round_trip_s == pytest.approx(0.05, abs=0.001)
    assert watching.statistics().jitter_s == pytest.approx(0.01)
    assert watching.statistics().fraction_lost == 0.25
    invented = replace(block, last_sr=sent + 1, delay_since_sr=0)
    watching.receive([rtcp.RtcpReceiverReport(9, (invented,))], at(10.5))
    assert watching.statistics().round_trip_s == pytest.approx(0.05, abs=0.001)
    foreign = replace(block, ssrc=5, fraction_lost=255)
    watching.receive([rtcp.RtcpReceiverReport(9, (foreign,))], at(11))
    assert watching.statistics().fraction_lost == 0.25


class Watching(RuleBasedStateMachine):
    """Whatever happens, numbers and times grow and every picture can be decoded."""

    @initialize(first=st.sampled_from([0, 32_700]), time=st.integers(0, (1 << 31) - 1))
    def begin(self, first, time):
        self.hub, self.receiver, self.now_s = Hub(), Receiver(), 0.0
        self.viewer = viewer(self.receiver, first_sequence=first, first_timestamp=time)
        self.count = 0
        self.joined = False

    @rule(count=st.integers(1, 8), gop=st.integers(1, 12), size=st.integers(8, 9000))
    def live(self, count, gop, size):
        publish(self.hub, self.count, count, gop, size)
        self.count += count

    @precondition(lambda self: not self.joined)
    @rule()
    def join(self):
        self.joined = True
        self.hub.join(self.viewer, self.now_s)

    @precondition(lambda self: self.joined)
    @rule()
    def wish(self):
        self.hub.rewind(self.viewer, self.now_s)

    @rule(steps=st.integers(1, 4))
    def advance(self, steps):
        for _ in range(steps):
            self.now_s += CATCH_UP_EVERY_S
            self.hub.advance(self.now_s)

    @rule(after=st.integers(0, 5))
    def full(self, after):
        self.receiver.full_after = after
        publish(self.hub, self.count, 1, 5, 4000)
        self.count += 1
        self.receiver.full_after = None

    @rule()
    def forget(self):
        self.hub.forget()

    @rule(back=st.lists(st.integers(0, 2000), max_size=20))
    def nack(self, back):
        asked = tuple(self.viewer._next - 1 - n & 0xFFFF for n in back)
        known = set(self.receiver.raw)
        self.receiver.lose = lambda data: data[2:12] in known  # a repeat is no new packet
        self.viewer.receive([rtcp.RtcpNack(9, STREAM.ssrc, asked)], at(1))
        self.receiver.lose = lambda data: False

    @invariant()
    def numbers_grow(self):
        main = [one for one in self.receiver.packets if one.ssrc == STREAM.ssrc]
        for one, after in pairwise(main):
            assert 1 <= (after.sequence - one.sequence) & 0xFFFF < 1 << 15
            assert (after.timestamp - one.timestamp) & 0xFFFFFFFF < 1 << 31

    @invariant()
    def pictures_follow_each_other(self):
        """After a key unit come its own units in order, each of them or none."""
        expected = None
        for _, payloads in self.receiver.pictures():
            now = number(payloads)
            is_key = payloads[0][0] & 31 == 5 or payloads[0][1] & 31 == 5
            assert is_key or (expected is not None and now == expected)
            expected = now + 1


Watching.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestWatching = Watching.TestCase


def test_asking_for_what_was_never_sent_uses_up_the_bound():
    """A storm of requests for unknown packets is searched for no longer than it may be."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 1)
    one = viewer(receiver)
    hub.join(one, 0)
    unknown = tuple(range(20_000, 20_000 + REPEATS_PER_S))
    one.receive([rtcp.RtcpNack(9, STREAM.ssrc, unknown)], at(1))
    one.receive([rtcp.RtcpNack(9, STREAM.ssrc, (100,))], at(1))
    assert one.statistics().repeated == 0
    one.report(None, at(2))
    one.receive([rtcp.RtcpNack(9, STREAM.ssrc, (100,))], at(2))
    assert one.statistics().repeated == 1


def test_a_switch_goes_on_under_the_same_numbers():
    """Another stream with its own timeline follows without a leap of sequence or of time."""
    small, large, receiver = Hub(), Hub(), Receiver()
    publish(small, 0, 3, gop=100)
    publish(large, 1000, 25, gop=20)  # a camera's second clock is another
    watching = viewer(receiver)
    small.join(watching, 0)
    publish(small, 3, 3, gop=100)
    small.leave(watching)
    watching.retune(STREAM, REPEAT)
    large.join(watching, 6 / 30)
    drain(large, 6 / 30)
    publish(large, 1025, 2, gop=20)
    pictures = receiver.pictures()
    assert [number(payloads) for _, payloads in pictures] == [*range(6), *range(1020, 1027)]
    sequences = [one.sequence for one in receiver.packets]
    assert sequences == list(range(100, 100 + len(sequences)))
    times = [time for time, _ in pictures]
    assert times == sorted(set(times))
    assert times[-1] - times[5] == pytest.approx(3 * 3000, abs=200)


def test_after_a_dark_hour_time_has_gone_on():
    """A slot that shows something again does so at the time that it is."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver)
    hub.join(watching, 0)
    publish(hub, 0, 3)
    hub.leave(watching)
    watching.retune(STREAM, REPEAT)
    publish(hub, 3000, 3)
    hub.join(watching, 3002 / 30)
    drain(hub, 3002 / 30)
    times = [time for time, _ in receiver.pictures()]
    assert times[-1] - times[2] == pytest.approx(3000 * 3000, abs=100)


@pytest.mark.parametrize("repeat", [REPEAT, None], ids=["rtx", "same-ssrc"])
def test_a_repeat_after_a_change_of_codec_is_what_it_was(repeat):
    """Old packets keep their payload type: the same index never encrypts other content."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, repeat)
    hub.join(watching, 0)
    publish(hub, 0, 3)
    hub.leave(watching)
    newer = RtpStream(STREAM.ssrc, 102), repeat and RtpStream(REPEAT.ssrc, 103)
    watching.retune(*newer)
    other = Hub()
    other.publish(replace(unit(0, True, b"\x26\x01" + bytes(90)), codec=Codec.H265), 0.2)
    other.join(watching, 0.2)
    assert (receiver.packets[-1].payload_type, receiver.packets[-1].marker) == (102, True)
    first = receiver.packets[0]
    receiver.lose = lambda data: not repeat  # libsrtp takes no index twice
    watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (first.sequence,))], at(1))
    if repeat:
        assert receiver.packets[-1].payload_type == REPEAT.payload_type
    assert watching.statistics().repeated == 1


def test_large_h265_pictures_come_in_equal_pieces():
    """Fragments (RFC 7798 §4.4.3) of one train are equally long, as the kernel wants them."""
    hub, receiver = Hub(), Receiver()
    hub.join(viewer(receiver), 0)
    nals = (b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps", b"\x26\x01" + bytes(60_000))
    hub.publish(replace(unit(0, True), nals=nals, codec=Codec.H265), 0)
    kinds = [one.payload[0] >> 1 & 63 for one in receiver.packets]
    assert kinds == [48] + [49] * (len(kinds) - 1)
    assert len({len(one.payload) for one in receiver.packets[1:-1]}) == 1


@pytest.mark.parametrize("profile", [GCM_128, CM_SHA1_80], ids=["gcm", "cm"])
def test_players_on_lossy_lines_are_told_to_hold_pictures_back(profile):
    """After losses the next picture says for how long; half a clean minute later that is over."""
    hub, receiver = Hub(), Receiver(profile)
    watching = viewer(receiver, first_sequence=0, playout_delay=5)
    hub.join(watching, 0)
    sent = watching.report(None, at(0))[0].ntp >> 16 & 0xFFFFFFFF
    block = rtcp.ReceptionReport(1111, 5, 3, 5, 900, sent, 0)
    watching.receive([rtcp.RtcpReceiverReport(9, (block,))], at(0.06))
    publish(hub, 0, 5)
    assert all(data[0] == 0x80 for data in receiver.raw.values())
    watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (3,))], at(0.5))
    watching.report(None, at(1))
    known = set(receiver.raw)
    publish(hub, 5, 2)
    told = [data for key, data in receiver.raw.items() if key not in known and data[0] == 0x90]
    assert len(told) == 3  # the next picture's only run
    assert told[0][12:17] == b"\xbe\xde\0\1\x52"
    assert int.from_bytes(told[0][17:20], "big") == 15 << 12 | 0xFFF  # 60 ms + 1.5 round trips
    watching.report(None, at(40))
    known = set(receiver.raw)
    publish(hub, 7, 1)
    told = [data for key, data in receiver.raw.items() if key not in known]
    assert {int.from_bytes(data[17:20], "big") for data in told} == {0xFFF}


def test_a_player_that_knows_no_extension_gets_none():
    """However much is lost."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, first_sequence=0)
    hub.join(watching, 0)
    publish(hub, 0, 5)
    watching.receive([rtcp.RtcpNack(9, STREAM.ssrc, (3,))], at(0.5))
    watching.report(None, at(1))
    publish(hub, 5, 5)
    assert all(data[0] == 0x80 for data in receiver.raw.values())


def test_a_wish_costs_no_more_than_its_share():
    """A long GOP is not shown again every half second."""
    hub, receiver = Hub(), Receiver()
    watching = viewer(receiver, pace=Pace(near=True))
    hub.join(watching, 0)
    publish(hub, 0, 400, gop=1000, size_bytes=10_000)
    wish = [rtcp.RtcpPictureLoss(9, STREAM.ssrc)]
    assert watching.receive(wish, at(20))
    hub.rewind(watching, 20)
    drain(hub, 20)
    assert not watching.receive(wish, at(22))
    assert watching.receive(wish, at(25))
