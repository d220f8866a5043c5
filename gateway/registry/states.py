# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""States of a site (A-18): which follow each other, and what an active site must have (B-16)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from gateway.model.errors import ConfigError
from gateway.model.registry import (
    Act,
    Analytic,
    AreaKind,
    Camera,
    Registry,
    Site,
    SiteState,
    TenantKind,
)
from gateway.model.time import ROME, Moment
from gateway.registry.entities import Entity, Key
from gateway.registry.tenants import faults_of_site

OPEN_AREAS = frozenset({AreaKind.PUBLIC, AreaKind.OPEN_TO_PUBLIC})
_MUNICIPAL = {TenantKind.MUNICIPALITY, TenantKind.PUBLIC_BODY}
_S = SiteState
STEPS: Mapping[SiteState, frozenset[SiteState]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.SUSPENDED, _S.EXPIRED}),
    _S.SUBMITTED: frozenset({_S.APPROVED, _S.DRAFT, _S.SUSPENDED, _S.EXPIRED}),
    _S.APPROVED: frozenset({_S.ACTIVE, _S.DRAFT, _S.SUSPENDED, _S.EXPIRED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.EXPIRED}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.EXPIRED}),
    _S.EXPIRED: frozenset({_S.SUBMITTED, _S.SUSPENDED}),
}
"""What may follow each state."""

Place = Callable[[Key], str]


def today(now: Moment) -> date:
    """Return the day in Europe/Rome."""
    return now.utc().astimezone(ROME).date()


def dated(before: Mapping[Key, Entity], after: dict[Key, Entity], now: Moment) -> None:
    """Give sites that become active their first day; what is active already keeps its own."""
    for key, entity in list(after.items()):
        if not isinstance(entity, Site) or entity.activated is not None:
            continue
        old = before.get(key)
        if isinstance(old, Site) and old.activated is not None and _goes_on(old, entity):
            after[key] = replace(entity, activated=old.activated)
        elif entity.state is SiteState.ACTIVE:
            after[key] = replace(entity, activated=today(now))


def _goes_on(old: Site, new: Site) -> bool:
    """Return whether a site's first day as active still is that day."""
    return {old.state, new.state} <= {SiteState.ACTIVE, SiteState.SUSPENDED}


def conditions(registry: Registry, place: Place) -> list[ConfigError]:
    """Return a fault for each active site that lacks its approval or an older assessment."""
    acts: dict[str, list[tuple[Act, bool]]] = {}
    for act in registry.acts.values():
        for scope in act.scopes:
            for camera in scope.cameras:
                acts.setdefault(camera, []).append((act, Analytic.PLATES in scope.analytics))
    return [
        ConfigError(place(("site", site.id)), f"site[{site.id}].{key}", problem, advice)
        for site in registry.sites.values()
        if site.state is SiteState.ACTIVE
        for key, problem, advice in _lacks(site, registry, acts)
    ]


def _lacks(
    site: Site, registry: Registry, acts: Mapping[str, list[tuple[Act, bool]]]
) -> Iterator[tuple[str, str, str]]:
    cameras = [one for one in registry.cameras.values() if one.site == site.id]
    is_open = any(one.area in OPEN_AREAS for one in cameras)
    controller = registry.controllers.get(site.controller)
    municipal = controller is not None and controller.kind in _MUNICIPAL
    if is_open and not municipal and not site.approval:
        problem = "is missing: an active site that looks at public or open areas needs it"
        yield "approval", problem, "write number and date of the committee's approval"
    unassessed: set[str] = set()
    for camera in cameras:
        for act, plates in acts.get(camera.id, []):
            if _needs(camera, plates=plates) and not is_assessed(act, site.activated):
                unassessed.add(act.id)
    for act_id in sorted(unassessed):
        problem = f"is attivo, and act {act_id} has no assessment from before its first day"
        advice = "write dpia, dpia_sha256 and an earlier dpia_date at the act, or another state"
        yield "state", problem, advice
    yield from faults_of_site(site, registry)


def _needs(camera: Camera, *, plates: bool) -> bool:
    return camera.area in OPEN_AREAS or plates


def is_assessed(act: Act, activated: date | None) -> bool:
    """Return whether an act's assessment is complete and older than a site's first day."""
    if not act.dpia or not act.dpia_sha256 or act.dpia_date is None:
        return False
    return activated is None or act.dpia_date < activated


def newly(faults: list[ConfigError], before: list[ConfigError]) -> list[ConfigError]:
    """Return the faults that a change brings; what lacked something already is not its doing."""
    known = {(one.key, one.problem) for one in before}
    return [one for one in faults if (one.key, one.problem) not in known]


def movements(before: Registry, after: Registry, place: Place) -> list[ConfigError]:
    """Return a fault for each site whose state does not follow from the one that it had.

    And for each act that would last longer than it was signed for: a *proroga* is entered by a
    named person, a renewal is an act of its own.
    """
    return [*_states(before, after, place), *_terms(before, after, place)]


def _terms(before: Registry, after: Registry, place: Place) -> Iterator[ConfigError]:
    for act in after.acts.values():
        old = before.acts.get(act.id)
        if old is None:
            continue
        where = place(("act", act.id))
        if act.valid_until > old.valid_until:
            problem = f"is later than the {old.valid_until} that the act ended with"
            advice = f"enter a proroga, `varco acts extend {act.id}`, or write a new act"
            yield ConfigError(where, f"act[{act.id}].valid_until", problem, advice)
        if act.valid_from < old.valid_from:
            problem = f"is earlier than the {old.valid_from} that the act began with"
            yield ConfigError(where, f"act[{act.id}].valid_from", problem, "write a new act")


def _states(before: Registry, after: Registry, place: Place) -> list[ConfigError]:
    faults = []
    for site in after.sites.values():
        old = before.sites.get(site.id)
        if old is not None and old.state is site.state:
            continue
        allowed = STEPS[old.state] if old else _BEGINNING
        if site.state in allowed:
            continue
        problem = f"does not follow {old.state.value}" if old else "is not where a site begins"
        advice = f"write {' or '.join(sorted(one.value for one in allowed))}"
        key = f"site[{site.id}].state"
        faults.append(ConfigError(place(("site", site.id)), key, problem, advice))
    return faults


_BEGINNING = frozenset({SiteState.DRAFT, SiteState.SUBMITTED})
"""Of a site that is added to a box which is in use already."""
