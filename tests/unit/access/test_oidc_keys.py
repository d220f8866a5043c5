# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Description and keys of a provider, and how long a copy of them is believed."""

import json
import stat

import pytest

from gateway.access.oidc_keys import FIRST_S, FRESH_S, REFETCH_S
from gateway.model.errors import PeerError
from tests.unit.access.oidc_parts import ISSUER, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


async def test_it_is_asked_once_an_hour(world):
    """What is young is used as it is."""
    for _ in range(3):
        await world.book.metadata()
        await world.book.keys()
    assert len(world.http.asked) == 2
    world.clock.advance(FRESH_S)
    await world.book.keys()
    assert len(world.http.asked) == 4


async def test_the_copy_outlives_an_outage_and_a_restart(world):
    """The provider is away and we were restarted: the keys on disk still count, for a time."""
    keys = await world.book.keys()
    world.http.down = True
    world.restart()
    world.clock.advance(world.most_age_s)
    assert list(await world.book.keys()) == list(keys)
    world.clock.advance(1)
    with pytest.raises(PeerError):
        await world.book.keys()
    world.http.down = False
    world.clock.advance(REFETCH_S)
    assert await world.book.keys()


async def test_a_provider_that_is_away_is_not_asked_by_everybody(world):
    """One question a minute while there is a copy; every few seconds while there is none."""
    world.http.down = True
    for _ in range(5):
        with pytest.raises(PeerError):
            await world.book.keys()
    assert len(world.http.asked) == 1
    world.http.down = False
    world.clock.advance(FIRST_S)
    assert await world.book.keys()


async def test_the_copy_is_ours_alone(world):
    """Nobody else reads or writes it."""
    await world.book.keys()
    assert stat.S_IMODE(world.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "change",
    [
        lambda copy: copy | {"fetched_s": "yesterday"},
        lambda copy: copy | {"fetched_s": True},
        lambda copy: copy | {"fetched_s": 99_999_999_999},
        lambda copy: copy | {"jwks": {"keys": []}},
        lambda copy: (
            copy | {"metadata": copy["metadata"] | {"token_endpoint": "https://evil.example/"}}
        ),
        lambda copy: copy | {"metadata": copy["metadata"] | {"issuer": "https://evil.example"}},
        lambda copy: [],
    ],
)
async def test_a_copy_is_looked_at_like_an_answer(world, change):
    """What stands on disk may be old, broken or somebody else's."""
    await world.book.keys()
    world.file.write_text(json.dumps(change(json.loads(world.file.read_text()))))
    world.http.down = True
    world.restart()
    with pytest.raises(PeerError):
        await world.book.keys()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", "x" * 600_000])
async def test_rubbish_on_disk_is_no_copy(world, text):
    """It is asked for as if there were none."""
    world.file.parent.mkdir()
    world.file.write_text(text)
    assert await world.book.keys()


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": ISSUER + "/"},
        {"issuer": None},
        {"token_endpoint": "https://evil.example/token"},
        {"token_endpoint": "http://id.example/token"},
        {"token_endpoint": "https://id.example:8443/token"},
        {"token_endpoint": "https://id.example@evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://169.254.169.254/keys"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_it_may_only_name_its_own_hosts(world, described):
    """A description leads nowhere else, not even the browser."""
    world.http.described |= described
    with pytest.raises(PeerError):
        await world.book.metadata()


@pytest.mark.parametrize(
    "keys", [[], "x", [1], [{"kty": "oct", "k": "AAAA"}], [{"kty": "EC"}] * 33, [{"kty": []}]]
)
async def test_sets_without_a_public_key(world, keys):
    """Shared secrets and rubbish are no keys; too many are none either."""
    world.http.keys = keys
    with pytest.raises(PeerError):
        await world.book.keys()
