# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WebRTC offers as a sender of one H.264 picture reads them, and the answer (RFC 8829, RFC 9725).

We are ICE-lite and the DTLS server, send video on one m-line and refuse all others. The offer is
text from outside: whatever it holds, `read` returns an Offer or raises OfferError.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from gateway.model.errors import WireError

MOST_BYTES = 64 << 10
"""Chromium's offer with every codec has 8 KiB."""
MOST_SECTIONS = 32
CLOCK_HZ = 90_000
_TOKEN = re.compile(r"[!-~]{1,256}\Z")
_ICE = re.compile(r"[A-Za-z0-9+/=_-]{4,256}\Z")
"""RFC 8839 §5.4 ice-char; `=`, `-` and `_` as some clients send them."""
_FINGERPRINT = re.compile(
    r"(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})\Z", re.IGNORECASE
)
_MEDIA = re.compile(r"([a-z]{1,32}) (\d{1,5})(?:/\d+)? ([A-Za-z0-9/]{1,64}) ([!-~]+(?: [!-~]+)*)\Z")
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
    """The payload type that we send, and how lost packets are asked for."""

    payload_type: int
    parameters: str
    """Format parameters as offered; they are answered unchanged."""
    rtx_payload_type: int | None
    """RFC 4588; None: retransmissions are the same packet again."""
    feedback: tuple[str, ...]
    """Of `nack`, `nack pli`, `ccm fir`: those that the peer offered."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What matters of an offer."""

    sections: tuple[Section, ...]
    video: int
    """Index of the section that gets the picture."""
    format: VideoFormat
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
    ssrc: int
    rtx_ssrc: int
    cname: str
    candidates: tuple[str, ...]
    """IP addresses, best first."""
    port: int


def read(text: str, profile_idc: int | None = None) -> Offer:
    """Return what an offer asks for; OfferError says why it cannot be answered.

    `profile_idc`: the H.264 profile that the camera sends, if known; a payload type offered for
    that very profile is preferred.
    """
    session, sections = _parse(text)
    group = _bundle(session)
    index, chosen = _choose(sections, group, profile_idc)
    video = sections[index]
    if video.first("rtcp-mux") is None:
        raise OfferError("the offer does not allow RTCP on the same port (rtcp-mux)")
    bundled = video.first("mid") in group
    sources = [video, *_same_bundle(sections, group, bundled), session]
    setup = _first(sources, "setup") or "actpass"
    if setup not in {"actpass", "active"}:
        raise OfferError(f"the offer wants us to open DTLS (setup:{setup}); we only answer it")
    ufrag, password = _first(sources, "ice-ufrag"), _first(sources, "ice-pwd")
    if not (ufrag and password and _ICE.match(ufrag) and _ICE.match(password)):
        raise OfferError("the offer has no usable ICE credentials (ice-ufrag, ice-pwd)")
    return Offer(tuple(sections), index, chosen, ufrag, password, _fingerprints(sources), bundled)


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
    return Section(kind, int(port), protocol, tuple(formats.split(" ")), tuple(attributes))


def _bundle(session: Section) -> tuple[str, ...]:
    for value in session.all("group"):
        kind, *mids = value.split()
        if kind == "BUNDLE":
            return tuple(mids)
    return ()


def _choose(
    sections: list[Section], group: tuple[str, ...], profile_idc: int | None
) -> tuple[int, VideoFormat]:
    """Return the first video section that can take H.264, and the format."""
    offered: list[str] = []
    for index, section in enumerate(sections):
        if section.kind != "video" or section.protocol not in _SECURE:
            continue
        closed = section.port == 0 and section.first("mid") not in group
        if closed or any(section.first(name) is not None for name in ("sendonly", "inactive")):
            continue
        codecs = _codecs(section)
        offered += [name for name, _ in codecs.values() if name.lower() != "rtx"]
        best = _best(section, codecs, profile_idc)
        if best is not None:
            return index, best
    names = ", ".join(dict.fromkeys(offered)) or "no video to receive"
    raise OfferError(f"we send H264 with packetization-mode=1; offered: {names[:200]}")


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


