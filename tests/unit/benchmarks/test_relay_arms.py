# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the relay's benchmark feeds its arms and reads its screen."""

import argparse
import asyncio
import re

import numpy as np
import pytest

from benchmarks.lab import counted, relay_arms, relay_camera, relay_screen, relay_whep
from gateway.model.errors import PeerError
from gateway.simulator import paint
from gateway.wire import rtp


def picture(*sizes):
    return tuple(bytes((0x65,)) + bytes(n % 251 + 1 for n in range(size)) for size in sizes)


def test_the_plain_feed_is_what_the_camera_took():
    """Numbered on from any number; the last packet has the marker; every byte is there."""
    made = [rtp.parse(one) for one in relay_camera.packets(picture(3000, 10), 90_000, 65_535)]
    assert [one.sequence for one in made] == [65_535, 0, 1, 2]
    assert [one.marker for one in made] == [False, False, False, True]
    assert max(len(one.payload) for one in made) <= relay_camera.PAYLOAD_BYTES
    assert sum(len(one.payload) for one in made) > 3010
    assert relay_arms.sizes_of([picture(3000, 10), picture(5)], 1188) == [4, 1]


def test_what_was_due_is_counted_by_pictures():
    """A window holds the pictures taken after its begin, up to its end; the loop goes round."""
    sizes = [100] + [1] * 49
    assert relay_arms.due(10.0, 11.0, 13.0, sizes) == 100 + 49
    assert relay_arms.due(10.0, 10.99, 11.99, [1] * 50) == 25
    assert relay_arms.due(10.0, 10.98, 11.06, [1] * 50) == 2


@pytest.mark.parametrize("moment_s", [10.0, 10.99, 11.0, 11.01, 17.3])
def test_windows_begin_between_two_key_pictures(moment_s):
    """A key picture at the edge would be a tenth of what is counted."""
    at_s = relay_arms.quiet_after(10.0, moment_s)
    assert moment_s <= at_s < moment_s + 2.0
    assert (at_s - 10.0) % 2.0 == pytest.approx(1.0)


def test_janus_is_tuned_and_serves_nothing_else(tmp_path):
    """Two event loops; all plugins but streaming are off; the mountpoint takes our feed."""
    for name in ("plugins/libjanus_streaming.so", "plugins/libjanus_sip.so",
                 "transports/libjanus_http.so", "transports/libjanus_mqtt.so"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    files = relay_arms.janus_configuration(tmp_path, tmp_path / "etc")
    assert "event_loops = 2" in files["janus.jcfg"]
    assert re.findall(r'disable = "(.*?)"', files["janus.jcfg"]) == [
        "libjanus_sip.so", "libjanus_mqtt.so",
    ]  # fmt: skip
    assert f"videoport = {relay_arms.FEED_PORT}" in files["janus.plugin.streaming.jcfg"]


def test_a_peer_that_is_not_there_is_named(monkeypatch):
    """It is skipped with the reason, never run as something else."""
    monkeypatch.delenv(relay_arms.GO2RTC, raising=False)
    with pytest.raises(relay_arms.ArmError, match="VARCO_GO2RTC"):
        relay_arms.go2rtc(argparse.Namespace(), None)
    monkeypatch.setattr("shutil.which", lambda *_: None)
    for start in (relay_arms.janus, relay_arms.datachannel):
        with pytest.raises(relay_arms.ArmError, match="not installed"):
            start(argparse.Namespace(), None)


def test_the_screen_reads_what_the_film_says():
    """The strip's sixteen bits as `counted.mark` paints them; anything else is illegible."""
    block_px = 640 * paint.STRIP_BLOCK_PX / paint.WIDTH
    for number in (0, 7, 499):
        luma = np.full((360, 640), 90, np.uint8)
        counted.mark(luma, number)
        bits = [int(luma[-1, int((bit + 0.5) * block_px)] > 128) for bit in range(16)]
        value = int("".join(map(str, bits)), 2)
        assert relay_screen.number_of(value) == number
        assert relay_screen.number_of(value ^ 1) is None
    assert relay_screen.number_of(-1) is None
    assert relay_screen.age_of(50, 100.0, 102.3) == pytest.approx(0.3)


async def test_offers_are_answered_over_http():
    """An answer or, where there is none, the reason."""

    async def answer(offer):
        if offer == "no":
            raise PeerError("refused")
        return offer.upper()

    async with relay_whep.whep("127.0.0.1", 0, answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for offer, status in (("v=0", b"201"), ("no", b"503")):
            writer.write(f"POST / HTTP/1.1\r\nContent-Length: {len(offer)}\r\n\r\n{offer}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.split()[1] == status
            body = await reader.readexactly(relay_whep.length_of(head))
            assert body == (b"V=0" if offer == "v=0" else b"refused")
        writer.close()
        await writer.wait_closed()
    assert relay_whep.length_of(b"Content-Length: x\r\n") == 0
