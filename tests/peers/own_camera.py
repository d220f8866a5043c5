# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our own RTSP server with a scene of any codec, and documents beside it, in a loop.

Run as a program (`python -m tests.peers.own_camera PORT CODEC`) it is a camera in a process of its
own; it prints `ready PORT`.
"""

import asyncio
import contextlib
import sys
from dataclasses import replace

from gateway.model.media import Codec, MetadataDocument
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import Documents, Mount, Service, serve
from tests.footage import scene
from tests.goldens import golden
from tests.peers.pulled import decoded, groups
from tests.virtual_camera import USERS

PICTURES, GOP, RATE_HZ = 25, 5, 50.0
SETS = {
    Codec.H264: lambda nal: nal[0] & 31 in (7, 8),
    Codec.H265: lambda nal: nal[0] >> 1 & 63 in (32, 33, 34),
    Codec.JPEG: lambda nal: False,
}
FRAME = golden("varco-metadata-motion.xml")


def source(codec):
    """Return the pictures of the scene."""
    return scene(PICTURES, gop=GOP, visits=range(PICTURES), codec=codec)


def document(number):
    """Return a document: every third does not fit into one packet."""
    padding = b"<!-- %d %s -->" % (number, b"x" * (4000 if number % 3 == 0 else 7))
    return FRAME.rstrip() + padding


async def show(fanout, documents, codec, clock):
    """Publish for ever; timestamps go on across loops."""
    pictures, began_s, index = source(codec), clock.monotonic_s(), 0
    while True:
        now, pts_90k = clock.now(), round(index * 90_000 / RATE_HZ)
        unit = replace(pictures[index % PICTURES], pts_90k=pts_90k, captured=now, received=now)
        fanout.publish(unit)
        if index % GOP == 0:
            documents.publish(MetadataDocument(document(index // GOP), now, now))
        index += 1
        await clock.sleep(max(0.0, began_s + index / RATE_HZ - clock.monotonic_s()))


@contextlib.asynccontextmanager
async def own_camera(codec, *, port=0, service=None):
    """Serve one scene at /live; yields the port."""
    clock, fanout, documents = SystemClock(), Fanout(), Documents()
    sets = tuple(filter(SETS[codec], source(codec)[0].nals))
    mounts = {"live": Mount(fanout, sets, codec, documents)}
    task = asyncio.create_task(show(fanout, documents, codec, clock))
    try:
        async with serve(
            "127.0.0.1", port, mounts, credentials=USERS, clock=clock, service=service or Service()
        ) as bound:
            yield bound
    finally:
        task.cancel()


def check(units):
    """Decode from each key unit on: every picture is the one that was coded, in its order.

    Returns how many different pictures were seen.
    """
    truth = decoded(source(units[0].codec))
    assert len(set(truth)) == PICTURES
    seen = set()
    for group in groups(units):
        ours = decoded(group)
        assert len(ours) == len(group)
        at = truth.index(ours[0])
        assert at % GOP == 0 or units[0].codec is Codec.JPEG
        assert ours == truth[at : at + len(ours)]
        seen |= set(ours)
    return len(seen)


async def main():
    """Serve until killed."""
    async with own_camera(Codec(sys.argv[2]), port=int(sys.argv[1])) as port:
        print("ready", port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
