# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace
from datetime import date

import pytest

from gateway.assembly.plans import Surroundings, device_plan, plan
from gateway.ingest.sessions import SessionLimit
from gateway.model.errors import ConfigError, PeerError
from gateway.model.media import StreamKind
from gateway.model.registry import (
    Analytic,
    Device,
    Direction,
    Holidays,
    Mask,
    MaskPlace,
    SiteState,
    Transport,
    Trigger,
    Zone,
)
from tests.unit.access.town import NOW, SHOP_ACT, SQUARE_ACT, at, registry, with_site

SHAPE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))


def town(*acts):
    return replace(
        registry(*acts),
        zones={
            "retro": Zone("retro", "Retro", "banco", SHAPE),
            "targhe": Zone("targhe", "Targhe", "banco", SHAPE, analytic=Analytic.PLATES),
        },
    )


def planned(known, camera="banco", now=NOW, login=lambda *_: ("u", "p")):
    return plan(known.cameras[camera], known, now, Surroundings(login))


def test_an_act_in_force_switches_watching_and_ring_on():
    """Zones, recipients, act and seconds before come from the act."""
    made = planned(town())
    assert [zone.id for zone in made.zones] == ["retro"]
    assert made.act == "accordo-farmacia"
    assert made.recipients == ("istituto", "sala-pl")
    assert made.ring_s == 20.0


def test_without_an_act_nothing_is_watched_or_kept_and_the_reason_is_told():
    """No act: no analytics, no ring, but the camera is still pulled for its owner."""
    made = planned(town(SQUARE_ACT))
    assert (made.zones, made.ring_s, made.recipients) == ((), 0.0, ())
    assert made.off_reason


def test_everything_stops_when_the_last_day_is_over():
    """The act holds at 23:59 Rome time of its last day and no second longer (A-47)."""
    known = town(replace(SHOP_ACT, valid_until=date(2026, 6, 30)))
    assert planned(known, now=at(2026, 6, 30, 21, 59, 59)).zones
    after = planned(known, now=at(2026, 6, 30, 22, 0, 0))
    assert not after.zones
    assert "12/2026" in after.off_reason


def test_a_suspended_site_is_not_watched():
    """Approval is a condition of analysis, too (A-18)."""
    known = with_site(town(), "negozio", state=SiteState.SUSPENDED)
    assert not planned(known).zones


def test_nothing_is_kept_for_a_camera_without_zones():
    """No alarm can come, so there is nothing to keep seconds for."""
    known = replace(town(), zones={})
    assert planned(known).ring_s == 0.0


def test_credentials_are_looked_up_by_reference_only_where_one_is_named():
    """The plan carries the login, and its repr does not show the password."""
    known = town()
    secured = replace(known.cameras["banco"], credential="file:/x")
    known = replace(known, cameras={**known.cameras, "banco": secured})
    made = planned(known, login=lambda reference, camera: (f"{camera}-user", "s3cret"))
    assert (made.main.user, made.main.password) == ("camera banco-user", "s3cret")
    assert "s3cret" not in repr(made)


def test_an_unusable_credential_is_the_cameras_own_problem():
    """The camera is not opened, guarded or kept; the plan says what a person must correct."""

    def broken(reference, camera):
        raise ConfigError(camera, "credential", "no such file")

    known = town()
    secured = replace(known.cameras["banco"], credential="file:/x")
    made = plan(secured, known, NOW, Surroundings(broken))
    assert (made.main, made.zones, made.ring_s) == (None, (), 0.0)
    assert made.problem == "camera banco: credential: no such file"


def test_an_unusable_address_is_the_cameras_own_problem():
    """As with credentials: told, and nothing else is disturbed."""
    known = town()
    strange = replace(known.cameras["banco"], url="gopher://b/")
    made = plan(strange, known, NOW, Surroundings(lambda *_: ("u", "p")))
    assert made.main is None
    assert "url" in made.problem


