# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

import pytest

from gateway.access.policy import decide
from gateway.assembly.masks import CONFIRMED_S, MasksInForce, place_of
from gateway.model.access import Refusal
from gateway.model.registry import Device, Mask, MaskPlace
from tests.fakes import FakeClock
from tests.unit.access.town import NOW, registry, wish

SHAPE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))
MASK = Mask("finestra", "piazza", SHAPE, MaskPlace.CAMERA)
OWN = Mask("porta", "piazza", SHAPE)


class World:
    def __init__(self, *masks):
        self.clock = FakeClock()
        town = registry()
        cameras = {**town.cameras, "piazza": replace(town.cameras["piazza"], device="a")}
        devices = {name: Device(name, name, "centro", f"http://{name}/") for name in "ab"}
        known = {m.id: m for m in masks}
        self.now = replace(town, masks=known, cameras=cameras, devices=devices)
        self.in_force = MasksInForce(lambda: self.now, self.clock)

    def place(self):
        camera = self.now.cameras["piazza"]
        return place_of(camera, self.now.devices[camera.device])

    def change(self, **more):
        camera = replace(self.now.cameras["piazza"], **more)
        self.now = replace(self.now, cameras={**self.now.cameras, "piazza": camera})

    def ours(self):
        return [mask.id for mask in self.in_force.current().masks_of("piazza")]


def test_a_mask_of_the_cameras_is_ours_until_it_was_read_back():
    """Fail closed: nobody has seen it on the camera."""
    world = World(MASK, OWN)
    assert world.ours() == ["finestra", "porta"]
    world.in_force.confirm([MASK], world.place())
    assert world.ours() == ["porta"]
    assert world.in_force.current() is world.now


def test_what_was_read_back_is_not_believed_for_ever():
    """A camera that no longer answers may have been reset."""
    world = World(MASK)
    world.in_force.confirm([MASK], world.place())
    world.clock.advance(CONFIRMED_S - 1)
    assert world.ours() == []
    world.clock.advance(2)
    assert world.ours() == ["finestra"]


def test_a_mask_that_is_seen_to_be_missing_is_ours_at_once():
    """Somebody deleted it at the camera."""
    world = World(MASK)
    world.in_force.confirm([MASK], world.place())
    world.in_force.doubt([MASK])
    assert world.ours() == ["finestra"]


def test_a_mask_that_was_changed_in_the_registry_has_to_be_read_back_anew():
    """The camera still burns the old polygon."""
    world = World(MASK)
    world.in_force.confirm([MASK], world.place())
    moved = replace(MASK, polygon=((0.0, 0.0), *SHAPE[1:]))
    world.now = replace(world.now, masks={moved.id: moved})
    assert world.ours() == ["finestra"]
    world.in_force.confirm([moved], world.place())
    assert world.ours() == []


def test_the_same_registry_is_made_once():
    """Every check of a lease asks for it, each second."""
    world = World(MASK)
    assert world.in_force.current() is world.in_force.current()


def test_the_gate_refuses_a_live_view_while_the_mask_is_doubted():
    """No unmasked picture leaves, and the reason says why."""
    world = World(MASK)
    asked = wish("piazza")
    verdict = decide(asked, world.in_force.current(), None, NOW)
    assert verdict.refusal is Refusal.MASK
    world.in_force.confirm([MASK], world.place())
    verdict = decide(asked, world.in_force.current(), None, NOW)
    assert verdict.refusal is not Refusal.MASK


def test_pages_are_told_which_masks_a_camera_was_seen_to_burn_in():
    """The same answer that the gate gets."""
    world = World(MASK)
    assert not world.in_force.confirms(MASK)
    world.in_force.confirm([MASK], world.place())
    assert world.in_force.confirms(MASK)
    world.clock.advance(CONFIRMED_S + 1)
    assert not world.in_force.confirms(MASK)


@pytest.mark.parametrize(
    "more",
    [
        {"channel": 2},
        {"device": "b"},
        {"device": ""},
        {"url": "rtsp://c/"},
        {"sub_url": "rtsp://d/"},
    ],
)
def test_a_camera_that_moved_has_its_masks_read_back_anew(more):
    """What was seen at the old place says nothing of the new one, not even if it is told late."""
    world = World(MASK)
    before = world.place()
    world.in_force.confirm([MASK], before)
    assert world.ours() == []
    world.change(**more)
    assert world.ours() == ["finestra"]
    world.in_force.confirm([MASK], before)
    assert world.ours() == ["finestra"]


def test_a_device_that_moved_has_its_masks_read_back_anew():
    """Another address is another device."""
    world = World(MASK)
    world.in_force.confirm([MASK], world.place())
    moved = replace(world.now.devices["a"], url="http://elsewhere/")
    world.now = replace(world.now, devices={**world.now.devices, "a": moved})
    assert world.ours() == ["finestra"]


def test_what_was_entered_is_there_beneath():
    """Plans ask devices for their masks, whoever burns them in."""
    world = World(MASK)
    assert world.in_force.entered() is world.now
    assert world.in_force.current() is not world.now
