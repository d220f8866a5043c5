# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
r"""Frames of ANSI/SIA DC-09, by which alarm panels talk to central stations (B-46).

    <LF> crc length "token" sequence [Rreceiver] Lline #account [data] [xdata]… _time <CR>

`crc` (CRC-16, polynomial 0xA001) and `length` are four hexadecimal digits each, over what stands
between them and the carriage return. `data` is a SIA DC-04 block (`SIA-DCS`: `#1234|Nri1/BA003`),
a Contact ID one (`ADM-CID`: `#1234|1130 01 003`) or nothing (`NULL`: the line is alive). Behind a
token with `*` everything after the first bracket is AES-CBC with a zero initial vector, in
hexadecimal, led by padding up to `|`. Times are UTC. A receiver answers ACK, NAK (its clock and the
sender's are too far apart, or it could not read it), DUH (read, and not understood) or RSP.

Everything here is pure; the padding's randomness and the time are arguments.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.model.errors import WireError

MOST_FRAME_BYTES: Final = 4096
"""A message with every xdata block that the standard knows stays below 2 KiB encrypted."""
MOST_EVENTS: Final = 16
"""Codes in one SIA block."""
MOST_TEXT_CHARS: Final = 256
"""Of an `I` block (requirements B-46)."""
MOST_SEQUENCE: Final = 9999
MOST_LATE_S: Final = 40
MOST_EARLY_S: Final = 20
"""A message is taken from 40 s after to 20 s before its time (the clocks of both differ)."""
KEY_CHARS: Final = frozenset({16, 24, 32})
_BLOCK: Final = 16
MOST_PADDING: Final = _BLOCK - 1
_ZERO_IV: Final = bytes(_BLOCK)
_LF: Final = 0x0A
_CR: Final = 0x0D
_US: Final = 1_000_000

_HEAD = re.compile(
    r'"(?P<star>\*?)(?P<token>[A-Z0-9-]{1,10})"(?P<sequence>[0-9]{4})'
    r"(?P<path>(?:[RL][0-9A-Fa-f]{1,6}){0,2})"
    r"(?:#(?P<account>[0-9A-Fa-f]{3,16})|#?[Aa]?0)?\["
)
_PATH = re.compile(r"([RL])([0-9A-Fa-f]{1,6})")
_TIME = re.compile(r"_?(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})", re.ASCII)
_CID = re.compile(
    r"(?P<qualifier>[136])(?P<code>\d{3}) (?P<group>[0-9A-F]{2}) (?P<zone>[0-9A-F]{3})"
)
_MODIFIER = re.compile(r"/?(?P<name>[a-z]{2})(?P<value>[0-9:.-]*)")
_EVENT = re.compile(
    r"/?(?P<code>[A-Z]{2})(?P<zone>[0-9]{0,6})(?:\^(?P<text>[^^]*)\^?|\*'?(?P<quoted>[^*']*)'?\*?)?"
)


class Token(Enum):
    """What a frame is."""

    SIA = "SIA-DCS"
    CID = "ADM-CID"
    NULL = "NULL"
    ACK = "ACK"
    NAK = "NAK"
    DUH = "DUH"
    RSP = "RSP"
    OTHER = ""
    """A protocol that this file does not know; the answer to it is DUH."""


_TOKENS: Final = {one.value: one for one in Token if one is not Token.OTHER}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose CRC and length are right; its content is perhaps still encrypted."""

    token: Token
    encrypted: bool
    sequence: int
    """0 (NULL, NAK) to 9999."""
    account: str
    """Upper case; empty if the frame names none."""
    body: str = field(repr=False)
    """What follows the first bracket: text, or hexadecimal digits of what is encrypted."""
    receiver: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What stands between the first bracket and the end, in clear."""

    data: str
    """Without padding and account."""
    extended: tuple[tuple[str, str], ...] = ()
    """Pairs of identifier and value, for example `("I", "Porta")`."""
    utc_us: int | None = None
    """When it was sent, by the sender's clock."""


@dataclass(frozen=True, slots=True)
class SiaEvent:
    """One code of a SIA DC-04 block."""

    code: str
    zone: str = ""
    area: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CidEvent:
    """A Contact ID event."""

    qualifier: int
    """1: new or opening, 3: restored or closing, 6: still there."""
    code: str
    """Three digits."""
    group: str
    zone: str


def crc16(data: bytes) -> int:
    """Return the CRC-16 (polynomial 0xA001, initial value 0) of a frame's text."""
    crc = 0
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


