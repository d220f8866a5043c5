# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How an edge gets its certificate: `varco-enrol/1`, both ends, and the renewal over the line.

The connection is TLS 1.3 without a client certificate. The room speaks first:

    room → edge  room   {v, ca}                       its authority, PEM
    edge → room  enrol  {secret, edge, csr, vkey}     only if `ca` is the one of the code and has
                                                      signed the certificate of this connection
    room → edge         {certificate, room: {…}}      or a refusal

The handshake proves that the other end has the key of the certificate that it showed, the code
tells which authority that must lead to: nothing is said to anybody else. The edge's key never
leaves the edge. Renewal: `renew {csr}` → `{certificate}`, then `renew {done: sha256}`.
"""

import asyncio
import base64
import binascii
import json
import logging
import ssl
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509

from gateway.model.errors import (
    ConfigError,
    CredentialError,
    PeerError,
    RefusedError,
    StoreError,
    WireError,
)
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Edge
from gateway.model.room import (
    LINE_CA,
    LINE_CERTIFICATE,
    LINE_NEXT,
    LINE_ROOM,
    SERVER_NAME,
    LinePeer,
    LineState,
    LineStatus,
    Reply,
    address_problem,
)
from gateway.room.authority import (
    Authority,
    adopt,
    fingerprint,
    is_ours,
    is_room,
    key_pem,
    new_key,
    renewal_due,
    request_for,
    write_guarded,
)
from gateway.room.dial import connect
from gateway.room.invitations import SECRET_BYTES, Code, Invitation, Invitations, pin_of, write_code
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed
from gateway.wire.checkpoint import parse_vkey
from gateway.wire.uplink import ALPN_ENROL, Frame, FrameDecoder, encode

log = logging.getLogger(__name__)

SERVICE = "enrolment"
"""Who stands in the registry's history for what an edge itself brought about."""
EXCHANGE_S = 15.0
"""All of one, each end, once it is connected."""
CONNECT_S = 10.0
"""For each place to which an address leads."""
MOST_AT_ONCE = 16
MOST_OF_ONE = 2
"""Exchanges at a time, of all and of one address."""
MOST_NOTED = 60
"""Refused ones that are written down per hour: nobody fills the log from outside."""
MOST_FAILURES = 5
"""Of one address; then it has to wait."""
LOCK_S = 600.0
MOST_ADDRESSES_KEPT = 1024
RENEW_LEAST_S = 60.0
"""Between two renewals of one edge."""
RENEW_LOOK_S, RENEW_AGAIN_S = 3600.0, 30.0
"""How often an edge looks whether it is time, and whether what it began is done."""
MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Membership:
    """What an edge knows of a room that it was enrolled with."""

    room: str
    name: str
    edge: str
    """What the room calls us."""
    addresses: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    """Public keys of the room by what they are for: `assertion`, `witness`."""


@dataclass(frozen=True, slots=True)
class RoomWord:
    """What a room tells of itself."""

    id: str
    name: str
    addresses: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)


class Ledgered(Protocol):
    """Where enrolments are written down."""

    async def __call__(self, edge: str, problem: str, address: str) -> None:
        """Note one that was done (no `problem`) or refused, and where it came from."""
        ...


@dataclass(frozen=True, slots=True)
class EnrolmentParts:
    """What the room's side needs."""

    authority: Authority
    invitations: Invitations
    clock: Clock
    word: Callable[[], RoomWord]
    edge: Callable[[str], Edge | None]
    """Of the registry in force."""
    admit: Callable[[Edge, str], Awaitable[object]]
    """Puts an edge into the registry in somebody's name; durable on return."""
    note: Ledgered


