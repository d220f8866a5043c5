# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bring every alarm to one recipient: at least once on the wire, once in an inbox.

A recipient with an inbox has an alarm when its own acknowledgement says so, since a broker's
PUBACK comes before the broker has it on disk (findings §3). For one without, an alarm is
delivered when the broker answers 0x00: it had a subscriber to give it to. The answer
0x10 *no matching subscribers* is success for MQTT, but nobody got the alarm: it keeps waiting and
is repeated with a growing pause until somebody listens. What the broker refuses (an ACL, a size)
is shown as REFUSED with the reason and tried again seldom, since a person must change something.

An alarm is a property event: its topic holds the zone's state for whoever subscribes later, until
the message expires. When camera or zone leave the registry, or the recipient does, the topics that
can still hold a state are emptied with zero bytes (B-47, `Courier.forget` and `Courier.farewell`).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import PeerError, StoreError, WireError
from gateway.model.registry import Recipient
from gateway.model.time import Moment
from gateway.relay.alarms.knock import Knocks
from gateway.relay.alarms.outbox import FellBehindError, Outbox, Outgoing
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, contained, leaves, supervise
from gateway.runtime.tally import Tally
from gateway.wire.mqtt_reasons import FAILURE, REASONS, Conduct, on_message, words
from gateway.wire.onvif_mqtt import (
    AlarmNotice,
    Health,
    Message,
    Phase,
    Received,
    ack_topic,
    check_prefix,
    deletion,
    event_payload,
    event_topic,
    health_payload,
    health_topic,
    parse_ack,
)

log = logging.getLogger(__name__)

SUCCESS = 0x00
NO_SUBSCRIBERS = 0x10
PASSING = frozenset(code for code, one in REASONS.items() if one.answer is Conduct.PASSING)
"""Unspecified, implementation specific, identifier in use, quota exceeded: they go away."""

LINE_POLICY = Policy(first_s=0.5, most_s=15.0, refused_s=(30.0, 60.0, 120.0, 300.0))
"""A broker locks nobody out, and an alarm waits: refusals are asked again soon."""

URGENT = 4
"""From this severity on an alarm passes a full window."""
MOST_RETAINED = 4096
"""Topics remembered because they may hold a state; beyond it the oldest expires at the broker."""
MOST_RENEWED = 1024
"""Zones of one recipient whose state is kept at the broker for longer than a message lasts."""
FAREWELL_S = 300.0
"""How long a courier that goes tries to empty its topics; by then the broker forgot them."""


class Line(Protocol):
    """A connection to a broker, as this file needs it; PeerError once it broke."""

    async def publish(self, message: Message) -> int:
        """Publish with QoS 1; return the reason code of the broker's answer."""
        ...

    async def subscribe(self, topic: str) -> int:
        """Subscribe with QoS 1; return the reason code of the broker's answer."""
        ...

    async def receive(self, most: int) -> list[Received]:
        """Wait for messages; at least one, at most `most`."""
        ...


class Broker(Protocol):
    """Where lines come from."""

    def connect(self, client: str, *, will: Message | None) -> AbstractAsyncContextManager[Line]:
        """Open a line; `client` makes the client id unique, `will` is published if it breaks."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to try; measured in findings §3."""

    window: int = 256
    """Messages on their way at once."""
    reserve: int = 32
    """As many more if they are urgent: a recipient that is behind hears of a hold-up now."""
    probes: int = 16
    """Late messages repeated at once: a few tell as much as the whole backlog."""
    first_s: float = 3.0
    most_s: float = 60.0
    """A message not acknowledged is repeated after 3, 6, … 60 s."""
    refused_first_s: float = 60.0
    refused_most_s: float = 300.0
    tick_s: float = 0.25
    expiry_s: int = 300
    """How long the broker may keep a message (requirements §C); we repeat, so it need not."""
    renew_s: float = 100.0
    """The state of a zone whose alarm goes on is said again, so that who comes late has it."""
    redial: Policy = LINE_POLICY
    """How a line that broke is dialled again."""


