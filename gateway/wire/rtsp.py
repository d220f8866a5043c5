# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP 1.0 (RFC 2326) without I/O: the byte stream, the client's half, the server's half.

Bytes go into an `RtspReceiver`, which yields messages and runs of interleaved frames. Messages go
into an `RtspClient` or an `RtspServer`, which return the bytes to send. Frames go straight to the
depacketizer, so that a packet costs no object of its own.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, cast
from urllib.parse import urlsplit

from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.registry import Transport
from gateway.wire import sdp
from gateway.wire.digest import Authenticator, Credentials, Manners, Proved, Verifier
from gateway.wire.sdp import MetadataTrack, UnusableStreamError, VideoTrack, printable

DEFAULT_PORT = 554
DEFAULT_TLS_PORT = 322
"""IANA: rtsps."""
MOST_HEAD_BYTES = 16 << 10
"""Twice the usual limit of HTTP servers (8 KiB)."""
MOST_BODY_BYTES = sdp.MOST_BYTES
MOST_HEADERS = 64
"""RFC 2326 §12 defines 37."""
_SPARE_BYTES = 32
"""Behind the last byte, so that a taker may look at a whole head wherever a frame begins."""
BUFFER_BYTES = 96 << 10
"""Holds the largest message (16 + 64 KiB) and the largest frame (4 + 65535 bytes, §10.12)."""
MOST_PENDING = 8
"""Keep-alives that a camera may leave unanswered before the oldest is forgotten."""
MOST_ATTEMPTS = 3
"""Per request: plain, with an answer to the challenge, with an answer to a renewed nonce."""
MOST_REDIRECTS = 3
DEFAULT_SESSION_S = 60
"""RFC 2326 §12.37."""
LEAST_SESSION_S = 4
"""Below that a camera would be kept busy by keep-alives."""
DOLLAR = 0x24
MEDIA_CONTROL = "track0"
"""Control attribute of the video track that a server announces."""
PIPELINE = "pipelined-requests"
"""Header of requests that do not wait for the session that they belong to (RFC 7826 §18.33)."""
_HEAD_END = b"\r\n\r\n"
_USER_AGENT = "Varco"

