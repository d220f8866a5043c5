# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One device's events by pull point (ONVIF Core, real-time pull-point): never silently dead.

Times of the subscription are differences of the device's own clock, so that a clock that is hours
off changes nothing. Long polls; renewed at half time; whatever fails is thrown away and created
anew with growing, jittered waits. A device that answers every pull with nothing is asked for the
state of its properties (SetSynchronizationPoint) after a while: if not even those come, the
subscription is dead although it looks alive, and is created anew too.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeVar

from gateway.ingest.onvif_model import Pulled, PullPoint
from gateway.model.errors import CredentialError, PeerError, WireError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise
from gateway.wire.metadata_events import read_notification

log = logging.getLogger(__name__)

_T = TypeVar("_T")

FIRST_PULL_S = 1.0
"""The first pull is short: its answer tells how long the device really grants."""
LONGEST_SILENCE_S = 6 * 3600.0
"""A device without any property cannot prove that it lives; it is subscribed anew this often."""
MOST_GRANT = 10
"""A device that grants more than this many times what was asked has a clock that jumped."""
BETWEEN_RENEWS_S = 5.0
"""Cheap cameras restart when renewed in a loop."""
BETWEEN_EMPTY_S = 1.0
"""Some answer a long poll at once with nothing; they are asked once a second (pain 14)."""
BETWEEN_PULLS_S = 0.05
"""And a device with a flood of messages 20 times a second, `most` messages each."""

FLOOD_PAUSE = 4.0
"""And is left alone for so many times as long as its messages took to read: they are read on the
loop, and the others get four fifths of it whatever one device sends."""


class SubscriptionState(Enum):
    """What an installer is told about a device's events."""

    CONNECTING = "connecting"
    LIVE = "live"
    QUIET = "quiet"
    """Pulls succeed, but nothing has happened for a while; this is healthy."""
    FAILING = "failing"
    """Pulls hang or fail; it is tried again and again."""
    REFUSED = "refused"
    """The device refuses our credentials."""


@dataclass(frozen=True, slots=True)
class SubscriptionHealth:
    """A snapshot (pain 13); counters since the process began."""

    state: SubscriptionState
    since: Moment
    """When this state was entered."""
    last_message: Moment | None = None
    renewals: int = 0
    recreations: int = 0
    """Pull points created after the first one."""
    events: int = 0
    dropped: int = 0
    """Biometric topics, items and elements (B-24)."""
    malformed: int = 0
    """Notifications that could not be read."""
    problem: str = ""
    """Why it fails, or what is wrong but bearable; one line, empty while nothing is."""

    @property
    def is_healthy(self) -> bool:
        """Whether events would reach us now."""
        return self.state in {SubscriptionState.LIVE, SubscriptionState.QUIET}


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """Bounds, all in seconds; the defaults suit every camera met so far."""

    termination_s: float = 60.0
    """Asked for at each renewal: short, so that a slot of the device is not lost for long."""
    pull_s: float = 20.0
    """A long poll; below the 30 s after which many firewalls and web servers cut."""
    most: int = 64
    """Messages per pull."""
    grace_s: float = 10.0
    """A pull that takes this much longer than asked hangs; the bound of short calls too."""
    open_s: float = 20.0
    quiet_s: float = 120.0
    """Without a message for so long it is QUIET."""
    silence_s: float = 600.0
    """Without a message for so long the properties are asked for."""
    proof_s: float = 45.0
    """Properties that were asked for must come within this: two long polls and some."""
    policy: Policy = field(default_factory=lambda: Policy(first_s=1.0, most_s=60.0, jitter=0.3))
    """Waits between attempts."""


OpenPullPoint = Callable[[], AbstractAsyncContextManager[PullPoint]]
"""Creates a pull point; leaving the context unsubscribes."""


