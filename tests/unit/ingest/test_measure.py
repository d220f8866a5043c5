# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Numbers of a stream from its coded pictures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.measure import Measure
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from tests.fakes import EPOCH_US

SPS = bytes((0x67, 100, 0, 41))
PPS = b"\x68\xce"
H265_SPS = bytes.fromhex("420101016000000300900000030000030078a00502016965959a4932bc05a80808")


def picture(number, *, key=False, fps=25.0, slices=1, size=1000, pts=None, codec=Codec.H264):
    """The picture that is sent as the `number`th."""
    kind = {
        Codec.H264: b"\x65" if key else b"\x41",
        Codec.H265: b"\x26\x01" if key else b"\x02\x01",
    }
    nals = tuple(kind.get(codec, b"\xff\xd8") + bytes(size // slices) for _ in range(slices))
    if key and codec is Codec.H264:
        nals = (SPS, PPS, *nals)
    if key and codec is Codec.H265:
        nals = (H265_SPS, *nals)
    at = Moment(1000 + number / fps, EPOCH_US)
    order = number if pts is None else pts
    return AccessUnit(round(order * 90_000 / fps), key, nals, at, at, codec)


def measured(pictures, began_s=999.5):
    measure = Measure(began_s)
    for one in pictures:
        measure.take(one)
    return measure.result()


def stream(count, gop, **more):
    return [picture(n, key=n % gop == 0, **more) for n in range(count)]


def test_rates_and_distances_come_from_a_plain_stream():
    """25 pictures a second, a key picture every 50th, the first after half a second."""
    found = measured(stream(251, 50))
    assert (found.fps, found.fps_arrival, found.seconds) == (25.0, 25.0, 10.0)
    assert (found.units, found.key_units) == (251, 6)
    assert (found.gop_units, found.gop_s, found.gop_is_open) == (50, 2.0, False)
    assert found.first_key_s == pytest.approx(0.5)
    assert (found.profile, found.level, found.slices, found.b_frames) == ("High", "4.1", 1, False)


def test_a_gop_that_does_not_end_is_told_as_at_least_so_long():
    """Smart codecs send a key picture a minute; ten seconds see none of its end."""
    found = measured(stream(250, 1000))
    assert (found.gop_units, found.gop_s, found.gop_is_open) == (250, 9.96, True)


def test_the_longest_gop_counts():
    """Of two that ended, the worse is what a viewer may have to wait for."""
    keys = {0, 10, 70, 80}
    found = measured([picture(n, key=n in keys) for n in range(90)])
    assert (found.gop_units, found.gop_s) == (60, 2.4)


def test_bit_rate_is_mean_and_fullest_second():
    """A key picture ten times as large shows in the peak."""
    found = measured(
        [picture(n, key=n == 30, size=20_000 if n == 30 else 1000) for n in range(101)]
    )
    assert found.mean_kbps == pytest.approx((100 * 1001 + 20_007) * 8 / 4 / 1000, abs=1)
    assert found.peak_kbps == pytest.approx((24 * 1001 + 20_007) * 8 / 1000, abs=1)


def test_pictures_out_of_order_are_b_pictures():
    """Sent 0 2 1 4 3: whoever shows them must wait."""
    order = [0, 2, 1, 4, 3, 6, 5]
    found = measured([picture(n, key=n == 0, pts=pts) for n, pts in enumerate(order)])
    assert found.b_frames
    assert found.fps == 25.0


def test_slices_and_gaps_are_the_worst_seen():
    """Four slices in one picture, a pause of a second before another."""
    late = replace(picture(3), received=Moment(1001.12, EPOCH_US))
    found = measured([picture(0, key=True), picture(1, slices=4), picture(2), late])
    assert found.slices == 4
    assert found.longest_gap_s == pytest.approx(1.04)


def test_h265_has_its_own_profiles_and_slices():
    """Main, level 4, through emulation prevention."""
    found = measured(stream(10, 5, codec=Codec.H265, slices=2))
    assert (found.codec, found.profile, found.level) == (Codec.H265, "Main", "4")
    assert found.slices == 2


def test_in_mjpeg_every_picture_is_a_key_picture():
    """GOP of one, no profile."""
    found = measured(stream(30, 1, codec=Codec.JPEG))
    assert (found.gop_units, found.profile, found.slices) == (1, "", 1)


def test_nothing_came():
    """Zeros, not errors."""
    found = measured([])
    assert (found.units, found.fps, found.first_key_s, found.codec) == (0, 0.0, None, None)


@pytest.mark.parametrize(
    ("sps", "name"),
    [
        (bytes((0x67, 66, 0x40, 30)), "Constrained Baseline"),
        (bytes((0x67, 66, 0, 30)), "Baseline"),
        (bytes((0x67, 77, 0, 30)), "Main"),
        (bytes((0x67, 44, 0, 30)), "44"),
        (b"\x67", ""),
    ],
)
def test_profiles_have_their_names(sps, name):
    """As browsers and camera pages call them; unknown ones by number, cut ones not at all."""
    at = Moment(0, EPOCH_US)
    assert measured([AccessUnit(0, True, (sps, b"\x65"), at, at)]).profile == name


units = st.builds(
    lambda pts, key, nals, at, codec: AccessUnit(
        pts, key, tuple(nals), Moment(at, EPOCH_US), Moment(at, EPOCH_US), codec
    ),
    st.integers(0, 1 << 40),
    st.booleans(),
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4),
    st.floats(0, 1e6),
    st.sampled_from(Codec),
)


@given(st.lists(units, max_size=30))
def test_any_units_give_numbers(given_units):
    """A hostile camera cannot make measuring fail."""
    found = measured(given_units)
    assert found.units == len(given_units)
    assert found.peak_kbps >= 0
