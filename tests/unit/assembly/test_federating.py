# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Both sides of the federation as one box joins them to its lines."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from gateway.assembly.federating import Federation, Joined
from gateway.assembly.viewing import Viewing
from gateway.config.load import parse
from gateway.model.errors import ConfigError, InvariantError, PeerError, RefusedError
from gateway.model.media import StreamState, StreamStatus
from gateway.model.room import LineState, LineStatus
from tests.fakes import FakeClock
from tests.unit.access.town import actor
from tests.unit.assembly.exits import exits_of
from tests.unit.assembly.federated import EDGE, ROOM, Ledger, Line, World

TEXT = """
[box]
id = "nord"
name = "Nord"
state_dir = "state"
[room]
host = "127.0.0.1"
[[uplink]]
name = "questura"
recipient = "sala-pl"
addresses = ["192.0.2.1:8445"]
"""
WIDE = 'organisations = ["carabinieri"]\nemergency = true\n'


class Uplink(Line):
    """One end of a line, with what the other end told when it greeted."""

    name = "questura"

    def __init__(self):
        super().__init__(EDGE, dict)
        self.greeting = {}
        self.peer_id = ""

    def status(self):
        return LineStatus("sala", LineState.UP, clock_offset_ms=1500.0)

    def greet(self, **told):
        self.greeting, self.peer_id = told, "sala"


@dataclass
class Lines:
    """What joins the two ends."""

    uplinks: dict = field(default_factory=lambda: {"questura": Uplink()})
    handlers_edge: dict = field(default_factory=lambda: {"questura": {}})
    handlers_room: dict = field(default_factory=dict)
    on_media: dict = field(default_factory=dict)
    greeting: dict = field(default_factory=dict)
    on_up: list = field(default_factory=list)
    on_down: list = field(default_factory=list)
    reception: object = field(
        default_factory=lambda: SimpleNamespace(caller=lambda edge: Line(ROOM, dict))
    )


class Box:
    """A box that is edge and room at once."""

    def __init__(self, folder, text=TEXT):
        self.world = World(folder / "offers")
        self.clock = FakeClock()
        (folder / "state").mkdir()
        options = parse(text, folder / "gateway.toml")
        self.state = options.box.state_dir
        self.federation = Federation(options, lambda: self.world.room_town, self.clock)
        self.lines = Lines()

    def join(self):
        ledger = Ledger()
        media = SimpleNamespace(sessions=tuple, walls=tuple)
        viewing = Viewing(media, lambda _: None, None, self.world.clock)
        lent = Joined(
            self.world.edge_gate, ledger, lambda: self.world.edge_town,
            self.world.posts.get, viewing,
            exits_of(self.world.posts.get, lambda: self.world.edge_town, self.world.clock),
            self.world.changed,
        )  # fmt: skip
        self.tasks = self.federation.join(self.lines, lent)
        self.viewing = viewing

    def close(self):
        for one in self.tasks:
            one.close()


@pytest.fixture
async def box(tmp_path):
    one = Box(tmp_path)
    await one.federation.load()
    one.join()
    yield one
    one.close()


async def test_a_box_joins_both_sides_to_its_lines(box):
    """Handlers, pictures, the key in the greeting, and two tasks."""
    assert box.lines.handlers_edge["questura"].keys() == {"assert", "release", "offers?"}
    assert box.lines.handlers_room.keys() == {"offer", "revoke", "reduced"}
    assert callable(box.lines.on_media["questura"])
    assert base64.b64decode(box.lines.greeting["assertion_key"]) == box.federation.key
    assert len(box.tasks) == 2
    assert box.viewing.federation is box.federation.room


async def test_nothing_is_believed_of_a_room_that_did_not_greet(box):
    """No key, no assertion; the reason is one line."""
    with pytest.raises(PeerError, match="assertion key"):
        await box.federation.edge.release("questura", "va1.x.y", ROOM)


async def test_the_greeting_tells_the_key_and_the_clock(box):
    """And the edge's own name, where no enrolment gave it another."""
    uplink = box.lines.uplinks["questura"]
    uplink.greet(assertion_key=base64.b64encode(bytes(32)).decode())
    trust = box.federation.edge._sides["questura"].room.trust()
    assert (trust.room, trust.edge, trust.key) == ("sala", "nord", bytes(32))
    assert trust.offset_us == 1_500_000
    with pytest.raises(RefusedError, match="forged"):
        await box.federation.edge.release("questura", "va1.x.y", ROOM)


