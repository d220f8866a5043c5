# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who brings plates to whom; what is sent is tried on a real broker in tests/peers."""

import asyncio
from dataclasses import replace

from gateway.assembly.plate_couriers import PlateCouriers, PlatePost, Roads
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.wire.onvif_mqtt import PlateLabel
from tests.unit.assembly.plate_parts import FAR, PLATE, Lists, town, world

NOWHERE = BrokerOptions("b", "127.0.0.1", port=9)


async def test_rooms_have_couriers_and_institutes_never_do(tmp_path):
    """A room that changes gets another one, one that stays keeps its own."""
    async with world(tmp_path) as w, asyncio.TaskGroup() as tasks:
        post = PlatePost(w.book, Lists(), "box-1", w.clock)
        couriers = PlateCouriers(post, Roads({"b": NOWHERE}, {}, "box-1"), tasks, w.clock)
        couriers.reconcile(town())
        first = dict(couriers._running)
        assert list(first) == [FAR.id]
        couriers.reconcile(town())
        assert couriers._running == first
        known = town()
        moved = replace(FAR, name="Sala operativa PS")
        couriers.reconcile(replace(known, recipients=known.recipients | {FAR.id: moved}))
        assert couriers._running[FAR.id][0] == moved
        couriers.reconcile(replace(known, recipients={}))
        assert not couriers._running


async def test_a_parcel_is_opened_on_its_way_out_and_is_gone_when_it_arrived(tmp_path):
    """The room gets the plate as it was read, wanted, from this box."""
    async with world(tmp_path) as w:
        await w.pass_by()
        post = PlatePost(w.book, w.parts.lists, "box-1", w.clock)
        (one,) = await post.waiting(FAR.id)
        assert (one.plate, one.label, one.box, one.verified) == (
            PLATE, PlateLabel.WANTED, "box-1", False,
        )  # fmt: skip
        await post.sent(one.hit, FAR.id)
        assert await post.waiting(FAR.id) == []
