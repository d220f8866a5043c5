# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may look at what, and which analysis an act allows: pure functions, deny by default.

Order of the questions about a picture: camera, account, role, owner's pause, site, purpose, case,
emergency, owner, matrix, school, shift, act (with impact assessment and disclosure), mask. The
first that fails is the reason shown; `gateway.access.explain` shows the others, too.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from gateway.access import calendar, permits, purposes, sentences
from gateway.access.purposes import Case, PurposeRule
from gateway.access.sentences import Reason
from gateway.model.access import (
    ACT_ENDED,
    BREAK_GLASS,
    WATERMARK,
    AccessRequest,
    Action,
    Actor,
    Purpose,
    Refusal,
    Regime,
    Verdict,
)
from gateway.model.alarm import AlarmRecord, AlarmState
from gateway.model.incident import IncidentCase
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Disclosure,
    MaskPlace,
    Permit,
    RecipientKind,
    Registry,
    Role,
    Site,
    SiteKind,
    SiteState,
)
from gateway.model.time import Moment

GRANT_S = 1_800.0
"""A look lasts at most 30 minutes, then it is asked for again (D.10)."""
GLASS_S = 3_600.0
"""A look in an emergency lasts at most an hour, and is not prolonged."""
INCIDENT_S = 4 * 3_600.0
"""An act that ends during an alarm lets the looks bound to it go on for so long at most."""
LEAST_REASON = 10
"""Characters of the reason for an emergency."""
MOST_BEFORE_S = 30.0
"""No act keeps more than this in the ring."""

_POLICE = {Role.PS_OPERATOR, Role.PS_SUPERVISOR, Role.PL_OPERATOR}
_OPEN_AREAS = {AreaKind.PUBLIC, AreaKind.OPEN_TO_PUBLIC}
_NEVER_US = 1 << 62
_S = 1_000_000
_GRANT_US = round(GRANT_S * _S)
# Members of an Enum are looked up by a Python function; these are asked at every decision.
_LIVE, _PLAYBACK, _READ_PLATES, _INSPECT = (
    Action.LIVE,
    Action.PLAYBACK,
    Action.PLATES,
    Action.INSPECT,
)
HOTLISTS = frozenset(one for one in Action if one.value.partition(".")[0] == Action.HOTLIST.value)
"""Actions on lists of plates: no camera, but an act that lets plates be read."""
_HOTLIST_VALUES = frozenset(one.value for one in HOTLISTS)
_NO_CASE, _ALARM_CASE, _CLOSED = Case.NONE, Case.ALARM, AlarmState.CLOSED
_PlanKey = tuple[bool, str, str, str, bool]
"""At the own house, role, action, purpose, emergency."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a look besides its request."""

    since: Moment | None = None
    """When it began; None: it is only asked for."""
    order: str | None = None
    """Service order of the shift that is open for the sign-in; None: do not ask for a shift."""
    until: Moment | None = None
    """End of that shift; a look under it lasts as long and is not asked for again."""
    incident_s: float = INCIDENT_S
    """See INCIDENT_S; 0: nothing outlasts its act."""
    incident: IncidentCase | None = None
    """The incident whose id is the request's case, if there is one."""
    broken: bool = False
    """The same person broke the glass before this camera within the last hour (GLASS_S)."""


_NEW = Look()


# compiled view of one registry -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """An act with one line of its scope, ready to be asked."""

    act: Act
    scope: ActScope
    from_us: int
    until_us: int
    """The act is in force in [from_us, until_us), extensions included."""
    assessed_us: int
    """From when on its assessment counts (B-16); never, if there is none."""
    is_text: bool
    """Alarms as text only, for the recipient at hand."""
    on_alarm: bool
    on_incident: bool
    before: bool
    """Lets seconds before an alarm be kept."""
    plates: bool
    plain_us: int
    """From when on it lets live pictures and stills out without further questions."""


