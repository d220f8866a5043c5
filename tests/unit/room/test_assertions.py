# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's assertions as an edge believes them: once, in time, from that room, for itself."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.errors import ConfigError, RefusedError
from gateway.model.registry import Role
from gateway.room import assertions
from gateway.room.assertions import (
    REMEMBER_S,
    Asserter,
    RoomTrust,
    Verifier,
    assertion_key,
    insist_sensible,
    session_of,
)
from gateway.wire.assertion import sign
from tests.fakes import FakeClock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUST = RoomTrust("sala", "nord", KEY.public_key().public_bytes_raw())


def grant(clock, camera="nord.piazza", id_="g-1", lasts_s=1800.0, **more):
    who = Actor("op-1", "Operatore", Role.PL_OPERATOR, "pl", "s1", "password")
    request = AccessRequest(who, Action.LIVE, camera, Purpose.SERVICE, "OS 1", **more)
    now = clock.now()
    return Grant(id_, request, "nord.patto", Regime.LED, now, now.shifted(lasts_s), 41)


class World:
    """A room and an edge whose clocks agree."""

    def __init__(self):
        self.clock = FakeClock()
        self.asserter = Asserter("sala", "varco/sala", KEY, self.clock)
        self.verifier = Verifier(self.clock)
        self.clock.advance(5)

    def token(self, **more):
        return self.asserter.assertion_for(grant(self.clock, **more))

    def refusal(self, token, trust=TRUST, **more):
        with pytest.raises(RefusedError) as caught:
            self.verifier.check(token, trust, **more)
        assert caught.value.text
        return caught.value.code


@pytest.fixture
def world():
    return World()


def test_a_grant_is_asserted_with_everything_that_the_edge_writes_down(world):
    """Actor, purpose, case, act and the entry of the room's log."""
    said = world.verifier.check(world.token(), TRUST).assertion
    assert (said.room, said.edge, said.camera, said.act) == ("sala", "nord", "piazza", "patto")
    assert (said.actor, said.purpose, said.case, said.seq) == (
        "op-1", Purpose.SERVICE, "OS 1", 41,
    )  # fmt: skip
    assert session_of(said) == "g-1@varco/sala#41"


def test_an_assertion_holds_a_minute_and_never_longer_than_its_grant(world):
    """Sixty seconds, or what the room's Grant has left."""
    assert world.verifier.check(world.token(), TRUST).left_s == pytest.approx(60.0)
    short = world.token(id_="g-2", lasts_s=7.0)
    assert world.verifier.check(short, TRUST).left_s == pytest.approx(7.0)
    with pytest.raises(RefusedError, match="grant-ended"):
        world.token(id_="g-3", lasts_s=0.0)


def test_a_camera_of_the_room_itself_is_not_asserted(world):
    """There is nobody to tell."""
    with pytest.raises(RefusedError, match="not-an-edge"):
        world.token(camera="piazza")


def test_serials_grow_and_each_is_taken_once(world):
    """The second time is a replay, also of an older one; a renewal is not."""
    first, second = world.token(), world.token()
    world.verifier.check(first, TRUST)
    assert world.refusal(first) == "replayed"
    world.verifier.check(second, TRUST)
    assert world.refusal(second) == "replayed"
    assert world.refusal(first) == "replayed"
    assert world.verifier.check(world.token(), TRUST).assertion.serial == 3


def test_the_last_token_may_be_shown_again_where_that_was_asked_for(world):
    """A picture fetched in parts; an older token not, and not after the end."""
    first, second = world.token(), world.token()
    world.verifier.check(first, TRUST)
    world.verifier.check(first, TRUST, again=True)
    world.verifier.check(second, TRUST)
    assert world.refusal(first, again=True) == "replayed"
    world.verifier.end("g-1")
    assert world.refusal(second, again=True) == "over"


def test_a_token_of_another_room_edge_or_key_is_refused(world):
    """Who says it, to whom, and with which key."""
    token = world.token()
    assert world.refusal(token, replace(TRUST, room="altra")) == "wrong-room"
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert world.refusal(token, replace(TRUST, key=other)) == "forged"
    assert world.refusal(token[:-4] + "AAAA") == "forged"
    assert world.refusal(world.token(camera="sud.piazza", id_="g-9")) == "wrong-audience"
    world.verifier.check(token, TRUST)


