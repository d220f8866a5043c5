# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a change opens wider, however it is written."""

from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import registry as m
from gateway.registry.entities import assemble, flatten, key_of
from gateway.registry.widening import Wider, forms_of, widenings
from tests.unit.registry.worlds import few, registries, small

MASK = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.3))


def world():
    """Return the small world with an assessment, a second camera, and an institute."""
    base = small()
    other = replace(base.cameras["banco"], id="retro", name="Retro", url="rtsp://192.0.2.2/1")
    act = replace(base.acts["patto"], dpia="D", dpia_date=date(2025, 5, 1))
    institute = m.Recipient("istituto", "Istituto", m.RecipientKind.INSTITUTE)
    return with_(base, other, act, institute)


def with_(base, *entities, without=()):
    kept = {key: one for key, one in flatten(base).items() if key not in without}
    return assemble(base.version, kept | {key_of(one): one for one in entities})


def act_with(base, *scopes, **more):
    return replace(base.acts["patto"], scopes=scopes, **more)


def scope(base, **more):
    return replace(base.acts["patto"].scopes[0], **more)


def found(before, after, last_known=None):
    return {(one.what, one.camera) for one in widenings(before, last_known or {}, after)}


BASE = world()
W = Wider


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BASE, set()),
        (with_(BASE, act_with(BASE, scope(BASE, disclosure=m.Disclosure.ALWAYS))),
         {(W.DISCLOSURE, "banco")}),
        (with_(BASE, act_with(BASE, scope(BASE, disclosure=m.Disclosure.TEXT_ONLY))), set()),
        (with_(BASE, act_with(BASE, scope(BASE, disclosure=m.Disclosure.ON_INCIDENT))),
         {(W.DISCLOSURE, "banco")}),
        (with_(BASE, act_with(BASE, scope(BASE, analytics=tuple(m.Analytic)))),
         {(W.ANALYTIC, "banco")}),
        (with_(BASE, act_with(BASE, scope(BASE, analytics=()))), set()),
        (with_(BASE, act_with(BASE, scope(BASE, recipients=("sala", "istituto")))),
         {(W.RECIPIENT, "banco"), (W.ANALYTIC, "banco"), (W.BEFORE, "banco")}),
        (with_(BASE, act_with(BASE, scope(BASE, retention_before_s=11.0))),
         {(W.BEFORE, "banco")}),
        (with_(BASE, act_with(BASE, scope(BASE, retention_before_s=9.0))), set()),
        (with_(BASE, act_with(BASE, scope(BASE, cameras=("banco", "retro")))),
         {(W.RECIPIENT, "retro"), (W.ANALYTIC, "retro"), (W.BEFORE, "retro")}),
        (with_(BASE, without=[("mask", "vetrina")]), {(W.MASK, "banco")}),
        (with_(BASE, m.Mask("vetrina", "banco", ((0.0, 0.0), (0.2, 0.0), (0.2, 0.29)))),
         {(W.MASK, "banco")}),
        (with_(BASE, m.Mask("vetrina", "banco", ((0.01, 0.0), (0.2, 0.0), (0.2, 0.3)))),
         {(W.MASK, "banco")}),
        (with_(BASE, m.Mask("vetrina", "banco", ((0.0, 0.0), (0.4, 0.0), (0.4, 0.6)))), set()),
        (with_(BASE, m.Mask("vetrina", "banco", MASK, m.MaskPlace.CAMERA)), {(W.MASK, "banco")}),
        (with_(BASE, m.Mask("vetrina", "retro", MASK)), {(W.MASK, "banco")}),
        (with_(BASE, m.Mask("altra", "banco", MASK), without=[("mask", "vetrina")]), set()),
        (with_(BASE, replace(BASE.controllers["farmacia"], retention_h=25)), {(W.RETENTION, "")}),
        (with_(BASE, replace(BASE.controllers["farmacia"], retention_h=24)), set()),
        (with_(BASE, replace(BASE.controllers["farmacia"], retention_h=12)), set()),
        (with_(BASE, replace(BASE.controllers["farmacia"], kind=m.TenantKind.MUNICIPALITY)),
         {(W.RETENTION, "")}),
        (with_(BASE, replace(BASE.cameras["banco"], name="Cassa", azimuth_deg=1.0)), set()),
        (with_(BASE, without=[("act", "patto")]), set()),
        (with_(BASE, replace(BASE.acts["patto"], valid_until=date(2026, 6, 1))), set()),
    ],
)  # fmt: skip
def test_each_kind_of_widening_is_seen_and_nothing_else(after, expected):
    """New analytic, recipient, disclosure, seconds, retention, mask; narrowing is free."""
    assert found(BASE, after) == expected


