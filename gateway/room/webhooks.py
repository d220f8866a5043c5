# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Webhooks: a dispatch system is told of incidents of its organisation, by signed HTTP POST (A-03).

Headers and signature are those of the Standard Webhooks specification: `webhook-id`,
`webhook-timestamp` and `webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`.
At least once, in order within one incident; what is told says that something changed, the rest
is read over the API by whoever may.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from gateway.model.errors import PeerError
from gateway.model.incident import Change, Incident, IncidentEvent
from gateway.room.incidents import IncidentBook, Owed, Owing, Step
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

PREFIX: Final = "hook:"
CALL_S: Final = 10.0
"""For one whole exchange."""
IDLE_S: Final = 30.0
AT_ONCE: Final = 8
"""Incidents about which one hook is told side by side."""
FIRST_S: Final = 2.0
MOST_S: Final = 900.0
GIVE_UP_US: Final = 3 * 86_400_000_000
"""What nobody took for three days is dropped, with a line in the log."""
LINE: Final = Policy(first_s=1.0, most_s=60.0)
_SECRET_MARK: Final = "whsec_"  # noqa: S105 - the mark of a form, not a secret
_SUCCESS: Final = range(200, 300)
_S: Final = 1_000_000
QUIET: Final = frozenset({Change.RECEIPT})
"""Not told: that somebody has read something."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One address that is told."""

    name: str
    url: str
    organisation: str
    events: tuple[str, ...] = ("*",)
    """Patterns: `incident.*`, `incident.closed`, `message`."""
    secret: str = field(default="", repr=False)
    private: bool = False
    """It may be on this machine or in a private network, and there in clear."""
    ca: Path | None = None
    """Authorities; None: the system's."""

    @property
    def taker(self) -> str:
        """Return its name in the queue."""
        return PREFIX + self.name


@dataclass(slots=True)
class HookState:
    """How one hook is."""

    problem: str = ""
    """Why the last delivery failed; empty if it did not."""
    delivered: int = 0


# what is told ------------------------------------------------------------------------------


def event_name(event: IncidentEvent) -> str:
    """Return the name of an event towards webhooks."""
    return "message" if event.kind is Change.MESSAGE else f"incident.{event.kind.value}"


def owed_to_hooks(hooks: Sequence[Hook]) -> Owing:
    """Return what these hooks are owed for a change: events of incidents that are theirs."""

    def owing(step: Step) -> Iterable[tuple[str, str, str]]:
        for hook in hooks:
            known = step.after.parties | (step.before.parties if step.before else frozenset())
            if hook.organisation not in known:
                continue
            for event in step.new:
                name = event_name(event)
                wanted = any(fnmatchcase(name, one) for one in hook.events)
                if wanted and event.kind not in QUIET:
                    yield hook.taker, event.id, payload(hook, step.after, event)

    return owing


