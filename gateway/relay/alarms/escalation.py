# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who hears of an alarm at once, who hears later, and when that is due (ADR 29). Pure."""

from collections.abc import Sequence
from typing import Final

from gateway.model.alarm import AlarmRecord
from gateway.model.registry import Escalation
from gateway.model.room import SEPARATOR
from gateway.model.time import Moment
from gateway.relay.alarms.book_rows import Stage

ANSWER_S: Final = 180.0
"""What the last ones have before it is said that nobody answered (EN 50518, B-45)."""


def policy_for(camera: str, severity: int, policies: Sequence[Escalation]) -> Escalation | None:
    """Return the policy of an alarm: the one that names its camera, else the most severe."""
    fitting = [
        one
        for one in policies
        if severity >= one.least_severity and (not one.cameras or camera in one.cameras)
    ]
    return min(
        fitting, key=lambda one: (not one.cameras, -one.least_severity, one.id), default=None
    )


def stages(
    recipients: Sequence[str], policy: Escalation | None
) -> tuple[tuple[str, ...], tuple[Stage, ...]]:
    """Return who hears at once, and the later stages; among the act's recipients alone.

    Whom the policy does not name hears at once: it delays those whom it names and hides an alarm
    from nobody. If nobody would hear at once, the first stage that has somebody is now. The last
    stage has nobody: then it is told that none answered, without a policy too.
    """
    steps = policy.steps if policy is not None else ()
    named = {one for step in steps for one in step.recipients}
    at_once = [one for one in recipients if one not in named]
    told = set(at_once)
    later: list[Stage] = []
    for step in sorted(steps, key=lambda one: one.after_s):
        fresh = [one for one in step.recipients if one in recipients and one not in told]
        fresh = list(dict.fromkeys(fresh))
        told.update(fresh)
        if step.after_s <= 0 or not at_once:
            at_once += fresh
        elif fresh:
            later.append((step.after_s, tuple(fresh)))
    if not at_once:
        return (), ()
    last_s = later[-1][0] if later else 0.0
    return tuple(at_once), (*later, (last_s + ANSWER_S, ()))


def is_unanswered(record: AlarmRecord) -> bool:
    """Return whether every stage of an alarm passed and nobody took it."""
    return bool(record.step) and not record.escalates_utc_us and not record.taken_utc_us


def goes_on(record: AlarmRecord) -> bool:
    """Return whether this box tells further recipients unless somebody answers."""
    return bool(record.escalates_utc_us) and SEPARATOR not in record.alarm.camera


class Deadlines:
    """When alarms go on, on the monotonic clock: a step of UTC neither hurries nor delays one."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[int, int, float]] = {}
        """By alarm: its deadline in microseconds UTC, the stage, and when that is here."""

    def note(self, record: AlarmRecord, now: Moment) -> None:
        """Take an alarm as it stands now; one that goes on no more leaves."""
        if not goes_on(record):
            self._due.pop(record.alarm.id, None)
            return
        known = self._due.get(record.alarm.id)
        if known is not None and known[:2] == (record.escalates_utc_us, record.step):
            return
        if known is not None and known[1] < record.step:
            after_s = (record.escalates_utc_us - known[0]) / 1e6
            self._due[record.alarm.id] = (record.escalates_utc_us, record.step, known[2] + after_s)
            return
        left_us = record.escalates_utc_us - now.utc_us
        most_us = record.escalates_utc_us - record.stored_utc_us
        due_s = now.monotonic_s + min(max(left_us, 0), most_us) / 1e6
        self._due[record.alarm.id] = (record.escalates_utc_us, record.step, due_s)

    def due(self, now: Moment) -> list[tuple[str, int]]:
        """Return the alarms whose time has come and the stage that is due, oldest first."""
        ripe = [(due_s, id_, step) for id_, (_, step, due_s) in self._due.items()]
        return [(id_, step) for due_s, id_, step in sorted(ripe) if due_s <= now.monotonic_s]

    def drop(self, alarm_id: str) -> None:
        """Forget an alarm that does not wait any more."""
        self._due.pop(alarm_id, None)
