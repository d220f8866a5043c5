# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera: pulled once, for ever, published to its fan-out, with a status in plain words."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from gateway.ingest.http_mjpeg import MjpegSession
from gateway.ingest.pace import Pace, Ticket
from gateway.ingest.quirks import DEFAULT, LINE, RECONNECT
from gateway.ingest.recorded import RecordedSession
from gateway.ingest.rtsp import Options, RtspSession
from gateway.ingest.source import Session, SessionStatistics, Sink, StreamSource
from gateway.ingest.stall import StallError
from gateway.model.errors import BusyError, ConfigError, CredentialError, PeerError, WireError
from gateway.model.media import AccessUnit, Codec, MetadataDocument, StreamState, StreamStatus
from gateway.model.room import LINE_SCHEME
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.runtime.sealed import reason_of
from gateway.runtime.supervise import supervise
from gateway.runtime.tally import Tally
from gateway.wire.sdp import UnusableStreamError

log = logging.getLogger(__name__)

FPS_SPAN_S = 2.0
"""Pictures a second are counted over this long."""
UNUSABLE_TRIES = 10
"""A camera that is starting up offers all kinds of things for a while; then it is left in peace."""
UNUSABLE_S = 5.0

MISTAKE_S = 30.0
"""After what a person has to correct on this box, say a certificate file: it may be corrected."""

_OPENERS: Mapping[str, Callable[[StreamSource, Sink, Clock], Session]] = {
    "rtsp": lambda source, sink, clock: RtspSession(source, sink, clock=clock),
    "rtsps": lambda source, sink, clock: RtspSession(source, sink, clock=clock),
    "http": lambda source, sink, clock: MjpegSession(source, sink, clock=clock),
    "https": lambda source, sink, clock: MjpegSession(source, sink, clock=clock),
    "file": lambda source, sink, clock: RecordedSession(source, sink, clock=clock),
    LINE_SCHEME: lambda source, sink, clock: RtspSession(
        source, sink, clock=clock, options=Options(LINE)
    ),
}


def open_session(source: StreamSource, sink: Sink, *, clock: Clock) -> Session:
    """Return one attempt at a source, by the scheme of its URL; nothing happens before `run`."""
    return _OPENERS[source.scheme](source, sink, clock)


@dataclass(slots=True)
class _Totals:
    """Counters since the process began, without those of the running session."""

    units: int = 0
    key_units: int = 0
    connects: int = 0
    stalls: int = 0
    received_bytes: int = 0
    lost_packets: int = 0


