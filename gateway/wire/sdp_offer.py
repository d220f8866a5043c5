# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WebRTC offers as a sender of pictures reads them, and the answer (RFC 8829, RFC 9725).

We are ICE-lite and the DTLS server. Each video m-line that we can serve is a *slot*: what it shows
is decided later, without SDP. All slots share one transport (RFC 8843); every other m-line is
refused. The offer is text from outside: whatever it holds, `read` returns an Offer or raises
OfferError.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.wire import rtp

MOST_BYTES = 192 << 10
"""Chromium's offer with every codec has 8 KiB, and about as much for each further m-line."""
MOST_SECTIONS = 32
MOST_SLOTS = 16
"""Pictures of one connection: a wall of four by four."""
MOST_FORMATS = 128
"""Payload types of an m-line: there are no more (RFC 3550 §5.1)."""
CLOCK_HZ = 90_000
_TOKEN = re.compile(r"[!-~]{1,256}\Z")
_ICE = re.compile(r"[A-Za-z0-9+/=_-]{4,256}\Z")
"""RFC 8839 §5.4 ice-char; `=`, `-` and `_` as some clients send them."""
_FINGERPRINT = re.compile(
    r"(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})\Z", re.IGNORECASE
)
_MEDIA = re.compile(r"([a-z]{1,32}) (\d{1,5})(?:/\d+)? ([A-Za-z0-9/]{1,64}) ([!-~]+(?: [!-~]+)*)\Z")
_UDP_HOST, _TCP_HOST = 126, 90
"""Type preferences (RFC 8445 §5.1.2.2); below UDP's for TCP (RFC 6544 §4.2)."""
_TCP_PASSIVE = 4
"""Direction preference of a passive host candidate (RFC 6544 §4.2)."""
_SECURE = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF")
_PROFILE_RANKS = {0x64: 3, 0x4D: 2, 0x42: 1}
"""High decodes Main and Constrained Baseline as well; other profiles are the last choice."""


