# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera: pulled once, for ever, published to its fan-out, with a status in plain words."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.ingest import rtsp
from gateway.ingest.quirks import RECONNECT
from gateway.model.errors import ConfigError, CredentialError, PeerError, WireError
from gateway.model.media import AccessUnit, Codec, StreamState, StreamStatus
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.runtime.supervise import supervise
from gateway.runtime.tally import Tally
from gateway.wire.digest import Credentials
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.rtsp import RtspUrl, parse_url
from gateway.wire.sdp import UnusableStreamError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraSource:
    """Where a camera is and how it is opened; ConfigError if the URL cannot be used."""

    id: str
    url: str
    """`rtsp://host[:port]/path`, without credentials."""
    user: str = ""
    password: str = field(default="", repr=False)
    stall_s: float = 3.0
    """Without a picture for so long the session is given up."""
    connect_s: float = 5.0
    """Bound of connecting and agreeing on a stream."""

    def __post_init__(self) -> None:
        """Refuse early what a person has to correct."""
        self.address()

    def address(self) -> RtspUrl:
        """Return the URL in parts."""
        try:
            return parse_url(self.url)
        except WireError as error:
            advice = "write rtsp://host[:port]/path, and user and password apart"
            raise ConfigError(f"camera {self.id}", "url", str(error), advice) from None


@dataclass(slots=True)
class _Totals:
    """Counters since the process began, without those of the running session."""

    units: int = 0
    key_units: int = 0
    connects: int = 0
    received_bytes: int = 0
    lost_packets: int = 0


class CameraFeed:
    """Pulls one camera into one fan-out."""

    def __init__(
        self,
        source: CameraSource,
        fanout: Fanout,
        *,
        clock: Clock,
        on_change: Callable[[str, StreamStatus], None],
    ) -> None:
        """`on_change` is called with the camera's id on each change of state; must not wait."""
        self.source = source
        self._fanout = fanout
        self._clock = clock
        self._on_change = on_change
        self._tally = Tally(log, clock)
        credentials = Credentials(source.user, source.password) if source.user else None
        self._target = rtsp.Target(source.address(), credentials, source.stall_s, source.connect_s)
        self._state = StreamState.IDLE
        self._problem = ""
        self._since: Moment | None = None
        self._totals = _Totals()
        self._session: rtsp.RtspSession | None = None
        self._size_px = (0, 0)
        self._codec: Codec | None = None
        self._reported = 0

    async def run(self) -> None:
        """Pull until cancelled; the session is then torn down at the camera."""
        self._enter(StreamState.CONNECTING)
        await supervise(
            f"camera:{self.source.id}", self._attempt, clock=self._clock, policy=RECONNECT
        )

    def status(self) -> StreamStatus:
        """Return a snapshot; O(1)."""
        totals, session = self._totals, self._session
        received_bytes, lost = totals.received_bytes, totals.lost_packets
        if session is not None:
            received_bytes += session.received_bytes
            lost += session.depacketizer.lost_packets if session.depacketizer else 0
        width_px, height_px = self._size_px
        return StreamStatus(
            self._state,
            self._problem,
            self._since,
            self._codec,
            width_px,
            height_px,
            totals.units,
            totals.key_units,
            received_bytes,
            lost,
            totals.connects,
            session.capture.offset_s if session else None,
        )

    async def _attempt(self) -> None:
        """Run one session to its end, which always raises."""
        session = rtsp.RtspSession(self._target, self._clock, self._publish)
        self._session = session
        self._reported = 0
        try:
            await rtsp.connect(session, self._target)
            self._totals.connects += 1
            await rtsp.attend(session, self._target, self._clock)
        except PeerError as error:
            self._enter(_state_after(error), str(error))
            raise
        finally:
            self._account(session)
            session.close()

    def _account(self, session: rtsp.RtspSession) -> None:
        """Add an ended session to the totals; what follows does not join what it left."""
        self._session = None
        self._totals.received_bytes += session.received_bytes
        if session.depacketizer is not None:
            self._totals.lost_packets += session.depacketizer.lost_packets
        self._fanout.forget()

    def _publish(self, unit: AccessUnit) -> None:
        self._totals.units += 1
        if unit.is_key:
            self._totals.key_units += 1
            session = self._session
            if session is not None and session.depacketizer is not None:
                self._size_px = session.depacketizer.sets.size_px
                self._report_damage(session.depacketizer)
        if self._state is not StreamState.LIVE:
            self._codec = unit.codec
            self._enter(StreamState.LIVE)
        self._fanout.publish(unit)

    def _report_damage(self, depacketizer: H264Depacketizer) -> None:
        """Say at most once a key picture that pictures were lost since the last one."""
        lost = depacketizer.damaged_units + depacketizer.skipped_units
        if lost > self._reported:
            fields = {"camera": self.source.id, "problem": depacketizer.problem}
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
        fields = {"camera": self.source.id, "state": state.value, "problem": problem}
        log.info("camera-state", extra=fields)
        self._on_change(self.source.id, self.status())


def _state_after(error: PeerError) -> StreamState:
    """Return what an installer is told after a session ended with `error`."""
    if isinstance(error, CredentialError):
        return StreamState.REFUSED
    if isinstance(error, UnusableStreamError | WireError):
        return StreamState.UNSUPPORTED
    if isinstance(error, rtsp.StallError):
        return StreamState.STALLED
    return StreamState.UNREACHABLE
