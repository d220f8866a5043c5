# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a Grant to pictures, and back to the ledger when they end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from gateway.access.gate import Gate
from gateway.assembly.allowance import Allowance
from gateway.assembly.cameras import CameraPost
from gateway.assembly.figures import figures_of
from gateway.assembly.room_federation import RoomFederation, verdict_of
from gateway.assembly.tuning import URGENT, Exits, Tuning
from gateway.assembly.which_stream import Rendition
from gateway.codec.jpeg import Caller
from gateway.codec.mux import clip
from gateway.console.problem import RefusedError
from gateway.console.services import Endings, LookFigures, Notices
from gateway.evidence.ring import Ring
from gateway.model.access import UNCONFIRMED, Actor, Grant, Verdict
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.errors import LedgerError, PeerError, StoreError
from gateway.model.holdup import is_hidden
from gateway.model.media import AccessUnit, Codec, StreamWish
from gateway.model.registry import Mask, Registry
from gateway.model.retention import BEFORE_H
from gateway.model.room import at_edge
from gateway.relay.video.process import (
    NOT_VALID,
    IceAnswer,
    MediaProcess,
    SessionEnd,
    SessionInfo,
    WhepAnswer,
)
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader

log = logging.getLogger(__name__)

BEFORE_S = 10.0
HOLDUP_BEFORE_S = 30.0
"""A hold-up shows all that its act lets the ring keep (B-26)."""
AFTER_S = 3.0
"""A clip shows the seconds before the alarm, and a little of what it was about."""
TICK_S: Final = 1.0
ASK_S: Final = 10.0
"""Before its Grant would run out a look is prolonged: the picture never waits for an answer."""
AGAIN_S: Final = 60.0
"""How often a question without an answer is repeated."""


@dataclass(frozen=True, slots=True)
class WhepSession:
    """A running look as the console needs it."""

    session: str
    grant: Grant
    etag: str
    """Of its session, without quotes."""
    sdp: str = field(default="", repr=False)
    wall: str = ""
    """The wall that it is a tile of; empty: a session of its own."""
    mid: str = ""
    stream: str = ""
    """Which rendition is sent."""
    wish: StreamWish = StreamWish.AUTO
    flags: tuple[str, ...] = ()
    """What is out of the ordinary about the picture, beside the Grant's."""
    figures: LookFigures | None = None


@dataclass(frozen=True, slots=True)
class Wall:
    """A running wall as the console needs it."""

    session: str
    owner: str
    etag: str
    """Without quotes."""
    mids: tuple[str, ...]
    sdp: str = field(default="", repr=False)


