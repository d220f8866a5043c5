# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Chromium behind real NATs and firewalls: through coturn only, over TCP only, and roaming."""

import contextlib
import socket
import subprocess
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import pytest
import pytest_asyncio
from aioice import stun
from playwright.async_api import async_playwright

from benchmarks.lab.network import ROOM_ADDRESS
from gateway.assembly.turn import TurnServers
from gateway.config.options import TurnOptions
from gateway.console.whep import ice_links
from gateway.runtime.clock import SystemClock
from tests.chromium import PEER_FLAGS
from tests.peers.net_lab import net_lab
from tests.peers.test_whep_chromium import (
    COLOUR_TOLERANCE,
    PAGE,
    until_shown,
)
from tests.whep_parts import encode, grant, playing, until

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]
SECRET = "shared-with-the-turn-server"
TURN = (ROOM_ADDRESS, 3478)
NETWORK_PAGE = (
    PAGE
    + """<script>
const servers = link => [...(link || '').matchAll(
  /<([^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"/g
)].map(([_, urls, username, credential]) => ({urls, username, credential}));
window.connect = async (policy, tiles = 1) => {
  const options = await fetch('/whep', {method: 'OPTIONS'});
  const iceServers = servers(options.headers.get('link'));
  const pc = window.pc = new RTCPeerConnection({iceServers, iceTransportPolicy: policy});
  for (let at = 0; at < tiles; at++) pc.addTransceiver('video', {direction: 'recvonly'});
  pc.ontrack = e => {  // the last one: a wall's tiles are all of one bundle
    if (e.transceiver === pc.getTransceivers()[tiles - 1])
      v.srcObject = e.streams[0] || new MediaStream([e.track]);
  };
  await pc.setLocalDescription(await pc.createOffer());
  const r = await fetch('/whep', {method: 'POST', headers: {'Content-Type': 'application/sdp'},
                                  body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
};
window.restart = async () => {
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer());
  const one = name => pc.localDescription.sdp.match(new RegExp(`a=${name}:(.*)`))[1].trim();
  const r = await fetch('/whep', {
    method: 'PATCH', headers: {'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*'},
    body: `a=ice-ufrag:${one('ice-ufrag')}\\r\\na=ice-pwd:${one('ice-pwd')}\\r\\n`
  });
  let sdp = pc.remoteDescription.sdp; const text = await r.text();
  for (const name of ['ice-ufrag', 'ice-pwd'])
    sdp = sdp.replace(new RegExp(`a=${name}:.*`, 'g'), text.match(new RegExp(`a=${name}:.*`))[0]);
  await pc.setRemoteDescription({type: 'answer', sdp});
  return r.status;
};
window.pair = async () => {
  const stats = await pc.getStats();
  for (const one of stats.values()) if (one.type == 'transport' && one.selectedCandidatePairId) {
    const pair = stats.get(one.selectedCandidatePairId);
    const here = stats.get(pair.localCandidateId), there = stats.get(pair.remoteCandidateId);
    return {type: here.candidateType, protocol: here.protocol, ufrag: there.usernameFragment};
  }
};
</script>"""
)


@pytest.fixture(scope="module")
def coded():
    return encode()


@pytest.fixture(scope="module")
def net():
    """A room on the Internet, and a house behind a NAT."""
    with net_lab() as made:
        made.house()
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(net, program):
    """Chromium in the house."""
    async with contextlib.AsyncExitStack() as stack:
        with net.houses[0].edge.inside():
            playwright = await stack.enter_async_context(async_playwright())
            made = await playwright.chromium.launch(
                executable_path=program("chromium"), args=PEER_FLAGS
            )
        stack.push_async_callback(made.close)
        yield made


@contextmanager
def firewall(house, rule):
    """Let the house's router drop what `rule` says, on the way out."""
    chain = f"type filter hook forward priority 0; policy accept;\niifname inside {rule} drop"
    house.nat.nft(f"table ip shut {{\nchain out {{\n{chain}\n}}\n}}\n")
    try:
        yield
    finally:
        house.nat.nft("delete table ip shut\n")


def coturn(net, program, folder):
    """Start coturn in the room, with a shared secret and no accounts."""
    command = [
        program("turnserver"),
        *("-n", "--no-cli", "--no-tls", "--no-dtls", "--realm", "varco.example"),
        *("--listening-ip", TURN[0], "--listening-port", str(TURN[1]), "--relay-ip", TURN[0]),
        *("--use-auth-secret", "--static-auth-secret", SECRET, "--log-file", "stdout"),
        *("--userdb", str(folder / "turndb"), "--pidfile", str(folder / "turn.pid")),
    ]
    with (folder / "turn.log").open("wb") as log, net.room.inside():
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)


@asynccontextmanager
async def turn_server(net, program, folder):
    """A running coturn; yields what gives credentials for it."""
    process = coturn(net, program, folder)
    try:
        await until(lambda: listens(net))
        options = TurnOptions((f"turn:{TURN[0]}:{TURN[1]}?transport=udp",), "unused", 600)
        yield TurnServers(options, SECRET, SystemClock())
    finally:
        process.terminate()
        process.wait(20)


