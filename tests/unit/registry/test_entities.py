# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entities as rows, and references between them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.registry import (
    Controller,
    Device,
    Holdup,
    Panel,
    Recipient,
    RecipientKind,
    Trigger,
    empty_registry,
)
from gateway.registry.entities import assemble, decode, disagreements, encode, flatten, key_of
from tests.unit.registry.worlds import few, registries, small


@few
@given(registries())
def test_every_entity_survives_its_row(registry):
    """Registry -> rows -> Registry changes nothing."""
    rows = {key: encode(entity) for key, entity in flatten(registry).items()}
    back = {key: decode(key[0], body) for key, body in rows.items()}
    assert assemble(registry.version, back) == registry


@few
@given(registries())
def test_rows_are_canonical(registry):
    """Reading a row and writing it again gives the same bytes, with sorted keys."""
    for entity in flatten(registry).values():
        body = encode(entity)
        assert encode(decode(key_of(entity)[0], body)) == body
        assert list(json.loads(body)) == sorted(json.loads(body))


def test_a_row_has_no_password_hash():
    """Old versions must not keep what a user has changed."""
    secrets = {"password_hash": "$argon2id$c2Fs", "totp_secret": "JBSWY3DPEHPK3PXP"}
    user = replace(small().users["verdi"], **secrets)
    assert not [one for one in secrets.values() if one in encode(user)]
    assert decode("user", encode(user)) == small().users["verdi"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("robot", "{}"),
        ("camera", "{}"),
        ("camera", "x"),
        ("site", '{"id":"a","name":"b","controller":"c","kind":"nave","state":"attivo"}'),
    ],
)
def test_rows_that_nobody_wrote_are_refused(kind, body):
    """A damaged database is noticed when it is read."""
    with pytest.raises(ValueError, match=r".+"):
        decode(kind, body)


@few
@given(registries())
def test_a_consistent_registry_has_no_disagreement(registry):
    """References that fit are not complained about."""
    assert disagreements(flatten(registry), lambda key: "x") == []


@few
@given(registries(), st.data())
def test_taking_away_what_is_referred_to_is_noticed(registry, data):
    """Whichever controller, site or camera goes, somebody misses it."""
    entities = flatten(registry)
    wanted = (
        {("controller", s.controller) for s in registry.sites.values()}
        | {("site", c.site) for c in registry.cameras.values()}
        | {("camera", z.camera) for z in registry.zones.values()}
    )
    gone = data.draw(st.sampled_from(sorted(wanted)))
    del entities[gone]
    faults = disagreements(entities, "/".join)
    assert any(f"there is no {gone[0]} {gone[1]}" in str(fault) for fault in faults)


@pytest.mark.parametrize(
    ("kind", "id_", "field", "value", "fault"),
    [
        ("site", "sede", "controller", "x", "site[sede].controller: there is no controller x"),
        ("camera", "banco", "site", "sed", "camera[banco].site: there is no site sed"),
        ("zone", "dietro", "camera", "x", "zone[dietro].camera: there is no camera x"),
        ("mask", "vetrina", "camera", "x", "mask[vetrina].camera: there is no camera x"),
        (
            "user",
            "verdi",
            "organisation",
            "x",
            "user[verdi].organisation: there is no controller or recipient x",
        ),
    ],
)
def test_each_reference_names_its_place_and_key(kind, id_, field, value, fault):
    """The fault stands where the reference stands."""
    entities = flatten(small())
    entities[kind, id_] = replace(entities[kind, id_], **{field: value})
    (found,) = disagreements(entities, lambda key: f"seed.toml:{key[1]}")
    assert str(found).startswith(f"seed.toml:{id_}: {fault}")
    assert found.advice in (
        "did you mean sede?",
        "write the id of a controller that exists",
        "write the id of a camera that exists",
        "write the id of a controller or recipient that exists",
    )


def with_device():
    """Return the small world with a recorder, a channel of it, and a trigger."""
    world = flatten(small())
    url = "http://192.0.2.3/onvif/device_service"
    device = Device("nvr", "NVR", "sede", url, make="hikvision")
    camera = replace(world["camera", "banco"], id="c3", url="", device="nvr", channel=3)
    trigger = Trigger("moto", "Moto", "c3", "VideoSource/MotionAlarm")
    return world | {key_of(one): one for one in (device, camera, trigger)}


@pytest.mark.parametrize(
    ("key", "change", "fault"),
    [
        (("device", "nvr"), {"site": "x"}, "device[nvr].site: there is no site x"),
        (("camera", "c3"), {"device": "nvt"}, "camera[c3].device: there is no device nvt"),
        (("camera", "c3"), {"channel": 0}, "camera[c3].channel: is missing"),
        (("camera", "c3"), {"device": ""}, "camera[c3].channel: belongs to no device"),
        (("camera", "banco"), {"url": ""}, "camera[banco].url: is missing"),
        (("trigger", "moto"), {"camera": "x"}, "trigger[moto].camera: there is no camera x"),
    ],
)
def test_devices_channels_and_triggers_lead_somewhere(key, change, fault):
    """A view without a way to it is found before somebody waits for its picture."""
    entities = with_device()
    assert disagreements(entities, "/".join) == []
    entities[key] = replace(entities[key], **change)
    (found,) = disagreements(entities, "/".join)
    assert str(found).startswith(f"{'/'.join(key)}: {fault}")
    assert found.advice