def test_a_camera_that_nobody_knew_widens_nothing():
    """Growing the system is ordinary work; the act that names the camera is a new line."""
    new = replace(BASE.cameras["retro"], id="terza", url="rtsp://192.0.2.3/1")
    line = scope(BASE, cameras=("terza",), disclosure=m.Disclosure.ALWAYS)
    assert found(BASE, with_(BASE, new, act_with(BASE, scope(BASE), line))) == set()


def test_splitting_and_joining_acts_changes_nothing():
    """The same rights in two acts, or in two lines, are the same rights."""
    both = act_with(BASE, scope(BASE, analytics=()), scope(BASE, disclosure=m.Disclosure.TEXT_ONLY))
    assert found(BASE, with_(BASE, both)) == set()
    half = replace(act_with(BASE, scope(BASE)), id="accordo")
    assert found(BASE, with_(BASE, half, without=[("act", "patto")])) == set()
    wider = replace(act_with(BASE, scope(BASE, analytics=(m.Analytic.PLATES,))), id="accordo")
    assert found(BASE, with_(BASE, wider)) == {(W.ANALYTIC, "banco")}


GONE = [("camera", "banco"), ("mask", "vetrina"), ("zone", "dietro"), ("act", "patto")]


def test_removing_and_adding_a_camera_again_is_no_way_around():
    """What comes back is measured by what it was when it went."""
    without = with_(BASE, without=GONE)
    assert found(BASE, without) == set()
    last = {"banco": forms_of(BASE)["banco"]}
    back = with_(without, BASE.cameras["banco"], BASE.acts["patto"])
    assert found(without, back, last) == {(W.MASK, "banco")}
    whole = with_(back, BASE.masks["vetrina"])
    assert found(without, whole, last) == set()
    wide = with_(whole, act_with(BASE, scope(BASE, disclosure=m.Disclosure.ALWAYS)))
    assert found(without, wide, last) == {(W.DISCLOSURE, "banco")}


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://192.0.2.1/1",
        "rtsp://192.0.2.1:554/1",
        "RTSP://192.0.2.1/1/",
        "rtsp://user-less@192.0.2.1/1",
    ],
)
def test_a_new_id_for_the_same_address_is_the_same_camera(url):
    """Renaming `banco` to `cassa` keeps what is known of it."""
    renamed = replace(BASE.cameras["banco"], id="cassa", url=url)
    line = act_with(BASE, scope(BASE, cameras=("cassa",)))
    assert found(BASE, with_(BASE, renamed, line, without=GONE)) == {(W.MASK, "cassa")}
    masked = with_(BASE, renamed, line, m.Mask("v", "cassa", MASK), without=GONE)
    assert found(BASE, masked) == set()


def test_a_recorder_by_another_id_is_the_same_recorder():
    """A channel of it under a new id of both keeps what is known of it."""
    nvr = m.Device("nvr", "NVR", "sede", url="http://192.0.2.8/onvif/device_service")
    banco = replace(BASE.cameras["banco"], url="", device="nvr", channel=3)
    before = with_(BASE, nvr, banco)
    again = replace(nvr, id="nvr-2", url="http://192.0.2.8:80/onvif/device_service")
    cassa = replace(banco, id="cassa", device="nvr-2")
    line = act_with(BASE, scope(BASE, cameras=("cassa",)))
    after = with_(before, again, cassa, line, without=[*GONE, ("device", "nvr")])
    assert found(before, after) == {(W.MASK, "cassa")}
    other = with_(after, replace(cassa, channel=4))
    assert found(before, other) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"broker": "altro"}, {(W.RECIPIENT, "banco")}),
        ({"topic_prefix": "altrove"}, {(W.RECIPIENT, "banco")}),
        ({"broker": ""}, set()),
        ({"name": "Sala due"}, set()),
    ],
)
def test_a_recipient_that_is_reached_elsewhere_is_another_one(change, expected):
    """Its id must not carry its rights to somebody else's broker."""
    sala = replace(BASE.recipients["sala"], broker="provincia", topic_prefix="varco/1/sala")
    before = with_(BASE, sala)
    assert found(before, with_(before, replace(sala, **change))) == expected