def listens(net):
    """Whether the server answers a Binding request."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    with net.room.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        with contextlib.suppress(OSError):
            sock.sendto(bytes(request), TURN)
            return bool(sock.recv(2000))
    return False


@asynccontextmanager
async def watching(net, browser, coded, servers=None):
    """A media process in the room, and a page in the house that reaches it by WHEP."""
    opened = []

    async with contextlib.AsyncExitStack() as stack:
        with net.room.inside():
            entering = playing(coded, bind=("0.0.0.0", 0), candidates=(ROOM_ADDRESS,))
            media, camera, ends = await stack.enter_async_context(entering)

        async def whep(route):
            request = route.request
            if request.method == "OPTIONS":
                links = ice_links(SimpleNamespace(ice_servers=servers))
                await route.fulfill(status=204, headers=links)
            elif request.method == "PATCH":
                answer = media.patch(opened[-1].session, request.post_data)
                await route.fulfill(status=200, body=answer.sdp)
            elif request.post_data.count("m=video") > 1:
                opened.append(await media.open_wall("u1", request.post_data))
                for mid in opened[-1].mids:
                    look = grant(identifier=f"tile{mid}")
                    media.play(opened[-1].session, mid, look, camera.source)
                await route.fulfill(status=201, body=opened[-1].sdp)
            else:
                opened.append(await media.open(grant(), request.post_data, camera.source))
                await route.fulfill(status=201, body=opened[-1].sdp)

        async def page_request(route):
            await route.fulfill(content_type="text/html", body=NETWORK_PAGE)

        page = await browser.new_page()
        stack.push_async_callback(page.close)
        await page.route("https://varco.test/", page_request)
        await page.route("https://varco.test/whep", whep)
        await page.goto("https://varco.test/")
        yield page, media, ends


async def shows(page):
    """Wait for the camera's pixels."""
    return await until_shown(page, lambda _, error: error < COLOUR_TOLERANCE, 60.0)


async def test_through_turn_alone(net, program, browser, coded, tmp_path):
    """A network that lets nothing out but the TURN port: the picture comes over coturn."""
    async with turn_server(net, program, tmp_path) as servers:
        with firewall(net.houses[0], f"meta l4proto {{ tcp, udp }} th dport != {TURN[1]}"):
            async with watching(net, browser, coded, servers) as (page, media, _):
                await page.evaluate("connect('relay')")
                await shows(page)
                assert (await page.evaluate("pair()"))["type"] == "relay"
                await until(lambda: media.sessions()[0].frames > 25)


async def test_a_wall_through_turn_alone(net, program, browser, coded, tmp_path):
    """Sixteen tiles share one allocation; one that is revoked goes dark by itself."""
    async with turn_server(net, program, tmp_path) as servers:
        with firewall(net.houses[0], f"meta l4proto {{ tcp, udp }} th dport != {TURN[1]}"):
            async with watching(net, browser, coded, servers) as (page, media, ends):
                await page.evaluate("connect('relay', 16)")
                await shows(page)
                assert (await page.evaluate("pair()"))["type"] == "relay"
                await until(lambda: all(one.frames > 25 for one in media.sessions()), 60)
                first, *others = media.sessions()
                assert len(others) == 15
                media.close(first.session, "left")
                await until(lambda: ends)
                before = {one.session: one.frames for one in media.sessions()}
                await until(
                    lambda: all(one.frames > before[one.session] + 25 for one in media.sessions()),
                    60,
                )


async def test_tcp_where_udp_is_blocked(net, browser, coded):
    """A network without UDP: the picture comes over a TCP connection to the same port."""
    with firewall(net.houses[0], "meta l4proto udp"):
        async with watching(net, browser, coded) as (page, media, _):
            await page.evaluate("connect('all')")
            await shows(page)
            assert (await page.evaluate("pair()"))["protocol"] == "tcp"
            await until(lambda: media.sessions()[0].frames > 25)


async def test_a_restart_after_a_change_of_network(net, browser, coded):
    """The house gets another address, the player restarts ICE: the picture goes on."""
    async with watching(net, browser, coded) as (page, media, ends):
        await page.evaluate("connect('all')")
        await shows(page)
        before = await page.evaluate("pair()")
        net.houses[0].change_address(77)
        assert await page.evaluate("restart()") == 200
        frames = media.sessions()[0].frames
        await until(lambda: media.sessions()[0].frames > frames + 25)
        first, _ = await shows(page)
        await until_shown(page, lambda index, error: error < COLOUR_TOLERANCE and index != first)
        after = await page.evaluate("pair()")
        assert (after["protocol"], before["protocol"]) == ("udp", "udp")
        assert after["ufrag"] == media.etag(media.sessions()[0].session) != before["ufrag"]
        assert ends == []