def test_a_channel_needs_a_make_that_tells_where_it_is():
    """Without a make nobody knows the path of a channel: the url is written out, or the make."""
    entities = with_device()
    entities["device", "nvr"] = replace(entities["device", "nvr"], make="")
    (found,) = disagreements(entities, lambda key: "s")
    assert str(found) == (
        "s: camera[c3].url: is missing, and device nvr has no make that tells where channels are "
        '(write url = "rtsp://…" here, or make = "…" at the device)'
    )
    entities["camera", "c3"] = replace(entities["camera", "c3"], url="rtsp://192.0.2.3/3")
    assert disagreements(entities, lambda key: "s") == []


def test_the_same_channel_twice_is_a_slip_of_the_hand():
    """Four cameras of a recorder are four views; a URL of its own may repeat the channel."""
    entities = with_device()
    twin = replace(entities["camera", "c3"], id="c4")
    entities["camera", "c4"] = twin
    (found,) = disagreements(entities, lambda key: "s")
    assert str(found).startswith("s: camera[c4].channel: is that of camera c3 too")
    entities["camera", "c4"] = replace(twin, url="rtsp://192.0.2.3/other")
    assert disagreements(entities, lambda key: "s") == []


def test_a_recorder_serves_one_controller():
    """Its credential opens every channel, so no other owner's camera may hang off it."""
    entities = with_device()
    entities["controller", "bar"] = Controller("bar", "Bar")
    entities["site", "bar"] = replace(entities["site", "sede"], id="bar", controller="bar")
    entities["camera", "c3"] = replace(entities["camera", "c3"], site="bar")
    (found,) = disagreements(entities, lambda key: "s")
    assert "camera[c3].device: device nvr belongs to another controller" in str(found)


OLD_ROW = (
    '{"area":"aperta-al-pubblico","azimuth_deg":210.0,"continuous":true,"credential":"",'
    '"field_of_view_deg":60.0,"id":"banco","latitude":44.0354,"longitude":10.1395,'
    '"name":"Banco","site":"sede","target_width_m":0.0,"url":"rtsp://192.0.2.1/1"}'
)


def test_a_row_from_before_devices_is_read():
    """A camera that an older version wrote gets the defaults of what it did not know."""
    assert decode("camera", OLD_ROW) == small().cameras["banco"]


def test_both_lists_of_an_act_are_looked_at():
    """An act that names a camera or a recipient which is not there gives one fault for each."""
    entities = flatten(small())
    act = entities["act", "patto"]
    scope = replace(act.scopes[0], cameras=("banko",), recipients=("nessuno",))
    entities["act", "patto"] = replace(act, scopes=(act.scopes[0], scope))
    found = [str(fault) for fault in disagreements(entities, lambda key: "s")]
    assert found == [
        "s: act[patto].scope[#2].cameras: there is no camera banko (did you mean banco?)",
        "s: act[patto].scope[#2].recipients: there is no recipient nessuno "
        "(write the id of a recipient that exists)",
    ]


def test_a_recipient_may_not_be_called_like_a_controller():
    """A user's organisation would be two at once, and see the cameras of both."""
    entities = flatten(small())
    entities["recipient", "farmacia"] = Recipient("farmacia", "F", RecipientKind.ROOM)
    (found,) = disagreements(entities, lambda key: "s")
    assert "recipient[farmacia].id: is the id of a controller too" in str(found)


def test_nothing_is_a_registry_too():
    """Version 0 is assembled from no rows."""
    assert assemble(0, {}) == empty_registry()


@pytest.mark.parametrize(
    ("account", "fault"),
    [
        ("00ABC", "account: is that of panel a too, written 0ABC"),
        ("0ABC", "account: is that of panel a too"),
        ("ABCD", ""),
    ],
)
def test_accounts_that_zeros_alone_tell_apart_are_one(account, fault):
    """Panels fill up with zeros as they like: the second one is refused, and both are named."""
    known = small()
    camera = next(iter(known.cameras))
    panels = {
        id_: Panel(id_, id_, one, camera=camera) for id_, one in (("a", "0ABC"), ("b", account))
    }
    found = disagreements(flatten(replace(known, panels=panels)), lambda key: "seed.toml")
    assert [("panel[b]" in str(one), fault in str(one)) for one in found] == (
        [(True, True)] if fault else []
    )


def test_a_panel_raises_the_channel_of_its_own_shop():
    """A hold-up that a panel tells opens cameras: of another shop, it is refused and named."""
    known = small()
    camera = next(iter(known.cameras.values()))
    fault = f"panel[a].holdup: channel cassa is of site altrove, camera {camera.id} is not"
    for site in (camera.site, "altrove"):
        channel = Holdup("cassa", "Cassa", site, (), ())
        panels = {"a": Panel("a", "a", "0ABC", camera=camera.id, holdup="cassa")}
        changed = replace(known, panels=panels, holdups={"cassa": channel})
        found = [str(one) for one in disagreements(flatten(changed), lambda key: "seed.toml")]
        assert any(fault in one for one in found) is (site == "altrove")
