# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Registries to test with: one small world by hand, and any world at all."""

import string
from dataclasses import replace
from datetime import date, time

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway.model import registry as m
from gateway.model import retention
from gateway.model.access import Action, Purpose
from gateway.model.alarm import Kind
from gateway.registry import polygon
from gateway.registry.entities import UNWATCHED, assemble, disagreements, flatten, key_of
from gateway.registry.states import conditions
from gateway.registry.templates import templates
from gateway.registry.zone_keys import DWELLS_S

SEED = """[[controller]]
id = "farmacia"
name = "Farmacia"

[[site]]
id = "sede"
name = "Sede"
controller = "farmacia"
kind = "farmacia"
state = "approvato"
address = "Via Roma 1"

[[camera]]
id = "banco"
name = "Banco"
site = "sede"
url = "rtsp://192.0.2.1/1"
area = "aperta-al-pubblico"
latitude = 44.0354
longitude = 10.1395
azimuth_deg = 210

[[zone]]
id = "dietro"
name = "Dietro"
camera = "banco"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
armed = [{ since = 20:00:00, until = 07:30:00 }]

[[mask]]
id = "vetrina"
camera = "banco"
polygon = [[0, 0], [0.2, 0], [0.2, 0.3]]

[[recipient]]
id = "sala"
name = "Sala"
kind = "sala-operativa"

[[act]]
id = "patto"
title = "Patto"
number = "1/2026"
parties = ["Prefettura", "Farmacia"]
valid_from = 2026-01-01
valid_until = 2027-12-31

[[act.scope]]
cameras = ["banco"]
recipients = ["sala"]
analytics = ["intrusione"]
disclosure = "su-allarme"
retention_before_s = 10

[[user]]
id = "verdi"
name = "Luca Verdi"
role = "pl.operator"
organisation = "sala"
"""

