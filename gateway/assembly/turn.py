# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Credentials for TURN servers: for one viewer and a short time, known to nobody else.

The server shares a secret with us and keeps no accounts (coturn's `use-auth-secret`): the user
name holds the end of its validity, the password is its HMAC. The name tells nothing of the person.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.config.options import TurnOptions
from gateway.config.secrets import resolve
from gateway.model.errors import ConfigError
from gateway.runtime.clock import Clock

LEAST_SECRET_CHARS = 16


@dataclass(frozen=True, slots=True)
class IceServer:
    """What a player needs to use a server."""

    url: str
    username: str
    credential: str = field(repr=False)


class TurnServers:
    """Gives credentials; made by `turn_servers`."""

    def __init__(self, options: TurnOptions, secret: str, clock: Clock) -> None:
        self._options = options
        self._secret = secret.encode()
        self._clock = clock

    def issue(self) -> Sequence[IceServer]:
        """Return every server with new credentials, good for `ttl_s` from now on."""
        until_s = self._clock.now().utc_us // 1_000_000 + self._options.ttl_s
        username = f"{until_s}:{secrets.token_hex(8)}"
        digest = hmac.digest(self._secret, username.encode(), "sha1")
        credential = base64.b64encode(digest).decode("ascii")
        return tuple(IceServer(url, username, credential) for url in self._options.urls)


def turn_servers(options: TurnOptions | None, clock: Clock, where: str) -> TurnServers | None:
    """Return what gives credentials, None without TURN; ConfigError if the secret is missing."""
    if options is None:
        return None
    secret = resolve(options.secret, where=where, key="turn.secret")
    if len(secret) < LEAST_SECRET_CHARS:
        problem = f"the secret is shorter than {LEAST_SECRET_CHARS} characters"
        raise ConfigError(where, "turn.secret", problem, "draw a longer one, here and there")
    return TurnServers(options, secret, clock)