class Subscription:
    """Hears one device for ever."""

    def __init__(
        self,
        open_: OpenPullPoint,
        on_event: Callable[[CameraEvent], None],
        *,
        clock: Clock,
        name: str = "",
        options: SubscriptionOptions | None = None,
    ) -> None:
        """`on_event` is called in order, on the loop, and must not wait; `name`: for logs."""
        self._open = open_
        self._on_event = on_event
        self._clock = clock
        self._name = name
        self._options = options or SubscriptionOptions()
        self._health = SubscriptionHealth(SubscriptionState.CONNECTING, clock.now())
        self._creations = 0
        self._heard: Moment | None = None
        """The last message, or the first answer while none has come."""
        self._patience_s = self._options.silence_s
        self._has_properties = False
        """It once told the state of something, so that it must be able to again."""
        self._failure = ""
        self._caveats: dict[str, str] = {}
        """What is wrong but bearable, the last of each kind."""
        self._mute = 0
        """Pull points in a row that were given up because they delivered nothing."""

    async def run(self) -> None:
        """Subscribe, pull and renew until cancelled; then unsubscribe."""
        policy = self._options.policy
        await supervise(f"events:{self._name}", self._attempt, clock=self._clock, policy=policy)

    def health(self) -> SubscriptionHealth:
        """Return a snapshot; O(1)."""
        return self._health

    async def _attempt(self) -> None:
        """Hold one pull point until it fails, which raises, or has been silent for too long."""
        try:
            async with self._opened() as point:
                await self._attend(point)
        except CredentialError as error:
            self._enter(SubscriptionState.REFUSED, str(error))
            raise
        except PeerError as error:
            self._enter(SubscriptionState.FAILING, str(error))
            raise

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[PullPoint]:
        """Create a pull point; leaving it is bounded and its failure does not matter."""
        options = self._options
        stack = contextlib.AsyncExitStack()
        try:
            created = stack.enter_async_context(self._open())
            point = await self._bounded(created, options.open_s, "CreatePullPointSubscription")
            self._creations += 1
            self._health = replace(self._health, recreations=self._creations - 1)
            yield point
        finally:
            with contextlib.suppress(PeerError):
                await self._bounded(stack.aclose(), options.grace_s, "Unsubscribe")

    async def _attend(self, point: PullPoint) -> None:
        """Pull, renew, and ask for proof of life when nothing comes; returns to begin anew."""
        options, clock = self._options, self._clock
        lease = _Lease(clock.monotonic_s(), options.termination_s)
        await self._synchronise(point)
        proof = self._new_proof()
        while True:
            began_s = clock.monotonic_s()
            timeout_s = lease.pull_s(began_s, options.pull_s)
            pull = point.pull(timeout_s, options.most)
            pulled = await self._bounded(pull, timeout_s + options.grace_s, "PullMessages")
            answered_s = clock.monotonic_s()
            lease.heard(pulled, answered_s)
            self._take(pulled)
            took_s = clock.monotonic_s() - answered_s
            if pulled.messages:
                proof = self._new_proof()
            elif proof.has_failed(clock.monotonic_s()):
                return self._give_up()
            elif proof.is_due(clock.monotonic_s()):
                await self._synchronise(point)
                proof.asked_s = clock.monotonic_s()
            if lease.is_due(clock.monotonic_s()) and not await self._is_renewed(point, lease):
                return None
            least_s = BETWEEN_PULLS_S if pulled.messages else min(BETWEEN_EMPTY_S, timeout_s)
            spent_s = clock.monotonic_s() - began_s
            pause_s = max(least_s - spent_s, FLOOD_PAUSE * took_s)
            if pause_s > 0:
                await clock.sleep(pause_s)

    def _new_proof(self) -> "_Proof":
        """Start waiting for messages; one that was mute before must prove itself at once."""
        now_s, proof_s = self._clock.monotonic_s(), self._options.proof_s
        if self._mute:
            longer_s = min(proof_s * 2**self._mute, max(proof_s, self._options.silence_s))
            return _Proof(now_s, self._patience_s, longer_s, now_s)
        return _Proof(now_s, self._patience_s, proof_s)

    def _give_up(self) -> None:
        """Nothing came although it was asked for: throw the pull point away.

        Raises PeerError if the device has told the state of a property before. One that never
        has may simply have none; it is asked anew, ever more rarely.
        """
        if self._has_properties:
            self._mute += 1
            raise PeerError("the pull point answers, but delivers not even the present state")
        self._patience_s = min(2 * self._patience_s, LONGEST_SILENCE_S)

    async def _synchronise(self, point: PullPoint) -> None:
        """Ask for the state of all properties; a device that refuses may still send events."""
        try:
            await self._bounded(
                point.synchronise(), self._options.grace_s, "SetSynchronizationPoint"
            )
        except PeerError as error:
            self._note("synchronisation", str(error))

    async def _is_renewed(self, point: PullPoint, lease: "_Lease") -> bool:
        """Renew; False if the pull point must be left because it ends soon.

        A refusal is bearable until then: some devices extend at each pull instead. What a new
        pull point tells first is the present state, so that leaving in time loses little.
        """
        asked_s = self._options.termination_s
        try:
            await self._bounded(point.renew(asked_s), self._options.grace_s, "Renew")
        except PeerError as error:
            now_s = self._clock.monotonic_s()
            lease.refused(now_s)
            self._note("renewal", f"renewal refused: {error}")
            return not lease.is_ending(now_s)
        lease.renewed(self._clock.monotonic_s())
        self._health = replace(self._health, renewals=self._health.renewals + 1)
        self._note("renewal", "")
        return True

    def _take(self, pulled: Pulled) -> None:
        """Hand on what may be kept, count all, and enter the state that follows."""
        now = self._clock.now()
        for message in pulled.messages:
            self._take_one(message, now)
        if pulled.messages:
            self._heard = now
            self._mute = 0
            self._patience_s = self._options.silence_s
            self._health = replace(self._health, last_message=now)
            self._enter(SubscriptionState.LIVE)
        elif not self._mute:
            self._heard = self._heard or now
            quiet_s = now.monotonic_s - self._heard.monotonic_s
            is_quiet = quiet_s >= self._options.quiet_s
            self._enter(SubscriptionState.QUIET if is_quiet else SubscriptionState.LIVE)

    def _take_one(self, message: bytes, now: Moment) -> None:
        health = self._health
        try:
            reading = read_notification(message, now)
        except WireError as error:
            self._health = replace(health, malformed=health.malformed + 1)
            self._note("notification", f"a notification cannot be read: {error}")
            return
        self._health = replace(
            health,
            events=health.events + len(reading.events),
            dropped=health.dropped + sum(reading.dropped.values()),
        )
        for event in reading.events:
            self._has_properties |= event.operation is not PropertyOperation.NONE
            self._on_event(event)

    async def _bounded(self, call: Awaitable[_T], most_s: float, what: str) -> _T:
        """Wait for a call, but not for ever; PeerError."""
        try:
            async with asyncio.timeout(most_s):
                return await call
        except TimeoutError:
            raise PeerError(f"{what} was not answered within {most_s:g} s") from None

    def _note(self, kind: str, problem: str) -> None:
        """Show a problem that does not end the subscription; an empty one is over."""
        self._caveats[kind] = problem
        self._health = replace(self._health, problem=self._problem())

    def _problem(self) -> str:
        return self._failure or "; ".join(filter(None, self._caveats.values()))

    def _enter(self, state: SubscriptionState, failure: str = "") -> None:
        """Change the state; the same state again keeps its beginning."""
        health = self._health
        self._failure = failure
        problem = self._problem()
        if state is health.state:
            if problem != health.problem:
                self._health = replace(health, problem=problem)
            return
        self._health = replace(health, state=state, since=self._clock.now(), problem=problem)
        fields = {"device": self._name, "state": state.value, "problem": problem}
        log.info("events-state", extra=fields)


