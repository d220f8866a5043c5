# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP 1.0 (RFC 2326) without I/O: the byte stream, the client's half, the server's half.

Bytes go into an `RtspReceiver`, which yields messages and runs of interleaved frames. Messages go
into an `RtspClient` or an `RtspServer`, which return the bytes to send. Frames go straight to the
depacketizer, so that a packet costs no object of its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from urllib.parse import urlsplit

from gateway.model.errors import CredentialError, PeerError, WireError
from gateway.wire import sdp
from gateway.wire.digest import Authenticator, Credentials, Proved, Verifier
from gateway.wire.sdp import UnusableStreamError, VideoTrack, printable

DEFAULT_PORT = 554
MOST_HEAD_BYTES = 16 << 10
"""Twice the usual limit of HTTP servers (8 KiB)."""
MOST_BODY_BYTES = sdp.MOST_BYTES
MOST_HEADERS = 64
"""RFC 2326 §12 defines 37."""
BUFFER_BYTES = 96 << 10
"""Holds the largest message (16 + 64 KiB) and the largest frame (4 + 65535 bytes, §10.12)."""
_COMPACT_BELOW_BYTES = 32 << 10
"""Free space below which unread bytes move to the front."""
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
_HEAD_END = b"\r\n\r\n"
_USER_AGENT = "Varco"

