# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the registry knows: who owns which camera, where it looks, and under which act.

Coordinates are WGS 84 degrees; picture coordinates are fractions of width and height with the
origin at the top left, so that they hold for every rendition of a stream.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import Enum

from gateway.model.alarm import Kind
from gateway.model.source import addresses

Point = tuple[float, float]
"""x, y in 0..1 of the picture."""


class SiteKind(Enum):
    """Kinds of site of the Patto (A-06, A-40)."""

    BANK = "banca"
    PHARMACY = "farmacia"
    JEWELLER = "gioielleria"
    TOBACCONIST = "tabaccheria"
    CONDOMINIUM = "condominio"
    DORMITORY = "dormitorio"
    """Where people sleep who have no home; no rule may watch for those who stay (A-43)."""
    SOCIAL_SERVICE = "servizi-sociali"
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
    CROSSING = "attraversamento"
    """Of a line, in a direction."""
    LOITERING = "stazionamento"
    """One track stays inside; never where people live who have no home (A-43)."""
    STOPPED = "veicolo-fermo"
    TAMPER = "manomissione"
    """Of the camera: covered, defocused, turned, frozen, dark."""
    LOSS = "perdita-video"


class Direction(Enum):
    """Which way a line is crossed; side A lies left of one who looks from its first point on."""

    AB = "ab"
    BA = "ba"
    BOTH = "entrambi"


class Holidays(Enum):
    """How a zone is armed on holidays."""

    AS_WEEKDAYS = "come-feriale"
    """Like on any other day."""
    ALWAYS = "sempre"
    """Around the clock."""
    NEVER = "mai"


WHOLE_PICTURE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class ActKind(Enum):
    """What kind of act sharing rests on (A-18, A-21)."""

    PATTO = "patto"
    AGREEMENT = "accordo"
    APPROVAL = "approvazione"
    """Of the provincial committee (CPOSP)."""


class TenantKind(Enum):
    """Kinds of controller (A-26, D.L. 14/2017 art. 7 c. 1-bis); decides the default retention."""

    MUNICIPALITY = "comune"
    PUBLIC_BODY = "ente-pubblico"
    SCHOOL = "scuola"
    HOUSING_BODY = "edilizia-residenziale"
    CONDOMINIUM = "amministratore-di-condominio"
    ENTERPRISE = "impresa"
    TRADE_ASSOCIATION = "associazione-di-categoria"
    CONSORTIUM = "consorzio"
    COMMITTEE = "comitato"
    SHOP = "esercizio"
    OTHER = "altro"


class Disclosure(Enum):
    """When a recipient may look at a camera under an act."""

    ALWAYS = "sempre"
    ON_ALARM = "su-allarme"
    """Only while an alarm of that camera is open (event-gated disclosure)."""
    ON_INCIDENT = "su-intervento"
    """Only while an open incident to which it is attached is the recipient's, or shared with it;
    until then the recipient does not know of it (ADR 26)."""
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


class Transport(Enum):
    """How RTP comes (RFC 2326 §10.4, §12.39); TLS is told by the URL's scheme."""

    TCP = "tcp"
    """Interleaved with RTSP: nothing is lost on the way, one connection."""
    UDP = "udp"


class DeviceKind(Enum):
    """Kinds of device behind one address."""

    CAMERA = "telecamera"
    RECORDER = "registratore"
    """NVR or DVR: one device, one credential, many cameras."""


class MaskPlace(Enum):
    """Where a privacy mask is applied."""

    GATEWAY = "gateway"
    CAMERA = "camera"


class Force(Enum):
    """What kind of police an operations room is, for the routing of reports (B-30)."""

    QUESTURA = "questura"
    CARABINIERI = "carabinieri"
    FINANCE = "guardia-di-finanza"
    LOCAL = "polizia-locale"
    OTHER = "altro"


