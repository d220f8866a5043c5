# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a change would open wider than it was, camera by camera (D.7): pure functions.

A camera is known by its id and by its address, so that neither a new id nor a detour over
removing and adding it again makes it new. Adding a camera that nobody ever knew widens nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Controller,
    Disclosure,
    Mask,
    MaskPlace,
    RecipientKind,
    Registry,
    Site,
    SiteKind,
    WeekHours,
)
from gateway.model.retention import ceiling_h
from gateway.registry import polygon

_DISCLOSED = {
    Disclosure.TEXT_ONLY: 1,
    Disclosure.ON_ALARM: 2,
    Disclosure.ON_INCIDENT: 3,
    Disclosure.ALWAYS: 4,
}
_STRICTNESS = {AreaKind.PUBLIC: 0, AreaKind.OPEN_TO_PUBLIC: 1, AreaKind.PRIVATE: 2}
_LEVELS_IT = {0: "niente", 1: "solo testo", 2: "su allarme", 3: "su intervento", 4: "sempre"}
_LEVELS_EN = {0: "nothing", 1: "text only", 2: "on alarm", 3: "on incident", 4: "always"}


class Wider(Enum):
    """What is opened wider."""

    ANALYTIC = "analytic"
    RECIPIENT = "recipient"
    DISCLOSURE = "disclosure"
    BEFORE = "before"
    """Seconds before an alarm."""
    RETENTION = "retention"
    MASK = "mask"
    SCHOOL = "school"
    """Hours in which a school's inside is dark."""
    AREA = "area"
    """What it looks at counts as less public, so that no assessment is asked for."""
    KIND = "kind"
    """An institute is a room from now on."""
    WATERMARK = "watermark"
    """Live pictures without who looks written into them."""
    PERMIT = "permit"
    """A line of the access matrix."""
    APPROVER = "approver"
    """An account that could approve what is held."""


@dataclass(frozen=True, slots=True)
class Widening:
    """One thing that a change opens wider."""

    what: Wider
    camera: str
    """Id after the change; empty if all of a controller's are meant."""
    subject: str
    """The recipient, the recipient and analytic, the controller, or the mask's corners."""
    was: float
    """How wide before, on a scale of its kind."""
    now: float
    acts: tuple[str, ...]
    """Acts whose assessment did not foresee this."""
    controllers: tuple[str, ...]
    """Whose consent it needs."""
    text_it: str
    text_en: str
    assessed: str = ""
    """Date of the newest assessment before the change, ISO 8601; empty if there was none."""

    def within(self, approved: Iterable["Widening"]) -> bool:
        """Return whether somebody who approved those has approved this."""
        return any(
            (one.what, one.camera, one.subject) == (self.what, self.camera, self.subject)
            and one.was <= self.was
            and one.now >= self.now
            and set(one.controllers) >= set(self.controllers)
            for one in approved
        )


@dataclass(frozen=True, slots=True)
class Form:
    """How open one camera is: everything of a registry that a widening is measured by."""

    camera: str
    addresses: frozenset[str]
    controller: str
    recipients: Mapping[str, int]
    """How they are disclosed to, see `_DISCLOSED`; the owner's own house with the highest."""
    standing: Mapping[str, int]
    """The same without what is disclosed in an incident alone: outside of one it is nothing, not
    even the camera's name. So "su intervento" is neither wider nor narrower than "su allarme"."""
    reached: Mapping[str, str]
    """Where alarms go to a recipient that is not at this box; empty: nowhere else."""
    analytics: frozenset[tuple[str, str]]
    """Recipient and analytic."""
    before_s: Mapping[str, float]
    retention_h: int
    masks: tuple[tuple[MaskPlace, tuple[tuple[float, float], ...]], ...]
    school: bool
    """Dark while people are inside."""
    opening: tuple[WeekHours, ...]
    closed_days: frozenset[date]
    acts: tuple[str, ...]
    assessed: str = ""
    """Date of the newest assessment, ISO 8601; empty if none."""
    strictness: int = 0
    """Of what it looks at, see `_STRICTNESS`; smaller is stricter."""
    institutes: frozenset[str] = frozenset()
    """Recipients that are institutes."""
    unmarked: frozenset[str] = frozenset()
    """Recipients who get live pictures without a watermark."""


def _retention_h(controller: Controller, site: Site) -> int:
    """Return for how many hours copies are kept (D.4), as asked or as the place says."""
    most_h = ceiling_h(controller, site)
    return most_h if site.kind is SiteKind.SCHOOL else max(controller.retention_h, most_h)


