# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The DTLS handshake of one session, by aiortc; nothing else of aiortc is used.

aiortc's transport expects an ICE transport below and opens SRTP sessions above. Both ends are
replaced: below by a mailbox that the UDP port fills, above by a hook that exports the keys. The
private names touched are listed in `tests/unit/relay/video/test_dtls.py`, which fails when an
upgrade changes them.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from typing_extensions import override

from gateway.model.errors import InvariantError, PeerError
from gateway.relay.video.srtp import PROFILES, SrtpKeys, SrtpProfile

_MOST_WAITING = 64
"""Datagrams of a handshake that may wait; more are dropped, DTLS repeats what is lost."""
_LABEL = b"EXTRACTOR-dtls_srtp"
"""RFC 5764 §4.2."""
_PROFILES = [
    SRTPProtectionProfile(one.libsrtp, one.name.encode(), one.key_bytes, one.salt_bytes)
    for one in PROFILES
]


class Certificate:
    """A self-signed certificate of one media process; made anew at each start."""

    def __init__(self) -> None:
        self.own = RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> tuple[str, str]:
        """Algorithm and digest, as an SDP answer states them."""
        prints = {one.algorithm: one.value for one in self.own.getFingerprints()}
        return "sha-256", prints["sha-256"]


class _Mailbox:
    """What aiortc takes for an ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._ready = asyncio.Event()
        self._closed = False

    def put(self, datagram: bytes) -> None:
        """Take a datagram; when too many wait, the oldest is lost."""
        self._waiting.append(datagram)
        self._ready.set()

    def close(self) -> None:
        """Let the reader see the end."""
        self._closed = True
        self._ready.set()

    async def _recv(self) -> bytes:
        await self._ready.wait()
        if self._closed:
            raise ConnectionError
        datagram = self._waiting.popleft()
        if not self._waiting:
            self._ready.clear()
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self._send_datagram(datagram)


class _Transport(RTCDtlsTransport):
    """Offers our order of SRTP profiles and hands out the keys instead of using them."""

    def __init__(self, mailbox: _Mailbox, certificate: RTCCertificate) -> None:
        super().__init__(mailbox, [certificate])  # type: ignore[arg-type]  # duck-typed on purpose
        self._srtp_profiles = _PROFILES
        self.keys: SrtpKeys | None = None
        self._set_role("server")

    @override
    def _setup_srtp(self) -> None:
        if self._ssl is None:
            raise InvariantError("SRTP keys wanted before the handshake")
        selected = self._ssl.get_selected_srtp_profile().decode()
        for profile in PROFILES:
            if profile.name == selected:
                size_bytes = 2 * (profile.key_bytes + profile.salt_bytes)
                material = self._ssl.export_keying_material(_LABEL, size_bytes)
                self.keys = self._cut(profile, material)
                return
        self._set_state(State.FAILED)

    @staticmethod
    def _cut(profile: SrtpProfile, material: bytes) -> SrtpKeys:
        key, salt = profile.key_bytes, profile.salt_bytes
        keys, salts = material[: 2 * key], material[2 * key :]
        # client write first, then server write; we are the server
        return SrtpKeys(profile, keys[key:] + salts[salt:], keys[:key] + salts[:salt])


class Handshake:
    """One session's DTLS; feed datagrams to `receive`, await `keys` once."""

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        """`fingerprints`: the peer's, all must match. `on_closed`: the peer closed after keys."""
        self._mailbox = _Mailbox(send)
        self._transport = _Transport(self._mailbox, certificate.own)
        self._fingerprints = [RTCDtlsFingerprint(*one) for one in fingerprints]
        self._on_closed = on_closed

    def receive(self, datagram: bytes) -> None:
        """Take a datagram of the DTLS range from the peer's address."""
        self._mailbox.put(datagram)

    async def keys(self, timeout_s: float) -> SrtpKeys:
        """Complete the handshake as server; PeerError if it fails or takes too long.

        Cancelling stops it; nothing keeps running.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._transport.start(RTCDtlsParameters(fingerprints=self._fingerprints))
        except TimeoutError as error:
            raise PeerError(f"DTLS handshake not complete within {timeout_s} s") from error
        keys = self._transport.keys
        if keys is None or self._transport.state != "connected":
            raise PeerError("DTLS handshake refused (certificate, profile or version)")
        self._transport.on("statechange", self._changed)
        return keys

    def _changed(self) -> None:
        if self._transport.state == "closed":
            self._on_closed()

    async def close(self) -> None:
        """Send close_notify and stop; harmless if already closed."""
        self._transport.remove_all_listeners()
        await self._transport.stop()
        self._mailbox.close()
