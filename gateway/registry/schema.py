# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand in a seed. A field's description completes "write …" in its error.

Field names are those of `gateway.model.registry`; what each table `makes` is an entity of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.model import registry as model
from gateway.model import retention
from gateway.model.access import Action, Purpose
from gateway.registry.entities import address_fault
from gateway.registry.values import (
    BrokerName,
    CameraUrl,
    DeviceUrl,
    Digest,
    Ground,
    Hosts,
    Ids,
    LocalTime,
    NameOrNothing,
    Pin,
    Polygon,
    Topic,
    TopicPrefix,
    some,
)
from gateway.runtime.fields import Flag, Id, Line, Number, Reference, Text, Whole, refusal

MOST_RETENTION_BEFORE_S = 30
MOST_PORT = 65535

_POLYGON = "3 to 64 corners, [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9]]"
_DATE = "a date, 2026-01-31"
_CREDENTIAL = "a reference, for example credential:camera-banco"
_PIN = "64 hexadecimal digits, the SHA-256 of the certificate"
_DIGEST = "64 hexadecimal digits"
_ARMED = "[{ since = 22:00:00, until = 06:00:00 }]"

Weekday = Annotated[int, Field(strict=True, ge=1, le=7)]


class Controller(Text):
    """[[controller]]."""

    id: Id = Field(description='an id, for example id = "comune"')
    name: Line = Field(min_length=1, description="a name for people")
    contact: Line = Field(default="", description="how people reach it")
    kind: model.TenantKind = Field(
        default=model.TenantKind.OTHER, description='for example "comune"'
    )
    security_project: Flag = Field(default=False, description="true or false")
    retention_h: Whole = Field(
        default=0,
        ge=0,
        le=retention.MOST_H,
        description=f"hours, 0 (the default of its kind) to {retention.MOST_H}",
    )
    retention_reason: Line = Field(default="", description="why copies are kept for so long")

    @model_validator(mode="after")
    def _check(self) -> "Controller":
        made = self.makes()
        if not (problem := retention.fault(made)):
            return self
        if not retention.fault(replace(made, retention_reason="x")):
            advice = "write retention_reason, why copies are kept for so long"
        else:
            most = retention.ceiling_h(replace(made, retention_h=retention.MOST_H))
            advice = f"write {most} hours or fewer, or 0 for the default of its kind"
        raise refusal(problem, advice, "retention_h")

    def makes(self) -> model.Controller:
        """Return the entity."""
        return model.Controller(**{name: getattr(self, name) for name in type(self).model_fields})


