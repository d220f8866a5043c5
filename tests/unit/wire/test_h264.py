# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.h264."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import h264
from gateway.wire import pictures as pictures_
from gateway.wire.h264 import H264Depacketizer, ParameterSets, parse_sps, recovery_frames
from gateway.wire.rtp import RtpPacket
from tests.goldens import is_key, pictures
from tests.rtp_camera import Camera, feed

WHOLE = pictures("x264-320x180.h264")
SLICED = pictures("x264-320x180-slices.h264")
SPS, PPS = WHOLE[0][:2]
OTHER_SPS = base64.b64decode("Z0LADdoFBn58BagwMDUoAAADAAgAAAMBlHihVQ==")
OTHER_PPS = base64.b64decode("aM48gA==")
KEY_SLICE = b"\x65\x88key"
SLICE = b"\x41\x9apicture"
REST = b"\x41\x12second slice"


@pytest.mark.parametrize("source", [WHOLE, SLICED], ids=["whole", "sliced"])
@given(most_bytes=st.integers(20, 2000))
@settings(max_examples=25)
def test_pictures_survive_the_way_through_packets(source, most_bytes):
    """Whatever the fragment size, every picture arrives with exactly its NAL units."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    packets = [one for nals in source for one in camera.picture(nals, most_bytes)]
    arrived = feed(depacketizer, packets)
    assert [picture.nals for picture in arrived] == source
    assert [picture.is_key for picture in arrived] == [is_key(nals) for nals in source]
    assert depacketizer.lost_packets == depacketizer.damaged_units == 0


def test_time_goes_on_beyond_thirty_two_bits():
    """The unwrapped time of successive pictures grows evenly across the wrap."""
    camera, depacketizer = Camera(timestamp=2**32 - 5000), H264Depacketizer(96)
    packets = [one for nals in WHOLE[:10] for one in camera.picture(nals)]
    times = [picture.pts_90k for picture in feed(depacketizer, packets)]
    assert [later - times[0] for later in times] == [3600 * index for index in range(10)]
    assert times[-1] > 2**32


@pytest.mark.parametrize("source", [WHOLE, SLICED], ids=["whole", "sliced"])
@given(lost=st.sets(st.integers(0, 150), max_size=12))
@settings(max_examples=150)
def test_after_a_loss_only_what_can_be_decoded_arrives(source, lost):
    """Each picture that arrives is unharmed, and so is all it refers to back to a key picture."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    packets = [one for nals in source for one in camera.picture(nals, 120)]
    kept = [packet for index, packet in enumerate(packets) if index not in lost]
    arrived = [source.index(picture.nals) for picture in feed(depacketizer, kept)]
    for before, index in zip([-1, *arrived], arrived, strict=False):
        assert is_key(source[index]) or before == index - 1
    if len(kept) == len(packets):
        assert len(arrived) == len(source)


def test_a_loss_counts_packets_and_resumes_at_the_next_key_picture():
    """One lost fragment costs the pictures up to the next key picture, and is counted."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    packets = [camera.picture(nals, 40) for nals in WHOLE]
    del packets[3][1]
    arrived = feed(depacketizer, [one for picture in packets for one in picture])
    assert [picture.nals for picture in arrived] == WHOLE[:3] + WHOLE[10:]
    assert depacketizer.lost_packets == 1
    assert depacketizer.pictures == len(WHOLE) - 1
    assert depacketizer.skipped_units + depacketizer.damaged_units == 7


def test_a_new_timestamp_ends_a_picture_without_marker():
    """A camera that never sets the marker still gives pictures, one packet late."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    packets = [one for nals in WHOLE[:4] for one in camera.picture(nals, marker=False)]
    assert [picture.nals for picture in feed(depacketizer, packets)] == WHOLE[:3]


