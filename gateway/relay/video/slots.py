# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One m-line of a session: what it shows, under which look, and how that goes.

Its SSRCs and their numbering belong to the session and outlive every look: what is shown changes
without SDP. A look's counters begin with it.
"""

import secrets
from dataclasses import dataclass, field

from gateway.model.errors import InvariantError
from gateway.model.media import Codec
from gateway.relay.video import link
from gateway.relay.video.hub import Hub
from gateway.relay.video.pace import Pace
from gateway.relay.video.port import Path
from gateway.relay.video.srtp import Protector, RtpStream
from gateway.relay.video.viewer import TrainSender, Viewer, ViewerStatistics, ViewerTerms

_NOTHING = ("", None)


@dataclass(frozen=True, slots=True)
class Way:
    """How a connected session's packets reach its peer."""

    path: Path
    port: TrainSender
    protector: Protector
    """One for all slots: keys belong to the session, numbering to the SSRC."""
    pace: Pace = field(default_factory=Pace)
    """One for all slots, too: they share the peer's line."""


class Slot:
    """Shows one stream at a time; the caller knows hubs by their stream's name."""

    def __init__(self, terms: link.Slot, cname: str) -> None:
        self.terms = terms
        self.lease_until_s = 0.0
        self.play: link.Play | None = None
        """What is asked for; None: dark."""
        self.viewer: Viewer | None = None
        self._cname = cname
        self._hub: Hub | None = None
        self._sent: tuple[str, Codec | None] = _NOTHING
        """Stream and codec; behind `play` while a switch waits for its key unit."""
        self._before: ViewerStatistics | None = None

    def begin(self, play: link.Play, now_s: float) -> bool:
        """Take what is to be shown; False if the peer does not take its codec."""
        if self.terms.format(play.codec) is None:
            return False
        if self.play is None:
            self._before = self.viewer.statistics() if self.viewer else None
        self.play = play
        self.lease_until_s = now_s + link.LEASE_S
        return True

    def is_behind(self) -> bool:
        """Return whether something else is asked for than is sent."""
        return self.play is not None and (self.play.stream, self.play.codec) != self._sent

    def show(self, hub: Hub, way: Way, now_s: float) -> None:
        """Follow `play`, whose units `hub` has.

        What is sent now goes on until the new stream's key unit is at hand: call it again then.
        """
        if self.play is None or (self._hub is not None and not hub.is_ready()):
            return
        streams = self._streams(self.play)
        if self.viewer is None:
            terms = ViewerTerms(
                *streams,
                self._cname,
                secrets.randbits(15),
                secrets.randbits(15),
                secrets.randbits(31),
                self.terms.playout_delay,
            )
            self.viewer = Viewer(terms, way.path, way.port, way.protector, way.pace)
        else:
            self._leave()
            self.viewer.retune(*streams)
        self._hub, self._sent = hub, (self.play.stream, self.play.codec)
        hub.join(self.viewer, now_s)

    def _streams(self, play: link.Play) -> tuple[RtpStream, RtpStream | None]:
        """Return under which numbers the peer expects a codec."""
        chosen = self.terms.format(play.codec)
        if chosen is None:
            raise InvariantError(f"a look at {play.codec.value} that the peer does not take")
        again = chosen.rtx_payload_type
        return (
            RtpStream(self.terms.ssrc, chosen.payload_type),
            None if again is None else RtpStream(self.terms.rtx_ssrc, again),
        )

    def rewind(self, now_s: float) -> None:
        """Show the kept key unit again."""
        if self._hub is not None and self.viewer is not None:
            self._hub.rewind(self.viewer, now_s)

    def hub(self) -> Hub | None:
        """Return whose units are sent."""
        return self._hub

    def end(self, reason: str) -> link.Stopped | None:
        """Go dark at once; the last word on the look, None if there was none."""
        if self.play is None:
            return None
        now = self.state()
        stopped = link.Stopped(self.play.look, reason, now.bytes, now.frames)
        self._leave()
        if self.viewer is not None:
            self.viewer.forget()
        self.play = None
        return stopped

    def _leave(self) -> None:
        if self._hub is not None and self.viewer is not None:
            self._hub.leave(self.viewer)
        self._hub, self._sent = None, _NOTHING

    def state(self) -> link.SlotState:
        """Return where the look stands; call it only while there is one."""
        if self.play is None:
            raise InvariantError("the state of a slot that shows nothing")
        if self.viewer is None:
            return link.SlotState(self.play.look, self._sent[0], connected=False)
        now, before = self.viewer.statistics(), self._before
        counted = (now.bytes, now.frames, now.packets, now.repeated, now.overflows)
        if before is not None:
            past = (before.bytes, before.frames, before.packets, before.repeated, before.overflows)
            counted = tuple(a - b for a, b in zip(counted, past, strict=True))  # type: ignore[assignment]  # as many
        return link.SlotState(
            self.play.look,
            self._sent[0],
            True,
            *counted,
            fraction_lost=now.fraction_lost,
            jitter_s=now.jitter_s,
            round_trip_s=now.round_trip_s,
            delay_s=now.delay_s,
        )