def forms_of(registry: Registry) -> dict[str, Form]:
    """Return the form of every camera, by id."""
    forms = _Forms(registry)
    return {camera.id: forms.of(camera) for camera in registry.cameras.values()}


def widenings(
    before: Registry, last_known: Mapping[str, Form], after: Registry
) -> tuple[Widening, ...]:
    """Return what `after` opens wider; `last_known`: forms of cameras that were removed."""
    if _same(before, after):
        return ()
    old = dict(last_known) | forms_of(before)
    by_address: dict[str, list[Form]] = {}
    for form in old.values():
        for address in form.addresses:
            by_address.setdefault(address, []).append(form)
    names = _Names(before, after)
    found: dict[tuple[object, ...], Widening] = {}
    for form in forms_of(after).values():
        for known in _known_as(form, old, by_address):
            for one in _differences(known, form, names):
                key = (one.what, one.camera, one.subject, one.was, one.now)
                found[key] = _joined(found[key], one) if key in found else one
    return tuple(found.values())


def remembered(known: Mapping[str, Form], before: Registry, after: Registry) -> dict[str, Form]:
    """Return `known` with the cameras and the addresses that a change gives up.

    A removed camera stays under its id, an address that no camera has any more under id and
    address: a camera that was first sent elsewhere is no new one where it was.
    """
    now = forms_of(after)
    used = frozenset(address for form in now.values() for address in form.addresses)
    kept: dict[str, Form] = {}
    for key, form in (dict(known) | forms_of(before)).items():
        if key == form.camera and key not in now:
            kept[key] = form
            continue
        for address in sorted(form.addresses - used):
            kept[f"{form.camera} {address}"] = replace(form, addresses=frozenset({address}))
    return kept


def _joined(one: Widening, other: Widening) -> Widening:
    """Return what two cameras have in common, with the acts of both."""
    return replace(
        one,
        acts=tuple(dict.fromkeys((*one.acts, *other.acts))),
        controllers=tuple(dict.fromkeys((*one.controllers, *other.controllers))),
        assessed=max(one.assessed, other.assessed),
    )


def _same(before: Registry, after: Registry) -> bool:
    kinds = ("controllers", "sites", "cameras", "masks", "acts", "devices", "recipients")
    return all(getattr(before, kind) == getattr(after, kind) for kind in kinds)


def _known_as(
    form: Form, old: Mapping[str, Form], by_address: Mapping[str, list[Form]]
) -> Iterator[Form]:
    """Yield what the same camera was: under its id, and under every address that is new to it."""
    same = old.get(form.camera)
    if same is not None:
        yield same
    fresh = form.addresses - (same.addresses if same else frozenset())
    seen = {form.camera}
    for address in sorted(fresh):
        for other in by_address.get(address, ()):
            if other.camera not in seen:
                seen.add(other.camera)
                yield other


