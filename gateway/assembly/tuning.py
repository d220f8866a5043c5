# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which stream of a camera a look gets, and goes on getting: wishes, codecs, lines, limits.

Asked when a look begins and each second after: the same Grant and the same m-line go on, whatever
stream they carry (ADR 35).
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from typing_extensions import override

from gateway.assembly.which_stream import Pick
from gateway.model.access import Grant, Purpose
from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit, Codec, StreamKind, StreamWish
from gateway.model.room import at_edge
from gateway.relay.video.choice import Choice, Line, first, lacks_small
from gateway.relay.video.process import MediaProcess, SessionInfo, Source
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader

log = logging.getLogger(__name__)

URGENT = (Purpose.ALARM, Purpose.INCIDENT)
"""Purposes for which the large picture is worth its bandwidth."""
LIMITED: Final = "limited"
"""Flag of the small picture where the large one is pinned, but the recipient's line is full."""
FETCH_S: Final = 2.0
"""So long the small stream is fetched for somebody who begins; cameras need up to a second."""


class Exits(Protocol):
    """Where live pictures leave, with the masks in force."""

    def choose(
        self, camera: str, wish: StreamKind, codecs: frozenset[Codec], grant: Grant | None = None
    ) -> Pick:
        """Return which rendition a viewer gets now."""
        ...

    def fanout(self, camera: str, what: Pick, grant: Grant | None = None) -> Fanout:
        """Return where a rendition comes; the same object every time."""
        ...

    def at_hand(self, camera: str, what: Pick, grant: Grant | None = None) -> Sequence[AccessUnit]:
        """Return what somebody who reads it from now on begins with; starts nothing."""
        ...

    def use(
        self, camera: str, what: Pick, grant: Grant | None = None
    ) -> AbstractAsyncContextManager[Fanout]:
        """Hold a rendition until somebody reads it; PeerError if it cannot be had."""
        ...


@dataclass(slots=True)
class Tuned:
    """What a look shows and why."""

    wish: StreamWish
    kind: StreamKind
    pick: Pick
    choice: Choice
    fetch: Pick | None = None
    """The small stream, which does not run: with it the look had better begin, if it comes soon."""
    is_limited: bool = False
    """Pinned to the large stream, and small all the same until its viewer asks again."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What its viewer is told about the picture."""
        is_small = self.is_limited and self.pick.rendition.source is StreamKind.SUB
        return (*self.pick.flags, LIMITED) if is_small else self.pick.flags