class Viewing:
    """What the console calls `media`: looks bound to Grants, each in a session or on a wall."""

    def __init__(
        self,
        media: MediaProcess,
        post: Callable[[str], CameraPost | None],
        exits: Exits,
        clock: Clock,
        allowance: Allowance | None = None,
    ) -> None:
        self._media = media
        self._post = post
        self._exits = exits
        self._clock = clock
        self._allowance = allowance
        self.tuning = Tuning(media, exits, clock)
        self._etags: dict[str, str] = {}
        self.federation: RoomFederation | None = None
        """Asks the edges of this room; None where it has none."""

    async def open(
        self, grant: Grant, offer_sdp: str, stream: StreamWish = StreamWish.MAIN
    ) -> WhepSession:
        """Start a session on the Grant's camera; PeerError if the camera is not there.

        The small rendition of a camera that has none is its main one. WireError for an unusable
        offer, BusyError if the viewer's recipient looks at enough, RefusedError (of the console)
        if the edge where the camera is does not release it.
        """
        codecs = self._media.offered(offer_sdp)
        with self._placed(grant, self._media.sessions()):
            return await self._open(grant, offer_sdp, StreamWish(stream.value), codecs)

    async def _open(
        self, grant: Grant, offer_sdp: str, wish: StreamWish, codecs: frozenset[Codec]
    ) -> WhepSession:
        tuned = self.tuning.begin(grant, wish, codecs, small=False)
        async with (
            self._exits.use(grant.camera, tuned.pick, grant) as fanout,
            self._released(grant, fanout),
        ):
            answer = await self._media.open(grant, offer_sdp, self.tuning.source(grant, tuned.pick))
        self.tuning.began(answer.session, tuned)
        etag = self._tagged(answer)
        return WhepSession(answer.session, grant, etag, answer.sdp, flags=tuned.pick.flags)

    def _placed(self, grant: Grant, looks: Sequence[SessionInfo]) -> AbstractContextManager[None]:
        """Begin one more look beside others in the block; BusyError if that is too much."""
        return self._allowance.place(grant, looks) if self._allowance else nullcontext()

    def _tagged(self, answer: WhepAnswer) -> str:
        etag = answer.etag.strip('"')
        running = {one.session for one in self._media.sessions()}
        self._etags = {name: tag for name, tag in self._etags.items() if name in running}
        self._etags[answer.session] = etag
        return etag

    async def open_wall(self, owner: Actor, offer_sdp: str) -> Wall:
        """Start a wall that shows nothing yet; WireError for an unusable offer."""
        answer = await self._media.open_wall(owner.id, offer_sdp, owner.session)
        return Wall(answer.session, owner.id, answer.etag.strip('"'), answer.mids, answer.sdp)

    async def leave_walls(self, sign_in: str, reason: str) -> None:
        """End the walls that were opened under a sign-in, also those that show nothing."""
        for one in self._media.walls():
            if one.sign_in == sign_in:
                self._media.close(one.session, reason)

    def walls(self) -> Sequence[Wall]:
        """Return the walls that are open now."""
        return [Wall(one.session, one.owner, one.etag, one.mids) for one in self._media.walls()]

    async def show(self, grant: Grant, wall: str, mid: str, stream: StreamWish) -> WhepSession:
        """Show the Grant's camera in a slot of a wall, in place of what it shows.

        Errors as those of `open`; PeerError also if the wall is gone.
        """
        looks = self._media.sessions()
        beside = [one for one in looks if (one.wall, one.mid) != (wall, mid)]
        if len(beside) < len(looks):  # in place of one that is there: no more is looked at
            return await self._show(grant, wall, mid, stream)
        with self._placed(grant, looks):
            return await self._show(grant, wall, mid, stream)

    async def _show(self, grant: Grant, wall: str, mid: str, stream: StreamWish) -> WhepSession:
        looks = self._media.sessions()
        others = any(one.wall == wall and one.mid != mid for one in looks)
        codecs = self._media.takes(wall, mid)
        tuned = self.tuning.begin(grant, stream, codecs, small=others)
        async with (
            self._exits.use(grant.camera, tuned.pick, grant) as fanout,
            self._released(grant, fanout),
        ):
            name = self._media.play(wall, mid, grant, self.tuning.source(grant, tuned.pick))
        self.tuning.began(name, tuned)
        return next(one for one in self.sessions() if one.session == name)

    def wish(self, session: str, stream: StreamWish) -> None:
        """Have a running look go over to another stream; its Grant goes on."""
        self.tuning.wish(session, stream)

    @asynccontextmanager
    async def _released(self, grant: Grant, fanout: Fanout) -> AsyncIterator[None]:
        """Have an edge release its camera first; its pictures are fetched while it is asked."""
        federation, (edge, _) = self.federation, at_edge(grant.camera)
        if federation is None or not edge:
            yield
            return
        reader = Reader(f"line:{grant.id}")
        fanout.join(reader)
        try:
            try:
                await federation.begin(grant)
            except PeerError as error:
                raise RefusedError(verdict_of(error, edge)) from error
            yield
        except BaseException:
            federation.over(grant.id, "never-began")
            raise
        finally:
            fanout.leave(reader)
        federation.began(grant)

    async def keep(self) -> NoReturn:
        """Each second measure the recipients' shares and choose streams anew, until cancelled."""
        while True:
            await self._clock.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Do one round of `keep`."""
        allowance = self._allowance
        if allowance is None:
            self.tuning.tick()
            return
        allowance.note(self._media.sessions())
        self.tuning.tick(allowance.is_over)

    def is_urgent(self, camera: str) -> bool:
        """Return whether somebody looks at a camera because of an alarm or an incident."""
        return any(
            one.grant.camera == camera and one.grant.request.purpose in URGENT
            for one in self._media.sessions()
        )

    async def close(self, session: str, reason: str) -> None:
        """End a look, a session or a wall; each look's end is reported like any other."""
        self._media.close(session, reason)

    def regrant(self, grant: Grant) -> None:
        """Let a running session go on under its look's next Grant, the picture untouched."""
        self._media.regrant(grant)

    def patch(self, session: str, fragment: str) -> IceAnswer | None:
        """Take a trickle ICE fragment; the answer if it begins a new ICE session, else None."""
        made = self._media.patch(session, fragment)
        if made is not None and session in self._etags:
            self._etags[session] = made.etag
        return made

    def sessions(self) -> Sequence[WhepSession]:
        """Return what is looked at now."""
        walls = {one.session: one.etag for one in self._media.walls()}
        return [self._session(one, walls) for one in self._media.sessions()]

    def _session(self, one: SessionInfo, walls: Mapping[str, str]) -> WhepSession:
        tuned, post = self.tuning.of(one.session), self._post(one.grant.camera)
        etag = walls.get(one.wall) or self._etags.get(one.session, "")
        return WhepSession(
            one.session,
            one.grant,
            etag,
            wall=one.wall,
            mid=one.mid,
            stream=_rendition(one.state.stream),
            wish=tuned.wish if tuned is not None else StreamWish.AUTO,
            flags=tuned.flags if tuned is not None else (),
            figures=figures_of(one, post.status() if post is not None else None),
        )


