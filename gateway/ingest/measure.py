# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a stream is like, told from the coded pictures alone: nothing is decoded, no picture kept.

Pure: units in, numbers out, in constant memory however long it runs.
"""

from dataclasses import dataclass

from gateway.model.media import AccessUnit, Codec
from gateway.wire.bits import unescape

CLOCK_HZ = 90_000
_H264_SPS = 7
_H265_SPS = 33
_H264_SLICES = {1, 5}
_H265_MOST_SLICE = 31
"""ITU-T H.265 table 7-1: types 0..31 are slices."""
_H264_PROFILES = {
    66: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4",
}
"""ITU-T H.264 annex A, profile_idc."""
_H265_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}
"""ITU-T H.265 annex A, general_profile_idc."""
_H264_CONSTRAINED = 0x40
"""constraint_set1_flag: Baseline with it is what browsers call Constrained Baseline."""
_H264_SPS_BYTES = 4
_H265_LEVEL_AT = 14
"""NAL header 2, one byte of ids, general profile 12 bytes before the level."""


@dataclass(frozen=True, slots=True)
class StreamMeasure:
    """A stream in numbers; zero and empty where nothing came to measure it by."""

    codec: Codec | None = None
    profile: str = ""
    """`High`, `Main 10`; empty for JPEG."""
    level: str = ""
    """`4.1`; empty for JPEG."""
    units: int = 0
    """Coded pictures."""
    key_units: int = 0
    seconds: float = 0.0
    """From the first arrival to the last."""
    fps: float = 0.0
    """By the camera's clock (RTP time)."""
    fps_arrival: float = 0.0
    """By ours."""
    longest_gap_s: float = 0.0
    """Longest time between two arrivals."""
    gop_units: int = 0
    """Pictures from one key picture to the next, the longest seen."""
    gop_s: float = 0.0
    gop_is_open: bool = False
    """No second key picture came after the longest: it is longer than told."""
    mean_kbps: float = 0.0
    peak_kbps: float = 0.0
    """The fullest whole second; equal to the mean below one."""
    b_frames: bool = False
    """Pictures are not sent in the order in which they are shown."""
    slices: int = 0
    """Most slices of one picture."""
    first_key_s: float | None = None
    """From the beginning of the attempt to the first key picture."""