class _Fetching(Reader):
    """Has a stream run and tells of its first key unit; keeps nothing."""

    def __init__(self, name: str, fanout: Fanout, came: Callable[[], None], until_s: float) -> None:
        super().__init__(name)
        self.until_s = until_s
        self._came: Callable[[], None] | None = came
        self._fanout = fanout
        fanout.join(self)

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Tell, once; never waits."""
        came = self._came
        if unit.is_key and came is not None:
            self._came = None
            came()

    def end(self) -> None:
        """Let the stream go; not while it feeds its readers. Harmless if it was let go."""
        self._came = None
        self._fanout.leave(self)


class Tuning:
    """Chooses streams; `tick` goes on choosing."""

    def __init__(self, media: MediaProcess, exits: Exits, clock: Clock) -> None:
        self.exits = exits
        self._media = media
        self._clock = clock
        self._looks: dict[str, Tuned] = {}
        self._fetching: list[_Fetching] = []
        self._is_over: Callable[[Grant], bool] = lambda _: False
        """As the last round was told."""

    def begin(
        self, grant: Grant, wish: StreamWish, takes: frozenset[Codec], *, small: bool
    ) -> Tuned:
        """Choose for a look that is about to begin; `small`: one picture among several.

        WireError if the peer decodes nothing of it.
        """
        camera = grant.camera
        large, sub = (self.exits.choose(camera, kind, takes, grant) for kind in StreamKind)
        fetches = False
        if wish is StreamWish.AUTO and not (small and grant.request.purpose not in URGENT):
            kept = tuple(self.exits.at_hand(camera, one, grant) for one in (large, sub))
            kind = first(*kept) if large != sub else StreamKind.MAIN
            fetches = large != sub and lacks_small(*kept) and _is_cheap(camera, sub, takes)
        else:
            kind = StreamKind.MAIN if wish is StreamWish.MAIN else StreamKind.SUB
        pick = large if kind is StreamKind.MAIN else sub
        if pick.codec not in takes:
            raise WireError(f"the picture is {pick.codec.value}, which the peer does not take")
        return Tuned(wish, kind, pick, Choice(kind), sub if fetches else None)

    def source(self, grant: Grant, pick: Pick) -> Source:
        """Return a rendition as the media process is fed with it."""
        camera = grant.camera
        return Source(pick.stream(camera), pick.codec, self.exits.fanout(camera, pick, grant))

    def began(self, name: str, tuned: Tuned) -> None:
        """Go on choosing for the look of that name as long as it runs."""
        running = {one.session for one in self._media.sessions()}
        self._looks = {key: one for key, one in self._looks.items() if key in running}
        self._looks[name] = tuned
        look = next((one for one in self._media.sessions() if one.session == name), None)
        if tuned.fetch is not None and look is not None and not look.wall:
            fanout = self.exits.fanout(look.grant.camera, tuned.fetch, look.grant)
            until_s = self._clock.monotonic_s() + FETCH_S
            fetching = _Fetching(f"first:{name}", fanout, partial(self._came, name), until_s)
            self._fetching.append(fetching)

    def _came(self, name: str) -> None:
        """Begin with the small stream, which is here, if nothing was shown yet (ADR 38)."""
        tuned = self._looks.get(name)
        look = next((one for one in self._media.sessions() if one.session == name), None)
        if tuned is None or look is None or look.connected or tuned.wish is not StreamWish.AUTO:
            return
        if tuned.kind is StreamKind.MAIN:
            tuned.choice = Choice(StreamKind.SUB)
            self._follow(look, tuned, StreamKind.SUB)

    def of(self, name: str) -> Tuned | None:
        """Return what a running look shows."""
        return self._looks.get(name)

    def flags(self, name: str) -> tuple[str, ...]:
        """Return what a viewer is told about the picture, beside its Grant's flags."""
        tuned = self._looks.get(name)
        return tuned.flags if tuned is not None else ()

    def wish(self, name: str, wish: StreamWish) -> None:
        """Go over to what a viewer wants from now on, the Grant untouched."""
        tuned = self._looks.get(name)
        if tuned is None:
            return
        tuned.wish, tuned.is_limited = wish, False
        if wish is not StreamWish.AUTO:
            tuned.choice = Choice(StreamKind(wish.value))
        looks = self._media.sessions()
        small = _among_others(looks)
        for look in looks:  # that one alone: whoever asks often costs the others nothing
            if look.session == name:
                self._attend(look, tuned, is_small=name in small)

    def tick(self, is_over: Callable[[Grant], bool] = lambda _: False) -> None:
        """Do one round, once a second; `is_over`: a look's recipient has no bandwidth left."""
        self._is_over = is_over
        self._let_go()
        looks = self._media.sessions()
        small = _among_others(looks)
        for look in looks:
            tuned = self._looks.get(look.session)
            if tuned is not None:
                self._attend(look, tuned, is_small=look.session in small)

    def _let_go(self) -> None:
        """Stop fetching small streams for those who began long ago, or ended."""
        now_s = self._clock.monotonic_s()
        for one in self._fetching:
            if one.until_s <= now_s:
                one.end()
        self._fetching = [one for one in self._fetching if one.until_s > now_s]

    def _attend(self, look: SessionInfo, tuned: Tuned, *, is_small: bool) -> None:
        """Send what is right now; `is_small`: a picture among several."""
        over = self._is_over(look.grant)
        tuned.is_limited |= over and tuned.wish is StreamWish.MAIN
        self._follow(look, tuned, self._kind(look, tuned, is_small=is_small or over))

    def _kind(self, look: SessionInfo, tuned: Tuned, *, is_small: bool) -> StreamKind:
        """Return which stream a look should carry now."""
        if tuned.is_limited:
            return StreamKind.SUB
        if tuned.wish is not StreamWish.AUTO:
            return StreamKind(tuned.wish.value)
        state = look.state
        line = Line(state.fraction_lost, state.round_trip_s, state.overflows, state.delay_s)
        chosen = tuned.choice.note(line, self._clock.monotonic_s())
        return StreamKind.SUB if is_small else chosen

    def _follow(self, look: SessionInfo, tuned: Tuned, kind: StreamKind) -> None:
        """Send what is right now; what cannot be had changes nothing."""
        camera, grant = look.grant.camera, look.grant
        pick = self.exits.choose(camera, kind, look.takes, grant)
        tuned.kind = kind
        if (pick.stream(camera), pick.codec) == (look.source.name, look.source.codec):
            tuned.pick = pick
            return
        try:
            self._media.switch(look.session, self.source(grant, pick))
        except PeerError as error:
            log.warning("not-switched", extra={"camera": camera, "problem": str(error)})
        else:
            tuned.pick = pick


def _is_cheap(camera: str, small: Pick, takes: frozenset[Codec]) -> bool:
    """Return whether a small stream costs no more than a connection within the house."""
    is_made = bool(small.flags or small.mark) or small.rendition.is_anew
    return not is_made and small.codec in takes and not at_edge(camera)[0]


def _among_others(looks: Iterable[SessionInfo]) -> frozenset[str]:
    """Return the tiles of walls that show more than one picture and are not urgent."""
    looks = tuple(looks)
    tiles = Counter(one.wall for one in looks if one.wall)
    return frozenset(
        one.session
        for one in looks
        if tiles[one.wall] > 1 and one.grant.request.purpose not in URGENT
    )