class FrameReader:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete, without LF and CR; empty lines are left out.

        WireError once more than MOST_FRAME_BYTES came without an end.
        """
        self._buffer += data
        frames: list[bytes] = []
        while (end := self._buffer.find(_CR)) >= 0:
            frame = bytes(self._buffer[:end]).lstrip(b"\n \0")
            del self._buffer[: end + 1]
            if frame and len(frame) <= MOST_FRAME_BYTES:
                frames.append(frame)
            elif frame:
                raise WireError(f"a frame of {len(frame)} bytes")
        if len(self._buffer) > MOST_FRAME_BYTES:
            raise WireError(f"{len(self._buffer)} bytes without an end")
        return frames


# reading ------------------------------------------------------------------------------------


def parse(frame: bytes) -> Frame:
    """Return the frame of a line without LF and CR; WireError if it is damaged or none."""
    text = frame.decode("latin-1")
    if not re.match(r'[0-9A-Fa-f]{8}"', text):
        raise WireError("no frame: CRC and length are missing")
    body = frame[8:]
    if int(text[4:8], 16) != len(body):
        raise WireError(f"length {int(text[4:8], 16)} is said, {len(body)} came")
    if int(text[:4], 16) != (made := crc16(body)):
        raise WireError(f"CRC {text[:4].upper()} is said, {made:04X} is right")
    head = _HEAD.match(text, 8)
    if head is None:
        raise WireError("no frame: its head cannot be read")
    path = dict(_PATH.findall(head["path"]))
    return Frame(
        _TOKENS.get(head["token"], Token.OTHER),
        bool(head["star"]),
        int(head["sequence"]),
        (head["account"] or "").upper(),
        text[head.end() :],
        path.get("R", ""),
        path.get("L", ""),
    )


def open_body(frame: Frame, key: bytes | None) -> str:
    """Return a frame's content in clear; WireError if it is encrypted and the key cannot fit."""
    if not frame.encrypted:
        return frame.body
    if key is None:
        raise WireError("encrypted, and there is no key")
    try:
        sealed = bytes.fromhex(frame.body)
    except ValueError:
        raise WireError("encrypted, and not in hexadecimal digits") from None
    if not sealed or len(sealed) % _BLOCK:
        raise WireError(f"encrypted, and {len(sealed)} bytes are no whole blocks")
    opener = Cipher(algorithms.AES(key), modes.CBC(_ZERO_IV)).decryptor()
    return _insist_written(opener.update(sealed) + opener.finalize())


def _insist_written(plain: bytes) -> str:
    """Return decrypted content; WireError for what nobody writes behind the padding.

    The cipher has no authentication: the start of an old message and the end of a fresh one, with
    its time, can be put together without the key, with one block of noise where they meet. Noise
    without a control character is one in a hundred.
    """
    told = plain.partition(b"|")[2]
    try:
        written = told.decode("utf-8")
    except UnicodeDecodeError:
        written = told.decode("latin-1")
    if any(unicodedata.category(one) == "Cc" for one in written):
        raise WireError("encrypted, and what is inside was altered, or the key is another one")
    return plain.decode("latin-1")


def parse_content(body: str, *, padded: bool) -> Content:
    """Return what a body in clear says; WireError if it is none, as with a wrong key.

    `padded`: it was encrypted, so that padding stands before its first `|`, and a time is a must:
    without one, whoever heard it could send it again.
    """
    data, bracket, rest = body.partition("]")
    if not bracket or "[" in data:
        raise WireError("the content's brackets do not match")
    extended: list[tuple[str, str]] = []
    while rest.startswith("["):
        block, bracket, rest = rest[1:].partition("]")
        if not bracket or len(extended) == MOST_EVENTS:
            raise WireError("the content's brackets do not match")
        if block:
            extended.append((block[0], block[1:]))
    utc_us = parse_time(rest) if rest else None
    if padded and utc_us is None:
        raise WireError("encrypted, and without a time")
    return Content(_without_account(data, padded=padded), tuple(extended), utc_us)


def _without_account(data: str, *, padded: bool) -> str:
    """Return the data block without padding and account; the head's account is what counts."""
    parts = data.split("|", 2 if padded else 1)
    if padded and len(parts) == 1:
        return ""  # nothing but padding, as in an encrypted answer
    if not padded or len(parts) < 3:  # noqa: PLR2004 - padding, account, data
        return parts[-1]
    return parts[2] if re.fullmatch(r"#?[0-9A-Fa-f]{3,16}", parts[1]) else "|".join(parts[1:])


