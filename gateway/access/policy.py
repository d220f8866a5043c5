# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may look at what, and which analysis an act allows: pure functions, deny by default.

Order of the questions: camera, account, role, site, purpose, case, owner, act, impact assessment,
disclosure, mask. The first that fails is the reason shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.access import sentences
from gateway.access.sentences import Reason
from gateway.model.access import AccessRequest, Action, Actor, Purpose, Refusal, Regime, Verdict
from gateway.model.alarm import AlarmRecord, AlarmState
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Disclosure,
    RecipientKind,
    Registry,
    Role,
    SiteState,
)
from gateway.model.time import Moment

ROME = ZoneInfo("Europe/Rome")
"""Acts end at 24:00 here."""
GRANT_S = 1_800.0
"""A look lasts at most 30 minutes, then it is asked for again (D.10)."""
MOST_BEFORE_S = 30.0
"""No act keeps more than this in the ring."""

_PICTURES = {Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK}
_ROOM_PURPOSES = {Purpose.ALARM, Purpose.INCIDENT, Purpose.SERVICE, Purpose.JUDICIAL, Purpose.OWNER}
_ALARM_PURPOSES = {Purpose.ALARM, Purpose.INCIDENT}
_PURPOSES: dict[Role, set[Purpose]] = {
    Role.PS_OPERATOR: _ROOM_PURPOSES,
    Role.PS_SUPERVISOR: _ROOM_PURPOSES,
    Role.PL_OPERATOR: _ROOM_PURPOSES,
    Role.INSTITUTE_OPERATOR: _ALARM_PURPOSES,
    Role.OWNER: {Purpose.OWNER},
    Role.INSTALLER: {Purpose.INSTALLATION},
}
"""Who sees pictures at all, and why; a role that is absent sees none."""
_WITH_CASE = {Purpose.ALARM, Purpose.INCIDENT, Purpose.SERVICE, Purpose.JUDICIAL}
_OWN = {Purpose.OWNER, Purpose.INSTALLATION}
"""Purposes of the controller's own house: no act needed, nobody else's camera."""
_LOG_ROLES = {Role.DPO, Role.AUDITOR}
_LOG_AIMS = {Purpose.LEGALITY, Purpose.INTERNAL_CONTROL, Purpose.INTEGRITY, Purpose.PROCEEDINGS}
_CONFIGURE_ROLES = {Role.SYSADMIN, Role.INSTALLER}
_POLICE = {Role.PS_OPERATOR, Role.PS_SUPERVISOR, Role.PL_OPERATOR}
_OPEN_AREAS = {AreaKind.PUBLIC, AreaKind.OPEN_TO_PUBLIC}


def decide(
    request: AccessRequest,
    registry: Registry,
    alarm: AlarmRecord | None,
    now: Moment,
    *,
    live_masked: bool = False,
) -> Verdict:
    """Answer one request; `alarm` is the record whose id is the request's case, if there is one.

    `live_masked`: live pictures pass through the masking encoder. Where they do not, a camera with
    masks of the gateway's is shown live to its owner only.
    """
    regime = regime_of(request.actor.role)
    found = _find(request, registry, alarm, now, live_masked=live_masked)
    if isinstance(found, Reason):
        return refuse(found, registry.version, regime)
    expires = now.shifted(GRANT_S)
    if found is not None:
        left_s = (_end_us(found) - now.utc_us) / 1_000_000
        expires = min(expires, now.shifted(left_s), key=lambda one: one.utc_us)
    act = found.id if found else ""
    return Verdict(True, None, "", "", act, regime, expires, registry.version)


def refuse(reason: Reason, registry_version: int, regime: Regime = Regime.GDPR) -> Verdict:
    """Return the Verdict of a refusal."""
    return Verdict(
        False, reason.refusal, reason.text_it, reason.text_en, "", regime, None, registry_version
    )


def regime_of(role: Role) -> Regime:
    """Return the law under which a role acts (D.1): police rooms LED, everybody else GDPR."""
    return Regime.LED if role in _POLICE else Regime.GDPR


def _find(
    request: AccessRequest,
    registry: Registry,
    alarm: AlarmRecord | None,
    now: Moment,
    *,
    live_masked: bool,
) -> Act | Reason | None:
    """Return why not; else the act on which the look rests, None if it needs no act."""
    if request.action not in _PICTURES:
        return _without_pictures(request, registry)
    camera = registry.cameras.get(request.camera)
    if camera is None:
        return sentences.unknown_camera(request.camera)
    reason = (
        _account(request.actor, registry)
        or _role(request.actor)
        or _site(request, registry, camera)
        or _purpose(request)
        or _case(request, camera, alarm)
    )
    if reason is not None:
        return reason
    if request.purpose in _OWN:
        own = request.actor.organisation == registry.controller_of(camera).id
        return None if own else sentences.not_the_owner(camera)
    act = _act(request, registry, alarm, now)
    if isinstance(act, Reason):
        return act
    if request.action is Action.LIVE and not live_masked and registry.masks_of(camera.id):
        return sentences.mask(camera)
    return act