def test_a_delimiter_ends_a_picture_without_marker():
    """An access unit delimiter says that a new picture begins, even with the same timestamp."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    payloads = [b"\x09\x10", KEY_SLICE, b"\x09\x30", SLICE, b"\x09\x30"]
    arrived = feed(depacketizer, [camera.packet(payload) for payload in payloads])
    assert [picture.nals for picture in arrived] == [(SPS, PPS, KEY_SLICE), (SLICE,)]


def test_a_camera_that_marks_every_slice_is_understood_from_the_next_key_picture():
    """Once a slice goes on after a marker, markers are ignored and pictures are whole again."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = []
    for first in (KEY_SLICE, SLICE, KEY_SLICE, SLICE, SLICE):
        packets += [camera.packet(first, marker=True), camera.packet(REST, marker=True)]
        camera.timestamp += 3600
    arrived = feed(depacketizer, packets)
    assert [picture.nals for picture in arrived[-2:]] == [
        (SPS, PPS, KEY_SLICE, REST),
        (SLICE, REST),
    ]
    assert "marker" in depacketizer.problem


def test_parameter_sets_with_a_marker_of_their_own_join_the_next_picture():
    """Cameras that end SPS and PPS with a marker do not make a picture of them."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    packets = [camera.packet(SPS, marker=True), camera.packet(PPS, marker=True)]
    camera.timestamp += 3600
    packets.append(camera.packet(KEY_SLICE, marker=True))
    (picture,) = feed(depacketizer, packets)
    assert picture.nals == (SPS, PPS, KEY_SLICE)


def test_key_pictures_begin_with_the_sets_of_the_sdp():
    """Sets that come only in the SDP are put before every key picture."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [b"\x67", SPS, PPS])
    arrived = feed(depacketizer, camera.picture([KEY_SLICE]) + camera.picture([KEY_SLICE]))
    assert [picture.nals for picture in arrived] == [(SPS, PPS, KEY_SLICE)] * 2


def test_key_pictures_without_any_sets_are_skipped_and_said_so():
    """Nothing could decode them."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    assert feed(depacketizer, camera.picture([KEY_SLICE])) == []
    assert depacketizer.problem == "key picture without parameter sets"


def test_a_new_sps_replaces_the_old_one():
    """A camera whose resolution is changed announces it in band; what follows starts with that."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    feed(depacketizer, camera.picture([KEY_SLICE]))
    small = parse_sps(OTHER_SPS)
    (picture,) = feed(depacketizer, camera.picture([OTHER_SPS, OTHER_PPS, KEY_SLICE]))
    assert picture.nals == (OTHER_SPS, OTHER_PPS, KEY_SLICE)
    assert depacketizer.sets.size_px == (small.width_px, small.height_px)
    (again,) = feed(depacketizer, camera.picture([KEY_SLICE]))
    assert again.nals == (OTHER_SPS, OTHER_PPS, KEY_SLICE)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x78\x00\x09\x41", "truncated NAL unit: STAP-A names 9 bytes, 1 are left"),
        (b"\x78\x00\x00", "truncated NAL unit: STAP-A names 0 bytes"),
        (b"\x78\x00", "truncated NAL unit"),
        (b"\x7c\x85", "truncated NAL unit: FU-A of 2 bytes"),
        (b"\x7c\x05middle", "without a beginning"),
        (b"\x79\x00\x01\x41", "payload type 25 (STAP-B) of the interleaved mode"),
        (b"\x5a\x00\x01\x41", "payload type 26 (MTAP16) of the interleaved mode"),
        (b"\x40", "payload type 0"),
    ],
)
def test_a_damaged_payload_costs_its_picture_and_is_explained(payload, words):
    """The picture and what may refer to it are dropped; the next key picture is fine."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = camera.picture([KEY_SLICE])
    packets += [camera.packet(SLICE), camera.packet(payload, marker=True)]
    camera.timestamp += 3600
    packets += camera.picture([SLICE])
    arrived = feed(depacketizer, packets)
    assert [picture.is_key for picture in arrived] == [True]
    assert words in depacketizer.problem
    assert (depacketizer.damaged_units, depacketizer.skipped_units) == (1, 1)
    assert len(feed(depacketizer, camera.picture([KEY_SLICE]))) == 1


@pytest.mark.parametrize("interruption", [SLICE, b"\x7c\x85again"])
def test_fragments_without_an_end_are_not_mended(interruption):
    """A second beginning or another unit inside a fragmented one damages the picture."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = [camera.packet(b"\x7c\x85\x88start"), camera.packet(interruption, marker=True)]
    assert feed(depacketizer, packets) == []
    camera.timestamp += 3600
    assert len(feed(depacketizer, camera.picture([KEY_SLICE]))) == 1
    assert depacketizer.damaged_units == 1