async def test_the_key_of_the_enrolment_is_the_one_that_counts(box):
    """Who got hold of the room's certificate alone asserts nothing."""
    folder = box.state / "lines" / "questura"
    folder.mkdir(parents=True)
    told = {
        "id": "sala", "name": "Sala", "edge": "varco-nord", "addresses": ["192.0.2.1:8445"],
        "keys": {"assertion": base64.b64encode(bytes(range(32))).decode()},
    }  # fmt: skip
    (folder / "room.json").write_text(json.dumps(told))
    uplink = box.lines.uplinks["questura"]
    uplink.greet(assertion_key=base64.b64encode(bytes(32)).decode())
    trust = box.federation.edge._sides["questura"].room.trust()
    assert (trust.edge, trust.key) == ("varco-nord", bytes(range(32)))
    (folder / "room.json").write_text("no")
    uplink.greet(assertion_key="x")
    with pytest.raises(PeerError):
        box.federation.edge._sides["questura"].room.trust()


@pytest.mark.parametrize(
    ("text", "terms"),
    [(TEXT, ((), False)), (TEXT + WIDE, (("carabinieri",), True))],
)
async def test_what_the_owner_wrote_about_the_room_reaches_the_line(tmp_path, text, terms):
    """Nothing more than the recipient, unless the table says so."""
    box = Box(tmp_path, text)
    await box.federation.load()
    box.join()
    room = box.federation.edge._sides["questura"].room
    assert (room.recipient, (room.organisations, room.emergency)) == ("sala-pl", terms)
    box.close()


async def test_offers_that_are_refused_are_told_to_whoever_writes_them_down(tmp_path):
    """The alarms' desk is there before the room's side is."""
    told = []

    async def refused(*about):
        told.append(about)

    box = Box(tmp_path)
    await box.federation.load()
    box.federation.refused = refused
    box.join()
    with pytest.raises(RefusedError):
        await box.lines.handlers_room["offer"](EDGE, {"edge": "sud"}, b"")
    assert told == [("nord", "", "wrong-edge")]
    box.close()


async def test_lines_that_come_and_go_are_told_to_the_side_they_belong_to(box):
    """An edge's line to the room's side, our own to the edge's."""
    for told in box.lines.on_up:
        told("", EDGE)
        told("questura", ROOM)
    assert box.federation.offers.is_up("nord")
    assert not box.federation.offers.is_up("sala")
    for told in box.lines.on_down:
        told("questura", ROOM)
        assert box.federation.offers.is_up("nord")
        told("", EDGE)
    assert not box.federation.offers.is_up("nord")


async def test_reduced_pictures_are_told_to_the_room_and_to_the_page(box):
    """While the small stream stands in, and no longer."""
    uplink = box.lines.uplinks["questura"]
    uplink.handlers = lambda: {"reduced": quiet}

    async def quiet(*_):
        return None

    outlet = box.lines.on_media["questura"].__self__
    outlet._note("piazza", True, "linea lenta")
    assert uplink.reduced() == ("piazza",)
    outlet._note("piazza", False, "")
    assert uplink.reduced() == ()
    assert [body["reduced"] for _, body in uplink.said] == [True, False]
    await uplink.quiet()


async def test_a_box_without_rooms_and_edges_is_left_alone(tmp_path):
    """The registry is the stored one, nobody is vouched for, nothing runs, no key is made."""
    box = Box(tmp_path, TEXT.partition("[room]")[0])
    await box.federation.load()
    box.lines = Lines(uplinks={}, reception=None)
    box.join()
    assert box.tasks == ()
    assert box.federation.current() is box.world.room_town
    assert not box.federation.vouched(actor(method="assertion"))
    idle = StreamStatus(StreamState.IDLE)
    assert box.federation.status("nord.piazza", idle) is idle
    assert not list(box.state.iterdir())
    assert box.federation.key == b""


async def test_a_room_is_not_joined_before_its_key_is_there(tmp_path):
    """Our own mistake would be found at once."""
    box = Box(tmp_path)
    with pytest.raises(InvariantError):
        box.join()
    (box.state / "assertion.key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="assertion"):
        await box.federation.load()
    await asyncio.sleep(0)