def _rendition(stream: str) -> str:
    """Return which rendition a stream on the link is; the main one's name says nothing of it."""
    word = stream.split("/")[1] if "/" in stream else ""
    return word if word in {one.value for one in Rendition} else Rendition.MAIN.value


class Confirmations:
    """Asks viewers every half hour whether they still need the picture, which goes on meanwhile.

    Who does not answer for another half hour loses it, unless an alarm is open; looks of a shift
    and those in an emergency are not asked about: they last as long as they last.
    """

    def __init__(self, gate: Gate, viewing: Viewing, notices: Notices, clock: Clock) -> None:
        self._gate = gate
        self._viewing = viewing
        self._notices = notices
        self._clock = clock
        self._told_s: dict[str, float] = {}
        """When a session's viewer was last asked, by session."""

    async def keep(self) -> NoReturn:
        """Look after all sessions, each second, until cancelled."""
        while True:
            await self.tick()
            await self._clock.sleep(TICK_S)

    async def tick(self) -> None:
        """Do one round: flag, prolong, ask. A ledger that refuses lets looks run out."""
        running = self._viewing.sessions()
        here = {one.session for one in running}
        self._told_s = {name: s for name, s in self._told_s.items() if name in here}
        for one in running:
            try:
                await self._attend(one)
            except LedgerError as error:
                log.warning("confirm-not-written", extra={"problem": str(error)})

    async def _attend(self, one: WhepSession) -> None:
        grant = await self._gate.mark(one.grant) or one.grant
        left_s = grant.expires.monotonic_s - self._clock.monotonic_s()
        if left_s <= ASK_S:
            grant = await self._gate.prolong(grant) or grant
        if grant is not one.grant:
            self._viewing.regrant(grant)
        if UNCONFIRMED in grant.flags:
            self._ask(one.session, grant)

    def _ask(self, session: str, grant: Grant) -> None:
        """Tell the viewer that an answer is due; again each minute, pages may come and go."""
        now_s = self._clock.monotonic_s()
        by_s = round(grant.expires.monotonic_s - now_s)
        if by_s <= 0 or now_s - self._told_s.get(session, -AGAIN_S) < AGAIN_S:
            return
        self._told_s[session] = now_s
        person = grant.request.actor.id
        data = {"session": session, "camera": grant.camera, "by_s": by_s}
        self._notices.tell("confirm", data, to=lambda actor: actor.id == person)

    async def confirm(self, session: str, actor: Actor) -> Grant | Verdict | None:
        """Take the viewer's answer; the look's Grant, why it is over, None for no such session.

        LedgerError if it cannot be written down: then nothing was confirmed.
        """
        for one in self._viewing.sessions():
            if one.session == session and one.grant.request.actor.id == actor.id:
                made = await self._gate.renew(one.grant)
                if isinstance(made, Grant):
                    self._viewing.regrant(made)
                    self._told_s.pop(session, None)
                return made
        return None


