# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Calls over HTTP: a token is obtained, and whatever answers costs bounded time and memory."""

import asyncio
import shutil
import time

import pytest
from aiohttp import web

from gateway.audit import authority, timestamp
from gateway.model.errors import PeerError, WireError
from gateway.wire.cosignature import MOST_LINE_CHARS, WitnessKey
from tests.unit.audit.authority import make, serving, stamp, stamping
from tests.unit.audit.logbook import PUBLIC

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
NOTE = b"massa.example/varco\n1\nabc=\n\n"
KEY = WitnessKey("sala.example/w", PUBLIC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    """A local authority's folder and roots."""
    folder = tmp_path_factory.mktemp("tsa") / "one"
    return folder, make(folder)


async def test_a_token_is_obtained_and_good(tsa):
    """The time of a token is the authority's, now; a kept token is checked without its nonce."""
    folder, roots = tsa
    async with serving(stamping(folder)) as url:
        utc_us, der = await authority.obtain_token(url, NOTE, roots)
    assert abs(utc_us / 1e6 - time.time()) < 60
    assert timestamp.check(der, NOTE, roots) == utc_us


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: web.Response(status=500), PeerError),
        (lambda: web.Response(body=b"hello"), WireError),
        (lambda: web.Response(body=bytes(1 << 20)), WireError),
        (lambda: web.Response(status=302, headers={"Location": "http://192.0.2.1/"}), PeerError),
    ],
)
async def test_authorities_that_misbehave(tsa, answer, error):
    """Whatever answers, the error is a peer's, in bounded memory."""

    async def reply(_):
        return answer()

    async with serving(reply) as url:
        with pytest.raises(error):
            await authority.obtain_token(url, NOTE, tsa[1])
    with pytest.raises(PeerError):
        await authority.obtain_token(url, NOTE, tsa[1])  # nobody is there any more


async def test_an_authority_that_hangs(tsa, monkeypatch):
    """A silent authority costs a bounded time."""
    monkeypatch.setattr(authority, "ANSWER_S", 0.05)
    never = asyncio.Event()

    async def reply(_):
        await never.wait()

    async with serving(reply) as url:
        with pytest.raises(PeerError, match="no answer"):
            await authority.obtain_token(url, NOTE, tsa[1])
        never.set()


async def test_a_replayed_token_is_refused(tsa):
    """An authority (or who sits between) cannot hand out an older token again."""
    folder, roots = tsa
    old = stamp(folder, timestamp.question(NOTE).der)

    async def reply(_):
        return web.Response(body=old)

    async with serving(reply) as url:
        with pytest.raises(WireError, match=r"[Nn]once"):
            await authority.obtain_token(url, NOTE, roots)


async def test_a_witness_is_asked_as_the_protocol_says():
    """The old size, the proof line by line, an empty line, the note; its own line is returned."""
    asked = []

    async def reply(body):
        asked.append(body)
        return web.Response(text=f"\u2014 another x\n\u2014 {KEY.name} sig\n")

    async with serving(reply) as url:
        line = await authority.HttpWitness(KEY, url + "/").cosign(
            "note\n", 3, [b"\x00" * 3, b"\xff"]
        )
    assert line == f"\u2014 {KEY.name} sig"
    assert asked == [b"old 3\nAAAA\n/w==\n\nnote\n"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (409, b"\xc2\xb2", WireError),
        (409, b"9" * 33, WireError),
        (409, b"", WireError),
        (200, "\u2014 another x\n".encode(), WireError),
        (200, b"x" * (4 * MOST_LINE_CHARS + 1), WireError),
        (500, b"", PeerError),
    ],
)
async def test_a_witness_that_misbehaves(status, body, error):
    """A size that is none, too many digits, somebody else's line, one byte too many."""

    async def reply(_):
        return web.Response(status=status, body=body)

    async with serving(reply) as url:
        with pytest.raises(error):
            await authority.HttpWitness(KEY, url).cosign("note\n", 0, [])