class WeekHours(Text):
    """{ days = [1, 2, 3, 4, 5], since = 08:00:00, until = 14:00:00 }."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = Field(
        description="weekdays, 1 (Monday) to 7 (Sunday)"
    )
    since: LocalTime = Field(description="a time, 08:00:00")
    until: LocalTime = Field(description="a time, 14:00:00")

    @model_validator(mode="after")
    def _check(self) -> "WeekHours":
        if self.until <= self.since:
            raise refusal("is not later than since", "write two spans for a night", "until")
        return self


class Site(Text):
    """[[site]]."""

    id: Id = Field(description='an id, for example id = "farmacia-centrale"')
    name: Line = Field(min_length=1, description="a name for people")
    controller: Id = Field(description="the id of a controller")
    kind: model.SiteKind = Field(description='for example "farmacia"')
    state: model.SiteState = Field(description='for example "attivo"')
    address: Line = Field(default="", description="street and town")
    approval: Line = Field(default="", description="number and date of the approval")
    activated: date | None = Field(default=None, description=f"{_DATE}: its first day as attivo")
    opening: Annotated[tuple[WeekHours, ...], Field(max_length=64)] = Field(
        default=(), description="[{ days = [1, 2, 3, 4, 5], since = 08:00:00, until = 14:00:00 }]"
    )
    closed_days: Annotated[tuple[date, ...], Field(max_length=400)] = Field(
        default=(), description="holidays, [2026-12-25, 2026-12-26]"
    )

    def makes(self) -> model.Site:
        """Return the entity."""
        opening = tuple(model.WeekHours(one.days, one.since, one.until) for one in self.opening)
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return model.Site(**values | {"opening": opening})


class Device(Text):
    """[[device]]."""

    id: Id = Field(description='an id, for example id = "registratore-scale"')
    name: Line = Field(min_length=1, description="a name for people")
    site: Id = Field(description="the id of a site")
    url: DeviceUrl = Field(
        default="", description='for example url = "http://192.0.2.30/onvif/device_service"'
    )
    kind: model.DeviceKind = Field(
        default=model.DeviceKind.RECORDER, description='"registratore" or "telecamera"'
    )
    credential: Reference = Field(default="", description=_CREDENTIAL)
    make: NameOrNothing = Field(default="", description='for example "hikvision"')
    rtsp_port: Whole = Field(default=0, ge=0, le=MOST_PORT, description="a port, or 0")
    most_sessions: Whole = Field(default=0, ge=0, le=1024, description="a number, 0 if not known")
    tls_sha256: Pin = Field(default="", description=_PIN)
    hosts: Hosts = Field(default=(), description='names or addresses, ["192.0.2.31"]')
    most_gop_s: Number = Field(default=0.0, ge=0, le=60, description="seconds, 0 to 60")
    events: Flag = Field(default=False, description="true or false")

    @model_validator(mode="after")
    def _check(self) -> "Device":
        if self.events and not self.url:
            raise refusal("needs ONVIF", "write `url`, the address of its device service", "events")
        return self

    def makes(self) -> model.Device:
        """Return the entity."""
        return model.Device(**{name: getattr(self, name) for name in type(self).model_fields})


class CameraKeys(Text):
    """What may be said of a camera, all of it or, in a map, some of it."""

    id: Id = Field(description='an id, for example id = "banco"')
    name: Line = Field(min_length=1, description="a name for people")
    site: Id = Field(description="the id of a site")
    url: CameraUrl = Field(
        default="", description='for example url = "rtsp://192.0.2.20:554/stream1"'
    )
    area: model.AreaKind = Field(description='for example "pubblica"')
    credential: Reference = Field(default="", description=_CREDENTIAL)
    latitude: Number = Field(default=0.0, ge=-90, le=90, description="degrees, -90 to 90")
    longitude: Number = Field(default=0.0, ge=-180, le=180, description="degrees, -180 to 180")
    azimuth_deg: Number = Field(
        default=0.0, ge=0, le=360, description="degrees clockwise from north, 0 to 360"
    )
    field_of_view_deg: Number = Field(
        default=60.0, gt=0, le=360, description="degrees, more than 0 and at most 360"
    )
    target_width_m: Number = Field(
        default=0.0, ge=0, le=1000, description="metres, 0 (not surveyed) to 1000"
    )
    continuous: Flag = Field(default=True, description="true or false")
    sub_url: CameraUrl = Field(
        default="", description='for example sub_url = "rtsp://192.0.2.20:554/stream2"'
    )
    transport: model.Transport = Field(
        default=model.Transport.TCP, description='"tcp", or "udp" where the camera knows no other'
    )
    device: NameOrNothing = Field(default="", description="the id of a device")
    channel: Whole = Field(default=0, ge=0, le=1024, description="a channel's number, from 1")
    tls_sha256: Pin = Field(default="", description=_PIN)
    hosts: Hosts = Field(default=(), description='names or addresses, ["192.0.2.21"]')
    density_class: NameOrNothing = Field(
        default="", description='a class of EN 62676-4, for example "identify"'
    )
    indoor: Flag = Field(default=False, description="true or false")


class Camera(CameraKeys):
    """[[camera]]."""

    @model_validator(mode="after")
    def _check(self) -> "Camera":
        if found := address_fault(self.url, self.device, self.channel):
            key, problem, advice = found
            raise refusal(problem, advice, key)
        return self

    def makes(self) -> model.Camera:
        """Return the entity."""
        return model.Camera(**{name: getattr(self, name) for name in type(self).model_fields})


class CameraRow(CameraKeys):
    """A feature or a line: what it says of a camera is merged with what the registry has."""

    name: Line = Field(default="", min_length=1, description="a name for people")
    site: Id = Field(default="", description="the id of a site")
    area: model.AreaKind = Field(
        default=model.AreaKind.PRIVATE, description='for example "pubblica"'
    )

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield key and advice of what a camera needs that the registry does not know yet."""
        for name in ("name", "site", "area"):
            if name not in self.model_fields_set:
                yield name, f"write {type(self).model_fields[name].description}"

    def makes(self, old: model.Camera | None) -> model.Camera:
        """Return the camera that was, with what the row says; a new one must miss nothing."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return replace(old, **said) if old else model.Camera(**{"url": ""} | said)


class ArmedHours(Text):
    """{ since = 22:00:00, until = 06:00:00 }."""

    since: LocalTime = Field(description="a time, 22:00:00")
    until: LocalTime = Field(description="a time, 06:00:00")

    @model_validator(mode="after")
    def _check(self) -> "ArmedHours":
        if self.since == self.until:
            raise refusal(
                "begins and ends at the same time", "leave `armed` out for around the clock"
            )
        return self


def _hours(spans: tuple[ArmedHours, ...]) -> tuple[model.ArmedHours, ...]:
    return tuple(model.ArmedHours(span.since, span.until) for span in spans)


class Zone(Text):
    """[[zone]]."""

    id: Id = Field(description='an id, for example id = "dietro-il-banco"')
    name: Line = Field(min_length=1, description="a name for people")
    camera: Id = Field(description="the id of a camera")
    polygon: Polygon = Field(description=_POLYGON)
    analytic: model.Analytic = Field(
        default=model.Analytic.INTRUSION, description='"intrusione" or "targhe"'
    )
    armed: Annotated[tuple[ArmedHours, ...], Field(max_length=14)] = Field(
        default=(), description=_ARMED
    )
    on_after_s: Number = Field(default=0.4, ge=0, le=60, description="seconds, 0 to 60")
    off_after_s: Number = Field(default=10.0, ge=0, le=3600, description="seconds, 0 to 3600")
    severity: Whole = Field(default=3, ge=1, le=5, description="1 (information) to 5 (hold-up)")

    def makes(self) -> model.Zone:
        """Return the entity."""
        return model.Zone(
            id=self.id,
            name=self.name,
            camera=self.camera,
            polygon=self.polygon,
            analytic=self.analytic,
            armed=_hours(self.armed),
            on_after_s=self.on_after_s,
            off_after_s=self.off_after_s,
            severity=self.severity,
        )


class Trigger(Text):
    """[[trigger]]."""

    id: Id = Field(description='an id, for example id = "movimento-scale"')
    name: Line = Field(min_length=1, description="a name for people")
    camera: Id = Field(description="the id of a camera")
    topic: Topic = Field(description='for example "RuleEngine/CellMotionDetector/Motion"')
    source: Annotated[tuple[tuple[Line, Line], ...], Field(max_length=16)] = Field(
        default=(), description='pairs of name and value, [["Rule", "MyMotionDetectorRule"]]'
    )
    item: Line = Field(default="", description='the name of a data item, "IsMotion"')
    armed: Annotated[tuple[ArmedHours, ...], Field(max_length=14)] = Field(
        default=(), description=_ARMED
    )
    off_after_s: Number = Field(
        default=30.0, gt=0, le=3600, description="seconds, more than 0 and at most 3600"
    )
    severity: Whole = Field(default=3, ge=1, le=5, description="1 (information) to 5 (hold-up)")

    def makes(self) -> model.Trigger:
        """Return the entity."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return model.Trigger(**values | {"armed": _hours(self.armed)})


