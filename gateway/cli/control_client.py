# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP to the daemon's control socket; who we are is what the kernel says (SO_PEERCRED)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.ingest.acceptance import Sheet
from gateway.ingest.acceptance import load as load_sheet
from gateway.ingest.probed import ProbeResult
from gateway.ingest.probed import load as load_probe
from gateway.model.errors import ConfigError, ConfigErrors, PeerError, WireError
from gateway.registry.geojson import GEOJSON_TYPE
from gateway.registry.seed import is_map
from gateway.registry.seed_text import TOML_TYPE
from gateway.registry.spreadsheet import CSV_TYPE, is_table

TIMEOUT_S = 30.0
"""A large seed is checked, written and taken over within it."""
AWAY_ADVICE = "is the service running? try: systemctl status varco"
_OK_BELOW = 300

Reply = TypeVar("Reply", bound=BaseModel)


class Progress(Protocol):
    """Where what is being tried is shown."""

    def say(self, italian: str, english: str) -> str:
        """Return the text in the language of whoever reads."""
        ...

    def tell(self, italian: str, english: str) -> None:
        """Say what begins now."""
        ...

    def tick(self) -> None:
        """Show that time passes."""
        ...


class _Told(BaseModel):
    """A sentence in both languages."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    it: str
    en: str


class _Line(BaseModel):
    """One line of a long answer: progress, or how it ended; an empty one says that time passes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    progress: _Told | None = None
    problem: _Told | None = None


class _Outcome(_Line):
    """Of a probe."""

    result: dict[str, object] | None = None


class _SheetAndPage(BaseModel):
    """Of an acceptance."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sheet: dict[str, object]
    page: str


class _Accepted(_Line):
    """Of an acceptance."""

    result: _SheetAndPage | None = None


Lines = TypeVar("Lines", _Outcome, _Accepted)


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
        response = self._send(
            httpx.Request(
                "POST",
                "http://varco/control/registry/apply",
                params={"replace": "true" if replace else "false"},
                headers={"Content-Type": _seed_type(text)},
                content=text.encode(),
            )
        )
        return self._read(response, ChangeReply)

    def export(self, form: str) -> str:
        """Return the registry in one of `registry.control.FORMATS`."""
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

    def probe(self, camera: str, seconds: float, progress: Progress) -> ProbeResult:
        """Have a camera measured."""
        wish = {"camera": camera, "seconds": seconds}
        answer = self._watch("/control/probe", wish, progress, _Outcome)
        try:
            return load_probe(json.dumps(answer.result))
        except WireError as error:
            raise self._nonsense() from error

    def accept(self, wish: Mapping[str, object], progress: Progress) -> tuple[Sheet, str]:
        """Have a camera accepted; return the sheet and its page."""
        answer = self._watch("/control/accept", wish, progress, _Accepted).result
        if answer is None:
            raise self._nonsense()
        try:
            return load_sheet(json.dumps(answer.sheet)), answer.page
        except WireError as error:
            raise self._nonsense() from error

    def _watch(
        self, path: str, wish: Mapping[str, object], progress: Progress, reply: type[Lines]
    ) -> Lines:
        """Follow an answer of several lines to its last, which carries the outcome."""
        last = reply()
        request = httpx.Request("POST", f"http://varco{path}", json=dict(wish))
        response = self._send(request, stream=True)
        with closing(response), self._reached():
            for line in response.iter_lines():
                try:
                    last = reply.model_validate_json(line)
                except ValidationError as error:
                    raise self._nonsense() from error
                if last.progress is not None:
                    progress.tell(last.progress.it, last.progress.en)
                else:
                    progress.tick()
        if last.problem is not None:
            raise PeerError(progress.say(last.problem.it, last.problem.en))
        if last.result is None:
            raise PeerError(f"{self.socket}: the answer broke off")
        return last

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Have a daemon that goes away told as that."""
        try:
            yield
        except httpx.TransportError as error:
            problem = str(error) or type(error).__name__
            raise PeerError(f"{self.socket}: {problem} ({AWAY_ADVICE})") from error

    def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        if not self.socket.exists():
            raise PeerError(f"{self.socket}: there is no such socket ({AWAY_ADVICE})")
        with self._reached():
            response = self._client.send(request, stream=stream)
            if response.status_code < _OK_BELOW:
                return response
            response.read()
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


def _seed_type(text: str) -> str:
    if is_table(text):
        return CSV_TYPE.partition(";")[0]
    return GEOJSON_TYPE if is_map(text) else TOML_TYPE


def _as_error(line: str) -> ConfigError:
    """Return a fault that reads as the daemon wrote it."""
    where, colon, problem = line.partition(": ")
    return ConfigError(where, "", problem) if colon else ConfigError("varco", "", line)