@pytest.mark.parametrize("change", [{"timestamp": 9}, {"ssrc": 9}])
def test_fragments_of_different_pictures_or_streams_are_not_joined(change):
    """A middle fragment with another timestamp or SSRC does not continue the unit."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = [camera.packet(b"\x7c\x85\x88start")]
    for name, value in change.items():
        setattr(camera, name, value)
    packets.append(camera.packet(b"\x7c\x05middle"))
    camera.timestamp, camera.ssrc = Camera().timestamp, Camera().ssrc
    packets.append(camera.packet(b"\x7c\x45end", marker=True))
    assert feed(depacketizer, packets) == []
    camera.timestamp += 3600
    assert len(feed(depacketizer, camera.picture([KEY_SLICE]))) == 1


def test_a_fragment_of_another_payload_type_is_not_joined():
    """Even with the next number and the same timestamp it belongs to something else."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = [
        camera.packet(b"\x7c\x85\x88start"),
        camera.packet(b"\x7c\x05middle", payload_type=97),
        camera.packet(b"\x7c\x45end", marker=True),
    ]
    assert feed(depacketizer, packets) == []
    assert depacketizer.foreign_packets == 1


def test_packets_of_other_types_and_old_packets_are_counted_not_used():
    """A second format and a repeated packet change nothing."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    first = camera.picture([KEY_SLICE])
    foreign = Camera(camera.sequence).packet(b"\xff" * 30, payload_type=97)
    arrived = feed(depacketizer, [*first, foreign, *first, *camera.picture([SLICE])])
    assert [picture.is_key for picture in arrived] == [True, False]
    assert (depacketizer.foreign_packets, depacketizer.late_packets) == (1, 1)
    assert depacketizer.problem == "payload type 97 where 96 was announced"
    assert depacketizer.lost_packets == 0


@pytest.mark.parametrize("fresh", [Camera(ssrc=8), Camera(sequence=40_000)], ids=["ssrc", "jump"])
def test_a_restarted_encoder_is_followed_from_its_key_picture(fresh):
    """A new SSRC or numbering waits for a key picture and does not count thousands as lost."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    feed(depacketizer, camera.picture([KEY_SLICE]))
    assert feed(depacketizer, fresh.picture([SLICE])) == []
    assert len(feed(depacketizer, fresh.picture([KEY_SLICE]))) == 1
    assert depacketizer.lost_packets <= 1


def test_a_picture_beyond_the_bound_is_dropped(monkeypatch):
    """Neither endless fragments nor endless units grow memory."""
    monkeypatch.setattr(h264, "MOST_UNIT_BYTES", 5000)
    monkeypatch.setattr(pictures_, "MOST_UNIT_BYTES", 5000)
    monkeypatch.setattr(pictures_, "MOST_UNIT_NALS", 20)
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    feed(depacketizer, [camera.packet(b"\x7c\x85\x88" + bytes(900))])
    for _ in range(40):
        feed(depacketizer, [camera.packet(b"\x7c\x05" + bytes(900))])
        assert len(depacketizer._fragments or b"") <= 6000
    assert "larger than" in depacketizer.problem
    camera.timestamp += 3600
    feed(depacketizer, [camera.packet(SLICE) for _ in range(40)])
    assert len(depacketizer._nals) <= 20
    camera.timestamp += 3600
    assert len(feed(depacketizer, camera.picture([KEY_SLICE]))) == 1