@dataclass(frozen=True, slots=True)
class Controller:
    """A data controller (titolare): owns cameras, is isolated from other controllers."""

    id: str
    name: str
    contact: str = ""
    """How data subjects reach it; shown on notices (B-12)."""
    kind: TenantKind = TenantKind.OTHER
    security_project: bool = False
    """Takes part under D.L. 14/2017 art. 7 c. 1-bis; an enterprise then needs ten sites."""
    retention_h: int = 0
    """Hours that copies of pictures are kept; 0: the default of its kind (D.4)."""
    retention_reason: str = ""
    """Needed above 72 h (B-03)."""


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
    activated: date | None = None
    """First day as ACTIVE, Europe/Rome; the assessment must be older (B-16)."""
    opening: tuple["WeekHours", ...] = ()
    """When people are inside (schools, A-40)."""
    closed_days: tuple[date, ...] = ()
    """Days on which `opening` does not hold: holidays."""
    patron: date | None = None
    """Feast of the patron saint, a holiday there; its year does not matter."""


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
    sub_url: str = ""
    """Small rendition of the same view, for walls and watching; empty: `url` serves all."""
    transport: Transport = Transport.TCP
    device: str = ""
    """Device that the view hangs off; its credential is used where `credential` is empty."""
    channel: int = 0
    """Channel of a recorder, from 1; 0: not a recorder's."""
    tls_sha256: str = ""
    """Pinned certificate (SHA-256 of its DER, 64 hexadecimal digits); empty: verified by name."""
    hosts: tuple[str, ...] = ()
    """Further hosts to which the camera may redirect; none by default."""
    density_class: str = ""
    """Class of EN 62676-4 promised at `target_width_m` (B-41); empty: none promised."""
    indoor: bool = False
    """Looks at the inside of its site; a school's shows nothing while people are inside (A-40)."""


@dataclass(frozen=True, slots=True)
class Device:
    """One box with an address of its own: a recorder with its channels, or an ONVIF camera."""

    id: str
    name: str
    site: str
    url: str = ""
    """ONVIF device service, `http(s)://host[:port]/onvif/device_service`; empty: no ONVIF."""
    kind: DeviceKind = DeviceKind.RECORDER
    credential: str = ""
    make: str = ""
    """Name of a template of RTSP paths; with it cameras need a channel and no `url`."""
    rtsp_port: int = 0
    """Where a template's paths are; 0: what the template says."""
    most_sessions: int = 0
    """RTSP sessions that it serves at once (pain 26); 0: not known, no bound."""
    tls_sha256: str = ""
    """Pinned certificate of its HTTPS; empty: verified by name."""
    hosts: tuple[str, ...] = ()
    """Further hosts that its own addresses (XAddr, stream URIs) may name."""
    most_gop_s: float = 0.0
    """The owner lets us shorten longer key picture distances to this; 0: leave as it is."""
    events: bool = False
    """Subscribe to its events."""


@dataclass(frozen=True, slots=True)
class ArmedHours:
    """A daily span in Europe/Rome; `until` may be smaller than `since` (over midnight)."""

    since: time
    until: time


@dataclass(frozen=True, slots=True)
class WeekHours:
    """A span in Europe/Rome on some days of the week.

    `until` is later than `since` where a site opens. Where a zone is armed an earlier one goes over
    midnight, into the day after, and an equal one means the whole day.
    """

    days: tuple[int, ...]
    """ISO weekdays, 1 (Monday) .. 7."""
    since: time
    until: time


@dataclass(frozen=True, slots=True)
class Zone:
    """A guarded part of a picture with its rule."""

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
    line: tuple[Point, ...] = ()
    """Two points where a line is guarded (CROSSING) or triggers a passage (PLATES), else none."""
    direction: Direction = Direction.BOTH
    """Which crossings of the line count."""
    dwell_s: float = 0.0
    """How long something must stay, stand or fail (LOITERING, STOPPED, TAMPER, LOSS)."""
    classes: tuple[Kind, ...] = ()
    """What counts; empty: everything. What nobody could name (MOVING) always counts."""
    least_m: float = 0.0
    """Lowest height in metres that counts where the camera is calibrated; 0: any."""
    most_m: float = 0.0
    """Greatest height in metres that counts; 0: any."""
    week: tuple[WeekHours, ...] = ()
    """Further armed spans, by weekday; with `armed` empty too: around the clock."""
    holidays: Holidays = Holidays.AS_WEEKDAYS
    template: str = ""
    """Name of the template that filled in what was not written."""
    feasts: tuple[date, ...] = ()
    """Holidays of its site alone (patron, closed days); plans fill it in, it is not written."""
    inbound: Direction = Direction.BOTH
    """Which way over the line leads into the city (PLATES, A-09); BOTH: nobody said it."""
    lane: str = ""
    """Of a gate (PLATES), in words of its own."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A polygon that no recipient may see."""

    id: str
    camera: str
    polygon: tuple[Point, ...]
    place: MaskPlace = MaskPlace.GATEWAY
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A rule by which an event that the camera itself reports becomes an alarm."""

    id: str
    name: str
    camera: str
    topic: str
    """Topic without the prefix of ONVIF's own, `RuleEngine/CellMotionDetector/Motion`."""
    source: tuple[tuple[str, str], ...] = ()
    """Source items that must be there, (name, value)."""
    item: str = ""
    """Data item that says on or off; empty: the first that is a boolean, else each is one event."""
    armed: tuple[ArmedHours, ...] = ()
    off_after_s: float = 30.0
    """Neither repeated nor confirmed for so long, it counts as off (pain 12)."""
    severity: int = 3
    """1 (information) .. 5 (hold-up)."""