class _Forms:
    """Forms of one registry, its acts and masks sorted by camera once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lines: dict[str, list[tuple[Act, ActScope]]] = {}
        for act in registry.acts.values():
            for scope in act.scopes:
                for camera in scope.cameras:
                    self._lines.setdefault(camera, []).append((act, scope))
        self._masks: dict[str, list[Mask]] = {}
        for mask in registry.masks.values():
            self._masks.setdefault(mask.camera, []).append(mask)

    def of(self, camera: Camera) -> Form:
        site = self._registry.sites[camera.site]
        lines = self._lines.get(camera.id, [])
        recipients = {site.controller: _DISCLOSED[Disclosure.ALWAYS]}
        standing = dict(recipients)
        before_s: dict[str, float] = {}
        unmarked: set[str] = set()
        for _, scope in lines:
            if scope.disclosure is not Disclosure.TEXT_ONLY and not scope.watermark:
                unmarked.update(scope.recipients)
            for one in scope.recipients:
                if scope.disclosure is not Disclosure.ON_INCIDENT:
                    standing[one] = max(standing.get(one, 0), _DISCLOSED[scope.disclosure])
                recipients[one] = max(recipients.get(one, 0), _DISCLOSED[scope.disclosure])
                before_s[one] = max(before_s.get(one, 0.0), scope.retention_before_s)
        dates = [act.dpia_date.isoformat() for act, _ in lines if act.dpia_date]
        return Form(
            camera=camera.id,
            addresses=self._registry.addresses_of(camera),
            controller=site.controller,
            recipients=recipients,
            standing=standing,
            reached={one: self._reached(one) for one in recipients},
            analytics=frozenset(_pairs(lines)),
            before_s=before_s,
            retention_h=_retention_h(self._registry.controllers[site.controller], site),
            masks=tuple((one.place, one.polygon) for one in self._masks.get(camera.id, [])),
            school=site.kind is SiteKind.SCHOOL and camera.indoor,
            opening=site.opening,
            closed_days=frozenset(site.closed_days),
            acts=tuple(dict.fromkeys(act.id for act, _ in lines)),
            assessed=max(dates, default=""),
            strictness=_STRICTNESS[camera.area],
            institutes=frozenset(one for one in recipients if self._is_institute(one)),
            unmarked=frozenset(unmarked),
        )

    def _is_institute(self, id_: str) -> bool:
        known = self._registry.recipients.get(id_)
        return known is not None and known.kind is RecipientKind.INSTITUTE

    def _reached(self, id_: str) -> str:
        known = self._registry.recipients.get(id_)
        return f"{known.broker} {known.topic_prefix}" if known and known.broker else ""


def _pairs(lines: Iterable[tuple[Act, ActScope]]) -> Iterator[tuple[str, str]]:
    for _, scope in lines:
        for one in scope.recipients:
            for analytic in scope.analytics:
                yield one, analytic.value


class _Names:
    """Names for people, of whatever is there before or after."""

    def __init__(self, before: Registry, after: Registry) -> None:
        self._worlds = (after, before)
        self.after = after
        self.known = before.acts.keys()

    def camera(self, id_: str) -> str:
        return next((w.cameras[id_].name for w in self._worlds if id_ in w.cameras), id_)

    def organisation(self, id_: str) -> str:
        for world in self._worlds:
            if found := world.recipients.get(id_) or world.controllers.get(id_):
                return found.name
        return id_

    def granting(self, camera: str, recipient: str, analytic: str = "") -> tuple[str, ...]:
        """Return the acts after the change that give it."""
        return tuple(
            act.id
            for act in self.after.acts.values()
            if any(
                camera in scope.cameras
                and recipient in scope.recipients
                and (not analytic or Analytic(analytic) in scope.analytics)
                for scope in act.scopes
            )
        )


def _differences(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield everything that is wider than it was."""
    owners = tuple(dict.fromkeys((known.controller, form.controller)))
    for parts in (
        _for_whom, _outside_incidents, _to_rooms, _without_mark, _analysed, _kept, _uncovered,
        _in_school, _less_public,
    ):  # fmt: skip
        for one in parts(known, form, names):
            acts = one.acts or known.acts or form.acts
            if not set(acts) <= names.known:
                acts = tuple(dict.fromkeys((*acts, *known.acts)))
            yield replace(one, acts=acts, controllers=owners, assessed=known.assessed)