def test_views_of_a_reused_buffer_are_copied():
    """What was taken does not change when the receive buffer is overwritten."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    buffer = bytearray(2000)
    arrived = []
    for packet in [one for nals in WHOLE[:2] for one in camera.picture(nals)]:
        buffer[: len(packet)] = packet
        arrived += depacketizer.receive(memoryview(buffer)[: len(packet)])
        buffer[:] = bytes(2000)
    assert [picture.nals for picture in arrived] == WHOLE[:2]


RECOVERY = b"\x06\x06\x01\xc4\x80"
"""SEI of a recovery point: recovery_frame_cnt 0, exact match."""
RECOVERY_IN_TEN = b"\x06\x06\x02\x17\x40\x80"
INTRA = b"\x41\x88\x80intra"
"""first_mb_in_slice 0, slice_type 7 (all slices are I)."""
INTRA_REST = b"\x41\x4c\x00more"
"""first_mb_in_slice 1, slice_type 2 (I)."""


@pytest.mark.parametrize(
    ("nal", "frames"),
    [
        (RECOVERY, 0),
        (RECOVERY_IN_TEN, 10),
        (b"\x06\x05\x02ab" + RECOVERY[1:], 0),
        (b"\x06\x05\xff\x01" + bytes(256) + RECOVERY[1:], 0),
        (b"\x06\x05\x02ab\x80", None),
        (b"\x06\x06", None),
        (b"\x06\x06\x01", None),
        (b"\x06" + b"\xff" * 9000, None),
        (b"\x06" + b"\x05\x00" * 5000 + RECOVERY[1:], None),
    ],
)
def test_recovery_points_are_found_among_other_messages(nal, frames):
    """The count of the first one counts; what is cut short or endless says nothing."""
    assert recovery_frames(nal) == frames


def test_a_stream_without_idr_starts_at_a_recovery_point():
    """I slices with a recovery point of 0 frames are a key picture, with the sets before it."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    packets = camera.picture([SLICE])
    packets += camera.picture([RECOVERY, INTRA, INTRA_REST]) + camera.picture([SLICE])
    arrived = feed(depacketizer, packets)
    assert [one.nals for one in arrived] == [(SPS, PPS, RECOVERY, INTRA, INTRA_REST), (SLICE,)]
    assert [one.is_key for one in arrived] == [True, False]


@pytest.mark.parametrize(
    "nals", [[RECOVERY, SLICE], [RECOVERY, INTRA, REST], [RECOVERY_IN_TEN, INTRA], [INTRA]]
)
def test_what_only_looks_like_a_start_is_none(nals):
    """A P slice among the I slices, a refresh in ten frames, I slices without a promise."""
    camera, depacketizer = Camera(), H264Depacketizer(96, [SPS, PPS])
    assert feed(depacketizer, camera.picture(nals) + camera.picture([SLICE])) == []
    assert depacketizer.skipped_units == 2
    assert ("periodic key frames" in depacketizer.problem) == (RECOVERY_IN_TEN in nals)


def test_what_leads_the_point_of_joining_is_dropped():
    """Shown before the key picture but coded behind it: it refers to what never came."""
    camera, depacketizer = Camera(timestamp=2**32 - 3600), H264Depacketizer(96, [SPS, PPS])

    def at(timestamp, *nals):
        camera.timestamp = timestamp & 0xFFFFFFFF
        return [(one.pts_90k, one.is_key) for one in feed(depacketizer, camera.picture(nals))]

    base = 2**32
    assert at(base + 10_800, RECOVERY, INTRA) == [(10_800, True)]
    assert at(base - 3600, SLICE) == []
    assert at(base + 7200, SLICE) == []
    assert at(base + 14_400, SLICE) == [(14_400, False)]
    assert at(base + 25_200, RECOVERY, INTRA) == [(25_200, True)]
    assert at(base + 18_000, SLICE) == [(18_000, False)], "its references came"
    assert depacketizer.skipped_units == 2


