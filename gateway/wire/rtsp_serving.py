# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP 1.0 served without I/O to rooms and recorders: one video track, interleaved (RFC 2326).

`Serving` answers requests, asking whoever drives it what only he knows: whether a password is
right, whether a path may be opened. `Track` makes of access units what goes over the connection.
"""

import base64
import binascii
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from gateway.wire import jfif, rtcp, rtp, sdp
from gateway.wire.digest import Proved, Verifier, parse_pairs
from gateway.wire.packetize import payloads
from gateway.wire.rtsp import DOLLAR, MEDIA_CONTROL, PIPELINE, Request, ServerState
from gateway.wire.sdp import printable

LINE_PAYLOAD_BYTES = 16_000
"""Of an RTP packet over a line: one TLS record (RFC 8446 §5.1) with heads; TCP cuts by itself."""
COMMON_PAYLOAD_BYTES = 1388
"""Of an RTP packet to others, who may pass it on over UDP."""
REPORT_EVERY_S = 1.0
"""RFC 3550 §6.2 allows more than one in 5 s; receivers tie capture times to these reports."""
SESSION_S = 60
"""RFC 2326 §12.37."""
MOST_LOGIN_CHARS = 512
_PAYLOAD_TYPE = 96
_JPEG_PAYLOAD_TYPE = 26
"""RFC 3551 §5."""
_STEP_BACK_90K = 90_000
"""Pictures that are shown before they are sent (B pictures) step back less."""
_LEAP_90K = 2 * 90_000
"""How far a camera's clock may run ahead of arrival before it counts as a new origin."""
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_FREE = frozenset(("OPTIONS", "GET_PARAMETER", "SET_PARAMETER"))
"""Need no path: signs of life."""
_FRAME = struct.Struct("!HHBBHII")
"""Head of an interleaved frame (RFC 2326 §10.12) and of the RTP packet in it, `rtp.HEADER`."""
_INTERLEAVED = re.compile(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?")
_WORD = re.compile(r"[A-Za-z0-9+/=]{1,1024}")
_SETS: Mapping[Codec, tuple[int, ...]] = {Codec.H264: (7, 8), Codec.H265: (32, 33, 34)}
_REASONS: Mapping[int, str] = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    415: "Unsupported Media Type",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody says who he is: `Serving.admit` or `Serving.reject`."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path is to be opened: `Serving.opened` or `Serving.refuse`."""

    path: str
    user: str
    """Who proved himself; empty where nobody has to."""


Step: TypeAlias = bytes | Login | Wanted
"""What to send, or what to find out before the answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """How clients prove who they are; one of the two ways, never both."""

    realm: str
    verifier: Verifier | None
    """Digest; None: Basic, which belongs inside TLS."""


class Serving:
    """The server's half of one connection; one request at a time, in the order they came."""

    def __init__(self, session: str, door: Door | None = None) -> None:
        """`session`: unguessable identifier; `door`: None where the connection says who it is."""
        self.state = ServerState.INIT
        self.path = ""
        """What was opened, without slashes around it."""
        self.channel = 0
        """Interleaved channel of the pictures; their reports go over the next."""
        self.user = ""
        """Who proved himself first; nobody else may go on with the connection."""
        self.claimed = ""
        """Who was named last in a proof that was wrong."""
        self.failures = 0
        """Wrong proofs by Digest; those by Basic are known to whoever drives this."""
        self._session = session
        self._door = door
        self._sdp = b""
        self._request: Request | None = None
        self._admitted = ""
        """The Basic header that was found right."""

    def receive(self, request: Request, now_s: float) -> Step:
        """Take a request; `now_s`: any clock in seconds that does not step back."""
        self._request = request
        if request.method == "OPTIONS":
            return self._answer(200, f"Public: {_METHODS}")
        refusal = self._identify(request, now_s)
        return refusal or self._go_on(request)

    def admit(self, user: str) -> Step:
        """Answer a Login: it is right."""
        request = self._asked()
        self._admitted = request.header("authorization")
        return self._identified(user) or self._go_on(request)

    def reject(self) -> bytes:
        """Answer a Login: it is wrong."""
        return self._answer(401, *self._challenges(0.0))

    def opened(self, description: bytes) -> bytes:
        """Answer a Wanted: the path is open, its SDP is this."""
        self.path, self._sdp = _mount(self._asked().uri), description
        answer = self._go_on(self._asked())
        assert isinstance(answer, bytes)  # noqa: S101 - a path that is open is not asked for
        return answer

    def refuse(self, status: int, words: str = "") -> bytes:
        """Answer a Wanted: it is not; `words` go out in the reason phrase."""
        return self._answer(status, reason=words)

    # who asks --------------------------------------------------------------------------------

    def _identify(self, request: Request, now_s: float) -> Step | None:
        """Return what to do before the request may pass; None: nothing."""
        if self._door is None:
            return None
        header = request.header("authorization")
        if self._door.verifier is None:
            return self._identify_basic(header)
        proved = Proved.NO
        if header:
            proved = self._door.verifier.verify(header, request.method, request.uri, now_s)
        if header and proved is Proved.NO:
            self.failures += 1
            self.claimed = parse_pairs(header.partition(" ")[2]).get("username", "")
        if proved is not Proved.YES:
            challenges = self._challenges(now_s, stale=proved is Proved.STALE)
            return self._answer(401, *challenges)
        return self._identified(parse_pairs(header.partition(" ")[2])["username"])

    def _identify_basic(self, header: str) -> Step | None:
        if header and header == self._admitted:
            return None
        login = _read_basic(header)
        return login or self._answer(401, *self._challenges(0.0))

    def _identified(self, user: str) -> bytes | None:
        if self.user and user != self.user:
            return self._answer(403, reason="one connection, one user")
        self.user = user
        return None

    def _challenges(self, now_s: float, *, stale: bool = False) -> tuple[str, ...]:
        door = self._door
        if door is None:
            return ()
        if door.verifier is None:
            return (f'WWW-Authenticate: Basic realm="{door.realm}"',)
        found = door.verifier.challenges(now_s, stale=stale)
        return tuple(f"WWW-Authenticate: {one}" for one in found)

    # what is asked for -----------------------------------------------------------------------

    def _go_on(self, request: Request) -> Step:
        """Answer a request of somebody who may ask."""
        if request.method in _FREE:
            return self._answer(200)
        if request.method not in ("DESCRIBE", "SETUP", "PLAY", "TEARDOWN"):
            return self._answer(501, f"Public: {_METHODS}")
        if request.method in ("DESCRIBE", "SETUP"):
            path = _mount(request.uri)
            if not self.path:
                return Wanted(path, self.user) if path else self._answer(404)
            if path != self.path:
                return self._answer(459)
        if request.method == "DESCRIBE":
            return self._describe(request)
        return self._move(request) if self._is_ours(request) else self._answer(454)

    def _move(self, request: Request) -> bytes:
        """Answer what changes the session's state."""
        if request.method == "SETUP":
            return self._set_up(request)
        if request.method == "TEARDOWN":
            self.state = ServerState.ENDED
            return self._answer(200)
        if self.state is ServerState.INIT:
            return self._answer(455)
        self.state = ServerState.PLAYING
        return self._answer(200, self._session_header(), "Range: npt=now-")

    def _is_ours(self, request: Request) -> bool:
        """Return whether a request names this session, or may leave it out (RFC 7826 §18.33)."""
        named = request.header("session").partition(";")[0].strip()
        if not named:
            return self.state is ServerState.INIT or bool(request.header(PIPELINE))
        return named == self._session

    def _describe(self, request: Request) -> bytes:
        base = request.uri if request.uri.endswith("/") else request.uri + "/"
        return self._answer(
            200, f"Content-Base: {base}", "Content-Type: application/sdp", body=self._sdp
        )

    def _set_up(self, request: Request) -> bytes:
        transport = request.header("transport")
        channels = _INTERLEAVED.search(transport)
        first = int(channels[1]) if channels else 0
        if self.state is ServerState.PLAYING:
            return self._answer(455)
        if "TCP" not in transport.upper() or first >= 255:  # noqa: PLR2004 - an octet and the next
            return self._answer(461)
        self.channel = first
        self.state = ServerState.READY
        granted = f"Transport: RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
        return self._answer(200, granted, self._session_header())

    def _session_header(self) -> str:
        return f"Session: {self._session};timeout={SESSION_S}"

    def _asked(self) -> Request:
        """Return the request that is being answered."""
        assert self._request is not None  # noqa: S101 - whoever answers was asked
        return self._request

    def _answer(self, status: int, *headers: str, body: bytes = b"", reason: str = "") -> bytes:
        words = _plain(reason) or _REASONS[status]
        lines = [
            f"RTSP/1.0 {status} {words}",
            f"CSeq: {printable(self._asked().header('cseq'), 20)}",
            "Server: Varco",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace") + body


def _plain(text: str) -> str:
    """Return words fit for a status line: ASCII, accents left out."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return printable(bare, 120).encode("ascii", "replace").decode()


def _mount(uri: str) -> str:
    """Return the path of a request URI without the track's control attribute."""
    path = sdp_path(uri)
    head, _, control = path.rpartition("/")
    return head if control == MEDIA_CONTROL else path


def sdp_path(uri: str) -> str:
    """Return the path of a URI without slashes around it; empty if it has none."""
    _, separator, rest = uri.partition("://")
    if not separator:
        return ""
    path = rest.partition("?")[0].partition("#")[0].partition("/")[2]
    return path.strip("/")


def _read_basic(header: str) -> Login | None:
    """Return user and password of an Authorization header (RFC 7617); None if it has none."""
    scheme, _, word = header.partition(" ")
    word = word.strip()
    if scheme.lower() != "basic" or not _WORD.fullmatch(word):
        return None
    try:
        user, separator, password = base64.b64decode(word, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if not separator or not user or max(len(user), len(password)) > MOST_LOGIN_CHARS:
        return None
    return Login(user, password)


def payload_type(codec: Codec) -> int:
    """Return the RTP payload type of a codec's track."""
    return _JPEG_PAYLOAD_TYPE if codec is Codec.JPEG else _PAYLOAD_TYPE


def describe(unit: AccessUnit, name: str) -> bytes:
    """Return the SDP of a stream whose key unit this is; WireError for what RTP cannot carry."""
    codec, sets, extra = unit.codec, list[bytes](), b""
    if codec is Codec.JPEG:
        payloads(unit)
        width_px, height_px = jfif.parse(unit.nals[0]).frame.size_px
        extra = f"a=framesize:{_JPEG_PAYLOAD_TYPE} {width_px}-{height_px}\r\n".encode()
    else:
        is_short = codec is Codec.H264
        kinds = _SETS[codec]
        sets = [n for n in unit.nals if (n[0] & 31 if is_short else n[0] >> 1 & 63) in kinds]
    body = sdp.describe(
        sets, name=name, payload_type=payload_type(codec), control=MEDIA_CONTROL, codec=codec
    )
    return body + extra


class Track:
    """Numbers and dates the packets of one client's stream, whatever rendition they come from.

    Time is continuous: a rendition that takes another's place, or a camera whose clock began
    anew, goes on where the last picture stood plus what has passed since.
    """

    def __init__(self, kind: int, channel: int, ssrc: int, most_bytes: int) -> None:
        """`kind`: payload type; `channel`: interleaved; `most_bytes` of a payload."""
        self.sent = 0
        """Packets."""
        self.octets = 0
        """Of payloads."""
        self.time_90k = 0
        """Of the picture that was sent last."""
        self._kind = kind
        self._channel = channel
        self._lead = DOLLAR << 8 | channel
        self._ssrc = ssrc
        self._most_bytes = most_bytes
        self._sequence = ssrc & 0x7FFF
        self._last: AccessUnit | None = None
        self._joins = False
        self._report_s: float | None = None

    def join(self) -> None:
        """Note that the next unit is of another rendition, whose time has an origin of its own."""
        self._joins = True

    def packets(self, unit: AccessUnit, now: Moment) -> list[bytes]:
        """Return a unit's interleaved packets, behind a report where one is due.

        Packets that are not sent after all leave a gap in the numbers, as a loss does.

        WireError for a picture that RTP cannot carry; nothing has changed then.
        """
        parts = payloads(unit, self._most_bytes)
        if not parts:
            return []
        self._place(unit)
        found: list[bytes] = []
        if self._report_s is None or now.monotonic_s - self._report_s >= REPORT_EVERY_S:
            self._report_s = now.monotonic_s
            found.append(self.report(now))
        pack, sequence, kind = _FRAME.pack, self._sequence, self._kind
        lead, stamp, ssrc = self._lead, self.time_90k & 0xFFFFFFFF, self._ssrc
        last, size_bytes = len(parts) - 1, 0
        for index, payload in enumerate(parts):
            size_bytes += len(payload)
            second = kind | rtp.MARKER if index == last else kind
            length = len(payload) + rtp.HEADER.size
            head = pack(lead, length, rtp.PLAIN, second, sequence, stamp, ssrc)
            found.append(head + payload)
            sequence = sequence + 1 & 0xFFFF
        self._sequence = sequence
        self.sent += len(parts)
        self.octets += size_bytes
        return found

    def report(self, now: Moment) -> bytes:
        """Return an interleaved sender report: RTP time and wall clock of this instant."""
        age_s = now.monotonic_s - self._last.captured.monotonic_s if self._last else 0.0
        stamp = self.time_90k + round(90_000 * age_s) & 0xFFFFFFFF
        ntp = rtcp.ntp_from_utc_us(now.utc_us)
        report = rtcp.RtcpSenderReport(self._ssrc, ntp, stamp, self.sent, self.octets)
        return self._control(report, rtcp.RtcpDescription(((self._ssrc, "varco"),)))

    def goodbye(self) -> bytes:
        """Return an interleaved goodbye: nothing more comes."""
        return self._control(rtcp.RtcpReceiverReport(self._ssrc), rtcp.RtcpBye((self._ssrc,)))

    def _control(self, *packets: rtcp.RtcpPacket) -> bytes:
        data = rtcp.serialise(packets)
        return bytes((DOLLAR, self._channel + 1)) + len(data).to_bytes(2, "big") + data

    def _place(self, unit: AccessUnit) -> None:
        """Set the time of a unit."""
        last, self._last = self._last, unit
        if last is None:
            self.time_90k = unit.pts_90k
            return
        step = unit.pts_90k - last.pts_90k
        passed_s = unit.captured.monotonic_s - last.captured.monotonic_s
        passed_90k = max(1, round(90_000 * passed_s))
        if self._joins or step < -_STEP_BACK_90K or step > passed_90k + _LEAP_90K:
            self._report_s = None
            step = passed_90k
        self._joins = False
        self.time_90k += step
