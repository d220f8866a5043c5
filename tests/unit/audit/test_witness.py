# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A witness signs only what continues what it saw, and remembers it across restarts."""

import asyncio
import base64
import contextlib
import json
import random
import threading

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import witness
from gateway.audit.authority import HttpWitness
from gateway.audit.tables import Cosigned
from gateway.audit.verify import Trust, verify
from gateway.audit.witness import BehindError, ForkError, LocalWitness, WitnessState
from gateway.model.errors import LedgerError, PeerError, WireError
from gateway.wire import checkpoint, cosignature
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.cosignature import WitnessKey
from gateway.wire.merkle import consistency_proof, leaf_hash, root_of
from tests.unit.audit.authority import serving
from tests.unit.audit.logbook import KEY, LOOK, ORIGIN, PUBLIC, copied, opened, tamper
from tests.unit.audit.mutations import apply

ROOM = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
LEAVES = [leaf_hash(bytes([n])) for n in range(20)]
OTHER = [*LEAVES[:5], leaf_hash(b"forged"), *LEAVES[6:]]


def note(size, leaves=LEAVES, key=KEY, origin=ORIGIN):
    return checkpoint.sign(Checkpoint(origin, size, root_of(leaves[:size])), key)


def proof(first, size, leaves=LEAVES):
    return consistency_proof(first, leaves[:size])


@pytest.fixture
def room(tmp_path):
    return WitnessState(tmp_path / "seen.json", "sala.example/t", ROOM, {ORIGIN: PUBLIC})


def test_it_follows_a_log_that_grows(room, tmp_path):
    """Each continuation is signed with its time; the same size again is signed again."""
    before = 0
    for utc_s, size in enumerate((1, 4, 4, 7, 20), start=1_790_000_000):
        line = room.add(note(size), before, proof(before, size), utc_s)
        assert cosignature.check(note(size), line, room.key) == utc_s
        before = size
    again = WitnessState(tmp_path / "seen.json", "sala.example/t", ROOM, {ORIGIN: PUBLIC})
    assert again.seen(ORIGIN) == room.seen(ORIGIN)
    assert again.seen(ORIGIN).size == 20


def test_when_a_log_was_cosigned_last_is_remembered(room, tmp_path):
    """Exactly here; on disk when it grows, else every five minutes; a file of old says nothing."""

    def on_disk():
        read = WitnessState(tmp_path / "seen.json", "sala.example/t", ROOM, {ORIGIN: PUBLIC})
        return read.seen(ORIGIN).utc_s

    first = 0
    for utc_s, size, kept_s in ((1000, 4, 1000), (1299, 4, 1000), (1300, 4, 1300), (1301, 5, 1301)):
        room.add(note(size), first, proof(first, size), utc_s)
        assert (room.seen(ORIGIN).utc_s, on_disk()) == (utc_s, kept_s)
        first = size
    room.add(note(5), 5, [], 900)  # the clock was set back
    assert on_disk() == 900
    path = tmp_path / "seen.json"
    old = {name: {k: v for k, v in one.items() if k != "utc_s"}
           for name, one in json.loads(path.read_text()).items()}  # fmt: skip
    path.write_text(json.dumps(old))
    assert on_disk() == 0
    path.write_text(path.read_text().replace('"size"', '"utc_s": "x", "size"'))
    with pytest.raises(LedgerError):
        on_disk()


@pytest.mark.parametrize("restarted", [False, True])
def test_it_refuses_forks_and_rollbacks(room, tmp_path, restarted):
    """Neither another history, nor a shorter one, nor another root of the same size is signed."""
    room.add(note(9), 0, [], 1)
    if restarted:
        room = WitnessState(tmp_path / "seen.json", "sala.example/t", ROOM, {ORIGIN: PUBLIC})
    for call in (
        lambda: room.add(note(12, OTHER), 9, proof(9, 12, OTHER), 2),
        lambda: room.add(note(9, OTHER), 9, [], 2),
        lambda: room.add(note(4), 9, [], 2),
        lambda: room.add(note(12), 9, [], 2),
        lambda: room.add(note(12), 9, [*proof(9, 12), bytes(32)], 2),
    ):
        with pytest.raises(ForkError):
            call()
    with pytest.raises(BehindError) as caught:
        room.add(note(12), 4, proof(4, 12), 2)
    assert caught.value.size == 9
    assert room.seen(ORIGIN).size == 9
    assert room.add(note(12), 9, proof(9, 12), 3)


def test_it_only_watches_its_logs(room):
    """Another log, another key, a hostile text: refused, nothing remembered."""
    thief = Ed25519PrivateKey.generate()
    for text in (note(3, origin="altrove"), note(3, key=thief), "", "x\n\n\u2014 y\n"):
        with pytest.raises(WireError):
            room.add(text, 0, [], 1)
    with pytest.raises(WireError):
        room.add(note(3), 0, [b"short"], 1)
    assert room.seen(ORIGIN).size == 0


def test_what_it_cannot_remember_it_does_not_sign(tmp_path):
    """Without a durable memory there is no signature, and a damaged one is no fresh start."""
    lost = WitnessState(tmp_path / "no" / "seen.json", "t", ROOM, {ORIGIN: PUBLIC})
    with pytest.raises(LedgerError):
        lost.add(note(3), 0, [], 1)
    assert lost.seen(ORIGIN).size == 0
    for text in ("{", "[]", '{"a": {"size": -1, "root": ""}}', '{"a": {}}'):
        (tmp_path / "seen.json").write_text(text)
        with pytest.raises(LedgerError):
            WitnessState(tmp_path / "seen.json", "t", ROOM, {})