async def with_masks_in_force(
    masks: Callable[[], tuple[Mask, ...]],
    make: Callable[[tuple[Mask, ...]], Coroutine[None, None, bytes]],
) -> bytes:
    """Return what `make` makes with the masks in force; anew if they changed while it did."""
    while True:
        burned = masks()
        made = await make(burned)
        if masks() == burned:
            return made


class Accountant:
    """Closes the ledger entry of every session that ends, and tells the player why."""

    def __init__(self, gate: Gate, endings: Endings, tasks: asyncio.TaskGroup) -> None:
        self._gate = gate
        self._endings = endings
        self._tasks = tasks
        self._owed: dict[str, SessionEnd] = {}
        """Ends that the ledger did not take yet; no more than Grants that are open there."""

    def session_ended(self, end: SessionEnd) -> None:
        """Take the report of an end; the entry is written by a task of its own."""
        end = replace(end, reason=self._reason(end))
        person = end.grant.request.actor.id
        self._endings.note(end.session, person, end.reason)
        if end.wall:  # a tile is known by its place, and a wall that is gone by its last tile
            self._endings.note(f"{end.wall}/{end.mid}", person, end.reason)
            self._endings.note(end.wall, person, end.reason)
        self._tasks.create_task(self._close(end), name=f"close:{end.session}")

    def _reason(self, end: SessionEnd) -> str:
        """Return why the Grant no longer held, where that was the reason."""
        if end.reason != NOT_VALID:
            return end.reason
        refusal = self._gate.check(end.grant).refusal
        return refusal.value if refusal else end.reason

    async def _close(self, end: SessionEnd) -> None:
        try:
            await self._gate.close(
                end.grant,
                reason=end.reason,
                duration_ms=end.duration_ms,
                bytes=end.bytes,
                frames=end.frames,
            )
        except StoreError as error:
            # what stays open is closed by the ledger itself at the next start
            if end.session not in self._owed:
                log.error("close-not-written", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
            self._owed[end.session] = end
        else:
            self._owed.pop(end.session, None)

    async def settle(self) -> None:
        """Try again what the ledger did not take, with what was counted then."""
        for end in tuple(self._owed.values()):
            await self._close(end)


@dataclass(frozen=True, slots=True)
class ClipParts:
    """What clips are made of."""

    pool: Caller
    post: Callable[[str], CameraPost | None]
    registry: Callable[[], Registry]
    check: Callable[[Grant], Verdict]
    """Whether a Grant still holds: seconds pass until a file is made."""
    alarm: Callable[[str], AlarmRecord | None]
    clock: Clock
    most_bytes: int
    """Held for the alarms of one camera, beside its ring."""


def subject_of(
    name: str, alarms: Callable[[str], AlarmRecord | None]
) -> tuple[AlarmRecord, str] | None:
    """Return the alarm and the camera of a picture's name; None if there is no such alarm."""
    whole = alarms(name)
    if whole is not None:
        return whole, whole.alarm.camera
    alarm_id, _, at = name.rpartition("-")
    record = alarms(alarm_id)
    if record is None or not at.isdecimal() or not 0 < int(at) < len(record.alarm.cameras):
        return None
    return record, record.alarm.cameras[int(at)]


def is_hidden_picture(name: str, alarms: Callable[[str], AlarmRecord | None]) -> bool:
    """Return whether that a picture is kept would tell the shop of a silent alarm that lives."""
    found = subject_of(name, alarms)
    return found is not None and is_hidden(found[0])


class Clips:
    """The seconds before an alarm, as a playable file.

    The ring goes on; what belongs to an alarm is therefore held, in memory, until the alarm is
    closed or the act ends.
    """

    def __init__(self, parts: ClipParts) -> None:
        self._parts = parts
        self._held: dict[str, tuple[str, tuple[AccessUnit, ...]]] = {}
        """Camera and units by the name of an alarm's picture, oldest first."""

    async def hold(self, alarm: Alarm) -> None:
        """Hold what clips of this alarm show; returns when the last of it has come."""
        self._keep(alarm)
        await self._until_after(alarm)
        self._keep(alarm)

    def sweep(self) -> None:
        """Let go what no alarm or no act holds any more; call it every few seconds."""
        for name, (camera, units) in tuple(self._held.items()):
            found = subject_of(name, self._parts.alarm)
            is_open = found is not None and found[0].state is not AlarmState.CLOSED
            if not is_open or self._ring(camera) is None or self._is_over(units):
                del self._held[name]

    def _is_over(self, units: tuple[AccessUnit, ...]) -> bool:
        """Return whether seconds are held for too long, whatever keeps their alarm open."""
        if not units:
            return False
        age_s = self._parts.clock.monotonic_s() - units[0].received.monotonic_s
        return age_s >= BEFORE_H * 3600

    def oldest(self) -> tuple[tuple[str, AccessUnit], ...]:
        """Return camera and oldest picture of all that is held, but for hidden alarms."""
        return tuple(
            (camera, units[0])
            for name, (camera, units) in self._held.items()
            if units and not is_hidden_picture(name, self._parts.alarm)
        )

    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return a fragmented MP4 with masks burned in; empty if nothing is kept.

        RefusedError if the Grant does not hold, or holds no more when the file is ready.
        """
        self._insist(grant)
        if grant.camera not in alarm.alarm.cameras:
            return b""
        await self._until_after(alarm.alarm)
        units = self._units(alarm.alarm, grant.camera)
        if not units:
            return b""
        made = await with_masks_in_force(
            lambda: self._parts.registry().masks_of(grant.camera),
            lambda masks: clip(self._parts.pool, units, masks),
        )
        self._insist(grant)
        return made

    def _insist(self, grant: Grant) -> None:
        verdict = self._parts.check(grant)
        if not verdict.allowed:
            raise RefusedError(verdict)

    async def _until_after(self, alarm: Alarm) -> None:
        wait_s = alarm.raised.monotonic_s + AFTER_S - self._parts.clock.monotonic_s()
        if 0 < wait_s <= AFTER_S:
            await self._parts.clock.sleep(wait_s)

    def _ring(self, camera: str) -> Ring | None:
        post = self._parts.post(camera)
        return post.ring if post else None

    def _units(self, alarm: Alarm, camera: str) -> tuple[AccessUnit, ...]:
        """Return what is held and what the ring still adds; nothing where no act allows a ring."""
        ring = self._ring(camera)
        if ring is None:
            return ()
        before_s = HOLDUP_BEFORE_S if alarm.silent else BEFORE_S
        fresh = ring.cut(alarm.raised.shifted(-before_s), alarm.raised.shifted(AFTER_S))
        _, held = self._held.get(alarm.picture(camera), ("", ()))
        if not held:
            return fresh
        last_s = held[-1].captured.monotonic_s
        return (*held, *(one for one in fresh if one.captured.monotonic_s > last_s))

    def _keep(self, alarm: Alarm) -> None:
        for camera in alarm.cameras:
            self._keep_of(alarm, camera)

    def _keep_of(self, alarm: Alarm, camera: str) -> None:
        """Hold what there is of one camera; the oldest of its own give way."""
        if units := self._units(alarm, camera):
            self._held[alarm.picture(camera)] = (camera, units)
        own = [name for name, (whose, _) in self._held.items() if whose == camera]
        size_bytes = {name: sum(u.size_bytes() for u in self._held[name][1]) for name in own}
        for name in own:
            if sum(size_bytes.values()) <= self._parts.most_bytes:
                break
            del self._held[name], size_bytes[name]