@dataclass(frozen=True, slots=True)
class Panel:
    """An alarm panel that reports to this box by SIA DC-09 (B-46)."""

    id: str
    name: str
    account: str
    """Its account, 3 to 16 hexadecimal digits, upper case; no two panels have the same."""
    camera: str = ""
    """Where its alarms are raised, under this camera's act; empty: only its hold-ups count."""
    holdup: str = ""
    """The hold-up channel that its hold-up and panic signals (HA, PA) set off; empty: none."""
    key: str = ""
    """Reference of its AES key, 16, 24 or 32 characters or `hex:` and digits; empty: in clear."""
    supervision_s: int = 0
    """Silent for so long, its line raises an alarm, 10 to 86400; 0: nobody watches it."""


@dataclass(frozen=True, slots=True)
class Holdup:
    """A hold-up channel of one shop (A-13, B-26): what sets it off, and whom it opens what."""

    id: str
    name: str
    site: str
    cameras: tuple[str, ...]
    """Of this site alone; the alarm is the first one's, and opens them all while it lives."""
    recipients: tuple[str, ...]
    """Operations rooms that are called; an act has to name them for each of the cameras."""
    verify: str = ""
    """Recipient that is a monitoring centre: it is asked first; empty: nobody is."""
    verify_s: float = 30.0
    """So long the centre has to say that it was nothing; then the rooms are called anyway."""
    contacts: tuple[str, ...] = ()
    """Triggers (dry contacts at a camera or a recorder) that set it off, and nothing else."""
    broker: str = ""
    """Name of the broker in the shop's network whose `topic` sets it off."""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class RiskArea:
    """A place at risk (A-11), an input of coverage and of alarm priority."""

    id: str
    name: str
    polygon: tuple[tuple[float, float], ...]
    """Longitude and latitude, WGS 84 degrees, 3 to 256 corners, not closed."""
    priority: int = 3
    """1 (low) .. 5 (high)."""
    hours: tuple[ArmedHours, ...] = ()
    """When it is at risk; empty: always."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An operations room or a vigilance institute."""

    id: str
    name: str
    kind: RecipientKind
    broker: str = ""
    """Name of a broker in the box's configuration, or `line:` and that of an uplink, `dc09:` and
    that of a central station, `webhook:` and that of a web address; empty: the console of this
    box only."""
    topic_prefix: str = ""
    """ONVIF topic prefix (B-47); empty: `varco/<box>/<recipient>`."""
    inbox: bool = False
    """It acknowledges each alarm after its own commit; else the broker's PUBACK is delivery."""
    force: Force = Force.OTHER
    """Of a room: which lines of the table of reports lead to it."""
    territory: tuple[tuple[float, float], ...] = ()
    """Longitude and latitude, not closed: where reports are its business; a Questura's is the
    capital. Empty: everywhere."""
    viewers_most: int = 0
    """Live pictures that its people may have open together; 0: as many as the box serves."""
    bandwidth_kbps: int = 0
    """What live pictures for its people may take together; 0: no bound."""


