# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a recipient of this box may be told of its cameras: those that acts name for it; pure.

A line without the assessment that it needs and one that is over count for nothing. A camera of
which the recipient gets text alone is told by its name, since alarms name it, and by no more: no
place on a map, no state.

Cameras of this box alone: where it is a room, too, those that its own edges offer it stay there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.access import calendar
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Disclosure,
    RecipientKind,
    Registry,
    SiteState,
)
from gateway.model.room import OfferedAct, OfferedCamera, at_edge

MOST_ACTS = 8
"""Lines told about one camera; those that end last."""
MOST_CHARS = 200
MOST_BEFORE_S = 30.0
_WIDTH = (Disclosure.ALWAYS, Disclosure.ON_ALARM, Disclosure.TEXT_ONLY)
_OPEN = (AreaKind.PUBLIC, AreaKind.OPEN_TO_PUBLIC)


def offered(registry: Registry, recipient: str, now_us: int) -> tuple[OfferedCamera, ...]:
    """Return the cameras that a recipient may know of at `now_us` (UTC), by id, without states."""
    if recipient not in registry.recipients:
        return ()
    found: dict[str, dict[str, OfferedAct]] = {}
    for act, scope in _lines(registry, recipient):
        from_us, until_us = _term(act, registry)
        if until_us <= max(now_us, from_us):
            continue
        for name in dict.fromkeys(scope.cameras):
            camera = None if at_edge(name)[0] else registry.cameras.get(name)
            if camera is not None and _is_assessed(act, scope, camera):
                line = _line(act, scope, (from_us, until_us))
                acts = found.setdefault(name, {})
                acts[act.id] = _wider(acts.get(act.id), line)
    return tuple(
        _camera(registry.cameras[name], registry, acts.values())
        for name, acts in sorted(found.items())
        if registry.sites[registry.cameras[name].site].state is SiteState.ACTIVE
    )


def _lines(registry: Registry, recipient: str) -> Iterator[tuple[Act, ActScope]]:
    """Yield the lines about a recipient, with what they give it."""
    institute = registry.recipients[recipient].kind is RecipientKind.INSTITUTE
    for act in registry.acts.values():
        for scope in act.scopes:
            if recipient not in scope.recipients or scope.disclosure is Disclosure.ON_INCIDENT:
                continue
            is_text = institute and scope.disclosure is not Disclosure.ON_ALARM
            yield act, replace(scope, disclosure=Disclosure.TEXT_ONLY) if is_text else scope


def _is_assessed(act: Act, scope: ActScope, camera: Camera) -> bool:
    """Return whether the impact assessment that a camera needs was made (B-16)."""
    if camera.area not in _OPEN and Analytic.PLATES not in scope.analytics:
        return True
    return bool(act.dpia) and act.dpia_date is not None


def _term(act: Act, registry: Registry) -> tuple[int, int]:
    last, clock = registry.last_day(act), registry.end_time(act)
    until_us = calendar.end_us(last) if clock is None else calendar.at_us(last, clock)
    return calendar.begin_us(act.valid_from), until_us


def _line(act: Act, scope: ActScope, term: tuple[int, int]) -> OfferedAct:
    before_s = min(max(scope.retention_before_s, 0.0), MOST_BEFORE_S)
    before_s = 0.0 if scope.disclosure is Disclosure.TEXT_ONLY else before_s
    return OfferedAct(
        act.id, _text(act.title, act.id), _text(act.number), *term, scope.disclosure, before_s,
        scope.watermark, Analytic.PLATES in scope.analytics,
    )  # fmt: skip


def _wider(one: OfferedAct | None, other: OfferedAct) -> OfferedAct:
    """Return what two lines of one act give together."""
    if one is None:
        return other
    wider = min(one.disclosure, other.disclosure, key=_WIDTH.index)
    marked = one.watermark or other.watermark  # which of the two holds is known when it is asked
    before_s = max(one.before_s, other.before_s)
    plates = one.plates or other.plates
    return replace(one, disclosure=wider, before_s=before_s, watermark=marked, plates=plates)


def _text(value: str, otherwise: str = "") -> str:
    return value[:MOST_CHARS] if value.strip() else otherwise


def _camera(camera: Camera, registry: Registry, acts: Iterable[OfferedAct]) -> OfferedCamera:
    site = registry.sites[camera.site]
    owner = registry.controllers[site.controller]
    latest = sorted(acts, key=lambda one: (one.until_utc_us, one.id), reverse=True)
    shown = OfferedCamera(
        id=camera.id,
        name=_text(camera.name, camera.id),
        site=site.id,
        site_name=_text(site.name, site.id),
        site_kind=site.kind,
        controller=owner.id,
        controller_name=_text(owner.name, owner.id),
        area=camera.area,
        acts=tuple(latest[:MOST_ACTS]),
        latitude=camera.latitude,
        longitude=camera.longitude,
        azimuth_deg=camera.azimuth_deg,
        field_of_view_deg=camera.field_of_view_deg,
        has_sub=bool(camera.sub_url),
        masked=bool(registry.masks_of(camera.id)),
        paused=registry.is_paused(camera),
    )
    return shown if has_pictures(shown) else _told(shown)


def has_pictures(camera: OfferedCamera) -> bool:
    """Return whether any line could ever give the recipient a picture of a camera."""
    return any(one.disclosure is not Disclosure.TEXT_ONLY for one in camera.acts)


def _told(camera: OfferedCamera) -> OfferedCamera:
    """Return what is told of a camera without pictures."""
    return replace(
        camera, latitude=0.0, longitude=0.0, azimuth_deg=0.0, field_of_view_deg=0.0,
        has_sub=False, masked=False,
    )  # fmt: skip
