# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.witnesses: the words of add-checkpoint, and what is pinned."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import RefusedError, StoreError, WireError
from gateway.model.room import Reply
from gateway.room.store import open_room_store
from gateway.room.witnesses import (
    MOST_PROOF,
    MOST_REQUEST_CHARS,
    SCHEMA,
    EdgeLogs,
    Request,
    RoomKey,
    ask,
    parse_request,
    request_text,
    size_of,
)
from gateway.wire.checkpoint import VerifierKey
from gateway.wire.cosignature import WitnessKey
from tests.line_pair import Pair


def public(n):
    return Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key().public_bytes_raw()


def witness(n=1):
    return {"witness_key": WitnessKey("sala.example/witness", public(n)).vkey()}


def log_key(n=1, origin="nord.example/varco"):
    return VerifierKey(origin, public(n)).vkey()


@given(
    st.integers(0, 1 << 62),
    st.lists(st.binary(min_size=32, max_size=32), max_size=MOST_PROOF),
    st.text(max_size=200),
)
def test_a_request_is_read_as_it_was_written(first, proof, note):
    """Size, proof and note, whatever the note holds."""
    asked = parse_request(request_text(first, proof, note))
    assert asked == Request(first, tuple(proof), note)


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", "old 1", "old x\n\nnote", "old -1\n\nnote", "old \u0661\n\nnote",
        "old 1\nAAAA\n\nnote", "old 1\n!\n\nnote", "new 1\n\nnote", f"old {'9' * 20}\n\nnote",
        "old 1\n" + ("A" * 43 + "=\n") * (MOST_PROOF + 1) + "\nnote",
        "old 1\n\n" + "x" * MOST_REQUEST_CHARS,
    ],
)  # fmt: skip
def test_strange_requests_are_refused(text):
    """With an error and nothing else."""
    with pytest.raises(WireError):
        parse_request(text)


async def test_an_answer_is_one_line():
    """A room that answers with anything else has not cosigned."""
    pair, lines = Pair(), ["\u2014 sala abc"]

    async def checkpoint(_peer, body, _blob):
        assert parse_request(body["request"]).first == 3
        return Reply({"line": lines[-1]})

    pair.room.handlers = {"checkpoint": checkpoint}
    assert await ask(pair.edge, 3, [], "note") == lines[0]
    for strange in (None, 1, "x" * 1000):
        lines.append(strange)
        with pytest.raises(WireError):
            await ask(pair.edge, 3, [], "note")


def test_a_witness_that_is_behind_says_how_far():
    """A text that is no number is an error, not a size."""
    assert size_of(RefusedError("behind", "12")) == 12
    for strange in ("", "-1", "1e9", "9" * 30):
        with pytest.raises(WireError):
            size_of(RefusedError("behind", strange))


def test_the_rooms_key_is_pinned_once(tmp_path):
    """Kept over restarts; another one is refused and said until a person removes the file."""
    path = tmp_path / "lines" / "questura" / "witness.vkey"
    memory = RoomKey(path)
    assert memory.key is None
    memory.hear(witness(1))
    assert (memory.key.public, memory.problem) == (public(1), "")
    memory = RoomKey(path)
    assert memory.key.public == public(1)
    memory.hear(witness(2))
    assert "has changed" in memory.problem
    assert (memory.key.public, RoomKey(path).key.public) == (public(1), public(1))
    memory.hear(witness(1))
    assert memory.problem == ""
    for strange in ({}, {"witness_key": 7}, {"witness_key": "x" * 10_000}):
        memory.hear(strange)
        assert "does not witness" in memory.problem
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_enrolments_word_comes_first(tmp_path):
    """A room that says another key in its first hello than when we were enrolled is refused."""
    memory = RoomKey(tmp_path / "one")
    memory.hear(witness(2), witness(1)["witness_key"])
    assert "has changed" in memory.problem
    assert RoomKey(tmp_path / "one").key.public == public(1)
    memory.hear(witness(1), witness(1)["witness_key"])
    assert memory.problem == ""


def test_a_spoilt_pin_is_a_persons_matter(tmp_path):
    """It is neither forgotten nor written over; a folder that refuses is said."""
    path = tmp_path / "witness.vkey"
    for spoilt in (b"nonsense", b"\xff\xfe"):
        path.write_bytes(spoilt)
        memory = RoomKey(path)
        memory.hear(witness(), log_key())
        assert memory.key is None
        assert "remove it" in memory.problem
        assert path.read_bytes() == spoilt
    (tmp_path / "file").write_text("")
    memory = RoomKey(tmp_path / "key")
    memory._path = tmp_path / "file" / "key"
    with pytest.raises(StoreError):
        memory.hear(witness())
    assert memory.key is None


async def test_an_edges_log_is_pinned_with_its_first_hello(tmp_path):
    """Also over a restart; the next word does not change it, leaving does."""
    for _ in range(2):
        async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
            logs = EdgeLogs(store)
            assert (await logs.pinned("nord", log_key(1))).public == public(1)
            assert (await logs.pinned("nord", log_key(2))).public == public(1)
            assert (await logs.pinned("nord", "")).public == public(1)
            with pytest.raises(WireError):
                await logs.pinned("sud", "")
            with pytest.raises(WireError):
                await logs.pinned("sud", "nonsense")
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        logs = EdgeLogs(store)
        await logs.forget("nord")
        assert (await logs.pinned("nord", log_key(2))).public == public(2)