@dataclass(slots=True)
class _Place:
    """One camera with everything that does not change within a registry version."""

    camera: Camera
    site: Site
    controller: str
    active: bool
    paused: bool
    paused_elsewhere: bool
    """By another controller, who has the same picture under another id."""
    masked: bool
    school: bool
    """At a school: no plates."""
    indoor_school: bool
    is_open: bool
    """Looks at a public area or one open to the public."""
    scopes: Sequence[tuple[Act, ActScope]]
    """Of all acts, the one that ends last first."""
    plans: dict[_PlanKey, "_Plan"]
    """Shared by all cameras of which the six truths above are the same."""
    by_organisation: dict[str, tuple[_Line, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Permitted:
    """The lines of one (role, action, purpose)."""

    plain: bool
    """One of them holds always and everywhere."""
    lines: tuple[Permit, ...]


_NOT_PERMITTED = _Permitted(plain=False, lines=())


class View:
    """A registry as decisions read it; built once per version, filled in as it is asked."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.version = registry.version
        self.users = registry.users
        self.rules = purposes.rules()
        self.permitted = {
            key: _Permitted(any(permits.is_plain(one) for one in lines), lines)
            for key, lines in permits.by_key(registry).items()
        }
        self.roles = frozenset((role, action) for role, action, _ in self.permitted)
        self.picture_roles = frozenset(
            role for role, action in self.roles if action in permits.PICTURES
        )
        self.pictures = frozenset(action.value for action in permits.PICTURES)
        self._terms = {one.id: _term(one, registry) for one in registry.acts.values()}
        self._institutes = {
            one.id for one in registry.recipients.values() if one.kind is RecipientKind.INSTITUTE
        }
        self._known = {*registry.recipients, *registry.controllers}
        self._scopes = self._by_camera()
        self._masked = {
            one.camera for one in registry.masks.values() if one.place is MaskPlace.GATEWAY
        }
        self._places: dict[str, _Place] = {}
        self._lines: dict[tuple[str, int, bool, bool], _Line] = {}
        self._plans: dict[tuple[bool, ...], dict[_PlanKey, _Plan]] = {}

    def _by_camera(self) -> dict[str, list[tuple[Act, ActScope]]]:
        """Return the lines about each camera, the act that ends last first."""
        acts = sorted(
            self.registry.acts.values(),
            key=lambda act: (self._terms[act.id][1], act.id),
            reverse=True,
        )
        found: dict[str, list[tuple[Act, ActScope]]] = {}
        for act in acts:
            for scope in act.scopes:
                for camera in dict.fromkeys(scope.cameras):
                    found.setdefault(camera, []).append((act, scope))
        return found

    def place(self, camera_id: str) -> _Place | None:
        """Return a camera; None if there is none."""
        place = self._places.get(camera_id)
        if place is None:
            camera = self.registry.cameras.get(camera_id)
            if camera is None:
                return None
            place = self._places[camera_id] = self._place(camera)
        return place

    def _place(self, camera: Camera) -> _Place:
        registry = self.registry
        site = registry.sites[camera.site]
        school = site.kind is SiteKind.SCHOOL
        pausers = registry.pausers(camera) if registry.pauses else frozenset()
        truths = (
            site.state is SiteState.ACTIVE,
            bool(pausers),
            bool(pausers - {site.controller}),
            camera.id in self._masked,
            school,
            school and camera.indoor,
        )
        return _Place(
            camera,
            site,
            site.controller,
            *truths,
            camera.area in _OPEN_AREAS,
            self._scopes.get(camera.id, ()),
            self._plans.setdefault(truths, {}),
        )

    def lines_for(self, place: _Place, organisation: str) -> tuple[_Line, ...]:
        """Return the lines that name an organisation, the act that ends last first."""
        lines = place.by_organisation.get(organisation)
        if lines is None:
            lines = tuple(
                self._line(place, act, scope, organisation)
                for act, scope in place.scopes
                if organisation in scope.recipients
            )
            if organisation in self._known:  # what anybody may claim to be is not remembered
                place.by_organisation[organisation] = lines
        return lines

    def lines_about(self, place: _Place, analytic: Analytic) -> list[_Line]:
        """Return the lines that name an analysis, whoever receives its alarms."""
        return [
            self._line(place, act, scope, "")
            for act, scope in place.scopes
            if analytic in scope.analytics
        ]

    def _line(self, place: _Place, act: Act, scope: ActScope, organisation: str) -> _Line:
        """Return a line as one organisation has it; most cameras and organisations share it."""
        key = (act.id, id(scope), place.is_open, organisation in self._institutes)
        line = self._lines.get(key)
        if line is None:  # the registry keeps the scope, so that its identity stays its own
            line = self._lines[key] = self._new_line(place, act, scope, organisation)
        return line

    def _new_line(self, place: _Place, act: Act, scope: ActScope, organisation: str) -> _Line:
        from_us, until_us = self._terms[act.id]
        plates = Analytic.PLATES in scope.analytics
        assessed_us = 0
        if place.is_open or plates:
            dated = act.dpia and act.dpia_date is not None
            assessed_us = calendar.begin_us(act.dpia_date) if dated and act.dpia_date else _NEVER_US
        institute = organisation in self._institutes
        is_text = scope.disclosure is Disclosure.TEXT_ONLY or (
            institute and scope.disclosure is not Disclosure.ON_ALARM
        )
        on_alarm = scope.disclosure is Disclosure.ON_ALARM
        on_incident = scope.disclosure is Disclosure.ON_INCIDENT
        gated = is_text or on_alarm or on_incident
        plain_us = _NEVER_US if gated else max(from_us, assessed_us)
        return _Line(
            act, scope, from_us, until_us, assessed_us, is_text,
            on_alarm, on_incident, scope.retention_before_s > 0, plates, plain_us,
        )  # fmt: skip

    def plate_lines(self, organisation: str) -> Iterator[_Line]:
        """Yield the lines by which an organisation has plates read, or gets to know of them.

        Its own cameras, or it is named as a recipient; none at schools, none for an institute.
        """
        if organisation in self._institutes:
            return
        for camera in self._scopes:
            place = self.place(camera)
            if place is None or place.school:
                continue
            for act, scope in place.scopes:
                named = organisation in scope.recipients or place.controller == organisation
                if named and Analytic.PLATES in scope.analytics:
                    yield self._line(place, act, scope, organisation)

    def knows(self, organisation: str, place: _Place) -> bool:
        """Return whether an organisation may know that a camera exists: its own, or an act's.

        What is shown during incidents alone is known during incidents alone: see
        `may_know_in_incident`.
        """
        return place.controller == organisation or any(
            not line.on_incident for line in self.lines_for(place, organisation)
        )

    def is_institute(self, organisation: str) -> bool:
        """Return whether an organisation is a private security institute."""
        return organisation in self._institutes

    def in_force(self, act_id: str, now_us: int) -> bool:
        """Return whether an act holds now."""
        from_us, until_us = self._terms.get(act_id, (_NEVER_US, 0))
        return from_us <= now_us < until_us


def _term(act: Act, registry: Registry) -> tuple[int, int]:
    last, clock = registry.last_day(act), registry.end_time(act)
    until_us = calendar.end_us(last) if clock is None else calendar.at_us(last, clock)
    return calendar.begin_us(act.valid_from), until_us


_VIEWS: deque[View] = deque(maxlen=4)
"""Views of the registries asked last: stored, with what edges offer, with doubted masks."""


def view_of(registry: Registry) -> View:
    """Return the view of a registry; those asked last are kept, by identity."""
    for view in _VIEWS:
        if view.registry is registry:
            return view
    view = View(registry)
    _VIEWS.appendleft(view)
    return view


# the questions -----------------------------------------------------------------------------


class Asked:
    """One request on its way through the questions, and what they found.

    `own`: looks at a camera of the own house for the house's own purpose. `limit_us`: when the
    act no longer carries the look.
    """

    __slots__ = (
        "actor", "alarm", "flags", "glass", "limit_us", "line", "live_masked", "look", "now",
        "now_us", "own", "permitted", "place", "request", "rule", "view",
    )  # fmt: skip
    place: _Place
    rule: PurposeRule
    permitted: _Permitted

    def __init__(
        self,
        request: AccessRequest,
        view: View,
        alarm: AlarmRecord | None,
        now: Moment,
        look: Look,
        *,
        live_masked: bool,
    ) -> None:
        self.request = request
        self.actor = request.actor
        self.view = view
        self.alarm = alarm
        self.now = now
        self.now_us = now.utc_us
        self.look = look
        self.live_masked = live_masked
        self.glass = request.break_glass
        self.own = False
        self.line: _Line | None = None
        self.limit_us = _NEVER_US
        self.flags: tuple[str, ...] = ()

    def alarm_is_open(self) -> bool:
        """Return whether the case is an alarm that nobody has closed."""
        record = self.alarm
        return (
            record is not None
            and self.rule.by_alarm
            and record.alarm.id == self.request.case.strip()
            and record.state is not _CLOSED
        )

    def incident_is_open(self) -> bool:
        """Return whether the case is an open incident with this camera, known to who asks."""
        incident = self.look.incident
        return (
            incident is not None
            and self.rule.purpose is Purpose.INCIDENT
            and incident.id == self.request.case.strip()
            and incident.is_open
            and self.request.camera in incident.cameras
            and self.actor.organisation in incident.parties
        )

    def is_during_alarm(self) -> bool:
        """Return whether the case is an alarm of this camera, or an open incident with one."""
        if self.rule.by_alarm and _is_alarm_of(self, self.request.case.strip()):
            return True
        incident = self.look.incident
        alarmed = incident is not None and self.request.camera in incident.alarmed
        return alarmed and self.incident_is_open()

    def case_is_open(self) -> bool:
        """Return whether the case is an open alarm, or an open incident with this camera."""
        return self.alarm_is_open() or self.incident_is_open()


Question = Callable[[Asked], Reason | None]


def _camera(asked: Asked) -> Reason | None:
    place = asked.view.place(asked.request.camera)
    if place is None:
        return sentences.unknown_camera(asked.request.camera)
    asked.place = place
    return None


def _account(asked: Asked) -> Reason | None:
    """Refuse a local user who is no longer what the sign-in found."""
    actor = asked.actor
    user = asked.view.users.get(actor.id)
    if user is None:
        return sentences.account() if actor.method == "password" else None
    same = user.role is actor.role and user.organisation == actor.organisation
    return None if user.enabled and same else sentences.account()


def _sees_pictures(asked: Asked) -> Reason | None:
    role = asked.actor.role
    return None if role in asked.view.picture_roles else sentences.role(role.value)


def _acts_at_all(asked: Asked) -> Reason | None:
    role = asked.actor.role
    known = (role, asked.request.action) in asked.view.roles
    return None if known else sentences.role(role.value)


def _pause(asked: Asked) -> Reason | None:
    """Obey the owner's off-switch: while it stands nobody else looks, whatever acts say."""
    place = asked.place
    own = place.controller == asked.actor.organisation
    if place.paused and (place.paused_elsewhere or not own):
        return sentences.paused(place.camera)
    return None


def _site(asked: Asked) -> Reason | None:
    """Pictures are shared only from an active site (A-18); its owner's own view stays."""
    place = asked.place
    if place.active:
        return None
    purpose = asked.request.purpose
    own = asked.actor.organisation == place.controller
    if own and (purpose is None or asked.view.rules[purpose].own):
        return None
    return sentences.site_not_active(place.site)


def _purpose(asked: Asked) -> Reason | None:
    request = asked.request
    purpose = request.purpose
    if purpose is None:
        return sentences.purpose_missing()
    permitted = asked.view.permitted.get((asked.actor.role, request.action, purpose))
    if permitted is None:
        return sentences.purpose_not_allowed(purpose)
    asked.permitted = permitted
    asked.rule = asked.view.rules[purpose]
    return None


def _case(asked: Asked) -> Reason | None:
    """Refuse a case without a name, and an alarm of another camera or a closed one."""
    rule = asked.rule
    if rule.case is _NO_CASE:
        return None
    case = asked.request.case.strip()
    if not case:
        return sentences.case_missing(rule.purpose)
    if rule.case is not _ALARM_CASE:
        return _incident(asked, case)
    if not _is_alarm_of(asked, case):
        return sentences.no_such_alarm(case)
    return None if asked.alarm_is_open() else sentences.alarm_closed(asked.place.camera)


def _incident(asked: Asked, case: str) -> Reason | None:
    """Refuse an incident of ours that is over, is not about this camera, or is others' (A-03).

    A case that is the number of no incident of ours is a dispatcher's own, as before.
    """
    incident = asked.look.incident
    if incident is None or incident.id != case or asked.rule.purpose is not Purpose.INCIDENT:
        return None
    if (
        asked.actor.organisation not in incident.parties
        or asked.request.camera not in incident.cameras
    ):
        return sentences.not_in_incident(case)
    return None if incident.is_open else sentences.incident_closed(asked.place.camera)


def _is_alarm_of(asked: Asked, case: str) -> bool:
    record = asked.alarm
    return (
        record is not None
        and record.alarm.id == case
        and asked.request.camera in record.alarm.cameras
        and (not record.alarm.silent or asked.actor.organisation in record.recipients)
    )


def _emergency(asked: Asked) -> Reason | None:
    """Whether the glass may be broken: by few, with a reason, at cameras that acts name."""
    if not asked.glass:
        return None
    rules = permits.built_in()
    if (
        asked.actor.role not in rules.emergency_roles
        or asked.request.action not in rules.emergency_actions
    ):
        return sentences.no_glass()
    if asked.view.is_institute(asked.actor.organisation):
        return sentences.no_glass()  # whatever role its people were given
    if not asked.view.knows(asked.actor.organisation, asked.place):
        return sentences.unknown_camera(asked.request.camera)
    if len(asked.request.reason.strip()) < LEAST_REASON:
        return sentences.reason_missing()
    if asked.look.broken and not _has_second(asked):
        return sentences.second_needed()
    asked.flags = (BREAK_GLASS,)
    return None


def _owner(asked: Asked) -> Reason | None:
    """Open the controller's own cameras, and no others, to its own purposes."""
    if not asked.rule.own:
        return None
    if asked.actor.organisation != asked.place.controller:
        return sentences.not_the_owner(asked.place.camera)
    asked.own = True
    return None


def _matrix(asked: Asked) -> Reason | None:
    """Find a line of the matrix for this organisation, controller, camera, hour and company."""
    if asked.permitted.plain:
        return None
    place = asked.view.place(asked.request.camera)
    controller = place.controller if place is not None else ""
    fitting = [
        one
        for one in asked.permitted.lines
        if permits.fits(one, asked.actor.organisation, controller, asked.request.camera)
        and (not one.act or asked.view.in_force(one.act, asked.now_us))
    ]
    role = asked.actor.role.value
    if not fitting:
        return sentences.not_permitted(asked.request.camera or asked.request.action.value, role)
    timely = [one for one in fitting if asked.glass or calendar.within(one.hours, asked.now)]
    if not timely:
        return sentences.outside_hours(role)
    if all(one.four_eyes for one in timely) and not _has_second(asked):
        return sentences.second_needed()
    return None


def _has_second(asked: Asked) -> bool:
    """Return whether somebody else of the same organisation stands behind the request.

    Whoever is no user of this box comes from its own codes (`access.second`), or from a room that
    the owner believes: a room's word for a second person reaches no request otherwise.
    """
    second = asked.request.second
    if not second or second == asked.actor.id:
        return False
    user = asked.view.users.get(second)
    return user is None or (user.enabled and user.organisation == asked.actor.organisation)


def _school(asked: Asked) -> Reason | None:
    """Cameras inside a school show nothing while people are there, to nobody (A-40)."""
    place = asked.place
    if place.indoor_school and calendar.has_people(place.site, asked.now):
        return sentences.school_open(place.camera)
    return None


def _shift(asked: Asked) -> Reason | None:
    """Ordinary surveillance goes with the service order of the open shift."""
    order = asked.look.order
    if order is None or not asked.rule.shift or asked.glass or asked.request.action is not _LIVE:
        return None
    case = asked.request.case.strip()
    return None if order == case else sentences.no_shift(case)


_NEARNESS = {Refusal.TEXT_ONLY: 1, Refusal.NO_DPIA: 2}
"""Of several lines that all refuse, the one that came nearest (smallest) gives the reason."""


def _act(asked: Asked) -> Reason | None:
    """Find the act in force that lets this recipient look; of several, the one that ends last."""
    if asked.own:
        return None
    lines = asked.view.lines_for(asked.place, asked.actor.organisation)
    now_us = asked.now_us
    if lines and asked.alarm is None and asked.request.action is _LIVE:
        line = lines[0]
        if line.plain_us <= now_us < line.until_us:
            asked.line, asked.limit_us = line, line.until_us
            return None
    reasons: list[Reason] = []
    for line in lines:
        if line.from_us <= now_us < line.until_us:
            reason = _within_scope(asked, line)
            if reason is None:
                asked.line, asked.limit_us = line, line.until_us
                if asked.case_is_open():
                    asked.limit_us += round(asked.look.incident_s * _S)
                return None
            reasons.append(reason)
    if asked.glass:
        return None
    if reasons:
        return min(reasons, key=lambda one: _NEARNESS.get(one.refusal, 0))
    return _survival(asked, lines)


def _survival(asked: Asked, lines: tuple[_Line, ...]) -> Reason | None:
    """Let a look that began under an act go on for its open case, a bounded time (A-47)."""
    if not lines:
        return sentences.no_act(asked.place.camera, asked.actor.organisation)
    since, spare_us = asked.look.since, round(asked.look.incident_s * _S)
    if since is not None and asked.case_is_open():
        for line in lines:
            began = line.from_us <= since.utc_us < line.until_us
            late = line.until_us <= asked.now_us < line.until_us + spare_us
            if began and late and _within_scope(asked, line) is None:
                asked.line, asked.limit_us = line, line.until_us + spare_us
                asked.flags = (*asked.flags, ACT_ENDED)
                return None
    return _why_not_now(lines, asked.now_us, asked.view)


def _why_not_now(lines: Iterable[_Line], now_us: int, view: View) -> Reason:
    """Say why none of these lines, at least one, is in force."""
    known = list(lines)
    for line in known:
        if line.until_us <= now_us:
            return sentences.act_expired(line.act, view.registry.last_day(line.act))
    return sentences.act_not_yet(min(known, key=attrgetter("from_us")).act)


def _within_scope(asked: Asked, line: _Line) -> Reason | None:
    """Apply assessment, disclosure, and what is kept at all."""
    if asked.now_us < line.assessed_us:
        return sentences.no_dpia(line.act)
    if line.is_text:
        return sentences.text_only(line.act)
    if line.on_incident and not asked.incident_is_open():
        return sentences.only_on_incident(asked.place.camera, line.act)
    if line.on_alarm:
        if not asked.is_during_alarm():
            return sentences.only_on_alarm(asked.place.camera, line.act)
        if not asked.case_is_open():
            return sentences.alarm_closed(asked.place.camera)
    action = asked.request.action
    if action is _PLAYBACK and not line.before:
        return sentences.no_seconds_before(asked.place.camera, line.act)
    if action is _READ_PLATES and not line.plates:
        return sentences.no_plates(asked.place.camera)
    return None


def _plates(asked: Asked) -> Reason | None:
    if asked.request.action is _READ_PLATES and asked.place.school:
        return sentences.no_plates_at_school(asked.place.camera)
    return None


def _mask(asked: Asked) -> Reason | None:
    """Live pictures that would not carry their masks are for the owner alone."""
    if (
        asked.place.masked
        and not asked.own
        and not asked.live_masked
        and asked.request.action is _LIVE
    ):
        return sentences.mask(asked.place.camera)
    return None


def _inspected(asked: Asked) -> Reason | None:
    """Let an installer measure the cameras of the house he works for, and nobody else's."""
    if asked.request.action is not _INSPECT:
        return None
    reason = _camera(asked)
    if reason is not None:
        return reason
    own = asked.actor.organisation == asked.place.controller
    if asked.actor.role is Role.INSTALLER and not own:
        return sentences.not_the_owner(asked.place.camera)
    return None


def _plate_case(asked: Asked) -> Reason | None:
    """Whoever touches a plate says in which case; seeing which lists there are needs none."""
    if asked.request.action is Action.HOTLIST or asked.request.case.strip():
        return None
    return sentences.case_missing(asked.rule.purpose)


def _plate_act(asked: Asked) -> Reason | None:
    """Find an act in force by which the organisation has plates read (A-49).

    Taking an entry off a list is possible without: it opens nothing.
    """
    if asked.request.action is Action.HOTLIST:
        return None
    lines = list(asked.view.plate_lines(asked.actor.organisation))
    if not lines:
        return sentences.no_plates_for(asked.actor.organisation)
    current = [line for line in lines if line.from_us <= asked.now_us < line.until_us]
    if not current:
        return _why_not_now(lines, asked.now_us, asked.view)
    assessed = [line for line in current if line.assessed_us <= asked.now_us]
    if not assessed:
        return sentences.no_dpia(current[0].act)
    asked.line = max(assessed, key=attrgetter("until_us"))
    asked.limit_us = asked.line.until_us
    return None


PICTURE_QUESTIONS: tuple[tuple[str, Question], ...] = (
    ("camera", _camera),
    ("account", _account),
    ("role", _sees_pictures),
    ("pause", _pause),
    ("site", _site),
    ("purpose", _purpose),
    ("case", _case),
    ("emergency", _emergency),
    ("owner", _owner),
    ("matrix", _matrix),
    ("school", _school),
    ("shift", _shift),
    ("act", _act),
    ("plates", _plates),
    ("mask", _mask),
)
OTHER_QUESTIONS: tuple[tuple[str, Question], ...] = (
    ("account", _account),
    ("role", _acts_at_all),
    ("purpose", _purpose),
    ("matrix", _matrix),
    ("camera", _inspected),
)
"""Where no picture is shown: no camera and no act, but for measuring one."""
HOTLIST_QUESTIONS: tuple[tuple[str, Question], ...] = (
    ("account", _account),
    ("role", _acts_at_all),
    ("purpose", _purpose),
    ("case", _plate_case),
    ("matrix", _matrix),
    ("act", _plate_act),
)
"""About lists of plates."""
_OTHER_RUN = tuple(question for _, question in OTHER_QUESTIONS)
_HOTLIST_RUN = tuple(question for _, question in HOTLIST_QUESTIONS)


def questions_about(action: Action) -> tuple[tuple[str, Question], ...]:
    """Return what is asked about an action, in order."""
    if action in permits.PICTURES:
        return PICTURE_QUESTIONS
    return HOTLIST_QUESTIONS if action in HOTLISTS else OTHER_QUESTIONS


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for all requests of one kind: answered once per registry version.

    A kind is what `_plan_of` makes the key of, at cameras of which the same is true: a few
    thousand at the most, whatever people ask.
    """

    rule: PurposeRule
    permitted: _Permitted
    own: bool
    regime: Regime
    run: tuple[Question, ...]
    """Questions whose answers differ from request to request; the last may be one that says no
    to all of the kind, asked anew for its words."""


def _plan_of(asked: Asked, place: _Place) -> _Plan:
    """Return the plan of a request about a camera."""
    request, actor = asked.request, asked.actor
    purpose = request.purpose
    key = (
        actor.organisation == place.controller,
        actor.role._value_,  # an attribute; `value` and an Enum's hash are Python functions
        request.action._value_,
        "" if purpose is None else purpose._value_,
        request.break_glass,
    )
    plan = place.plans.get(key)
    if plan is None:
        plan = place.plans[key] = _new_plan(asked)
    return plan


def _new_plan(asked: Asked) -> _Plan:
    """Answer what does not change, in order; the first no ends the plan.

    None of these questions may ask for more than the plan's key and the truths about the place.
    """
    run: list[Question] = []
    rule, permitted = asked.view.rules[Purpose.OWNER], _NOT_PERMITTED
    for _, question in PICTURE_QUESTIONS:
        if question in _CHANGING:
            if _CHANGING[question](asked):
                run.append(question)
            continue
        if question(asked) is not None:
            run.append(question)
            break
        if question is _purpose:
            rule, permitted = asked.rule, asked.permitted
    regime = regime_of(asked.actor.role)
    return _Plan(rule, permitted, asked.own, regime, tuple(run))


_CHANGING: dict[Question, Callable[[Asked], bool]] = {
    _account: lambda _: True,
    _case: lambda asked: asked.rule.case is not Case.NONE,
    _emergency: lambda asked: asked.glass,
    _matrix: lambda asked: not asked.permitted.plain,
    _school: lambda asked: asked.place.indoor_school,
    _shift: lambda asked: asked.rule.shift and asked.request.action is _LIVE and not asked.glass,
    _act: lambda asked: not asked.own,
    _mask: lambda asked: asked.place.masked and not asked.own and asked.request.action is _LIVE,
}
"""Questions that have to be asked each time, and whether they can matter at all."""


def decide(
    request: AccessRequest,
    registry: Registry,
    alarm: AlarmRecord | None,
    now: Moment,
    *,
    live_masked: bool = False,
    look: Look = _NEW,
) -> Verdict:
    """Answer one request; `alarm` is the record whose id is the request's case, if there is one.

    `live_masked`: live pictures pass through the masking encoder. Where they do not, a camera with
    masks of the gateway's is shown live to its owner only.
    """
    view = view_of(registry)
    asked = Asked(request, view, alarm, now, look, live_masked=live_masked)
    run = _OTHER_RUN
    regime = None
    if request.action._value_ in view.pictures:
        place = view.place(request.camera)
        if place is None:
            reason = sentences.unknown_camera(request.camera)
            return refuse(reason, view.version, regime_of(request.actor.role))
        asked.place = place
        plan = _plan_of(asked, place)
        asked.own, asked.rule, asked.permitted = plan.own, plan.rule, plan.permitted
        run, regime = plan.run, plan.regime
    elif request.action._value_ in _HOTLIST_VALUES:
        run = _HOTLIST_RUN
    for question in run:
        refused = question(asked)
        if refused is not None:
            return refuse(refused, view.version, regime or regime_of(request.actor.role))
    return answer(asked, regime or regime_of(request.actor.role))


def answer(asked: Asked, regime: Regime) -> Verdict:
    """Return the Verdict of a request to which no question said no."""
    line, flags = asked.line, asked.flags
    act = line.act.id if line is not None else ""
    if line is not None and line.scope.watermark and asked.request.action is _LIVE:
        flags = (*flags, WATERMARK)
    return Verdict(True, None, "", "", act, regime, _expires(asked), asked.view.version, flags)


def _expires(asked: Asked) -> Moment:
    """Return when the look must be asked for again or is over: time, shift or act."""
    now, look = asked.now, asked.look
    if asked.glass:
        return now.shifted(GLASS_S)
    end_us = now.utc_us + _GRANT_US
    if look.until is None and end_us <= asked.limit_us:
        return Moment(now.monotonic_s + GRANT_S, end_us, now.quality)
    until = now.shifted(GRANT_S)
    if look.until is not None and asked.request.action is _LIVE and asked.rule.shift:
        until = look.until
    if asked.limit_us < until.utc_us:
        return now.shifted((asked.limit_us - now.utc_us) / _S)
    return until


def refuse(reason: Reason, registry_version: int, regime: Regime = Regime.GDPR) -> Verdict:
    """Return the Verdict of a refusal."""
    return Verdict(
        False, reason.refusal, reason.text_it, reason.text_en, "", regime, None, registry_version
    )


def regime_of(role: Role) -> Regime:
    """Return the law under which a role acts (D.1): police rooms LED, everybody else GDPR."""
    return Regime.LED if role in _POLICE else Regime.GDPR


def is_known(actor: Actor, camera_id: str, registry: Registry) -> bool:
    """Return whether somebody may know that a camera exists (A-26).

    The owner's people, those whom any act names, also an expired one, and administrators.
    """
    view = view_of(registry)
    place = view.place(camera_id)
    return place is not None and (
        actor.role is Role.SYSADMIN or view.knows(actor.organisation, place)
    )


def is_known_to(organisation: str, camera_id: str, registry: Registry) -> bool:
    """Return whether an organisation may know that a camera exists: its own, or an act's."""
    view = view_of(registry)
    place = view.place(camera_id)
    return place is not None and view.knows(organisation, place)


def may_know_in_incident(organisation: str, camera_id: str, registry: Registry) -> bool:
    """Return whether an act names a camera to an organisation, were it for incidents alone."""
    view = view_of(registry)
    place = view.place(camera_id)
    return place is not None and bool(view.lines_for(place, organisation))


def is_shared(organisation: str, camera_id: str, registry: Registry, now: Moment) -> bool:
    """Return whether a camera is an organisation's own, or an act in force shows it to it at all.

    Were it during alarms or incidents alone; alarms as text are no picture.
    """
    view = view_of(registry)
    place = view.place(camera_id)
    if place is None:
        return False
    return place.controller == organisation or any(
        line.from_us <= now.utc_us < line.until_us
        and line.assessed_us <= now.utc_us
        and not line.is_text
        for line in view.lines_for(place, organisation)
    )


# analyses ----------------------------------------------------------------------------------


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
    lines = _analytic_lines(view_of(registry), camera_id, analytic, now)
    if isinstance(lines, Reason):
        return AnalyticBasis(None, (), 0.0, lines)
    recipients = {one for line in lines for one in line.scope.recipients}
    before_s = max(line.scope.retention_before_s for line in lines)
    before_s = min(max(before_s, 0.0), MOST_BEFORE_S)
    return AnalyticBasis(lines[0].act, tuple(sorted(recipients)), before_s, None)


def _analytic_lines(
    view: View, camera_id: str, analytic: Analytic, now: Moment
) -> list[_Line] | Reason:
    """Return the lines that allow an analysis now, at least one, or why there is none."""
    place = view.place(camera_id)
    if place is None:
        return sentences.unknown_camera(camera_id)
    if reason := _not_here(place, analytic, now):
        return reason
    about = view.lines_about(place, analytic)
    if not about:
        return sentences.no_analytic(place.camera, analytic.value)
    current = [line for line in about if line.from_us <= now.utc_us < line.until_us]
    if not current:
        return _why_not_now(about, now.utc_us, view)
    assessed = [line for line in current if line.assessed_us <= now.utc_us]
    return assessed or sentences.no_dpia(current[0].act)


def _not_here(place: _Place, analytic: Analytic, now: Moment) -> Reason | None:
    """Return why no act could allow an analysis of this camera now."""
    if not place.active:
        return sentences.site_not_active(place.site)
    if place.paused:
        return sentences.paused(place.camera)
    if place.school and analytic is Analytic.PLATES:
        return sentences.no_plates_at_school(place.camera)
    if place.indoor_school and calendar.has_people(place.site, now):
        return sentences.school_open(place.camera)
    return None
