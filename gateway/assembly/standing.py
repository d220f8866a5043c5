# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How acts stand today, and what they switch on: pure functions over registry and policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gateway.access import calendar, policy, sentences
from gateway.access.policy import View
from gateway.access.sentences import Reason
from gateway.model.registry import Act, Analytic, Camera, Registry, SiteState
from gateway.model.time import Moment

LEVELS = (90, 30, 7)
"""Days before an act's last day at which somebody is warned."""
SOON_DAYS = 30
LIVE = "live"


class ActState(Enum):
    """How an act stands."""

    IN_FORCE = "in-vigore"
    ENDING = "in-scadenza"
    ENDED = "scaduto"
    FUTURE = "futuro"
    EXTENDED = "prorogato"
    """Its own last day is over; an extension carries it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One act today."""

    act: Act
    state: ActState
    days_left: int
    """Days after today on which it is in force; negative once it is over."""

    @property
    def level(self) -> int | None:
        """Return the warning that is due: 90, 30 or 7 days, 0 once over; None: none is."""
        if self.state is ActState.ENDED:
            return 0
        due = [level for level in LEVELS if self.days_left <= level]
        return min(due) if due and self.state is not ActState.FUTURE else None


def standing(registry: Registry, act: Act, now: Moment) -> Standing:
    """Return how an act stands; its last day ends at 24:00 Europe/Rome, or when it says."""
    last, clock, today = registry.last_day(act), registry.end_time(act), calendar.today(now)
    end_us = calendar.end_us(last) if clock is None else calendar.at_us(last, clock)
    left = (last - today).days
    if now.utc_us >= end_us:
        return Standing(act, ActState.ENDED, min(left, -1))
    if today < act.valid_from:
        return Standing(act, ActState.FUTURE, left)
    if today > act.valid_until:
        return Standing(act, ActState.EXTENDED, left)
    return Standing(act, ActState.ENDING if left <= SOON_DAYS else ActState.IN_FORCE, left)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whether one recipient gets one thing of one camera now, on which act, or why not."""

    camera: str
    what: str
    """`live`, or an analytic."""
    recipient: str
    on: bool
    act: str
    reason_it: str
    reason_en: str


def resolutions(registry: Registry, now: Moment) -> Iterator[Resolution]:
    """Yield each (camera, live or analytic, recipient) that any act names, on or off."""
    view = policy.view_of(registry)
    named: dict[str, dict[str, None]] = {}
    for act in registry.acts.values():
        for scope in act.scopes:
            for about in scope.cameras:
                named.setdefault(about, {}).update(dict.fromkeys(scope.recipients))
    for id_ in sorted(named):
        camera = registry.cameras[id_]
        for recipient in sorted(named[id_]):
            yield _live(view, camera, recipient, now)
        for analytic in _asked(registry, id_):
            yield from _analysed(registry, camera, tuple(sorted(named[id_])), analytic, now)


def _asked(registry: Registry, camera: str) -> list[Analytic]:
    """Return intrusion, plates, and what else a zone or an act names for a camera."""
    named = {zone.analytic for zone in registry.zones_of(camera)}
    for act in registry.acts.values():
        for scope in act.scopes:
            if camera in scope.cameras:
                named |= set(scope.analytics)
    always = (Analytic.INTRUSION, Analytic.PLATES)
    return [one for one in Analytic if one in always or one in named]


def _analysed(
    registry: Registry, camera: Camera, recipients: tuple[str, ...], analytic: Analytic, now: Moment
) -> Iterator[Resolution]:
    """Resolve an analytic for each recipient; one that no act gives a recipient is off."""
    basis = policy.acts_for(registry, camera.id, analytic, now)
    for recipient in recipients:
        if basis.act is not None and recipient in basis.recipients:
            act = _granting(registry, camera.id, recipient, analytic, now) or basis.act
            yield Resolution(camera.id, analytic.value, recipient, True, act.id, "", "")
            continue
        reason = basis.reason or sentences.no_analytic(camera, analytic.value)
        yield _off(camera, analytic.value, recipient, reason)


def _granting(
    registry: Registry, camera: str, recipient: str, analytic: Analytic, now: Moment
) -> Act | None:
    """Return the act in force that gives a recipient an analytic; of several, the last to end."""
    found = [
        act
        for act in registry.acts.values()
        if standing(registry, act, now).state not in (ActState.ENDED, ActState.FUTURE)
        and any(
            camera in one.cameras and recipient in one.recipients and analytic in one.analytics
            for one in act.scopes
        )
    ]
    return max(found, key=lambda act: (registry.last_day(act), act.id), default=None)


def _off(camera: Camera, what: str, recipient: str, reason: Reason, act: str = "") -> Resolution:
    return Resolution(camera.id, what, recipient, False, act, reason.text_it, reason.text_en)


def _live(view: View, camera: Camera, recipient: str, now: Moment) -> Resolution:
    """Resolve live pictures; what is shown only during an alarm is on, and says so."""
    place = view.place(camera.id)
    if place is None:
        return _off(camera, LIVE, recipient, sentences.unknown_camera(camera.id))
    if place.site.state is not SiteState.ACTIVE:
        return _off(camera, LIVE, recipient, sentences.site_not_active(place.site))
    if place.paused:
        return _off(camera, LIVE, recipient, sentences.paused(camera))
    lines = view.lines_for(place, recipient)
    current = [one for one in lines if one.from_us <= now.utc_us < one.until_us]
    if not current:
        act = lines[0].act
        ended = lines[0].until_us <= now.utc_us
        last = view.registry.last_day(act)
        reason = sentences.act_expired(act, last) if ended else sentences.act_not_yet(act)
        return _off(camera, LIVE, recipient, reason, act.id)
    assessed = [one for one in current if one.assessed_us <= now.utc_us]
    if not assessed:
        act = current[0].act
        return _off(camera, LIVE, recipient, sentences.no_dpia(act), act.id)
    shown = [one for one in assessed if not one.is_text]
    if not shown:
        act = assessed[0].act
        return _off(camera, LIVE, recipient, sentences.text_only(act), act.id)
    free = [one for one in shown if not one.on_alarm]
    if free:
        return Resolution(camera.id, LIVE, recipient, True, free[0].act.id, "", "")
    reason = sentences.only_on_alarm(camera, shown[0].act)
    return Resolution(
        camera.id, LIVE, recipient, True, shown[0].act.id, reason.text_it, reason.text_en
    )
