# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP to the daemon's control socket; who we are is what the kernel says (SO_PEERCRED)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.model.errors import ConfigError, ConfigErrors, PeerError

TIMEOUT_S = 30.0
"""A large seed is checked, written and taken over within it."""
TOML_TYPE = "application/toml"
GEOJSON_TYPE = "application/geo+json"
AWAY_ADVICE = "is the service running? try: systemctl status varco"
_OK_BELOW = 300

Reply = TypeVar("Reply", bound=BaseModel)


class ChangeReply(BaseModel):
    """What an apply did; entities as `kind/id`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class ReloadReply(BaseModel):
    """What a reload found, one line each."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    changed: tuple[str, ...] = ()


class _Problem(BaseModel):
    """RFC 9457; `problems` and `detail` are lists of lines in two spellings."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str = ""
    detail: str = ""
    problems: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Return what is wrong, one line each."""
        return self.problems or tuple(self.detail.splitlines()) or (self.title,)


@dataclass(frozen=True, slots=True)
class Control:
    """The daemon's control socket.

    Every method raises PeerError if the daemon is away or refuses us, and ConfigErrors if what
    we sent cannot be used.
    """

    socket: Path
    _client: httpx.Client

    def apply(self, text: str, *, replace: bool) -> ChangeReply:
        """Import a seed."""
        kind = GEOJSON_TYPE if text.lstrip().startswith("{") else TOML_TYPE
        response = self._send(
            httpx.Request(
                "POST",
                "http://varco/control/registry/apply",
                params={"replace": "true" if replace else "false"},
                headers={"Content-Type": kind},
                content=text.encode(),
            )
        )
        return self._read(response, ChangeReply)

    def export(self, form: str) -> str:
        """Return the registry in a form: geojson, csv or toml."""
        url = "http://varco/control/registry/export"
        return self._send(httpx.Request("GET", url, params={"format": form})).text

    def reload(self) -> ReloadReply:
        """Have the configuration read again."""
        request = httpx.Request("POST", "http://varco/control/reload")
        return self._read(self._send(request), ReloadReply)

    def set_password(self, user_id: str, password: str) -> None:
        """Give a user a password."""
        url = f"http://varco/control/users/{quote(user_id, safe='')}/password"
        self._send(httpx.Request("POST", url, json={"password": password}))

    def status(self) -> str:
        """Return the daemon's state as JSON for people to read."""
        response = self._send(httpx.Request("GET", "http://varco/control/status"))
        try:
            return json.dumps(response.json(), ensure_ascii=False, indent=1)
        except ValueError as error:
            raise self._nonsense() from error

    def _send(self, request: httpx.Request) -> httpx.Response:
        if not self.socket.exists():
            raise PeerError(f"{self.socket}: there is no such socket ({AWAY_ADVICE})")
        try:
            response = self._client.send(request)
        except httpx.TransportError as error:
            problem = str(error) or type(error).__name__
            raise PeerError(f"{self.socket}: {problem} ({AWAY_ADVICE})") from error
        if response.status_code < _OK_BELOW:
            return response
        lines = self._problem(response).lines()
        if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise ConfigErrors([_as_error(line) for line in lines])
        raise PeerError(f"{self.socket}: {response.status_code} {'; '.join(lines)}")

    def _problem(self, response: httpx.Response) -> _Problem:
        try:
            return _Problem.model_validate_json(response.content)
        except ValidationError:
            return _Problem(title=response.reason_phrase)

    def _read(self, response: httpx.Response, reply: type[Reply]) -> Reply:
        try:
            return reply.model_validate_json(response.content)
        except ValidationError as error:
            raise self._nonsense() from error

    def _nonsense(self) -> PeerError:
        return PeerError(f"{self.socket}: answers something else than a Varco of this version")


@contextmanager
def open_control(socket: Path) -> Iterator[Control]:
    """Open a client for a control socket; nothing is sent before the first call."""
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, timeout=TIMEOUT_S, trust_env=False) as client:
        yield Control(socket, client)


def _as_error(line: str) -> ConfigError:
    """Return a fault that reads as the daemon wrote it."""
    where, colon, problem = line.partition(": ")
    return ConfigError(where, "", problem) if colon else ConfigError("varco", "", line)
