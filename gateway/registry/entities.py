# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entities of the registry as keyed values and as canonical rows, and what they must agree on."""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

import rfc8785
from pydantic import TypeAdapter

from gateway.model.errors import ConfigError
from gateway.model.registry import (
    Act,
    Analytic,
    Camera,
    Controller,
    Device,
    Edge,
    Escalation,
    Extension,
    Hold,
    Holdup,
    Institute,
    Mask,
    Panel,
    Pause,
    Permit,
    Recipient,
    RecipientKind,
    Registry,
    ReportRoute,
    RiskArea,
    Site,
    SiteKind,
    Trigger,
    User,
    Zone,
)

Entity = (
    Controller
    | Site
    | Device
    | Camera
    | Zone
    | Trigger
    | Mask
    | Panel
    | Holdup
    | RiskArea
    | Recipient
    | Act
    | Escalation
    | User
    | Permit
    | Extension
    | Pause
    | Hold
    | Edge
    | Institute
    | ReportRoute
)
Key = tuple[str, str]
"""Kind and id; written `camera/banco`."""

KINDS: Mapping[str, type[Entity]] = {
    "controller": Controller,
    "site": Site,
    "device": Device,
    "camera": Camera,
    "zone": Zone,
    "trigger": Trigger,
    "mask": Mask,
    "panel": Panel,
    "holdup": Holdup,
    "risk_area": RiskArea,
    "recipient": Recipient,
    "act": Act,
    "escalation": Escalation,
    "user": User,
    "permit": Permit,
    "extension": Extension,
    "pause": Pause,
    "hold": Hold,
    "edge": Edge,
    "institute": Institute,
    "report_route": ReportRoute,
}
"""In the order in which a person would write them; each is a table of a seed."""
Governed = Extension | Pause | Hold
UNWATCHED = frozenset({SiteKind.DORMITORY, SiteKind.SOCIAL_SERVICE})
"""Sites where people are helped; to stay there is what they are for."""
GOVERNED = frozenset({"extension", "pause", "hold"})
"""Kinds that a named, signed-in person enters; a document may only repeat what is there."""

_ADAPTERS: Mapping[str, TypeAdapter[Entity]] = {
    kind: TypeAdapter(entity) for kind, entity in KINDS.items()
}
_NAMES: Mapping[type[Entity], str] = {entity: kind for kind, entity in KINDS.items()}


def key_of(entity: Entity) -> Key:
    """Return the kind and id of an entity."""
    return _NAMES[type(entity)], entity.id


def encode(entity: Entity) -> str:
    """Return an entity as canonical JSON (RFC 8785); a user's secrets are left out."""
    kind = key_of(entity)[0]
    return rfc8785.dumps(_ADAPTERS[kind].dump_python(bare(entity), mode="json")).decode()


def bare(entity: Entity) -> Entity:
    """Return an entity without what no version keeps: password hash and second factor."""
    if not isinstance(entity, User):
        return entity
    return replace(entity, password_hash="", totp_secret="")


def decode(kind: str, body: str) -> Entity:
    """Return the entity of a row; ValueError for anything that `encode` did not write."""
    if kind not in _ADAPTERS:
        raise ValueError(f"unknown kind {kind}")
    return _ADAPTERS[kind].validate_json(body)


def flatten(registry: Registry) -> dict[Key, Entity]:
    """Return every entity of a registry by key."""
    return {
        (kind, id_): entity
        for kind in KINDS
        for id_, entity in getattr(registry, f"{kind}s").items()
    }


def assemble(version: int, entities: Mapping[Key, Entity]) -> Registry:
    """Return the registry of these entities, each kind sorted by id."""
    kinds: dict[str, dict[str, Entity]] = {f"{kind}s": {} for kind in KINDS}
    for (kind, id_), entity in sorted(entities.items(), key=lambda item: item[0]):
        kinds[f"{kind}s"][id_] = entity
    return Registry(version, **kinds)  # type: ignore[arg-type]


def disagreements(entities: Mapping[Key, Entity], place: Callable[[Key], str]) -> list[ConfigError]:
    """Return a fault for each reference to something that does not exist, and for shared ids.

    `place` tells in which text (and line) an entity stands.
    """
    registry = assemble(0, entities)
    faults = [
        ConfigError(place(key), f"{key[0]}[{key[1]}].{field}", problem, advice)
        for key, entity in entities.items()
        for field, problem, advice in _faults(entity, registry)
    ]
    for id_ in sorted(registry.controllers.keys() & registry.recipients.keys()):
        key = ("recipient", id_)
        problem = "is the id of a controller too"
        advice = "write another id: users belong to one or the other"
        faults.append(ConfigError(place(key), f"recipient[{id_}].id", problem, advice))
    return faults