def _without_pictures(request: AccessRequest, registry: Registry) -> Reason | None:
    """Judge reading the log (D.5.7) and configuring: no picture, so no camera and no act."""
    role = request.actor.role
    reading = request.action is Action.LOG_READ
    if reason := _account(request.actor, registry):
        return reason
    if role not in (_LOG_ROLES if reading else _CONFIGURE_ROLES):
        return sentences.role(role.value)
    if request.purpose is None:
        return sentences.purpose_missing()
    if request.purpose not in (_LOG_AIMS if reading else {Purpose.INSTALLATION}):
        return sentences.purpose_not_allowed(request.purpose)
    return _inspected(request, registry) if request.action is Action.INSPECT else None


def _inspected(request: AccessRequest, registry: Registry) -> Reason | None:
    """Let an installer measure the cameras of the house he works for, and nobody else's."""
    camera = registry.cameras.get(request.camera)
    if camera is None:
        return sentences.unknown_camera(request.camera)
    own = request.actor.organisation == registry.controller_of(camera).id
    if request.actor.role is Role.INSTALLER and not own:
        return sentences.not_the_owner(camera)
    return None


def _account(actor: Actor, registry: Registry) -> Reason | None:
    """Refuse a local user who is no longer what the sign-in found."""
    user = registry.users.get(actor.id)
    if user is None:
        return sentences.account() if actor.method == "password" else None
    same = (user.role, user.organisation) == (actor.role, actor.organisation)
    return None if user.enabled and same else sentences.account()


def _role(actor: Actor) -> Reason | None:
    return None if actor.role in _PURPOSES else sentences.role(actor.role.value)


def _site(request: AccessRequest, registry: Registry, camera: Camera) -> Reason | None:
    """Pictures are shared only from an active site (A-18); its owner's own view stays."""
    site = registry.sites[camera.site]
    own = request.actor.organisation == site.controller
    if own and (request.purpose is None or request.purpose in _OWN):
        return None
    return None if site.state is SiteState.ACTIVE else sentences.site_not_active(site)


def _purpose(request: AccessRequest) -> Reason | None:
    if request.purpose is None:
        return sentences.purpose_missing()
    allowed = _PURPOSES.get(request.actor.role, set())
    if request.action is Action.PLAYBACK:
        allowed = allowed & _ALARM_PURPOSES
    return None if request.purpose in allowed else sentences.purpose_not_allowed(request.purpose)


def _case(request: AccessRequest, camera: Camera, alarm: AlarmRecord | None) -> Reason | None:
    """Refuse a case without a name, and an alarm of another camera or a closed one."""
    purpose, case = request.purpose, request.case.strip()
    if purpose is None or purpose not in _WITH_CASE:
        return None
    if not case:
        return sentences.case_missing(purpose)
    if purpose is not Purpose.ALARM:
        return None
    if not _is_alarm_of(alarm, case, camera):
        return sentences.no_such_alarm(case)
    return sentences.alarm_closed(camera) if _is_closed(alarm) else None


def _is_alarm_of(alarm: AlarmRecord | None, case: str, camera: Camera) -> bool:
    return alarm is not None and alarm.alarm.id == case and alarm.alarm.camera == camera.id


def _is_closed(alarm: AlarmRecord | None) -> bool:
    return alarm is not None and alarm.state is AlarmState.CLOSED


_NEARNESS = {Refusal.TEXT_ONLY: 1, Refusal.NO_DPIA: 2}
"""Of several lines that all refuse, the one that came nearest (smallest) gives the reason."""
_Line = tuple[Act, ActScope]
"""An act with one line of its scope."""


def _act(
    request: AccessRequest, registry: Registry, alarm: AlarmRecord | None, now: Moment
) -> Act | Reason:
    """Return the act in force that lets this recipient look; of several, the one that ends last."""
    camera = registry.cameras[request.camera]
    organisation = request.actor.organisation
    lines = _in_force(
        (line for line in _lines(registry, camera.id) if organisation in line[1].recipients), now
    )
    if isinstance(lines, Reason):
        return lines
    if not lines:
        return sentences.no_act(camera, organisation)
    reasons: list[Reason] = []
    for act, scope in lines:
        reason = (
            _dpia(act, scope, camera, now)
            or _text_only(scope, registry, organisation, act)
            or _disclosure(request, camera, (act, scope), alarm)
        )
        if reason is None:
            return act
        reasons.append(reason)
    return min(reasons, key=lambda one: _NEARNESS.get(one.refusal, 0))