class Mask(Text):
    """[[mask]]."""

    id: Id = Field(description='an id, for example id = "finestre-vicino"')
    camera: Id = Field(description="the id of a camera")
    polygon: Polygon = Field(description=_POLYGON)
    place: model.MaskPlace = Field(
        default=model.MaskPlace.GATEWAY, description='"gateway" or "camera"'
    )
    reason: Line = Field(default="", description="why nobody may see this")

    def makes(self) -> model.Mask:
        """Return the entity."""
        return model.Mask(self.id, self.camera, self.polygon, self.place, self.reason)


class RiskArea(Text):
    """[[risk_area]], or a feature of a map with a Polygon."""

    id: Id = Field(description='an id, for example id = "stazione"')
    name: Line = Field(min_length=1, description="a name for people")
    polygon: Ground = Field(
        description="3 to 256 corners as [longitude, latitude], [[10.13, 44.03], …]"
    )
    priority: Whole = Field(default=3, ge=1, le=5, description="1 (low) to 5 (high)")
    hours: Annotated[tuple[ArmedHours, ...], Field(max_length=14)] = Field(
        default=(), description=_ARMED
    )
    reason: Line = Field(default="", description="why it is at risk")

    def makes(self) -> model.RiskArea:
        """Return the entity."""
        return model.RiskArea(
            self.id, self.name, self.polygon, self.priority, _hours(self.hours), self.reason
        )