class Enrolment:
    """The room's side."""

    def __init__(self, parts: EnrolmentParts) -> None:
        self._p = parts
        self._one_at_a_time = asyncio.Lock()
        self._busy = Counter[str]()
        self._failures = Failures(parts.clock)
        self._renewed_s: OrderedDict[str, float] = OrderedDict()

    async def invite(self, edge: Edge, by: str) -> tuple[str, Invitation]:
        """Return the code for an edge, which stands in the registry on return.

        What it was enrolled with before goes on until the code is used, unless it was disabled:
        then only a new certificate counts. RefusedError `full`;
        ConfigErrors if the edge does not fit the registry.
        """
        async with self._one_at_a_time:
            before = edge.certificate_sha256 if edge.enabled else ""
            await self._p.admit(replace(edge, enabled=True, certificate_sha256=before), by)
            now = self._p.clock.now().utc_us
            open_ = self._p.invitations.open
            secret, made = await asyncio.to_thread(open_, edge.id, by, now)
        pin = pin_of(self._p.authority.fingerprint)
        return write_code(Code(secret, pin, edge.id, self._p.word().addresses)), made

    async def revoke(self, edge: Edge, by: str) -> None:
        """Let an edge in no more: neither its certificate nor an open code counts on return."""
        async with self._one_at_a_time:
            now = self._p.clock.now().utc_us
            await self._p.admit(replace(edge, enabled=False, certificate_sha256=""), by)
            await asyncio.to_thread(self._p.invitations.withdraw, edge.id, now)
            await asyncio.to_thread(self._p.authority.forget, edge.id)

    def waiting(self) -> Mapping[str, int]:
        """Return the edges with an open code, and until when (UTC, microseconds)."""
        now = self._p.clock.now().utc_us
        return {one.edge: one.until_utc_us for one in self._p.invitations.waiting(now)}

    def certificate_until(self, edge: Edge) -> int:
        """Return until when an edge's certificate counts (UTC, microseconds); 0: not known."""
        one = self._p.authority.issued(edge.id)
        return one.until_utc_us if one and one.sha256 == edge.certificate_sha256 else 0

    async def recognise(self, sha256: str) -> str:
        """Return the edge that was given a certificate by a renewal; from then on it counts.

        The edge may have changed over before the room heard of it. Empty: there is none.
        """
        name = self._p.authority.pending(sha256)
        return name if name and await self._take_over(name, sha256) else ""

    async def _take_over(self, name: str, sha256: str) -> bool:
        """Let the certificate that waits for an edge count; False if it may not (any more).

        Asked while nothing else changes: whoever is being revoked must not bring himself back.
        """
        async with self._one_at_a_time:
            edge = self._p.edge(name)
            if edge is None or not edge.enabled or not edge.certificate_sha256:
                return False
            if self._p.authority.pending(sha256) != name:
                return False
            await self._p.admit(replace(edge, certificate_sha256=sha256), SERVICE)
            await asyncio.to_thread(self._p.authority.settle, name, sha256)
            return True

    async def serve(self, sealed: Sealed) -> None:
        """Hold one exchange and close the connection; nothing that comes over it is raised."""
        address = sealed.peer_address
        host = _host(address)
        full = self._busy.total() >= MOST_AT_ONCE or self._busy[host] >= MOST_OF_ONE
        self._busy[host] += 1
        try:
            async with asyncio.timeout(EXCHANGE_S):
                if full or self._failures.is_locked(address):
                    await _send(sealed, Frame("room", error=("busy", "try again later")))
                else:
                    await self._exchange(sealed, address)
        except (PeerError, TimeoutError) as error:
            log.info("enrolment-broke", extra={"address": address, "problem": str(error)})
        finally:
            self._busy -= Counter((host,))
            sealed.close()

    async def _exchange(self, sealed: Sealed, address: str) -> None:
        hello = {"v": 1, "ca": self._p.authority.ca_pem}
        await _send(sealed, Frame("room", hello))
        asked = await _receive(sealed, FrameDecoder())
        edge = asked.body.get("edge")
        named = edge if isinstance(edge, str) and ID_FORM.match(edge) else ""
        try:
            answer = await self._enrol(asked)
        except (PeerError, ConfigError, StoreError) as error:
            refused = _as_refusal(error)
            if self._failures.count(address):
                await self._p.note(named, refused.code, address)
            log.warning("enrolment-refused", extra={"edge": named, "problem": refused.code})
            error_pair = (refused.code, refused.text)
            await _send(sealed, Frame("enrol", answers=asked.number, error=error_pair))
            return
        await self._p.note(named, "", address)
        await _send(sealed, Frame("enrol", answer, answers=asked.number))

    async def _enrol(self, asked: Frame) -> Mapping[str, Any]:
        """Return the answer to a good request; the edge is in the registry then."""
        secret, edge_id, csr, vkey = _request(asked)
        book, authority = self._p.invitations, self._p.authority
        async with self._one_at_a_time:
            now = self._p.clock.now().utc_us
            await asyncio.to_thread(book.check, secret, edge_id, now)
            edge = self._p.edge(edge_id)
            if edge is None or not edge.enabled:
                raise RefusedError("edge-gone", "the room does not know this edge any more")
            try:
                authority.examine(csr, edge_id)
            except RefusedError:
                await asyncio.to_thread(book.charge, secret, now)
                raise
            await asyncio.to_thread(book.redeem, secret, edge_id, now)
            pem, given = await asyncio.to_thread(authority.issue, csr, edge_id, now)
            kept = vkey or edge.ledger_vkey
            enrolled = replace(edge, certificate_sha256=given.sha256, ledger_vkey=kept)
            await self._p.admit(enrolled, SERVICE)
            await asyncio.to_thread(authority.settle, edge_id, given.sha256)
        word = self._p.word()
        room = {"id": word.id, "name": word.name, "addresses": list(word.addresses)}
        return {"certificate": pem, "room": room | {"keys": dict(word.keys)}}

    async def renew(self, peer: LinePeer, body: Mapping[str, Any], _blob: bytes) -> Reply:
        """Answer `renew` of an edge whose line stands; see `gateway.model.room.Handler`."""
        edge = self._p.edge(peer.id)
        if edge is None or not edge.enabled:
            raise RefusedError("edge-gone", "the room does not know this edge any more")
        done, csr = body.get("done"), body.get("csr")
        if isinstance(done, str):
            if edge.certificate_sha256 != done:
                if not await self._take_over(edge.id, done):
                    raise RefusedError("unknown", "no such certificate waits")
                await self._p.note(edge.id, "", peer.address)
            return Reply()
        if not isinstance(csr, str):
            raise WireError("line: a renewal without a request")
        self._pace(edge.id)
        async with self._one_at_a_time:
            now = self._p.clock.now().utc_us
            edge = self._p.edge(peer.id)
            if edge is None or not edge.enabled or not edge.certificate_sha256:
                raise RefusedError("edge-gone", "the room does not know this edge any more")
            pem, _ = await asyncio.to_thread(self._p.authority.issue, csr, edge.id, now)
        return Reply({"certificate": pem})

    def _pace(self, edge: str) -> None:
        """Refuse what comes too soon after the one before."""
        now_s = self._p.clock.monotonic_s()
        last_s = self._renewed_s.get(edge)
        if last_s is not None and now_s - last_s < RENEW_LEAST_S:
            raise RefusedError("busy", "renewed a moment ago")
        self._renewed_s.pop(edge, None)
        self._renewed_s[edge] = now_s
        while len(self._renewed_s) > MOST_ADDRESSES_KEPT:
            self._renewed_s.popitem(last=False)