def _faults(entity: Entity, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield field, problem and advice for each dangling reference of an entity."""
    match entity:
        case Site():
            yield from _missing("controller", entity.controller, "controller", registry.controllers)
        case Device():
            yield from _missing("site", entity.site, "site", registry.sites)
        case Camera():
            yield from _missing("site", entity.site, "site", registry.sites)
            yield from _faults_of_device(entity, registry)
        case Zone() | Mask() | Trigger():
            yield from _missing("camera", entity.camera, "camera", registry.cameras)
            yield from _faults_of_rule(entity, registry)
        case User():
            yield from _missing_organisation("organisation", entity.organisation, registry)
        case Act():
            for number, scope in enumerate(entity.scopes, 1):
                for id_ in scope.cameras:
                    field = f"scope[#{number}].cameras"
                    yield from _missing(field, id_, "camera", registry.cameras)
                for id_ in scope.recipients:
                    field = f"scope[#{number}].recipients"
                    yield from _missing(field, id_, "recipient", registry.recipients)
        case _:
            yield from _faults_of_policy(entity, registry)


def _faults_of_edge(edge: Edge, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield who may know of an edge and is not there, and a certificate that two edges show."""
    for id_ in edge.organisations:
        yield from _missing_organisation("organisations", id_, registry)
    for other in registry.edges.values():
        same = edge.certificate_sha256 and other.certificate_sha256 == edge.certificate_sha256
        if same and other.id < edge.id:
            advice = "invite one of them anew"
            yield "certificate_sha256", f"is that of edge {other.id} too", advice
            return


def _faults_of_policy(entity: Entity, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield dangling references of what says who may look, and of what people entered."""
    match entity:
        case Permit():
            yield from _faults_of_permit(entity, registry)
        case Edge():
            yield from _faults_of_edge(entity, registry)
        case Escalation():
            yield from _faults_of_escalation(entity, registry)
        case Panel():
            yield from _faults_of_panel(entity, registry)
        case Holdup():
            yield from _faults_of_holdup(entity, registry)
        case Institute() | ReportRoute():
            yield from _faults_of_reports(entity, registry)
        case Extension():
            yield from _missing("act", entity.act, "act", registry.acts)
        case Pause() | Hold():
            yield from _missing("controller", entity.controller, "controller", registry.controllers)
            yield from _cameras_of(entity.controller, entity.cameras, registry)
        case _:
            return


def _faults_of_escalation(
    escalation: Escalation, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """Yield whom or what a policy names and is not there; whether an act names them is its own."""
    for id_ in escalation.cameras:
        yield from _missing("cameras", id_, "camera", registry.cameras)
    for number, step in enumerate(escalation.steps, 1):
        for id_ in step.recipients:
            field = f"step[#{number}].recipients"
            yield from _missing(field, id_, "recipient", registry.recipients)


def _faults_of_panel(panel: Panel, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield what a panel names and is not there, and an account that two panels have."""
    if panel.camera:
        yield from _missing("camera", panel.camera, "camera", registry.cameras)
    if panel.holdup:
        yield from _missing("holdup", panel.holdup, "holdup", registry.holdups)
        camera, channel = registry.cameras.get(panel.camera), registry.holdups.get(panel.holdup)
        if camera is not None and channel is not None and camera.site != channel.site:
            problem = f"channel {channel.id} is of site {channel.site}, camera {camera.id} is not"
            yield "holdup", problem, "write a channel of the shop whose panel it is"
    for other in registry.panels.values():
        if other.account.lstrip("0") == panel.account.lstrip("0") and other.id < panel.id:
            written = "" if other.account == panel.account else f", written {other.account}"
            problem = f"is that of panel {other.id} too{written}"
            yield "account", problem, "write another account; zeros before it do not count"
            return


def _faults_of_holdup(holdup: Holdup, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield what a hold-up channel names and is not there, or is another shop's."""
    yield from _missing("site", holdup.site, "site", registry.sites)
    for id_ in holdup.cameras:
        yield from _missing("cameras", id_, "camera", registry.cameras)
        camera = registry.cameras.get(id_)
        if camera is not None and camera.site != holdup.site:
            problem = f"camera {id_} is not of site {holdup.site}"
            yield "cameras", problem, "write cameras of this shop alone"
    for id_ in holdup.recipients:
        yield from _missing("recipients", id_, "recipient", registry.recipients)
        yield from _not_named("recipients", id_, holdup, registry)
    if holdup.verify:
        yield from _missing("verify", holdup.verify, "recipient", registry.recipients)
        yield from _not_named("verify", holdup.verify, holdup, registry)
    for id_ in holdup.contacts:
        yield from _missing("contacts", id_, "trigger", registry.triggers)
        trigger = registry.triggers.get(id_)
        camera = registry.cameras.get(trigger.camera) if trigger else None
        if camera is not None and camera.site != holdup.site:
            problem = f"trigger {id_} is at another site"
            yield "contacts", problem, "write contacts of this shop alone"


def _not_named(
    field: str, recipient: str, holdup: Holdup, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """Yield a fault for the first camera for which no act, in force or not, names a recipient."""
    if recipient not in registry.recipients:
        return
    named = {
        camera
        for act in registry.acts.values()
        for scope in act.scopes
        if recipient in scope.recipients
        for camera in scope.cameras
    }
    for camera in holdup.cameras:
        if camera in registry.cameras and camera not in named:
            problem = f"no act names {recipient} for camera {camera}"
            yield field, problem, "write a scope of an act that does, or leave one of them out"
            return


def _faults_of_reports(
    entity: Institute | ReportRoute, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """Yield who sends or gets reports and is no institute or no room, or is entered twice."""
    if isinstance(entity, ReportRoute):
        for id_ in entity.recipients:
            yield from _missing("recipients", id_, "recipient", registry.recipients)
            yield from _other_kind("recipients", id_, RecipientKind.ROOM, registry)
        return
    yield from _missing("organisation", entity.organisation, "recipient", registry.recipients)
    yield from _other_kind("organisation", entity.organisation, RecipientKind.INSTITUTE, registry)
    for other in registry.institutes.values():
        if other.organisation == entity.organisation and other.id < entity.id:
            problem = f"is that of institute {other.id} too"
            yield "organisation", problem, "an institute has one entry and one contact point"
            return


def _other_kind(
    field: str, id_: str, wanted: RecipientKind, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    known = registry.recipients.get(id_)
    if known is not None and known.kind is not wanted:
        yield field, f"recipient {id_} is no {wanted.value}", f"write the id of a {wanted.value}"


def _missing_organisation(
    field: str, id_: str, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    organisations = [*registry.controllers, *registry.recipients]
    yield from _missing(field, id_, "controller or recipient", organisations)


def _faults_of_permit(permit: Permit, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield what a line of the access matrix names and the registry does not know."""
    for id_ in permit.organisations:
        yield from _missing_organisation("organisations", id_, registry)
    for id_ in permit.controllers:
        yield from _missing("controllers", id_, "controller", registry.controllers)
    for id_ in permit.cameras:
        yield from _missing("cameras", id_, "camera", registry.cameras)
    if permit.act:
        yield from _missing("act", permit.act, "act", registry.acts)


def _cameras_of(
    controller: str, cameras: Collection[str], registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """Yield a fault for each camera that is not there or is another controller's."""
    for id_ in cameras:
        yield from _missing("cameras", id_, "camera", registry.cameras)
        camera = registry.cameras.get(id_)
        site = registry.sites.get(camera.site) if camera else None
        if site is not None and site.controller != controller:
            problem = f"camera {id_} belongs to another controller"
            yield "cameras", problem, "write cameras of this controller"


def address_fault(url: str, device: str, channel: int) -> tuple[str, str, str] | None:
    """Return key, problem and advice if a camera cannot be reached by what is said of it."""
    if channel and not device:
        return "channel", "belongs to no device", 'write device = "…", the id of a recorder'
    if not url and not device:
        return "url", "is missing", 'write url = "rtsp://…", or device and channel of a recorder'
    if not url and not channel:
        return "channel", "is missing", "write the recorder's channel, from 1, or a url"
    return None


def _faults_of_rule(
    rule: Zone | Mask | Trigger, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """Yield why a rule may not exist where its camera is (A-43)."""
    camera = registry.cameras.get(rule.camera)
    site = registry.sites.get(camera.site) if camera else None
    if not isinstance(rule, Zone) or site is None or site.kind not in UNWATCHED:
        return
    if rule.analytic is Analytic.LOITERING:
        problem = f"no rule may watch for those who stay at a {site.kind.value} (A-43)"
        yield "analytic", problem, "remove the zone; an intrusion by night or a tamper may be found"


def _faults_of_device(camera: Camera, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield what does not fit between a camera and the device that it hangs off."""
    if found := address_fault(camera.url, camera.device, camera.channel):
        yield found
    if not camera.device:
        return
    yield from _missing("device", camera.device, "device", registry.devices)
    device = registry.devices.get(camera.device)
    if device is None:
        return
    if not camera.url and camera.channel and not device.make:
        problem = f"is missing, and device {device.id} has no make that tells where channels are"
        yield "url", problem, 'write url = "rtsp://…" here, or make = "…" at the device'
    yield from _same_channel(camera, registry)
    sites = [registry.sites.get(id_) for id_ in (camera.site, device.site)]
    if len({site.controller for site in sites if site}) > 1:
        problem = f"device {device.id} belongs to another controller"
        yield "device", problem, "write a device of the same controller"


def _same_channel(camera: Camera, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield a fault for the second camera that is nothing but the same channel."""
    if camera.url or not camera.channel:
        return
    for other in registry.cameras.values():
        same = (other.device, other.channel, other.url) == (camera.device, camera.channel, "")
        if same and other.id < camera.id:
            advice = "write another channel, or a url"
            yield "channel", f"is that of camera {other.id} too", advice
            return


def _missing(
    field: str, id_: str, what: str, known: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    if id_ in known:
        return
    near = difflib.get_close_matches(id_, known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"write the id of a {what} that exists"
    yield field, f"there is no {what} {id_}", advice
