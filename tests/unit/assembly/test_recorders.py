# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.assembly.recorders: a program pulls, and the ledger tells of it."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from gateway.access import policy
from gateway.access.gate import Gate, Surroundings
from gateway.assembly.recorders import RecorderDesk, RecorderParts, bind_recorders
from gateway.config.options import VmsAccount, VmsOptions
from gateway.ingest.camera import open_session
from gateway.ingest.source import Sink, StreamSource, Trust
from gateway.model.access import Purpose, Refusal
from gateway.model.errors import CredentialError, PeerError, RefusedError
from gateway.model.registry import Permit, Role
from gateway.relay.video.lease import Sent
from gateway.wire.rtsp_serving import COMMON_PAYLOAD_BYTES
from tests.footage import decoded
from tests.recorder_door import MACHINE, SECRET, recorder_door
from tests.rtsp_line import CLOCK
from tests.unit.access.town import with_user
from tests.unit.assembly.exits import exits_of
from tests.unit.assembly.federated import Post, World
from tests.unit.assembly.parts import apply, town, until
from tests.unit.assembly.test_room_federation import PAUSED

MASK = """
[[mask]]
id = "finestra"
camera = "uno"
polygon = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]
"""


class Program:
    """A recording program that pulls one camera."""

    def __init__(self, door, *, camera="uno", password=SECRET, user="vms"):
        self.units = []
        tls = door.certificate
        url = f"{'rtsps' if tls else 'rtsp'}://127.0.0.1:{door.port}/{camera}"
        trust = Trust(sha256=tls.sha256) if tls else Trust()
        source = StreamSource(
            camera, url, user=user, password=password, trust=trust, connect_s=20.0,
            least_stall_s=20.0,
        )  # fmt: skip
        sink = Sink(self.units.append, lambda _: None, lambda: None)
        self.session = open_session(source, sink, clock=CLOCK)

    @contextlib.asynccontextmanager
    async def pulling(self):
        task = asyncio.ensure_future(self.session.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def ends(self):
        """Pull to the end; return the error."""
        with pytest.raises(PeerError) as caught:
            async with asyncio.timeout(30):
                await self.session.run()
        return caught.value


@pytest.mark.parametrize("tls", [False, True])
async def test_a_program_reads_a_camera_and_the_ledger_says_so(tmp_path, tls):
    """Digest in clear, Basic in TLS; one open and one close entry, by a device, person unknown."""
    async with recorder_door(tmp_path, tls=tls) as door:
        program = Program(door)
        async with program.pulling():
            await until(lambda: len(program.units) >= 12, 30)
        assert len(decoded(program.units)) == len(program.units)
        (opened,) = await door.entries("live.open")
        closed = await until(lambda: door.entries("live.close"), 30)
        how = program.session.statistics().authentication
    assert how == ("Basic" if tls else "Digest SHA-256")
    assert opened.channel == closed[0].channel == "rtsp"
    assert opened.actor_type == "device"
    assert opened.actor_id == "vms"
    assert opened.reason_text == "persona non identificata"
    assert (opened.purpose_code, opened.case_ref) == ("servizio", "OdS 12/2026")
    assert opened.auth_method == ("rtsp-basic" if tls else "rtsp-digest")
    assert closed[0].frames >= 12
    assert closed[0].bytes > 12 * 100
    assert closed[0].duration_ms > 0
    assert closed[0].error in ("closed", "lost")


async def test_capture_times_of_the_camera_reach_the_program(tmp_path):
    """Reports carry the camera's time: pictures are dated before they came."""
    async with recorder_door(tmp_path) as door:
        program = Program(door)
        async with program.pulling():
            await until(lambda: len(program.units) >= 30, 30)
    late = [one.received.monotonic_s - one.captured.monotonic_s for one in program.units]
    assert sum(one > 0.005 for one in late) > len(late) / 2  # arrival alone would say 0


@pytest.mark.parametrize("tls", [False, True])
async def test_a_wrong_password_opens_nothing_and_is_written(tmp_path, tls):
    """The ledger has the failure; no look was granted."""
    async with recorder_door(tmp_path, tls=tls) as door:
        assert isinstance(await Program(door, password="wrong-password").ends(), CredentialError)
        failed = await until(lambda: door.entries("auth.fail"), 30)
        assert failed[0].actor_id == "vms"
        assert not await door.entries("live.open")


async def test_a_person_is_no_recorder(tmp_path):
    """An operator's name leads nowhere here, whatever the password."""
    async with recorder_door(tmp_path, tls=True) as door:
        error = await Program(door, user="anna").ends()
    assert isinstance(error, CredentialError)


async def test_a_password_that_was_found_right_is_not_worked_out_again(tmp_path):
    """A hundred cameras cost one hash; a wrong password is never taken for it."""
    async with recorder_door(tmp_path, tls=True) as door:
        assert await door.desk._log_in("127.0.0.1", "vms", SECRET)
        assert door.desk._is_proved(door.opened.registry.current().users["vms"], SECRET)
        assert not door.desk._is_proved(door.opened.registry.current().users["vms"], "another")
        await door.opened.registry.set_password("vms", "$argon2id$changed")
        assert not door.desk._is_proved(door.opened.registry.current().users["vms"], SECRET)


@pytest.mark.parametrize(
    ("camera", "words"),
    [("due", "unknown-camera"), ("uno/side", "unknown-path"), ("", "unknown-camera")],
)
async def test_what_there_is_not_is_refused(tmp_path, camera, words):
    """In the gate's words, with an entry where the gate was asked."""
    async with recorder_door(tmp_path) as door:
        error = await Program(door, camera=camera or "x").ends()
    assert words in str(error) or isinstance(error, PeerError)
    assert not isinstance(error, TimeoutError)


async def test_a_camera_of_an_edge_is_no_recorders(tmp_path):
    """Its pictures are here while the edge knows who looks: nobody reads along unknown to it."""
    async with recorder_door(tmp_path) as door:
        gate, entered = door.desk._p.gate, door.opened.registry.current()
        own = entered.cameras["uno"]
        lent = replace(own, id="nord.uno", url="line://nord/uno", sub_url="")
        acts = {
            name: replace(act, scopes=tuple(
                replace(one, cameras=(*one.cameras, "nord.uno")) for one in act.scopes
            ))
            for name, act in entered.acts.items()
        }  # fmt: skip
        cameras = entered.cameras | {"nord.uno": lent}
        gate._registry = lambda: replace(entered, cameras=cameras, acts=acts)
        account, user = door.desk._accounts["vms"], door.desk._user("vms")
        asked = door.desk._request(account, user, "nord.uno", "127.0.0.1")
        now = door.desk._p.clock.now()
        assert policy.decide(asked, gate._registry(), None, now).allowed  # act and permit let it
        with pytest.raises(RefusedError, match="unknown-camera"):
            await door.desk._open("127.0.0.1", "nord.uno", "vms")
        denied = await until(lambda: door.entries("live.deny"), 30)
    assert denied[0].object_id == "nord.uno"


@pytest.mark.parametrize("method", ["certificate", "password"])
async def test_a_recorders_permit_opens_no_other_door(tmp_path, method):
    """A dispatch system has no standing order: no live picture."""
    async with recorder_door(tmp_path) as door:
        account, user = door.desk._accounts["vms"], door.desk._user("vms")
        asked = door.desk._request(account, user, "uno", "127.0.0.1")
        assert door.desk._p.gate.preview(asked).allowed
        other = replace(asked, actor=replace(asked.actor, method=method))
        refused = door.desk._p.gate.preview(other)
    assert refused.refusal is Refusal.ROLE


async def test_a_masked_camera_is_refused(tmp_path):
    """No picture is passed through over which a mask has to be drawn."""
    async with recorder_door(tmp_path, mask=MASK) as door:
        error = await Program(door).ends()
        denied = await until(lambda: door.entries("live.deny"), 30)
    assert "mask" in str(error)
    assert denied[0].error == "mask-cannot-be-applied"


@pytest.mark.parametrize("how", ["account", "permit", "mark"])
async def test_pictures_stop_when_the_basis_goes(tmp_path, how):
    """An account that is removed and a permit that is taken back end the look at once.

    So does a watermark that is demanded from now on: the next look has it.
    """
    async with recorder_door(tmp_path) as door:
        program = Program(door)
        async with program.pulling() as task:
            await until(lambda: program.units, 30)
            less = MACHINE.partition("[[permit]]")[0] if how == "permit" else ""
            seed = town(tmp_path, more=less)
            if how == "mark":
                line = "retention_before_s = 10.0"
                seed = town(tmp_path, more=MACHINE).replace(line, f"{line}\nwatermark = true")
            await apply(door.opened.registry, seed)
            await asyncio.wait({task}, timeout=30)
            assert task.done()
            seen = len(program.units)
        closed = await until(lambda: door.entries("live.close"), 30)
    assert seen == len(program.units)
    assert closed[0].error not in ("closed", "")


async def test_a_slow_program_disturbs_no_other(tmp_path):
    """One reads nothing; the other gets every picture."""
    async with recorder_door(tmp_path) as door:
        quick, slow = Program(door), Program(door)
        async with slow.pulling(), quick.pulling():
            await until(lambda: quick.units and slow.units, 30)
            slow.session._call.line._shelf.remove(slow.session._call.line._fileno)
            begun = len(quick.units)
            await until(lambda: len(quick.units) >= begun + 60, 60)
    steps = {b.pts_90k - a.pts_90k for a, b in zip(quick.units, quick.units[1:], strict=False)}
    assert steps == {3600}


async def test_packets_fit_a_network_that_they_may_be_passed_on_to(tmp_path):
    """Programs hand them on over UDP."""
    async with recorder_door(tmp_path) as door:
        assert door.desk.terms("127.0.0.1").most_payload_bytes == COMMON_PAYLOAD_BYTES < 1400


@pytest.mark.parametrize("tls", [False, True])
async def test_an_account_that_left_the_configuration_opens_nothing(tmp_path, tls):
    """The user is still in the registry and his password right: the next start lets him in no more.

    What was shown until then is over, and the ledger has no look of his.
    """
    async with recorder_door(tmp_path, tls=tls) as door:
        options = replace(door.opened.options.vms, accounts=())
        desk = type(door.desk)(options, "gateway.toml", door.desk._p)
        sock, context = bind_recorders(replace(options, port=0), "gateway.toml")
        assert door.desk._user("vms") is not None
        serving = asyncio.ensure_future(desk.run(sock, context))
        door.port = sock.getsockname()[1]
        error = await Program(door).ends()
        serving.cancel()
        await asyncio.wait({serving})
        sock.close()
        assert isinstance(error, CredentialError)
        assert not await door.entries("live.open")


async def test_a_recorders_look_goes_on_and_nobody_is_said_to_have_confirmed_it(tmp_path):
    """The order stands: the entry says so in a code of its own."""
    async with recorder_door(tmp_path) as door:
        lease = await door.desk._open("127.0.0.1", "uno", "vms")
        left_s = lease.grant.expires.monotonic_s - door.desk._p.clock.monotonic_s()
        door.desk._p.gate._clock = Ahead(door.desk._p.clock, left_s - 5)
        await door.desk._p.gate.renew(lease.grant)
        lease.ended(Sent(0, 0, 0, "closed"))
        (prolonged,) = await door.entries("live.prolong")
        assert not await door.entries("live.confirm")
    assert (prolonged.actor_type, prolonged.case_ref) == ("device", "OdS 12/2026")


class Ahead:
    """A clock that is ahead of another."""

    def __init__(self, clock, by_s):
        self._clock, self._by_s = clock, by_s

    def now(self):
        return self._clock.now().shifted(self._by_s)

    def monotonic_s(self):
        return self._clock.monotonic_s() + self._by_s


async def test_an_account_without_a_password_is_of_no_use_in_clear(tmp_path):
    """Nobody is let in by a name; an error tells what to write."""
    async with recorder_door(tmp_path) as door:
        options = door.opened.options.vms
        bare = replace(options, accounts=(replace(options.accounts[0], password=""),))
        desk = type(door.desk)(bare, "gateway.toml", door.desk._p)
        assert desk._known("127.0.0.1") == {}


# an edge's camera --------------------------------------------------------------------------------

ORDER = VmsAccount("vms", "", Purpose.SERVICE, "OdS 12/2026")


class Far:
    """A room's desk, with an edge behind a line; `told` are the ends that were reported."""

    def __init__(self, folder):
        self.world = World(folder / "offers")
        self.told = []
        permit = Permit("vms", Role.MACHINE, ("live",), ("servizio",))
        self.world.room_town = replace(
            with_user(self.world.room_town, "vms", Role.MACHINE), permits={"vms": permit}
        )
        self.world.edge_town = replace(self.world.edge_town, permits={"vms": permit})
        around = Surroundings(recorders_assert=True)
        self.world.room_gate = gate = Gate(
            self.world.room_ledger, self.world.offers.current, lambda _: None,
            self.world.room_clock, around,
        )  # fmt: skip
        self.posts = {"nord.piazza": Post("nord.piazza")}
        parts = RecorderParts(
            None, gate, lambda: self.world.room_town, self.posts.get, self.told.append,
            lambda work, name: work.close(), self.world.room_clock,
            exits_of(self.posts.get, lambda: self.world.room_town, self.world.room_clock),
            self.world.room,
        )  # fmt: skip
        options = VmsOptions("127.0.0.1", 0, folder / "tls.pem", "", (ORDER,))
        self.desk = RecorderDesk(options, "gateway.toml", parts)

    async def open(self):
        return await self.desk._open("127.0.0.1", "nord.piazza", "vms")


@pytest.fixture
async def far(tmp_path):
    one = Far(tmp_path)
    await one.world.offered()
    one.world.advance(10)
    return one


async def test_an_edges_camera_is_read_under_an_assertion_of_its_own(far):
    """Both ledgers have it, it is renewed without a session of the console's, and ends there."""
    lease = await far.open()
    (opened,) = [one for one in far.world.edge_ledger.events if one.event == "live.open"]
    assert (opened.channel, opened.actor_id) == ("line", "sala:vms")
    assert opened.session_id.startswith(f"{lease.grant.id}@")
    for _ in range(10):
        far.world.advance(10)
        await far.world.settle()
        assert lease.still_allowed()
    assert far.world.flows()
    lease.ended(Sent(100, 4, 100_000, "closed"))
    await far.world.settle()
    assert not far.world.flows()
    assert ("live.close", "closed") in far.world.edge_ledger.told()
    assert [one.reason for one in far.told] == ["closed"]


async def test_the_owners_pause_ends_a_recorders_look(far):
    """The edge says so, and the door lets it read no further."""
    lease = await far.open()
    far.world.edge_town = replace(far.world.edge_town, pauses=PAUSED)
    await far.world.settle()
    assert not lease.still_allowed()


async def test_what_the_edge_refuses_its_recorder_does_not_get(far):
    """In the edge's words; the room's own entry is closed."""
    far.world.edge_town = replace(far.world.edge_town, pauses=PAUSED)
    with pytest.raises(RefusedError, match="sospes"):
        await far.open()
    far.world.cut()
    with pytest.raises(PeerError, match="down"):
        await far.open()
    assert [one.reason for one in far.told] == ["paused-by-owner", "never-began"]
    assert not far.world.room._held