def test_what_was_a_school_keeps_copies_no_longer_than_a_school():
    """The town's other sites keep them for three days."""
    town = replace(BASE.controllers["farmacia"], kind=m.TenantKind.MUNICIPALITY)
    school = with_(BASE, town, replace(BASE.sites["sede"], kind=m.SiteKind.SCHOOL))
    hall = with_(school, replace(BASE.sites["sede"], kind=m.SiteKind.OTHER))
    assert found(school, hall) == {(W.RETENTION, "")}
    assert found(hall, school) == set()


def test_two_cameras_that_change_places_are_noticed():
    """The wide rights of one id cannot be lent to the picture of another."""
    banco, retro = BASE.cameras["banco"], BASE.cameras["retro"]
    swapped = with_(BASE, replace(banco, url=retro.url), replace(retro, url=banco.url))
    assert (W.RECIPIENT, "banco") in found(BASE, swapped)
    assert (W.MASK, "retro") in found(BASE, swapped)


def test_narrowing_first_does_not_make_widening_free():
    """Step by step, the second step is held."""
    narrow = with_(BASE, act_with(BASE, scope(BASE, analytics=())))
    assert found(BASE, narrow) == set()
    assert found(narrow, BASE) == {(W.ANALYTIC, "banco")}


def test_a_camera_given_to_another_controller_has_a_new_recipient():
    """Its new owner sees it; both have to agree."""
    bar, site = m.Controller("bar", "Bar"), replace(BASE.sites["sede"], id="bar", controller="bar")
    after = with_(BASE, bar, site, replace(BASE.cameras["banco"], site="bar"))
    (one,) = widenings(BASE, {}, after)
    assert (one.what, one.subject, set(one.controllers)) == (
        W.RECIPIENT,
        "bar",
        {"farmacia", "bar"},
    )


def test_a_school_shows_its_inside_no_longer_than_before():
    """Neither by fewer hours, nor by more holidays, nor by calling the camera outdoor."""
    hours = (m.WeekHours((1, 2), time(8), time(14)),)
    site = replace(BASE.sites["sede"], kind=m.SiteKind.SCHOOL, opening=hours)
    school = with_(BASE, site, replace(BASE.cameras["banco"], indoor=True))
    longer = replace(site, opening=(m.WeekHours((1, 2, 3), time(7), time(15)),))
    assert found(school, with_(school, longer)) == set()
    for change in (
        replace(site, opening=(m.WeekHours((1,), time(8), time(14)),)),
        replace(site, opening=(m.WeekHours((1, 2), time(9), time(14)),)),
        replace(site, closed_days=(date(2026, 12, 25),)),
        replace(site, kind=m.SiteKind.OTHER),
        replace(school.cameras["banco"], indoor=False),
    ):
        assert found(school, with_(school, change)) == {(W.SCHOOL, "banco")}


def test_the_acts_concerned_are_named():
    """The line that grants it, and for a new act the ones that were there before."""
    new = replace(act_with(BASE, scope(BASE, recipients=("istituto",))), id="nuovo")
    acts = {one.acts for one in widenings(BASE, {}, with_(BASE, new))}
    assert acts == {("nuovo", "patto")}
    (mask,) = widenings(BASE, {}, with_(BASE, without=[("mask", "vetrina")]))
    assert (mask.acts, mask.assessed) == (("patto",), "2025-05-01")
    assert mask.text_it == "Banco: una maschera di riservatezza è tolta, spostata o ridotta"


@few
@given(registries())
def test_no_change_widens_nothing(one):
    """Whatever the world is."""
    again = assemble(1, flatten(one))
    assert widenings(one, {}, again) == ()
    renamed = {i: replace(c, name="x") for i, c in one.cameras.items()}
    assert widenings(one, {}, replace(one, cameras=renamed)) == ()