class Failures:
    """Addresses that failed lately, in bounded memory; the oldest gives way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._noted_s: deque[float] = deque(maxlen=MOST_NOTED)

    def is_locked(self, address: str) -> bool:
        """Return whether an address (`host:port`) has to wait."""
        count, last_s = self._known.get(_host(address), (0, 0.0))
        return count >= MOST_FAILURES and self._clock.monotonic_s() - last_s < LOCK_S

    def count(self, address: str) -> bool:
        """Count a failure; return whether to write it down: the first, and the one that locks."""
        host, now_s = _host(address), self._clock.monotonic_s()
        count, last_s = self._known.pop(host, (0, now_s))
        count = 1 if now_s - last_s >= LOCK_S else count + 1
        self._known[host] = (count, now_s)
        while len(self._known) > MOST_ADDRESSES_KEPT:
            self._known.popitem(last=False)
        if count not in (1, MOST_FAILURES):
            return False
        if len(self._noted_s) == MOST_NOTED and now_s - self._noted_s[0] < 3600.0:  # noqa: PLR2004 - an hour
            return False
        self._noted_s.append(now_s)
        return True


def _host(address: str) -> str:
    """Return where somebody is: an IPv6 household is one (/64)."""
    host = address.rpartition(":")[0].strip("[]")
    return ":".join(host.split(":")[:4]) if ":" in host else host


def _request(asked: Frame) -> tuple[bytes, str, str, str]:
    """Return secret, edge, certificate request and log key; RefusedError `request`."""
    texts = [asked.body.get(name, "") for name in ("secret", "edge", "csr", "vkey")]
    if asked.kind != "enrol" or not asked.number or not all(isinstance(t, str) for t in texts):
        raise RefusedError("request", "is not an enrolment")
    try:
        secret = base64.b64decode(texts[0], validate=True)
        vkey = parse_vkey(texts[3]).vkey() if texts[3] else ""
    except (binascii.Error, ValueError, WireError) as error:
        raise RefusedError("request", "is not an enrolment") from error
    if len(secret) != SECRET_BYTES or not ID_FORM.match(texts[1]):
        raise RefusedError("request", "is not an enrolment")
    return secret, texts[1], texts[2], vkey


def _as_refusal(error: PeerError | ConfigError | StoreError) -> RefusedError:
    """Return what the other end is told; of our own troubles only that there are some."""
    if isinstance(error, RefusedError):
        return error
    log.error("enrolment-fails", extra={"problem": str(error)})
    return RefusedError("unavailable", "the room cannot enrol anybody now")


async def _send(sealed: Sealed, frame: Frame) -> None:
    await sealed.write(encode(frame))


async def _receive(sealed: Sealed, decoder: FrameDecoder) -> Frame:
    while True:
        frames = decoder.receive(await sealed.read())
        if len(frames) > 1:
            raise WireError(f"{sealed.peer_address}: more than one frame at a time")
        if frames:
            return frames[0]


# the edge's side -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joined:
    """What an enrolment brought; nothing of it is on disk yet."""

    membership: Membership
    pem: bytes = field(repr=False)
    """Certificate and key."""
    ca_pem: bytes


async def join(code: Code, vkey: str, now_utc_us: int) -> Joined:
    """Enrol with the room of a code, at the first of its addresses that answers as that room.

    `vkey`: key of our log, or nothing. RefusedError: the room says no. CredentialError: whoever
    answers is not the room of the code; it was told nothing. PeerError: nobody answers.
    """
    problems: list[str] = []
    stranger = False
    for address in code.addresses:
        try:
            return await _join_at(address, code, vkey, now_utc_us)
        except TimeoutError:
            problems.append(f"{address}: no answer in time")
        except RefusedError as error:
            raise RefusedError(error.code, error.text) from error
        except PeerError as error:
            stranger = stranger or isinstance(error, CredentialError)
            problems.append(str(error))
    raise (CredentialError if stranger else PeerError)("; ".join(problems))


async def _join_at(address: str, code: Code, vkey: str, now_utc_us: int) -> Joined:
    sealed = await _connect(address)
    try:
        async with asyncio.timeout(EXCHANGE_S):
            decoder = FrameDecoder()
            told = await _receive(sealed, decoder)
            if told.error is not None:
                raise RefusedError(*told.error)
            ca = _authority(told, sealed, code, now_utc_us)
            key = new_key()
            body = {
                "secret": base64.b64encode(code.secret).decode(),
                "edge": code.edge,
                "csr": request_for(key, code.edge),
                "vkey": vkey,
            }
            await _send(sealed, Frame("enrol", body, number=1))
            answer = await _receive(sealed, decoder)
    finally:
        sealed.close()
    if answer.error is not None:
        raise RefusedError(*answer.error)
    pem = answer.body.get("certificate")
    if answer.answers != 1 or not isinstance(pem, str) or not is_ours(pem, key, code.edge, ca):
        raise WireError(f"{address}: an answer without a certificate for us")
    membership = _membership(answer.body.get("room"), code)
    ca_pem = told.body["ca"].encode()
    return Joined(membership, pem.encode() + key_pem(key).encode(), ca_pem)


def _authority(told: Frame, sealed: Sealed, code: Code, now_utc_us: int) -> x509.Certificate:
    """Return the authority of the room that the code names; CredentialError for anybody else."""
    where = sealed.peer_address
    pem = told.body.get("ca")
    try:
        ca = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else b"")
    except ValueError:
        raise WireError(f"{where}: does not say who it is") from None
    if pin_of(fingerprint(ca)) != code.pin or not is_room(sealed.peer_der, ca, now_utc_us):
        raise CredentialError(f"{where}: is not the room of this invitation; it was told nothing")
    return ca


async def _connect(address: str) -> Sealed:
    """Return a connection whose other end is not known yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # `_authority` verifies, with what the code says
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([ALPN_ENROL])
    plain = await connect(address, CONNECT_S)
    sealed = await Sealed.connect(plain, context, SERVER_NAME, within_s=CONNECT_S)
    if sealed.alpn != ALPN_ENROL:
        sealed.close()
        raise PeerError(f"{address}: is no room of Varco")
    return sealed