class CameraFeed:
    """Pulls one camera into one fan-out."""

    def __init__(
        self,
        source: StreamSource,
        fanout: Fanout,
        *,
        clock: Clock,
        on_change: Callable[[str, StreamStatus], None],
        on_document: Callable[[MetadataDocument], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`on_change` is called with the camera's id on each change of state; must not wait.

        `on_document` gets each document of the metadata track. `pace` is shared by all cameras of
        the box; alone a camera keeps its own.
        """
        self.source = source
        self.admit: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """Entered anew for each session; may wait. Between two attempts nothing is held."""
        self._fanout = fanout
        self._clock = clock
        self._on_change = on_change
        self._sink = Sink(self._publish, on_document or (lambda _: None), self._played)
        self._pace = pace or Pace(clock)
        self._ticket = Ticket(source)
        self._tally = Tally(log, clock)
        self._state = StreamState.IDLE
        self._problem = ""
        self._since: Moment | None = None
        self._totals = _Totals()
        self._session: Session | None = None
        self._last = SessionStatistics()
        """Of the running session at its last key unit, or of the one before."""
        self._codec: Codec | None = None
        self._reported = 0
        self._answers = False
        """Somebody answered there last time: no need to knock first."""
        self._plays = False
        self._unusable = 0
        self._fps = 0.0
        self._fps_units = 0
        self._fps_since_s = 0.0

    async def run(self) -> None:
        """Pull until cancelled; the session is then torn down at the camera."""
        self._enter(StreamState.CONNECTING)
        await self._pace.start(self._ticket)
        name = f"camera:{self.source.camera}"
        await supervise(name, self._attempt, clock=self._clock, policy=RECONNECT)

    def hurry(self) -> None:
        """Somebody wants to see this camera: it goes before those that nobody waits for."""
        if not self._plays:
            self._pace.hurry(self._ticket)

    def status(self) -> StreamStatus:
        """Return a snapshot; O(1)."""
        totals, now = self._totals, self._now()
        running = now if self._session is not None else SessionStatistics()
        width_px, height_px = now.size_px
        return StreamStatus(
            state=self._state,
            problem=self._problem,
            since=self._since,
            codec=self._codec,
            width_px=width_px,
            height_px=height_px,
            units=totals.units,
            key_units=totals.key_units,
            received_bytes=totals.received_bytes + running.received_bytes,
            lost_packets=totals.lost_packets + running.lost_packets,
            connects=totals.connects,
            clock_offset_s=now.clock_offset_s,
            clock_drift_ppm=now.clock_drift_ppm,
            stalls=totals.stalls,
            fps=self._fps if self._state is StreamState.LIVE else 0.0,
        )

    def statistics(self) -> SessionStatistics:
        """Return what is known of the running session, or of the last one; O(1)."""
        return self._now()

    def _now(self) -> SessionStatistics:
        return self._session.statistics() if self._session is not None else self._last

    # one attempt -----------------------------------------------------------------------------

    async def _attempt(self) -> None:
        """Run one session to its end, which always raises."""
        await self._until_allowed()
        if not self._answers:
            await self._knock()
        async with self.admit(), self._pace.handshake(self._ticket):
            if not self._pace.wait_s(self.source):
                await self._pull()

    async def _until_allowed(self) -> None:
        """Wait while the device has just refused these credentials, from whichever camera."""
        while wait_s := self._pace.wait_s(self.source):
            words = f"{self.source.peer} has refused this user and password"
            self._enter(StreamState.REFUSED, self._until(words, wait_s))
            await self._clock.sleep(wait_s)

    async def _knock(self) -> None:
        """See whether anybody is there, without a place in the queue; PeerError if not.

        The dead are knocked at once a second and hold up nobody; who answers then gets in line.
        Servers of HTTP MJPEG may serve one connection only, and a file has no door.
        """
        source = self.source
        if not source.scheme.startswith("rtsp"):
            return
        try:
            async with asyncio.timeout(min(DEFAULT.handshake_s, source.connect_s)):
                loop = asyncio.get_running_loop()
                line, _ = await loop.create_connection(asyncio.Protocol, source.host, source.port)
                line.close()
        except TimeoutError:
            bound = f"{min(DEFAULT.handshake_s, source.connect_s):g} s"
            self._fail(PeerError(f"{source.peer} is unreachable: no answer within {bound}"))
        except OSError as error:
            failure = PeerError(f"{source.peer} is unreachable: {reason_of(error)}")
            if isinstance(error, socket.gaierror):
                failure.retry_after_s = DEFAULT.name_s
            self._fail(failure)
        self._answers = True

    def _fail(self, error: PeerError) -> None:
        self._enter(StreamState.UNREACHABLE, str(error))
        raise error from None

    async def _pull(self) -> None:
        """Run a session; what it says at its end becomes the state."""
        self._session = session = open_session(self.source, self._sink, clock=self._clock)
        self._reported = 0
        try:
            await session.run()
        except PeerError as error:
            self._enter(*self._verdict(error))
            raise
        except ConfigError as error:
            self._enter(StreamState.REFUSED, str(error))
            failure = PeerError(str(error))
            failure.retry_after_s = MISTAKE_S
            raise failure from None
        finally:
            self._account(session)

    def _account(self, session: Session) -> None:
        """Add an ended session to the totals; what follows does not join what it left."""
        self._last = last = session.statistics()
        self._session = None
        self._totals.received_bytes += last.received_bytes
        self._totals.lost_packets += last.lost_packets
        if self._plays:
            self._pace.ended(self.source)
        self._plays = False
        self._fps_since_s = 0.0
        self._fanout.forget()

    def _verdict(self, error: PeerError) -> tuple[StreamState, str]:
        """Return what an installer is told; settles how soon and how the next attempt comes."""
        answered = (CredentialError, BusyError, WireError, UnusableStreamError)
        was_playing, words = self._plays, str(error)
        self._answers = not isinstance(error, StallError) and (
            was_playing or isinstance(error, answered)
        )
        if isinstance(error, CredentialError):
            error.retry_after_s = self._pace.refused(self.source)
            return StreamState.REFUSED, self._until(words, error.retry_after_s)
        if isinstance(error, BusyError | UnusableStreamError):
            self._pace.accepted(self.source)
        if isinstance(error, BusyError):
            words += "; the device's limit of sessions is reached, others hold them"
        if isinstance(error, UnusableStreamError | WireError):
            self._unusable += 1
            if self._unusable > UNUSABLE_TRIES:
                error.retry_after_s = max(error.retry_after_s, UNUSABLE_S)
            return StreamState.UNSUPPORTED, words
        if isinstance(error, StallError):
            self._totals.stalls += 1
            return StreamState.STALLED, words
        return StreamState.UNREACHABLE, words

    def _until(self, words: str, wait_s: float) -> str:
        """Append when the next attempt is due."""
        due = self._clock.now().shifted(wait_s).utc()
        return f"{words}; next attempt at {due:%H:%M:%S} UTC"

    # what a session tells --------------------------------------------------------------------

    def _played(self) -> None:
        self._totals.connects += 1
        self._plays = True
        self._ticket.hurried.clear()
        self._pace.plays(self.source)
        self._pace.arrived(self._ticket)

    def _publish(self, unit: AccessUnit) -> None:
        self._totals.units += 1
        if unit.is_key:
            self._totals.key_units += 1
            self._report_damage()
        now_s = unit.received.monotonic_s
        self._fps_units += 1
        if now_s - self._fps_since_s >= FPS_SPAN_S:
            self._count_fps(now_s)
        if self._state is not StreamState.LIVE:
            self._codec = unit.codec
            self._unusable = 0
            self._enter(StreamState.LIVE)
        self._fanout.publish(unit)

    def _count_fps(self, now_s: float) -> None:
        """Close a span of counting; the first after a break only opens one."""
        passed_s = now_s - self._fps_since_s
        self._fps = self._fps_units / passed_s if self._fps_since_s else 0.0
        self._fps_units, self._fps_since_s = 0, now_s

    def _report_damage(self) -> None:
        """Say at most once a key picture that pictures were lost since the last one."""
        statistics = self._now()
        lost = statistics.lost_units
        if lost > self._reported:
            fields = {"camera": self.source.camera, "problem": statistics.problem}
            self._tally.note("pictures-lost", **fields, units=lost - self._reported)
        self._reported = lost

    def _enter(self, state: StreamState, problem: str = "") -> None:
        """Change the state; repeated failures of one kind are one change."""
        is_same = state is self._state and problem == self._problem
        self._problem = problem
        if is_same:
            return
        if state is not self._state:
            self._since = self._clock.now()
        self._state = state
        fields = {"camera": self.source.camera, "state": state.value, "problem": problem}
        log.info("camera-state", extra=fields)
        self._on_change(self.source.camera, self.status())
