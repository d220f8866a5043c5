# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bounded exchanges with one device."""

import asyncio
import ssl

import pytest

from gateway.ingest import onvif_http
from gateway.ingest.onvif_http import Exchange, client_context, connect
from gateway.ingest.onvif_model import OnvifTarget
from gateway.ingest.source import Trust
from gateway.model.errors import PeerError
from gateway.wire.digest import Verifier
from tests.onvif_parts import OddDevice, answer

USER, PASSWORD = "admin", "pass word"


class Guarded(OddDevice):
    """Serves one page under digest; refuses a nonce after one use, as some cameras do."""

    def __init__(self, *, stale, algorithm=""):
        super().__init__({"*": self._guard})
        self.verifier = Verifier("cam", {USER: PASSWORD}, b"k" * 32)
        self.seen = []
        self.stale = stale
        self.algorithm = algorithm
        self.used = set()

    async def _guard(self, writer):
        head, _ = self.requests[-1]
        value = next(
            (line[15:] for line in head.splitlines() if line.startswith("Authorization: ")), ""
        )
        proved = self.verifier.verify(value, "GET", "/page?a=1", 10.0 + len(self.seen))
        self.seen.append(value)
        nonce = value.partition('nonce="')[2].partition('"')[0]
        fresh = nonce not in self.used
        self.used.add(nonce)
        if proved.value == "yes" and fresh:
            writer.write(answer(b"inside"))
            return
        offers = self.verifier.challenges(10.0 + len(self.seen), stale=bool(value) and self.stale)
        chosen = [one for one in offers if self.algorithm in one]
        lines = "".join(f"WWW-Authenticate: {one}\r\n" for one in chosen)
        writer.write(answer(b"no", 401, lines))


def target(url, **more):
    return OnvifTarget("cam-1", url, USER, PASSWORD, **more)


def page(url):
    return url.replace("/onvif/device_service", "/page?a=1")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", ""])
@pytest.mark.parametrize("stale", [True, False])
async def test_a_challenge_is_answered_and_a_used_nonce_renewed(stale, algorithm):
    """Digest works with both algorithms, and when the device uses each nonce only once."""
    device = Guarded(stale=stale, algorithm=algorithm)
    async with device.serve() as url, connect(target(url)) as http:
        for _ in range(3):
            reply = await http.exchange(Exchange(page(url), 100))
            assert reply.body == b"inside"
        assert http.authentication == f"Digest {algorithm or 'SHA-256'}"
    assert len(device.seen) <= 2 + 2 * 2


async def test_a_refusal_is_handed_back_after_one_answer():
    """With the wrong password the device is asked twice: without and with an answer."""
    device = Guarded(stale=False)
    device.verifier = Verifier("cam", {USER: "other"}, b"k" * 32)
    async with device.serve() as url, connect(target(url)) as http:
        reply = await http.exchange(Exchange(page(url), 100))
    assert (reply.status, reply.answered_challenge, len(device.seen)) == (401, True, 2)


async def test_a_device_that_always_calls_nonces_old_is_not_asked_for_ever():
    """stale=true in every answer ends after a bounded number of tries."""
    device = Guarded(stale=True)
    device.verifier = Verifier("cam", {USER: "other"}, b"k" * 32)
    async with device.serve() as url, connect(target(url)) as http:
        reply = await http.exchange(Exchange(page(url), 100))
    assert reply.status == 401
    assert len(device.seen) <= 4


async def test_a_body_that_grows_past_its_bound_is_cut():
    """A body without an announced length is read up to the bound and no further."""

    async def grow(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)

    async with OddDevice({"*": grow}).serve() as url, connect(target(url)) as http:
        with pytest.raises(PeerError, match="more than 4999"):
            await http.exchange(Exchange(url, 4999))
        assert len((await http.exchange(Exchange(url, 5000))).body) == 5000


async def test_nobody_there_is_said_with_the_address():
    """A refused connection names device and address, and never the credentials."""
    async with connect(target("http://127.0.0.1:1/x")) as http:
        with pytest.raises(
            PeerError, match=r"cam-1: http://127\.0\.0\.1:1/x: cannot connect"
        ) as told:
            await http.exchange(Exchange("http://u:geheim@127.0.0.1:1/x", 10))
    assert "geheim" not in str(told.value)


async def test_a_name_that_does_not_resolve_is_an_error():
    """An unknown host is a PeerError."""
    async with connect(target("http://cam.invalid/x")) as http:
        with pytest.raises(PeerError, match="cam-1"):
            await http.exchange(Exchange("http://cam.invalid/x", 10))


async def test_waiting_for_a_slot_is_bounded(monkeypatch):
    """When both slots hang, a third call gives up after its own time."""
    monkeypatch.setattr(onvif_http, "MOST_WAIT_S", 0.1)

    async def hang(_writer):
        await asyncio.sleep(60)

    async with (
        OddDevice({"*": hang}).serve() as url,
        connect(target(url)) as http,
        asyncio.TaskGroup() as group,
    ):
        held = [group.create_task(http.exchange(Exchange(url, 10, timeout_s=30))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(PeerError, match="still busy"):
            await http.exchange(Exchange(url, 10))
        for one in held:
            one.cancel()


def test_a_pinned_context_checks_inside_the_handshake():
    """With a pin, names and authorities do not matter; the handshake itself holds to the pin."""
    assert client_context(Trust(sha256="ab" * 32), "cam").verify_mode is ssl.CERT_NONE
    assert client_context(Trust(sha256="ab" * 32), "cam").sslobject_class is not ssl.SSLObject
    assert client_context(Trust(), "cam").verify_mode is ssl.CERT_REQUIRED
