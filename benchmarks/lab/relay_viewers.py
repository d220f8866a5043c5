# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Many viewers of one relay in one process: `python -m benchmarks.lab.relay_viewers ADDRESS`.

Each is a real client with ICE and DTLS. Its media is dropped by a filter in the kernel before it
wakes anybody, all but every hundredth packet, reports and repeats: that packet is asked for again
as if it had been lost (NACK), and what comes back is opened and looked at. One JSON order a line:

{"join": URL, "kind": "whep"|"janus", "many": N}   so many more viewers
{"count": {"from_s", "to_s"}}   what each was given between two monotonic times
{"leave": true}                 end all of them
"""

import asyncio
import contextlib
import ctypes
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import aioice.ice
import httpx
import pylibsrtp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM

from benchmarks.lab.process import say
from gateway.model.errors import PeerError, WireError
from gateway.wire import rtcp

SAMPLE_EVERY = 100
"""One packet of so many is asked for again: 1 % NACK."""
AT_ONCE = {"whep": 8, "janus": 32}
"""Viewers that connect at the same time; with Janus each waits a second for a timer of its own."""
REPORT_S = 1.0
CONNECTED_S = 40.0
_SO_ATTACH_FILTER, _SO_MEMINFO = 26, 55
_MEMINFO_DROPS = 8
_TAKE, _DROP = 0xFFFF, 0
_HISTORY = 64
_NTP_FRACTION = 65_536
_EXTENSION = 0x10
_JANUS_PLUGIN = "janus.plugin.streaming"

Instruction = tuple[int, int, int, int]
"""Classic BPF: operation, jump if true, jump if false, operand (linux/filter.h)."""


def filter_of(residue: int, repeat_type: int | None) -> list[Instruction]:
    """Return a filter that takes STUN, DTLS, RTCP, repeats and the packets that are sampled.

    `residue`: of the sequence number by `SAMPLE_EVERY`. `repeat_type`: payload type of RTX, if the
    session has one. The UDP header is before the datagram, 8 bytes.
    """
    repeats = repeat_type if repeat_type is not None else 0xFF  # nothing is 255 after the mask
    return [
        (0x30, 0, 0, 8),  # 0: first byte
        (0x35, 0, 9, 128),  # 1: below 128: take
        (0x35, 8, 0, 192),  # 2: from 192 on: take (RFC 7983)
        (0x30, 0, 0, 9),  # 3: second byte
        (0x35, 0, 1, 192),  # 4: RTCP is 192..223 (RFC 5761)
        (0x35, 0, 5, 224),  # 5
        (0x54, 0, 0, 0x7F),  # 6: without the marker
        (0x15, 3, 0, repeats),  # 7
        (0x28, 0, 0, 10),  # 8: sequence number
        (0x94, 0, 0, SAMPLE_EVERY),  # 9
        (0x15, 0, 1, residue),  # 10
        (0x06, 0, 0, _TAKE),  # 11
        (0x06, 0, 0, _DROP),  # 12
    ]


@dataclass(slots=True)
class Given:
    """What one viewer got and asked for since it came."""

    packets: int = 0
    """Without repeats."""
    asked: int = 0
    repeats: int = 0
    """Answers to what was asked, in a stream of their own (RTX) or as the same packet again."""
    in_rtx: int = 0
    reports: int = 0
    """Sender reports that came."""
    described: int = 0
    """Of these, with a name (SDES)."""
    extended: int = 0
    """Sampled packets with a header extension."""

    def since(self, before: "Given") -> "Given":
        """Return the difference."""
        first, last = asdict(before), asdict(self)
        return Given(**{name: last[name] - first[name] for name in last})


class Sender(Protocol):
    """Takes RTCP in the clear and sends it."""

    def __call__(self, data: bytes) -> None:
        """Queue one compound packet."""
        ...


@dataclass(slots=True)
class Feedback:
    """What a viewer says to its server, without a socket: RR each second, NACK for each sample."""

    send: Sender
    residue: int
    repeat_type: int | None = None
    given: Given = field(default_factory=Given)
    ssrc: int = field(default_factory=lambda: random.getrandbits(32))
    media: int = 0
    _highest: int = 0
    _rounds: int = 0
    _asked: dict[int, float] = field(default_factory=dict)
    _last_sr: int = 0
    _last_sr_s: float = 0.0

    def loses(self, packet: bytes, now_s: float) -> bool:
        """Take the head of a packet that came, still closed; True if it counts as lost.

        The first packet of a sampled number is: it is asked for, and never opened, so that its
        repeat under the same number is no replay.
        """
        if packet[1] & 0x7F == self.repeat_type:
            return False
        sequence = int.from_bytes(packet[2:4], "big")
        if sequence in self._asked:
            return False
        self.media = int.from_bytes(packet[8:12], "big")
        self.given.extended += bool(packet[0] & _EXTENSION)
        self._count(sequence)
        self._ask(sequence, now_s)
        return True

    def media_came(self, packet: bytes) -> None:
        """Take one opened packet: the answer to what was asked, or nothing."""
        sequence = int.from_bytes(packet[2:4], "big")
        if in_rtx := packet[1] & 0x7F == self.repeat_type:
            at = 12 + 4 * (packet[0] & 15)
            if packet[0] & _EXTENSION:
                at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
            sequence = int.from_bytes(packet[at : at + 2], "big")  # RFC 4588 §4
        if self._asked.pop(sequence, None) is not None:
            self.given.repeats += 1
            self.given.in_rtx += in_rtx

    def _count(self, sequence: int) -> None:
        if self._highest - sequence > 1 << 15:
            self._rounds += 1
        self._highest = sequence

    def _ask(self, sequence: int, now_s: float) -> None:
        while len(self._asked) >= _HISTORY:
            self._asked.pop(next(iter(self._asked)))
        self._asked[sequence] = now_s
        self.given.asked += 1
        nack = rtcp.RtcpNack(self.ssrc, self.media, (sequence,))
        self.send(rtcp.serialise([rtcp.RtcpReceiverReport(self.ssrc), nack]))

    def control_came(self, data: bytes, now_s: float) -> None:
        """Take one opened compound packet."""
        try:
            packets = rtcp.parse(data)
        except WireError:
            return
        for packet in packets:
            match packet:
                case rtcp.RtcpSenderReport(ntp=ntp):
                    self.given.reports += 1
                    self._last_sr, self._last_sr_s = ntp >> 16 & 0xFFFFFFFF, now_s
                case rtcp.RtcpDescription():
                    self.given.described += 1
                case _:
                    pass

    def report(self, now_s: float) -> None:
        """Send a receiver report; call it once a second."""
        if not self.media:
            return
        since_s = now_s - self._last_sr_s if self._last_sr else 0.0
        block = rtcp.ReceptionReport(
            self.media, 0, 0, self._rounds << 16 | self._highest, 0,
            self._last_sr, round(since_s * _NTP_FRACTION) & 0xFFFFFFFF,
        )  # fmt: skip
        self.send(rtcp.serialise([rtcp.RtcpReceiverReport(self.ssrc, (block,))]))


class Losing:
    """Opens what came, in the place of aiortc's own session, but for what counts as lost."""

    def __init__(self, session: Any, feedback: Feedback) -> None:  # noqa: ANN401 - aiortc's own
        self._session = session
        self._feedback = feedback

    def unprotect(self, packet: bytes) -> bytes:
        """Open RTP; pylibsrtp.Error if it is forged, a replay, or lost."""
        if self._feedback.loses(packet, time.monotonic()):
            raise pylibsrtp.Error("lost")
        opened: bytes = self._session.unprotect(packet)
        return opened

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Open RTCP; pylibsrtp.Error if it is forged or a replay."""
        opened: bytes = self._session.unprotect_rtcp(packet)
        return opened


class Viewer:
    """One client: connection, filter and feedback."""

    def __init__(self, number: int) -> None:
        self.feedback = Feedback(self._send, number % SAMPLE_EVERY)
        self.broken = ""
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connected = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._transport: Any = None
        self._sending: set[asyncio.Future[None]] = set()

    async def join(self, client: httpx.AsyncClient, url: str, kind: str) -> None:
        """Connect; PeerError if refused or not connected in time."""
        self._peer.on("connectionstatechange", self._changed)
        await (self._by_janus if kind == "janus" else self._by_whep)(client, url)
        try:
            async with asyncio.timeout(CONNECTED_S):
                await self._connected.wait()
        except TimeoutError as error:
            raise PeerError(f"{url}: not connected within {CONNECTED_S:.0f} s") from error

    async def _by_whep(self, client: httpx.AsyncClient, url: str) -> None:
        transceiver = self._peer.addTransceiver("video", direction="recvonly")
        transceiver.setCodecPreferences(_codecs())
        await self._peer.setLocalDescription(await self._peer.createOffer())
        self._prepare(transceiver)
        headers = {"Content-Type": "application/sdp"}
        reply = await client.post(url, content=self._peer.localDescription.sdp, headers=headers)
        if reply.status_code not in {200, 201}:
            raise PeerError(f"WHEP {reply.status_code}: {reply.text[:300]}")
        self._take_all_repeats(reply.text)
        await self._peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))

    async def _by_janus(self, client: httpx.AsyncClient, url: str) -> None:
        async def ask(at: str, **words: object) -> dict[str, Any]:
            reply = await client.post(at, json=words | {"transaction": "x"})
            told: dict[str, Any] = reply.json()
            if told.get("janus") == "error":
                raise PeerError(f"janus: {told['error']}")
            return told

        session = f"{url}/{(await ask(url, janus='create'))['data']['id']}"
        told = await ask(session, janus="attach", plugin=_JANUS_PLUGIN)
        handle = f"{session}/{told['data']['id']}"
        await ask(handle, janus="message", body={"request": "watch", "id": 1})
        event: dict[str, Any] = {}
        while "jsep" not in event:
            event = (await client.get(session)).json()
        offer = RTCSessionDescription(event["jsep"]["sdp"], "offer")
        self._take_all_repeats(offer.sdp)
        await self._peer.setRemoteDescription(offer)
        (transceiver,) = self._peer.getTransceivers()
        transceiver.setCodecPreferences(_codecs())
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        self._prepare(transceiver)
        answer = {"type": "answer", "sdp": self._peer.localDescription.sdp}
        await ask(handle, janus="message", body={"request": "start"}, jsep=answer)

    def _take_all_repeats(self, sdp: str) -> None:
        self.feedback.repeat_type = repeat_type_of(sdp)
        if self._sockets:
            self._deafen()

    def _prepare(self, transceiver: Any) -> None:  # noqa: ANN401 - aiortc's own
        """Take the place of what would decode: all that comes goes to the feedback."""
        transport = self._transport = transceiver.receiver.transport
        transport._srtp_profiles = [SRTP_AEAD_AES_128_GCM]  # noqa: SLF001 - one cipher for all
        opens = transport._setup_srtp  # noqa: SLF001

        def set_up() -> None:
            opens()
            transport._rx_srtp = Losing(transport._rx_srtp, self.feedback)  # noqa: SLF001

        transport._setup_srtp = set_up  # noqa: SLF001
        transport._handle_rtp_data = self._media  # noqa: SLF001
        transport._handle_rtcp_data = self._control  # noqa: SLF001
        transceiver.receiver.receive = _nothing
        for protocol in transport.transport._connection._protocols:  # noqa: SLF001
            handle = protocol.transport.get_extra_info("socket").fileno()
            self._sockets.append(socket.socket(fileno=socket.dup(handle)))
        self._deafen()

    def _deafen(self) -> None:
        program = filter_of(self.feedback.residue, self.feedback.repeat_type)
        coded = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
        attached = struct.pack("HL", len(program), ctypes.addressof(coded))
        for one in self._sockets:
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)

    async def _media(self, data: bytes, **_: object) -> None:
        self.feedback.media_came(data)

    async def _control(self, data: bytes) -> None:
        self.feedback.control_came(data, time.monotonic())

    def _send(self, data: bytes) -> None:
        sending = asyncio.ensure_future(self._transport._send_rtp(data))  # noqa: SLF001
        self._sending.add(sending)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: "asyncio.Future[None]") -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # a session that ended meanwhile

    def _changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected":
            self._connected.set()
        elif state in {"failed", "closed"}:
            self.broken = state

    def given(self) -> Given:
        """Return the counters now."""
        now = Given(**asdict(self.feedback.given))
        now.packets = sum(_drops(one) for one in self._sockets) + now.asked
        return now

    def profile(self) -> str:
        """Return the cipher in use."""
        return str(self._transport._ssl.get_selected_srtp_profile(), "ascii")  # noqa: SLF001

    async def leave(self) -> None:
        """End the session."""
        for one in self._sockets:
            one.close()
        with contextlib.suppress(ConnectionError):
            await self._peer.close()


async def _nothing(*_: object) -> None:
    """Receive nothing: the feedback does."""


def _codecs() -> list[Any]:
    able = RTCRtpReceiver.getCapabilities("video")
    return [one for one in able.codecs if one.name in {"H264", "rtx"}] if able else []


def _drops(one: socket.socket) -> int:
    words = struct.unpack("9I", one.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
    return int(words[_MEMINFO_DROPS])


def repeat_type_of(sdp: str) -> int | None:
    """Return the payload type of RTX for the first H.264 of a description, None without."""
    lines = [line.strip() for line in sdp.splitlines()]
    kinds = dict(_mapped(line) for line in lines if line.startswith("a=rtpmap:"))
    order = next((line.split()[3:] for line in lines if line.startswith("m=video ")), [])
    for kind in order:
        if not kinds.get(kind, "").upper().startswith("H264/"):
            continue
        wanted = f" apt={kind}"
        for line in lines:
            if line.startswith("a=fmtp:") and line.split(";")[0].endswith(wanted):
                repeat = line.removeprefix("a=fmtp:").split()[0]
                if kinds.get(repeat, "").lower().startswith("rtx/"):
                    return int(repeat)
        return None
    return None


def _mapped(line: str) -> tuple[str, str]:
    kind, _, name = line.removeprefix("a=rtpmap:").partition(" ")
    return kind, name


class Crowd:
    """All viewers."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._all: list[Viewer] = []

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one thing; return what there is to tell, or the reason why it could not be done."""
        try:
            match order:
                case {"join": url, "kind": kind, "many": many}:
                    return await self._join(url, kind, many)
                case {"count": {"from_s": from_s, "to_s": to_s}}:
                    return await self._count(from_s, to_s)
                case {"leave": _}:
                    await self._leave()
        except (PeerError, httpx.HTTPError, ValueError) as error:
            return {"error": str(error) or type(error).__name__}
        return {"viewers": len(self._all)}

    async def _join(self, url: str, kind: str, many: int) -> dict[str, Any]:
        began_s, turns = time.monotonic(), asyncio.Semaphore(AT_ONCE[kind])
        coming = [Viewer(len(self._all) + index) for index in range(many)]
        self._all += coming

        async def join(one: Viewer) -> None:
            async with turns:
                await one.join(self._client, url, kind)

        done = await asyncio.gather(*map(join, coming), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error
        took_s = time.monotonic() - began_s
        return {"viewers": len(self._all), "took_s": took_s, "profile": coming[-1].profile()}

    async def _count(self, from_s: float, to_s: float) -> dict[str, Any]:
        before = await self._at(from_s)
        after = await self._at(to_s)
        found = [b.since(a) for a, b in zip(before, after, strict=True)]
        broken = sum(bool(one.broken) for one in self._all)
        return {"given": [asdict(one) for one in found], "broken": broken}

    async def _at(self, moment_s: float) -> list[Given]:
        await asyncio.sleep(max(0.0, moment_s - time.monotonic()))
        return [one.given() for one in self._all]

    async def report(self) -> None:
        """Send everybody's receiver report each second, spread over the second."""
        while True:
            await self._round(lambda one, now_s: one.feedback.report(now_s))

    async def _round(self, act: Callable[[Viewer, float], None]) -> None:
        began_s = time.monotonic()
        for index, one in enumerate(tuple(self._all)):
            act(one, time.monotonic())
            if index % 10 == 0:
                await asyncio.sleep(0.05)
        await asyncio.sleep(max(0.05, REPORT_S - (time.monotonic() - began_s)))

    async def _leave(self) -> None:
        gone, self._all = self._all, []
        await asyncio.gather(*(one.leave() for one in gone), return_exceptions=True)


async def main(address: str) -> None:
    """Obey until standard input ends."""
    aioice.ice.get_host_addresses = lambda **_: [address]
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(timeout=CONNECTED_S, limits=limits) as client,
        asyncio.TaskGroup() as tasks,
    ):
        crowd = Crowd(client)
        reporting = tasks.create_task(crowd.report())
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(await crowd.obey(json.loads(line)))
        await crowd.obey({"leave": True})
        reporting.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
