# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Each camera, mask and account that a change touches has its entry (D.3)."""

from dataclasses import replace

import pytest

from gateway.assembly import changes
from gateway.model.access import Actor
from gateway.model.registry import AreaKind, Mask, Role, User
from gateway.registry.entities import assemble, flatten, key_of
from gateway.registry.seed import RegistryChange, Seed, compare
from tests.unit.assembly.parts import entries, opened_box, town

ROOT = Actor("uid-0", "root", Role.SYSADMIN, "prova", "", "peercred")
CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def world(base, version, *entities, without=()):
    kept = {key: one for key, one in flatten(base).items() if key not in without}
    return assemble(version, kept | {key_of(one): one for one in entities})


def written(before, after, founders=(), orphans=()):
    change = replace(
        compare(before, after), version=after.version, founders=founders, orphans=orphans
    )
    return [
        (one.event, one.object_type, one.object_id, one.reason_text)
        for one in changes.entries(change, before, after)
    ]


@pytest.fixture
async def box(tmp_path):
    async with opened_box(tmp_path, town(tmp_path)) as opened:
        yield opened


async def test_what_happens_to_a_camera(box):
    """Added, changed with the names of what changed, removed; never its address."""
    one = box.registry.current()
    uno = one.cameras["uno"]
    new = replace(uno, id="due", url="rtsp://192.0.2.9/geheim")
    moved = replace(uno, area=AreaKind.PRIVATE, url="rtsp://192.0.2.8/")
    two = world(one, 2, new, moved)
    told = sorted(written(one, two))
    assert told == [
        ("camera.add", "camera", "due", ""),
        ("camera.change", "camera", "uno", "url, area"),
    ]
    assert written(two, world(two, 3, without=[("camera", "due")])) == [
        ("camera.remove", "camera", "due", "")
    ]


async def test_what_happens_to_a_mask_is_told_at_its_camera(box):
    """Whose log shows the camera shows its masks."""
    one = box.registry.current()
    mask = Mask("finestra", "uno", CORNERS)
    two = world(one, 2, mask)
    three = world(two, 3, replace(mask, reason="casa"))
    assert written(one, two) == [("mask.create", "camera", "uno", "finestra (gateway)")]
    assert written(two, three) == [("mask.change", "camera", "uno", "finestra (gateway)")]
    assert written(three, one) == [("mask.remove", "camera", "uno", "finestra (gateway)")]


async def test_what_happens_to_an_account(box):
    """Switching it off and removing it are the same word; founders come first, in capitals."""
    one = box.registry.current()
    house = next(iter(one.controllers))
    user = User("zita", "Zita Nome", Role.DPO, house)
    two = world(one, 2, user, User("zeno", "A", Role.OWNER, house))
    told = written(one, two, founders=("zita",))
    assert [name for _, _, name, _ in told] == ["zita", "zeno"]
    assert told[0][3].startswith(f"PRIMO APPROVATORE DI {house.upper()}")
    assert all(event == "user.create" for event, *_ in told)
    off = world(two, 3, replace(user, enabled=False))
    assert written(two, off) == [("user.disable", "user", "zita", f"dpo {house}: enabled")]
    assert written(off, two)[0][0] == "user.change"
    assert ("user.disable", "user", "zita", "removed") in written(two, one)
    assert "Zita Nome" not in str(told)


async def test_the_last_approver_goes_in_capitals(box):
    """Whether removed, switched off or given another role; others of the house are not meant."""
    one = box.registry.current()
    house = next(iter(one.controllers))
    zita, zeno = User("zita", "Z", Role.DPO, house), User("zeno", "Z", Role.AUDITOR, house)
    two = world(one, 2, zita, zeno)
    for after in (
        one,
        world(one, 3, replace(zita, enabled=False)),
        world(one, 3, replace(zita, role=Role.AUDITOR)),
    ):
        told = written(two, after, orphans=(house,))
        assert told[0][2] == "zita"
        assert told[0][3].startswith(f"ULTIMO APPROVATORE DI {house.upper()}: DA ORA NESSUNO")
        assert [what for _, _, _, what in told[1:]] == ["removed"]
    (told,) = changes.forsaken((house,))
    assert told.startswith(f"registry: {house} HAS LOST ITS LAST APPROVER")


async def test_they_stand_in_the_ledger_in_the_name_of_who_asked(box):
    """Nothing is written of what is held or empty."""
    uno = box.registry.current().cameras["uno"]
    seed = Seed("s", {("camera", "due"): replace(uno, id="due", url="rtsp://192.0.2.9/")})
    change = await box.registry.apply(seed, by="uid:0")
    await changes.account(box.registry, box.journal, change, ROOT)
    (entry,) = await entries(box.ledger, "camera.add")
    assert (entry.actor_id, entry.object_id, entry.controller) == (
        "uid-0", "due", box.registry.current().controller_of(uno).id,
    )  # fmt: skip
    await changes.account(box.registry, box.journal, RegistryChange(change.version), ROOT)
    await changes.account(box.registry, box.journal, replace(change, held="x"), ROOT)
    assert len(await entries(box.ledger, "camera.add")) == 1


def test_health_names_the_organisation_and_nobody():
    """Once for each, however many accounts."""
    told = list(changes.unasked((("zita", "bar"), ("zeno", "bar"), ("zoe", "sala"))))
    assert len(told) == 2
    assert "AN APPROVER OF bar WAS ENTERED" in told[0]
    assert "zita" not in str(told)