def test_a_recording_plays_only_where_everything_is_an_exercise():
    """On a box in service nobody can be shown yesterday's pictures as live ones."""
    known = town()
    recorded = replace(known.cameras["banco"], url="file:///srv/scene.mp4", credential="")

    def made(*, exercise):
        around = Surroundings(lambda *_: ("", ""), exercise=exercise)
        return plan(recorded, known, NOW, around)

    assert made(exercise=True).main.scheme == "file"
    assert made(exercise=False).main is None
    assert "is a recording, not a camera" in made(exercise=False).problem


@pytest.mark.parametrize(("box_s", "kept_s"), [(15.0, 15.0), (60.0, 20.0)])
def test_the_box_may_keep_less_than_the_act_allows_never_more(box_s, kept_s):
    """`ring.most_seconds` bounds what the act allows, not the other way round."""
    known = town()
    made = plan(known.cameras["banco"], known, NOW, Surroundings(lambda *_: ("", ""), box_s))
    assert made.ring_s == kept_s


NVR = Device("nvr", "NVR ingresso", "negozio", "http://192.0.2.9:8080/onvif", credential="file:/n")


def shop(camera=None, device=NVR, **more):
    """The shop's camera hangs off a recorder."""
    known = town()
    hung = replace(known.cameras["banco"], url="", device="nvr", channel=3, **(camera or {}))
    return replace(known, cameras={**known.cameras, "banco": hung}, devices={"nvr": device}, **more)


def logins(reference, whose):
    return reference, whose


def test_a_channel_of_a_recorder_is_found_by_the_recorders_make():
    """Address, port, credential and certificate are the device's; each stream has its kind."""
    pin = "ab" * 32
    device = replace(NVR, make="hikvision", rtsp_port=8554, tls_sha256=pin, most_sessions=5)
    made = planned(shop(device=device), login=logins)
    assert made.main.url == "rtsp://192.0.2.9:8554/Streaming/Channels/301"
    assert made.sub.url == "rtsp://192.0.2.9:8554/Streaming/Channels/302"
    assert (made.main.kind, made.sub.kind) == (StreamKind.MAIN, StreamKind.SUB)
    assert (made.main.user, made.sub.password) == ("file:/n", "camera banco")
    assert made.main.trust.sha256 == pin
    assert made.watched is StreamKind.SUB
    assert made.limit == SessionLimit("nvr", "NVR ingresso", 5)


def test_what_a_camera_says_itself_goes_before_its_device():
    """URL, credential and pin; the device's pin is for the device's own host only."""
    own = {"credential": "file:/c", "hosts": ("192.0.2.77",), "transport": Transport.UDP}
    device = replace(NVR, tls_sha256="ab" * 32)
    known = shop(own, device)
    camera = replace(
        known.cameras["banco"], url="rtsps://192.0.2.10/1", sub_url="rtsp://192.0.2.9/2"
    )
    known = replace(known, cameras={"banco": camera})
    made = planned(known, login=logins)
    assert (made.main.url, made.main.user) == ("rtsps://192.0.2.10/1", "file:/c")
    assert made.main.trust.sha256 == ""
    assert made.sub.trust.sha256 == "ab" * 32
    assert made.main.transport is Transport.UDP
    assert "192.0.2.77" in made.main.hosts


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (replace(NVR, make="acme"), "device nvr: make"),
        (NVR, "camera banco: url"),
        (replace(NVR, make="hikvision", url=""), "device nvr: url"),
    ],
)
def test_a_device_that_does_not_say_where_its_streams_are_is_the_cameras_problem(device, words):
    """What to write and where stands in it."""
    made = planned(shop(device=device), login=logins)
    assert made.main is None
    assert words in made.problem


def test_a_broken_sub_stream_leaves_the_main_one_alone():
    """The camera is pulled and guarded; the problem names the key."""
    known = town()
    camera = replace(known.cameras["banco"], sub_url="rtsp://u:p@b/")
    made = planned(replace(known, cameras={"banco": camera}))
    assert made.main is not None
    assert made.sub is None
    assert made.zones
    assert "sub_url" in made.problem
    assert "u:p" not in made.problem


TRIGGER = Trigger("moto", "Movimento", "banco", "RuleEngine/CellMotionDetector/Motion")