def test_random_forged_proofs_are_refused(room):
    """Of thousands of proofs for a forged history none is taken."""
    room.add(note(9), 0, [], 1)
    draw = random.Random(5)
    for _ in range(2_000):
        size = draw.randrange(10, 21)
        forged = [draw.choice([*OTHER, draw.randbytes(32)]) for _ in range(draw.randrange(7))]
        with pytest.raises(ForkError):
            room.add(note(size, OTHER), 9, forged, 2)


async def cosigned(path, room, size=3):
    """A ledger whose checkpoint of 3 entries the room cosigned, and one entry more."""
    async with opened(path) as ledger:
        for _ in range(size):
            await ledger.append(LOOK)
        asked = await ledger.extension(0)
        line = await LocalWitness(room, lambda: 77).cosign(asked.note, asked.first, asked.proof)
        await ledger.keep_cosignature(Cosigned(asked.size, room.key.name, 77, line))
        await ledger.append(LOOK)


async def test_the_verifier_says_up_to_where_it_is_witnessed(room, tmp_path):
    """The report names the witness, its size and time, and how many entries nobody else saw."""
    path = tmp_path / "ledger.db"
    await cosigned(path, room)
    report = verify(path, PUBLIC, trust=Trust((room.key,)))
    assert (report.ok, report.exposed) == (True, 1)
    (one,) = report.witnessed
    assert (one.name, one.size, one.utc_s) == (room.key.name, 3, 77)
    assert verify(path, PUBLIC).exposed == 4
    stranger = WitnessKey(room.key.name, PUBLIC)
    assert not verify(path, PUBLIC, trust=Trust((stranger,))).ok


@pytest.mark.parametrize("kind", ["resign", "close_up"])
async def test_a_rewrite_with_the_stolen_key_breaks_the_cosignature(room, tmp_path, kind):
    """Signed anew below the witnessed size, the file itself shows it to who trusts the witness."""
    path = tmp_path / "ledger.db"
    await cosigned(path, room, size=9)
    trust, draw = Trust((room.key,)), random.Random(1)
    for _ in range(20):
        copy = copied(path, tmp_path)
        mutation = apply(copy, draw, KEY, kind)
        if mutation.first_bad < 9:
            assert not verify(copy, PUBLIC, trust=trust).ok


async def test_a_checkpoint_that_went_under_its_cosignature(room, tmp_path):
    """A tail cut off with its checkpoints shows by the witness's line that is left."""
    path = tmp_path / "ledger.db"
    await cosigned(path, room)
    tamper(
        path,
        "delete from entry where seq >= 2",
        "delete from opened where seq >= 2",
        "delete from checkpoint where size > 2",
    )
    assert verify(path, PUBLIC).ok
    assert verify(path, PUBLIC, trust=Trust((room.key,))).first_bad == 2


async def served(room, body):
    """Answer as a C2SP `tlog-witness` does."""
    head, _, text = body.decode().partition("\n\n")
    old, *coded = head.split("\n")
    try:
        line = room.add(text, int(old.split()[1]), [base64.b64decode(one) for one in coded], 5)
    except BehindError as error:
        return web.Response(status=409, text=f"{error.size}\n")
    except ForkError:
        return web.Response(status=422)
    return web.Response(text=line + "\n")


async def test_over_http(room):
    """The same witness behind HTTP: lines, a conflict with its size, a refusal, absence."""
    async with serving(lambda body: served(room, body)) as url:
        far = HttpWitness(room.key, url)
        assert cosignature.check(note(9), await far.cosign(note(9), 0, []), room.key) == 5
        with pytest.raises(BehindError) as caught:
            await far.cosign(note(12), 0, [])
        assert caught.value.size == 9
        with pytest.raises(PeerError, match="422"):
            await far.cosign(note(12, OTHER), 9, proof(9, 12, OTHER))
        assert await far.cosign(note(12), 9, proof(9, 12))
    with pytest.raises(PeerError):
        await far.cosign(note(12), 12, [])


async def test_over_http_from_a_liar(room):
    """Answers that are none are a peer's errors."""
    for answer in (
        web.Response(status=409, text="many"),
        web.Response(text=""),
        web.Response(body=b"x" * 100_000),
    ):

        async def reply(_, answer=answer):
            return answer

        async with serving(reply) as url:
            with pytest.raises(WireError):
                await HttpWitness(room.key, url).cosign(note(9), 0, [])


async def test_one_at_a_time(room):
    """Two askers at once are served in turn; the second is told where the witness is."""
    local = LocalWitness(room, lambda: 7)
    both = await asyncio.gather(
        local.cosign(note(3), 0, []), local.cosign(note(5), 0, []), return_exceptions=True
    )
    assert isinstance(both[0], str)
    assert isinstance(both[1], BehindError)


async def test_two_askers_at_once_get_no_two_histories(room, monkeypatch):
    """One whose caller gave up may still be writing when the next one asks."""
    both = threading.Barrier(2)

    def slow(path, data):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=1)
        replaced(path, data)

    replaced = witness._replace
    monkeypatch.setattr(witness, "_replace", slow)
    asked = (asyncio.to_thread(room.add, note(9, leaves), 0, [], 1) for leaves in (LEAVES, OTHER))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["BehindError", "str"]
