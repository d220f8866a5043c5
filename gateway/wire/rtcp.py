# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTCP: reports, descriptions and feedback (RFC 3550 §6, RFC 4585, RFC 5104).

Compound and reduced-size packets (RFC 5506) are read alike; types that nobody here needs
(application-defined, extended reports, bandwidth estimates) are skipped.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from gateway.model.errors import WireError

SENDER_REPORT = 200
RECEIVER_REPORT = 201
DESCRIPTION = 202
GOODBYE = 203
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
_NACK = 1
_PLI = 1
_FIR = 4
_CNAME = 1

NTP_UNIX_S = 2_208_988_800
"""Seconds from 1900-01-01 (NTP, RFC 5905) to 1970-01-01."""
MOST_NACK_ENTRIES = 372
"""What fits a 1500-byte Ethernet frame: (1500 - 12) / 4; more is an attempt at amplification."""
MOST_TEXT_BYTES = 255
"""A length octet bounds names and reasons (RFC 3550 §6.5, §6.6)."""

_VERSION = 2
_HEAD = struct.Struct("!BBH")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_PAIR = struct.Struct("!II")
_LOST = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """What a receiver says of one source (RFC 3550 §6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 1/256."""
    lost: int
    """Total, signed 24 bit."""
    highest_sequence: int
    """Extended: cycles in the upper 16 bits."""
    jitter: int
    """In timestamp units."""
    last_sr: int = 0
    """Middle 32 bits of the NTP time of the last sender report; 0 if none came."""
    delay_since_sr: int = 0
    """In 1/65536 s."""


@dataclass(frozen=True, slots=True)
class RtcpSenderReport:
    """Ties the sender's RTP timestamps to its wall clock."""

    ssrc: int
    ntp: int
    """64-bit NTP timestamp: seconds since 1900 in the upper half."""
    timestamp: int
    """RTP timestamp of the same instant."""
    packets: int = 0
    octets: int = 0
    reports: tuple[ReceptionReport, ...] = ()


@dataclass(frozen=True, slots=True)
class RtcpReceiverReport:
    """Reception reports of one that sends nothing."""

    ssrc: int
    reports: tuple[ReceptionReport, ...] = ()


@dataclass(frozen=True, slots=True)
class RtcpDescription:
    """Canonical names by SSRC; other items are not kept."""

    names: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class RtcpBye:
    """Sources that leave."""

    ssrcs: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RtcpNack:
    """Packets asked for again (RFC 4585 §6.2.1)."""

    sender: int
    media: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RtcpPictureLoss:
    """A wish for a key picture (RFC 4585 §6.3.1)."""

    sender: int
    media: int


@dataclass(frozen=True, slots=True)
class RtcpFullIntra:
    """A command for a key picture (RFC 5104 §4.3.1): pairs of SSRC and command number."""

    sender: int
    entries: tuple[tuple[int, int], ...]


RtcpPacket: TypeAlias = (
    RtcpSenderReport
    | RtcpReceiverReport
    | RtcpDescription
    | RtcpBye
    | RtcpNack
    | RtcpPictureLoss
    | RtcpFullIntra
)


def parse(data: bytes | memoryview) -> list[RtcpPacket]:
    """Return the packets of a compound packet in order; WireError if it does not add up."""
    raw = bytes(data)
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise WireError(f"RTCP cut short at byte {at} of {len(raw)}")
        first, kind, words = _HEAD.unpack_from(raw, at)
        end = at + 4 + 4 * words
        if first >> 6 != _VERSION or end > len(raw):
            raise WireError(f"RTCP packet at byte {at}: version {first >> 6}, ends at {end}")
        body = raw[at + 4 : end]
        if first & 0x20:
            if not body or not 1 <= body[-1] <= len(body):
                raise WireError(f"RTCP padding at byte {at} exceeds its packet")
            body = body[: -body[-1]]
        reader = _READERS.get(kind)
        packet = reader(body, first & 31) if reader else None
        if packet is not None:
            packets.append(packet)
        at = end
    return packets


def serialise(packets: Iterable[RtcpPacket]) -> bytes:
    """Return one compound packet."""
    return b"".join(map(_serialise, packets))


def _serialise(packet: RtcpPacket) -> bytes:
    match packet:
        case RtcpSenderReport(ssrc, ntp, timestamp, sent, octets, reports):
            head = _SENDER.pack(ssrc, ntp, timestamp, sent & 0xFFFFFFFF, octets & 0xFFFFFFFF)
            return _frame(SENDER_REPORT, len(reports), head + _blocks(reports))
        case RtcpReceiverReport(ssrc, reports):
            body = ssrc.to_bytes(4, "big") + _blocks(reports)
            return _frame(RECEIVER_REPORT, len(reports), body)
        case RtcpDescription(names):
            return _frame(DESCRIPTION, len(names), b"".join(_chunk(*name) for name in names))
        case RtcpBye(ssrcs, reason):
            text = reason.encode()[:MOST_TEXT_BYTES]
            tail = _padded(bytes((len(text),)) + text) if text else b""
            return _frame(GOODBYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs) + tail)
        case RtcpNack(sender, media, sequences):
            body = struct.pack("!II", sender, media) + _nack_entries(sequences)
            return _frame(TRANSPORT_FEEDBACK, _NACK, body)
        case RtcpPictureLoss(sender, media):
            return _frame(PAYLOAD_FEEDBACK, _PLI, struct.pack("!II", sender, media))
        case RtcpFullIntra(sender, entries):
            commands = b"".join(struct.pack("!IB3x", ssrc, number) for ssrc, number in entries)
            return _frame(PAYLOAD_FEEDBACK, _FIR, struct.pack("!II", sender, 0) + commands)


