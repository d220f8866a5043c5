# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which names a role gets to read. Pure; whether it may *look* is the gate's decision alone."""

from gateway.model.access import Action, Actor, Purpose
from gateway.model.alarm import AlarmRecord
from gateway.model.holdup import is_hidden, is_holdup
from gateway.model.registry import Analytic, Camera, Disclosure, RecipientKind, Registry, Role
from gateway.model.room import at_edge

ROOM_ROLES = frozenset({Role.PS_OPERATOR, Role.PS_SUPERVISOR, Role.PL_OPERATOR})

VIEWS: dict[Role, tuple[str, ...]] = {
    Role.PS_OPERATOR: (
        "alarms",
        "plates",
        "hotlists",
        "incidents",
        "reports",
        "cameras",
        "devices",
        "lines",
    ),
    Role.PS_SUPERVISOR: (
        "alarms",
        "plates",
        "hotlists",
        "incidents",
        "reports",
        "cameras",
        "acts",
        "devices",
        "lines",
        "retention",
    ),
    Role.PL_OPERATOR: (
        "alarms",
        "plates",
        "hotlists",
        "incidents",
        "reports",
        "cameras",
        "devices",
        "lines",
    ),
    Role.INSTITUTE_OPERATOR: ("alarms", "reports"),
    Role.OWNER: ("cameras", "alarms", "mine", "acts", "retention", "devices", "lines"),
    Role.DPO: ("ledger", "acts", "mine", "retention", "cameras"),
    Role.AUDITOR: ("ledger",),
    Role.SYSADMIN: ("cameras", "devices", "lines"),
    Role.INSTALLER: ("cameras", "devices", "lines"),
    Role.MACHINE: (),
}
"""Pages of a role, the one it starts with first. An auditor sees no video (D.5.7)."""

_ROOM_PURPOSES = (Purpose.SERVICE, Purpose.INCIDENT, Purpose.JUDICIAL)
PURPOSES: dict[Role, tuple[Purpose, ...]] = {
    Role.PS_OPERATOR: _ROOM_PURPOSES,
    Role.PS_SUPERVISOR: _ROOM_PURPOSES,
    Role.PL_OPERATOR: _ROOM_PURPOSES,
    Role.OWNER: (Purpose.OWNER,),
    Role.INSTALLER: (Purpose.INSTALLATION,),
}
"""Purposes that the dialogue offers; `allarme` comes from opening an alarm."""
_NO_PICTURES = frozenset({Role.SYSADMIN, Role.AUDITOR, Role.DPO, Role.MACHINE})
"""Whatever permits say (D.5.7)."""
_BY_HAND = (*_ROOM_PURPOSES, Purpose.OWNER, Purpose.INSTALLATION)

AIMS = (
    Purpose.LEGALITY,
    Purpose.INTERNAL_CONTROL,
    Purpose.INTEGRITY,
    Purpose.PROCEEDINGS,
)
"""The lawful aims of reading the ledger (D.5.7)."""


def partners_of(organisation: str, registry: Registry) -> set[str]:
    """Return the recipients of acts that an organisation is in: as recipient, or with a camera.

    It is among them where it is a recipient itself. Nobody learns who else is served here (A-26).
    """
    found: set[str] = set()
    for act in registry.acts.values():
        sharers = {one for scope in act.scopes for one in scope.recipients}
        cameras = {one for scope in act.scopes for one in scope.cameras}
        owners = {
            registry.controller_of(registry.cameras[one]).id
            for one in cameras
            if one in registry.cameras
        }
        if organisation in sharers | owners:
            found |= sharers
    return found


def views_of(role: Role) -> tuple[str, ...]:
    """Return the pages of a role, its first one first."""
    return VIEWS.get(role, ())


def purposes_of(role: Role, registry: Registry | None = None) -> tuple[Purpose, ...]:
    """Return the purposes that a role may choose by hand; a registry's permits go before ours.

    Only an order of what to offer: whether somebody may look is the gate's decision.
    """
    own = [one for one in registry.permits.values() if one.role is role] if registry else []
    if not own or role in _NO_PICTURES:
        return PURPOSES.get(role, ())
    live = [one.purposes for one in own if not one.actions or Action.LIVE.value in one.actions]
    return tuple(
        purpose
        for purpose in _BY_HAND
        if any(not codes or purpose.value in codes for codes in live)
    )


def reads_ledger(role: Role) -> bool:
    """Return whether the role has the ledger page; the gate decides each reading."""
    return "ledger" in views_of(role)


def _disclosures(registry: Registry, camera: str, organisation: str) -> set[Disclosure]:
    return {
        scope.disclosure
        for act in registry.acts.values()
        for scope in act.scopes
        if camera in scope.cameras
        and organisation in scope.recipients
        and scope.disclosure is not Disclosure.ON_INCIDENT
    }


