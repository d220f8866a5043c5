# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SDP of RTSP cameras (RFC 8866, RFC 2326 appendix C): read with patience, and written.

Formats: H.264 (RFC 6184 §8), H.265 (RFC 7798 §7), JPEG (RFC 2435 §4), ONVIF metadata (ONVIF
Streaming §5.1.2.1.1).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
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
_NUMBERED = re.compile(r"(\d{1,3})\s*(.*)")
"""Firmwares forget the space after the payload type."""
_CODECS = {
    "H264": Codec.H264,
    "AVC": Codec.H264,
    "H265": Codec.H265,
    "HEVC": Codec.H265,
    "JPEG": Codec.JPEG,
    "MJPEG": Codec.JPEG,
}
"""Encoding names without dots; the second of each pair is what some firmwares write."""
_SPROPS = {
    Codec.H264: ("sprop-parameter-sets",),
    Codec.H265: ("sprop-vps", "sprop-sps", "sprop-pps"),
    Codec.JPEG: (),
}
_SIZE = re.compile(r"(?:(\d{1,3})\s+)?(\d{1,5})\s*[,x-]\s*(\d{1,5})")
"""`x-dimensions:W,H` and `framesize:TYPE W-H`, both seen with JPEG."""
_METADATA = "VND.ONVIF.METADATA"
_GZIP = ".GZIP"
_FIRST_DYNAMIC = 96
_START_CODE = b"\0\0\0\1"


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
    size_px: tuple[int, int] = (0, 0)
    """Width and height, zeros if the SDP does not say."""

    @property
    def codec(self) -> Codec | None:
        """Return the video codec, guessed from the parameters if the rtpmap is missing."""
        if self.name:
            return _CODECS.get(self.name.replace(".", ""))
        if self.payload_type < _FIRST_DYNAMIC:
            return None
        found = (
            codec
            for codec, names in _SPROPS.items()
            if any(name in self.parameters for name in names)
        )
        return next(found, None)


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
    """The video that will be set up."""

    payload_type: int
    codec: Codec
    control: str
    parameter_sets: tuple[bytes, ...] = ()
    clock_hz: int = _CLOCK_HZ
    size_px: tuple[int, int] = (0, 0)
    """Of JPEG beyond 2040 pixels, whose packets cannot say it; zeros if unknown."""


@dataclass(frozen=True, slots=True)
class MetadataTrack:
    """The camera's own observations, as XML documents (ONVIF Streaming §5.1.2.1.1)."""

    payload_type: int
    control: str
    clock_hz: int = _CLOCK_HZ
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class Tracks:
    """What will be set up; audio never is."""

    video: VideoTrack
    metadata: MetadataTrack | None = None
    problem: str = ""
    """Why there is no metadata although the camera offers some; else empty."""


def parse(data: bytes) -> SessionDescription:
    """Return the description in `data`; WireError if it is none."""
    if len(data) > MOST_BYTES:
        raise WireError(f"SDP of {len(data)} bytes (at most {MOST_BYTES})")
    text = data.replace(b"\0", b"").decode(errors="replace").replace("\r", "\n")
    lines = map(str.strip, text.split("\n"))
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
    length = len(name)
    return [
        text[length + 1 :].strip()
        for key, text in section
        if key == "a" and text[:length].lower() == name and text[length : length + 1] in (":", " ")
    ]


def _media(section: list[tuple[str, str]]) -> MediaDescription:
    kind, *words = section[0][1].split() or [""]
    maps = _numbered(_attributes(section, "rtpmap"))
    formats = _numbered(_attributes(section, "fmtp"))
    sizes = _attributes(section, "framesize") + _attributes(section, "x-dimensions")
    encodings = []
    for word in words[2 : 2 + MOST_MEDIA]:
        if not word.isdecimal() or int(word) > 127:  # noqa: PLR2004 - seven bits
            continue
        number = int(word)
        name, _, rest = maps.get(number, _STATIC.get(number, "")).partition("/")
        clock = rest.partition("/")[0].strip()
        clock_hz = int(clock) if clock.isdecimal() and len(clock) < 10 else 0  # noqa: PLR2004
        parameters = _parameters(formats.get(number, ""))
        size_px = _size_px(sizes, number)
        encodings.append(Encoding(number, name.strip().upper(), clock_hz, parameters, size_px))
    return MediaDescription(kind.lower(), tuple(encodings), _attribute(section, "control"))


def _numbered(values: list[str]) -> dict[int, str]:
    """Return what attributes such as rtpmap say of each payload type; parts are joined."""
    numbered: dict[int, str] = {}
    for value in values:
        found = _NUMBERED.match(value)
        if found:
            number, rest = int(found[1]), found[2].strip()
            numbered[number] = f"{numbered[number]};{rest}" if number in numbered else rest
    return numbered


def _size_px(values: list[str], payload_type: int) -> tuple[int, int]:
    for value in values:
        found = _SIZE.match(value)
        if found and found[1] in (None, str(payload_type)):
            return int(found[2]), int(found[3])
    return 0, 0


def _parameters(text: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in text.split(";")]
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def choose(description: SessionDescription) -> Tracks:
    """Return the first video that we can take, and the metadata if there is any.

    UnusableStreamError names what there is instead of usable video.
    """
    metadata, problem = _choose_metadata(description)
    return Tracks(_choose_video(description), metadata, problem)