@dataclass(slots=True)
class _Lease:
    """How long the device still keeps the pull point, on our monotonic clock."""

    began_s: float
    asked_s: float
    granted_s: float = 0.0
    """What the device really grants; 0 until its first answer."""
    end_s: float = 0.0
    next_try_s: float = 0.0
    is_new: bool = True
    """The next answer tells what was granted."""

    def __post_init__(self) -> None:
        self.end_s = self.began_s + self.asked_s

    def pull_s(self, now_s: float, most_s: float) -> float:
        """Return how long to poll: short while nothing is known, then a third of what is left."""
        if not self.granted_s:
            return min(FIRST_PULL_S, most_s)
        return min(most_s, max(FIRST_PULL_S, (self.end_s - now_s) / 3))

    def heard(self, pulled: Pulled, now_s: float) -> None:
        """Learn from an answer; a device whose times make no sense is taken at its word before."""
        left_s = _left_s(pulled)
        if 0 < left_s <= MOST_GRANT * self.asked_s:
            self.granted_s = left_s if self.is_new else self.granted_s
            self.end_s = now_s + left_s
        self.granted_s = self.granted_s or self.asked_s
        self.is_new = False

    def is_due(self, now_s: float) -> bool:
        """Return whether half of the time is over (and the last try is not too recent)."""
        return now_s >= max(self.end_s - self.granted_s / 2, self.next_try_s)

    def is_ending(self, now_s: float) -> bool:
        """Return whether there may be no time for another try."""
        return now_s >= self.end_s - max(self.granted_s / 6, FIRST_PULL_S)

    def renewed(self, now_s: float) -> None:
        """Count anew; the next answer corrects it."""
        self.end_s = now_s + (self.granted_s or self.asked_s)
        self.next_try_s = now_s + min(BETWEEN_RENEWS_S, self.granted_s / 4)
        self.is_new = True

    def refused(self, now_s: float) -> None:
        """Try again a little later."""
        self.next_try_s = now_s + min(BETWEEN_RENEWS_S, self.granted_s / 4)


@dataclass(slots=True)
class _Proof:
    """Whether a pull point that delivers nothing is alive."""

    since_s: float
    patience_s: float
    proof_s: float
    asked_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """Return whether to ask for the properties now."""
        return self.asked_s is None and now_s - self.since_s >= self.patience_s

    def has_failed(self, now_s: float) -> bool:
        """Return whether they were asked for and did not come."""
        return self.asked_s is not None and now_s - self.asked_s >= self.proof_s


def _left_s(pulled: Pulled) -> float:
    """Return the seconds that are left by the device's own clock; 0 if it does not say."""
    if pulled.current_utc_us is None or pulled.termination_utc_us is None:
        return 0.0
    return (pulled.termination_utc_us - pulled.current_utc_us) / 1e6