def _membership(room: object, code: Code) -> Membership:
    if not isinstance(room, dict):
        raise WireError("enrolment: the room does not say who it is")
    return membership_of(room | {"edge": code.edge}, code.addresses)


def membership_of(row: Mapping[str, Any], instead: Sequence[str] = ()) -> Membership:
    """Return what a room told of itself, or what was kept of it; WireError."""
    id_, name, edge = (row.get(key) for key in ("id", "name", "edge"))
    keys, addresses = row.get("keys", {}), row.get("addresses", [])
    texts = isinstance(name, str) and len(name) <= MOST_TEXT and name.isprintable()
    named = all(isinstance(one, str) and ID_FORM.match(one) for one in (id_, edge))
    if not (texts and named and isinstance(keys, dict) and isinstance(addresses, list)):
        raise WireError("enrolment: the room does not say who it is")
    good = [one for one in addresses if isinstance(one, str) and not address_problem(one)]
    told = {key: one for key, one in keys.items() if isinstance(one, str) and len(one) <= MOST_TEXT}
    return Membership(str(id_), str(name), str(edge), tuple(good or instead), told)


def keep(folder: Path, joined: Joined) -> None:
    """Write what an enrolment brought; StoreError. The certificate last: with it, it counts."""
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for each in (folder.parent, folder):
            adopt(each, folder.parent.parent)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    one = joined.membership
    row = {
        "id": one.room, "name": one.name, "edge": one.edge,
        "addresses": list(one.addresses), "keys": dict(one.keys),
    }  # fmt: skip
    write_guarded(folder / LINE_CA, joined.ca_pem)
    write_guarded(folder / LINE_ROOM, json.dumps(row, indent=1).encode())
    write_guarded(folder / LINE_CERTIFICATE, joined.pem)