@few
@given(registries(), registries(), st.data())
def test_nobody_gets_more_unseen(one, other, data):
    """Where nothing is found, no known camera gives anybody more than it did."""
    after = assemble(1, flatten(one) | flatten(other)) if data.draw(st.booleans()) else other
    after = replace(
        after, cameras={i: c for i, c in after.cameras.items() if c.site in after.sites}
    )
    about = {(w.what, w.camera) for w in widenings(one, {}, after)}
    for id_ in one.cameras.keys() & after.cameras.keys():
        was, now = forms_of(one)[id_], forms_of(after)[id_]
        if now.analytics - was.analytics:
            assert (W.ANALYTIC, id_) in about
        if any(level > was.recipients.get(r, 0) for r, level in now.recipients.items()):
            assert {(W.RECIPIENT, id_), (W.DISCLOSURE, id_)} & about


def test_a_camera_that_counts_as_less_public_is_wider():
    """No assessment would be asked for any more."""
    strict = with_(BASE, replace(BASE.cameras["banco"], area=m.AreaKind.PUBLIC))
    assert found(strict, BASE) == {(W.AREA, "banco")}
    assert found(BASE, strict) == set()
    private = with_(BASE, replace(BASE.cameras["banco"], area=m.AreaKind.PRIVATE))
    assert found(BASE, private) == {(W.AREA, "banco")}


def test_an_institute_that_becomes_a_room_is_wider_where_acts_name_it():
    """A room is shown pictures, and its supervisor may approve; the other way is free."""
    line = scope(BASE, recipients=("istituto",), disclosure=m.Disclosure.TEXT_ONLY)
    told = with_(BASE, act_with(BASE, scope(BASE), line))
    room = with_(told, m.Recipient("istituto", "Istituto", m.RecipientKind.ROOM))
    assert found(told, room) == {(W.KIND, "banco")}
    assert found(room, told) == set()
    assert found(BASE, with_(BASE, m.Recipient("istituto", "I", m.RecipientKind.ROOM))) == set()


def test_pictures_that_lose_their_watermark_are_wider():
    """Also by a second line without it; on text it never was, with it is free."""
    marked = with_(BASE, act_with(BASE, scope(BASE, watermark=True)))
    beside = with_(BASE, act_with(BASE, scope(BASE, watermark=True), scope(BASE)))
    text = scope(BASE, disclosure=m.Disclosure.TEXT_ONLY)
    only = with_(BASE, act_with(BASE, scope(BASE, watermark=True), text))
    assert found(marked, BASE) == found(marked, beside) == {(W.WATERMARK, "banco")}
    assert found(BASE, marked) == found(BASE, beside) == found(marked, only) == set()


INCIDENT = with_(BASE, act_with(BASE, scope(BASE, disclosure=m.Disclosure.ON_INCIDENT)))


@pytest.mark.parametrize(
    ("disclosures", "wider"),
    [
        (["ON_INCIDENT"], set()),
        (["ON_ALARM"], {(W.DISCLOSURE, "banco")}),
        (["TEXT_ONLY"], {(W.DISCLOSURE, "banco")}),
        (["ON_INCIDENT", "ON_ALARM"], {(W.DISCLOSURE, "banco")}),
        (["ALWAYS"], {(W.DISCLOSURE, "banco")}),
    ],
)
def test_whoever_saw_it_in_incidents_alone_gets_more_with_anything_that_stands(disclosures, wider):
    """Until an incident is shared a room does not even know of the camera (ADR 26)."""
    lines = [scope(BASE, disclosure=m.Disclosure[one]) for one in disclosures]
    assert found(INCIDENT, with_(BASE, act_with(BASE, *lines))) == wider


def test_leave_for_incidents_is_no_leave_for_alarms():
    """Who approved "su intervento" has not approved "su allarme", nor the other way round."""
    alarm = with_(BASE, act_with(BASE, scope(BASE, disclosure=m.Disclosure.ON_ALARM)))
    nothing = with_(BASE, act_with(BASE))
    (stands,) = widenings(INCIDENT, {}, alarm)
    (incident,) = widenings(alarm, {}, INCIDENT)
    approved = widenings(nothing, {}, INCIDENT)
    assert stands.within([stands])
    assert not stands.within([incident, *approved])
    assert not incident.within([stands])
    both = [scope(BASE, disclosure=m.Disclosure[one]) for one in ("ON_INCIDENT", "ON_ALARM")]
    assert widenings(with_(BASE, act_with(BASE, *both)), {}, alarm) == ()