def payload(hook: Hook, incident: Incident, event: IncidentEvent) -> str:
    """Return what a hook is told: which incident, what happened, no person and no text.

    Once the organisation no longer knows of the incident, nothing but its number.
    """
    about: dict[str, object] = {"id": incident.id, "state": incident.state.value}
    if hook.organisation in incident.parties:
        about |= {
            "title": incident.title,
            "kind": incident.kind,
            "priority": incident.priority,
            "responsible": incident.responsible,
            "opened_by": incident.opened_by,
            "latitude": incident.latitude,
            "longitude": incident.longitude,
            "address": incident.address,
            "exercise": incident.exercise,
        }
    told = {
        "type": event_name(event),
        "timestamp": event.utc_us // 1000,
        "data": {
            "event": event.id,
            "number": event.number,
            "by": event.author.organisation,
            "incident": about,
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def signature(secret: str, delivery: str, timestamp_s: int, body: bytes) -> str:
    """Return `webhook-signature` of a delivery."""
    signed = f"{delivery}.{timestamp_s}.".encode() + body
    made = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def _key(secret: str) -> bytes:
    """Return the bytes of a secret: those of `whsec_BASE64`, else its own."""
    if secret.startswith(_SECRET_MARK):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_MARK), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


# where it goes -----------------------------------------------------------------------------


def is_public(address: str) -> bool:
    """Return whether an address belongs to the Internet and to nobody's own network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if mapped is not None:
        found = mapped
    return found.is_global and not found.is_multicast


class _Resolver(AbstractResolver):
    """Names to addresses; what is not public is left out unless it may be private."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        kept = [one for one in found if self._private or is_public(str(one[4][0]))]
        if not kept:
            raise OSError(f"{host}: no public address")
        return [
            ResolveResult(
                hostname=host, host=str(place[0]), port=int(place[1]), family=kind, proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, place in kept
        ]  # fmt: skip

    @override
    async def close(self) -> None:
        """Nothing is kept."""


async def post(hook: Hook, delivery: str, body: bytes, timestamp_s: int) -> None:
    """Deliver once; PeerError unless the answer is 2xx. No redirect is followed."""
    _check(hook)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "varco",
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(hook.secret, delivery, timestamp_s, body),
    }
    try:
        tls = ssl.create_default_context(cafile=str(hook.ca) if hook.ca else None)
        connector = aiohttp.TCPConnector(
            ssl=tls, force_close=True, resolver=_Resolver(private=hook.private), use_dns_cache=False
        )
        async with (
            asyncio.timeout(CALL_S),
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(hook.url, data=body, headers=headers, allow_redirects=False) as got,
        ):
            status = got.status
    except TimeoutError:
        raise PeerError(f"webhook {hook.name}: no answer within {CALL_S:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise PeerError(f"webhook {hook.name}: {_words(error)}") from None
    if status not in _SUCCESS:
        raise PeerError(f"webhook {hook.name}: status {status}")


def _check(hook: Hook) -> None:
    """Refuse a literal address that no resolver sees."""
    host = urlsplit(hook.url).hostname or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not hook.private and not is_public(host):
        raise PeerError(f"webhook {hook.name}: no public address")


def _words(error: Exception) -> str:
    """Return what happened without the URL, which may hold a secret."""
    inner = getattr(error, "os_error", None) or error
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else ""
    return text or type(error).__name__


class Courier:
    """Tells one hook what it is owed."""

    def __init__(self, book: IncidentBook, hook: Hook, clock: Clock) -> None:
        self._book = book
        self._hook = hook
        self._clock = clock
        self.state = HookState()

    async def run(self) -> None:
        """Deliver until cancelled."""
        name = f"webhook:{self._hook.name}"
        await supervise(name, self._attempt, clock=self._clock, policy=LINE)

    async def _attempt(self) -> None:
        while True:
            bell = self._book.bell()
            heads = await self._book.heads(self._hook.taker, AT_ONCE)
            now_us = self._clock.now().utc_us
            due = [one for one in heads if one.due_utc_us <= now_us]
            async with asyncio.TaskGroup() as group:
                for one in due:
                    group.create_task(self._deliver(one))
            if not due:
                next_us = min(
                    (one.due_utc_us for one in heads), default=now_us + round(IDLE_S * _S)
                )
                await self._rest(bell, min(IDLE_S, max(0.05, (next_us - now_us) / _S)))

    async def _rest(self, bell: asyncio.Event, seconds: float) -> None:
        """Wait until something new is owed, or something is due again."""
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass

    async def _deliver(self, owed: Owed) -> None:
        now = self._clock.now()
        try:
            await post(self._hook, owed.event, owed.payload.encode(), now.utc_us // _S)
        except PeerError as error:
            await self._failed(owed, str(error), now.utc_us)
            return
        await self._book.settle(self._hook.taker, [owed.event])
        self.state.delivered += 1
        if self.state.problem:
            log.info("webhook-works-again", extra={"hook": self._hook.name})
            self.state.problem = ""

    async def _failed(self, owed: Owed, problem: str, now_us: int) -> None:
        if problem != self.state.problem:
            log.warning("webhook-fails", extra={"hook": self._hook.name, "problem": problem})
            self.state.problem = problem
        if now_us - _made_us(owed.event) > GIVE_UP_US:
            fields = {"hook": self._hook.name, "incident": owed.incident, "event": owed.event}
            log.error("webhook-gives-up", extra=fields)
            await self._book.settle(self._hook.taker, [owed.event])
            return
        wait_s = min(MOST_S, FIRST_S * 2 ** min(owed.attempts, 20))
        await self._book.postpone(self._hook.taker, owed.event, now_us + round(wait_s * _S))


def _made_us(event: str) -> int:
    """Return when an event was made, by its UUIDv7 (RFC 9562 §5.7)."""
    return int(event.replace("-", "")[:12], 16) * 1000