def _lines(registry: Registry, camera_id: str) -> Iterable[_Line]:
    """All lines of all acts about a camera, the act that ends last first."""
    acts = sorted(registry.acts.values(), key=lambda act: (act.valid_until, act.id), reverse=True)
    return ((act, scope) for act in acts for scope in act.scopes if camera_id in scope.cameras)


def _in_force(lines: Iterable[_Line], now: Moment) -> list[_Line] | Reason:
    """Return the lines whose act is in force; nothing at all, or why none is."""
    today = _today(now)
    known = list(lines)
    current = [line for line in known if line[0].valid_from <= today <= line[0].valid_until]
    if current or not known:
        return current
    expired = [act for act, _ in known if act.valid_until < today]
    if expired:
        return sentences.act_expired(expired[0])
    return sentences.act_not_yet(min((act for act, _ in known), key=lambda act: act.valid_from))


def _today(now: Moment) -> date:
    return now.utc().astimezone(ROME).date()


def _end_us(act: Act) -> int:
    """Return when the last day of an act is over, in microseconds UTC."""
    midnight = datetime.combine(act.valid_until + timedelta(days=1), time(), ROME)
    since_epoch = midnight.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since_epoch // timedelta(microseconds=1)


def _dpia(act: Act, scope: ActScope, camera: Camera, now: Moment) -> Reason | None:
    """Public areas and plates need an assessment with a date that has come (B-16)."""
    if camera.area not in _OPEN_AREAS and Analytic.PLATES not in scope.analytics:
        return None
    dated = act.dpia and act.dpia_date is not None and act.dpia_date <= _today(now)
    return None if dated else sentences.no_dpia(act)


def _text_only(scope: ActScope, registry: Registry, organisation: str, act: Act) -> Reason | None:
    """Give an institute pictures only where a line opens them for alarms in so many words."""
    recipient = registry.recipients.get(organisation)
    institute = recipient is not None and recipient.kind is RecipientKind.INSTITUTE
    if scope.disclosure is Disclosure.TEXT_ONLY or (
        institute and scope.disclosure is not Disclosure.ON_ALARM
    ):
        return sentences.text_only(act)
    return None


def _disclosure(
    request: AccessRequest, camera: Camera, line: _Line, alarm: AlarmRecord | None
) -> Reason | None:
    """Apply event-gated disclosure, and whether the seconds before an alarm exist at all."""
    act, scope = line
    if scope.disclosure is Disclosure.ON_ALARM:
        during = request.purpose in _ALARM_PURPOSES
        if not during or not _is_alarm_of(alarm, request.case.strip(), camera):
            return sentences.only_on_alarm(camera, act)
        if _is_closed(alarm):
            return sentences.alarm_closed(camera)
    if request.action is Action.PLAYBACK and scope.retention_before_s <= 0:
        return sentences.no_seconds_before(camera, act)
    return None


@dataclass(frozen=True, slots=True)
class AnalyticBasis:
    """Whether an analysis may run on a camera now, on which act, and for whom."""

    act: Act | None
    """The act in force that ends last; None while the analysis is off."""
    recipients: tuple[str, ...]
    """Everybody whom an act in force entitles to its alarms, by id."""
    retention_before_s: float
    """Seconds before an alarm that may be kept, 0..30."""
    reason: Reason | None
    """Why it is off, in both languages; None while it is on."""

    @property
    def allowed(self) -> bool:
        """Return whether the analysis may run."""
        return self.act is not None


def acts_for(registry: Registry, camera_id: str, analytic: Analytic, now: Moment) -> AnalyticBasis:
    """Return on which act an analysis rests; without one in force it is off, with the reason."""
    lines = _analytic_lines(registry, camera_id, analytic, now)
    if isinstance(lines, Reason):
        return AnalyticBasis(None, (), 0.0, lines)
    recipients = {one for _, scope in lines for one in scope.recipients}
    before_s = max(scope.retention_before_s for _, scope in lines)
    before_s = min(max(before_s, 0.0), MOST_BEFORE_S)
    return AnalyticBasis(lines[0][0], tuple(sorted(recipients)), before_s, None)


def _analytic_lines(
    registry: Registry, camera_id: str, analytic: Analytic, now: Moment
) -> list[_Line] | Reason:
    """Return the lines that allow an analysis now, at least one, or why there is none."""
    camera = registry.cameras.get(camera_id)
    if camera is None:
        return sentences.unknown_camera(camera_id)
    site = registry.sites[camera.site]
    if site.state is not SiteState.ACTIVE:
        return sentences.site_not_active(site)
    about = (line for line in _lines(registry, camera_id) if analytic in line[1].analytics)
    lines = _in_force(about, now)
    if isinstance(lines, Reason):
        return lines
    assessed = [line for line in lines if _dpia(*line, camera, now) is None]
    if assessed:
        return assessed
    return (
        sentences.no_dpia(lines[0][0]) if lines else sentences.no_analytic(camera, analytic.value)
    )
