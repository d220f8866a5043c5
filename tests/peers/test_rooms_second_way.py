# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A house with two ways to its room: the first one is cut in the network, and mended again."""

import asyncio
import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.assembly.couriers import Couriers
from gateway.model.errors import PeerError
from gateway.model.room import LineState, Reply
from gateway.relay.video.rtsp_server import ReverseSession
from gateway.relay.video.thin import LineBudget
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.footage import scene
from tests.line_parts import BOUNDS, PATIENCE, World, running, until
from tests.peers.net_lab import net_lab
from tests.rtsp_line import CLOCK, Doorman, Encoder, Lease, Room, dial_of
from tests.unit.access.town import registry
from tests.unit.assembly.test_alarm_lines import QUESTURA, both
from tests.unit.assembly.two_boxes import alarm

pytestmark = pytest.mark.peer
WAYS = {"ip": ("203.0.113.1", "203.0.113.2"), "ip6": ("fd00:a::1", "fd00:b::1")}
"""Documentation addresses behind a NAT (RFC 5737); unique local ones behind a firewall."""
CUT = """table inet cut {{
  chain cut {{
    type filter hook forward priority -10
    {family} daddr {address} drop
    {family} saddr {address} drop
  }}
}}
"""
NEIGHBOURS = (
    "add rule inet house input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
)
BOUND_S = 90.0


@pytest.fixture(scope="module")
def house():
    """A house behind its router, with both families up to a room of two addresses each."""
    with net_lab() as made:
        house = made.house()
        made.room.ip("addr", "add", f"{WAYS['ip'][1]}/32", "dev", "lo")
        with house.nat.inside():
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1", encoding="ascii")
        for place, device, address in (
            (house.edge, "uplink", "fd01::2/64"), (house.nat, "inside", "fd01::1/64"),
            (house.nat, "outside", "fd02::2/64"), (made.room, "house0", "fd02::1/64"),
            *((made.room, "lo", f"{one}/128") for one in WAYS["ip6"]),
        ):  # fmt: skip
            place.ip("addr", "add", address, "dev", device, "nodad")
        house.nat.nft(NEIGHBOURS)
        house.edge.ip("-6", "route", "add", "default", "via", "fd01::1")
        house.nat.ip("-6", "route", "add", "default", "via", "fd02::1")
        made.room.ip("-6", "route", "add", "fd01::/64", "via", "fd02::2")
        yield house, made.room


@contextlib.contextmanager
def listening(room, family):
    """The room's door, on all its addresses of a family."""
    kinds = {"ip": (socket.AF_INET, "0.0.0.0"), "ip6": (socket.AF_INET6, "::")}
    kind, host = kinds[family]
    with room.inside():
        sock = socket.create_server((host, 0), family=kind)
    with sock:
        sock.setblocking(False)
        yield sock, sock.getsockname()[1]


async def picture(room):
    """Return once pictures come over a connection that the edge dialled, and leave it running."""
    pulled = Room(dial_of(await room.media("farmacia")))
    pulling = asyncio.ensure_future(pulled.session.run())
    await pulled.until(lambda got: len(got) >= 2)
    return pulling


async def ended(pulling):
    """Wait until pictures have ended with their connection."""
    with pytest.raises(PeerError):
        async with asyncio.timeout(BOUND_S):
            await pulling


async def deliver(uplink, alarms):
    """Bring alarms as a courier does: again until the room has answered."""
    for number in alarms:
        while True:
            try:
                await uplink.call("alarm", {"id": number}, within_s=5.0)
                break
            except PeerError:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("family", list(WAYS))
