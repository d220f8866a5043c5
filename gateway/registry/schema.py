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
from gateway.model.alarm import Kind
from gateway.model.report import KINDS as KINDS_OF_REPORT
from gateway.model.report import ReportClass
from gateway.registry import templates, zone_keys
from gateway.registry.entities import address_fault
from gateway.registry.values import (
    Account,
    BrokerName,
    CameraUrl,
    DeviceUrl,
    Digest,
    Ground,
    GroundOrNothing,
    Hosts,
    Ids,
    LocalTime,
    NameOrNothing,
    Pin,
    Polygon,
    PolygonOrNothing,
    Segment,
    Topic,
    TopicPrefix,
    some,
)
from gateway.runtime.fields import Flag, Id, Line, Number, Reference, Text, Whole, refusal

MOST_RETENTION_BEFORE_S = 30
MOST_PORT = 65535
MOST_ESCALATION_S = 86_400
LEAST_SUPERVISION_S = 10
MOST_SHOP_CAMERAS = 16
"""A hold-up opens them all at once, over a line that may be thin."""

_POLYGON = "3 to 64 corners, [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9]]"
_DATE = "a date, 2026-01-31"
_CREDENTIAL = "a reference, for example credential:camera-banco"
_PIN = "64 hexadecimal digits, the SHA-256 of the certificate"
_DIGEST = "64 hexadecimal digits"
_GROUND = "3 to 256 corners as [longitude, latitude], [[10.13, 44.03], …]"
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
    patron: date | None = Field(
        default=None, description=f"{_DATE}: the patron saint's feast, its year does not matter"
    )

    @model_validator(mode="after")
    def _check(self) -> "Site":
        if self.patron is not None and (self.patron.month, self.patron.day) == (2, 29):
            raise refusal("is not in every year", "write 28 February or 1 March", "patron")
        return self

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


class ArmedDays(Text):
    """{ days = [6, 7], since = 00:00:00, until = 00:00:00 }."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = Field(
        description="weekdays, 1 (Monday) to 7 (Sunday)"
    )
    since: LocalTime = Field(description="a time, 22:00:00")
    until: LocalTime = Field(
        description="a time, 06:00:00; earlier than since: of the day after, equal: the whole day"
    )


def _hours(spans: tuple[ArmedHours, ...]) -> tuple[model.ArmedHours, ...]:
    return tuple(model.ArmedHours(span.since, span.until) for span in spans)


class Zone(Text):
    """[[zone]]."""

    id: Id = Field(description='an id, for example id = "dietro-il-banco"')
    name: Line = Field(min_length=1, description="a name for people")
    camera: Id = Field(description="the id of a camera")
    polygon: PolygonOrNothing = Field(
        default=(), description=f"{_POLYGON}; a line needs none, a whole picture has none"
    )
    analytic: model.Analytic = Field(
        default=model.Analytic.INTRUSION, description='for example "intrusione"'
    )
    armed: Annotated[tuple[ArmedHours, ...], Field(max_length=14)] = Field(
        default=(), description=_ARMED
    )
    on_after_s: Number = Field(default=0.4, ge=0, le=60, description="seconds, 0 to 60")
    off_after_s: Number = Field(default=10.0, ge=0, le=3600, description="seconds, 0 to 3600")
    severity: Whole = Field(default=3, ge=1, le=5, description="1 (information) to 5 (hold-up)")
    line: Segment = Field(
        default=(), description="two points as fractions, [[0.2, 0.6], [0.8, 0.6]]"
    )
    direction: model.Direction = Field(
        default=model.Direction.BOTH, description='"ab", "ba" or "entrambi"'
    )
    dwell_s: Number = Field(
        default=0.0, ge=0, le=86_400, description="seconds, or 0 for the rule's own"
    )
    classes: Annotated[tuple[Kind, ...], Field(max_length=3)] = Field(
        default=(), description='a list of "persona", "veicolo" and "due-ruote"'
    )
    least_m: Number = Field(default=0.0, ge=0, le=20, description="metres, 0 for any")
    most_m: Number = Field(default=0.0, ge=0, le=20, description="metres, 0 for any")
    week: Annotated[tuple[ArmedDays, ...], Field(max_length=14)] = Field(
        default=(), description="[{ days = [6, 7], since = 00:00:00, until = 00:00:00 }]"
    )
    holidays: model.Holidays = Field(
        default=model.Holidays.AS_WEEKDAYS, description='"come-feriale", "sempre" or "mai"'
    )
    template: Line = Field(default="", description='for example "farmacia/notte"')
    inbound: model.Direction = Field(
        default=model.Direction.BOTH,
        description='"ab" or "ba", the way over the line that leads into the city',
    )
    lane: Line = Field(default="", max_length=40, description='a lane\'s name, for example "1"')

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: object) -> object:
        return templates.filled(data) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check(self) -> "Zone":
        if self.template and not templates.keys_of(self.template):
            raise refusal("is no template", templates.advice(self.template), "template")
        for key, problem, advice in zone_keys.zone_faults(self.makes()):
            raise refusal(problem, advice, key)
        return self

    def makes(self) -> model.Zone:
        """Return the entity."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        days = tuple(model.WeekHours(one.days, one.since, one.until) for one in self.week)
        whole = self.analytic in zone_keys.WHOLE
        polygon = self.polygon or (model.WHOLE_PICTURE if whole else ())
        spans = {"armed": _hours(self.armed), "week": days, "polygon": polygon}
        return model.Zone(**values | spans)


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


