# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SDP of RTSP cameras (RFC 8866, RFC 2326 appendix C, RFC 6184 §8): read and written."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.model.errors import PeerError, WireError
from gateway.model.media import Codec

MOST_BYTES = 64 << 10
"""A camera with ten tracks stays below 4 KiB; RTSP bodies share this bound."""
MOST_MEDIA = 32
"""ONVIF Streaming §5.2 knows four kinds of tracks; an NVR multiplexes a few of each."""
MOST_SETS = 32
"""Parameter sets in one sprop: as many as there are SPS numbers."""
_STATIC = {0: "PCMU", 8: "PCMA", 26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}
"""Static payload types (RFC 3551 §6) that cameras use without an rtpmap."""
_CLOCK_HZ = 90_000
_MOST_TYPE_DIGITS = 3


class UnusableStreamError(PeerError):
    """The camera works, but offers nothing that we can take; the text says what it offers."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One format of a medium."""

    payload_type: int
    name: str
    """Upper case, empty if the SDP does not say."""
    clock_hz: int = 0
    parameters: dict[str, str] = field(default_factory=dict)
    """From fmtp, names in lower case."""


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m= section."""

    kind: str
    encodings: tuple[Encoding, ...]
    control: str = ""


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """What DESCRIBE told."""

    media: tuple[MediaDescription, ...]
    control: str = ""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The track that will be set up."""

    payload_type: int
    codec: Codec
    control: str
    parameter_sets: tuple[bytes, ...]


def parse(data: bytes) -> SessionDescription:
    """Return the description in `data`; WireError if it is none."""
    if len(data) > MOST_BYTES:
        raise WireError(f"SDP of {len(data)} bytes (at most {MOST_BYTES})")
    lines = data.decode(errors="replace").replace("\r", "\n").split("\n")
    pairs = [(line[0], line[2:].strip()) for line in lines if line[1:2] == "="]
    sections: list[list[tuple[str, str]]] = [[]]
    for pair in pairs:
        if pair[0] == "m":
            sections.append([])
        sections[-1].append(pair)
    if ("v", "0") not in sections[0] and len(sections) == 1:
        raise WireError(f"not an SDP: {data[:40]!r}")
    media = tuple(_media(section) for section in sections[1 : 1 + MOST_MEDIA])
    return SessionDescription(media, _attribute(sections[0], "control"))


def _attribute(section: list[tuple[str, str]], name: str) -> str:
    """Return the value of the first attribute `name`, or nothing."""
    found = _attributes(section, name)
    return found[0] if found else ""


def _attributes(section: list[tuple[str, str]], name: str) -> list[str]:
    head = f"{name}:"
    return [
        text[len(head) :].strip()
        for key, text in section
        if key == "a" and text[: len(head)].lower() == head
    ]


def _media(section: list[tuple[str, str]]) -> MediaDescription:
    kind, *words = section[0][1].split() or [""]
    maps = dict(_numbered(_attributes(section, "rtpmap")))
    formats = dict(_numbered(_attributes(section, "fmtp")))
    encodings = []
    for word in words[2 : 2 + MOST_MEDIA]:
        if not word.isdecimal() or int(word) > 127:  # noqa: PLR2004 - seven bits
            continue
        number = int(word)
        name, _, rest = maps.get(number, _STATIC.get(number, "")).partition("/")
        clock = rest.partition("/")[0]
        clock_hz = int(clock) if clock.isdecimal() and len(clock) < 10 else 0  # noqa: PLR2004
        parameters = _parameters(formats.get(number, ""))
        encodings.append(Encoding(number, name.strip().upper(), clock_hz, parameters))
    return MediaDescription(kind.lower(), tuple(encodings), _attribute(section, "control"))


def _numbered(values: list[str]) -> list[tuple[int, str]]:
    """Return (payload type, rest) of attributes such as rtpmap."""
    numbered = []
    for value in values:
        head, _, rest = value.partition(" ")
        if head.isdecimal() and len(head) <= _MOST_TYPE_DIGITS:
            numbered.append((int(head), rest.strip()))
    return numbered


def _parameters(text: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in text.split(";")]
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def choose_video(description: SessionDescription) -> VideoTrack:
    """Return the first H.264 track; UnusableStreamError names what there is instead."""
    offered: list[str] = []
    for media in description.media:
        if media.kind != "video":
            continue
        for encoding in media.encodings:
            offered.append(encoding.name or f"payload type {encoding.payload_type}")
            if encoding.name == Codec.H264.value and encoding.clock_hz == _CLOCK_HZ:
                sets = _parameter_sets(encoding.parameters.get("sprop-parameter-sets", ""))
                return VideoTrack(encoding.payload_type, Codec.H264, media.control, sets)
    if not offered:
        kinds = ", ".join(sorted({printable(media.kind, 20) for media in description.media}))
        raise UnusableStreamError(f"SDP without video (media: {kinds or 'none'})")
    names = ", ".join(printable(name, 20) for name in offered[:4])
    raise UnusableStreamError(f"video codec {names} is not supported; set the camera to H.264")


def _parameter_sets(text: str) -> tuple[bytes, ...]:
    """Return the NAL units of a sprop-parameter-sets; broken ones are left out."""
    sets = []
    for item in text.split(",")[:MOST_SETS]:
        word = item.strip()
        try:
            nal = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        if nal and nal[0] & 31 in (7, 8):
            sets.append(nal)
    return tuple(sets)


def describe(
    parameter_sets: Sequence[bytes], *, name: str, payload_type: int, control: str
) -> bytes:
    """Return the SDP of one H.264 track for TCP-interleaved delivery."""
    sps = next((nal for nal in parameter_sets if nal[0] & 31 == 7), b"")  # noqa: PLR2004 - SPS
    words = ["packetization-mode=1"]
    if len(sps) >= 4:  # noqa: PLR2004 - header, profile, constraints, level
        words.append(f"profile-level-id={sps[1:4].hex()}")
    if parameter_sets:
        coded = ",".join(base64.b64encode(nal).decode() for nal in parameter_sets)
        words.append(f"sprop-parameter-sets={coded}")
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        f"s={printable(name, 60)}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {payload_type}",
        f"a=rtpmap:{payload_type} H264/{_CLOCK_HZ}",
        f"a=fmtp:{payload_type} {';'.join(words)}",
        f"a=control:{control}",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def printable(text: str, most: int = 80) -> str:
    """Return `text` fit for one log line: printable characters only, at most `most`."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"