@dataclass(frozen=True, slots=True)
class Institute:
    """A vigilance institute that may send reports ("Mille occhi sulla città", A-14..A-16, B-34)."""

    id: str
    name: str
    organisation: str
    """Id of the recipient (istituto-di-vigilanza) whose people and machines send."""
    list_number: str
    """Number of the provincial committee's list (CPOSP) on which it stands."""
    list_date: date
    listed_from: date
    listed_until: date
    """First and last day on the list, Europe/Rome."""
    certificate: str
    """Number of its certificate UNI CEI EN 50518, category I."""
    certificate_until: date
    """Last day of the certificate, Europe/Rome."""
    contact: str
    """Its one contact point (B-29), as people reach it."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ReportRoute:
    """A line of this province's table of reports; it goes before those that come with Varco."""

    id: str
    recipients: tuple[str, ...]
    """Rooms that get it, 1 to 4."""
    kinds: tuple[str, ...] = ()
    """Kinds or classes of `gateway.model.report`; empty: all."""
    economic: bool = False
    """Only what concerns economic and financial offences."""
    area: tuple[tuple[float, float], ...] = ()
    """Longitude and latitude, not closed; empty: everywhere."""
    order: int = 100
    """The line with the smallest number counts, then by id."""


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Who hears of an alarm that nobody answered for so long."""

    after_s: float
    """Seconds after the alarm was stored; 0: at once."""
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom an alarm goes to, one after the other, until somebody answers it (ADR 29).

    It only delays: nobody hears whom the act does not name, and whom no step names hears at once.
    """

    id: str
    cameras: tuple[str, ...] = ()
    """Empty: all."""
    least_severity: int = 1
    """1 (information) .. 5 (hold-up)."""
    steps: tuple[EscalationStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ActScope:
    """One line of an act: which cameras, for whom, what."""

    cameras: tuple[str, ...]
    recipients: tuple[str, ...]
    analytics: tuple[Analytic, ...] = ()
    disclosure: Disclosure = Disclosure.ALWAYS
    retention_before_s: float = 0.0
    """Seconds before an alarm that may be kept in RAM and shown with it; 0: none, at most 30."""
    watermark: bool = False
    """Live pictures carry the recipient, a mark that stands for the person, and the time."""


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
    kind: ActKind = ActKind.PATTO
    dpia_sha256: str = ""
    """Of the assessment's document."""
    until_time: time | None = None
    """When on `valid_until` it ends, Europe/Rome; None: at 24:00."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A *proroga* (art. 22): an act goes on until a later day, entered by a named person."""

    id: str
    act: str
    until: date
    by: str
    """Id of the user who entered it."""
    entered: date
    reason: str
    document_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """An owner's off-switch: while it stands nobody else sees these cameras or their alarms."""

    id: str
    controller: str
    cameras: tuple[str, ...]
    """Empty: all of the controller's."""
    by: str
    since_utc_us: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Copies that must outlast their retention (B-02, D.8): an act, a span, an end."""

    id: str
    act: str
    """Number of the order or request that asks for it."""
    controller: str
    cameras: tuple[str, ...]
    """Empty: all of the controller's."""
    from_utc_us: int
    to_utc_us: int
    """Span of the pictures."""
    until: date
    """Last day of the hold, Europe/Rome."""
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Permit:
    """One line of the access matrix (A-20); empty fields match everything.

    For a role that has lines of its own in the registry, the built-in ones do not count.
    """

    id: str
    role: Role
    actions: tuple[str, ...]
    """Values of `gateway.model.access.Action`."""
    purposes: tuple[str, ...]
    """Values of `gateway.model.access.Purpose`."""
    organisations: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    hours: tuple[ArmedHours, ...] = ()
    """Europe/Rome; empty: around the clock."""
    four_eyes: bool = False
    """A second person of the same organisation has to agree."""
    act: str = ""
    """Act that grants the line."""


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
    totp_secret: str = field(default="", repr=False)
    """Base32 (RFC 6238), kept beside the password, never in a version; empty: not enrolled."""
    second_factor: bool = False
    """Cannot sign in with a password alone."""
    certificate_sha256: str = ""
    """Of a client certificate (DER, hexadecimal) by which a machine or a room is known."""
    oidc_subject: str = ""
    """`issuer|sub` of the identity provider's account."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A box that may dial this room: governed state of the room's registry."""

    id: str
    name: str
    certificate_sha256: str = ""
    """Of the certificate that it was given; empty: invited, not enrolled yet."""
    organisations: tuple[str, ...] = ()
    """Recipients and controllers of this room whose people may know of it; nobody else does."""
    enabled: bool = True
    ledger_vkey: str = ""
    """C2SP vkey of its log, told when it was enrolled: whose checkpoints we cosign."""
    most_kbps: int = 0
    """What its pictures may take of the line; 0: no bound of ours."""


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
    devices: dict[str, Device] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    risk_areas: dict[str, RiskArea] = field(default_factory=dict)
    panels: dict[str, Panel] = field(default_factory=dict)
    holdups: dict[str, Holdup] = field(default_factory=dict)
    permits: dict[str, Permit] = field(default_factory=dict)
    extensions: dict[str, Extension] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    """Boxes that may dial this room."""
    escalations: dict[str, Escalation] = field(default_factory=dict)
    institutes: dict[str, Institute] = field(default_factory=dict)
    report_routes: dict[str, ReportRoute] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    """Acts whose assessment is older than a widening, and why (D.7)."""

    def last_day(self, act: Act) -> date:
        """Return the last day of an act with its extensions, Europe/Rome."""
        later = (one.until for one in self.extensions.values() if one.act == act.id)
        return max((act.valid_until, *later))

    def end_time(self, act: Act) -> time | None:
        """Return when an act ends on its last day, Europe/Rome; None: at 24:00."""
        return act.until_time if self.last_day(act) == act.valid_until else None

    def permits_in_force(self, built_in: Iterable[Permit]) -> tuple[Permit, ...]:
        """Return the lines of the matrix that count: its own, and built-in ones of other roles."""
        replaced = {one.role for one in self.permits.values()}
        others = (one for one in built_in if one.role not in replaced)
        return (*self.permits.values(), *others)

    def is_paused(self, camera: Camera) -> bool:
        """Return whether an owner's off-switch withholds a camera, under whichever id."""
        return bool(self.pauses) and bool(self.pausers(camera))

    def pausers(self, camera: Camera) -> frozenset[str]:
        """Return who withholds a camera: a pause follows the picture, not the entry's name.

        A second entry of the same source, also one under another controller, is paused with it.
        """
        own = self.addresses_of(camera)
        return frozenset(
            one.controller
            for one in self.pauses.values()
            if any(
                known.id == camera.id or own & self.addresses_of(known)
                for known in self._paused_by(one)
            )
        )

    def _paused_by(self, pause: Pause) -> Iterable[Camera]:
        """Return the cameras that a pause names; without names, all of its controller's."""
        if pause.cameras:
            return [self.cameras[id_] for id_ in pause.cameras if id_ in self.cameras]
        return [
            one
            for one in self.cameras.values()
            if self.sites[one.site].controller == pause.controller
        ]

    def addresses_of(self, camera: Camera) -> frozenset[str]:
        """Return where a camera's picture comes from; see `gateway.model.source`."""
        device = self.devices.get(camera.device)
        hangs_off = (camera.device, device.url if device else "", camera.site)
        return addresses(camera.url, camera.sub_url, hangs_off, camera.channel)

    def controller_of(self, camera: Camera) -> Controller:
        """Return the owner of a camera; the store guarantees that it exists."""
        return self.controllers[self.sites[camera.site].controller]

    def zones_of(self, camera_id: str) -> tuple[Zone, ...]:
        """Return the zones of a camera, by id."""
        return tuple(z for _, z in sorted(self.zones.items()) if z.camera == camera_id)

    def triggers_of(self, camera_id: str) -> tuple[Trigger, ...]:
        """Return the triggers of a camera, by id."""
        return tuple(t for _, t in sorted(self.triggers.items()) if t.camera == camera_id)

    def masks_of(self, camera_id: str) -> tuple[Mask, ...]:
        """Return the masks that the gateway must burn in (not those that the camera burns)."""
        return tuple(
            m
            for _, m in sorted(self.masks.items())
            if m.camera == camera_id and m.place is MaskPlace.GATEWAY
        )


def empty_registry() -> Registry:
    """Return version 0, with nothing in it."""
    return Registry(0, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