def read_membership(folder: Path) -> Membership | None:
    """Return what is known of a line's room; None: not enrolled. ConfigError: not readable."""
    path = folder / LINE_ROOM
    try:
        row = json.loads(path.read_bytes())
        if isinstance(row, dict):
            return membership_of(row)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, WireError):
        pass
    raise ConfigError(str(path), "", "cannot be read", "enrol again with: varco link join")


class Renewed(Protocol):
    """A line whose certificate is renewed; `gateway.room.dial.Uplink` is one."""

    async def call(
        self, kind: str, body: Mapping[str, Any], blob: bytes = b"", *, within_s: float = 10.0
    ) -> Reply:
        """See `gateway.model.room.Caller`."""
        ...

    def status(self) -> LineStatus:
        """Return how it stands."""
        ...

    def redial(self, reason: str = ...) -> None:
        """Hang up and dial at once."""
        ...


async def renew(line: Renewed, folder: Path, edge: str) -> None:
    """Have a certificate for a new key, over a line that stands; PeerError, StoreError.

    It lies beside the one in use until `change_over` knows that the room counts on it.
    """
    key = new_key()
    reply = await line.call("renew", {"csr": request_for(key, edge)})
    pem = reply.body.get("certificate")
    ca = x509.load_pem_x509_certificate(await asyncio.to_thread((folder / LINE_CA).read_bytes))
    if not isinstance(pem, str) or not is_ours(pem, key, edge, ca):
        raise WireError("line: a renewal without a certificate for us")
    content = pem.encode() + key_pem(key).encode()
    await asyncio.to_thread(write_guarded, folder / LINE_NEXT, content)


async def change_over(line: Renewed, folder: Path) -> bool:
    """Have the room count on the certificate that lies ready; True once none does.

    Whichever answer gets lost: of the two certificates the room knows one, and where it refuses
    the one in use the other one is tried, in turns.
    """
    used, ready = folder / LINE_CERTIFICATE, folder / LINE_NEXT
    content = await asyncio.to_thread(ready.read_bytes)
    sha256 = fingerprint(x509.load_pem_x509_certificate(content)).hex()
    try:
        await line.call("renew", {"done": sha256})
    except RefusedError:
        await asyncio.to_thread(ready.unlink)  # what is in use counts, this one does not
        return True
    except PeerError:
        if line.status().state is LineState.REFUSED:
            old = await asyncio.to_thread(used.read_bytes)
            await asyncio.to_thread(write_guarded, used, content)
            await asyncio.to_thread(write_guarded, ready, old)
            line.redial("its other certificate is tried")
        return False
    await asyncio.to_thread(ready.replace, used)
    line.redial("its certificate was renewed")
    return True


async def keep_renewed(line: Renewed, folder: Path, clock: Clock) -> None:
    """Renew the certificate of a line when two thirds of its life are over; for ever.

    Only what an enrolment brought is renewed: a certificate from elsewhere is its owner's matter.
    """
    while True:
        settled = True
        try:
            settled = await _look_after(line, folder, clock.now().utc_us)
        except (PeerError, StoreError, ConfigError, ValueError, OSError) as error:
            log.warning("line-not-renewed", extra={"line": folder.name, "problem": str(error)})
        await clock.sleep(RENEW_LOOK_S if settled else RENEW_AGAIN_S)


async def _look_after(line: Renewed, folder: Path, now_utc_us: int) -> bool:
    """Do what is due; return whether nothing is under way."""
    member = await asyncio.to_thread(read_membership, folder)
    if member is None:
        return True
    if not (folder / LINE_NEXT).exists():
        pem = await asyncio.to_thread((folder / LINE_CERTIFICATE).read_bytes)
        if not renewal_due(pem, now_utc_us):
            return True
        await renew(line, folder, member.edge)
        log.info("line-renewed", extra={"line": folder.name})
    return await change_over(line, folder)