class Panel(Text):
    """[[panel]]."""

    id: Id = Field(max_length=48, description='an id, for example id = "centralina-farmacia"')
    name: Line = Field(min_length=1, description="a name for people")
    account: Account = Field(description='3 to 16 hexadecimal digits, for example account = "1A2B"')
    camera: NameOrNothing = Field(default="", description="the id of a camera")
    holdup: NameOrNothing = Field(default="", description="the id of a hold-up channel")
    key: Reference = Field(
        default="", description="a reference, for example credential:centralina-farmacia"
    )
    supervision_s: Whole = Field(
        default=0, ge=0, le=86_400, description="seconds, 10 to 86400, or 0: not supervised"
    )

    @model_validator(mode="after")
    def _check(self) -> "Panel":
        if not (self.camera or self.holdup):
            raise refusal("is missing", "write camera, holdup or both", "camera")
        if 0 < self.supervision_s < LEAST_SUPERVISION_S:
            advice = f"write {LEAST_SUPERVISION_S} seconds or more, or 0"
            raise refusal("is too short", advice, "supervision_s")
        return self

    def makes(self) -> model.Panel:
        """Return the entity."""
        return model.Panel(**{name: getattr(self, name) for name in type(self).model_fields})


class Holdup(Text):
    """[[holdup]]; its buttons' secrets are made with `varco holdup token`, never written here."""

    id: Id = Field(description='an id, for example id = "antirapina-farmacia"')
    name: Line = Field(min_length=1, description="a name for people")
    site: Id = Field(description="the id of a site")
    cameras: Annotated[Ids, Field(max_length=MOST_SHOP_CAMERAS)] = Field(
        description='ids of cameras of that site, ["banco", "ingresso"]'
    )
    recipients: Annotated[Ids, Field(max_length=16)] = Field(
        description='ids of operations rooms, ["questura"]'
    )
    verify: NameOrNothing = Field(
        default="", description="the id of the recipient that is a monitoring centre"
    )
    verify_s: Number = Field(default=30.0, ge=5, le=300, description="seconds, 5 to 300")
    contacts: Annotated[tuple[Id, ...], Field(max_length=16)] = Field(
        default=(), description='ids of triggers, ["pulsante-banco"]'
    )
    broker: NameOrNothing = Field(
        default="", description="the name of a [[broker]] of gateway.toml"
    )
    topic: Line = Field(default="", max_length=256, description='for example "negozio/antirapina"')

    @model_validator(mode="after")
    def _check(self) -> "Holdup":
        if bool(self.broker) != bool(self.topic):
            missing = "topic" if self.broker else "broker"
            raise refusal("is missing", "write broker and topic, or neither", missing)
        if any(mark in self.topic for mark in "#+"):
            raise refusal("holds a wildcard (# or +)", "write one topic", "topic")
        for name in ("cameras", "recipients", "contacts"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise refusal("names something twice", "write each once", name)
        if self.verify in self.recipients:
            raise refusal("is one of recipients too", "write it in one place", "verify")
        return self

    def makes(self) -> model.Holdup:
        """Return the entity."""
        return model.Holdup(**{name: getattr(self, name) for name in type(self).model_fields})


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
        ' "dc09:" and that of a [[dc09]], "webhook:" and that of a [[webhook]], or nothing',
    )
    topic_prefix: TopicPrefix = Field(default="", description='for example "varco/questura"')
    inbox: Flag = Field(default=False, description="true or false")
    force: model.Force = Field(
        default=model.Force.OTHER, description='for example "questura" or "polizia-locale"'
    )
    territory: GroundOrNothing = Field(default=(), description=_GROUND)
    viewers_most: Whole = Field(
        default=0, ge=0, le=10_000, description="live pictures open together, 0 for no bound"
    )
    bandwidth_kbps: Whole = Field(
        default=0, ge=0, le=100_000_000, description="kbit/s of live pictures, 0 for no bound"
    )

    def makes(self) -> model.Recipient:
        """Return the entity."""
        return model.Recipient(
            self.id, self.name, self.kind, self.broker, self.topic_prefix, self.inbox,
            self.force, self.territory, self.viewers_most, self.bandwidth_kbps,
        )  # fmt: skip


