# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lines as a configuration makes them: files, handlers of others, the ledger, health."""

import asyncio
import base64
import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.assembly.lines import ENTRIES, Diary, LineParts, key_of, lines_of
from gateway.config.load import load
from gateway.model.errors import PeerError, RefusedError
from gateway.model.registry import Edge
from gateway.model.room import (
    LINE_CA,
    LINE_CERTIFICATE,
    LINES_FOLDER,
    SERVER_NAME,
    LinePeer,
    LineState,
    Reply,
)
from gateway.room.authority import CA_FILE, SERVER_FILE
from gateway.runtime.clock import SystemClock
from tests.certificates import Authority
from tests.fakes import FakeClock
from tests.line_parts import SOON_S, address, listener, running, until

BOX = """
[box]
id = "{id}"
name = "{name}"
state_dir = "{folder}/state"
runtime_dir = "{folder}/run"
exercise = true
"""
ROOM = """
[room]
name = "Questura"
host = "127.0.0.1"
port = 8445
"""
UPLINK = """
[[uplink]]
name = "questura"
recipient = "ps"
addresses = ["{address}"]
"""


def options(folder, id_, text):
    """Return the options of a file with these tables."""
    folder.mkdir()
    file = folder / "gateway.toml"
    file.write_text(BOX.format(id=id_, name=id_.title(), folder=folder) + text)
    made = load(file)
    made.box.state_dir.mkdir()
    return made


