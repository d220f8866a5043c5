# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand in a seed. A field's description completes "write …" in its error.

Field names are those of `gateway.model.registry`; what each table `makes` is an entity of it.
"""

from datetime import date, time
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gateway.model import registry as model
from gateway.registry import polygon
from gateway.runtime.fields import (
    CREDENTIALS_IN_URL,
    Flag,
    Id,
    Line,
    Number,
    Reference,
    Text,
    Whole,
    refusal,
)

MOST_RETENTION_BEFORE_S = 30


def _camera_url(value: str) -> str:
    if CREDENTIALS_IN_URL.search(value):
        raise refusal(
            "contains credentials", 'remove them and write credential = "file:/absolute/path"'
        )
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("rtsp", "rtsps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isprintable() or " " in value:
        raise refusal("is not a camera's URL", 'write for example "rtsp://192.0.2.20:554/stream1"')
    return value


def _polygon(value: tuple[model.Point, ...]) -> tuple[model.Point, ...]:
    if problem := polygon.fault(value):
        raise refusal(
            problem, "write 3 to 64 corners in order as fractions, [[0.1, 0.2], [0.9, 0.2], …]"
        )
    return value


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise refusal("has a time zone", "write the local time alone, 22:00:00")
    return value


def _prefix(value: str) -> str:
    bad = set(value) & set("+#$\0 ") or value.startswith("/") or value.endswith("/")
    if bad or not value.isprintable():
        raise refusal("is not a topic", 'write for example "varco/questura", without + # $')
    return value


def _digest(value: str) -> str:
    if value and not (len(value) == 64 and set(value) <= set("0123456789abcdef")):  # noqa: PLR2004
        raise refusal("is not a SHA-256", "write 64 hexadecimal digits, as sha256sum prints them")
    return value


def _some(value: tuple[object, ...]) -> tuple[object, ...]:
    if not value:
        raise refusal("is empty", "write at least one")
    return value


CameraUrl = Annotated[
    str, StringConstraints(strict=True, max_length=500), AfterValidator(_camera_url)
]
Polygon = Annotated[tuple[tuple[Number, Number], ...], AfterValidator(_polygon)]
LocalTime = Annotated[time, AfterValidator(_local)]
TopicPrefix = Annotated[
    str, StringConstraints(strict=True, max_length=200), AfterValidator(_prefix)
]
Digest = Annotated[str, StringConstraints(strict=True), AfterValidator(_digest)]
BrokerName = Id | Literal[""]
Ids = Annotated[tuple[Id, ...], AfterValidator(_some)]

_POLYGON = "3 to 64 corners, [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9]]"
_DATE = "a date, 2026-01-31"


class Controller(Text):
    """[[controller]]."""

    id: Id = Field(description='an id, for example id = "comune"')
    name: Line = Field(min_length=1, description="a name for people")
    contact: Line = Field(default="", description="how people reach it")

    def makes(self) -> model.Controller:
        """Return the entity."""
        return model.Controller(self.id, self.name, self.contact)


class Site(Text):
    """[[site]]."""

    id: Id = Field(description='an id, for example id = "farmacia-centrale"')
    name: Line = Field(min_length=1, description="a name for people")
    controller: Id = Field(description="the id of a controller")
    kind: model.SiteKind = Field(description='for example "farmacia"')
    state: model.SiteState = Field(description='for example "attivo"')
    address: Line = Field(default="", description="street and town")
    approval: Line = Field(default="", description="number and date of the approval")

    def makes(self) -> model.Site:
        """Return the entity."""
        return model.Site(
            self.id, self.name, self.controller, self.kind, self.state, self.address, self.approval
        )


class Camera(Text):
    """[[camera]], or the properties of a GeoJSON feature."""

    id: Id = Field(description='an id, for example id = "banco"')
    name: Line = Field(min_length=1, description="a name for people")
    site: Id = Field(description="the id of a site")
    url: CameraUrl = Field(description='for example url = "rtsp://192.0.2.20:554/stream1"')
    area: model.AreaKind = Field(description='for example "pubblica"')
    credential: Reference = Field(
        default="", description="a reference, for example credential:camera-banco"
    )
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

    def makes(self) -> model.Camera:
        """Return the entity."""
        return model.Camera(**{name: getattr(self, name) for name in type(self).model_fields})


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
        default=(), description="[{ since = 22:00:00, until = 06:00:00 }]"
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
            armed=tuple(model.ArmedHours(hours.since, hours.until) for hours in self.armed),
            on_after_s=self.on_after_s,
            off_after_s=self.off_after_s,
            severity=self.severity,
        )


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


class Recipient(Text):
    """[[recipient]]."""

    id: Id = Field(description='an id, for example id = "sala-questura"')
    name: Line = Field(min_length=1, description="a name for people")
    kind: model.RecipientKind = Field(description='"sala-operativa" or "istituto-di-vigilanza"')
    broker: BrokerName = Field(
        default="", description="the name of a [[broker]] in gateway.toml, or nothing"
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
        default=model.Disclosure.ALWAYS, description='"sempre" or "su-allarme"'
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
    parties: Annotated[tuple[Line, ...], AfterValidator(_some)] = Field(
        description='who signed, ["Prefettura", …]'
    )
    valid_from: date = Field(description=_DATE)
    valid_until: date = Field(description=f"{_DATE}: the last day")
    scope: Annotated[tuple[ActScope, ...], AfterValidator(_some)] = Field(
        description="tables [[act.scope]]"
    )
    dpia: Line = Field(default="", description="the reference of the impact assessment")
    dpia_date: date | None = Field(default=None, description=_DATE)
    document_sha256: Digest = Field(default="", description="64 hexadecimal digits")

    @model_validator(mode="after")
    def _check(self) -> "Act":
        if self.valid_until < self.valid_from:
            raise refusal(
                "is before valid_from", "write the last day on which it is in force", "valid_until"
            )
        if self.dpia_date and not self.dpia:
            raise refusal("is missing", "write which assessment dpia_date belongs to", "dpia")
        return self

    def makes(self) -> model.Act:
        """Return the entity."""
        return model.Act(
            id=self.id,
            title=self.title,
            number=self.number,
            parties=self.parties,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            scopes=tuple(scope.makes() for scope in self.scope),
            dpia=self.dpia,
            dpia_date=self.dpia_date,
            document_sha256=self.document_sha256,
        )


class User(Text):
    """[[user]]; passwords are set with `varco user password`, never written here."""

    id: Id = Field(description='an id, for example id = "m-rossi"')
    name: Line = Field(min_length=1, description="the person's name")
    role: model.Role = Field(description='for example "pl.operator"')
    organisation: Id = Field(description="the id of a controller or of a recipient")
    enabled: Flag = Field(default=True, description="true or false")

    def makes(self) -> model.User:
        """Return the entity, without a password."""
        return model.User(self.id, self.name, self.role, self.organisation, enabled=self.enabled)


class File(Text):
    """A whole seed."""

    controller: tuple[Controller, ...] = Field(default=(), description="tables [[controller]]")
    site: tuple[Site, ...] = Field(default=(), description="tables [[site]]")
    camera: tuple[Camera, ...] = Field(default=(), description="tables [[camera]]")
    zone: tuple[Zone, ...] = Field(default=(), description="tables [[zone]]")
    mask: tuple[Mask, ...] = Field(default=(), description="tables [[mask]]")
    recipient: tuple[Recipient, ...] = Field(default=(), description="tables [[recipient]]")
    act: tuple[Act, ...] = Field(default=(), description="tables [[act]]")
    user: tuple[User, ...] = Field(default=(), description="tables [[user]]")
