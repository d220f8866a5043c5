# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the registry knows: who owns which camera, where it looks, and under which act.

Coordinates are WGS 84 degrees; picture coordinates are fractions of width and height with the
origin at the top left, so that they hold for every rendition of a stream.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import Enum

Point = tuple[float, float]
"""x, y in 0..1 of the picture."""


class SiteKind(Enum):
    """Kinds of site of the Patto (A-06, A-40)."""

    BANK = "banca"
    PHARMACY = "farmacia"
    JEWELLER = "gioielleria"
    TOBACCONIST = "tabaccheria"
    CONDOMINIUM = "condominio"
    COMPANY = "impresa"
    SCHOOL = "scuola"
    SQUARE = "piazza"
    GATE = "varco"
    OTHER = "altro"


class SiteState(Enum):
    """Progress of a site through its approval (A-18); pictures are shared only when ACTIVE."""

    DRAFT = "bozza"
    SUBMITTED = "inviato"
    APPROVED = "approvato"
    ACTIVE = "attivo"
    SUSPENDED = "sospeso"
    EXPIRED = "scaduto"


class AreaKind(Enum):
    """What a camera looks at (A-05)."""

    PUBLIC = "pubblica"
    OPEN_TO_PUBLIC = "aperta-al-pubblico"
    PRIVATE = "privata"


class Analytic(Enum):
    """Kinds of analysis that an act can allow."""

    INTRUSION = "intrusione"
    PLATES = "targhe"


class Disclosure(Enum):
    """When a recipient may look at a camera under an act."""

    ALWAYS = "sempre"
    ON_ALARM = "su-allarme"
    """Only while an alarm of that camera is open (event-gated disclosure)."""
    TEXT_ONLY = "solo-testo"
    """Alarms as text, never a picture (the default for institutes, requirements §C)."""


class RecipientKind(Enum):
    """Who receives alarms or pictures."""

    ROOM = "sala-operativa"
    INSTITUTE = "istituto-di-vigilanza"


class Role(Enum):
    """Roles of requirement A.2; the gate knows what each may do."""

    PS_OPERATOR = "ps.operator"
    PS_SUPERVISOR = "ps.supervisor"
    PL_OPERATOR = "pl.operator"
    INSTITUTE_OPERATOR = "vigilanza.operator"
    OWNER = "owner.private"
    DPO = "dpo"
    AUDITOR = "auditor"
    SYSADMIN = "sysadmin"
    INSTALLER = "installer"
    MACHINE = "machine"


class MaskPlace(Enum):
    """Where a privacy mask is applied."""

    GATEWAY = "gateway"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Controller:
    """A data controller (titolare): owns cameras, is isolated from other controllers."""

    id: str
    name: str
    contact: str = ""
    """How data subjects reach it; shown on notices (B-12)."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place under one controller."""

    id: str
    name: str
    controller: str
    kind: SiteKind
    state: SiteState
    address: str = ""
    approval: str = ""
    """Number and date of the committee's approval (CPOSP), where one is needed."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One view. `url` never contains credentials; `credential` is a reference to them."""

    id: str
    name: str
    site: str
    url: str
    area: AreaKind
    credential: str = ""
    latitude: float = 0.0
    longitude: float = 0.0
    azimuth_deg: float = 0.0
    """Direction of view, clockwise from north, 0..360."""
    field_of_view_deg: float = 60.0
    target_width_m: float = 0.0
    """Width of the scene at the target, for pixel density (B-41); 0 if not surveyed."""
    continuous: bool = True
    """Pulled without a viewer (A-01); else only while somebody needs it."""


@dataclass(frozen=True, slots=True)
class ArmedHours:
    """A daily span in Europe/Rome; `until` may be smaller than `since` (over midnight)."""

    since: time
    until: time


@dataclass(frozen=True, slots=True)
class Zone:
    """A guarded polygon with its intrusion rule."""

    id: str
    name: str
    camera: str
    polygon: tuple[Point, ...]
    analytic: Analytic = Analytic.INTRUSION
    armed: tuple[ArmedHours, ...] = ()
    """Empty: armed around the clock."""
    on_after_s: float = 0.4
    """Presence this long raises the alarm."""
    off_after_s: float = 10.0
    """Absence this long ends it; what comes back sooner is the same incident."""
    severity: int = 3
    """1 (information) .. 5 (hold-up)."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A polygon that no recipient may see."""

    id: str
    camera: str
    polygon: tuple[Point, ...]
    place: MaskPlace = MaskPlace.GATEWAY
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An operations room or a vigilance institute."""

    id: str
    name: str
    kind: RecipientKind
    broker: str = ""
    """Name of a broker in the box's configuration; empty: the console of this box only."""
    topic_prefix: str = ""
    """ONVIF topic prefix (B-47); empty: `varco/<box>/<recipient>`."""
    inbox: bool = False
    """It acknowledges each alarm after its own commit; else the broker's PUBACK is delivery."""


@dataclass(frozen=True, slots=True)
class ActScope:
    """One line of an act: which cameras, for whom, what."""

    cameras: tuple[str, ...]
    recipients: tuple[str, ...]
    analytics: tuple[Analytic, ...] = ()
    disclosure: Disclosure = Disclosure.ALWAYS
    retention_before_s: float = 0.0
    """Seconds before an alarm that may be kept in RAM and shown with it; 0: none, at most 30."""


@dataclass(frozen=True, slots=True)
class Act:
    """A Patto, agreement or approval on which sharing rests (A-21); ends at 24:00 Europe/Rome."""

    id: str
    title: str
    number: str
    parties: tuple[str, ...]
    valid_from: date
    valid_until: date
    scopes: tuple[ActScope, ...]
    dpia: str = ""
    """Reference of the impact assessment; needed for public areas and plates (B-16)."""
    dpia_date: date | None = None
    document_sha256: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A local account; without `password_hash` nobody can sign in with it."""

    id: str
    name: str
    role: Role
    organisation: str
    """Id of a controller or of a recipient."""
    password_hash: str = ""
    """argon2id in PHC form."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Registry:
    """One version of everything; never changed in place."""

    version: int
    controllers: dict[str, Controller]
    sites: dict[str, Site]
    cameras: dict[str, Camera]
    zones: dict[str, Zone]
    masks: dict[str, Mask]
    recipients: dict[str, Recipient]
    acts: dict[str, Act]
    users: dict[str, User]

    def controller_of(self, camera: Camera) -> Controller:
        """Return the owner of a camera; the store guarantees that it exists."""
        return self.controllers[self.sites[camera.site].controller]

    def zones_of(self, camera_id: str) -> tuple[Zone, ...]:
        """Return the zones of a camera, by id."""
        return tuple(z for _, z in sorted(self.zones.items()) if z.camera == camera_id)

    def masks_of(self, camera_id: str) -> tuple[Mask, ...]:
        """Return the masks that the gateway must burn in (not those that the camera burns)."""
        return tuple(
            m
            for _, m in sorted(self.masks.items())
            if m.camera == camera_id and m.place is MaskPlace.GATEWAY
        )


def empty_registry() -> Registry:
    """Return version 0, with nothing in it."""
    return Registry(0, {}, {}, {}, {}, {}, {}, {}, {})