DOWNGRADE = (
    "wants the password in clear (Basic) although it has used Digest before: refused, "
    "somebody on the way may be asking; if the camera was replaced, enter it anew"
)
"""In errors, after the peer's name."""
_SUCCESS = range(200, 300)
_BUSY = (453, 503)
"""Not Enough Bandwidth, Service Unavailable: others hold all sessions (RFC 2326 §11.3)."""
_MOST_PORT = 65_535
_STATUS = re.compile(r"RTSP/1\.\d (\d{3})(?: (.*))?\Z")
_REQUEST = re.compile(r"([A-Z_]{1,32}) (\S{1,2048}) RTSP/1\.\d\Z")
_INTERLEAVED = re.compile(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?")
_CLIENT_PORT = re.compile(r"client_port=(\d{1,5})(?:-(\d{1,5}))?")
_SERVER_PORT = re.compile(r"server_port=(\d{1,5})(?:-(\d{1,5}))?")
_SESSION = re.compile(r"[ -~]{1,256}")
"""More than RFC 2326 §3.4 allows, and nothing that could begin another header."""
_SOURCE = re.compile(r"source=([0-9A-Za-z.:\[\]%_-]{1,64})")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names in lower case, in the order in which they came."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header (lower case), or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True)
class Request:
    """A request of either side; header names in lower case."""

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header (lower case), or nothing."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Media:
    """Interleaved frames that followed each other (§10.12).

    `frames`: channel and content; the views are valid until `RtspReceiver.space` is called.
    """

    frames: list[tuple[int, memoryview]]


Message: TypeAlias = Response | Request
Event: TypeAlias = Message | Media


class RtspReceiver:
    """Cuts a byte stream into events, in a buffer of fixed size.

    Either fill `space()` and call `received(count)` (no copy), or call `receive(data)`. Nothing of
    the stream stays in the buffer in between, so that many receivers can share one.
    """

    def __init__(self, buffer: bytearray | None = None) -> None:
        """`buffer`: shared by receivers that are used one after the other; else one of its own."""
        self.taker: Callable[[bytearray, int, int], int] | None = None
        """Takes frames of `taken_channel` where they lie, as `H264Depacketizer.receive_frames`."""
        self.taken_channel = -1
        self._buffer = bytearray(BUFFER_BYTES) if buffer is None else buffer
        self._view = memoryview(self._buffer)
        self._room = self._view[:-_SPARE_BYTES]
        self._tail = b""

    def space(self) -> memoryview:
        """Return where the next bytes belong, never empty; ends the life of earlier views."""
        tail = self._tail
        if not tail:
            return self._room
        self._buffer[: len(tail)] = tail
        return self._room[len(tail) :]

    def receive(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes; frames are copied. WireError as `received`."""
        events: list[Event] = []
        at = 0
        while at < len(data):
            space = self.space()
            count = min(len(space), len(data) - at)
            space[:count] = data[at : at + count]
            at += count
            for event in self.received(count):
                if isinstance(event, Media):
                    copies = [(channel, memoryview(bytes(view))) for channel, view in event.frames]
                    events.append(Media(copies))
                else:
                    events.append(event)
        return events

    def received(self, count: int) -> list[Event]:
        """Return the events that the last `count` bytes complete.

        WireError for what is neither RTSP nor an interleaved frame; the stream is lost then.
        """
        buffer, view = self._buffer, self._view
        taken, taker = self.taken_channel, self.taker
        end = len(self._tail) + count
        at = 0
        events: list[Event] = []
        frames: list[tuple[int, memoryview]] = []
        while end - at >= 4:  # noqa: PLR2004 - the least that a frame or a message begins with
            if buffer[at] == DOLLAR:
                if buffer[at + 1] == taken and taker is not None:
                    following = taker(buffer, at, end)
                    if following == at:
                        break
                    at = following
                    continue
                following = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if following > end:
                    break
                frames.append((buffer[at + 1], view[at + 4 : following]))
                at = following
                continue
            if buffer[at] in b"\r\n":
                at += 1
                continue
            message, following = self._message(at, end)
            if message is None:
                break
            if frames:
                events.append(Media(frames))
                frames = []
            events.append(message)
            at = following
        if frames:
            events.append(Media(frames))
        self._tail = bytes(view[at:end]) if at < end else b""
        return events

    def _message(self, at: int, end: int) -> tuple[Message | None, int]:
        """Return the message that begins at `at` and where it ends, or None while incomplete."""
        line_end = self._buffer.find(b"\r\n", at, end)
        if line_end < 0:
            _check_beginning(bytes(self._buffer[at : min(end, at + MOST_HEAD_BYTES)]))
            if end - at >= MOST_HEAD_BYTES:
                raise WireError(f"RTSP start line longer than {MOST_HEAD_BYTES} bytes")
            return None, at
        start = bytes(self._buffer[at:line_end]).decode("latin-1")
        answer, request = _STATUS.match(start), _REQUEST.match(start)
        if not answer and not request:
            raise WireError(f"neither RTSP nor interleaved data: {printable(start, 40)!r}")
        head_end = self._buffer.find(_HEAD_END, line_end, end)
        if head_end < 0:
            if end - at > MOST_HEAD_BYTES:
                raise WireError(f"RTSP headers longer than {MOST_HEAD_BYTES} bytes")
            return None, at
        headers = _headers(bytes(self._buffer[line_end:head_end]).decode("latin-1"))
        following = head_end + len(_HEAD_END) + _content_length(headers)
        if following > end:
            return None, at
        body = bytes(self._buffer[head_end + len(_HEAD_END) : following])
        if answer:
            return Response(int(answer[1]), printable(answer[2] or ""), headers, body), following
        assert request is not None  # noqa: S101 - one of the two matched
        return Request(request[1], request[2], headers, body), following


def _check_beginning(data: bytes) -> None:
    """Refuse early what can no longer become a start line."""
    start = data[:40].rstrip(b"\r")
    if not (start.isascii() and start.decode("ascii").isprintable()):
        raise WireError(f"neither RTSP nor interleaved data: {data[:16].hex(' ')}")


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in text.split("\r\n"):
        if line[:1] in (" ", "\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}")
        elif ":" in line:
            name, _, value = line.partition(":")
            headers.append((name.strip().lower(), value.strip()))
    if len(headers) > MOST_HEADERS:
        raise WireError(f"RTSP message with {len(headers)} headers (at most {MOST_HEADERS})")
    return tuple(headers)


def _content_length(headers: tuple[tuple[str, str], ...]) -> int:
    value = next((value for key, value in headers if key == "content-length"), "0")
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise WireError(f"RTSP content length {printable(value, 20)!r}")
    if int(value) > MOST_BODY_BYTES:
        raise WireError(f"RTSP body of {value} bytes (at most {MOST_BODY_BYTES})")
    return int(value)


@dataclass(frozen=True, slots=True)
class RtspUrl:
    """An RTSP address without credentials."""

    host: str
    port: int
    text: str
    """As sent in requests."""
    is_tls: bool = False
    name: str = ""
    """What is shown in place of the address, if anything."""

    @property
    def peer(self) -> str:
        """Return what may be shown: no path and no query, since cameras hide passwords there."""
        if self.name:
            return self.name
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rtsps' if self.is_tls else 'rtsp'}://{host}:{self.port}"


def parse_url(text: str) -> RtspUrl:
    """Return the parts of an `rtsp://` or `rtsps://` URL; WireError that repeats no secret."""
    try:
        parts = urlsplit(text)
        is_tls = parts.scheme == "rtsps"
        host, port = parts.hostname, parts.port or (DEFAULT_TLS_PORT if is_tls else DEFAULT_PORT)
    except ValueError:
        raise WireError("RTSP URL: impossible host or port") from None
    if parts.scheme not in ("rtsp", "rtsps") or not host:
        raise WireError("RTSP URL: must begin with rtsp:// or rtsps:// and a host")
    if parts.username is not None or parts.password is not None:
        raise WireError("RTSP URL: must not contain credentials")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WireError("RTSP URL: only printable ASCII without spaces")
    return RtspUrl(host, port, text, is_tls)


class MovedError(PeerError):
    """The camera sends us to another address, which is allowed: connect there."""

    def __init__(self, words: str, target: RtspUrl) -> None:
        super().__init__(words)
        self.target = target


class Step(Enum):
    """How far the client's session has come."""

    IDLE = "idle"
    OPTIONS = "OPTIONS"
    DESCRIBE = "DESCRIBE"
    SETUP = "SETUP"
    PLAY = "PLAY"
    PLAYING = "playing"


QUIRKS: Mapping[str, str] = {
    "answers-without-cseq": "an answer without CSeq belongs to the only request that waits",
    "answers-with-odd-cseq": "so does one whose CSeq was never sent (`CSeq: 0`); an answer to what "
    "was answered already belongs to nothing",
    "base-without-slash": "every base is taken as if it ended in a slash",
    "base-behind-nat": "a Content-Base that names another host means ours: the line is the same",
    "base-with-query": "control words are appended after the query of the base",
    "channels-of-its-own": "other interleaved channels than those asked for are taken",
    "transport-not-repeated": "SETUP answered without Transport means what was asked for",
    "tcp-although-udp": "interleaved, although UDP was asked for, is taken",
    "transport-refused": "461: the other transport is asked for, once",
    "metadata-refused": "a metadata track that cannot be set up is left out, with a remark",
    "range-refused": "457: PLAY is asked for again without a Range",
    "options-refused": "OPTIONS may fail",
    "keep-alive-refused": "who announces GET_PARAMETER and refuses it is kept alive by OPTIONS",
    "session-with-spaces": "spaces around the session's id and its time are not part of them",
    "blank-lines": "empty lines between messages mean nothing",
}
"""What the client tolerates, by name; each has a recorded exchange, `tests/golden/quirk-*.rtsp`."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the client is to agree on."""

    transport: Transport = Transport.TCP
    wants_metadata: bool = False
    hosts: tuple[str, ...] = ()
    """Hosts besides the URL's own to which the camera may send us."""
    peer_address: str = ""
    """Numeric address at the other end; a `source` that differs is refused."""
    open_ports: Callable[[], int] | None = None
    """Opens an even port and the odd one above, returns the even one; None: UDP is out."""
    manners: Manners | None = None
    """What is remembered of how this camera has us prove ourselves."""
    pipelined: bool = False
    """The other end is a box of ours: DESCRIBE, SETUP and PLAY go out at once, and it says no in
    words of its own."""


@dataclass(slots=True)
class Lane:
    """One track and how it comes."""

    track: VideoTrack | MetadataTrack
    transport: Transport = Transport.TCP
    rtp: int = 0
    """Interleaved channel, or our own port."""
    rtcp: int = 1
    server_rtp: int = 0
    """The port that the camera sends from; 0 if it did not say, or over TCP."""
    server_rtcp: int = 0
    """The same for RTCP."""


@dataclass(slots=True)
class _Pending:
    """A request that waits for its answer."""

    method: str
    uri: str
    headers: tuple[str, ...]
    attempts: int = 1


class RtspClient:
    """The client's half: OPTIONS, DESCRIBE, SETUP of video (and metadata), PLAY, keep-alive.

    Audio is never set up (it stays at the camera). Credentials are sent only after a challenge,
    and only to the host that was configured and those allowed besides.
    """

    def __init__(
        self,
        url: RtspUrl,
        credentials: Credentials | None,
        make_cnonce: Callable[[], str],
        wishes: Wishes = Wishes(),
    ) -> None:
        """`credentials`: None if the camera needs none; `make_cnonce` returns random text."""
        self.url = url
        self.step = Step.IDLE
        self.lanes: list[Lane] = []
        """The first is video; known once DESCRIBE was answered, agreed on when PLAYING."""
        self.session_s = DEFAULT_SESSION_S
        """After so many seconds without a request the camera may end the session."""
        self.stray_messages = 0
        self.server = ""
        """How the camera names itself."""
        self.remark = ""
        """What had to be done otherwise than asked for, one line."""
        self._peer = url.peer
        self._wishes = wishes
        self._transport = wishes.transport
        self._authenticator: Authenticator | None = None
        if credentials:
            sealed = url.is_tls
            manners = wishes.manners
            self._authenticator = Authenticator(credentials, make_cnonce, manners, is_sealed=sealed)
        self._sequence = 0
        self._pending: dict[int, _Pending] = {}
        self._session = ""
        self._base = url.text
        self._aggregate = url.text
        self._public = ""
        self._redirects = 0
        self._agreed = 0
        self._next: Mapping[Step, Callable[[Response], bytes]] = {
            Step.OPTIONS: self._describe,
            Step.DESCRIBE: self._described,
            Step.SETUP: self._set_up,
            Step.PLAY: self._playing,
            Step.PLAYING: lambda _: b"",
        }

    @property
    def track(self) -> VideoTrack | None:
        """The video track; None before DESCRIBE was answered."""
        return cast("VideoTrack", self.lanes[0].track) if self.lanes else None

    @property
    def rtp_channel(self) -> int:
        """Interleaved channel of the pictures."""
        return self.lanes[0].rtp if self.lanes else 0

    @property
    def rtcp_channel(self) -> int:
        """Interleaved channel of their reports."""
        return self.lanes[0].rtcp if self.lanes else 1

    @property
    def authentication(self) -> str:
        """How the camera had us prove ourselves; empty if it did not."""
        return self._authenticator.scheme if self._authenticator else ""

    def start(self) -> bytes:
        """Return the first request; of a pipeline all of them."""
        if self._wishes.pipelined:
            return self._start_all()
        self.step = Step.OPTIONS
        return self._request("OPTIONS", self.url.text)

    def _start_all(self) -> bytes:
        """Return DESCRIBE, SETUP and PLAY, which are answered in this order."""
        self.step = Step.DESCRIBE
        uri, mark = self.url.text, f"{PIPELINE}: 1"
        asked = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        return b"".join(
            (
                self._request("DESCRIBE", uri, "Accept: application/sdp"),
                self._request("SETUP", resolve(uri, MEDIA_CONTROL), asked, mark),
                self._request("PLAY", uri, mark),
            )
        )

    def keep_alive(self) -> bytes:
        """Return a request that keeps the session alive; send one each `session_s` / 2."""
        if "GET_PARAMETER" in self._public:
            return self._request("GET_PARAMETER", self._aggregate)
        return self._request("OPTIONS", self._aggregate)

    def tear_down(self) -> bytes:
        """Return the request that ends the session; its answer need not be awaited."""
        return self._request("TEARDOWN", self._aggregate) if self._session else b""

    def receive(self, message: Message) -> bytes:
        """Take a message, return what to send next.

        CredentialError if the camera refuses the user, UnusableStreamError if it offers nothing
        that we can take, MovedError if it sends us elsewhere, PeerError for everything else that
        ends the session.
        """
        if isinstance(message, Request):
            return self._serve(message)
        pending = self._answered(message)
        if pending is None:
            self.stray_messages += 1
            return b""
        self._note(message)
        if message.status == 401:  # noqa: PLR2004 - Unauthorized
            return self._authorize(message, pending)
        if message.status in (301, 302):
            return self._redirect(message.header("location"))
        if message.status not in _SUCCESS and not self._is_optional(pending):
            return self._otherwise(message, pending)
        if self.step is not Step.PLAYING and pending.method != self.step.value:
            return b""
        return self._next[self.step](message)

    def _note(self, response: Response) -> None:
        if not self.server:
            self.server = printable(response.header("server"))
        information = response.header("authentication-info")
        if information and self._authenticator:
            self._authenticator.informed(information)

    def _answered(self, response: Response) -> _Pending | None:
        """Return the request that is answered; a CSeq that was never sent means the only one."""
        word = response.header("cseq")
        number = int(word) if re.fullmatch(r"[0-9]{1,9}", word) else 0
        if not 1 <= number <= self._sequence and len(self._pending) == 1:
            return self._pending.popitem()[1]
        return self._pending.pop(number, None)

    def _is_optional(self, pending: _Pending) -> bool:
        """Return whether a refusal changes nothing: OPTIONS, and keep-alives of a live session."""
        if self.step is Step.PLAYING and pending.method == "GET_PARAMETER":
            self._public = ""
            return True
        return pending.method == "OPTIONS"

    def _request(self, method: str, uri: str, *headers: str) -> bytes:
        return self._send(_Pending(method, uri, headers))

    def _send(self, pending: _Pending) -> bytes:
        self._sequence += 1
        if len(self._pending) >= MOST_PENDING:
            del self._pending[min(self._pending)]
        self._pending[self._sequence] = pending
        lines = [
            f"{pending.method} {pending.uri} RTSP/1.0",
            f"CSeq: {self._sequence}",
            f"User-Agent: {_USER_AGENT}",
            *pending.headers,
        ]
        if self._session:
            lines.append(f"Session: {self._session}")
        if self._authenticator:
            answer = self._authenticator.authorization(pending.method, pending.uri)
            if answer is not None:
                lines.append(f"Authorization: {answer}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _authorize(self, response: Response, pending: _Pending) -> bytes:
        """Answer a challenge once; again only if the camera calls the nonce stale."""
        if self._authenticator is None:
            raise CredentialError(f"{self._peer} wants a user and a password, none is configured")
        challenge = self._authenticator.challenged(response.all("www-authenticate"))
        if self._authenticator.is_downgrade:
            raise CredentialError(f"{self._peer} {DOWNGRADE}")
        if challenge is None:
            raise CredentialError(f"{self._peer} wants an authentication that is not supported")
        was_refused = pending.attempts > 1 and not challenge.stale
        if was_refused or pending.attempts >= MOST_ATTEMPTS:
            raise CredentialError(f"{self._peer} refuses the user or the password")
        pending.attempts += 1
        return self._send(pending)

    def _is_allowed(self, host: str) -> bool:
        """Return whether the camera may send us there: itself, and what was configured."""
        known = {self.url.host.lower(), *(one.lower().strip("[]") for one in self._wishes.hosts)}
        return host.lower() in known

    def _redirect(self, location: str) -> bytes:
        """Follow on this connection if it leads there, else raise MovedError if it may be.

        Once a stream is described the connection is bound to it: then we come anew.
        """
        try:
            target = parse_url(location)
        except WireError:
            raise PeerError(f"{self._peer} redirects to an address that cannot be used") from None
        where = printable(target.peer)
        if not self._is_allowed(target.host):
            raise PeerError(f"{self._peer} redirects to {where}: not followed to another host")
        if self.url.is_tls and not target.is_tls:
            raise PeerError(f"{self._peer} redirects to {where}: not followed out of TLS")
        self._redirects += 1
        if self._redirects > MOST_REDIRECTS:
            raise PeerError(f"{self._peer} redirects in a circle")
        ours, theirs = ((one.host, one.port, one.is_tls) for one in (self.url, target))
        if ours != theirs or self.lanes:
            raise MovedError(f"{self._peer} redirects to {where}", target)
        self._pending.clear()
        self.url = target
        self._base = self._aggregate = target.text
        return self.start()

    def _otherwise(self, response: Response, pending: _Pending) -> bytes:
        """Return another way to what was refused; PeerError if there is none."""
        status = response.status
        if pending.method == "SETUP" and self.step is Step.SETUP and self._agreed < len(self.lanes):
            if self._agreed:
                self.remark = f"metadata track refused: {status} {response.reason}"
                del self.lanes[self._agreed :]
                return self._set_up_next()
            if status == 461 and self._transport is self._wishes.transport:  # noqa: PLR2004
                return self._other_transport(response, pending)
        if status == 457 and pending.method == "PLAY" and pending.headers:  # noqa: PLR2004
            return self._request("PLAY", pending.uri)
        raise self._refusal(response, pending)

    def _other_transport(self, response: Response, pending: _Pending) -> bytes:
        was_udp = self._transport is Transport.UDP
        if not was_udp and self._wishes.open_ports is None:
            raise self._refusal(response, pending)
        self._transport = Transport.TCP if was_udp else Transport.UDP
        names = ("UDP", "TCP") if was_udp else ("TCP", "UDP")
        self.remark = f"{names[0]} refused (461), {names[1]} taken"
        return self._set_up_next()

    def _refusal(self, response: Response, pending: _Pending) -> PeerError:
        words = f"{self._peer} answers {response.status} {response.reason} to {pending.method}"
        if self._wishes.pipelined:
            return PeerError(f"{self._peer}: {response.reason}")
        if response.status in _BUSY:
            busy = BusyError(words)
            wait = response.header("retry-after")
            busy.retry_after_s = float(wait) if re.fullmatch(r"[0-9]{1,3}", wait) else 0.0
            return busy
        if response.status == 403:  # noqa: PLR2004 - Forbidden
            full = re.search(r"threshold|limit|online|maximum", response.reason, re.IGNORECASE)
            return BusyError(words) if full else CredentialError(words)
        kind = UnusableStreamError if response.status in (404, 406, 415, 461) else PeerError
        return kind(words)

    def _serve(self, request: Request) -> bytes:
        """Answer the camera's own requests (RFC 2326 §10)."""
        if request.method == "REDIRECT" and request.header("location"):
            return self._redirect(request.header("location"))
        if request.method in ("TEARDOWN", "REDIRECT"):
            raise PeerError(f"{self._peer} ended the session ({request.method})")
        known = request.method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE")
        status = "200 OK" if known else "501 Not Implemented"
        sequence = printable(request.header("cseq"), 20)
        return f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n\r\n".encode()

    def _describe(self, response: Response) -> bytes:
        self._public = response.header("public").upper()
        self.step = Step.DESCRIBE
        return self._request("DESCRIBE", self.url.text, "Accept: application/sdp")

    def _described(self, response: Response) -> bytes:
        try:
            description = sdp.parse(response.body)
            tracks = sdp.choose(description)
        except UnusableStreamError as error:
            raise UnusableStreamError(f"{self._peer}: {error}") from None
        except WireError as error:
            raise WireError(f"{self._peer}: {error}") from None
        self.lanes = [Lane(tracks.video)]
        if self._wishes.wants_metadata and tracks.metadata is not None:
            self.lanes.append(Lane(tracks.metadata))
        stated = response.header("content-base") or response.header("content-location")
        self._base = self._our_own(resolve(self.url.text, stated))
        self._aggregate = self._control(description.control)
        self.step = Step.SETUP
        return self._set_up_next()

    def _our_own(self, base: str) -> str:
        """Return a base that names this host: cameras behind NAT tell the address they know."""
        host = _host(base)
        if not host:
            return self.url.text
        if self._is_allowed(host):
            return base
        ours = urlsplit(self.url.text)
        return urlsplit(base)._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()

    def _control(self, control: str) -> str:
        """Return the address of a track; PeerError if it is on a host that is not allowed."""
        uri = resolve(self._base, control)
        host = _host(uri)
        if not self._is_allowed(host):
            advice = "allow that host for the camera if it is right"
            raise PeerError(f"{self._peer} has its track on {printable(host)}: refused ({advice})")
        return uri

    def _set_up_next(self) -> bytes:
        """Return the SETUP of the next track, or PLAY once all are agreed on."""
        if self._wishes.pipelined:  # it is on its way
            self.step = Step.PLAY if self._agreed else Step.SETUP
            return b""
        if self._agreed == len(self.lanes):
            self.step = Step.PLAY
            return self._request("PLAY", self._aggregate, "Range: npt=0.000-")
        lane = self.lanes[self._agreed]
        lane.transport = self._transport
        if self._transport is Transport.UDP:
            if self._wishes.open_ports is None:
                raise UnusableStreamError(f"{self._peer}: UDP is not possible here")
            lane.rtp = self._wishes.open_ports()
            lane.rtcp = lane.rtp + 1
            asked = f"RTP/AVP;unicast;client_port={lane.rtp}-{lane.rtcp}"
        else:
            lane.rtp, lane.rtcp = 2 * self._agreed, 2 * self._agreed + 1
            asked = f"RTP/AVP/TCP;unicast;interleaved={lane.rtp}-{lane.rtcp}"
        return self._request("SETUP", self._control(lane.track.control), f"Transport: {asked}")

    def _set_up(self, response: Response) -> bytes:
        """Take what the camera agreed to for one track."""
        lane = self.lanes[self._agreed]
        transport = response.header("transport")
        channels = _INTERLEAVED.search(transport)
        is_tcp = channels is not None or "TCP" in transport.upper()
        if lane.transport is Transport.TCP and transport and not is_tcp:
            raise UnusableStreamError(f"{self._peer} does not offer RTP over TCP")
        if channels:
            lane.transport = self._transport = Transport.TCP
            lane.rtp = int(channels[1])
            lane.rtcp = int(channels[2] or lane.rtp + 1)
        elif lane.transport is Transport.UDP:
            self._take_ports(lane, transport)
        session, _, rest = response.header("session").partition(";")
        self._session = self._identifier(session.strip()) or self._session
        timeout = re.search(r"timeout\s*=\s*([0-9]{1,6})", rest)
        self.session_s = max(LEAST_SESSION_S, int(timeout[1]) if timeout else DEFAULT_SESSION_S)
        self._agreed += 1
        return self._set_up_next()

    def _identifier(self, session: str) -> str:
        """Return what each request will repeat; WireError if it would break a header."""
        if session and not _SESSION.fullmatch(session):
            name = printable(session, 40)
            raise WireError(f"{self._peer}: {name!r} cannot be a session's identifier")
        return session

    def _take_ports(self, lane: Lane, transport: str) -> None:
        """Note where a camera sends from; nobody else's packets are taken, whatever it says."""
        source = _SOURCE.search(transport)
        if source and not self._is_peer(source[1]):
            where = printable(source[1])
            raise PeerError(f"{self._peer} names {where} as the source of its pictures: refused")
        ports = _SERVER_PORT.search(transport)
        if ports and 0 < int(ports[1]) <= _MOST_PORT:
            lane.server_rtp = int(ports[1])
            control = int(ports[2] or lane.server_rtp + 1)
            lane.server_rtcp = control if control <= _MOST_PORT else 0

    def _is_peer(self, source: str) -> bool:
        """Return whether a `source` is the other end of this connection, or says nothing."""
        try:
            named = ipaddress.ip_address(source.strip("[]"))
        except ValueError:
            return source.lower() == self.url.host.lower()
        if named.is_unspecified:
            return True
        try:
            return named == ipaddress.ip_address(self._wishes.peer_address)
        except ValueError:
            return False

    def _playing(self, _: Response) -> bytes:
        self.step = Step.PLAYING
        return b""


def _host(uri: str) -> str:
    """Return the host that a URI names; nothing if that makes no sense."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def resolve(base: str, control: str) -> str:
    """Return the URL that a control attribute means under `base` (RFC 2326 C.1.1).

    Cameras expect their text appended, query or not, as if every base ended in a slash; merging
    as in RFC 3986 would lose the last path segment. `*`, nothing, and what could break the request
    line mean the base itself.
    """
    if not control or control == "*" or not control.isascii() or not control.isprintable():
        return base
    if " " in control:
        return base
    if control.lower().startswith(("rtsp://", "rtspu://", "rtsps://")):
        return control
    if control.startswith("/"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}{control}"
    return base + control if base.endswith("/") else f"{base}/{control}"


class ServerState(Enum):
    """Where a served session stands (RFC 2326 A.2)."""

    INIT = "init"
    READY = "ready"
    PLAYING = "playing"
    ENDED = "ended"


METADATA_CONTROL = "track1"
_CONTROLS = (MEDIA_CONTROL, METADATA_CONTROL)
_PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
_MOVES: Mapping[tuple[ServerState, str], ServerState] = {
    (ServerState.INIT, "SETUP"): ServerState.READY,
    (ServerState.READY, "SETUP"): ServerState.READY,
    (ServerState.READY, "PLAY"): ServerState.PLAYING,
    (ServerState.PLAYING, "PLAY"): ServerState.PLAYING,
    (ServerState.INIT, "TEARDOWN"): ServerState.ENDED,
    (ServerState.READY, "TEARDOWN"): ServerState.ENDED,
    (ServerState.PLAYING, "TEARDOWN"): ServerState.ENDED,
}
"""What each request does to the session; other pairs get 455 (methods without state are free)."""


@dataclass(frozen=True, slots=True)
class ServedLane:
    """How one track goes to a client."""

    transport: Transport
    rtp: int
    """Interleaved channel, or the client's port."""
    rtcp: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a server grants besides pictures over TCP to whoever proves himself."""

    verifier_of: Callable[[str], Verifier | None] | None = None
    """Who may see a path; None: the same for all paths."""
    open_ports: Callable[[str], int] | None = None
    """Opens a pair of ports for a track, returns the even one or 0; None: no UDP."""
    refuses: Callable[[], int] | None = None
    """Returns the status with which a new session is refused, or 0."""
    tcp: bool = True
    """Interleaved delivery is offered."""


class RtspServer:
    """The server's half for one connection: a video track and, if announced, one of metadata."""

    def __init__(
        self,
        describe: Callable[[str], bytes | None],
        verifier: Verifier | None,
        session: str,
        terms: Terms = Terms(),
    ) -> None:
        """`describe` returns the SDP of a path or None; `session`: unguessable identifier."""
        self.state = ServerState.INIT
        self.path = ""
        """Path that was set up, without slashes around it."""
        self.lanes: dict[str, ServedLane] = {}
        """By control attribute: what was set up."""
        self._describe_path = describe
        self._verifier = verifier
        self._session = session
        self._terms = terms
        self._methods: Mapping[str, Callable[[Request], tuple[int, tuple[str, ...], bytes]]] = {
            "OPTIONS": lambda _: (200, (f"Public: {_PUBLIC}",), b""),
            "GET_PARAMETER": lambda _: (200, (f"Session: {self._session}",), b""),
            "DESCRIBE": self._describe,
            "SETUP": self._set_up,
            "PLAY": self._play,
            "TEARDOWN": lambda _: (200, (), b""),
        }

    @property
    def rtp_channel(self) -> int:
        """Interleaved channel of the video."""
        lane = self.lanes.get(MEDIA_CONTROL)
        return lane.rtp if lane else 0

    def receive(self, message: Message, now_s: float) -> bytes:
        """Take a message, return the answer; watch `state` for what it changed.

        `now_s`: any clock in seconds that does not step back; dates the nonces.
        """
        if isinstance(message, Response):
            return b""
        status, headers, body = self._answer(message, now_s)
        following = _MOVES.get((self.state, message.method))
        if status == 200 and following is not None:  # noqa: PLR2004 - OK
            self.state = following
        lines = [
            f"RTSP/1.0 {status} {_REASONS[status]}",
            f"CSeq: {printable(message.header('cseq'), 20)}",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def _answer(self, request: Request, now_s: float) -> tuple[int, tuple[str, ...], bytes]:
        method = self._methods.get(request.method)
        if method is None:
            return 501, (f"Public: {_PUBLIC}",), b""
        if request.method != "OPTIONS":
            refusal = self._challenge(request, now_s)
            if refusal:
                return 401, refusal, b""
        if request.method in ("SETUP", "PLAY", "TEARDOWN"):
            if (self.state, request.method) not in _MOVES:
                return 455, (), b""
            named = request.header("session").partition(";")[0].strip()
            if (named or self.state is not ServerState.INIT) and named != self._session:
                return 454, (), b""
        return method(request)

    def _challenge(self, request: Request, now_s: float) -> tuple[str, ...]:
        """Return the headers of a 401, or nothing if the request may pass."""
        verifier = self._verifier
        if self._terms.verifier_of is not None:
            verifier = self._terms.verifier_of(_mount(request.uri)[0])
        if verifier is None:
            return ()
        header = request.header("authorization")
        proved = Proved.NO
        if header:
            proved = verifier.verify(header, request.method, request.uri, now_s)
        if proved is Proved.YES:
            return ()
        challenges = verifier.challenges(now_s, stale=proved is Proved.STALE)
        return tuple(f"WWW-Authenticate: {challenge}" for challenge in challenges)

    def _describe(self, request: Request) -> tuple[int, tuple[str, ...], bytes]:
        body = self._describe_path(_path(request.uri))
        if body is None:
            return 404, (), b""
        base = request.uri if request.uri.endswith("/") else request.uri + "/"
        return 200, (f"Content-Base: {base}", "Content-Type: application/sdp"), body

    def _play(self, _: Request) -> tuple[int, tuple[str, ...], bytes]:
        """Let only those play who set up what they were allowed to describe."""
        return 200, (f"Session: {self._session}", "Range: npt=now-"), b""

    def _set_up(self, request: Request) -> tuple[int, tuple[str, ...], bytes]:
        path, control = _mount(request.uri)
        description = self._describe_path(path)
        is_offered = control == MEDIA_CONTROL or f":{control}\r".encode() in (description or b"")
        if description is None or not is_offered:
            return 404, (), b""
        if self.state is not ServerState.INIT and path != self.path:
            return 459, (), b""
        status = self._terms.refuses() if self._terms.refuses and not self.lanes else 0
        if status:
            return status, (), b""
        transport = request.header("transport")
        answer = self._grant_tcp(control, transport) or self._grant_udp(control, transport)
        if not answer:
            return 461, (), b""
        self.path = path
        session = f"Session: {self._session};timeout={DEFAULT_SESSION_S}"
        return 200, (f"Transport: {answer}", session), b""

    def _grant_tcp(self, control: str, transport: str) -> str:
        channels = _INTERLEAVED.search(transport)
        first = int(channels[1]) if channels else 2 * len(self.lanes)
        is_asked = "TCP" in transport.upper() and self._terms.tcp
        if not is_asked or first >= 255:  # noqa: PLR2004 - an octet and the next
            return ""
        self.lanes[control] = ServedLane(Transport.TCP, first, first + 1)
        return f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"

    def _grant_udp(self, control: str, transport: str) -> str:
        ports = _CLIENT_PORT.search(transport)
        if "TCP" in transport.upper() or ports is None or self._terms.open_ports is None:
            return ""
        first, second = int(ports[1]), int(ports[2] or int(ports[1]) + 1)
        if not (0 < first < 65_536 and 0 < second < 65_536):  # noqa: PLR2004 - sixteen bits
            return ""
        ours = self._terms.open_ports(control)
        if not ours:
            return ""
        self.lanes[control] = ServedLane(Transport.UDP, first, second)
        pairs = f"client_port={first}-{second};server_port={ours}-{ours + 1}"
        return f"RTP/AVP;unicast;{pairs}"


_REASONS: Mapping[int, str] = {
    200: "OK",
    401: "Unauthorized",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
}


def _mount(uri: str) -> tuple[str, str]:
    """Return path and control attribute of a request URI; without one the video is meant."""
    path = _path(uri)
    head, _, control = path.rpartition("/")
    return (head, control) if control in _CONTROLS else (path, MEDIA_CONTROL)


def _path(uri: str) -> str:
    """Return the path of a request URI without slashes around it; nothing if it has none."""
    try:
        return urlsplit(uri).path.strip("/")
    except ValueError:
        return ""
