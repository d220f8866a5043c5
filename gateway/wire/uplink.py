# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Frames of the line between an edge and a room: one JSON object each, and bytes beside it.

    4 bytes  length of all that follows, big-endian
    2 bytes  length of the JSON text
    JSON     {"k": kind, "n": number, "a": number answered, "e": [code, text], "b": body}
    rest     the blob

Pictures do not come this way: they are RTSP on connections of their own (ADR 22).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from gateway.model.errors import WireError

ALPN_LINE = "varco-line/1"
ALPN_MEDIA = "varco-media/1"
ALPN_ENROL = "varco-enrol/1"
MOST_FRAME_BYTES = 256 << 10
MOST_HEAD_BYTES = 60 << 10
MOST_BLOB_BYTES = 64 << 10
"""Larger things are asked for in parts, so that alarms and heartbeats never wait long."""
MOST_KIND = 40
_KIND = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.?")


@dataclass(frozen=True, slots=True)
class Frame:
    """One question, one answer, or one remark (neither number)."""

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""
    number: int = 0
    """Of a question, from 1; 0: no answer is wanted."""
    answers: int = 0
    """Number of the question that this answers; 0: none."""
    error: tuple[str, str] | None = None
    """Code and text of a refusal, in an answer."""


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame; WireError if it is larger than a peer takes."""
    head: dict[str, Any] = {"k": frame.kind}
    if frame.number:
        head["n"] = frame.number
    if frame.answers:
        head["a"] = frame.answers
    if frame.error is not None:
        head["e"] = list(frame.error)
    if frame.body:
        head["b"] = dict(frame.body)
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > MOST_HEAD_BYTES or len(frame.blob) > MOST_BLOB_BYTES:
        raise WireError(f"line: a frame {frame.kind} of {len(text)}+{len(frame.blob)} bytes")
    whole = 2 + len(text) + len(frame.blob)
    return b"".join((whole.to_bytes(4), len(text).to_bytes(2), text, frame.blob))


class FrameDecoder:
    """Bytes in, frames out; WireError ends the connection."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def receive(self, data: bytes) -> list[Frame]:
        """Take what came; return the frames that are whole."""
        self._waiting += data
        frames: list[Frame] = []
        while len(self._waiting) >= 4:  # noqa: PLR2004 - the length field
            size = int.from_bytes(self._waiting[:4])
            if not 2 < size <= MOST_FRAME_BYTES:  # noqa: PLR2004 - the head's length field
                raise WireError(f"line: a frame of {size} bytes")
            if len(self._waiting) < 4 + size:
                break
            frames.append(_parse(bytes(self._waiting[4 : 4 + size])))
            del self._waiting[: 4 + size]
        return frames


def _parse(data: bytes) -> Frame:
    size = int.from_bytes(data[:2])
    if 2 + size > len(data):
        raise WireError("line: a frame's head is longer than the frame")
    text = data[2 : 2 + size]
    try:
        head = json.loads(text, parse_constant=_no_number, parse_float=_number)
        if b"\\u" in text:  # half a surrogate pair would fail wherever it is written
            json.dumps(head, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise WireError("line: a frame that is not JSON") from problem
    if not isinstance(head, dict):
        raise WireError("line: a frame's head is not an object")
    kind, body = head.get("k"), head.get("b", {})
    number, answers = head.get("n", 0), head.get("a", 0)
    if not isinstance(kind, str) or not 0 < len(kind) <= MOST_KIND or not _KIND.issuperset(kind):
        raise WireError("line: a frame without a kind")
    if not isinstance(body, dict):
        raise WireError(f"line: a frame {kind} with a strange body")
    if not all(type(one) is int and 0 <= one < 1 << 53 for one in (number, answers)):
        raise WireError(f"line: a frame {kind} with a strange number")
    return Frame(kind, body, data[2 + size :], number, answers, _error(head.get("e")))


def _no_number(name: str) -> float:
    """Refuse what is not JSON (RFC 8259 §6): NaN compares with nothing."""
    raise ValueError(name)


def _number(text: str) -> float:
    """Return a number that we could write again."""
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _error(value: object) -> tuple[str, str] | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value):  # noqa: PLR2004 - code and text
        return _plain(value[0][:64]), _plain(value[1][:400])
    raise WireError("line: a strange refusal")


def _plain(text: str) -> str:
    """Return one line that can be logged."""
    return "".join(one if one.isprintable() else " " for one in text)