def knows_camera(registry: Registry, camera: str, organisation: str) -> bool:
    """Return whether an organisation may know that a camera exists: its own, or any act's.

    What an act shows during incidents alone is known during incidents alone: the gate says.
    """
    known = registry.cameras.get(camera)
    if known is None:
        return False
    own = registry.sites[known.site].controller == organisation
    return own or bool(_disclosures(registry, camera, organisation))


def disclosure_of(registry: Registry, camera: str, actor: Actor) -> str:
    """Return how acts (in force or not) disclose a camera to the actor's organisation."""
    found = _disclosures(registry, camera, actor.organisation)
    if Disclosure.ALWAYS in found:
        return Disclosure.ALWAYS.value
    return Disclosure.ON_ALARM.value if found else ""


def cameras_of(registry: Registry, actor: Actor) -> list[Camera]:
    """Return the cameras whose existence the actor's organisation knows, by name.

    A controller knows its own (isolation of tenants, A-26); a room knows those that any act, also
    an expired one, names for it, so that it can be told *why* it is dark.
    """
    if "cameras" not in views_of(actor.role):
        return []
    own = actor.organisation
    everything = actor.role is Role.SYSADMIN
    known = [
        camera
        for camera in registry.cameras.values()
        if everything
        or registry.sites[camera.site].controller == own
        or _disclosures(registry, camera.id, own)
    ]
    return sorted(known, key=lambda camera: (registry.sites[camera.site].name, camera.name))


def own_cameras(registry: Registry, actor: Actor) -> list[str]:
    """Return the ids of the cameras whose controller is the actor's organisation."""
    own = actor.organisation
    return [one.id for one in registry.cameras.values() if registry.controller_of(one).id == own]


def sees_alarm(record: AlarmRecord, registry: Registry, actor: Actor) -> bool:
    """Return whether an alarm concerns the actor's organisation: recipient or owner."""
    if "alarms" not in views_of(actor.role):
        return False
    if actor.organisation in record.recipients:
        return True
    if is_hidden(record):  # nothing on site shows a hold-up while it lives
        return False
    camera = registry.cameras.get(record.alarm.camera)
    return camera is not None and registry.sites[camera.site].controller == actor.organisation


def may_close(record: AlarmRecord, registry: Registry, actor: Actor) -> bool:
    """Return whether the actor may give the verdict: the room that received it, or the owner."""
    if is_holdup(record) and actor.role is Role.INSTITUTE_OPERATOR:
        # an edge's, at a monitoring centre's own box: the edge takes its word as the centre's
        told = [registry.recipients.get(one) for one in record.recipients]
        alone = all(one is not None and one.kind is RecipientKind.INSTITUTE for one in told)
        edge, _ = at_edge(record.alarm.camera)
        return bool(edge) and alone and sees_alarm(record, registry, actor)
    return actor.role in ROOM_ROLES | {Role.OWNER} and sees_alarm(record, registry, actor)


def may_take(record: AlarmRecord, registry: Registry, actor: Actor) -> bool:
    """Return whether the actor may answer: rooms and institutes that were told, and the owner.

    Never the owner of a silent one: nobody on site stops a call for help.
    """
    if not sees_alarm(record, registry, actor):
        return False
    if actor.role is Role.OWNER:
        return not record.alarm.silent
    return actor.role in ROOM_ROLES | {Role.INSTITUTE_OPERATOR}


def reads_plates(registry: Registry) -> bool:
    """Return whether any act has plates read, here or at an edge: else there is no page of them."""
    scopes = (scope for act in registry.acts.values() for scope in act.scopes)
    return any(Analytic.PLATES in scope.analytics for scope in scopes)


def sees_plates(record: AlarmRecord, registry: Registry, actor: Actor) -> bool:
    """Return whether somebody may know of a hit: people of rooms that its alarm concerns.

    Never an institute, whatever role its people were given (A-09).
    """
    organisation = registry.recipients.get(actor.organisation)
    institute = organisation is not None and organisation.kind is RecipientKind.INSTITUTE
    return actor.role in ROOM_ROLES and not institute and sees_alarm(record, registry, actor)


def deals_with_incidents(actor: Actor, registry: Registry) -> bool:
    """Return whether somebody reads and changes incidents: people of rooms, and rooms' machines."""
    if actor.role is Role.MACHINE:
        room = registry.recipients.get(actor.organisation)
        return room is not None and room.kind is RecipientKind.ROOM
    return actor.role in ROOM_ROLES


def deals_with_reports(actor: Actor, registry: Registry) -> bool:
    """Return whether somebody reads reports: people of rooms and institutes, and their machines."""
    if actor.role is Role.MACHINE:
        return actor.organisation in registry.recipients
    return actor.role in ROOM_ROLES | {Role.INSTITUTE_OPERATOR}


def may_ask_to_look(actor: Actor, registry: Registry | None = None) -> bool:
    """Return whether pages offer pictures to this role at all."""
    return bool(purposes_of(actor.role, registry))