class Recipient(Text):
    """[[recipient]]."""

    id: Id = Field(description='an id, for example id = "sala-questura"')
    name: Line = Field(min_length=1, description="a name for people")
    kind: model.RecipientKind = Field(description='"sala-operativa" or "istituto-di-vigilanza"')
    broker: BrokerName = Field(
        default="",
        description='the name of a [[broker]] in gateway.toml, "line:" and that of an [[uplink]],'
        " or nothing",
    )
    topic_prefix: TopicPrefix = Field(default="", description='for example "varco/questura"')
    inbox: Flag = Field(default=False, description="true or false")

    def makes(self) -> model.Recipient:
        """Return the entity."""
        return model.Recipient(
            self.id, self.name, self.kind, self.broker, self.topic_prefix, self.inbox
        )


class ActScope(Text):
    """[[act.scope]]."""

    cameras: Ids = Field(description='ids of cameras, ["banco"]')
    recipients: Ids = Field(description='ids of recipients, ["sala"]')
    analytics: tuple[model.Analytic, ...] = Field(
        default=(), description='a list of "intrusione" and "targhe"'
    )
    disclosure: model.Disclosure = Field(
        default=model.Disclosure.ALWAYS,
        description='"sempre", "su-allarme", "su-intervento" or "solo-testo"',
    )
    retention_before_s: Number = Field(
        default=0.0,
        ge=0,
        le=MOST_RETENTION_BEFORE_S,
        description=f"seconds, 0 to {MOST_RETENTION_BEFORE_S}",
    )

    def makes(self) -> model.ActScope:
        """Return the value."""
        return model.ActScope(
            self.cameras, self.recipients, self.analytics, self.disclosure, self.retention_before_s
        )