def test_triggers_rest_on_the_same_act_as_zones():
    """With an act they are in the plan, with the seconds before; without one there is nothing."""
    known = replace(town(), zones={}, triggers={"moto": TRIGGER})
    made = planned(known)
    assert made.triggers == (TRIGGER,)
    assert (made.ring_s, made.act) == (20.0, "accordo-farmacia")
    off = planned(replace(town(SQUARE_ACT), zones={}, triggers={"moto": TRIGGER}))
    assert (off.triggers, off.ring_s) == ((), 0.0)
    assert off.off_reason


def test_events_are_set_up_in_every_stream_unless_the_device_tells_them():
    """Both renditions carry them, since the watch may go over; a subscription makes it needless."""
    known = replace(town(), triggers={"moto": TRIGGER})
    small = replace(known.cameras["banco"], sub_url="rtsp://b/2")
    known = replace(known, cameras={**known.cameras, "banco": small})
    made = planned(known)
    assert (made.main.wants_metadata, made.sub.wants_metadata) == (True, True)
    assert made.listens
    told = shop(device=replace(NVR, make="hikvision", events=True), triggers={"moto": TRIGGER})
    made = planned(told, login=logins)
    assert not made.main.wants_metadata
    assert not made.sub.wants_metadata
    assert not made.listens


def test_the_end_of_an_act_reconnects_nobody():
    """Whether metadata is set up follows the registry alone, so that a stream goes on."""
    known = replace(town(), triggers={"moto": TRIGGER})
    known = replace(known, acts={SHOP_ACT.id: replace(SHOP_ACT, valid_until=date(2026, 6, 30))})
    during, after = (planned(known, now=at(2026, 6, 30, hour, 30)) for hour in (21, 22))
    assert during.triggers
    assert not after.triggers
    assert during.main == after.main


def test_a_device_is_asked_with_its_own_login_about_its_own_cameras():
    """Masks of its cameras only, and only those that the camera is to burn in."""
    place = MaskPlace.CAMERA
    masks = {
        "a": Mask("a", "banco", SHAPE, place),
        "b": Mask("b", "banco", SHAPE),
        "c": Mask("c", "piazza", SHAPE, place),
    }
    known = shop(masks=masks)
    made = device_plan(NVR, known, logins)
    assert (made.target.user, made.target.password) == ("file:/n", "device nvr")
    assert [camera.id for camera in made.cameras] == ["banco"]
    assert [mask.id for mask in made.masks] == ["a"]

    def broken(reference, whose):
        raise ConfigError(whose, "credential", "no such file")

    made = device_plan(NVR, known, broken)
    assert made.target is None
    assert made.problem == "device nvr: credential: no such file"


async def reach(edge):
    """No edge is here."""
    raise PeerError(f"edge {edge}: no line stands")


def on_line(url="line://piazza/gate", sub="line://piazza/gate?stream=sub", way=reach):
    known = town(SQUARE_ACT)
    camera = replace(known.cameras["piazza"], url=url, sub_url=sub, credential="")
    return plan(camera, known, NOW, Surroundings(lambda *_: ("", ""), reach=way))


async def test_the_camera_of_an_edge_is_dialled_through_its_line():
    """Both renditions; two plans of the same edge are equal, so that nothing begins anew."""
    made = on_line()
    assert (made.main.url, made.main.kind) == ("line://piazza/gate", StreamKind.MAIN)
    assert (made.sub.url, made.sub.kind) == ("line://piazza/gate", StreamKind.SUB)
    assert made == on_line()
    assert not made.main.wants_metadata
    with pytest.raises(PeerError, match="edge piazza"):
        await made.main.dial()


@pytest.mark.parametrize(("url", "way"), [("line://piazza/gate", None), ("line://piazza", reach)])
def test_a_line_that_leads_nowhere_is_the_cameras_problem(url, way):
    """A box that is no room says what to write."""
    made = on_line(url=url, sub="", way=way)
    assert made.main is None
    assert "camera piazza: url" in made.problem