def _choose_video(description: SessionDescription) -> VideoTrack:
    refused: list[str] = []
    for media, encoding in _encodings(description, "video"):
        codec = encoding.codec
        words = _refusal(encoding)
        if codec is None or words:
            refused.append(words)
            continue
        sets = _parameter_sets(codec, encoding.parameters)
        kind = encoding.payload_type
        return VideoTrack(kind, codec, media.control, sets, size_px=encoding.size_px)
    if not refused:
        kinds = ", ".join(sorted({printable(media.kind, 20) for media in description.media}))
        raise UnusableStreamError(f"SDP without video (media: {kinds or 'none'})")
    names = ", ".join(refused[:4])
    raise UnusableStreamError(
        f"video codec {names} is not supported; set the camera to H.264, H.265 or MJPEG"
    )


def _encodings(
    description: SessionDescription, kind: str
) -> Iterator[tuple[MediaDescription, Encoding]]:
    for media in description.media:
        if media.kind == kind:
            for encoding in media.encodings:
                yield media, encoding


def _refusal(encoding: Encoding) -> str:
    """Return why an encoding cannot be taken, or nothing."""
    name = printable(encoding.name, 20) or f"payload type {encoding.payload_type}"
    if encoding.codec is None:
        return name
    if encoding.clock_hz not in (0, _CLOCK_HZ):
        return f"{name} with a clock of {encoding.clock_hz} Hz"
    for key in ("sprop-max-don-diff", "sprop-depack-buf-nalus"):
        value = encoding.parameters.get(key, "0")
        if encoding.codec is Codec.H265 and value.strip("0"):
            return f"{name} with units out of order ({key}={printable(value, 8)})"
    return ""


def _choose_metadata(description: SessionDescription) -> tuple[MetadataTrack | None, str]:
    """Return the first metadata that is XML, or why what there is cannot be taken."""
    problem = ""
    for media, encoding in _encodings(description, "application"):
        if not encoding.name.startswith(_METADATA):
            continue
        form = encoding.name.removeprefix(_METADATA)
        if form in ("", _GZIP):
            clock_hz = encoding.clock_hz or _CLOCK_HZ
            track = MetadataTrack(encoding.payload_type, media.control, clock_hz, form == _GZIP)
            return track, ""
        words = "EXI" if form.startswith(".EXI") else printable(encoding.name.lower(), 60)
        problem = f"metadata comes as {words}, which is not supported; set the camera to XML"
    return None, problem


def _parameter_sets(codec: Codec, parameters: dict[str, str]) -> tuple[bytes, ...]:
    """Return the NAL units of all sprops; broken ones are left out."""
    words = [word for name in _SPROPS[codec] for word in parameters.get(name, "").split(",")]
    sets = []
    for item in words[:MOST_SETS]:
        word = item.strip()
        try:
            nal = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        nal = nal.removeprefix(_START_CODE)
        if nal and _is_set(codec, nal):
            sets.append(nal)
    return tuple(sets)


def _is_set(codec: Codec, nal: bytes) -> bool:
    return nal[0] & 31 in (7, 8) if codec is Codec.H264 else nal[0] >> 1 & 63 in (32, 33, 34)


def describe(
    parameter_sets: Sequence[bytes],
    *,
    name: str,
    payload_type: int,
    control: str,
    codec: Codec = Codec.H264,
    metadata: MetadataTrack | None = None,
) -> bytes:
    """Return the SDP of one video track and, if given, one of metadata."""
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        f"s={printable(name, 60)}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {payload_type}",
        f"a=rtpmap:{payload_type} {codec.value}/{_CLOCK_HZ}",
        *_format(codec, payload_type, parameter_sets),
        f"a=control:{control}",
    ]
    if metadata is not None:
        kind = metadata.payload_type
        lines += [
            f"m=application 0 RTP/AVP {kind}",
            f"a=rtpmap:{kind} {(_METADATA + _GZIP * metadata.gzip).lower()}/{metadata.clock_hz}",
            f"a=control:{metadata.control}",
        ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _format(codec: Codec, payload_type: int, sets: Sequence[bytes]) -> list[str]:
    """Return the fmtp line, if the codec has one."""
    if codec is Codec.H264:
        sps = next((nal for nal in sets if nal[0] & 31 == 7), b"")  # noqa: PLR2004 - SPS
        words = ["packetization-mode=1"]
        if len(sps) >= 4:  # noqa: PLR2004 - header, profile, constraints, level
            words.append(f"profile-level-id={sps[1:4].hex()}")
        if sets:
            words.append(f"sprop-parameter-sets={_base64(sets)}")
    else:
        kinds = zip(_SPROPS[codec], (32, 33, 34), strict=False)
        of = {key: [nal for nal in sets if nal[0] >> 1 & 63 == kind] for key, kind in kinds}
        words = [f"{key}={_base64(nals)}" for key, nals in of.items() if nals]
    return [f"a=fmtp:{payload_type} {';'.join(words)}"] if words else []


def _base64(nals: Sequence[bytes]) -> str:
    return ",".join(base64.b64encode(nal).decode() for nal in nals)


def printable(text: str, most: int = 80) -> str:
    """Return `text` fit for one log line: printable characters only, at most `most`."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"