class Act(Text):
    """[[act]]."""

    id: Id = Field(description='an id, for example id = "patto-2026"')
    title: Line = Field(min_length=1, description="the act's title")
    number: Line = Field(min_length=1, description="its protocol number")
    parties: Annotated[tuple[Line, ...], AfterValidator(some)] = Field(
        description='who signed, ["Prefettura", …]'
    )
    valid_from: date = Field(description=_DATE)
    valid_until: date = Field(description=f"{_DATE}: the last day")
    scope: Annotated[tuple[ActScope, ...], AfterValidator(some)] = Field(
        description="tables [[act.scope]]"
    )
    dpia: Line = Field(default="", description="the reference of the impact assessment")
    dpia_date: date | None = Field(default=None, description=_DATE)
    document_sha256: Digest = Field(default="", description=_DIGEST)
    kind: model.ActKind = Field(
        default=model.ActKind.PATTO, description='"patto", "accordo" or "approvazione"'
    )
    dpia_sha256: Digest = Field(default="", description=f"{_DIGEST}, of the assessment")
    until_time: LocalTime | None = Field(
        default=None, description="when on the last day it ends, 12:00:00; 24:00 if left out"
    )

    @model_validator(mode="after")
    def _check(self) -> "Act":
        if self.valid_until < self.valid_from:
            raise refusal(
                "is before valid_from", "write the last day on which it is in force", "valid_until"
            )
        if self.dpia_date and not self.dpia:
            raise refusal("is missing", "write which assessment dpia_date belongs to", "dpia")
        if self.dpia_sha256 and not self.dpia:
            raise refusal("is missing", "write which assessment dpia_sha256 belongs to", "dpia")
        return self

    def makes(self) -> model.Act:
        """Return the entity."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        del values["scope"]
        return model.Act(**values, scopes=tuple(scope.makes() for scope in self.scope))


class User(Text):
    """[[user]]; passwords and second factors are entered by people, never written here."""

    id: Id = Field(description='an id, for example id = "m-rossi"')
    name: Line = Field(min_length=1, description="the person's name")
    role: model.Role = Field(description='for example "pl.operator"')
    organisation: Id = Field(description="the id of a controller or of a recipient")
    enabled: Flag = Field(default=True, description="true or false")
    second_factor: Flag = Field(default=False, description="true or false")
    certificate_sha256: Pin = Field(default="", description=_PIN)
    oidc_subject: Line = Field(
        default="", description='issuer and subject, "https://accesso.example|1a2b"'
    )

    def makes(self) -> model.User:
        """Return the entity, without a password."""
        return model.User(**{name: getattr(self, name) for name in type(self).model_fields})


class Permit(Text):
    """[[permit]]: one line of the access matrix; see docs/guide for the built-in ones."""

    id: Id = Field(description='an id, for example id = "pl-notte"')
    role: model.Role = Field(description='for example "pl.operator"')
    actions: Annotated[tuple[Action, ...], AfterValidator(some)] = Field(
        description='what may be done, ["live", "live.snapshot"]'
    )
    purposes: Annotated[tuple[Purpose, ...], AfterValidator(some)] = Field(
        description='why, ["allarme", "intervento"]'
    )
    organisations: tuple[Id, ...] = Field(default=(), description="ids of recipients, or none")
    controllers: tuple[Id, ...] = Field(default=(), description="ids of controllers, or none")
    cameras: tuple[Id, ...] = Field(default=(), description="ids of cameras, or none")
    hours: Annotated[tuple[ArmedHours, ...], Field(max_length=14)] = Field(
        default=(), description=_ARMED
    )
    four_eyes: Flag = Field(default=False, description="true or false")
    act: NameOrNothing = Field(default="", description="the id of the act that grants it")

    def makes(self) -> model.Permit:
        """Return the entity."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        codes = {
            "actions": tuple(one.value for one in self.actions),
            "purposes": tuple(one.value for one in self.purposes),
            "hours": _hours(self.hours),
        }
        return model.Permit(**values | codes)


class Extension(Text):
    """[[extension]], as an export writes it; entered by a named person, not in documents."""

    id: Id = Field(description="an id")
    act: Id = Field(description="the id of an act")
    until: date = Field(description=f"{_DATE}: the new last day")
    by: Line = Field(min_length=1, description="the id of the user who entered it")
    entered: date = Field(description=_DATE)
    reason: Line = Field(min_length=1, description="why the act goes on")
    document_sha256: Digest = Field(default="", description=_DIGEST)

    def makes(self) -> model.Extension:
        """Return the entity."""
        return model.Extension(**{name: getattr(self, name) for name in type(self).model_fields})