class Measure:
    """Takes units as they come."""

    def __init__(self, began_s: float) -> None:
        """`began_s`: monotonic time at which the attempt began."""
        self._began_s = began_s
        self._codec: Codec | None = None
        self._profile = ("", "")
        self._units = 0
        self._keys = 0
        self._bytes = 0
        self._first_s = 0.0
        self._last_s = 0.0
        self._gap_s = 0.0
        self._pts = (0, 0)
        """Smallest and largest."""
        self._reordered = False
        self._slices = 0
        self._first_key_s: float | None = None
        self._gop = (0, 0)
        """Units since the newest key picture, and its time."""
        self._longest = (0, 0)
        """Units and 1/90000 s of the longest that ended."""
        self._second = (0, 0)
        """Number of the running second since the first arrival, and its bytes."""
        self._peak_bytes = 0

    @property
    def units(self) -> int:
        """How many came."""
        return self._units

    @property
    def key_units(self) -> int:
        """How many of them were key pictures."""
        return self._keys

    def take(self, unit: AccessUnit) -> None:
        """Count one coded picture."""
        now_s = unit.received.monotonic_s
        if self._units == 0:
            self._first_s = self._last_s = now_s
            self._pts = (unit.pts_90k, unit.pts_90k)
        self._codec = unit.codec
        self._gap_s = max(self._gap_s, now_s - self._last_s)
        self._last_s = now_s
        self._units += 1
        low, high = self._pts
        self._reordered |= unit.pts_90k < high
        self._pts = (min(low, unit.pts_90k), max(high, unit.pts_90k))
        self._slices = max(self._slices, _slices(unit))
        self._weigh(unit.size_bytes(), now_s)
        self._count_gop(unit, now_s)

    def _weigh(self, size_bytes: int, now_s: float) -> None:
        self._bytes += size_bytes
        number, running = self._second
        current = int(now_s - self._first_s)
        if current != number:
            self._peak_bytes = max(self._peak_bytes, running)
            running = 0
        self._second = (current, running + size_bytes)

    def _count_gop(self, unit: AccessUnit, now_s: float) -> None:
        if not unit.is_key:
            self._gop = (self._gop[0] + 1, self._gop[1])
            return
        if self._keys:
            self._longest = max(self._longest, (self._gop[0], unit.pts_90k - self._gop[1]))
        else:
            self._first_key_s = now_s - self._began_s
            self._profile = _profile(unit)
        self._keys += 1
        self._gop = (1, unit.pts_90k)

    def result(self) -> StreamMeasure:
        """Return what is known by now."""
        seconds = self._last_s - self._first_s
        rtp_s = (self._pts[1] - self._pts[0]) / CLOCK_HZ
        running = (self._gop[0], self._pts[1] - self._gop[1]) if self._keys else (0, 0)
        is_open = running[0] > self._longest[0]
        gop = running if is_open else self._longest
        mean_kbps = self._bytes * 8 / seconds / 1000 if seconds > 0 else 0.0
        return StreamMeasure(
            codec=self._codec,
            profile=self._profile[0],
            level=self._profile[1],
            units=self._units,
            key_units=self._keys,
            seconds=round(seconds, 3),
            fps=_rate(self._units, rtp_s),
            fps_arrival=_rate(self._units, seconds),
            longest_gap_s=round(self._gap_s, 3),
            gop_units=gop[0],
            gop_s=round(gop[1] / CLOCK_HZ, 2),
            gop_is_open=is_open,
            mean_kbps=round(mean_kbps, 1),
            peak_kbps=round(max(self._peak_bytes * 8 / 1000, mean_kbps), 1),
            b_frames=self._reordered,
            slices=self._slices,
            first_key_s=None if self._first_key_s is None else round(self._first_key_s, 3),
        )


def _rate(units: int, seconds: float) -> float:
    return round((units - 1) / seconds, 2) if units > 1 and seconds > 0 else 0.0


def _slices(unit: AccessUnit) -> int:
    if unit.codec is Codec.H264:
        return sum(nal[0] & 0x1F in _H264_SLICES for nal in unit.nals)
    if unit.codec is Codec.H265:
        return sum(nal[0] >> 1 & 0x3F <= _H265_MOST_SLICE for nal in unit.nals)
    return 1


def _profile(unit: AccessUnit) -> tuple[str, str]:
    """Return profile and level by the parameter sets of a key picture; empty if it has none."""
    if unit.codec is Codec.JPEG:
        return "", ""
    is_h264 = unit.codec is Codec.H264
    for nal in unit.nals:
        kind = nal[0] & 0x1F if is_h264 else nal[0] >> 1 & 0x3F
        if kind == (_H264_SPS if is_h264 else _H265_SPS):
            return _h264_profile(nal) if is_h264 else _h265_profile(nal)
    return "", ""


def _h264_profile(nal: bytes) -> tuple[str, str]:
    if len(nal) < _H264_SPS_BYTES:
        return "", ""
    number, flags, level = nal[1], nal[2], nal[3]
    name = _H264_PROFILES.get(number, str(number))
    if name == "Baseline" and flags & _H264_CONSTRAINED:
        name = "Constrained Baseline"
    return name, f"{level / 10:g}"


def _h265_profile(nal: bytes) -> tuple[str, str]:
    plain = unescape(nal)
    if len(plain) <= _H265_LEVEL_AT:
        return "", ""
    number = plain[3] & 0x1F
    return _H265_PROFILES.get(number, str(number)), f"{plain[_H265_LEVEL_AT] / 30:g}"
