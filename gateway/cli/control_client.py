# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP to the daemon's control socket; who we are is what the kernel says (SO_PEERCRED)."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
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
from gateway.runtime.unix_path import unix_address

TIMEOUT_S = 30.0
"""A large seed is checked, written and taken over within it."""
AWAY_ADVICE = "is the service running? try: systemctl status varco"
EXPORT_S = 600.0
"""An export of years is made before its first byte comes."""
_OK_BELOW = 300
CODE_NEEDED = "totp-needed"
"""Code of the problem that asks for the second device."""

Take = Callable[[str, str, Iterator[bytes]], None]
"""Takes a file: its name, its SHA-256, its bytes."""

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


class CodeNeededError(PeerError):
    """The password is right, and the code of the second device is due."""


class ChangeReply(BaseModel):
    """What an apply did; entities as `kind/id`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    held: str = ""


class HoldupReply(BaseModel):
    """A hold-up channel."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    name: str
    site: str
    devices: tuple[str, ...] = ()


class HoldupTokenReply(BaseModel):
    """A button's secret; empty: it was taken back."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    token: str


class HoldupTestReply(BaseModel):
    """A test that was set off."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    alarm: str
    raised: str


class HoldupFiguresReply(BaseModel):
    """One channel in a report."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    name: str
    triggers: int
    presses: int
    tests: int
    undelivered: int


class HoldupCaseReply(BaseModel):
    """One alarm in a report."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    alarm: str
    holdup: str
    raised: str
    exercise: bool
    sources: tuple[str, ...]
    verification: str
    verification_s: float
    rooms_s: float
    verdict: str


class HoldupReportReply(BaseModel):
    """What hold-up channels did in a period."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    channels: tuple[HoldupFiguresReply, ...]
    cases: tuple[HoldupCaseReply, ...]
    count: int
    p50_s: float
    p95_s: float
    in_time: bool


class ExtensionReply(BaseModel):
    """An extension of an act."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    until: str
    by: str
    entered: str = ""
    reason: str = ""


class ActReply(BaseModel):
    """One act today."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    number: str
    state: str
    last_day: str
    days_left: int
    dpia_stale: str = ""
    extensions: tuple[ExtensionReply, ...] = ()


class ResolutionReply(BaseModel):
    """What one recipient gets of one camera."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    camera: str
    analytic: str
    recipient: str
    on: bool
    act: str
    reason_it: str = ""
    reason_en: str = ""


class ActsReply(BaseModel):
    """Acts and what they switch on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    acts: tuple[ActReply, ...] = ()
    resolutions: tuple[ResolutionReply, ...] = ()


class WideningReply(BaseModel):
    """What a held change opens wider."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    act: str
    text_it: str
    text_en: str


class ApprovalReply(BaseModel):
    """Who agreed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    by: str


class HeldReply(BaseModel):
    """A held change."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    by: str
    utc: str
    where: str
    state: str
    needed: int
    widenings: tuple[WideningReply, ...] = ()
    approvals: tuple[ApprovalReply, ...] = ()
    grown: bool = False


class HeldListReply(BaseModel):
    """All held changes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    held: tuple[HeldReply, ...] = ()


class ReducedReply(BaseModel):
    """A camera of which the small stream comes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str


class LineReply(BaseModel):
    """How one line stands."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    name: str
    side: str
    state: str
    enabled: bool = True
    problem: str = ""
    since_utc: str = ""
    heard_utc: str = ""
    round_trip_ms: float = 0.0
    clock_offset_ms: float = 0.0
    address: str = ""
    streams: int = 0
    reduced: tuple[ReducedReply, ...] = ()
    certificate_until: str = ""
    invited_until: str = ""


class LinesReply(BaseModel):
    """Every line."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    lines: tuple[LineReply, ...] = ()
    is_room: bool = False