@dataclass(frozen=True, slots=True)
class CourierStatus:
    """What an operator is told about a recipient's line."""

    recipient: str
    online: bool
    since: Moment
    problem: str
    """Why the line is down, or what the broker refused last; one line, empty if all is well."""
    in_flight: int


@dataclass(frozen=True, slots=True)
class _State:
    """A topic that may hold the state of a zone at the broker."""

    camera: str
    zone: str
    until_s: float
    """Monotonic; then the broker has forgotten it."""


@dataclass(slots=True)
class _Flight:
    """A message handed to the line."""

    wait_s: float
    due_s: float
    answered: bool = False
    """The broker answered; only then may it be repeated on this line."""
    probe: bool = False
    """It was refused before."""
    unheard: bool = False
    """Nobody was subscribed when it was last sent."""
    alarm: str = ""
    """Its id."""


class Courier:
    """Delivers to one recipient; `run` until cancelled."""

    def __init__(
        self,
        recipient: Recipient,
        broker: Broker,
        outbox: Outbox,
        *,
        box: str,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        """`box`: id of this box; ConfigError if the recipient's topic prefix cannot be used."""
        self._recipient = recipient
        self._broker = broker
        self._outbox = outbox
        self._box = box
        self._clock = clock
        self._pace = pace or Pace()
        self._prefix = recipient.topic_prefix or f"varco/{box}/{recipient.id}"
        check_prefix(self._prefix, where=f"recipient {recipient.id}")
        self._tally = Tally(log, clock)
        self._wake = asyncio.Event()
        self._flights: dict[int, _Flight] = {}
        self._knocks = Knocks(recipient.id, outbox, clock, self._pace)
        self._online = False
        self._since = clock.now()
        self._problem = ""
        self._passing = ""
        self._greeted = False
        self._renew_due_s = clock.monotonic_s() + self._pace.renew_s
        self._keeps: Callable[[str, str], bool] = lambda _camera, _zone: True
        self._states: dict[str, _State] = {}
        self._emptying: dict[str, _State] = {}

    async def run(self) -> None:
        """Keep a line and deliver over it, for ever; a broken one is dialled again."""
        await supervise(
            f"courier:{self._recipient.id}",
            self._attempt,
            clock=self._clock,
            policy=self._pace.redial,
        )

    def status(self) -> CourierStatus:
        """Return a snapshot."""
        problem = self._problem or self._passing
        return CourierStatus(
            self._recipient.id, self._online, self._since, problem, len(self._flights)
        )

    def forget(self, keeps: Callable[[str, str], bool]) -> None:
        """Empty the topics of what `keeps(camera, zone)` denies, now and from now on; never waits.

        Alarms of it that still wait are delivered, but hold no state any more.
        """
        self._keeps = keeps
        for topic, state in list(self._states.items()):
            if not keeps(state.camera, state.zone):
                self._emptying[topic] = self._states.pop(topic)
        self._wake.set()

    async def farewell(self) -> None:
        """Empty every topic that may hold something of ours: the recipient is another one now.

        Call it when `run` has ended. It tries for `FAREWELL_S`; whatever is left then has expired,
        but for the health.
        """
        topics = {*self._states, *self._emptying}
        if not topics and not self._greeted:
            return
        topics.add(health_topic(self._prefix, self._box))
        until_s = self._clock.monotonic_s() + FAREWELL_S

        async def say() -> None:
            async with self._broker.connect(f"{self._recipient.id}-addio", will=None) as line:
                for topic in sorted(topics):
                    if on_message(await line.publish(deletion(topic))) is not Conduct.PASSING:
                        topics.discard(topic)

        while topics and self._clock.monotonic_s() < until_s:
            await contained(f"farewell:{self._recipient.id}", say)
            if topics:
                await self._clock.sleep(self._pace.first_s)
        if topics:
            log.warning("farewell-failed", extra={"recipient": self._recipient.id})

    async def _attempt(self) -> None:
        topic = health_topic(self._prefix, self._box)
        will = Message(topic, health_payload(Health(online=False)), retain=True)
        try:
            async with self._broker.connect(self._recipient.id, will=will) as line:
                await self._greet(line, topic)
                await self._work(line)
        except* (PeerError, StoreError) as group:
            self._problem = str(next(leaves(group)))
            raise
        finally:
            self._turn(online=False)

    async def _greet(self, line: Line, topic: str) -> None:
        """Say that we are here and ask for acknowledgements; a refusal stops no alarm."""
        self._problem = self._passing = ""
        if self._recipient.inbox:
            code = await line.subscribe(ack_topic(self._prefix, self._box))
            self._note_refusal("acknowledgements", code)
        health = Health(online=True, utc_us=self._clock.now().utc_us)
        code = await line.publish(Message(topic, health_payload(health), retain=True))
        self._greeted |= code < FAILURE
        self._note_refusal("health", code)

    def _note_refusal(self, what: str, code: int) -> None:
        if code >= FAILURE:
            self._problem = f"{what}: {words(code)}"
            log.warning(
                "line-limited", extra={"recipient": self._recipient.id, "problem": self._problem}
            )

    async def _work(self, line: Line) -> None:
        self._flights.clear()
        self._knocks.begin()
        self._turn(online=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(line))
            tasks.create_task(follow(self._outbox, self._wake))
            tasks.create_task(tick(self._clock, self._pace.tick_s, self._wake))
            while True:
                self._wake.clear()
                sent = await self._fill(line, tasks)
                await self._repeat(line, tasks)
                await self._knock(line, tasks)
                await self._renew(line, tasks)
                self._empty(line, tasks)
                if not sent:  # repetitions do not count: a few each tick, or it is a flood
                    await self._wake.wait()

    def _turn(self, *, online: bool) -> None:
        if online is not self._online:
            self._online = online
            self._since = self._clock.now()
            log.info("line", extra={"recipient": self._recipient.id, "online": online})

    async def _fill(self, line: Line, tasks: asyncio.TaskGroup) -> int:
        """Send what was never sent on this line, as far as the window allows."""
        room = self._pace.window - len(self._flights)
        if room + self._pace.reserve <= 0:
            return 0
        waiting = await self._outbox.due(
            self._recipient.id,
            (State.WAITING, State.SENT),
            limit=room + self._pace.reserve,
            without=list(self._flights),
        )
        fresh = [
            one
            for place, one in enumerate(waiting)  # the most severe first
            if place < room or one.record.alarm.severity >= URGENT
        ]
        for one in fresh:
            self._send(line, tasks, one, probe=False)
        return len(fresh)

    async def _repeat(self, line: Line, tasks: asyncio.TaskGroup) -> None:
        """Send again the oldest of those that were not acknowledged in time."""
        now_s = self._clock.monotonic_s()
        late = [
            seq for seq, one in sorted(self._flights.items()) if one.answered and one.due_s <= now_s
        ][: self._pace.probes]
        if not late:
            return
        alarms = {self._flights[seq].alarm for seq in late if self._flights[seq].unheard}
        late = [  # with an end that nobody heard goes its raising, and before it
            seq
            for seq, one in sorted(self._flights.items())
            if seq in late or (one.unheard and one.answered and one.alarm in alarms)
        ]
        still = {one.seq: one for one in await self._outbox.again(late)}
        for seq in late:
            if seq in still:
                self._send(line, tasks, still[seq], probe=False)
            else:
                self._flights.pop(seq, None)

    async def _knock(self, line: Line, tasks: asyncio.TaskGroup) -> None:
        """Try a few of the refused again."""
        fresh = [one for one in await self._knocks.due() if one.seq not in self._flights]
        for one in fresh:
            self._send(line, tasks, one, probe=True)

    async def _renew(self, line: Line, tasks: asyncio.TaskGroup) -> None:
        """Say again what goes on, before the broker forgets it (B-47).

        Never after its end: what is read here is on its way before any later message of a zone.
        Who has an inbox has the alarm on disk, and needs no broker to know it.
        """
        now_s = self._clock.monotonic_s()
        if self._recipient.inbox or now_s < self._renew_due_s:
            return
        lasting = await self._outbox.lasting(self._recipient.id, MOST_RENEWED)
        self._renew_due_s = now_s + self._pace.renew_s
        for one in lasting:
            tasks.create_task(self._say_again(line, one))

    async def _say_again(self, line: Line, one: Outgoing) -> None:
        try:
            message = self._message(one)
        except (ValueError, OverflowError):  # it was parked when it was new
            return
        code = await line.publish(message)
        if message.retain and code < FAILURE:
            self._retained(message.topic, one)

    def _send(self, line: Line, tasks: asyncio.TaskGroup, one: Outgoing, *, probe: bool) -> None:
        """Hand one message to the line; its task starts before any that is made later."""
        flight = self._flights.get(one.seq)
        if flight is None:
            flight = _Flight(self._pace.first_s, due_s=0.0, probe=probe, alarm=one.record.alarm.id)
            self._flights[one.seq] = flight
        else:
            flight.wait_s = min(2 * flight.wait_s, self._pace.most_s)
        flight.answered = False
        tasks.create_task(self._publish(line, one, flight))

    async def _publish(self, line: Line, one: Outgoing, flight: _Flight) -> None:
        try:
            message = self._message(one)
        except (ValueError, OverflowError) as error:  # it alone cannot be written: others go on
            await self._park(one, f"cannot be written: {error}")
            return
        code = await line.publish(message)
        if message.retain and code < FAILURE:
            self._retained(message.topic, one)
        flight.answered = True
        flight.due_s = self._clock.monotonic_s() + flight.wait_s
        state = self._judge(code)
        problem = "" if code == SUCCESS else words(code)
        try:
            await self._outbox.mark(one.seq, state, problem=problem)
        except StoreError as error:  # it stays in flight: rather twice than never
            self._tally.note("delivery-not-noted", problem=str(error))
            return
        flight.unheard = code == NO_SUBSCRIBERS
        self._passing = problem if on_message(code) is Conduct.PASSING else ""
        if code == SUCCESS:
            self._hurry()
        if state is State.REFUSED:
            self._refuse(one, problem)
        elif code == SUCCESS and flight.probe:
            await self._reopen(flight)
        if state in (State.REFUSED, State.DELIVERED):
            self._flights.pop(one.seq, None)
            self._wake.set()

    async def _park(self, one: Outgoing, problem: str) -> None:
        """Show a message that can never be sent, and let the others go on."""
        try:
            await self._outbox.mark(one.seq, State.REFUSED, problem=problem[:400])
        except StoreError as error:
            self._tally.note("delivery-not-noted", problem=str(error))
        self._refuse(one, problem[:400])
        self._flights.pop(one.seq, None)
        self._wake.set()

    def _hurry(self) -> None:
        """Let what nobody heard follow at once, since somebody listens now."""
        for flight in self._flights.values():
            if flight.unheard:
                flight.due_s = 0.0
                self._wake.set()

    def _judge(self, code: int) -> State:
        """Return what a broker's answer makes of a delivery."""
        conduct = on_message(code)
        if conduct is Conduct.DONE:
            return State.SENT if self._recipient.inbox else State.DELIVERED
        return State.REFUSED if conduct is Conduct.REFUSED else State.WAITING

    def _retained(self, topic: str, one: Outgoing) -> None:
        """Remember a topic that holds a state now, or have it emptied if its zone is gone."""
        now_s = self._clock.monotonic_s()
        alarm = one.record.alarm
        state = _State(alarm.camera, alarm.zone, now_s + self._pace.expiry_s)
        self._states.pop(topic, None)
        if not self._keeps(alarm.camera, alarm.zone):
            self._emptying[topic] = state
            self._wake.set()
            return
        self._states[topic] = state
        for old in list(self._states):  # by age
            if self._states[old].until_s > now_s and len(self._states) <= MOST_RETAINED:
                break
            del self._states[old]

    def _empty(self, line: Line, tasks: asyncio.TaskGroup) -> None:
        """Empty the topics of what left the registry."""
        emptying, self._emptying = self._emptying, {}
        now_s = self._clock.monotonic_s()
        for topic, state in emptying.items():
            if state.until_s > now_s:
                tasks.create_task(self._delete(line, topic, state))

    async def _delete(self, line: Line, topic: str, state: _State) -> None:
        done = False
        try:
            code = await line.publish(deletion(topic))
            done = on_message(code) is not Conduct.PASSING
            if code >= FAILURE:
                self._tally.note(
                    "state-not-deleted", recipient=self._recipient.id, problem=words(code)
                )
        finally:
            if not done:  # later, or on the next line
                self._emptying[topic] = state

    def _refuse(self, one: Outgoing, problem: str) -> None:
        self._problem = problem
        self._knocks.refused()
        self._tally.note(
            "alarm-refused",
            recipient=self._recipient.id,
            alarm=one.record.alarm.id,
            problem=problem,
        )

    async def _reopen(self, flight: _Flight) -> None:
        """Let the other refused ones follow, since the broker takes them now."""
        flight.probe = False
        self._problem = ""
        try:
            if await self._knocks.taken():
                self._wake.set()
        except StoreError as error:  # they are knocked at, a few at once
            self._tally.note("not-requeued", problem=str(error))

    def _message(self, one: Outgoing) -> Message:
        record = one.record
        alarm = record.alarm
        raised = one.phase is Phase.RAISED
        notice = AlarmNotice(
            alarm=alarm.id,
            phase=one.phase,
            box=self._box,
            camera=alarm.camera,
            rule=alarm.rule,
            zone=alarm.zone,
            severity=alarm.severity,
            exercise=alarm.exercise,
            raised_utc_us=alarm.raised.utc_us,
            at_utc_us=alarm.raised.utc_us if raised else record.ended_utc_us,
            also=alarm.also,
            silent=alarm.silent,
            why=alarm.why,
        )
        return Message(
            event_topic(self._prefix, alarm.camera, alarm.rule, alarm.zone),
            event_payload(notice),
            # a late repetition must not set the property back, nor bring back what is gone
            retain=one.newest and self._keeps(alarm.camera, alarm.zone),
            expiry_s=self._pace.expiry_s,
        )

    async def _listen(self, line: Line) -> None:
        """Take the recipient's acknowledgements; also notices when the line breaks."""
        topic = ack_topic(self._prefix, self._box)
        while True:
            ids: dict[Phase, list[str]] = {phase: [] for phase in Phase}
            for message in await line.receive(self._pace.window):
                if message.topic != topic:
                    continue
                try:
                    ack = parse_ack(message.payload)
                except WireError as error:
                    self._tally.note(
                        "ack-unreadable", recipient=self._recipient.id, problem=str(error)
                    )
                    continue
                ids[Phase.RAISED] += ack.raised
                ids[Phase.ENDED] += ack.ended
            for phase in Phase:
                if ids[phase]:
                    await self._acknowledge(phase, ids[phase])

    async def _acknowledge(self, phase: Phase, ids: list[str]) -> None:
        try:
            seqs = await self._outbox.acknowledge(self._recipient.id, phase, ids)
        except StoreError as error:  # the recipient will see it again and acknowledge again
            self._tally.note("delivery-not-noted", problem=str(error))
            return
        for seq in seqs:
            self._flights.pop(seq, None)
        if seqs:
            now_s = self._clock.monotonic_s()
            for flight in self._flights.values():  # it works through them: be patient
                flight.due_s = max(flight.due_s, now_s + flight.wait_s)
            self._wake.set()


async def follow(outbox: Outbox, wake: asyncio.Event) -> NoReturn:
    """Wake a courier when an alarm changed; a lost change wakes it as well."""
    async with outbox.changes(most=1) as changes:
        wake.set()
        while True:
            with suppress(FellBehindError):
                await changes.receive()
            wake.set()


async def tick(clock: Clock, every_s: float, wake: asyncio.Event) -> NoReturn:
    """Wake a courier every so often."""
    while True:
        await clock.sleep(every_s)
        wake.set()
