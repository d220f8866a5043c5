# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ingest on networks that lose packets, and with cameras that die: each in a namespace of its own.

nftables drops what the test says; camera and puller are processes of their own in there.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from gateway.model.media import AccessUnit, Codec
from tests.conftest import missing
from tests.goldens import pictures
from tests.peers import own_camera
from tests.peers.pulled import PATIENCE_S, PROMPT_S

pytestmark = pytest.mark.peer
ROOT = Path(__file__).parents[2]
PORT = 18_554
NAME = "x264-320x180.h264"
LOSS = "meta length > 100 numgen random mod 100 < 3 drop"
SLICED = "x264-320x180-slices.h264"


class Network:
    """A network namespace with a loopback, and a table of rules."""

    def __init__(self, ip, nft):
        self._ip, self._nft = ip, nft
        self.name = f"varco-test-{os.getpid()}"

    def run(self, *words):
        done = subprocess.run(
            [self._ip, *words], capture_output=True, text=True, check=False, timeout=20
        )
        if done.returncode:
            missing(f"network namespaces ({' '.join(words)}: {done.stderr.strip()})")

    def inside(self, *words):
        return (self._ip, "netns", "exec", self.name, *words)

    def rule(self, text):
        """Add a rule to what goes out on the loopback."""
        subprocess.run(
            self.inside(self._nft, "add", "rule", "inet", "t", "out", *text.split()),
            check=True,
            timeout=20,
        )

    def open(self):
        """Drop nothing any more."""
        subprocess.run(self.inside(self._nft, "flush", "chain", "inet", "t", "out"), check=True)

    def __enter__(self):
        self.run("netns", "add", self.name)
        self.run("netns", "exec", self.name, self._ip, "link", "set", "lo", "up")
        self.run("netns", "exec", self.name, self._nft, "add", "table", "inet", "t")
        chain = "{ type filter hook output priority 0; }"
        self.run("netns", "exec", self.name, self._nft, "add", "chain", "inet", "t", "out", chain)
        return self

    def __exit__(self, *_):
        self.run("netns", "delete", self.name)


@pytest.fixture
def network(program):
    """A network of the test's own; needs root, nft and ip."""
    with Network(program("ip"), program("nft")) as made:
        yield made


@contextlib.asynccontextmanager
async def process(network, *words):
    """A Python program in the network; killed at the end."""
    made = await asyncio.create_subprocess_exec(
        *network.inside(sys.executable, "-m", *words), cwd=ROOT, stdin=-1, stdout=-1
    )
    try:
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            made.kill()
        await made.wait()
        made._transport.close()


@contextlib.asynccontextmanager
async def camera(network, name=NAME, program="tests.virtual_camera"):
    """Our own server with a golden stream, or a scene of some codec, once it serves."""
    async with process(network, program, str(PORT), name) as made:
        async with asyncio.timeout(PATIENCE_S):
            assert (await made.stdout.readline()).startswith(b"ready")
        yield made


class Puller:
    """The puller's process, and what it says."""

    def __init__(self, made, path):
        self._made, self._path = made, path
        self.problems = []

    async def line(self):
        line = await self._made.stdout.readline()
        assert line, "the puller ended"
        found = json.loads(line)
        if found["kind"] == "state":
            self.problems.append(found["problem"])
        return found

    async def until_state(self, state, within_s=PATIENCE_S):
        async with asyncio.timeout(within_s):
            while True:
                found = await self.line()
                if found["kind"] == "state" and found["state"] == state:
                    return found

    async def figures(self):
        self._made.stdin.write(b"\n")
        while (found := await self.line())["kind"] != "figures":
            pass
        return found

    async def until_units(self, count, within_s=60):
        async with asyncio.timeout(within_s):
            while (found := await self.figures())["units"] < count:
                await asyncio.sleep(0.05)
        return found

    async def until_lossy(self, units, lost):
        """Wait for so many pictures, and for so many packets and pictures lost."""
        async with asyncio.timeout(3 * PATIENCE_S):
            while True:
                found = await self.until_units(units)
                if min(found["lost_packets"], found["lost_units"]) >= lost:
                    return found
                await asyncio.sleep(0.05)

    async def units(self):
        """End it; return what it published."""
        self._made.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            await self._made.wait()
        return pickle.loads(self._path.read_bytes())


@contextlib.asynccontextmanager
async def puller(network, path, transport, url=f"rtsp://127.0.0.1:{PORT}/live"):
    async with process(network, "tests.peers.pull_session", url, transport, str(path)) as made:
        yield Puller(made, path)


def pixels(nals, decoder):
    packet = av.Packet(b"".join(b"\0\0\0\1" + nal for nal in nals))
    return [
        hashlib.sha256(one.to_ndarray(format="yuv420p").tobytes()).hexdigest()
        for one in decoder.decode(packet)
    ]