class ActScope(Text):
    """[[act.scope]]."""

    cameras: Ids = Field(description='ids of cameras, ["banco"]')
    recipients: Ids = Field(description='ids of recipients, ["sala"]')
    analytics: tuple[model.Analytic, ...] = Field(
        default=(), description='a list of analyses, ["intrusione", "manomissione"]'
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
    watermark: bool = Field(default=False, description="true: who looks is written into pictures")

    def makes(self) -> model.ActScope:
        """Return the value."""
        return model.ActScope(
            self.cameras, self.recipients, self.analytics, self.disclosure,
            self.retention_before_s, self.watermark,
        )  # fmt: skip


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


class EscalationStep(Text):
    """[[escalation.step]]."""

    after_s: Number = Field(
        ge=0, le=MOST_ESCALATION_S, description=f"seconds, 0 to {MOST_ESCALATION_S}"
    )
    recipients: Annotated[Ids, Field(max_length=16)] = Field(
        description='ids of recipients, ["questura"]'
    )

    def makes(self) -> model.EscalationStep:
        """Return the value."""
        return model.EscalationStep(self.after_s, self.recipients)


class Escalation(Text):
    """[[escalation]]: whom an alarm goes to until somebody answers it."""

    id: Id = Field(description='an id, for example id = "notte"')
    cameras: tuple[Id, ...] = Field(default=(), description="ids of cameras; none: all")
    least_severity: Whole = Field(default=1, ge=1, le=5, description="1 to 5")
    step: Annotated[tuple[EscalationStep, ...], AfterValidator(some), Field(max_length=8)] = Field(
        description="tables [[escalation.step]], the first with after_s = 0"
    )

    @model_validator(mode="after")
    def _check(self) -> "Escalation":
        times = [one.after_s for one in self.step]
        if times[0] != 0:
            raise refusal("does not begin at once", "write after_s = 0 in the first", "step")
        if sorted(set(times)) != times:
            raise refusal("does not go forward", "write a larger after_s in each", "step")
        named = [id_ for one in self.step for id_ in one.recipients]
        if len(set(named)) < len(named):
            raise refusal("names a recipient twice", "write each in one step", "step")
        return self

    def makes(self) -> model.Escalation:
        """Return the entity."""
        steps = tuple(one.makes() for one in self.step)
        return model.Escalation(self.id, self.cameras, self.least_severity, steps)


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


class Institute(Text):
    """[[institute]]."""

    id: Id = Field(description='an id, for example id = "apuania"')
    name: Line = Field(min_length=1, description="a name for people")
    organisation: Id = Field(description="the id of a recipient, an istituto-di-vigilanza")
    list_number: Line = Field(min_length=1, description="the number of the committee's list")
    list_date: date = Field(description=f"{_DATE}: of the committee's list")
    listed_from: date = Field(description=f"{_DATE}: its first day on the list")
    listed_until: date = Field(description=f"{_DATE}: its last day on the list")
    certificate: Line = Field(min_length=1, description="the number of its EN 50518 certificate")
    certificate_until: date = Field(description=f"{_DATE}: the certificate's last day")
    contact: Line = Field(min_length=1, description="its one contact point, name and number")
    enabled: Flag = Field(default=True, description="true or false")

    @model_validator(mode="after")
    def _check(self) -> "Institute":
        if self.listed_until < self.listed_from:
            raise refusal("is before listed_from", "write a later day", "listed_until")
        return self

    def makes(self) -> model.Institute:
        """Return the entity."""
        return model.Institute(**{name: getattr(self, name) for name in type(self).model_fields})


class ReportRoute(Text):
    """[[report_route]]."""

    id: Id = Field(description='an id, for example id = "porto"')
    recipients: Annotated[Ids, Field(max_length=4)] = Field(description="the ids of 1 to 4 rooms")
    kinds: Annotated[tuple[Line, ...], Field(max_length=16)] = Field(
        default=(), description='kinds or classes, for example ["degrado"]'
    )
    economic: Flag = Field(default=False, description="true or false")
    area: GroundOrNothing = Field(default=(), description=_GROUND)
    order: Whole = Field(default=100, ge=1, le=1000, description="1 to 1000, the smallest counts")

    @model_validator(mode="after")
    def _check(self) -> "ReportRoute":
        known = (*KINDS_OF_REPORT, *(one.value for one in ReportClass))
        for one in self.kinds:
            if one not in known:
                raise refusal(f"{one} is none", f"known: {', '.join(known)}", "kinds")
        return self

    def makes(self) -> model.ReportRoute:
        """Return the entity."""
        return model.ReportRoute(**{name: getattr(self, name) for name in type(self).model_fields})


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
    panel: tuple[Panel, ...] = Field(default=(), description="tables [[panel]]")
    holdup: tuple[Holdup, ...] = Field(default=(), description="tables [[holdup]]")
    recipient: tuple[Recipient, ...] = Field(default=(), description="tables [[recipient]]")
    act: tuple[Act, ...] = Field(default=(), description="tables [[act]]")
    escalation: tuple[Escalation, ...] = Field(default=(), description="tables [[escalation]]")
    user: tuple[User, ...] = Field(default=(), description="tables [[user]]")
    permit: tuple[Permit, ...] = Field(default=(), description="tables [[permit]]")
    extension: tuple[Extension, ...] = Field(default=(), description="tables [[extension]]")
    pause: tuple[Pause, ...] = Field(default=(), description="tables [[pause]]")
    hold: tuple[Hold, ...] = Field(default=(), description="tables [[hold]]")
    edge: tuple[Edge, ...] = Field(default=(), description="tables [[edge]]")
    institute: tuple[Institute, ...] = Field(default=(), description="tables [[institute]]")
    report_route: tuple[ReportRoute, ...] = Field(default=(), description="tables [[report_route]]")