class Pause(Text):
    """[[pause]], as an export writes it; entered by the owner, not in documents."""

    id: Id = Field(description="an id")
    controller: Id = Field(description="the id of a controller")
    cameras: tuple[Id, ...] = Field(default=(), description="ids of cameras; none: all of them")
    by: Line = Field(min_length=1, description="the id of the user who entered it")
    since_utc_us: Whole = Field(ge=0, description="microseconds since 1970")
    reason: Line = Field(default="", description="why")

    def makes(self) -> model.Pause:
        """Return the entity."""
        return model.Pause(**{name: getattr(self, name) for name in type(self).model_fields})


class Hold(Text):
    """[[hold]], as an export writes it; entered by a named person, not in documents."""

    id: Id = Field(description="an id")
    act: Line = Field(min_length=1, description="number of the order that asks for it")
    controller: Id = Field(description="the id of a controller")
    cameras: tuple[Id, ...] = Field(default=(), description="ids of cameras; none: all of them")
    from_utc_us: Whole = Field(ge=0, description="microseconds since 1970")
    to_utc_us: Whole = Field(ge=0, description="microseconds since 1970")
    until: date = Field(description=f"{_DATE}: its last day")
    by: Line = Field(min_length=1, description="the id of the user who entered it")
    reason: Line = Field(default="", description="why")

    @model_validator(mode="after")
    def _check(self) -> "Hold":
        if self.to_utc_us <= self.from_utc_us:
            raise refusal("is not later than from_utc_us", "write the end of the span", "to_utc_us")
        return self

    def makes(self) -> model.Hold:
        """Return the entity."""
        return model.Hold(**{name: getattr(self, name) for name in type(self).model_fields})


class Edge(Text):
    """[[edge]]: a box that may dial this room; its certificate comes with its enrolment."""

    id: Id = Field(description='the edge\'s box id, for example id = "varco-nord"')
    name: Line = Field(min_length=1, description="a name for people")
    certificate_sha256: Pin = Field(default="", description=_PIN)
    organisations: Annotated[tuple[Id, ...], Field(max_length=64)] = Field(
        default=(), description="ids of recipients and controllers whose people may know of it"
    )
    enabled: Flag = Field(default=True, description="true or false")
    ledger_vkey: Line = Field(default="", description="the public key of its log")
    most_kbps: Whole = Field(default=0, ge=0, le=10_000_000, description="kbit/s, 0: no bound")

    def makes(self) -> model.Edge:
        """Return the entity."""
        return model.Edge(**{name: getattr(self, name) for name in type(self).model_fields})


class Map(Text):
    """What a map or a spreadsheet holds."""

    camera: tuple[CameraRow, ...] = Field(default=(), description="points")
    risk_area: tuple[RiskArea, ...] = Field(default=(), description="polygons")


class File(Text):
    """A whole seed."""

    controller: tuple[Controller, ...] = Field(default=(), description="tables [[controller]]")
    site: tuple[Site, ...] = Field(default=(), description="tables [[site]]")
    device: tuple[Device, ...] = Field(default=(), description="tables [[device]]")
    camera: tuple[Camera, ...] = Field(default=(), description="tables [[camera]]")
    zone: tuple[Zone, ...] = Field(default=(), description="tables [[zone]]")
    trigger: tuple[Trigger, ...] = Field(default=(), description="tables [[trigger]]")
    mask: tuple[Mask, ...] = Field(default=(), description="tables [[mask]]")
    risk_area: tuple[RiskArea, ...] = Field(default=(), description="tables [[risk_area]]")
    recipient: tuple[Recipient, ...] = Field(default=(), description="tables [[recipient]]")
    act: tuple[Act, ...] = Field(default=(), description="tables [[act]]")
    user: tuple[User, ...] = Field(default=(), description="tables [[user]]")
    permit: tuple[Permit, ...] = Field(default=(), description="tables [[permit]]")
    extension: tuple[Extension, ...] = Field(default=(), description="tables [[extension]]")
    pause: tuple[Pause, ...] = Field(default=(), description="tables [[pause]]")
    hold: tuple[Hold, ...] = Field(default=(), description="tables [[hold]]")
    edge: tuple[Edge, ...] = Field(default=(), description="tables [[edge]]")
