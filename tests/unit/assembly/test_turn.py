# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Credentials for TURN servers."""

import base64
import hashlib
import hmac

import pytest

from gateway.assembly.turn import turn_servers
from gateway.config.options import TurnOptions
from gateway.model.errors import ConfigError
from tests.fakes import FakeClock

URLS = ("turn:192.0.2.20:3478?transport=udp", "turns:turn.example.it:5349?transport=tcp")
SECRET = "a-secret-of-more-than-16"


def written(path, text=SECRET):
    path.write_text(text + "\n")
    path.chmod(0o600)
    return TurnOptions(URLS, f"file:{path}", 600)


def test_credentials_are_of_one_viewer_and_a_while(tmp_path):
    """The name holds the end, the password proves it to the server; no two viewers share them."""
    clock = FakeClock()
    servers = turn_servers(written(tmp_path / "turn"), clock, "gateway.toml")
    first, second = servers.issue(), servers.issue()
    assert [one.url for one in first] == list(URLS)
    until, _, rest = first[0].username.partition(":")
    assert int(until) == clock.now().utc_us // 1_000_000 + 600
    assert len(rest) == 16
    wanted = hmac.new(SECRET.encode(), first[0].username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(first[0].credential) == wanted
    assert first[0].username != second[0].username
    assert first[0].credential not in repr(first)


def test_without_turn_there_is_none():
    """Nothing is announced."""
    assert turn_servers(None, FakeClock(), "gateway.toml") is None


def test_a_guessable_secret_is_refused(tmp_path):
    """Everybody sees names and passwords made from it: it must be long."""
    with pytest.raises(ConfigError, match=r"turn\.secret: the secret is shorter"):
        turn_servers(written(tmp_path / "turn", "short"), FakeClock(), "gateway.toml")
    with pytest.raises(ConfigError, match=r"turn\.secret"):
        turn_servers(TurnOptions(URLS, f"file:{tmp_path}/none", 600), FakeClock(), "gateway.toml")