def _outside_incidents(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield whom more is disclosed to without an incident, where that is all that is wider."""
    camera = names.camera(form.camera)
    for recipient, level in form.standing.items():
        was = known.standing.get(recipient, 0)
        if level <= was or form.recipients[recipient] > known.recipients.get(recipient, 0):
            continue  # the same, or `_for_whom` tells
        name = names.organisation(recipient)
        text_it = f"{camera}: {name} riceve {_LEVELS_IT[level]} anche senza un intervento"
        text_en = f"{camera}: {name} receives {_LEVELS_EN[level]} without an incident, too"
        acts = names.granting(form.camera, recipient)
        subject = f"{recipient}/standing"
        yield Widening(
            Wider.DISCLOSURE, form.camera, subject, was, level, acts, (), text_it, text_en
        )


def _for_whom(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    camera = names.camera(form.camera)
    for recipient, level in form.recipients.items():
        was = known.recipients.get(recipient, 0)
        where = form.reached.get(recipient, "")
        if level <= was and where and where != known.reached.get(recipient, ""):
            was = 0  # by its own name, somebody else
        if level <= was:
            continue
        name = names.organisation(recipient)
        what = Wider.DISCLOSURE if was else Wider.RECIPIENT
        text_it = f"{camera}: {name} riceve {_LEVELS_IT[level]} (prima: {_LEVELS_IT[was]})"
        text_en = f"{camera}: {name} receives {_LEVELS_EN[level]} (before: {_LEVELS_EN[was]})"
        acts = names.granting(form.camera, recipient)
        yield Widening(what, form.camera, recipient, was, level, acts, (), text_it, text_en)
    for recipient, seconds in form.before_s.items():
        was_s = known.before_s.get(recipient, 0.0)
        if seconds <= was_s:
            continue
        name = names.organisation(recipient)
        text_it = f"{camera}: {seconds:g} secondi prima dell'allarme a {name} (prima: {was_s:g})"
        text_en = f"{camera}: {seconds:g} seconds before an alarm for {name} (before: {was_s:g})"
        acts = names.granting(form.camera, recipient)
        yield Widening(
            Wider.BEFORE, form.camera, recipient, was_s, seconds, acts, (), text_it, text_en
        )


def _to_rooms(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield each institute that counts as a room, whose people see more and may approve."""
    camera = names.camera(form.camera)
    for recipient in sorted(known.institutes & form.recipients.keys() - form.institutes):
        name = names.organisation(recipient)
        text_it = f"{camera}: {name} non è più un istituto di vigilanza ma una sala operativa"
        text_en = f"{camera}: {name} is no longer a vigilance institute but an operations room"
        acts = names.granting(form.camera, recipient)
        yield Widening(Wider.KIND, form.camera, recipient, 0, 1, acts, (), text_it, text_en)


def _without_mark(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield each recipient whose live pictures were all marked and are no longer."""
    camera = names.camera(form.camera)
    pictures = _DISCLOSED[Disclosure.ON_ALARM]
    for recipient in sorted(form.unmarked - known.unmarked):
        if known.recipients.get(recipient, 0) < pictures or recipient == known.controller:
            continue  # that they get pictures at all is told by `_for_whom`
        name = names.organisation(recipient)
        text_it = f"{camera}: le immagini per {name} non portano più la filigrana di chi guarda"
        text_en = f"{camera}: pictures for {name} no longer carry who looks"
        acts = names.granting(form.camera, recipient)
        yield Widening(Wider.WATERMARK, form.camera, recipient, 0, 1, acts, (), text_it, text_en)


def _less_public(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    if form.strictness <= known.strictness:
        return
    camera = names.camera(form.camera)
    text_it = f"{camera}: l'area ripresa vale come meno pubblica di prima"
    text_en = f"{camera}: what it looks at counts as less public than before"
    yield Widening(
        Wider.AREA, form.camera, form.camera, known.strictness, form.strictness, (), (),
        text_it, text_en,
    )  # fmt: skip


def _analysed(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    camera = names.camera(form.camera)
    for recipient, analytic in sorted(form.analytics - known.analytics):
        name = names.organisation(recipient)
        text_it = f"{camera}: nuova analisi «{analytic}», esiti a {name}"
        text_en = f"{camera}: new analysis “{analytic}”, results for {name}"
        acts = names.granting(form.camera, recipient, analytic)
        yield Widening(
            Wider.ANALYTIC, form.camera, f"{recipient}/{analytic}", 0, 1, acts, (),
            text_it, text_en,
        )  # fmt: skip


def _kept(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    if form.retention_h <= known.retention_h:
        return
    name = names.organisation(form.controller)
    text_it = f"{name}: copie conservate {form.retention_h} ore (prima: {known.retention_h})"
    text_en = f"{name}: copies kept for {form.retention_h} hours (before: {known.retention_h})"
    camera = "" if known.controller == form.controller else form.camera
    yield Widening(
        Wider.RETENTION, camera, form.controller, known.retention_h, form.retention_h,
        known.acts if camera else (), (), text_it, text_en,
    )  # fmt: skip


def _uncovered(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield each mask that no mask of the same place, or of ours, holds whole."""
    camera = names.camera(form.camera)
    for place, corners in known.masks:
        if any(
            there in (place, MaskPlace.GATEWAY) and polygon.covers(other, corners)
            for there, other in form.masks
        ):
            continue
        text_it = f"{camera}: una maschera di riservatezza è tolta, spostata o ridotta"
        text_en = f"{camera}: a privacy mask is removed, moved or made smaller"
        subject = f"{place.value} {corners}"
        yield Widening(Wider.MASK, form.camera, subject, 0, 1, (), (), text_it, text_en)


def _in_school(known: Form, form: Form, names: _Names) -> Iterator[Widening]:
    """Yield a school's inside that is shown at hours at which it was dark."""
    covered = all(
        any(
            day in other.days and other.since <= span.since and other.until >= span.until
            for other in form.opening
        )
        for span in known.opening
        for day in span.days
    )
    if not known.school or (form.school and covered and form.closed_days <= known.closed_days):
        return
    camera = names.camera(form.camera)
    text_it = f"{camera}: l'interno della scuola è visibile in orari in cui era oscurato"
    text_en = f"{camera}: the school's inside is visible at hours at which it was dark"
    yield Widening(Wider.SCHOOL, form.camera, form.camera, 0, 1, (), (), text_it, text_en)