def _frame(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count & 31, kind, len(body) // 4) + body


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _chunk(ssrc: int, name: str) -> bytes:
    text = name.encode()[:MOST_TEXT_BYTES]
    return _padded(ssrc.to_bytes(4, "big") + bytes((_CNAME, len(text))) + text + b"\0")


def _blocks(reports: tuple[ReceptionReport, ...]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            one.ssrc,
            one.fraction_lost << 24 | one.lost & 0xFFFFFF,
            one.highest_sequence,
            one.jitter,
            one.last_sr,
            one.delay_since_sr,
        )
        for one in reports
    )


def _nack_entries(sequences: tuple[int, ...]) -> bytes:
    """Return PID/BLP pairs; each covers a packet and any of the sixteen after it."""
    entries: list[tuple[int, int]] = []
    for sequence in sequences:
        ahead = (sequence - entries[-1][0]) & 0xFFFF if entries else 0
        if entries and 1 <= ahead <= 16:  # noqa: PLR2004 - bits of the BLP field
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << ahead - 1)
        else:
            entries.append((sequence, 0))
    return b"".join(struct.pack("!HH", *entry) for entry in entries)


def _need(body: bytes, size_bytes: int, what: str) -> None:
    if len(body) < size_bytes:
        raise WireError(f"RTCP {what} of {len(body)} bytes ({size_bytes} needed)")


def _read_blocks(body: bytes, at: int, count: int) -> tuple[ReceptionReport, ...]:
    _need(body, at + _BLOCK.size * count, f"report with {count} blocks")
    reports = []
    for index in range(count):
        fields = _BLOCK.unpack_from(body, at + _BLOCK.size * index)
        ssrc, loss, highest, jitter, last_sr, delay = fields
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        reports.append(ReceptionReport(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(reports)


def _read_sender(body: bytes, count: int) -> RtcpSenderReport:
    _need(body, _SENDER.size, "sender report")
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    reports = _read_blocks(body, _SENDER.size, count)
    return RtcpSenderReport(ssrc, ntp, timestamp, packets, octets, reports)


def _read_receiver(body: bytes, count: int) -> RtcpReceiverReport:
    _need(body, 4, "receiver report")
    if not count:
        return RtcpReceiverReport(int.from_bytes(body[:4], "big"))
    return RtcpReceiverReport(int.from_bytes(body[:4], "big"), _read_blocks(body, 4, count))


def _read_description(body: bytes, count: int) -> RtcpDescription:
    names: list[tuple[int, str]] = []
    at = 0
    for _ in range(count):
        _need(body, at + 5, "description")
        ssrc = int.from_bytes(body[at : at + 4], "big")
        at += 4
        while at < len(body) and body[at]:
            _need(body, at + 2, "description item")
            length = body[at + 1]
            _need(body, at + 2 + length, "description item")
            if body[at] == _CNAME:
                names.append((ssrc, body[at + 2 : at + 2 + length].decode(errors="replace")))
            at += 2 + length
        at += 4 - at % 4
    return RtcpDescription(tuple(names))


def _read_bye(body: bytes, count: int) -> RtcpBye:
    _need(body, 4 * count, "goodbye")
    reason = b""
    if len(body) > 4 * count:
        length = body[4 * count]
        _need(body, 4 * count + 1 + length, "goodbye reason")
        reason = body[4 * count + 1 : 4 * count + 1 + length]
    return RtcpBye(struct.unpack_from(f"!{count}I", body), reason.decode(errors="replace"))


def _read_transport(body: bytes, form: int) -> RtcpNack | None:
    if form != _NACK:
        return None
    _need(body, 12, "NACK")
    if len(body) > 8 + 4 * MOST_NACK_ENTRIES:
        raise WireError(f"RTCP NACK of {len(body)} bytes")
    sender, media = _PAIR.unpack_from(body)
    sequences: list[int] = []
    for first, mask in _LOST.iter_unpack(body[8 : len(body) & ~3]):
        sequences.append(first)
        if mask:
            sequences += (first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return RtcpNack(sender, media, tuple(sequences))


def _read_payload(body: bytes, form: int) -> RtcpPictureLoss | RtcpFullIntra | None:
    if form not in (_PLI, _FIR):
        return None
    _need(body, 8, "payload feedback")
    sender, media = struct.unpack_from("!II", body)
    if form == _PLI:
        return RtcpPictureLoss(sender, media)
    entries = [struct.unpack_from("!IB", body, at) for at in range(8, len(body) - 7, 8)]
    return RtcpFullIntra(sender, tuple(entries))


_READERS: Mapping[int, Callable[[bytes, int], RtcpPacket | None]] = {
    SENDER_REPORT: _read_sender,
    RECEIVER_REPORT: _read_receiver,
    DESCRIPTION: _read_description,
    GOODBYE: _read_bye,
    TRANSPORT_FEEDBACK: _read_transport,
    PAYLOAD_FEEDBACK: _read_payload,
}


def ntp_from_utc_us(utc_us: int) -> int:
    """Return the 64-bit NTP timestamp of a time in microseconds since 1970."""
    seconds, rest_us = divmod(utc_us, 1_000_000)
    return (seconds + NTP_UNIX_S) % (1 << 32) << 32 | (rest_us << 32) // 1_000_000


def utc_us_from_ntp(ntp: int) -> int:
    """Return microseconds since 1970; seconds below 2^31 are taken as era 1 (from 2036 on)."""
    seconds = ntp >> 32
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - NTP_UNIX_S) * 1_000_000 + ((ntp & 0xFFFFFFFF) * 1_000_000 + (1 << 31) >> 32)