class OfferError(WireError):
    """An offer that we cannot answer; the text says what it lacked."""


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line with its attributes, in the order of the offer."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str | None:
        """Return the value of the first attribute `name`."""
        return next((value for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> list[str]:
        """Return the values of all attributes `name`."""
        return [value for key, value in self.attributes if key == name]


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A payload type that we send, and how lost packets are asked for."""

    codec: Codec
    payload_type: int
    parameters: str
    """Format parameters as offered; they are answered unchanged."""
    rtx_payload_type: int | None
    """RFC 4588; None: retransmissions are the same packet again."""
    feedback: tuple[str, ...]
    """Of `nack`, `nack pli`, `ccm fir`: those that the peer offered."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One m-line that can show a picture."""

    section: int
    """Its place among the offer's m-lines."""
    mid: str
    """Unique among the slots; empty if the offer names none, and then there is one slot only."""
    formats: tuple[VideoFormat, ...]
    """At most one of each codec, H.264 first; never empty."""
    playout_delay: int = 0
    """Number of the header extension that holds pictures back (`gateway.wire.rtp`); 0: none."""

    def format(self, codec: Codec) -> VideoFormat | None:
        """Return how the peer takes `codec`; None: it does not."""
        return next((one for one in self.formats if one.codec is codec), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What matters of an offer."""

    sections: tuple[Section, ...]
    slots: tuple[Slot, ...]
    """In the order of the offer; never empty."""
    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    """Pairs of algorithm and digest of the peer's certificate."""
    bundled: bool


@dataclass(frozen=True, slots=True)
class AnswerTerms:
    """What we bring to a session."""

    ufrag: str
    password: str = field(repr=False)
    fingerprint: tuple[str, str]
    sources: tuple[tuple[int, int], ...]
    """SSRCs of the picture and of its repeats (RTX), for each of `Offer.slots`."""
    cname: str
    candidates: tuple[str, ...]
    """IP addresses, best first."""
    port: int
    tcp: bool = False
    """Whether the same port number takes TCP connections (RFC 6544)."""


def read(text: str, profile_idc: int | None = None, most_slots: int = 1) -> Offer:
    """Return what an offer asks for; OfferError says why it cannot be answered.

    `profile_idc`: the H.264 profile that the camera sends, if known; a payload type offered for
    that very profile is preferred. Of the video m-lines the first `most_slots` become slots, the
    rest is refused; without a common transport (BUNDLE) there is one slot.
    """
    session, sections = _parse(text)
    group = _bundle(session)
    slots = _slots(sections, group, profile_idc, most_slots)
    video = sections[slots[0].section]
    bundled = video.first("mid") in group
    if any(sections[slot.section].first("rtcp-mux") is None for slot in slots):
        raise OfferError("the offer does not allow RTCP on the same port (rtcp-mux)")
    sources = [video, *_same_bundle(sections, group, bundled), session]
    setup = _first(sources, "setup") or "actpass"
    if setup not in {"actpass", "active"}:
        raise OfferError(
            f"the offer wants us to open DTLS (setup:{setup[:20]!a}); we only answer it"
        )
    ufrag, password = _first(sources, "ice-ufrag"), _first(sources, "ice-pwd")
    if not (ufrag and password and _ICE.match(ufrag) and _ICE.match(password)):
        raise OfferError("the offer has no usable ICE credentials (ice-ufrag, ice-pwd)")
    return Offer(tuple(sections), slots, ufrag, password, _fingerprints(sources), bundled)


def _parse(text: str) -> tuple[Section, list[Section]]:
    """Return the session part (as a Section of kind `session`) and the m-lines."""
    if len(text) > MOST_BYTES:
        raise OfferError(f"offer of {len(text)} characters ({MOST_BYTES} allowed)")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if lines[0] != "v=0":
        raise OfferError("not SDP: the first line is not v=0")
    heads = ["session 0 - -"]
    attributes: list[list[tuple[str, str]]] = [[]]
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("m="):
            heads.append(line[2:])
            attributes.append([])
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes[-1].append((name.strip(), value.strip()))
        elif line and line[1:2] != "=":
            raise OfferError(f"line {number} of the offer is not SDP")
    if not 1 < len(heads) <= MOST_SECTIONS + 1:
        raise OfferError(f"offer with {len(heads) - 1} m-lines (1..{MOST_SECTIONS} allowed)")
    session = Section("session", 0, "-", (), tuple(attributes[0]))
    return session, [_section(h, a) for h, a in zip(heads[1:], attributes[1:], strict=True)]


def _section(head: str, attributes: list[tuple[str, str]]) -> Section:
    match = _MEDIA.match(head)
    if match is None:
        raise OfferError("an m-line of the offer cannot be read")
    kind, port, protocol, formats = match.groups()
    for name, value in attributes:
        if name == "mid" and not _TOKEN.match(value):
            raise OfferError("a mid of the offer is not a token")
    names = tuple(formats.split(" "))
    if len(names) > MOST_FORMATS:
        raise OfferError(f"an m-line of the offer has {len(names)} formats")
    return Section(kind, int(port), protocol, names, tuple(attributes))


def _bundle(session: Section) -> tuple[str, ...]:
    for value in session.all("group"):
        words = value.split()
        if words[:1] == ["BUNDLE"]:
            return tuple(words[1:])
    return ()


def _slots(
    sections: list[Section], group: tuple[str, ...], profile_idc: int | None, most: int
) -> tuple[Slot, ...]:
    """Return the first video sections that take a codec of ours and share one transport."""
    offered: list[str] = []
    slots: list[Slot] = []
    for index, section in enumerate(sections):
        mid = section.first("mid")
        if not _receives(section, group) or (slots and not {slots[0].mid, mid} <= {*group}):
            continue
        codecs = _codecs(section)
        offered += [name for name, _ in codecs.values() if name.lower() != "rtx"]
        best = (_best_h264(section, codecs, profile_idc), _best_h265(section, codecs))
        if len(slots) < most and any(best):
            formats = tuple(one for one in best if one is not None)
            slots.append(Slot(index, mid or "", formats, _extension(section, rtp.PLAYOUT_DELAY)))
    if len({slot.mid for slot in slots}) != len(slots):
        raise OfferError("two m-lines of the offer have the same mid")
    if slots:
        return tuple(slots)
    names = ", ".join(dict.fromkeys(offered)) or "no video to receive"
    raise OfferError(f"we send H264 with packetization-mode=1, or H265; offered: {names[:200]}")


def _receives(section: Section, group: tuple[str, ...]) -> bool:
    """Return whether a section is one on which the peer would see a picture."""
    if section.kind != "video" or section.protocol not in _SECURE:
        return False
    closed = section.port == 0 and section.first("mid") not in group
    return not closed and all(section.first(name) is None for name in ("sendonly", "inactive"))


def _extension(section: Section, name: str) -> int:
    """Return the number that the peer reads a header extension under (RFC 8285 §5), or 0."""
    for value in section.all("extmap"):
        match = re.match(r"(\d{1,2})(?:/(?:recvonly|sendrecv))? (\S+)\Z", value)
        if match and match[2] == name and 0 < int(match[1]) <= rtp.MOST_EXTENSION:
            return int(match[1])
    return 0


def _codecs(section: Section) -> dict[int, tuple[str, dict[str, str]]]:
    """Return encoding name and format parameters of each payload type of a section."""
    codecs: dict[int, tuple[str, dict[str, str]]] = {}
    for value in section.all("rtpmap"):
        match = re.match(r"(\d{1,3}) ([!-.0-~]{1,32})/90000", value)
        if match and match[1] in section.formats and int(match[1]) < 128:  # noqa: PLR2004 - 7 bits
            codecs[int(match[1])] = (match[2], {})
    for value in section.all("fmtp"):
        number, _, text = value.partition(" ")
        if number.isascii() and number.isdigit() and int(number[:4]) in codecs:
            pairs = (part.partition("=") for part in text.split(";"))
            codecs[int(number[:4])][1].update({k.strip().lower(): v.strip() for k, _, v in pairs})
    return codecs


def _best_h264(
    section: Section, codecs: dict[int, tuple[str, dict[str, str]]], profile_idc: int | None
) -> VideoFormat | None:
    ranked: list[tuple[tuple[bool, bool, int], int]] = []
    for payload_type, (name, parameters) in codecs.items():
        if name.upper() != "H264" or (parameters and parameters.get("packetization-mode") != "1"):
            continue  # no parameters at all: GStreamer's whepsrc, whose depayloader takes any mode
        profile = _profile(parameters.get("profile-level-id", "42000a"))
        rank = (bool(parameters), profile == profile_idc, _PROFILE_RANKS.get(profile, 0))
        ranked.append((rank, -payload_type))
    return _format(section, codecs, Codec.H264, -max(ranked)[1]) if ranked else None


def _best_h265(
    section: Section, codecs: dict[int, tuple[str, dict[str, str]]]
) -> VideoFormat | None:
    """Return the payload type for Main profile if there is one, else the first (RFC 7798 §7.1)."""
    ranked = [
        (parameters.get("profile-id", "1") != "1", payload_type)
        for payload_type, (name, parameters) in codecs.items()
        if name.upper() == "H265"
        and parameters.get("tx-mode", "SRST").upper() == "SRST"
        and parameters.get("sprop-max-don-diff", "0") == "0"
    ]
    return _format(section, codecs, Codec.H265, min(ranked)[1]) if ranked else None


def _format(
    section: Section,
    codecs: dict[int, tuple[str, dict[str, str]]],
    codec: Codec,
    payload_type: int,
) -> VideoFormat:
    rtx = (
        number
        for number, (name, parameters) in codecs.items()
        if name.lower() == "rtx" and parameters.get("apt") == str(payload_type)
    )
    feedback = _feedback(section, payload_type)
    text = _parameters(section, payload_type)
    again = next(rtx, None) if "nack" in feedback else None
    return VideoFormat(codec, payload_type, text, again, feedback)


def _profile(text: str) -> int:
    return int(text[:2], 16) if re.match(r"[0-9A-Fa-f]{6}\Z", text) else 0


def _parameters(section: Section, payload_type: int) -> str:
    for value in section.all("fmtp"):
        number, _, text = value.partition(" ")
        if number == str(payload_type) and re.match(r"[ -~]{1,500}\Z", text):
            return text
    return ""


def _feedback(section: Section, payload_type: int) -> tuple[str, ...]:
    offered = set()
    for value in section.all("rtcp-fb"):
        number, _, kind = value.partition(" ")
        if number in {"*", str(payload_type)}:
            offered.add(kind.strip())
    return tuple(kind for kind in ("nack", "nack pli", "ccm fir") if kind in offered)


def _same_bundle(sections: list[Section], group: tuple[str, ...], bundled: bool) -> list[Section]:
    """Return the sections whose transport a bundle-only section shares (RFC 8843 §7)."""
    return [one for one in sections if bundled and one.first("mid") in group]


def _first(sources: list[Section], name: str) -> str | None:
    found = (source.first(name) for source in sources)
    return next((value for value in found if value), None)


def _fingerprints(sources: list[Section]) -> tuple[tuple[str, str], ...]:
    for source in sources:
        matches = [_FINGERPRINT.match(value) for value in source.all("fingerprint")]
        found = tuple((m[1].lower(), m[2].upper()) for m in matches if m)
        if found:
            return found
    raise OfferError("the offer has no certificate fingerprint (sha-256, sha-384 or sha-512)")


def answer(offer: Offer, terms: AnswerTerms) -> str:
    """Return the SDP that accepts the slots of `offer` on `terms` and refuses the rest."""
    first = terms.candidates[0]
    slots = {slot.section: number for number, slot in enumerate(offer.slots)}
    group = " ".join(slot.mid for slot in offer.slots)
    lines = [
        "v=0",
        f"o=- {terms.sources[0][0]} 1 IN {_family(first)} {first}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        *([f"a=group:BUNDLE {group}"] if offer.bundled else []),
        "a=msid-semantic:WMS *",
    ]
    for index, section in enumerate(offer.sections):
        number = slots.get(index)
        lines += _refused(section) if number is None else _accepted(offer, terms, number)
    return "\r\n".join(lines) + "\r\n"


def _family(host: str) -> str:
    return f"IP{ip_address(host).version}"


def _refused(section: Section) -> list[str]:
    mid = section.first("mid")
    return [
        f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}",
        "c=IN IP4 0.0.0.0",
        *([f"a=mid:{mid}"] if mid is not None else []),
        "a=inactive",
    ]


def _accepted(offer: Offer, terms: AnswerTerms, number: int) -> list[str]:
    slot = offer.slots[number]
    section, first = offer.sections[slot.section], terms.candidates[0]
    types = [(one.payload_type, one.rtx_payload_type) for one in slot.formats]
    formats = [str(one) for pair in types for one in pair if one is not None]
    # a stream of its own for each slot, so that a page can show each in an element of its own
    stream = terms.cname if len(offer.slots) == 1 else f"{terms.cname}-{number}"
    return [
        f"m=video {terms.port} {section.protocol} {' '.join(formats)}",
        f"c=IN {_family(first)} {first}",
        *([f"a=mid:{slot.mid}"] if slot.mid else []),
        "a=sendonly",
        "a=rtcp-mux",
        *([f"a=extmap:{slot.playout_delay} {rtp.PLAYOUT_DELAY}"] if slot.playout_delay else []),
        f"a=msid:{stream} video",
        *(line for one in slot.formats for line in _described(one)),
        *_sources(slot, terms.cname, terms.sources[number]),
        f"a=ice-ufrag:{terms.ufrag}",
        f"a=ice-pwd:{terms.password}",
        f"a=fingerprint:{terms.fingerprint[0]} {terms.fingerprint[1]}",
        "a=setup:passive",
        # once would do (RFC 8843 §7.1.3), but aiortc believes the last section of a bundle
        *_transport(terms),
    ]


def _transport(terms: AnswerTerms) -> list[str]:
    lines = candidates(terms.candidates, terms.port, tcp=terms.tcp)
    return [*lines, "a=end-of-candidates"]


def _described(chosen: VideoFormat) -> list[str]:
    """Return what the answer says of one payload type and of its repeats."""
    pt, rtx = chosen.payload_type, chosen.rtx_payload_type
    return [
        f"a=rtpmap:{pt} {chosen.codec.value}/{CLOCK_HZ}",
        *([f"a=fmtp:{pt} {chosen.parameters}"] if chosen.parameters else []),
        *(f"a=rtcp-fb:{pt} {kind}" for kind in chosen.feedback),
        *([] if rtx is None else [f"a=rtpmap:{rtx} rtx/{CLOCK_HZ}", f"a=fmtp:{rtx} apt={pt}"]),
    ]


def _sources(slot: Slot, cname: str, sources: tuple[int, int]) -> list[str]:
    """Return all SSRCs; the picture's first, Chromium takes that as primary."""
    ssrc, rtx_ssrc = sources
    primary = f"a=ssrc:{ssrc} cname:{cname}"
    if all(one.rtx_payload_type is None for one in slot.formats):
        return [primary]
    return [f"a=ssrc-group:FID {ssrc} {rtx_ssrc}", primary, f"a=ssrc:{rtx_ssrc} cname:{cname}"]


def candidates(hosts: Sequence[str], port: int, *, tcp: bool) -> list[str]:
    """Return host candidates with falling priority, UDP before TCP (RFC 8445 §5.1.2, RFC 6544)."""
    lines = []
    for index, host in enumerate(hosts):
        priority = (_UDP_HOST << 24) | (65_535 - index) << 8 | 255
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {host} {port} typ host")
    for index, host in enumerate(hosts if tcp else ()):
        preference = _TCP_PASSIVE << 13 | 8191 - index
        priority = (_TCP_HOST << 24) | preference << 8 | 255
        number = len(hosts) + index + 1
        line = f"a=candidate:{number} 1 tcp {priority} {host} {port} typ host"
        lines.append(f"{line} tcptype passive")
    return lines