def truth(name):
    """Return the fingerprint of each picture of a golden."""
    decoder = av.CodecContext.create("h264", "r")
    coded = [one for nals in pictures(name) * 2 for one in pixels(nals, decoder)]
    return dict(zip(map(needed, pictures(name)), coded, strict=False))


def needed(nals):
    """Return what pixels depend on: a key picture may have lost its SEI, and is whole without."""
    return tuple(nal for nal in nals if nal[0] & 31 != 6)


def are_true(units, name):
    """Decode what was published, each group from its key picture on; return whether all is true."""
    known, decoder = truth(name), av.CodecContext.create("h264", "r")
    for is_key, nals, _ in units:
        if is_key:
            decoder = av.CodecContext.create("h264", "r")
        if pixels(nals, decoder) != [known[needed(nals)]]:
            return False
    return True


async def test_three_percent_loss_costs_pictures_and_never_pixels(network, tmp_path):
    """Over UDP: what is lost is counted; not one published picture differs from the encoder's."""
    network.rule(f"udp sport != 53 {LOSS}")
    async with camera(network), puller(network, tmp_path / "units", "udp") as pulled:
        figures = await pulled.until_lossy(100, lost=4)
        units = await pulled.units()
    assert figures["transport"] == "RTP/UDP"
    assert len(units) >= 100
    assert units[0][0]
    assert are_true(units, NAME)


@pytest.mark.parametrize("codec", [Codec.H265, Codec.JPEG])
async def test_the_same_loss_costs_other_codecs_no_pixels_either(network, tmp_path, codec):
    """H.265 goes on at a key picture, motion JPEG at the next one that is whole."""
    network.rule(f"udp sport != 53 {LOSS}")
    one = camera(network, codec.value, "tests.peers.own_camera")
    async with one, puller(network, tmp_path / "units", "udp") as pulled:
        await pulled.until_lossy(2 * own_camera.PICTURES, lost=4)
        units = await pulled.units()
    moment = own_camera.source(codec)[0].captured
    own_camera.check([AccessUnit(0, key, nals, moment, moment, codec) for key, nals, _ in units])


async def test_loss_does_not_hurt_tcp(network, tmp_path):
    """The same loss under TCP: every picture arrives."""
    network.rule(f"tcp sport {PORT} {LOSS}")
    async with camera(network), puller(network, tmp_path / "units", "tcp") as pulled:
        figures = await pulled.until_units(90)
        units = await pulled.units()
    assert figures["lost_packets"] == 0
    assert are_true(units, NAME)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_peer_that_vanishes_without_a_word_is_noticed_and_back(
    network, tmp_path, transport
):
    """Half-open: no FIN, no reset; the stall ends it, and pictures come back."""
    async with camera(network), puller(network, tmp_path / "units", transport) as pulled:
        await pulled.until_units(30)
        cut_s = (await pulled.figures())["at_s"]
        network.rule("drop")
        stalled = await pulled.until_state("stalled")
        assert stalled["at_s"] - cut_s < PROMPT_S
        assert "no picture for 2 s" in stalled["problem"]
        await pulled.until_state("unreachable")
        network.open()
        live = await pulled.until_state("live")
        units_before = (await pulled.figures())["units"]
        await pulled.until_units(units_before + 20)
        units = await pulled.units()
    assert live["problem"] == ""
    assert are_true(units, NAME)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_camera_that_comes_back_with_another_stream_is_followed(
    network, tmp_path, transport
):
    """Killed and replaced: new SSRC, other parameter sets and slices; all pictures are true."""
    async with puller(network, tmp_path / "units", transport) as pulled:
        async with camera(network) as first:
            await pulled.until_units(30)
            first.kill()
            await first.wait()
        async with camera(network, SLICED):
            count = (await pulled.figures())["units"]
            await pulled.until_units(count + 30)
            units = await pulled.units()
    new = set(pictures(SLICED))
    at = next(index for index, unit in enumerate(units) if unit[1] in new)
    assert units[at][0]
    assert are_true(units[:at], NAME)
    assert are_true(units[at:], SLICED)


async def test_a_stopped_camera_is_noticed_and_goes_on(network, tmp_path):
    """SIGSTOP is a stall; after SIGCONT there are pictures again, and soon."""
    async with camera(network) as made, puller(network, tmp_path / "units", "udp") as pulled:
        await pulled.until_units(30)
        os.kill(made.pid, signal.SIGSTOP)
        await pulled.until_state("stalled")
        os.kill(made.pid, signal.SIGCONT)
        going_s = asyncio.get_running_loop().time()
        live = await pulled.until_state("live")
        assert live["at_s"] - going_s < PROMPT_S
        assert are_true(await pulled.units(), NAME)