class InvitationReply(BaseModel):
    """A code for an edge."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    edge: str
    code: str
    expires: str
    kept: int = 0
    """Organisations that were not named and know of the edge still."""


class HotListReply(BaseModel):
    """One list of plates, without them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str
    kind: str
    sequence: int
    issued: str
    act: str
    entries: int
    first_end: str = ""


class HotListsReply(BaseModel):
    """Which lists there are."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    problem: str = ""
    lists: tuple[HotListReply, ...] = ()


class HotListDeliveryReply(BaseModel):
    """What became of a delivery."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str
    kind: str
    sequence: int
    added: int
    removed: int
    over: int = 0


class HotListEntryReply(BaseModel):
    """One entry, without its plate."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    kind: str
    until: str


class ReloadReply(BaseModel):
    """What a reload found, one line each."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    changed: tuple[str, ...] = ()


class ExplainStep(BaseModel):
    """One question of the policy and its answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str
    ok: bool
    text_it: str
    text_en: str


class ExplainReply(BaseModel):
    """Why somebody may look, or not."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    allowed: bool
    steps: tuple[ExplainStep, ...] = ()
    refusal: str = ""
    expires: str = ""
    policy_version: int = 0


class _Problem(BaseModel):
    """RFC 9457; `problems` and `detail` are lists of lines in two spellings."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: str = ""
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

    def holdups(self) -> tuple[HoldupReply, ...]:
        """Return the hold-up channels."""
        request = httpx.Request("GET", "http://varco/control/holdup")
        return tuple(map(HoldupReply.model_validate, self._send(request).json()))

    def holdup_token(self, channel: str, device: str, *, revoke: bool) -> str:
        """Return a new secret of a button; empty: it was taken back."""
        url = f"http://varco/control/holdup/{quote(channel, safe='')}/token"
        body = {"device": device, "revoke": revoke}
        return self._read(self._send(httpx.Request("POST", url, json=body)), HoldupTokenReply).token

    def holdup_test(self, channel: str) -> HoldupTestReply:
        """Set a channel off as an exercise."""
        url = f"http://varco/control/holdup/{quote(channel, safe='')}/test"
        return self._read(self._send(httpx.Request("POST", url)), HoldupTestReply)

    def holdup_report(self, since: str, until: str) -> HoldupReportReply:
        """Return what the channels did from one day to another."""
        url = "http://varco/control/holdup/report"
        request = httpx.Request("GET", url, params={"from": since, "to": until})
        return self._read(self._send(request), HoldupReportReply)

    def acts(self) -> ActsReply:
        """Return how acts stand."""
        request = httpx.Request("GET", "http://varco/control/acts")
        return self._read(self._send(request), ActsReply)

    def extend(self, act: str, wish: Mapping[str, str]) -> ExtensionReply:
        """Have an extension entered in a person's name."""
        url = f"http://varco/control/acts/{quote(act, safe='')}/extensions"
        return self._read(self._send(httpx.Request("POST", url, json=dict(wish))), ExtensionReply)

    def held(self) -> HeldListReply:
        """Return the changes that wait for two people."""
        request = httpx.Request("GET", "http://varco/control/held")
        return self._read(self._send(request), HeldListReply)

    def judge(self, held_id: str, wish: Mapping[str, str], *, agree: bool) -> HeldReply:
        """Have a held change approved or rejected in a person's name."""
        what = "approve" if agree else "reject"
        url = f"http://varco/control/held/{quote(held_id, safe='')}/{what}"
        return self._read(self._send(httpx.Request("POST", url, json=dict(wish))), HeldReply)

    def lines(self) -> LinesReply:
        """Return how every line stands."""
        request = httpx.Request("GET", "http://varco/control/lines")
        return self._read(self._send(request), LinesReply)

    def invite(self, wish: Mapping[str, object]) -> InvitationReply:
        """Have an edge invited in a person's name."""
        request = httpx.Request("POST", "http://varco/control/lines/invitations", json=dict(wish))
        return self._read(self._send(request), InvitationReply)

    def revoke(self, edge: str, wish: Mapping[str, str]) -> None:
        """Have an edge let in no more, in a person's name."""
        url = f"http://varco/control/lines/{quote(edge, safe='')}/revoke"
        self._send(httpx.Request("POST", url, json=dict(wish)))

    def hotlists(self) -> HotListsReply:
        """Return which lists of plates there are."""
        request = httpx.Request("GET", "http://varco/control/hotlists")
        return self._read(self._send(request), HotListsReply)

    def import_hotlist(self, wish: Mapping[str, str]) -> HotListDeliveryReply:
        """Have a signed list taken over in a person's name."""
        request = httpx.Request("POST", "http://varco/control/hotlists/imports", json=dict(wish))
        return self._read(self._send(request), HotListDeliveryReply)

    def add_hotlist_entry(self, wish: Mapping[str, str]) -> HotListEntryReply:
        """Ask for a local entry in a person's name."""
        request = httpx.Request("POST", "http://varco/control/hotlists/entries", json=dict(wish))
        return self._read(self._send(request), HotListEntryReply)

    def remove_hotlist_entry(self, entry: str, wish: Mapping[str, str]) -> HotListEntryReply:
        """Have an entry deleted in a person's name."""
        url = f"http://varco/control/hotlists/entries/{quote(entry, safe='')}/remove"
        request = httpx.Request("POST", url, json=dict(wish))
        return self._read(self._send(request), HotListEntryReply)

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

    def reset_totp(self, user_id: str) -> None:
        """Take a user's second device away."""
        url = f"http://varco/control/users/{quote(user_id, safe='')}/totp-reset"
        self._send(httpx.Request("POST", url))

    def explain(self, request: Mapping[str, str]) -> ExplainReply:
        """Have the rights of a registry user explained; opens and writes nothing."""
        url = "http://varco/control/policy/explain"
        return self._read(self._send(httpx.Request("GET", url, params=dict(request))), ExplainReply)

    def export_ledger(self, wish: Mapping[str, object], take: Take) -> None:
        """Have entries of the log exported; `take` gets the file's name, its hash, its bytes."""
        request = httpx.Request("POST", "http://varco/control/ledger/export", json=dict(wish))
        request.extensions["timeout"] = httpx.Timeout(TIMEOUT_S, read=EXPORT_S).as_dict()
        response = self._send(request, stream=True)
        with closing(response), self._reached():
            name = response.headers.get("content-disposition", "").partition('filename="')[2]
            digest = response.headers.get("x-varco-sha256", "")
            take(name.rstrip('"'), digest, response.iter_bytes())

    def status(self, language: str = "") -> str:
        """Return the daemon's state as JSON for people to read; English unless told otherwise."""
        headers = {"Accept-Language": language} if language else {}
        response = self._send(httpx.Request("GET", "http://varco/control/status", headers=headers))
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
        problem = self._problem(response)
        lines = problem.lines()
        if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise ConfigErrors([_as_error(line) for line in lines])
        if problem.code == CODE_NEEDED:
            raise CodeNeededError(f"{self.socket}: {'; '.join(lines)}")
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
    with ExitStack() as held:
        try:
            address = held.enter_context(unix_address(socket))
        except OSError as error:
            raise PeerError(f"{socket}: {error.strerror} ({AWAY_ADVICE})") from None
        transport = httpx.HTTPTransport(uds=address)
        client = held.enter_context(
            httpx.Client(transport=transport, timeout=TIMEOUT_S, trust_env=False)
        )
        yield Control(socket, client)


def _seed_type(text: str) -> str:
    if is_table(text):
        return CSV_TYPE.partition(";")[0]
    return GEOJSON_TYPE if is_map(text) else TOML_TYPE


def _as_error(line: str) -> ConfigError:
    """Return a fault that reads as the daemon wrote it."""
    where, colon, problem = line.partition(": ")
    return ConfigError(where, "", problem) if colon else ConfigError("varco", "", line)