class Boxes:
    """A room and an edge with their files, and what their ledgers are told."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.edges = {}
        self.entries = []
        self.clock = SystemClock()

    async def _write(self, event):
        self.entries.append(event)

    def parts(self, door=None):
        registry = SimpleNamespace(edges=self.edges)
        return LineParts(lambda: registry, self._write, self.clock, listener=door)

    def room(self, door):
        made = options(self.folder / "room", "sala", ROOM)
        server = self.authority.issue(SERVER_NAME)
        (made.box.state_dir / SERVER_FILE).write_bytes(server.file.read_bytes())
        (made.box.state_dir / CA_FILE).write_bytes(self.authority.file.read_bytes())
        return lines_of(made, "gateway.toml", self.parts(door))

    def edge(self, where, *, enrolled=True):
        made = options(self.folder / "edge", "farmacia", UPLINK.format(address=where))
        self.state = made.box.state_dir
        if enrolled:
            self.enrol()
        return lines_of(made, "gateway.toml", self.parts())

    def enrol(self):
        issued = self.authority.issue("farmacia")
        folder = self.state / LINES_FOLDER / "questura"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LINE_CA).write_bytes(self.authority.file.read_bytes())
        (folder / LINE_CERTIFICATE).touch(mode=0o600)
        (folder / LINE_CERTIFICATE).write_bytes(issued.file.read_bytes())
        self.edges["farmacia"] = Edge("farmacia", "Farmacia", issued.sha256)

    def codes(self):
        return [(one.event, one.object_type, one.object_id) for one in self.entries]


@pytest.fixture
def boxes(tmp_path):
    return Boxes(tmp_path)


@contextlib.asynccontextmanager
async def living(*lines):
    async with asyncio.timeout(3 * SOON_S), running(*(t for one in lines for t in one.tasks())):
        yield


def test_two_boxes_of_two_configurations_reach_each_other(boxes):
    """What other parts add is asked and answered over the line; the ledger has it at both ends."""

    async def name(peer, body, blob):
        return Reply({"asked_by": peer.id})

    async def on_media(sealed):
        await sealed.write(await sealed.read())

    async def play():
        with listener() as door:
            room, edge, ups = boxes.room(door), boxes.edge(address(door)), []
            room.handlers_room["name"] = name
            room.greeting["assertion_key"] = base64.b64encode(b"k" * 32).decode()
            edge.handlers_edge["questura"]["name"] = name
            edge.on_media["questura"] = on_media
            edge.states.append(lambda: {"cameras": 3})
            room.on_up.append(lambda line, peer: ups.append((line, peer.id)))
            edge.on_up.append(lambda line, peer: ups.append((line, peer.id)))
            async with living(room, edge):
                uplink = edge.uplinks["questura"]
                await until(lambda: uplink.status().state is LineState.UP)
                assert edge.uplink_of("ps") is uplink
                assert edge.uplink_of("carabinieri") is None
                assert key_of(uplink.greeting, "assertion_key") == b"k" * 32
                assert (await uplink.call("name", {})).body == {"asked_by": "farmacia"}
                asked = await room.reception.caller("farmacia").call("name", {})
                assert asked.body == {"asked_by": "sala"}
                await until(lambda: room.reception.states("farmacia") == {"cameras": 3})
                hello = room.reception.hello("farmacia")
                assert hello["vkey"].startswith(hello["origin"])
                assert hello["exercise"] is True
                sealed = await room.reception.media("farmacia")
                await sealed.write(b"OPTIONS")
                assert await sealed.read() == b"OPTIONS"
                sealed.close()
                assert sorted(ups) == [("", "farmacia"), ("questura", "sala")]
                assert {state.state for _, state in edge.statuses()} == {LineState.UP}
                assert edge.problems() == room.problems() == ()
                await until(lambda: len(boxes.entries) >= 2)
                told = {
                    ("line.up", "edge", "farmacia"),
                    ("line.up", "line", "questura"),
                }
                assert told <= set(boxes.codes())

    asyncio.run(play())


def test_a_box_joins_while_it_runs(boxes):
    """Without its files a line says so and dials nothing; with them it comes up by itself."""

    async def play():
        with listener() as door:
            room, edge = boxes.room(door), boxes.edge(address(door), enrolled=False)
            async with living(room, edge):
                uplink = edge.uplinks["questura"]
                await until(lambda: uplink.status().state is LineState.NOT_ENROLLED)
                assert uplink.status().dials == 0
                boxes.enrol()
                uplink.redial()
                await until(lambda: uplink.status().state is LineState.UP)

    asyncio.run(play())


def test_refusals_stand_in_the_ledger(boxes):
    """An edge that left the registry is refused: reason and certificate are written down."""

    async def play():
        with listener() as door:
            room, edge = boxes.room(door), boxes.edge(address(door))
            sha256 = boxes.edges.pop("farmacia").certificate_sha256
            async with living(room, edge):
                await until(lambda: boxes.entries)
                uplink = edge.uplinks["questura"]
                await until(lambda: uplink.status().state is LineState.REFUSED)
                assert any("rifiutata" in one for one in edge.problems())
            entry = next(one for one in boxes.entries if one.event == "line.refuse")
            assert (entry.error, entry.result, entry.src_ip) == ("unknown", "denied", "127.0.0.1")
            assert entry.client_cert_fp == sha256

    asyncio.run(play())


def test_nobody_enrols_where_nobody_looks_after_it(boxes):
    """Without a desk for enrolment such a connection is closed; with one it is served."""

    async def play():
        with listener() as door:
            room, served = boxes.room(door), []

            async def serve(sealed):
                served.append(sealed)

            await room._enrol(None)
            assert await room._recognise("ab") == ""
            room.enrol = serve
            await room._enrol("sealed")
            assert served == ["sealed"]

    asyncio.run(play())


def test_a_box_without_lines(boxes):
    """No key is made and nothing is listened to where the configuration has neither."""
    made = options(boxes.folder / "plain", "plain", "")
    lines = lines_of(made, "gateway.toml", boxes.parts())
    assert (dict(lines.uplinks), lines.reception, lines.statuses()) == ({}, None, ())
    assert not list(made.box.state_dir.iterdir())
    for one in lines.tasks():
        one.close()


def test_health_names_a_few_edges_and_counts_the_rest(boxes):
    """Lines that have been down for a minute are told; a hundred of them fill no page."""

    async def play():
        with listener() as door:
            boxes.clock = FakeClock()
            room = boxes.room(door)
            for number in range(9):
                name = f"scuola-{number}"
                boxes.edges[name] = Edge(name, name, "ab" * 32)
            assert room.problems() == ()
            boxes.clock.advance(61)
            assert len(room.problems()) == 6
            assert room.problems()[-1] == "4 more edges"

    asyncio.run(play())


PEER = LinePeer("farmacia", "Farmacia", "ab" * 32, "1.2.3.4:5")


def test_a_line_that_flaps_does_not_fill_the_ledger():
    """The first changes are written one by one, then few, each with the number it stands for."""
    entries, clock = [], FakeClock()

    async def write(event):
        entries.append(event)

    async def play():
        diary = Diary(write, clock)
        for number in range(1000):
            diary.note("line.down" if number % 2 else "line.up", "", PEER)
            await diary.step()
            clock.advance(1)
        assert len(entries) <= ENTRIES + 1000 / 60 + 1
        assert [one.count for one in entries[:3]] == [0, 0, 0]
        assert entries[-1].count > 10
        assert not any(one.src_ip or one.client_cert_fp for one in entries)
        diary.note("line.up", "questura", replace(PEER, id="sala"))
        await diary.step()
        assert (entries[-1].object_id, entries[-1].recipient_id) == ("questura", "sala")

    asyncio.run(play())


def test_a_room_that_is_not_accepted_stands_in_the_edges_ledger():
    """One entry for the line, however often it is tried; what else it does is written, too."""

    async def play():
        entries = []

        async def write(event):
            entries.append(event)

        clock = FakeClock()
        diary = Diary(write, clock)
        for _ in range(3):
            diary.refused("questura")
        diary.note("line.up", "questura", replace(PEER, id="sala"))
        await diary.step()
        assert [(one.event, one.object_id, one.count) for one in entries] == [
            ("line.refuse", "questura", 3),
            ("line.up", "questura", 0),
        ]
        assert (entries[0].result, entries[0].error) == ("denied", "certificate")

    asyncio.run(play())


@pytest.mark.parametrize("told", [None, 7, "", "!!", base64.b64encode(b"short").decode()])
def test_keys_that_a_room_does_not_tell(told):
    """A greeting without the key, or with something else in its place, is an error of the peer."""
    with pytest.raises(PeerError, match="assertion key") as caught:
        key_of({"assertion_key": told}, "assertion_key")
    assert not isinstance(caught.value, RefusedError)
