# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One RTSP connection while it stands: its line, its ports, and what is made of what they bring."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.ingest.datagrams import Datagrams, open_pair
from gateway.ingest.line import Line
from gateway.ingest.source import Sink
from gateway.ingest.stall import StallWatch
from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit, Codec, MetadataDocument
from gateway.model.registry import Transport
from gateway.runtime.clock import Clock
from gateway.runtime.shelf import Shelf
from gateway.wire import rtcp
from gateway.wire.capture import CaptureClock
from gateway.wire.depacketize import Depacketizer, depacketizer
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.h265 import H265Depacketizer
from gateway.wire.metadata import MetadataDepacketizer
from gateway.wire.pictures import CodedPicture
from gateway.wire.reorder import Reception, ReorderWindow
from gateway.wire.rtsp import DOLLAR, Lane, Media, RtspClient, RtspReceiver, Step
from gateway.wire.sdp import MetadataTrack

NAME = "varco"
"""In reports (RFC 3550 §6.5.1)."""


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """What a call knows of itself."""

    received_bytes: int
    lost_packets: int
    reordered_packets: int
    lost_units: int
    problem: str
    codec: Codec | None
    size_px: tuple[int, int]
    documents: int
    transport: str
    parameter_sets: str


class Ports:
    """The UDP side of one lane: both sockets, the order of packets, what is reported of them."""

    def __init__(self, call: "Call", number: int) -> None:
        """Open both for the lane `number` of the call, counted in the order of set-up."""
        rtp, control = open_pair(call.line.family, call.line.local_address)
        self.port = int(rtp.getsockname()[1])
        self.window = ReorderWindow()
        self.reception = Reception()
        self._call = call
        self._number = number
        self._timer: asyncio.TimerHandle | None = None
        peer, on_bug = call.line.peer_address, call.lost
        self.media = Datagrams(rtp, peer, self._take, on_bug)
        self.control = Datagrams(control, peer, self._take_reports, on_bug)

    @property
    def foreign(self) -> int:
        """How many packets came from elsewhere."""
        return self.media.foreign + self.control.foreign

    def expect(self, lane: Lane) -> None:
        """Take packets only from where the camera says that it sends from, if it does."""
        self.media.peer_port, self.control.peer_port = lane.server_rtp, lane.server_rtcp

    def attach(self, shelf: Shelf) -> None:
        """Read from now on."""
        self.media.attach(shelf)
        self.control.attach(shelf)

    def close(self) -> None:
        """Close both."""
        if self._timer is not None:
            self._timer.cancel()
        self.media.close()
        self.control.close()

    def _take(self, packets: list[bytes]) -> None:
        now_s = self._call.clock.monotonic_s()
        window, account = self.window.receive, self.reception.receive
        ordered: list[bytes] = []
        for packet in packets:
            account(packet, now_s)
            ordered += window(packet, now_s)
        self._hand_on(ordered)
        deadline_s = self.window.deadline()
        if deadline_s is not None and self._timer is None:
            self._wait(deadline_s - now_s)

    def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, seconds), self._expire)

    def _expire(self) -> None:
        """Go on without what does not come."""
        self._timer = None
        now_s = self._call.clock.monotonic_s()
        self._hand_on(self.window.expire(now_s))
        deadline_s = self.window.deadline()
        if deadline_s is not None:
            self._wait(deadline_s - now_s)

    def _hand_on(self, packets: list[bytes]) -> None:
        if packets:
            self._call.take_packets(self._number, packets)

    def _take_reports(self, packets: list[bytes]) -> None:
        for packet in packets:
            self._call.take_report(self._number, packet)  # a goodbye could be anybody's