def _best(
    section: Section, codecs: dict[int, tuple[str, dict[str, str]]], profile_idc: int | None
) -> VideoFormat | None:
    ranked: list[tuple[tuple[bool, bool, int], int]] = []
    for payload_type, (name, parameters) in codecs.items():
        if name.upper() != "H264" or (parameters and parameters.get("packetization-mode") != "1"):
            continue  # no parameters at all: GStreamer's whepsrc, whose depayloader takes any mode
        profile = _profile(parameters.get("profile-level-id", "42000a"))
        rank = (bool(parameters), profile == profile_idc, _PROFILE_RANKS.get(profile, 0))
        ranked.append((rank, -payload_type))
    if not ranked:
        return None
    payload_type = -max(ranked)[1]
    rtx = (
        number
        for number, (name, parameters) in codecs.items()
        if name.lower() == "rtx" and parameters.get("apt") == str(payload_type)
    )
    feedback = _feedback(section, payload_type)
    text = _parameters(section, payload_type)
    return VideoFormat(
        payload_type, text, next(rtx, None) if "nack" in feedback else None, feedback
    )


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
    """Return the SDP that accepts the video of `offer` on `terms` and refuses the rest."""
    first = terms.candidates[0]
    video = offer.sections[offer.video]
    lines = [
        "v=0",
        f"o=- {terms.ssrc} 1 IN {_family(first)} {first}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        *([f"a=group:BUNDLE {video.first('mid')}"] if offer.bundled else []),
        "a=msid-semantic:WMS *",
    ]
    for index, section in enumerate(offer.sections):
        lines += _accepted(offer, terms) if index == offer.video else _refused(section)
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


def _accepted(offer: Offer, terms: AnswerTerms) -> list[str]:
    section, chosen = offer.sections[offer.video], offer.format
    pt, rtx, mid = chosen.payload_type, chosen.rtx_payload_type, section.first("mid")
    first = terms.candidates[0]
    formats = [pt] if rtx is None else [pt, rtx]
    return [
        f"m=video {terms.port} {section.protocol} {' '.join(map(str, formats))}",
        f"c=IN {_family(first)} {first}",
        *([f"a=mid:{mid}"] if mid is not None else []),
        "a=sendonly",
        "a=rtcp-mux",
        f"a=msid:{terms.cname} video",
        f"a=rtpmap:{pt} H264/{CLOCK_HZ}",
        *([f"a=fmtp:{pt} {chosen.parameters}"] if chosen.parameters else []),
        *(f"a=rtcp-fb:{pt} {kind}" for kind in chosen.feedback),
        *_sources(chosen, terms),
        f"a=ice-ufrag:{terms.ufrag}",
        f"a=ice-pwd:{terms.password}",
        f"a=fingerprint:{terms.fingerprint[0]} {terms.fingerprint[1]}",
        "a=setup:passive",
        *_candidates(terms),
        "a=end-of-candidates",
    ]


def _sources(chosen: VideoFormat, terms: AnswerTerms) -> list[str]:
    """Return the RTX format and all SSRCs; the picture's first, Chromium takes that as primary."""
    rtx = chosen.rtx_payload_type
    primary = f"a=ssrc:{terms.ssrc} cname:{terms.cname}"
    if rtx is None:
        return [primary]
    return [
        f"a=rtpmap:{rtx} rtx/{CLOCK_HZ}",
        f"a=fmtp:{rtx} apt={chosen.payload_type}",
        f"a=ssrc-group:FID {terms.ssrc} {terms.rtx_ssrc}",
        primary,
        f"a=ssrc:{terms.rtx_ssrc} cname:{terms.cname}",
    ]


def _candidates(terms: AnswerTerms) -> list[str]:
    """Return host candidates with falling priority (RFC 8445 §5.1.2.1, component 1)."""
    lines = []
    for index, host in enumerate(terms.candidates):
        priority = (126 << 24) | (65_535 - index) << 8 | 255
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {host} {terms.port} typ host")
    return lines
