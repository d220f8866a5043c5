# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Recorders and cameras as devices: who sees which, and how much of it."""

from dataclasses import replace

import pytest

from gateway.console.cameras import list_cameras
from gateway.console.devices import list_devices
from gateway.ingest.nvr import Channel
from gateway.model.access import Actor
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Role, User
from tests.ui.town import PHARMACY, SQUARE

LEAK = "http://192.0.2.9:8000/onvif/device_service?user=admin is unreachable"


async def listed(site, user):
    """Return the devices that a user gets, by id, and the text of the answer."""
    async with site.as_user(user) as client:
        answer = await client.get("/api/devices")
    assert answer.status_code == 200
    return {one["id"]: one for one in answer.json()}, answer.text


def join(town, user, role, organisation):
    """Add an account to the town."""
    users = {**town.registry.users, user: User(user, user.title(), role, organisation)}
    town.registry = replace(town.registry, users=users)


async def test_a_device_says_whether_it_is_reachable_on_time_heard_and_what_is_lost(site):
    """Everything that an installer would walk to the cabinet for."""
    found, text = await listed(site, "anna")
    recorder = found["scale"]
    assert (recorder["online"], recorder["kind"], recorder["model"]) == (
        True,
        "registratore",
        "NVR-16",
    )
    assert recorder["clock_offset_s"] == -12.4
    assert recorder["time"] == {"kind": "Manual", "servers": [], "from_dhcp": False}
    assert (recorder["events"]["state"], recorder["events"]["recreations"]) == ("live", 2)
    assert (recorder["sessions_used"], recorder["sessions_most"]) == (2, 2)
    lost = next(one for one in recorder["channels"] if one["number"] == 3)
    assert (lost["camera"], lost["state"]) == ("piazza-2", "stalled")
    assert lost["problem"] == "il canale non c'è più"
    confirmed = {one["camera"]: one["confirmed"] for one in recorder["masks"]}
    assert confirmed == {SQUARE: True, "piazza-2": False}
    assert recorder["notes"][0]["it"].endswith("impostare NTP")
    assert found["banco"]["online"] is False
    assert "credential" not in text


async def test_only_devices_of_cameras_that_one_knows_and_of_those_only_their_channels(site, town):
    """A room sees no channel that the registry has no camera for; another house sees nothing."""
    found, _ = await listed(site, "anna")
    assert [one["number"] for one in found["scale"]["channels"]] == [1, 3]
    join(town, "vetro", Role.OWNER, "farmacia")
    found, _ = await listed(site, "vetro")
    assert set(found) == {"banco"}
    assert [one["camera"] for one in found["banco"]["channels"]] == [PHARMACY]
    for role, organisation in (
        (Role.OWNER, "straniero"),
        (Role.INSTALLER, "straniero"),
        (Role.DPO, "comune"),
        (Role.INSTITUTE_OPERATOR, "istituto"),
    ):
        join(town, "altro", role, organisation)
        assert (await listed(site, "altro"))[0] == {}, role


async def test_the_installer_of_the_house_sees_all_of_its_devices_and_channels(site, town):
    """Also a recorder that no camera hangs off yet, and a channel that nobody registered."""
    cameras = {name: replace(one, device="") for name, one in town.registry.cameras.items()}
    town.registry = replace(town.registry, cameras=cameras)
    join(town, "ivo", Role.INSTALLER, "comune")
    found, _ = await listed(site, "ivo")
    assert set(found) == {"scale"}
    assert [one["number"] for one in found["scale"]["channels"]] == [1, 2, 3]
    assert (await listed(site, "anna"))[0] == {}


async def test_addresses_have_no_path_but_for_technicians(site, town):
    """Paths and queries tell how to get in; an operator needs the host at most."""
    state = town.devices["scale"]
    channel = replace(state.channels[0], problem=LEAK)
    health = replace(state.events, problem=LEAK)
    town.devices["scale"] = replace(
        state, problem=LEAK, remarks=((LEAK, LEAK),), channels=(channel,), events=health
    )
    _, text = await listed(site, "anna")
    assert "http://192.0.2.9:8000 is unreachable" in text
    assert "device_service" not in text
    assert "admin" not in text
    join(town, "ivo", Role.INSTALLER, "comune")
    _, text = await listed(site, "ivo")
    assert "/onvif/device_service" in text


async def test_a_camera_that_was_not_found_at_its_device_is_listed_all_the_same(site, town):
    """And a device that the registry has lost since is not."""
    lone = Channel(1, "View", "", "", None, (0, 0))
    town.devices["banco"] = replace(town.devices["banco"], channels=(lone,))
    town.devices["scale"] = replace(town.devices["scale"], channels=())
    found, _ = await listed(site, "anna")
    assert [(c["number"], c["camera"]) for c in found["scale"]["channels"]] == [
        (1, SQUARE),
        (3, "piazza-2"),
    ]
    assert [(c["number"], c["camera"]) for c in found["banco"]["channels"]] == [(1, PHARMACY)]
    without = {name: one for name, one in town.registry.devices.items() if name != "scale"}
    town.registry = replace(town.registry, devices=without)
    found, _ = await listed(site, "anna")
    assert set(found) == {"banco"}


async def test_nobody_gets_devices_without_signing_in(site):
    """401, as everywhere."""
    async with site.anonymous() as client:
        assert (await client.get("/api/devices")).status_code == 401


class Calm:
    """Cameras of which nothing is to be seen, three streams of each aside."""

    def status(self, camera):
        return StreamStatus(StreamState.IDLE)

    def streams(self, camera):
        return 3


@pytest.mark.parametrize(
    ("role", "calm"),
    [(Role.OWNER, True), (Role.INSTALLER, True), (Role.SYSADMIN, False), (Role.PL_OPERATOR, False)],
)
async def test_people_on_site_see_cameras_as_they_may_be_seen(town, role, calm):
    """In the list, at a device's channels and in its sessions (ADR 32); rooms see what is."""
    organisation = "sala-pl" if role is Role.PL_OPERATOR else "comune"
    actor = Actor("uno", "Uno", role, organisation, "s", "password", "192.0.2.1")
    services = replace(town.services(), on_site=Calm())
    (recorder,) = [one for one in await list_devices(actor, services) if one.id == "scale"]
    cameras = [one for one in recorder.channels if one.camera]
    assert cameras
    assert {one.state == "idle" for one in cameras} == {calm}
    hung = [one for one in town.registry.cameras.values() if one.device == "scale"]
    assert recorder.sessions_used == (3 * len(hung) if calm else town.devices["scale"].sessions)
    listed = {one.id: one.state for one in await list_cameras(actor, services)}
    assert (listed[SQUARE] == "idle") is calm
