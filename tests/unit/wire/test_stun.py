# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""STUN against an independent implementation (aioice), and against anything at all."""

import pytest
from aioice import stun as peer
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import stun

PASSWORD = "a-password-of-22-chars"


def check(username="ours:theirs", password=PASSWORD, fingerprint=True, **attributes):
    """A connectivity check as aioice makes it."""
    message = peer.Message(peer.Method.BINDING, peer.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1_853_693_695
    message.attributes.update(attributes)
    if fingerprint:
        message.add_message_integrity(password.encode())
    return message


def test_reads_what_a_peer_sends():
    """User names, nomination and role are read; the integrity proves the password."""
    data = bytes(check(**{"ICE-CONTROLLING": 7, "USE-CANDIDATE": None}))
    request = stun.receive(data)
    assert (request.local_ufrag, request.remote_ufrag) == ("ours", "theirs")
    assert (request.nominates, request.controlled) == (True, False)
    assert request.proves(PASSWORD)
    assert not request.proves(PASSWORD + "x")


def test_not_nominating_is_seen():
    """Without USE-CANDIDATE nothing is nominated, and ICE-CONTROLLED is a conflict."""
    request = stun.receive(bytes(check(**{"ICE-CONTROLLED": 7})))
    assert (request.nominates, request.controlled) == (False, True)


@pytest.mark.parametrize(
    ("host", "port", "seen"),
    [
        ("192.0.2.7", 50_123, "192.0.2.7"),
        ("2001:db8::7", 443, "2001:db8::7"),
        ("::ffff:192.0.2.7", 50_123, "192.0.2.7"),
    ],
)
def test_answer_is_understood_by_a_peer(host, port, seen):
    """The peer verifies our answer and learns its address; mapped IPv4 is told as IPv4."""
    message = check()
    answer = stun.success(stun.receive(bytes(message)), PASSWORD, host, port)
    parsed = peer.parse_message(answer)
    assert parsed.check_message_integrity(PASSWORD.encode())
    assert parsed.message_class is peer.Class.RESPONSE
    assert parsed.transaction_id == message.transaction_id
    assert parsed.attributes["XOR-MAPPED-ADDRESS"] == (seen, port)


def test_role_conflict_is_understood_by_a_peer():
    """A peer that believes to be controlled is told 487."""
    answer = stun.role_conflict(stun.receive(bytes(check())), PASSWORD)
    parsed = peer.parse_message(answer)
    assert parsed.check_message_integrity(PASSWORD.encode())
    assert parsed.message_class is peer.Class.ERROR
    assert parsed.attributes["ERROR-CODE"] == (487, "Role Conflict")


def test_any_flipped_bit_is_noticed():
    """No single changed bit leaves a request that parses, names us and proves the password."""
    data = bytes(check(**{"ICE-CONTROLLING": 7}))
    for bit in range(8 * (len(data) - 8)):  # the FINGERPRINT at the end proves nothing
        forged = bytearray(data)
        forged[bit // 8] ^= 1 << bit % 8
        try:
            request = stun.receive(bytes(forged))
        except WireError:
            continue
        assert not request.proves(PASSWORD), bit


def test_what_follows_the_integrity_does_not_count():
    """An attribute appended behind MESSAGE-INTEGRITY is not believed (RFC 8489 §14.5)."""
    data = bytes(check())[:-8]  # without FINGERPRINT
    forged = data + b"\0\x25\0\0"  # USE-CANDIDATE
    forged = forged[:2] + (len(forged) - 20).to_bytes(2, "big") + forged[4:]
    request = stun.receive(forged)
    assert request.proves(PASSWORD)
    assert not request.nominates


@pytest.mark.parametrize("username", ["ours", ":theirs", "", "öurs:theirs"])
def test_user_name_must_name_both(username):
    """A USERNAME that does not name both agents in ASCII is refused."""
    with pytest.raises(WireError, match="USERNAME"):
        stun.receive(bytes(check(username)))


def test_request_without_integrity_is_refused():
    """Nobody gets an answer without a proof."""
    with pytest.raises(WireError, match="MESSAGE-INTEGRITY"):
        stun.receive(bytes(check(fingerprint=False)))


@given(st.binary(max_size=200))
def test_any_bytes(data):
    """Any datagram is a request or a WireError."""
    receive_or_refuse(data)


@given(st.data())
def test_damaged_requests(data):
    """So is any request with bytes changed, cut or added."""
    message = bytearray(bytes(check()))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    receive_or_refuse(bytes(message[:cut]) + data.draw(st.binary(max_size=8)))


def receive_or_refuse(data):
    try:
        request = stun.receive(data)
    except WireError:
        return
    assert len(stun.success(request, PASSWORD, "192.0.2.1", 1)) <= 120