def test_sets_that_change_in_the_middle_wait_for_the_next_key_picture():
    """New sets with the old numbers reach decoders only where decoding may start anew."""
    camera, depacketizer = Camera(), H264Depacketizer(96)
    feed(depacketizer, camera.picture([SPS, PPS, KEY_SLICE]))
    (early,) = feed(depacketizer, camera.picture([OTHER_SPS, OTHER_PPS, SLICE]))
    (late,) = feed(depacketizer, camera.picture([OTHER_SPS, OTHER_PPS, SLICE]))
    assert early.nals == late.nals == (SLICE,)
    (key,) = feed(depacketizer, camera.picture([KEY_SLICE]))
    assert key.nals == (OTHER_SPS, OTHER_PPS, KEY_SLICE)
    (after,) = feed(depacketizer, camera.picture([OTHER_PPS, SLICE]))
    assert after.nals == (OTHER_PPS, SLICE), "repeated sets change nothing"


def test_pictures_out_of_order_keep_the_order_of_decoding():
    """B-frames: presentation times step back, the pictures come as they were sent."""
    camera, depacketizer = Camera(timestamp=0), H264Depacketizer(96, [SPS, PPS])
    packets = []
    for time, nal in ((0, KEY_SLICE), (10_800, SLICE), (3600, SLICE), (7200, SLICE)):
        camera.timestamp = time
        packets += camera.picture([nal])
    assert [one.pts_90k for one in feed(depacketizer, packets)] == [0, 10_800, 3600, 7200]


HEADS = st.builds(
    lambda marker, sequence, time, payload: RtpPacket(
        96, marker, sequence, time, 7, payload
    ).serialise(),
    st.booleans(),
    st.integers(0, 12),
    st.integers(0, 3),
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([SPS, PPS, KEY_SLICE, SLICE, REST, b"\x7c\x85\x88a", b"\x7c\x45b"]),
    ),
)


@given(st.lists(st.one_of(HEADS, st.binary(max_size=30)), max_size=40))
@settings(max_examples=300)
def test_no_packets_whatsoever_make_it_raise_or_emit_nonsense(packets):
    """Any packets in any order give pictures of non-empty units, key ones with sets first."""
    depacketizer = H264Depacketizer(96)
    for picture in feed(depacketizer, packets):
        assert all(picture.nals)
        assert not picture.is_key or [nal[0] & 31 for nal in picture.nals[:2]] == [7, 8]


