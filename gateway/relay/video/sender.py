# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One client's pictures: written as they come, or left out so that the next ones are not late.

What the client sees is never older on our side than `LATE_S`: when something has waited so long,
all that waits is left out up to the next key unit; where that happens again and again the small
rendition stands in for a while. A key unit of the smallest rendition is finished however long it
takes: without it there would be no picture at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.relay.video.lease import OnReduced, StreamLease
from gateway.relay.video.outlet import Outlet
from gateway.relay.video.thin import PAIR_S, Rendition, Share
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.wire.rtsp_serving import Track

LATE_S = 0.5
"""What waits longer is left out."""
ALONE_S = 2.0
"""So long after the beginning each picture goes at once: somebody waits for the first."""
SWITCH_S = 15.0
"""A small rendition that shows no key unit within this long does not stand in."""
SMALL = "small-stream"
KEYS_ONLY = "key-pictures"
"""Reasons told when a line is too slow: what goes out in place of the stream that was asked for."""


class _Inlet(Reader):
    """A reader without a queue: hands each unit on at once."""

    def __init__(self, name: str, take: Callable[["_Inlet", AccessUnit], None]) -> None:
        super().__init__(name)
        self._take_unit = take

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Take a unit; never waits."""
        self._take_unit(self, unit)


@dataclass(frozen=True, slots=True)
class Means:
    """What a sender works with."""

    outlet: Outlet
    share: Share
    clock: Clock
    on_reduced: OnReduced
    name: str
    """Under which it joins fan-outs."""


class Sender:
    """Feeds one track from one lease, from `begin` to `end`."""

    def __init__(self, lease: StreamLease, track: Track, codec: Codec, means: Means) -> None:
        """`codec`: that of the session, which does not change while it lasts."""
        self.sent_bytes = 0
        self.sent_units = 0
        self.skipped_units = 0
        self.rendition = Rendition(has_small=lease.small is not None)
        self._lease = lease
        self._track = track
        self._codec = codec
        self._means = means
        self._inlets = {
            False: _Inlet(means.name, self._take),
            True: _Inlet(means.name, self._take),
        }
        """By whether it is the small rendition."""
        self._joined: dict[bool, float] = {}
        """Fan-outs that are read, and since when."""
        self._lacks_key = True
        self._waiting: deque[tuple[float, AccessUnit]] = deque()
        """Units of which nothing is sealed yet, and since when they wait."""
        self._packets: deque[bytes] = deque()
        """What is left of the unit that is being sent."""
        self._going: tuple[float, AccessUnit] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reduced = ""
        self._filling = False
        self._held: tuple[float, AccessUnit] | None = None
        """A unit that waits for the next one, to go with it; the line is free."""
        self._holding: asyncio.TimerHandle | None = None
        self._taken_s = float("inf")
        """When a unit came last, ..."""
        self._pairs_from_s = float("inf")
        """... and from when on two may go together."""

    # life ------------------------------------------------------------------------------------

    def begin(self, *, small: bool) -> None:
        """Join, from the kept units on: they bring the picture to live."""
        now_s = self._means.clock.monotonic_s()
        small = small and self._lease.small is not None
        if small:
            self.rendition.begin_small(now_s)
            self.rendition.switched(now_s, is_small=True)
            self._tell(SMALL)
        if self._means.share.budget.pairs:
            self._pairs_from_s = now_s + ALONE_S
        self._join(is_small=small, from_kept=True)

    def end(self) -> None:
        """Leave; nothing goes out any more. Harmless if it was called."""
        for is_small in tuple(self._joined):
            self._leave(is_small=is_small)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._take_held()
        self._waiting.clear()
        self._packets.clear()
        self._going = None
        self._tell("")

    def goodbye(self) -> bytes:
        """Return what tells the client that nothing more comes."""
        return self._track.goodbye()

    @property
    def has_backlog(self) -> bool:
        """Return whether anything waits to be sent."""
        return bool(self._waiting or self._packets) or not self._means.outlet.is_clear

    def oldest_s(self, now_s: float) -> float:
        """Return how long what has waited longest has waited; 0 if nothing does."""
        if self._going is not None and (self._packets or not self._means.outlet.is_clear):
            return now_s - self._going[0]
        return now_s - self._waiting[0][0] if self._waiting else 0.0

    # in --------------------------------------------------------------------------------------

    def _fanout(self, *, is_small: bool) -> Fanout | None:
        return self._lease.small if is_small else self._lease.main

    def _join(self, *, is_small: bool, from_kept: bool) -> None:
        fanout = self._fanout(is_small=is_small)
        if fanout is not None and is_small not in self._joined:
            self._joined[is_small] = self._means.clock.monotonic_s()
            self._filling = from_kept
            fanout.join(self._inlets[is_small], from_kept=from_kept)
            self._filling = False
            self.pump()

    def _leave(self, *, is_small: bool) -> None:
        fanout = self._fanout(is_small=is_small)
        if fanout is not None and self._joined.pop(is_small, None) is not None:
            fanout.leave(self._inlets[is_small])

    def _take(self, inlet: _Inlet, unit: AccessUnit) -> None:
        """Take a unit of either rendition."""
        is_small = inlet is self._inlets[True]
        if is_small is not self.rendition.is_small and not (
            unit.is_key and self._switch(unit, is_small=is_small)
        ):
            return
        if self._lacks_key and not unit.is_key:
            self.skipped_units += 1
            return
        self._lacks_key = False
        now_s = self._means.clock.monotonic_s()
        if self._held is not None:
            self._send_held(unit, now_s)
        elif self._waiting or self._packets or self._filling:
            self._queue(unit, now_s)
        elif now_s >= self._pairs_from_s and self._may_hold(unit, now_s):
            self._held = now_s, unit
            loop = asyncio.get_running_loop()
            self._holding = loop.call_later(PAIR_S, self._send_held)
        elif not self._pass(unit, now_s):
            self._queue(unit, now_s)
        self._taken_s = now_s

    def _queue(self, unit: AccessUnit, now_s: float) -> None:
        """Have a unit wait its turn, which may be now."""
        self._waiting.append((now_s, unit))
        if not self._filling:
            self.pump()

    # two at a time ---------------------------------------------------------------------------

    def _may_hold(self, unit: AccessUnit, now_s: float) -> bool:
        """Return whether a unit may wait for the next one, which is soon to come."""
        outlet = self._means.outlet
        return (
            not unit.is_key
            and now_s - self._taken_s <= PAIR_S
            and outlet.is_free
            and outlet.is_clear
            and unit.size_bytes() <= outlet.queue_bytes
        )

    def _take_held(self) -> tuple[float, AccessUnit] | None:
        """Return the unit that waits for the next one, which waits no longer."""
        held, self._held = self._held, None
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        return held

    def _send_held(self, unit: AccessUnit | None = None, now_s: float = 0.0) -> None:
        """Send the unit that waits for `unit` with it; alone if that does not come."""
        held = self._take_held()
        if held is None:
            return
        if unit is None:
            if not self._pass(held[1], self._means.clock.monotonic_s()):
                self._waiting.append(held)
                self.pump()
        elif not self._may_hold(unit, now_s) or not self._pass_both(held[1], unit, now_s):
            self._waiting.extend((held, (now_s, unit)))
            self.pump()

    def _pass_both(self, first: AccessUnit, second: AccessUnit, now_s: float) -> bool:
        """Send two units in one piece; False: they have to wait their turn."""
        outlet, share = self._means.outlet, self._means.share
        if outlet.error is not None or share.wait_s(now_s):
            return False
        self._going = (now_s, second)
        data = b"".join((*self._packed(first), *self._packed(second)))
        share.take(len(data))
        self.sent_bytes += len(data)
        if not outlet.write(data):
            self._arm(now_s)
        return True

    def _pass(self, unit: AccessUnit, now_s: float) -> bool:
        """Send a unit in one piece, as nearly all of them go; False: it has to wait its turn.

        The same as waiting and `pump`, without what only a line that is too slow needs.
        """
        outlet, share = self._means.outlet, self._means.share
        if not outlet.is_clear or outlet.error is not None or share.wait_s(now_s):
            return False
        self._going = (now_s, unit)
        packets = self._packed(unit)
        if len(packets) != 1:
            self._packets.extend(packets)
            self.pump()
            return True
        (data,) = packets
        share.take(len(data))
        self.sent_bytes += len(data)
        if not outlet.write(data):
            self._arm(now_s)
        return True

    def _switch(self, unit: AccessUnit, *, is_small: bool) -> bool:
        """Go over to the other rendition with its key unit; False if it cannot stand in."""
        if unit.codec is not self._codec:  # a session has one payload format
            self.rendition.give_up_small()  # left in `look`: nobody leaves while he is being fed
            return False
        self._send_held()
        self._drop()
        self._leave(is_small=not is_small)
        self._track.join()
        self.rendition.switched(self._means.clock.monotonic_s(), is_small=is_small)
        self._tell(SMALL if is_small else "")
        return True

    # out -------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send what the line and the budget take."""
        outlet, share, clock = self._means.outlet, self._means.share, self._means.clock
        now_s = clock.monotonic_s()
        while outlet.is_clear and outlet.error is None and self._next():
            wait_s = share.wait_s(now_s)
            if wait_s:
                break
            data = self._portion(outlet.queue_bytes if share.budget.rate else outlet.portion_bytes)
            share.take(len(data))
            self.sent_bytes += len(data)
            if not outlet.write(data):
                break
        if self.has_backlog:
            self._arm(now_s)

    def _next(self) -> bool:
        """Return whether there is anything to send; begin the next unit if one waits."""
        while not self._packets and self._waiting:
            self._going = self._waiting.popleft()
            self._packets.extend(self._packed(self._going[1]))
        return bool(self._packets)

    def _packed(self, unit: AccessUnit) -> list[bytes]:
        """Return what goes out for a unit; nothing for a picture that RTP cannot carry."""
        try:
            packets = self._track.packets(unit, self._means.clock.now())
        except WireError:
            self.skipped_units += 1
            return []
        self.sent_units += bool(packets)
        return packets

    def _portion(self, most_bytes: int) -> bytes:
        """Return whole packets, about `most_bytes` of them, at least one."""
        packets = self._packets
        first = packets.popleft()
        if not packets or len(first) + len(packets[0]) > most_bytes:
            return first
        found, size_bytes = [first], len(first)
        while packets and size_bytes + len(packets[0]) <= most_bytes:
            size_bytes += len(packets[0])
            found.append(packets.popleft())
        return b"".join(found)

    def _arm(self, now_s: float) -> None:
        """Look again when something may be sent, or is late."""
        if self._timer is not None:
            return
        left_s = LATE_S - self.oldest_s(now_s)
        wait_s = self._means.share.wait_s(now_s)
        if wait_s and self._means.outlet.is_clear:
            left_s = min(left_s, wait_s) if left_s > 0 else wait_s
        elif left_s <= 0:  # a key unit that is finished although it is late
            left_s = LATE_S
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.005, left_s), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.look()
        self.pump()

    def look(self) -> None:
        """Leave out what is late, change the rendition where that is due; some times a second."""
        now_s = self._means.clock.monotonic_s()
        if self.oldest_s(now_s) > LATE_S:
            self._skip(now_s)
        self._follow(now_s)

    # too much --------------------------------------------------------------------------------

    def _skip(self, now_s: float) -> None:
        """Leave out what waits, up to the next key unit."""
        going = self._going if self._packets else None
        is_heavy = going is not None and going[1].is_key
        is_last_resort = is_heavy and (self.rendition.is_small or not self.rendition.has_small)
        dropped = self._drop(keep_going=is_last_resort)
        if is_heavy and not is_last_resort:
            self._tell_budget(now_s)
        if dropped or (is_heavy and not is_last_resort):
            self.rendition.late(now_s, heavy=is_heavy and self.rendition.has_small)
            if self.rendition.is_slow(now_s):
                self._tell_budget(now_s)

    def _tell_budget(self, now_s: float) -> None:
        self._means.share.budget.note_thin(now_s)

    def _drop(self, *, keep_going: bool = False) -> bool:
        """Let go what waits but for a key unit that is not late; return whether anything went."""
        now_s = self._means.clock.monotonic_s()
        fresh = [one for one in self._waiting if one[1].is_key and now_s - one[0] <= LATE_S]
        kept = list(self._waiting)[self._waiting.index(fresh[-1]) :] if fresh else []
        gone = len(self._waiting) - len(kept)
        self._waiting = deque(kept)
        self.skipped_units += gone
        self._lacks_key = self._lacks_key or (not kept and (gone > 0 or not keep_going))
        if self._packets and not keep_going:
            self._packets.clear()  # their numbers are spent: the client sees that some are missing
            self.skipped_units += 1
            self.sent_units -= 1
            self._lacks_key = self._lacks_key or not kept
            gone += 1
        return gone > 0

    def _follow(self, now_s: float) -> None:
        """Read the rendition that should go out; it takes over with its next key unit."""
        rendition = self.rendition
        wanted = rendition.wants_small(now_s)
        if wanted is not rendition.is_small:
            self._join(is_small=wanted, from_kept=False)
            since_s = self._joined.get(wanted, now_s)
            if wanted and now_s - since_s > SWITCH_S:
                rendition.give_up_small()
                self._leave(is_small=True)
        else:
            self._leave(is_small=not rendition.is_small)
        if not rendition.has_small and not rendition.is_small:
            self._tell(KEYS_ONLY if rendition.is_slow(now_s) else "")

    def _tell(self, reason: str) -> None:
        """Say what stands in for what was asked for; once a change."""
        if reason != self._reduced:
            self._reduced = reason
            self._means.on_reduced(self._lease.camera, bool(reason), reason)