few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""A whole registry takes 20 ms to draw."""

ids = st.sampled_from(["a", "b", "0", "a-b", "x" * 64, "a0", "z9-9", "c"])
lines = st.text("aZ09 \"'\\\\#=[]{}$€èß–,.:;/@+-_中😀", max_size=8)
names = lines.filter(bool)


@st.composite
def triangles(draw):
    """Any triangle with a side along an axis; none has to be thrown away."""
    least, step = st.integers(0, 900), st.integers(50, 100)
    x, y, dx, dy, top = draw(st.tuples(least, least, step, step, st.integers(0, 1000)))
    corners = [(x, y), (x + dx, y), (top, y + dy)]
    if draw(st.booleans()):
        corners = [(b, a) for a, b in corners]
    return tuple((a / 1000, b / 1000) for a, b in draw(st.permutations(corners)))


urls = st.sampled_from(
    [
        "rtsp://192.0.2.1:554/1",
        "rtsps://cam.example/a?b=1",
        "https://192.0.2.2/mjpeg",
        "file:///var/footage/a.mp4",
    ]
)
pins = st.sampled_from(["", "0f" * 32])
hosts = st.lists(st.sampled_from(["192.0.2.7", "2001:db8::1", "cam-2.example"]), max_size=2).map(
    tuple
)
times = st.times().map(lambda t: t.replace(fold=0))


def apart(pair):
    """Return two times that differ."""
    first, last = pair
    return (first, last if last != first else last.replace(minute=(last.minute + 1) % 60))


spans = st.tuples(times, times).map(apart)


def floats(least, most):
    return st.floats(least, most, allow_nan=False, allow_infinity=False)


def of(draw, sequence):
    return draw(st.sampled_from(sorted(sequence)))


@st.composite
def registries(draw):
    """Any registry whose references fit."""
    controllers = {
        i: m.Controller(
            i,
            draw(names),
            draw(lines),
            draw(st.sampled_from(m.TenantKind)),
            draw(st.booleans()),
            draw(st.integers(0, 168)),
            draw(names),
        )
        for i in draw(some(ids))
    }
    recipients = {
        i: m.Recipient(
            i,
            draw(names),
            draw(st.sampled_from(m.RecipientKind)),
            draw(ids | st.just("")),
            draw(st.just("") | st.text(string.ascii_lowercase, min_size=1, max_size=5)),
            draw(st.booleans()),
        )
        for i in draw(some(ids))
        if i not in controllers
    }
    sites = {
        i: m.Site(
            i,
            draw(names),
            of(draw, controllers),
            draw(st.sampled_from([one for one in m.SiteKind if one not in UNWATCHED])),
            draw(st.sampled_from(m.SiteState)),
            draw(lines),
            draw(lines),
            draw(st.none() | st.dates()),
            draw(opening()),
            tuple(draw(st.lists(st.dates(), max_size=2))),
            draw(st.none() | st.just(date(2026, 10, 4))),
        )
        for i in draw(some(ids))
    }
    cameras = {i: draw(camera(i, sites)) for i in draw(some(ids))}
    devices = {i: draw(device(i, sites)) for i in draw(some(ids))}
    cameras = {
        i: draw(on_device(one, sites, devices, number))
        for number, (i, one) in enumerate(cameras.items())
    }
    triggers = {i: draw(trigger(i, cameras)) for i in draw(some(ids))}
    areas = {i: draw(risk_area(i)) for i in draw(some(ids))}
    zones = {i: draw(zone(i, cameras)) for i in draw(some(ids))}
    masks = {
        i: m.Mask(
            i,
            of(draw, cameras),
            draw(triangles()),
            draw(st.sampled_from(m.MaskPlace)),
            draw(lines),
        )
        for i in draw(some(ids))
    }
    acts = {i: draw(act(i, cameras, recipients)) for i in draw(some(ids))} if recipients else {}
    users = {
        i: m.User(
            i,
            draw(names),
            draw(st.sampled_from(m.Role)),
            of(draw, [*controllers, *recipients]),
            enabled=draw(st.booleans()),
            second_factor=draw(st.booleans()),
            certificate_sha256=draw(pins),
            oidc_subject=draw(lines),
        )
        for i in draw(some(ids))
    }
    kinds = (controllers, sites, cameras, zones, masks, recipients, acts, users)
    kinds += (devices, triggers, areas)
    if recipients:
        kinds += ({i: draw(escalation(i, cameras, recipients)) for i in draw(some(ids))},)
    kinds += ({i: draw(edge(i, [*controllers, *recipients])) for i in draw(some(ids))},)
    plain = assemble(0, {key_of(e): e for kind in kinds for e in kind.values()})
    governed = draw(entered(plain))
    return lawful(assemble(0, flatten(plain) | {key_of(one): one for one in governed}))


@st.composite
def edge(draw, id_, organisations):
    """Any edge, enrolled or not; no two show one certificate."""
    digits = (id_.encode() * 32)[:32].hex()
    return m.Edge(
        id=id_,
        name=draw(names),
        certificate_sha256=draw(st.sampled_from(["", digits])),
        organisations=tuple(draw(st.lists(st.sampled_from(sorted(organisations)), max_size=2))),
        enabled=draw(st.booleans()),
        ledger_vkey=draw(lines),
        most_kbps=draw(st.integers(0, 10_000_000)),
    )


def lawful(world):
    """Return a world whose active sites have what they need; the others are suspended."""
    faults = [*conditions(world, str), *disagreements(flatten(world), str)]
    bad = {fault.key.partition("[")[2].partition("]")[0] for fault in faults}
    sites = {
        i: replace(site, state=m.SiteState.SUSPENDED) if i in bad else site
        for i, site in world.sites.items()
    }
    controllers = {
        i: replace(one, retention_h=0) if retention.fault(one) else one
        for i, one in world.controllers.items()
    }
    return replace(world, sites=sites, controllers=controllers)


@st.composite
def opening(draw):
    days = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)
    open_on = draw(st.lists(st.tuples(days, spans), max_size=2))
    return tuple(m.WeekHours(on, min(pair), max(pair)) for on, pair in open_on)


@st.composite
def entered(draw, world):
    """Permits, and what people enter, about anything that is there."""
    codes = [one.value for one in Action], [one.value for one in Purpose]
    first = of(draw, world.cameras)
    controller = world.sites[world.cameras[first].site].controller
    starts, lasts = draw(st.tuples(st.integers(0, 2**49), st.integers(1, 2**49)))
    span = (starts, starts + lasts)
    found = [
        m.Permit(
            of(draw, ["p1", "p2"]),
            draw(st.sampled_from(m.Role)),
            tuple(draw(some(st.sampled_from(codes[0])))),
            tuple(draw(some(st.sampled_from(codes[1])))),
            tuple(draw(some(st.sampled_from(sorted(world.controllers))))),
            (controller,),
            (first,),
            draw(armed()),
            draw(st.booleans()),
        ),
        m.Pause(of(draw, ["u1", "u2"]), controller, (first,), draw(names), span[0], draw(lines)),
        m.Hold(
            "h1",
            draw(names),
            controller,
            (),
            *span,
            draw(st.dates()),
            draw(names),
            draw(lines),
        ),
    ]
    for act_id in world.acts:
        last, day, by, why = draw(st.tuples(st.dates(), st.dates(), names, names))
        found.append(m.Extension(f"e-{act_id}"[:64].strip("-"), act_id, last, by, day, why))
    return draw(st.lists(st.sampled_from(found), max_size=3))


def some(strategy):
    return st.lists(strategy, min_size=1, max_size=2, unique=True)


@st.composite
def camera(draw, id_, sites):
    return m.Camera(
        id=id_,
        name=draw(names),
        site=of(draw, sites),
        url=draw(urls),
        area=draw(st.sampled_from(m.AreaKind)),
        credential=draw(st.sampled_from(["", "env:A", "file:/a b", "credential:x-1"])),
        latitude=draw(floats(-90, 90)),
        longitude=draw(floats(-180, 180)),
        azimuth_deg=draw(floats(0, 360)),
        field_of_view_deg=draw(floats(1, 360)),
        target_width_m=draw(floats(0, 1000)),
        continuous=draw(st.booleans()),
        sub_url=draw(urls | st.just("")),
        transport=draw(st.sampled_from(m.Transport)),
        tls_sha256=draw(pins),
        hosts=draw(hosts),
        density_class=draw(ids | st.just("")),
        indoor=draw(st.booleans()),
    )


@st.composite
def on_device(draw, one, sites, devices, number):
    """Any camera, perhaps a channel of a recorder of its controller, then perhaps without URL."""
    controller = sites[one.site].controller
    fitting = [d.id for d in devices.values() if sites[d.site].controller == controller]
    if not fitting or draw(st.booleans()):
        return one
    channel = draw(st.sampled_from([0, number + 1, number + 9]))
    device = of(draw, fitting)
    url = draw(urls | st.just("")) if channel and devices[device].make else one.url
    return replace(one, device=device, channel=channel, url=url)


@st.composite
def device(draw, id_, sites):
    url = draw(st.sampled_from(["", "http://192.0.2.9/onvif/device_service", "https://n:8443/"]))
    return m.Device(
        id=id_,
        name=draw(names),
        site=of(draw, sites),
        url=url,
        kind=draw(st.sampled_from(m.DeviceKind)),
        credential=draw(st.sampled_from(["", "env:A", "credential:x-1"])),
        make=draw(ids | st.just("")),
        rtsp_port=draw(st.integers(0, 65535)),
        most_sessions=draw(st.integers(0, 1024)),
        tls_sha256=draw(pins),
        hosts=draw(hosts),
        most_gop_s=draw(floats(0, 60)),
        events=bool(url) and draw(st.booleans()),
    )


@st.composite
def trigger(draw, id_, cameras):
    topics = ["RuleEngine/CellMotionDetector/Motion", "{http://x.example/1}A/B", "Device"]
    return m.Trigger(
        id=id_,
        name=draw(names),
        camera=of(draw, cameras),
        topic=draw(st.sampled_from(topics)),
        source=tuple(draw(st.lists(st.tuples(lines, lines), max_size=2))),
        item=draw(lines),
        armed=draw(armed()),
        off_after_s=draw(floats(0.1, 3600)),
        severity=draw(st.integers(1, 5)),
    )


@st.composite
def risk_area(draw, id_):
    """Any area within a degree of any place that is not on the antimeridian or a pole."""
    x, y = draw(floats(-178, 178)), draw(floats(-80, 80))
    corners = tuple((x + dx, y + dy) for dx, dy in draw(triangles()))
    return m.RiskArea(
        id=id_,
        name=draw(names),
        polygon=polygon.counterclockwise(corners),
        priority=draw(st.integers(1, 5)),
        hours=draw(armed()),
        reason=draw(lines),
    )


@st.composite
def escalation(draw, id_, cameras, recipients):
    """One policy; every recipient in one step at most."""
    people = draw(st.permutations(sorted(recipients)))[:3]
    times_s = sorted(draw(st.sets(floats(1, 900), min_size=len(people), max_size=len(people))))
    steps = [
        m.EscalationStep(after_s, (one,))
        for after_s, one in zip([0.0, *times_s], people, strict=False)
    ]
    return m.Escalation(
        id_,
        tuple(draw(st.lists(st.sampled_from(sorted(cameras)), max_size=2, unique=True))),
        draw(st.integers(1, 5)),
        tuple(steps),
    )


@st.composite
def armed(draw):
    return tuple(m.ArmedHours(*pair) for pair in draw(st.lists(spans, max_size=2)))


@st.composite
def zone(draw, id_, cameras):
    analytic = draw(st.sampled_from(m.Analytic))
    whole = analytic in (m.Analytic.TAMPER, m.Analytic.LOSS)
    sized = not whole and analytic is not m.Analytic.PLATES
    is_gate = analytic is m.Analytic.PLATES
    is_line = is_gate or analytic is m.Analytic.CROSSING
    dwells = DWELLS_S.get(analytic)
    kinds = st.lists(st.sampled_from(list(Kind)[1:]), max_size=3, unique=True)
    return m.Zone(
        id=id_,
        name=draw(names),
        camera=of(draw, cameras),
        polygon=m.WHOLE_PICTURE if whole else draw(triangles()),
        analytic=analytic,
        armed=draw(armed()),
        on_after_s=draw(floats(0, 60)),
        off_after_s=draw(floats(0, 3600)),
        severity=draw(st.integers(1, 5)),
        line=((0.2, 0.5), (0.7, 0.6)) if is_line else (),
        direction=draw(st.sampled_from(m.Direction)) if is_line else m.Direction.BOTH,
        dwell_s=draw(st.just(0.0) | floats(*dwells)) if dwells else 0.0,
        classes=tuple(draw(kinds)) if sized else (),
        least_m=draw(floats(0, 2)) if sized else 0.0,
        most_m=draw(st.just(0.0) | floats(2, 20)) if sized else 0.0,
        week=tuple(
            m.WeekHours(tuple(sorted(days)), *pair)
            for days, pair in draw(
                st.lists(st.tuples(st.sets(st.integers(1, 7), min_size=1), spans), max_size=2)
            )
        ),
        holidays=draw(st.sampled_from(m.Holidays)),
        template=draw(st.sampled_from(["", *templates()])),
        inbound=draw(st.sampled_from(list(m.Direction)[:2])) if is_gate else m.Direction.BOTH,
        lane=draw(names) if is_gate else "",
    )


@st.composite
def act(draw, id_, cameras, recipients):
    scope = st.builds(
        m.ActScope,
        some(st.sampled_from(sorted(cameras))).map(tuple),
        some(st.sampled_from(sorted(recipients))).map(tuple),
        st.lists(st.sampled_from(m.Analytic), max_size=2).map(tuple),
        st.sampled_from(m.Disclosure),
        floats(0, 30),
    )
    first, last = sorted(draw(st.tuples(st.dates(), st.dates())))
    dpia = draw(lines)
    return m.Act(
        id=id_,
        title=draw(names),
        number=draw(names),
        parties=tuple(draw(some(names))),
        valid_from=first,
        valid_until=last,
        scopes=tuple(draw(st.lists(scope, min_size=1, max_size=2))),
        dpia=dpia,
        dpia_date=draw(st.dates()) if dpia else None,
        document_sha256=draw(st.sampled_from(["", "0f" * 32])),
        kind=draw(st.sampled_from(m.ActKind)),
        dpia_sha256=draw(st.sampled_from(["", "0f" * 32])) if dpia else "",
    )


def small():
    """Return the world of SEED, as the model says it."""
    return assemble(
        0,
        {
            key_of(entity): entity
            for entity in (
                m.Controller("farmacia", "Farmacia"),
                m.Site(
                    "sede",
                    "Sede",
                    "farmacia",
                    m.SiteKind.PHARMACY,
                    m.SiteState.APPROVED,
                    "Via Roma 1",
                ),
                m.Camera(
                    "banco",
                    "Banco",
                    "sede",
                    "rtsp://192.0.2.1/1",
                    m.AreaKind.OPEN_TO_PUBLIC,
                    latitude=44.0354,
                    longitude=10.1395,
                    azimuth_deg=210.0,
                ),
                m.Zone(
                    "dietro",
                    "Dietro",
                    "banco",
                    ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)),
                    armed=(m.ArmedHours(time(20), time(7, 30)),),
                ),
                m.Mask("vetrina", "banco", ((0.0, 0.0), (0.2, 0.0), (0.2, 0.3))),
                m.Recipient("sala", "Sala", m.RecipientKind.ROOM),
                m.Act(
                    "patto",
                    "Patto",
                    "1/2026",
                    ("Prefettura", "Farmacia"),
                    date(2026, 1, 1),
                    date(2027, 12, 31),
                    (
                        m.ActScope(
                            ("banco",),
                            ("sala",),
                            (m.Analytic.INTRUSION,),
                            m.Disclosure.ON_ALARM,
                            10.0,
                        ),
                    ),
                ),
                m.User("verdi", "Luca Verdi", m.Role.PL_OPERATOR, "sala"),
            )
        },
    )