def with_others(*analytics):
    """Return the town with a zone of two further analyses, and what the shop's act names."""
    zones = {
        "vetrina": Zone("vetrina", "Vetrina", "banco", SHAPE, analytic=Analytic.LOITERING),
        "linea": Zone("linea", "Linea", "banco", SHAPE, analytic=Analytic.LOSS),
    }
    scopes = tuple(replace(one, analytics=analytics) for one in SHOP_ACT.scopes)
    return replace(town(replace(SHOP_ACT, scopes=scopes)), zones=zones)


def test_an_act_names_each_analysis():
    """Intrusion does not imply loitering; what is not named is off, and the reason is told."""
    made = planned(with_others(Analytic.INTRUSION))
    assert (made.zones, made.bases) == ((), ())
    assert made.off_reason
    made = planned(with_others(Analytic.LOITERING))
    assert [zone.id for zone in made.zones] == ["vetrina"]
    assert made.basis(Analytic.LOITERING).recipients == ("istituto", "sala-pl")
    assert (made.act, made.ring_s) == ("accordo-farmacia", 20.0)
    assert made.recipients == ()


def test_a_loss_needs_the_stream_and_no_watch():
    """Its zone is guarded, but nobody decodes a picture for it."""
    made = planned(with_others(Analytic.LOSS))
    assert [zone.id for zone in made.zones] == ["linea"]
    assert (made.looked_at, made.is_tied) == ((), True)
    assert not planned(town()).is_tied


def test_zones_know_the_holidays_of_their_site():
    """The patron in every year and the closed days; only where holidays matter."""
    known = with_site(town(), "negozio", patron=date(2024, 6, 24), closed_days=(date(2026, 8, 14),))
    assert planned(known).zones[0].feasts == ()
    zone = replace(known.zones["retro"], holidays=Holidays.ALWAYS)
    made = planned(replace(known, zones={"retro": zone}))
    assert made.zones[0].feasts == (date(1, 6, 24), date(2026, 8, 14))


GATE = Zone(
    "corsia", "Corsia", "banco", SHAPE, analytic=Analytic.PLATES,
    line=((0.2, 0.5), (0.8, 0.5)), inbound=Direction.AB,
)  # fmt: skip
PLATES_ACT = replace(
    SHOP_ACT,
    dpia=SQUARE_ACT.dpia,
    dpia_date=SQUARE_ACT.dpia_date,
    scopes=tuple(
        replace(one, analytics=(*one.analytics, Analytic.PLATES)) for one in SHOP_ACT.scopes
    ),
)


def test_plates_are_read_only_under_an_act_that_names_them():
    """The lane is no zone of any rule; its act and its recipients stand in the plan (A-09)."""
    known = replace(town(PLATES_ACT), zones={"corsia": GATE})
    made = planned(known)
    assert (made.gates, made.zones, made.looked_at) == ((GATE,), (), ())
    assert made.watched_zones == (GATE,)
    (basis,) = [one for one in made.bases if one.analytic is Analytic.PLATES]
    assert (basis.act, basis.recipients) == (
        "accordo-farmacia",
        made.basis(Analytic.PLATES).recipients,
    )
    assert basis.recipients
    without = planned(replace(town(SHOP_ACT), zones={"corsia": GATE}))
    assert (without.gates, without.bases) == ((), ())
    assert "targhe" in without.off_reason


def test_a_gate_closes_when_its_act_is_over():
    """No second longer than the act's last day (A-47)."""
    act = replace(PLATES_ACT, valid_until=date(2026, 6, 30))
    known = replace(town(act), zones={"corsia": GATE})
    assert planned(known, now=at(2026, 6, 30, 21, 59, 59)).gates
    assert not planned(known, now=at(2026, 6, 30, 22, 0, 0)).gates


def test_a_lane_that_was_stored_without_a_line_is_a_problem_and_no_gate():
    """Older registries load; the camera says what a person must write, the other lane is read."""
    known = replace(
        town(PLATES_ACT),
        zones={
            "corsia": GATE,
            "vecchia": replace(GATE, id="vecchia", line=(), inbound=Direction.BOTH),
        },
    )
    made = planned(known)
    assert made.gates == (GATE,)
    assert "zone vecchia: line is missing" in made.problem
    assert "zone vecchia: inbound is missing" in made.problem
    assert made.main is not None