def test_the_line_goes_over_the_second_way_and_back(house, family, tmp_path):
    """The first address is dead: line, alarms and picture come over the second, then return."""
    (here, far), world = house, World(tmp_path)
    stored, fanout = {}, Fanout()
    encoder = Encoder(scene(25, gop=5, size=(160, 120)), fanout)
    doorman = Doorman(gate_main=Lease(fanout))

    async def alarm(_, body, __):
        stored[body["id"]] = stored.get(body["id"], 0) + 1
        return Reply()

    async def show(sealed):
        await ReverseSession(sealed, doorman, CLOCK, LineBudget()).run()

    async def play(sock, port):
        first, second = (f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in WAYS[family])
        bounds = replace(BOUNDS, ping_s=0.3, dead_s=2.0)
        given = {"on_media": show, "bounds": bounds, "patience": replace(PATIENCE, connect_s=1.5)}
        reception = world.reception(sock, {"alarm": alarm}, bounds=bounds)
        async with (
            running(reception.run(), encoder.run()),
            world.dialled(world.edge(), [first, second], **given) as uplink,
        ):

            async def stands(address):
                await until(lambda: uplink.status().address == address)
                await until(lambda: uplink.status().state is LineState.UP)

            await stands(first)
            pulling = await picture(reception)
            await deliver(uplink, range(3))
            here.nat.nft(CUT.format(family=family, address=WAYS[family][0]))
            delivering = asyncio.ensure_future(deliver(uplink, range(3, 8)))
            await ended(pulling)
            await stands(second)
            await delivering
            pulling = await picture(reception)
            here.nat.nft("delete table inet cut")
            await stands(first)
            await ended(pulling)
            await deliver(uplink, range(8, 10))
            pulling = await picture(reception)
            pulling.cancel()
            await asyncio.wait({pulling})

    async def bounded(sock, port):
        async with asyncio.timeout(BOUND_S):
            await play(sock, port)

    with listening(far, family) as (sock, port), here.edge.inside():
        asyncio.run(bounded(sock, port))
    assert sorted(stored) == list(range(10))
    assert set(stored.values()) == {1}


class Outbox:
    """What the house's gateway keeps and brings; what the room has of it."""

    def __init__(self, room, edge):
        self._room, self._edge = room, edge
        self.raised = []

    async def raise_some(self, count):
        for number in range(count):
            made = alarm(n=len(self.raised) + number)
            await self._edge.outbox.raise_alarm(made, recipients=[QUESTURA], act="patto")
            self.raised.append(made.id)

    async def is_brought(self):
        rows = [one for id_ in self.raised for one in await self._edge.outbox.deliveries(id_)]
        return {one.state.value for one in rows} == {"consegnato"}

    async def at_room(self):
        """Return the ids of the house's alarms at the room, as often as it shows them."""
        shown = await self._room.outbox.recent(1000)
        return sorted(one.alarm.id for one in shown if one.alarm.rule == alarm().rule)

    async def brought(self):
        async with asyncio.timeout(BOUND_S):
            while not await self.is_brought():
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("family", list(WAYS))
def test_the_outbox_goes_over_the_second_way_and_back(house, family, tmp_path):
    """Alarms raised while a way dies, on the other, and on the way back: none lost, none twice."""
    here, far = house

    async def play(sock, port):
        ways = [f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in WAYS[family]]
        bounds = replace(BOUNDS, ping_s=0.3, dead_s=2.0)
        patience = replace(PATIENCE, connect_s=1.5)
        async with both(tmp_path, sock, ways, bounds=bounds, patience=patience) as (
            room, edge, uplink,
        ):  # fmt: skip
            couriers = Couriers(
                edge.outbox, {}, edge.tasks, box="scatola", clock=SystemClock(),
                lines=edge.joined.brokers,
            )  # fmt: skip
            couriers.reconcile(replace(registry(), recipients={"questura": QUESTURA}))
            outbox = Outbox(room, edge)

            async def stands(address):
                await until(lambda: uplink.status().address == address)
                await until(lambda: uplink.status().state is LineState.UP)

            async with running(uplink.run()):
                await stands(ways[0])
                await outbox.raise_some(3)
                await outbox.brought()
                here.nat.nft(CUT.format(family=family, address=WAYS[family][0]))
                await outbox.raise_some(5)
                assert not await outbox.is_brought(), "over a way that is cut"
                await stands(ways[1])
                await outbox.raise_some(3)
                await outbox.brought()
                assert uplink.status().address == ways[1]
                here.nat.nft("delete table inet cut")
                while uplink.status().address != ways[0]:
                    await outbox.raise_some(1)
                    await asyncio.sleep(0.05)
                await stands(ways[0])
                await outbox.raise_some(2)
                await outbox.brought()
            assert await outbox.at_room() == sorted(outbox.raised)

    async def bounded(sock, port):
        async with asyncio.timeout(BOUND_S):
            await play(sock, port)

    with listening(far, family) as (sock, port), here.edge.inside():
        asyncio.run(bounded(sock, port))
