# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is tolerated of cameras, by name, in one table; and how long we wait for what.

Each oddity is handled where its bytes are (`where`), has a recorded example (`golden`) that a
test replays, and is documented in `docs/ref/quirks.md`, which is made from this table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.runtime.supervise import Policy
from gateway.wire import multipart, rtsp, ws_discovery


@dataclass(frozen=True, slots=True)
class Quirk:
    """One oddity that a camera gets away with."""

    name: str
    what: str
    """What it does and what we make of it."""
    where: str
    """The module that applies it."""
    golden: str
    """File under tests/golden."""
    seen: str = ""
    """At whom, as reported in public; empty: only what the standards leave open, or our fuzzing."""


_SEEN: Mapping[str, str] = {
    "answers-with-odd-cseq": "Foscam C1, Hisilicon Streaming Media Server/1.0.0 "
    "(homebridge-foscamcamera issue 6)",
    "keep-alive-refused": "ipycam 1.3 behind a receiver report, measured here",
    "probe-match-bare": "ipycam 1.3, measured here",
    "base-without-slash": "Beward 1.0.2 (OvenMediaEngine issue 1245)",
    "base-with-query": "Dahua Rtsp Server/2.0 (gortsplib issue 121)",
    "boundary-with-dashes": "Sony SNC-EB640 (multipart-stream-rs pull 2), Panasonic HE40 (py-mjpeg "
    "pull 2)",
    "first-boundary-missing": "Tasmota webcam (issue 12376), esp32cam (issue 67)",
    "part-without-length": "FFmpeg's mpjpeg (MissionPlanner issue 3604), measured here too",
    "boundary-unnamed": "FFmpeg's HTTP listener (MissionPlanner issue 3604), measured here too",
}

_PICTURES = (
    Quirk(
        "marker-inside-picture",
        "the marker bit stands on every slice or NAL unit: once noticed, markers mean nothing and "
        "pictures end at a new timestamp or first slice; only a session's first may be cut short",
        "gateway.wire.pictures",
        "quirk-marker-inside-picture.rtp",
        "obs-rtspserver (pull 199)",
    ),
    Quirk(
        "sets-with-own-timestamp",
        "parameter sets come with the timestamp of the picture before, or a marker of their own: "
        "they belong to the key picture that follows",
        "gateway.wire.pictures",
        "quirk-sets-with-own-timestamp.rtp",
        "Reolink RLC-822A (retina issue 13)",
    ),
    Quirk(
        "broken-sprop",
        "parameter sets in the SDP that cannot be read are left out: those in the stream count",
        "gateway.wire.sdp",
        "quirk-broken-sprop.sdp",
    ),
    Quirk(
        "clock-wrong-by-years",
        "the camera's clock is wrong by any amount: pictures are dated on our clocks, the "
        "difference is shown (B-57)",
        "gateway.wire.capture",
        "quirk-clock-wrong-by-years.rtcp",
        "Verint Nextiva S1816e, still in the year 2000 (go2rtc issue 1236)",
    ),
    Quirk(
        "clock-untold",
        "sender reports with an NTP time of 0 say nothing of the clock (RFC 3550 §6.4.1): pictures "
        "are dated by when they came",
        "gateway.wire.capture",
        "quirk-clock-untold.rtcp",
    ),
)


def table() -> Iterator[Quirk]:
    """Yield every oddity that is tolerated."""
    for module, found, ending in (
        ("gateway.wire.rtsp", rtsp.QUIRKS, "rtsp"),
        ("gateway.wire.multipart", multipart.QUIRKS, "multipart"),
        ("gateway.wire.ws_discovery", ws_discovery.QUIRKS, "xml"),
    ):
        for name, what in found.items():
            yield Quirk(name, what, module, f"quirk-{name}.{ending}", _SEEN.get(name, ""))
    yield from _PICTURES


RECONNECT = Policy(first_s=0.3, most_s=1.0, from_begin=True, reset_after_s=10.0)
"""A camera that comes back shows a picture within 2 s: it hears a SYN at least each 1.2 s.

A knock that nobody answers takes 2 s with two SYNs (RFC 6298) and is followed at once; one that is
refused at once is followed a second later. That is all that the dead cost: no thread, no place.
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what; seconds."""

    handshake_s: float = 2.0
    """TCP: one lost SYN is sent again after 1 s (RFC 6298), the third would come after 3 s."""
    name_s: float = 5.0
    """After a name that was not resolved: each question holds one of few threads."""
    first_picture_s: float = 5.0
    """Encoders that start on demand need up to 5 s (measured: 1.6-5 s)."""
    key_picture_s: float = 20.0
    """Common firmwares allow key picture distances up to 10 s at 25 pictures a second."""
    report_every_s: float = 5.0
    """Receiver reports (RFC 3550 §6.2); some servers end sessions that send none."""


DEFAULT = Patience()
LINE = Patience(first_picture_s=15.0, key_picture_s=30.0)
"""Of a box that dials in: on a thin line a key picture alone may take seconds."""