class Call:
    """A connection's reader: feeds the sans-I/O cores and publishes what they make."""

    client: RtspClient
    """Given by `begin`."""

    def __init__(
        self, opened: Line, peer: str, clock: Clock, sink: Sink, watch: StallWatch
    ) -> None:
        """`peer` names the camera in errors."""
        self.line = opened
        self.clock = clock
        self.capture = CaptureClock()
        self.watch = watch
        """Told of every picture."""
        self.unit_s = 0.0
        """Monotonic time of the last unit that was published."""
        self.stray_frames = 0
        """On channels that were not agreed on, or before there was a track."""
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        """Fails when the session cannot go on; done without error once we closed it."""
        self.playing: asyncio.Future[None] = loop.create_future()
        """Succeeds when the camera has agreed to play."""
        self._peer = peer
        self._sink = sink
        self._shelf: Shelf | None = None
        self._receiver = RtspReceiver(bytearray(1))
        self._received_bytes = 0
        self._ssrc = secrets.randbits(32)
        self._video: Depacketizer | None = None
        self._codec = Codec.H264
        self._video_channel = -1
        self._finished: Callable[[], list[CodedPicture]] | None = None
        self._metadata: MetadataDepacketizer | None = None
        self._metadata_capture = CaptureClock()
        self._documents = 0
        self._pictures = 0
        self._ports: list[Ports] = []
        self._leaving: tuple[int, ...] = ()
        """Sources that said goodbye in the frames that are being taken."""

    def begin(self, client: RtspClient, shelf: Shelf, on_playing: Callable[[], None]) -> None:
        """Begin the dialogue; `on_playing` is called before the first picture after PLAY."""
        self.client = client
        self._on_playing = on_playing
        self._shelf = shelf
        self._receiver = RtspReceiver(shelf.scratch)
        self.line.attach(shelf, self)
        self.line.send(client.start())

    def open_ports(self) -> int:
        """Open ports for the lane that is set up next; return the even one."""
        ports = Ports(self, len(self._ports))
        self._ports.append(ports)
        if self._shelf is not None:
            ports.attach(self._shelf)
        return ports.port

    def space(self) -> memoryview:
        """Return the shelf's scratch: the kernel writes where we parse."""
        return self._receiver.space()

    def received(self, count: int) -> None:
        """Take what came over the line."""
        if self.ended.done():
            return
        self._received_bytes += count
        try:
            events = self._receiver.received(count)
            pictures = self._finished() if self._finished is not None else []
            try:
                for event in events:
                    if isinstance(event, Media):
                        self._take_frames(event.frames)
                    else:
                        self.line.send(self.client.receive(event))
                        self._follow()
            finally:  # behind the reports that came with them: those tell when they were taken
                if pictures:
                    self._publish_all(pictures)
            if self._finished is not None:
                self._watch()
            if self._leaving:
                self._take_goodbye()
        except WireError as error:
            words = str(error)
            self.lost(WireError(words if self._peer in words else f"{self._peer}: {words}"))
        except PeerError as error:
            self.lost(error)

    def lost(self, error: Exception) -> None:
        """Note why the session cannot go on; the first reason counts."""
        if not self.ended.done():
            self.ended.set_exception(error)

    def send(self, data: bytes) -> None:
        """Write, if the connection still stands."""
        self.line.send(data)

    def close(self) -> None:
        """End politely; cameras count their sessions."""
        self.line.send(self.client.tear_down())
        self.line.close()
        for ports in self._ports:
            ports.close()
        if self.ended.done():
            self.ended.exception()  # another error was raised first
        else:
            self.ended.set_result(None)
        self.playing.cancel()

    def complaint(self) -> str:
        """Return what was wrong with the stream last, ready to be appended, or nothing."""
        problem = self._video.problem if self._video else ""
        foreign = sum(one.foreign for one in self._ports)
        if foreign and not problem:
            problem = f"{foreign} packets from elsewhere than the camera says it sends from"
        return f" (last: {problem})" if problem else ""

    def take_packets(self, number: int, packets: list[bytes]) -> None:
        """Take RTP packets of a lane that came over UDP, in order."""
        if self.ended.done():
            return
        lanes = self.client.lanes
        if number >= len(lanes) or lanes[number].transport is not Transport.UDP:
            self.stray_frames += len(packets)
        elif number == 0 and self._video is not None:
            self._take_video(packets)
        elif number and self._metadata is not None:
            for packet in packets:
                self._take_metadata(packet)
        else:
            self.stray_frames += len(packets)

    def take_report(self, number: int, packet: bytes | memoryview) -> tuple[int, ...]:
        """Take RTCP of a lane; return the sources that leave, if the packet can be believed."""
        try:
            reports = rtcp.parse(packet)
        except WireError:
            self.stray_frames += 1
            return ()
        now = self.clock.now()
        capture = self._metadata_capture if number else self.capture
        for report in reports:
            if isinstance(report, rtcp.RtcpSenderReport):
                capture.report(report, now)
                if number < len(self._ports):
                    self._ports[number].reception.sender_report(report.ntp, now.monotonic_s)
        byes = (report for report in reports if isinstance(report, rtcp.RtcpBye))
        return tuple(ssrc for bye in byes for ssrc in bye.ssrcs)

    def send_reports(self, now_s: float) -> None:
        """Tell the camera that somebody receives, and how well (RFC 3550 §6.4.2)."""
        description = rtcp.RtcpDescription(((self._ssrc, NAME),))
        for number, lane in enumerate(self.client.lanes):
            if lane.transport is Transport.UDP and number < len(self._ports):
                ports = self._ports[number]
                block = ports.reception.report(now_s)
                blocks = (block,) if block else ()
                report = rtcp.RtcpReceiverReport(self._ssrc, blocks)
                data = rtcp.serialise([report, description])
                ports.control.send(data, lane.server_rtcp)
            else:
                data = rtcp.serialise([rtcp.RtcpReceiverReport(self._ssrc), description])
                head = bytes((DOLLAR, lane.rtcp & 0xFF)) + len(data).to_bytes(2, "big")
                self.line.send(head + data)

    def statistics(self) -> CallStatistics:
        """Return a snapshot; O(1)."""
        video, ports = self._video, self._ports
        bytes_udp = sum(one.media.received_bytes for one in ports)
        lanes = self.client.lanes
        is_udp = bool(lanes) and lanes[0].transport is Transport.UDP
        problem = (video.problem if video else "") or self.client.remark
        return CallStatistics(
            self._received_bytes + bytes_udp,
            video.lost_packets if video else 0,
            sum(one.window.reordered for one in ports),
            video.damaged_units + video.skipped_units if video else 0,
            problem,
            self._codec if video else None,
            video.size_px if video else (0, 0),
            self._documents,
            "RTP/UDP" if is_udp else "RTP/TCP",
            video.parameter_sets if isinstance(video, H264Depacketizer | H265Depacketizer) else "",
        )

    def _follow(self) -> None:
        """Go where the dialogue has gone."""
        client = self.client
        if self._video is None and client.track is not None:
            self._codec = client.track.codec
            self._video = depacketizer(client.track)
        if client.step in (Step.PLAY, Step.PLAYING):
            self._take_lanes()
        if client.step is Step.PLAYING and not self.playing.done():
            self.playing.set_result(None)
            self._on_playing()
            if isinstance(self._video, H264Depacketizer):
                self._receiver.taker = self._video.receive_frames
                self._receiver.taken_channel = self._video_channel
                self._finished = self._video.finished

    def _take_lanes(self) -> None:
        """Note what was agreed on."""
        for lane, ports in zip(self.client.lanes, self._ports, strict=False):
            if lane.transport is Transport.UDP:
                ports.expect(lane)
        if self._video_channel < 0 and self.client.lanes:
            first, *others = self.client.lanes
            self._video_channel = first.rtp if first.transport is Transport.TCP else -1
            if others and self._metadata is None and isinstance(others[0].track, MetadataTrack):
                self._metadata = MetadataDepacketizer(others[0].track)

    def _take_frames(self, frames: list[tuple[int, memoryview]]) -> None:
        """Take interleaved frames, mostly those of the pictures."""
        wanted = self._video_channel
        packets = [packet for channel, packet in frames if channel == wanted]
        if len(packets) < len(frames):
            for channel, packet in frames:
                if channel != wanted:
                    self._take_other(channel, packet)
        if packets:
            self._take_video(packets)

    def _take_other(self, channel: int, packet: memoryview) -> None:
        for number, lane in enumerate(self.client.lanes):
            if lane.transport is Transport.TCP and channel in (lane.rtp, lane.rtcp):
                if channel == lane.rtcp:
                    leaving = self.take_report(number, packet)
                    self._leaving += () if number else leaving
                elif number and self._metadata is not None:
                    self._take_metadata(packet)
                else:
                    break
                return
        self.stray_frames += 1

    def _take_goodbye(self) -> None:
        """End with the pictures, if it is they that leave; over UDP the stall watch sees it."""
        leaving, self._leaving = self._leaving, ()
        if self._video is not None and self._video.ssrc in leaving:
            self.lost(PeerError(f"{self._peer} ended the stream (RTCP BYE)"))

    def _take_video(self, packets: Sequence[bytes | memoryview]) -> None:
        video = self._video
        if video is None:
            self.stray_frames += len(packets)
            return
        take = video.receive
        for packet in packets:
            pictures = take(packet)
            if pictures:
                self._publish_all(pictures)
        self._watch()

    def _watch(self) -> None:
        """Tell the stall watch of whole pictures, also of those that could not be used."""
        video = self._video
        if video is not None and (count := video.pictures) != self._pictures:
            self._pictures = count
            self.watch.picture(self.clock.monotonic_s())

    def _publish_all(self, pictures: list[CodedPicture]) -> None:
        now = self.clock.now()
        self.unit_s = now.monotonic_s
        codec, captured, on_unit = self._codec, self.capture.captured, self._sink.on_unit
        for one in pictures:
            taken = captured(one.timestamp, now)
            on_unit(AccessUnit(one.pts_90k, one.is_key, one.nals, taken, now, codec))

    def _take_metadata(self, packet: bytes | memoryview) -> None:
        assert self._metadata is not None  # noqa: S101 - asked before
        for document in self._metadata.receive(packet):
            self._documents += 1
            now = self.clock.now()
            captured = self._metadata_capture.captured(document.timestamp, now)
            self._sink.on_document(MetadataDocument(document.data, captured, now))
