# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the hold-up channels did in a period: the six-monthly report (B-27)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.assembly.holdup_book import Answered, HoldupBook
from gateway.model.alarm import AlarmRecord, AlarmVerdict, Delivery
from gateway.model.alarm_times import Percentiles
from gateway.model.holdup import HoldupSource, Press, Verification
from gateway.model.registry import Registry
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.alarms.times import percentiles

WITHIN_S = 2.0
"""Press to room, at the 95th percentile (A-13)."""


@dataclass(frozen=True, slots=True)
class HoldupCase:
    """One alarm of the period."""

    alarm: str
    holdup: str
    raised_utc_us: int
    exercise: bool
    sources: tuple[HoldupSource, ...]
    """Of each press, in order."""
    verification: Verification
    verification_s: float
    """From the storing to the centre's word; 0 without one."""
    rooms_s: float
    """From the press to the first room; 0 while none has it. With a centre it is of the centre."""
    verdict: AlarmVerdict


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """Figures of one channel."""

    holdup: str
    name: str
    site: str
    triggers: int
    """Alarms of real presses."""
    presses: int
    """Real presses, with those that repeated a living alarm."""
    tests: int
    undelivered: int
    """Alarms that reached nobody."""


@dataclass(frozen=True, slots=True)
class HoldupReport:
    """A period; channels without a press and without a test are in it, too."""

    from_utc_us: int
    to_utc_us: int
    channels: tuple[ChannelReport, ...] = ()
    cases: tuple[HoldupCase, ...] = ()
    to_room: Percentiles = field(default_factory=Percentiles)
    """From the press to who is called first, of alarms and tests that arrived."""

    @property
    def in_time(self) -> bool:
        """Return whether the 95th percentile is within WITHIN_S; False without a measure."""
        return bool(self.to_room.count) and self.to_room.p95_s <= WITHIN_S


@dataclass(frozen=True, slots=True)
class ReportParts:
    """What a report is made from."""

    book: HoldupBook
    outbox: Outbox
    registry: Callable[[], Registry]


async def report(parts: ReportParts, from_utc_us: int, to_utc_us: int) -> HoldupReport:
    """Return the report of a period, its end excluded; StoreError if the disk refuses."""
    by_alarm: dict[str, list[Press]] = {}
    for press in await parts.book.presses(from_utc_us, to_utc_us):
        by_alarm.setdefault(press.alarm, []).append(press)
    answers = await parts.book.answers()
    cases = []
    for alarm_id, presses in by_alarm.items():
        record = await parts.outbox.find(alarm_id)
        if record is not None:
            told = await parts.outbox.deliveries(alarm_id)
            cases.append(_case(record, presses, answers, told))
    registry = parts.registry()
    names = sorted({*registry.holdups, *(one.holdup for one in cases)})
    return HoldupReport(
        from_utc_us,
        to_utc_us,
        tuple(_channel(name, registry, cases) for name in names),
        tuple(cases),
        percentiles([one.rooms_s for one in cases if one.rooms_s]),
    )


def _case(
    record: AlarmRecord,
    presses: Sequence[Press],
    answers: Mapping[str, Answered],
    told: Sequence[Delivery],
) -> HoldupCase:
    alarm, said = record.alarm, answers.get(record.alarm.id)
    # a channel with a centre began with the centre alone; its rooms came with the next step
    verification = Verification.NONE
    if said is not None:
        verification = said.state
    elif record.escalates_to:
        verification = Verification.ASKED
    elif record.step and len(record.recipients) > 1:
        verification = Verification.SILENT
    done_us = [one.delivered_utc_us for one in told if one.delivered_utc_us]
    return HoldupCase(
        alarm.id,
        alarm.zone,
        alarm.raised.utc_us,
        alarm.exercise,
        tuple(one.source for one in presses),
        verification,
        max(0.0, (said.utc_us - record.stored_utc_us) / 1e6) if said else 0.0,
        # a clock may have been set between the two; 0 would count as not delivered
        max(1e-6, (min(done_us) - alarm.raised.utc_us) / 1e6) if done_us else 0.0,
        record.verdict,
    )


def _channel(name: str, registry: Registry, cases: Sequence[HoldupCase]) -> ChannelReport:
    own = [one for one in cases if one.holdup == name]
    real = [one for one in own if not one.exercise]
    known = registry.holdups.get(name)
    return ChannelReport(
        name,
        known.name if known else name,
        known.site if known else "",
        triggers=len(real),
        presses=sum(len(one.sources) for one in real),
        tests=sum(one.exercise for one in own),
        undelivered=sum(not one.rooms_s for one in own),
    )