class BitWriter:
    """Writes what an SPS is made of (H.264 §7.3.2.1.1, §9.1)."""

    def __init__(self):
        self.text = ""

    def u(self, count, value):
        self.text += f"{value:0{count}b}"

    def ue(self, value):
        code = f"{value + 1:b}"
        self.text += "0" * (len(code) - 1) + code

    def se(self, value):
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def nal(self):
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        raw = int(text, 2).to_bytes(len(text) // 8, "big")
        out = bytearray()
        for octet in raw:
            if out[-2:] == b"\0\0" and octet <= 3:
                out.append(3)
            out.append(octet)
        return b"\x67" + bytes(out)


@given(
    profile=st.sampled_from([66, 77, 100, 244]),
    chroma=st.integers(0, 3),
    order=st.integers(0, 2),
    frames_only=st.booleans(),
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    crop=st.one_of(st.none(), st.tuples(*[st.integers(0, 3)] * 4)),
    offsets=st.lists(st.integers(-(2**30), 2**30), max_size=5),
    scaling=st.lists(st.integers(-128, 127), min_size=16, max_size=16),
)
def test_the_size_in_an_sps_is_read_as_it_was_written(  # noqa: PLR0912 - as many as the syntax has
    profile, chroma, order, frames_only, size, crop, offsets, scaling
):
    """Every branch on the way to the size is followed, emulation prevention included."""
    writer = BitWriter()
    for value in (profile, 0, 40):
        writer.u(8, value)
    writer.ue(3)
    if profile in (100, 244):
        writer.ue(chroma)
        if chroma == 3:
            writer.u(1, 0)
        writer.ue(0)
        writer.ue(0)
        writer.u(1, 0)
        writer.u(1, 1)
        writer.u(1, 1)
        following = last = 8
        for delta in scaling:
            if following:
                writer.se(delta)
                following = (last + delta) % 256
            last = following or last
        for _ in range(11 if chroma == 3 else 7):
            writer.u(1, 0)
    else:
        chroma = 1
    writer.ue(4)
    writer.ue(order)
    if order == 0:
        writer.ue(4)
    elif order == 1:
        writer.u(1, 0)
        writer.se(-5)
        writer.se(5)
        writer.ue(len(offsets))
        for offset in offsets:
            writer.se(offset)
    writer.ue(4)
    writer.u(1, 0)
    writer.ue(size[0] - 1)
    writer.ue(size[1] - 1)
    writer.u(1, frames_only)
    if not frames_only:
        writer.u(1, 0)
    writer.u(1, 1)
    writer.u(1, crop is not None)
    width, height = 16 * size[0], 16 * size[1] * (1 if frames_only else 2)
    if crop is not None:
        for value in crop:
            writer.ue(value)
        width -= (crop[0] + crop[1]) * (2 if chroma in (1, 2) else 1)
        height -= (crop[2] + crop[3]) * (2 if chroma == 1 else 1) * (1 if frames_only else 2)
    writer.u(1, 0)
    if width <= 0 or height <= 0:
        with pytest.raises(WireError, match="crops"):
            parse_sps(writer.nal())
        return
    found = parse_sps(writer.nal())
    assert (found.id, found.profile, found.level) == (3, profile, 40)
    assert (found.width_px, found.height_px) == (width, height)


def test_sizes_of_real_encoders_are_read():
    """x264 and GStreamer agree with what they were asked to encode."""
    assert parse_sps(SPS).width_px == 320
    assert parse_sps(SPS).height_px == 180
    assert (parse_sps(OTHER_SPS).width_px, parse_sps(OTHER_SPS).height_px) == (320, 180)


@pytest.mark.parametrize(
    "nal",
    [b"", b"\x68abc", SPS[:6], b"\x67\x42\x00\x1e" + bytes(20), b"\x67" + b"\xff" * 5000],
)
def test_broken_sps_are_refused(nal):
    """Empty, of another type, cut short, endless codes, larger than any real one."""
    with pytest.raises(WireError):
        parse_sps(nal)


def test_an_endless_number_is_refused_before_the_data_ends():
    """ue(v) has at most 32 leading zeros; a set full of zeros is not counted to its end."""
    with pytest.raises(WireError, match="Exp-Golomb code longer"):
        parse_sps(b"\x67\x42\x40\x1e" + bytes(20))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_size_or_a_wire_error(data):
    """No input escapes the error tree, and no size is larger than level 6.2 allows."""
    try:
        found = parse_sps(b"\x67" + data)
    except WireError:
        return
    assert 0 < found.width_px <= 16_880
    assert 0 < found.height_px <= 33_760


def test_sets_are_kept_by_their_number():
    """The same number replaces, another number adds; nothing is in force without both kinds."""
    sets = ParameterSets()
    sets.learn(SPS)
    assert sets.in_force() == ()
    sets.learn(PPS)
    sets.learn(OTHER_SPS)
    assert sets.in_force() == (OTHER_SPS, PPS)
    sets.learn(b"\x68\x4e")
    assert sets.in_force() == (OTHER_SPS, PPS, b"\x68\x4e")
    with pytest.raises(WireError, match="parameter set of 5000 bytes"):
        sets.learn(b"\x68" + bytes(4999))