def parse_time(text: str) -> int:
    """Return the microseconds UTC of `_HH:MM:SS,MM-DD-YYYY`; WireError if it is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise WireError("the time cannot be read")
    hour, minute, second, month, day, year = map(int, found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise WireError("the time does not exist") from None
    return round(moment.timestamp()) * _US


def parse_sia(data: str) -> tuple[SiaEvent, ...]:
    """Return the events of a SIA DC-04 block, at least one; WireError if there is none."""
    at = 1 if data[:1] in ("N", "O") and not _is_code_at_start(data) else 0
    events: list[SiaEvent] = []
    area = ""
    while at < len(data) and len(events) < MOST_EVENTS:
        if found := _MODIFIER.match(data, at):
            area = found["value"] if found["name"] == "ri" else area
        elif found := _EVENT.match(data, at):
            text = printable(found["text"] or found["quoted"] or "")
            events.append(SiaEvent(found["code"], found["zone"], area, text))
        else:
            break
        at = found.end()
    if not events:
        raise WireError("no SIA code")
    return tuple(events)


def _is_code_at_start(data: str) -> bool:
    """Return whether a block without its `N` begins with a code, as `NA12` or `OP3`."""
    found = re.match(r"[A-Z]+", data)
    return found is not None and len(found.group()) == 2  # noqa: PLR2004 - a code has two letters


def parse_cid(data: str) -> CidEvent:
    """Return the event of a Contact ID block; WireError if it is none."""
    found = _CID.fullmatch(data)
    if found is None:
        raise WireError("no Contact ID event")
    return CidEvent(int(found["qualifier"]), found["code"], found["group"], found["zone"])


def printable(text: str) -> str:
    """Return a text of the other side as one line of bounded length."""
    kept = "".join(one if one.isprintable() else " " for one in text[:MOST_TEXT_CHARS])
    return kept.strip()


# writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a frame comes from."""

    account: str
    line: str = "0"
    receiver: str = ""
    key: bytes | None = field(default=None, repr=False)
    """16, 24 or 32 bytes; None: in clear."""


def message(
    token: Token,
    sender: Sender,
    sequence: int,
    content: Content,
    *,
    padding: str = "",
) -> bytes:
    """Return a frame with LF and CR.

    `padding`: 15 random characters of letters and digits, where the sender has a key; they are
    what keeps two equal messages of the same second apart.
    """
    told = f"#{sender.account}|{content.data}" if content.data else ""
    blocks = "".join(f"[{name}{_clean(value)}]" for name, value in content.extended)
    stamp = "" if content.utc_us is None else format_time(content.utc_us)
    return _frame(token, sender, sequence, f"{told}]{blocks}{stamp}", padding)


def answer(
    token: Token, frame: Frame, utc_us: int, *, key: bytes | None = None, padding: str = ""
) -> bytes:
    """Return the answer to a frame: a NAK tells our time, an encrypted frame is answered so."""
    if token is Token.NAK:
        return _sealed(f'"NAK"0000R0L0A0[]{format_time(utc_us)}')
    sender = Sender(frame.account, frame.line, frame.receiver, key if frame.encrypted else None)
    stamp = format_time(utc_us) if frame.encrypted else ""
    return _frame(token, sender, frame.sequence, f"]{stamp}", padding)


def _frame(token: Token, sender: Sender, sequence: int, content: str, padding: str) -> bytes:
    star = "" if sender.key is None else "*"
    line = f"L{sender.line}" if sender.line else ""
    receiver = f"R{sender.receiver}" if sender.receiver else ""
    account = f"#{sender.account}" if sender.account else ""
    if sender.key is not None:
        content = _encrypt(content, sender.key, padding)
    return _sealed(f'"{star}{token.value}"{sequence:04d}{receiver}{line}{account}[{content}')


def _encrypt(content: str, key: bytes, padding: str) -> str:
    plain = content.encode("latin-1", "replace")
    needed = -(len(plain) + 1) % _BLOCK
    if len(padding) < needed:
        raise ValueError("too little padding")
    closer = Cipher(algorithms.AES(key), modes.CBC(_ZERO_IV)).encryptor()
    whole = padding[:needed].encode("ascii") + b"|" + plain
    return (closer.update(whole) + closer.finalize()).hex().upper()


def _sealed(text: str) -> bytes:
    body = text.encode("latin-1", "replace")
    return b"\n%04X%04X%b\r" % (crc16(body), len(body), body)


def format_time(utc_us: int) -> str:
    """Return `_HH:MM:SS,MM-DD-YYYY`."""
    return datetime.fromtimestamp(utc_us // _US, UTC).strftime("_%H:%M:%S,%m-%d-%Y")


def format_sia(code: str, zone: int) -> str:
    """Return a SIA DC-04 block of area 1."""
    return f"Nri1/{code}{zone:03d}"


def format_cid(event: str, zone: int, *, is_new: bool) -> str:
    """Return a Contact ID block of partition 1."""
    return f"{1 if is_new else 3}{event} 01 {zone:03d}"


def _clean(value: str) -> str:
    """Return a text that ends no block and no frame."""
    return printable("".join(_harmless(value)))


def _harmless(value: str) -> Iterator[str]:
    for one in value:
        yield " " if one in '[]|"' else one