_SUCCESS = range(200, 300)
_STATUS = re.compile(r"RTSP/1\.\d (\d{3})(?: (.*))?\Z")
_REQUEST = re.compile(r"([A-Z_]{1,32}) (\S{1,2048}) RTSP/1\.\d\Z")
_INTERLEAVED = re.compile(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?")


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

    Either fill `space()` and call `received(count)` (no copy), or call `receive(data)`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = 0
        self._end = 0

    def space(self) -> memoryview:
        """Return where the next bytes belong, never empty; ends the life of earlier views."""
        if self._begin and BUFFER_BYTES - self._end < _COMPACT_BELOW_BYTES:
            kept = self._end - self._begin
            self._buffer[:kept] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, kept
        return self._view[self._end :]

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
        end = self._end = self._end + count
        at = self._begin
        events: list[Event] = []
        frames: list[tuple[int, memoryview]] = []
        while end - at >= 4:  # noqa: PLR2004 - the least that a frame or a message begins with
            if buffer[at] == DOLLAR:
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
        if at == end:
            at = self._end = 0
        self._begin = at
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

    @property
    def peer(self) -> str:
        """Return what may be shown: no path and no query, since cameras hide passwords there."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.port}"


def parse_url(text: str) -> RtspUrl:
    """Return the parts of an `rtsp://` URL; WireError without repeating what may be a secret."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        raise WireError("RTSP URL: impossible host or port") from None
    if parts.scheme != "rtsp" or not host:
        raise WireError("RTSP URL: must begin with rtsp:// and a host")
    if parts.username is not None or parts.password is not None:
        raise WireError("RTSP URL: must not contain credentials")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WireError("RTSP URL: only printable ASCII without spaces")
    return RtspUrl(host, port, text)


class Step(Enum):
    """How far the client's session has come."""

    IDLE = "idle"
    OPTIONS = "OPTIONS"
    DESCRIBE = "DESCRIBE"
    SETUP = "SETUP"
    PLAY = "PLAY"
    PLAYING = "playing"


@dataclass(slots=True)
class _Pending:
    """A request that waits for its answer."""

    method: str
    uri: str
    headers: tuple[str, ...]
    attempts: int = 1


class RtspClient:
    """The client's half: OPTIONS, DESCRIBE, SETUP of one video track, PLAY, keep-alive.

    Nothing but video is ever set up (audio stays at the camera). Credentials are sent only after
    a challenge, and only on the connection to the host that was configured.
    """

    def __init__(
        self, url: RtspUrl, credentials: Credentials | None, make_cnonce: Callable[[], str]
    ) -> None:
        """`credentials`: None if the camera needs none; `make_cnonce` returns random text."""
        self.url = url
        self.step = Step.IDLE
        self.track: VideoTrack | None = None
        """Known once DESCRIBE was answered."""
        self.rtp_channel = 0
        self.rtcp_channel = 1
        self.session_s = DEFAULT_SESSION_S
        """After so many seconds without a request the camera may end the session."""
        self.stray_messages = 0
        self._peer = url.peer
        self._authenticator = Authenticator(credentials, make_cnonce) if credentials else None
        self._sequence = 0
        self._pending: dict[int, _Pending] = {}
        self._session = ""
        self._base = url.text
        self._aggregate = url.text
        self._public = ""
        self._redirects = 0
        self._next: Mapping[Step, Callable[[Response], bytes]] = {
            Step.OPTIONS: self._describe,
            Step.DESCRIBE: self._set_up,
            Step.SETUP: self._play,
            Step.PLAY: self._playing,
            Step.PLAYING: lambda _: b"",
        }

    def start(self) -> bytes:
        """Return the first request."""
        self.step = Step.OPTIONS
        return self._request("OPTIONS", self.url.text)

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
        that we can take, PeerError for everything else that ends the session.
        """
        if isinstance(message, Request):
            return self._serve(message)
        pending = self._answered(message)
        if pending is None:
            self.stray_messages += 1
            return b""
        information = message.header("authentication-info")
        if information and self._authenticator:
            self._authenticator.informed(information)
        if message.status == 401:  # noqa: PLR2004 - Unauthorized
            return self._authorize(message, pending)
        if message.status in (301, 302):
            return self._redirect(message)
        if message.status not in _SUCCESS and not self._is_optional(pending):
            raise self._refusal(message, pending)
        if self.step is not Step.PLAYING and pending.method != self.step.value:
            return b""
        return self._next[self.step](message)

    def _answered(self, response: Response) -> _Pending | None:
        """Return the request that is answered; a camera that forgets CSeq answers the only one."""
        word = response.header("cseq")
        if not word and len(self._pending) == 1:
            return self._pending.popitem()[1]
        return self._pending.pop(int(word), None) if re.fullmatch(r"[0-9]{1,9}", word) else None

    def _is_optional(self, pending: _Pending) -> bool:
        """Return whether a refusal changes nothing: OPTIONS, and keep-alives of a live session."""
        return pending.method == "OPTIONS" or (
            self.step is Step.PLAYING and pending.method == "GET_PARAMETER"
        )

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
        if challenge is None:
            raise CredentialError(f"{self._peer} wants an authentication that is not supported")
        was_refused = pending.attempts > 1 and not challenge.stale
        if was_refused or pending.attempts >= MOST_ATTEMPTS:
            raise CredentialError(f"{self._peer} refuses the user or the password")
        pending.attempts += 1
        return self._send(pending)

    def _redirect(self, response: Response) -> bytes:
        """Follow within the same host and port, where the connection already goes."""
        try:
            target = parse_url(response.header("location"))
        except WireError:
            raise PeerError(f"{self._peer} redirects to an address that cannot be used") from None
        if (target.host, target.port) != (self.url.host, self.url.port):
            where = printable(target.peer)
            raise PeerError(f"{self._peer} redirects to {where}: not followed to another host")
        self._redirects += 1
        if self._redirects > MOST_REDIRECTS:
            raise PeerError(f"{self._peer} redirects in a circle")
        self.url = target
        self._base = self._aggregate = target.text
        return self.start()

    def _refusal(self, response: Response, pending: _Pending) -> PeerError:
        words = f"{self._peer} answers {response.status} {response.reason} to {pending.method}"
        kind = UnusableStreamError if response.status in (404, 406, 415, 461) else PeerError
        return kind(words)

    def _serve(self, request: Request) -> bytes:
        """Answer the camera's own requests (RFC 2326 §10)."""
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

    def _set_up(self, response: Response) -> bytes:
        try:
            description = sdp.parse(response.body)
            self.track = sdp.choose_video(description)
        except UnusableStreamError as error:
            raise UnusableStreamError(f"{self._peer}: {error}") from None
        except WireError as error:
            raise WireError(f"{self._peer}: {error}") from None
        stated = response.header("content-base") or response.header("content-location")
        self._base = resolve(self.url.text, stated)
        self._aggregate = resolve(self._base, description.control)
        self.step = Step.SETUP
        channels = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        return self._request("SETUP", resolve(self._base, self.track.control), channels)

    def _play(self, response: Response) -> bytes:
        transport = response.header("transport")
        if transport and "TCP" not in transport.upper() and "interleaved" not in transport:
            raise UnusableStreamError(f"{self._peer} does not offer RTP over TCP")
        channels = _INTERLEAVED.search(transport)
        if channels:
            self.rtp_channel = int(channels[1])
            self.rtcp_channel = int(channels[2] or self.rtp_channel + 1)
        session, _, rest = response.header("session").partition(";")
        self._session = session.strip()
        timeout = re.search(r"timeout\s*=\s*([0-9]{1,6})", rest)
        self.session_s = max(LEAST_SESSION_S, int(timeout[1]) if timeout else DEFAULT_SESSION_S)
        self.step = Step.PLAY
        return self._request("PLAY", self._aggregate, "Range: npt=0.000-")

    def _playing(self, _: Response) -> bytes:
        self.step = Step.PLAYING
        return b""


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


_MEDIA_SUFFIX = "track0"
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


class RtspServer:
    """The server's half for one connection: one H.264 track, RTP over TCP, digest optional."""

    def __init__(
        self,
        describe: Callable[[str], bytes | None],
        verifier: Verifier | None,
        session: str,
    ) -> None:
        """`describe` returns the SDP of a path or None; `session`: unguessable identifier."""
        self.state = ServerState.INIT
        self.path = ""
        """Path that was set up, without slashes around it."""
        self.rtp_channel = 0
        self._describe_path = describe
        self._verifier = verifier
        self._session = session
        self._methods: Mapping[str, Callable[[Request], tuple[int, tuple[str, ...], bytes]]] = {
            "OPTIONS": lambda _: (200, (f"Public: {_PUBLIC}",), b""),
            "GET_PARAMETER": lambda _: (200, (f"Session: {self._session}",), b""),
            "DESCRIBE": self._describe,
            "SETUP": self._set_up,
            "PLAY": lambda _: (200, (f"Session: {self._session}", "Range: npt=now-"), b""),
            "TEARDOWN": lambda _: (200, (), b""),
        }

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
        if self._verifier is None:
            return ()
        header = request.header("authorization")
        proved = Proved.NO
        if header:
            proved = self._verifier.verify(header, request.method, request.uri, now_s)
        if proved is Proved.YES:
            return ()
        challenges = self._verifier.challenges(now_s, stale=proved is Proved.STALE)
        return tuple(f"WWW-Authenticate: {challenge}" for challenge in challenges)

    def _describe(self, request: Request) -> tuple[int, tuple[str, ...], bytes]:
        body = self._describe_path(_path(request.uri))
        if body is None:
            return 404, (), b""
        base = request.uri if request.uri.endswith("/") else request.uri + "/"
        return 200, (f"Content-Base: {base}", "Content-Type: application/sdp"), body

    def _set_up(self, request: Request) -> tuple[int, tuple[str, ...], bytes]:
        path = _path(request.uri).removesuffix(f"/{_MEDIA_SUFFIX}")
        if self._describe_path(path) is None:
            return 404, (), b""
        transport = request.header("transport")
        if "TCP" not in transport.upper():
            return 461, (), b""
        channels = _INTERLEAVED.search(transport)
        first = int(channels[1]) if channels else 0
        if first >= 255:  # noqa: PLR2004 - an octet, and RTCP needs the next one
            return 461, (), b""
        self.path = path
        self.rtp_channel = first
        answer = f"Transport: RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
        return 200, (answer, f"Session: {self._session};timeout={DEFAULT_SESSION_S}"), b""


MEDIA_CONTROL = _MEDIA_SUFFIX
"""Control attribute of the one track that a server announces."""
_REASONS: Mapping[int, str] = {
    200: "OK",
    401: "Unauthorized",
    404: "Not Found",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
}


def _path(uri: str) -> str:
    """Return the path of a request URI without slashes around it; nothing if it has none."""
    try:
        return urlsplit(uri).path.strip("/")
    except ValueError:
        return ""