def test_a_late_token_is_refused_by_the_rooms_clock(world):
    """The line knows how far the two clocks are apart; the token's own minute counts."""
    token, early = world.token(), world.token(id_="g-2")
    world.clock.advance(59)
    assert world.verifier.check(early, TRUST).left_s == pytest.approx(1.0)
    world.clock.advance(1)
    assert world.refusal(token) == "expired"


def test_clocks_that_differ_are_reckoned_with(world):
    """A room an hour ahead is believed with that hour, and not without it."""
    ahead = FakeClock(utc_us=world.clock.utc_us + 3_600_000_000)
    token = Asserter("sala", "varco/sala", KEY, ahead).assertion_for(grant(ahead))
    assert world.refusal(token) == "not-yet"
    offset = replace(TRUST, offset_us=3_600_000_000)
    assert world.verifier.check(token, offset).left_s == pytest.approx(60.0)


def test_a_token_from_before_a_restart_is_refused(world):
    """Serials are kept in memory: what is older than that memory cannot be told from a replay."""
    token = world.token()
    world.verifier.check(token, TRUST)
    world.clock.advance(10)
    world.verifier = Verifier(world.clock)
    world.clock.advance(1)
    assert world.refusal(token) == "replayed"
    world.verifier.check(world.token(), TRUST)


def test_a_grant_cannot_turn_into_another(world):
    """Camera, person, purpose and case are those of the first assertion."""
    world.verifier.check(world.token(), TRUST)
    for more in ({"camera": "nord.banco"}, {"reason": "altro"}):
        assert world.refusal(world.token(**more)) == "changed"


def test_after_the_end_nothing_is_taken(world):
    """Released or revoked: the same Grant does not come back, as long as a token could live."""
    world.verifier.check(world.token(), TRUST)
    world.verifier.end("g-1")
    assert world.verifier.is_over("g-1")
    assert world.refusal(world.token()) == "over"
    world.clock.advance(59)
    assert world.refusal(world.token()) == "over"


def test_memory_is_bounded(world, monkeypatch):
    """More Grants than a room ever has are refused until the first are out of date."""
    monkeypatch.setattr(assertions, "MOST_KNOWN", 3)
    for number in range(3):
        world.verifier.check(world.token(id_=f"g-{number}"), TRUST)
    assert world.refusal(world.token(id_="g-4")) == "too-many"
    world.clock.advance(60 + REMEMBER_S)
    world.verifier.check(world.token(id_="g-4"), TRUST)
    for number in range(5, 20):
        world.token(id_=f"g-{number}")
    assert len(world.asserter._serials) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"action": Action.EXPORT}, "wrong-action"),
        ({"action": Action.CONFIGURE}, "wrong-action"),
        ({"role": Role.OWNER}, "role-may-not"),
        ({"role": Role.SYSADMIN}, "role-may-not"),
        ({"purpose": Purpose.OWNER}, "purpose-not-allowed"),
        ({"purpose": Purpose.INSTALLATION}, "purpose-not-allowed"),
    ],
)
def test_a_room_cannot_speak_for_the_house(world, change, code):
    """Owners, installers and administrators of an edge are its own."""
    said = world.verifier.check(world.token(), TRUST).assertion
    insist_sensible(said)
    with pytest.raises(RefusedError, match=code):
        insist_sensible(replace(said, **change))


def test_what_people_typed_is_made_to_fit(world):
    """A long or broken reason does not keep a look from being asserted."""
    token = world.token(reason="riga\n" * 100)
    assert len(world.verifier.check(token, TRUST).assertion.reason) <= 200
    assert sign(world.verifier.check(world.token(id_="g-2"), TRUST).assertion, KEY)


def test_the_key_is_made_once_and_for_us_alone(tmp_path):
    """0600; the same one again; a broken file is named."""
    key = assertion_key(tmp_path)
    path = tmp_path / "assertion.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert assertion_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"assertion\.key.*from the backup.*invited"):
        assertion_key(tmp_path)
